"""Whether a point of the twist of BN254 lies in the subgroup of prime order r, in a quarter of the steps of r * P.

An epoch has hundreds of proofs, and of reading one this is the only check that costs more than a few multiplications.
"""

from __future__ import annotations

from typing import Final

from py_ecc.optimized_bn128.optimized_curve import field_modulus

#: The number u from which BN254 is made: q and r are polynomials of it.
BN_U: Final = 4965661367192848881

_Q: Final[int] = field_modulus
#: An element x0 + x1*i of F_q^2, where i^2 = -1.
Fq2 = tuple[int, int]
#: Jacobian coordinates: (x / z^2, y / z^3); z = 0 is infinity.
Jacobian = tuple[Fq2, Fq2, Fq2]

_ZERO: Final[Fq2] = (0, 0)
_ONE: Final[Fq2] = (1, 0)
INFINITY: Final[Jacobian] = (_ONE, _ONE, _ZERO)


def in_subgroup(point: tuple[Fq2, Fq2]) -> bool:
    """Return whether r * `point` is infinity; `point` lies on the twisted curve.

    Notes
    -----
    With the endomorphism psi: (x, y) -> (x^q * xi^((q-1)/3), y^q * xi^((q-1)/2)), xi = 9 + i, the points of order r are
    those of which (u+1) P + psi(u P) + psi^2(u P) = psi^3(2u P).

    References: Dai, Lin, Zhao, Zhou, "Fast Subgroup Membership Testings for G1, G2 and GT on Pairing-friendly Curves",
    IACR ePrint 2022/348, sections 3 and 5.1. A test derives it anew, from the norm of that endomorphism.
    """
    lifted: Jacobian = (point[0], point[1], _ONE)
    multiple = _times_u(lifted)
    once = _psi(multiple)
    twice = _psi(once)
    left = add(add(add(multiple, lifted), once), twice)
    return _same(left, _psi(_psi(_psi(double(multiple)))))


def _mul(a: Fq2, b: Fq2) -> Fq2:
    low, high = a[0] * b[0], a[1] * b[1]
    return (low - high) % _Q, ((a[0] + a[1]) * (b[0] + b[1]) - low - high) % _Q


def _square(a: Fq2) -> Fq2:
    return (a[0] + a[1]) * (a[0] - a[1]) % _Q, 2 * a[0] * a[1] % _Q


def _sub(a: Fq2, b: Fq2) -> Fq2:
    return (a[0] - b[0]) % _Q, (a[1] - b[1]) % _Q


def _scaled(a: Fq2, factor: int) -> Fq2:
    return a[0] * factor % _Q, a[1] * factor % _Q


def _power(a: Fq2, exponent: int) -> Fq2:
    result = _ONE
    for bit in f"{exponent:b}":
        result = _square(result)
        if bit == "1":
            result = _mul(result, a)
    return result


_XI: Final[Fq2] = (9, 1)
_PSI_X: Final = _power(_XI, (_Q - 1) // 3)
_PSI_Y: Final = _power(_XI, (_Q - 1) // 2)


def _psi(point: Jacobian) -> Jacobian:
    """Return psi of a point; a q-th power in F_q^2 is the conjugate."""
    (x0, x1), (y0, y1), (z0, z1) = point
    return _mul((x0, -x1 % _Q), _PSI_X), _mul((y0, -y1 % _Q), _PSI_Y), (z0, -z1 % _Q)


def double(point: Jacobian) -> Jacobian:
    """Return 2P; on this curve no point has y = 0, and infinity doubles to infinity by itself."""
    x, y, z = point
    xx, yy = _square(x), _square(y)
    s = _scaled(_mul(x, yy), 4)
    m = _scaled(xx, 3)
    x3 = _sub(_square(m), _scaled(s, 2))
    y3 = _sub(_mul(m, _sub(s, x3)), _scaled(_square(yy), 8))
    return x3, y3, _scaled(_mul(y, z), 2)


def add(first: Jacobian, second: Jacobian) -> Jacobian:
    """Return the sum, of any two points: those outside the subgroup may have small orders."""
    (x1, y1, z1), (x2, y2, z2) = first, second
    if z1 == _ZERO:
        return second
    if z2 == _ZERO:
        return first
    zz1 = _square(z1)
    u1, s1, z = x1, y1, z1
    if z2 != _ONE:
        zz2 = _square(z2)
        u1, s1, z = _mul(x1, zz2), _mul(_mul(y1, z2), zz2), _mul(z1, z2)
    h, slope = _sub(_mul(x2, zz1), u1), _sub(_mul(_mul(y2, z1), zz1), s1)
    if h == _ZERO:
        return double(first) if slope == _ZERO else INFINITY
    hh = _square(h)
    hhh, v = _mul(h, hh), _mul(u1, hh)
    x3 = _sub(_sub(_square(slope), hhh), _scaled(v, 2))
    y3 = _sub(_mul(slope, _sub(v, x3)), _mul(s1, hhh))
    return x3, y3, _mul(z, h)


def _times_u(point: Jacobian) -> Jacobian:
    result = point
    for bit in f"{BN_U:b}"[1:]:
        result = double(result)
        if bit == "1":
            result = add(result, point)
    return result


def _same(first: Jacobian, second: Jacobian) -> bool:
    (x1, y1, z1), (x2, y2, z2) = first, second
    if _ZERO in (z1, z2):
        return z1 == z2
    zz1, zz2 = _square(z1), _square(z2)
    return _mul(x1, zz2) == _mul(x2, zz1) and _mul(_mul(y1, z2), zz2) == _mul(_mul(y2, z1), zz1)
