"""Scalars and points that follow from a seed, in the way of snarkjs: whoever checks a contribution derives them again.

The stream is that of ChaCha20 (RFC 8439) with the seed's first 32 bytes as eight big-endian words of key, nonce and
counter beginning at 0. Numbers drawn from it are taken for Montgomery forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from verifier.ceremony.sums import g2_sum
from verifier.points import BASE_MODULUS, SCALAR_MODULUS, G1Point, G2Point
from verifier.subgroup import Fq2

_Q: Final = BASE_MODULUS
_HALF: Final = (_Q - 1) // 2
_COFACTOR: Final = 2 * _Q - SCALAR_MODULUS
_CONSTANTS: Final = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)  # "expand 32-byte k"
_WORD: Final = 0xFFFFFFFF
_COLUMNS: Final = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
_DIAGONALS: Final = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


class Seeded:
    """Draws scalars and points from a seed of at least 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        self._words = _words(seed)

    def scalar(self) -> int:
        """Return the next scalar."""
        return self._below(SCALAR_MODULUS)

    def g1(self) -> G1Point:
        """Return the next point of G1."""
        while True:
            x = self._below(_Q)
            upper = next(self._words) & 1
            y = _root((x * x * x + 3) % _Q)
            if y is not None:
                return x, y if (y > _HALF) == upper else -y % _Q

    def g2(self) -> G2Point:
        """Return the next point of G2: a point of the twist times the cofactor."""
        while True:
            x = self._below(_Q), self._below(_Q)
            upper = next(self._words) & 1
            cube = _mul(_mul(x, x), x)
            y = _root_fq2(((cube[0] + _TWIST_B[0]) % _Q, (cube[1] + _TWIST_B[1]) % _Q))
            if y is None:
                continue
            if ((y[1] or y[0]) > _HALF) != upper:
                y = -y[0] % _Q, -y[1] % _Q
            point = g2_sum([_COFACTOR], [(x, y)])
            if point is not None:
                return point

    def _below(self, modulus: int) -> int:
        """Return the number whose Montgomery form are the next 254 bits; too large ones are passed over."""
        while True:
            limbs = [next(self._words) << 32 | next(self._words) for _ in range(4)]
            value = sum(limb << (64 * place) for place, limb in enumerate(limbs)) & ((1 << 254) - 1)
            if value < modulus:
                return value * pow(1 << 256, -1, modulus) % modulus


def _words(seed: bytes) -> Iterator[int]:
    key = [int.from_bytes(seed[at : at + 4], "big") for at in range(0, 32, 4)]
    for counter in range(1 << 32):
        start = [*_CONSTANTS, *key, counter, 0, 0, 0]
        block = list(start)
        for _ in range(10):
            for quarter in _COLUMNS + _DIAGONALS:
                _quarter_round(block, *quarter)
        yield from ((word + first) & _WORD for word, first in zip(block, start, strict=True))


def _quarter_round(block: list[int], a: int, b: int, c: int, d: int) -> None:
    for to, by, mixed, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        block[to] = (block[to] + block[by]) & _WORD
        turned = block[mixed] ^ block[to]
        block[mixed] = (turned << bits | turned >> (32 - bits)) & _WORD


def _root(value: int) -> int | None:
    """Return a square root in the base field, whose order is 3 modulo 4; None where there is none."""
    root = pow(value, (_Q + 1) // 4, _Q)
    return root if root * root % _Q == value else None


def _root_fq2(value: Fq2) -> Fq2 | None:
    """Return a square root in the quadratic extension, None where there is none.

    With the norm n = a^2 + b^2 = s^2, the real part of a root of a + b*i is a root of (a + s)/2 or of (a - s)/2.
    """
    a, b = value
    norm_root = _root((a * a + b * b) % _Q)
    if norm_root is None:
        return None
    half = (_Q + 1) // 2
    for sign in (1, -1):
        real = _root((a + sign * norm_root) * half % _Q)
        if real:
            return real, b * pow(2 * real, -1, _Q) % _Q
    imaginary = _root(-a % _Q)  # b = 0 and a is no square: a = -imaginary^2
    return None if imaginary is None else (0, imaginary)


def _mul(a: Fq2, b: Fq2) -> Fq2:
    return (a[0] * b[0] - a[1] * b[1]) % _Q, (a[0] * b[1] + a[1] * b[0]) % _Q


def _inverse(a: Fq2) -> Fq2:
    scale = pow(a[0] * a[0] + a[1] * a[1], -1, _Q)
    return a[0] * scale % _Q, -a[1] * scale % _Q


#: The constant of the twist: y^2 = x^3 + 3 / (9 + i).
_TWIST_B: Final = _mul((3, 0), _inverse((9, 1)))
