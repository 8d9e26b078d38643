"""The Poseidon permutation over the BN254 scalar field, with circomlib's parameters.

Round constants and matrices are not stored: the Grain generator of the Poseidon paper makes them, as it made
circomlib's. A test compares them with the constants of circomlib itself.

References: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge Proof
Systems", USENIX Security 2021, sections 2.3 (permutation), 4.2 (domain separation), appendix F (Grain generator).
"""

from __future__ import annotations

from collections.abc import Sequence
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


def permute(state: Sequence[int]) -> list[int]:
    """Return the permuted state; `state` holds 2 … 17 field elements.

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


def compress_block(capacity: int, block: Sequence[int]) -> int:
    """Return the first element of the permutation of (`capacity`, `block`); a block has 1 … 16 elements.

    With capacity 0 this is circomlib's ``Poseidon(n)``.

    Notes
    -----
    Circuit twin: circomlib/circuits/poseidon.circom:PoseidonEx(n, 1) with ``initialState`` = capacity.
    """
    return permute([capacity, *block])[0]
