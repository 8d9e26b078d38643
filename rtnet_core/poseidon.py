"""The Poseidon permutation over the BN254 scalar field, with circomlib's parameters.

Round constants and matrices are not stored: the Grain generator of the Poseidon paper makes them, as it made
circomlib's. A test compares them with the constants of circomlib itself.

References: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge Proof
Systems", USENIX Security 2021, sections 2.3 (permutation), 4.2 (domain separation), appendix F (Grain generator).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from operator import mul
from typing import Final

from rtnet_core.limits import FIELD_MODULUS

FULL_ROUNDS: Final = 8
#: Partial rounds for a state of t = 2 … 17 elements (circomlib `N_ROUNDS_P`).
PARTIAL_ROUNDS: Final = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)
#: Most elements one permutation absorbs beside its capacity element.
MAX_INPUTS: Final = 16

#: Elements from which on it pays to unroll the partial rounds.
_UNROLLED_FROM: Final = 8
_FIELD_BITS: Final = 254
_GRAIN_BITS: Final = 80
_GRAIN_TAPS: Final = (62, 51, 38, 23, 13, 0)
_GRAIN_WARM_UP: Final = 160
_TRUTH: Final = bytes.maketrans(b"01", b"\x00\x01")


def _grain_stream(width: int, partial_rounds: int, length: int) -> str:
    """Return the first `length` bits of the Grain generator for one Poseidon instance, as text of 0 and 1.

    Bit i + 80 is the exclusive or of bits i + tap. Squaring that relation over GF(2) doubles every distance, so a
    stream of 80·2^k bits can grow by 18·2^k bits at a time.
    """
    header = (
        (1, 2),
        (0, 4),
        (_FIELD_BITS, 12),
        (width, 12),
        (FULL_ROUNDS, 10),
        (partial_rounds, 10),
        ((1 << 30) - 1, 30),
    )
    first = "".join(format(value, f"0{bits}b") for value, bits in header)
    stream, known = int(first[::-1], 2), _GRAIN_BITS  # bit i of the integer is the generator's bit i
    while known < length:
        scale = 1 << ((known // _GRAIN_BITS).bit_length() - 1)
        fresh = (_GRAIN_BITS - _GRAIN_TAPS[0]) * scale
        window = stream >> (known - _GRAIN_BITS * scale)
        grown = 0
        for tap in _GRAIN_TAPS:
            grown ^= window >> (tap * scale)
        stream |= (grown & ((1 << fresh) - 1)) << known
        known += fresh
    return format(stream, f"0{known}b")[::-1][:length]


def _grain_bits(width: int, partial_rounds: int, count: int) -> str:
    """Return the first `count` filtered bits: after seed and warm-up, of each pair the second where the first is 1."""
    skipped = _GRAIN_BITS + _GRAIN_WARM_UP
    length = skipped + 4 * count
    while True:
        stream = _grain_stream(width, partial_rounds, length)[skipped:].encode("ascii")
        filtered = bytes(compress(stream[1::2], stream[0::2].translate(_TRUTH)))
        if len(filtered) >= count:
            return filtered[:count].decode("ascii")
        length += length // 16 & ~1


@cache
def parameters(width: int) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    """Return (round constants by round, matrix by row) for a state of `width` elements, 2 … 17."""
    partial_rounds = PARTIAL_ROUNDS[width - 2]
    wanted = (FULL_ROUNDS + partial_rounds) * width
    draws = wanted * 3 // 2 + 2 * width  # about a quarter is not below the modulus; the last ones make the matrix
    bits = _grain_bits(width, partial_rounds, draws * _FIELD_BITS)
    numbers = [int(bits[start : start + _FIELD_BITS], 2) for start in range(0, len(bits), _FIELD_BITS)]
    constants: list[int] = []
    drawn = 0
    while len(constants) < wanted:
        if numbers[drawn] < FIELD_MODULUS:
            constants.append(numbers[drawn])
        drawn += 1
    points = [number % FIELD_MODULUS for number in numbers[drawn : drawn + 2 * width]]
    matrix = tuple(
        tuple(pow(x + y, -1, FIELD_MODULUS) for y in points[width:]) for x in points[:width]
    )  # a Cauchy matrix: every square part of it is invertible
    rounds = tuple(tuple(constants[i : i + width]) for i in range(0, len(constants), width))
    return rounds, matrix


@dataclass(frozen=True, slots=True)
class _PartialRounds:
    """The partial rounds of one width unrolled: in each of them the box changes the first element alone.

    With d_j what the box adds to the first element in partial round j, e the first unit vector and x the state before
    them, the first element of round n's input is e·M^n x + sum over j < n of (e·M^(n-j) e) d_j plus a constant, and the
    state behind all P rounds is M^P x + sum over j of M^(P-j) e d_j plus constants.

    Attributes
    ----------
    rows
        e·M^n for n = 0 … P-1.
    kernel
        e·M^k e for k = P-1 … 1: the last n of them stand before d_0 … d_(n-1).
    shifts
        The constants of each round's first element, P of them.
    last
        Rows of M^P, each followed by its elements of M^(P-j) e for every j.
    last_shifts
        The constants behind the rounds, one for each element.
    """

    rows: tuple[tuple[int, ...], ...]
    kernel: tuple[int, ...]
    shifts: tuple[int, ...]
    last: tuple[tuple[int, ...], ...]
    last_shifts: tuple[int, ...]


def _times(matrix: Sequence[Sequence[int]], vector: Sequence[int]) -> tuple[int, ...]:
    return tuple(sum(map(mul, row, vector)) % FIELD_MODULUS for row in matrix)


@cache
def _partial_rounds(width: int) -> _PartialRounds:
    constants, matrix = parameters(width)
    count = PARTIAL_ROUNDS[width - 2]
    first = FULL_ROUNDS // 2
    unit = (1,) + (0,) * (width - 1)
    transposed = tuple(zip(*matrix, strict=True))
    rows, columns = [unit], [unit]
    state, shifts = (0,) * width, []
    for number in range(count):
        rows.append(_times(transposed, rows[-1]))
        columns.append(_times(matrix, columns[-1]))
        state = tuple(map(int.__add__, state, constants[first + number]))
        shifts.append(state[0] % FIELD_MODULUS)
        state = _times(matrix, state)
    powers = [tuple(int(i == j) for j in range(width)) for i in range(width)]
    for bit in f"{count:b}":
        powers = _product(powers, powers)
        if bit == "1":
            powers = _product(powers, matrix)
    tails = zip(*columns[count:0:-1], strict=True)
    return _PartialRounds(
        rows=tuple(rows[:count]),
        kernel=tuple(column[0] for column in columns[count - 1 : 0 : -1]),
        shifts=tuple(shifts),
        last=tuple((*row, *tail) for row, tail in zip(powers, tails, strict=True)),
        last_shifts=state,
    )


def _product(left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    columns = tuple(zip(*right, strict=True))
    return [_times(columns, row) for row in left]


def permute(state: Sequence[int]) -> list[int]:
    """Return the permuted state; `state` holds 2 … 17 field elements.

    Notes
    -----
    Circuit twin: circomlib/circuits/poseidon.circom:PoseidonEx (all outputs).
    """
    width = len(state)
    if width < _UNROLLED_FROM:
        return permute_plainly(state)
    rounds, matrix = parameters(width)
    half = FULL_ROUNDS // 2
    for constants in rounds[:half]:
        state = _full_round(state, constants, matrix)
    state = _all_partial_rounds(state, _partial_rounds(width))
    for constants in rounds[-half:]:
        state = _full_round(state, constants, matrix)
    return list(state)


def permute_plainly(state: Sequence[int]) -> list[int]:
    """Return the permuted state, round by round as the paper has it: the twin of `permute`, and faster on few elements.

    Notes
    -----
    Circuit twin: circomlib/circuits/poseidon.circom:PoseidonEx (all outputs).
    """
    width = len(state)
    rounds, matrix = parameters(width)
    first_partial = FULL_ROUNDS // 2
    last_partial = len(rounds) - FULL_ROUNDS // 2
    for number, constants in enumerate(rounds):
        boxed = [element + constant for element, constant in zip(state, constants, strict=True)]
        boxes = 1 if first_partial <= number < last_partial else width
        for i in range(boxes):
            square = boxed[i] * boxed[i] % FIELD_MODULUS
            boxed[i] = square * square % FIELD_MODULUS * boxed[i] % FIELD_MODULUS
        state = [sum(map(mul, row, boxed)) % FIELD_MODULUS for row in matrix]
    return list(state)


def _full_round(state: Sequence[int], constants: Sequence[int], matrix: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return _times(matrix, [_box(element + constant) for element, constant in zip(state, constants, strict=True)])


def _all_partial_rounds(state: Sequence[int], rounds: _PartialRounds) -> tuple[int, ...]:
    added: list[int] = []
    start = len(rounds.kernel)
    for row, shift in zip(rounds.rows, rounds.shifts, strict=True):
        carried = sum(map(mul, rounds.kernel[start:], added))
        element = (sum(map(mul, row, state)) + carried + shift) % FIELD_MODULUS
        added.append(_box(element) - element)
        start -= 1
    mixed = _times(rounds.last, (*state, *added))
    return tuple((element + shift) % FIELD_MODULUS for element, shift in zip(mixed, rounds.last_shifts, strict=True))


def _box(element: int) -> int:
    square = element * element % FIELD_MODULUS
    return square * square % FIELD_MODULUS * element % FIELD_MODULUS


def compress_block(capacity: int, block: Sequence[int]) -> int:
    """Return the first element of the permutation of (`capacity`, `block`); a block has 1 … 16 elements.

    With capacity 0 this is circomlib's ``Poseidon(n)``.

    Notes
    -----
    Circuit twin: circuits/lib/poseidon_permutation.circom:PoseidonPermutation, circomlib's PoseidonEx(n, 1).
    """
    return permute([capacity, *block])[0]
