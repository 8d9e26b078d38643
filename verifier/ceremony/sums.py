"""Sums of many multiples of points, and whether pairings balance.

A sum of n multiples goes by windows: in each, points with the same digit meet in one bucket, and buckets are weighted
by adding up running totals. Nothing here runs in constant time: all inputs are public.

References
----------
Pippenger, "On the Evaluation of Powers and Monomials", SIAM Journal on Computing 9 (1980).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from py_ecc.fields import optimized_bn128_FQ12 as FQ12
from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate, pairing

from verifier import subgroup
from verifier.points import BASE_MODULUS, G1Point, G2Point, lift_g1, lift_g2
from verifier.subgroup import INFINITY, Jacobian, in_subgroup

_Q: Final = BASE_MODULUS
_MAX_WIDTH: Final = 16
#: Jacobian coordinates over the base field, as `verifier.subgroup.Jacobian` has them over its extension.
_JacobianG1 = tuple[int, int, int]
_Point = TypeVar("_Point")


def g1_sum(scalars: Sequence[int], points: Sequence[G1Point | None]) -> G1Point | None:
    """Return the sum of scalars[i] * points[i] in G1; None is infinity, scalars are at least 0."""
    lifted = [(1, 1, 0) if point is None else (*point, 1) for point in points]
    width, windows = _windows(scalars, lifted, _add_g1, (1, 1, 0))
    x, y, z = _joined(width, windows, _add_g1, _double_g1)
    if not z:
        return None
    inverse = pow(z, -1, _Q)
    return x * inverse**2 % _Q, y * inverse**3 % _Q


def g2_sum(scalars: Sequence[int], points: Sequence[G2Point | None]) -> G2Point | None:
    """Return the sum of scalars[i] * points[i] on the twist; None is infinity, scalars are at least 0."""
    return _affine_g2(_joined(*_g2_windows(scalars, points), subgroup.add, subgroup.double))


def g2_sum_in_group(scalars: Sequence[int], points: Sequence[G2Point | None]) -> tuple[G2Point | None, bool]:
    """Return the sum as `g2_sum`, and whether all points are in the group, by a test with random scalars.

    Notes
    -----
    Every window is a sum with random digits of its own. A point outside the group leaves it inside with a chance of at
    most 7 in 2^16 - the smallest factor of the cofactor is 10069 - or 2^-w for digits of w < 14 bits; over the windows
    of 128-bit scalars that is below 2^-100.
    """
    width, windows = _g2_windows(scalars, points)
    in_group = all(point is None or in_subgroup(point) for point in map(_affine_g2, windows))
    return _affine_g2(_joined(width, windows, subgroup.add, subgroup.double)), in_group


def balanced(pairs: Sequence[tuple[G1Point | None, G2Point]]) -> bool:
    """Return whether the product of the pairings e(P, Q) over all pairs is one; all points are in their groups."""
    product = FQ12.one()
    for left, right in pairs:
        if left is not None:  # e(infinity, Q) = 1
            product *= pairing(lift_g2(right), lift_g1(left), final_exponentiate=False)
    return bool(final_exponentiate(product) == FQ12.one())


def negated(point: G1Point | None) -> G1Point | None:
    """Return the inverse of a point of G1."""
    return None if point is None else (point[0], -point[1] % _Q)


def _windows(
    scalars: Sequence[int],
    points: Sequence[_Point],
    add: Callable[[_Point, _Point], _Point],
    zero: _Point,
) -> tuple[int, list[_Point]]:
    """Return the width of a window and each window's sum, the lowest digits first."""
    width = max(2, min(_MAX_WIDTH, len(points).bit_length() - 2))
    mask = (1 << width) - 1
    sums = []
    for shift in range(0, max((scalar.bit_length() for scalar in scalars), default=1), width):
        buckets = [zero] * (mask + 1)
        for scalar, point in zip(scalars, points, strict=True):
            if digit := (scalar >> shift) & mask:
                buckets[digit] = add(buckets[digit], point)
        running = total = zero
        for bucket in reversed(buckets[1:]):
            running = add(running, bucket)
            total = add(total, running)
        sums.append(total)
    return width, sums or [zero]


def _joined(
    width: int,
    windows: Sequence[_Point],
    add: Callable[[_Point, _Point], _Point],
    double: Callable[[_Point], _Point],
) -> _Point:
    total = windows[-1]
    for window in reversed(windows[:-1]):
        for _ in range(width):
            total = double(total)
        total = add(total, window)
    return total


def _g2_windows(scalars: Sequence[int], points: Sequence[G2Point | None]) -> tuple[int, list[Jacobian]]:
    lifted: list[Jacobian] = [INFINITY if point is None else (*point, (1, 0)) for point in points]
    return _windows(scalars, lifted, subgroup.add, INFINITY)


def _affine_g2(point: Jacobian) -> G2Point | None:
    x, y, z = point
    if z == (0, 0):
        return None
    scale = pow(z[0] * z[0] + z[1] * z[1], -1, _Q)
    inverse = z[0] * scale % _Q, -z[1] * scale % _Q
    square = _mul(inverse, inverse)
    return _mul(x, square), _mul(y, _mul(square, inverse))


def _mul(a: subgroup.Fq2, b: subgroup.Fq2) -> subgroup.Fq2:
    return (a[0] * b[0] - a[1] * b[1]) % _Q, (a[0] * b[1] + a[1] * b[0]) % _Q


def _double_g1(point: _JacobianG1) -> _JacobianG1:
    """Return 2P; no point of G1 has y = 0, and infinity doubles to infinity by itself."""
    x, y, z = point
    yy = y * y % _Q
    s = 4 * x * yy % _Q
    m = 3 * x * x % _Q
    x3 = (m * m - 2 * s) % _Q
    return x3, (m * (s - x3) - 8 * yy * yy) % _Q, 2 * y * z % _Q


def _add_g1(first: _JacobianG1, second: _JacobianG1) -> _JacobianG1:
    """Return the sum, of any two points."""
    (x1, y1, z1), (x2, y2, z2) = first, second
    if not z1:
        return second
    if not z2:
        return first
    zz1 = z1 * z1 % _Q
    if z2 == 1:  # points of a file are: a third of the products fall away
        u1, s1, zz = x1, y1, z1
    else:
        zz2 = z2 * z2 % _Q
        u1, s1, zz = x1 * zz2 % _Q, y1 * zz2 * z2 % _Q, z1 * z2
    h, slope = (x2 * zz1 - u1) % _Q, (y2 * zz1 * z1 - s1) % _Q
    if not h:
        return (1, 1, 0) if slope else _double_g1(first)
    hh = h * h % _Q
    hhh, v = h * hh % _Q, u1 * hh % _Q
    x3 = (slope * slope - hhh - 2 * v) % _Q
    return x3, (slope * (v - x3) - s1 * hhh) % _Q, zz * h % _Q
