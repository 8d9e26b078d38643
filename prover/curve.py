"""BN254 in plain integers: the constants, point checks, and many multiples of one point at once.

An affine point of G1 is a pair of integers, one of G2 a pair of pairs ``(c0, c1)`` for c0 + c1 * u with u^2 = -1;
infinity is None. Nothing here runs in constant time: it serves development keys and tests.

References
----------
EIP-197, "Precompiled contracts for optimal ate pairing check on the elliptic curve alt_bn128": curve and generators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

#: Order of the field of coordinates.
BASE_MODULUS: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583

FieldPair = tuple[int, int]
G1Point = tuple[int, int]
G2Point = tuple[FieldPair, FieldPair]

G1_GENERATOR: Final[G1Point] = (1, 2)
G2_GENERATOR: Final[G2Point] = (
    (
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
    ),
    (
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
    ),
)

_P: Final = BASE_MODULUS
_Point = TypeVar("_Point")
_SCALAR_BITS: Final = 254


def fp2_mul(a: FieldPair, b: FieldPair) -> FieldPair:
    """Return a * b in the quadratic extension."""
    low, high = a[0] * b[0], a[1] * b[1]
    return (low - high) % _P, ((a[0] + a[1]) * (b[0] + b[1]) - low - high) % _P


def fp2_square(a: FieldPair) -> FieldPair:
    """Return a^2 in the quadratic extension."""
    return (a[0] + a[1]) * (a[0] - a[1]) % _P, 2 * a[0] * a[1] % _P


def fp2_inverse(a: FieldPair) -> FieldPair:
    """Return 1 / a in the quadratic extension; `a` must not be zero."""
    scale = pow(a[0] * a[0] + a[1] * a[1], -1, _P)
    return a[0] * scale % _P, -a[1] * scale % _P


#: The constant of the twist: y^2 = x^3 + 3 / (9 + u).
_TWIST_B: Final = fp2_mul((3, 0), fp2_inverse((9, 1)))


def on_g1(point: G1Point) -> bool:
    """Return whether both coordinates are reduced and y^2 = x^3 + 3; G1 is the whole curve."""
    x, y = point
    return 0 <= x < _P and 0 <= y < _P and (y * y - x * x * x - 3) % _P == 0


def on_twist(point: G2Point) -> bool:
    """Return whether all coordinates are reduced and the twist's equation holds; the subgroup is not checked."""
    x, y = point
    if not all(0 <= part < _P for part in (*x, *y)):
        return False
    cube = fp2_mul(fp2_square(x), x)
    return fp2_square(y) == ((cube[0] + _TWIST_B[0]) % _P, (cube[1] + _TWIST_B[1]) % _P)


def double_g1(point: G1Point) -> G1Point:
    """Return 2 * point in G1; `point` is not infinity."""
    x, y = point
    slope = 3 * x * x * pow(2 * y, -1, _P) % _P
    x2 = (slope * slope - 2 * x) % _P
    return x2, (slope * (x - x2) - y) % _P


def double_g2(point: G2Point) -> G2Point:
    """Return 2 * point on the twist; `point` is not infinity."""
    x, y = point
    square = fp2_square(x)
    slope = fp2_mul((3 * square[0], 3 * square[1]), fp2_inverse((2 * y[0], 2 * y[1])))
    square = fp2_square(slope)
    x2 = ((square[0] - 2 * x[0]) % _P, (square[1] - 2 * x[1]) % _P)
    rise = fp2_mul(slope, (x[0] - x2[0], x[1] - x2[1]))
    return x2, ((rise[0] - y[0]) % _P, (rise[1] - y[1]) % _P)


def add_pairs_g1(left: Sequence[G1Point], right: Sequence[G1Point]) -> list[G1Point]:
    """Return left[i] + right[i] in G1 with one inversion; the two abscissas of every pair differ."""
    prefix, running = [], 1
    for (ax, _), (bx, _) in zip(left, right, strict=True):
        prefix.append(running)
        running = running * (bx - ax) % _P
    running = pow(running, -1, _P)
    sums: list[G1Point] = []
    for before, (ax, ay), (bx, by) in zip(reversed(prefix), reversed(left), reversed(right), strict=True):
        slope = (by - ay) * (running * before % _P) % _P
        running = running * (bx - ax) % _P
        x = (slope * slope - ax - bx) % _P
        sums.append((x, (slope * (ax - x) - ay) % _P))
    sums.reverse()
    return sums


def add_pairs_g2(left: Sequence[G2Point], right: Sequence[G2Point]) -> list[G2Point]:
    """Return left[i] + right[i] on the twist with one inversion; the two abscissas of every pair differ."""
    prefix: list[FieldPair] = []
    running: FieldPair = (1, 0)
    for (ax, _), (bx, _) in zip(left, right, strict=True):
        prefix.append(running)
        running = fp2_mul(running, (bx[0] - ax[0], bx[1] - ax[1]))
    running = fp2_inverse(running)
    sums: list[G2Point] = []
    for before, (ax, ay), (bx, by) in zip(reversed(prefix), reversed(left), reversed(right), strict=True):
        slope = fp2_mul((by[0] - ay[0], by[1] - ay[1]), fp2_mul(running, before))
        running = fp2_mul(running, (bx[0] - ax[0], bx[1] - ax[1]))
        square = fp2_square(slope)
        x = ((square[0] - ax[0] - bx[0]) % _P, (square[1] - ax[1] - bx[1]) % _P)
        rise = fp2_mul(slope, (ax[0] - x[0], ax[1] - x[1]))
        sums.append((x, ((rise[0] - ay[0]) % _P, (rise[1] - ay[1]) % _P)))
    sums.reverse()
    return sums


@dataclass(frozen=True, slots=True)
class Group(Generic[_Point]):
    """One of the two groups: its generator of order r, and how its points are added."""

    generator: _Point
    double: Callable[[_Point], _Point]
    add_pairs: Callable[[Sequence[_Point], Sequence[_Point]], list[_Point]]


G1: Final[Group[G1Point]] = Group(G1_GENERATOR, double_g1, add_pairs_g1)
G2: Final[Group[G2Point]] = Group(G2_GENERATOR, double_g2, add_pairs_g2)


class GeneratorTable(Generic[_Point]):
    """Multiples of a group's generator by many scalars, from a table of its windows.

    Parameters
    ----------
    group
        The group.
    expected
        About how many multiples will be asked for: decides the window width.

    Notes
    -----
    With windows of w bits, a scalar k = sum of digit[j] * 2^(w j) costs one addition a window. Before window j the
    partial sum is a multiple below 2^(w j) and what is added is one from 2^(w j) on, and both together stay at most
    k < r: the two points are neither equal nor opposite, so plain affine addition is complete here.
    """

    def __init__(self, group: Group[_Point], expected: int) -> None:
        self._group = group
        self.window_bits = min(range(2, 17), key=lambda w: -(-_SCALAR_BITS // w) * ((1 << w) + expected))
        self._windows: list[list[_Point]] = []
        base = group.generator
        for _ in range(-(-_SCALAR_BITS // self.window_bits)):
            multiples = [base]
            for _ in range(self.window_bits):
                base = group.double(base)
                multiples += [base, *group.add_pairs([base] * len(multiples), multiples)]
            self._windows.append(multiples[: (1 << self.window_bits) - 1])

    def multiples(self, scalars: Sequence[int]) -> list[_Point | None]:
        """Return scalar * generator for every scalar in [0, r); None is infinity."""
        sums: list[_Point | None] = [None] * len(scalars)
        mask = (1 << self.window_bits) - 1
        for number, window in enumerate(self._windows):
            shift = number * self.window_bits
            where: list[int] = []
            left: list[_Point] = []
            right: list[_Point] = []
            for index, scalar in enumerate(scalars):
                digit = (scalar >> shift) & mask
                if digit:
                    term, partial = window[digit - 1], sums[index]
                    if partial is None:
                        sums[index] = term
                    else:
                        where.append(index)
                        left.append(partial)
                        right.append(term)
            for index, total in zip(where, self._group.add_pairs(left, right), strict=True):
                sums[index] = total
        return sums
