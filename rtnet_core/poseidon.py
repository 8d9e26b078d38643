"""The Poseidon permutation over the BN254 scalar field, with circomlib's parameters.

Round constants and matrices are not stored: the Grain generator of the Poseidon paper makes them, as it made
circomlib's. A test compares them with the constants of circomlib itself.

References: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge Proof
Systems", USENIX Security 2021, sections 2.3 (permutation), 4.2 (domain separation), appendix F (Grain generator).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import compress, islice
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
_GRAIN_STEP: Final = _GRAIN_BITS - max(_GRAIN_TAPS)  # bits that depend on no other bit of the same step
_GRAIN_WARM_UP: Final = 160


def _grain_bits(width: int, partial_rounds: int) -> Iterator[int]:
    """Yield the filtered bits of the Grain generator: of each pair, the second where the first is 1."""
    header = (1, 2), (0, 4), (_FIELD_BITS, 12), (width, 12), (FULL_ROUNDS, 10), (partial_rounds, 10), ((1 << 30) - 1, 30)
    text = "".join(format(value, f"0{bits}b") for value, bits in header)
    register = int(text[::-1], 2)  # bit i of the integer is the generator's bit i
    mask = (1 << _GRAIN_STEP) - 1
    produced = 0
    pending: list[int] = []
    while True:
        fresh = 0
        for tap in _GRAIN_TAPS:
            fresh ^= register >> tap
        fresh &= mask
        register = register >> _GRAIN_STEP | fresh << (_GRAIN_BITS - _GRAIN_STEP)
        pending.extend(fresh >> i & 1 for i in range(_GRAIN_STEP))
        produced += _GRAIN_STEP
        if produced < _GRAIN_WARM_UP:
            continue
        if produced - _GRAIN_STEP < _GRAIN_WARM_UP:
            del pending[: len(pending) - (produced - _GRAIN_WARM_UP)]
        if len(pending) >= 4096 and len(pending) % 2 == 0:
            yield from compress(pending[1::2], pending[0::2])
            pending.clear()


def _take(bits: Iterator[int], count: int) -> int:
    return int("".join(map(str, islice(bits, count))), 2)


@lru_cache(maxsize=None)
def parameters(width: int) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    """Return (round constants by round, matrix by row) for a state of `width` elements, 2 … 17."""
    partial_rounds = PARTIAL_ROUNDS[width - 2]
    bits = _grain_bits(width, partial_rounds)
    constants: list[int] = []
    while len(constants) < (FULL_ROUNDS + partial_rounds) * width:
        candidate = _take(bits, _FIELD_BITS)
        if candidate < FIELD_MODULUS:
            constants.append(candidate)
    points = [_take(bits, _FIELD_BITS) % FIELD_MODULUS for _ in range(2 * width)]
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
