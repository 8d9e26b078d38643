"""Baby Jubjub, the twisted Edwards curve over the BN254 scalar field, with circomlib's parameters.

The curve is ``168700 x^2 + y^2 = 1 + 168696 x^2 y^2`` (ERC-2494). Its order is eight times the prime `SUBGROUP_ORDER`;
keys and signatures live in the subgroup of that order, which `BASE8` generates. The first coefficient is a square and
the second is none, so one addition formula holds for every pair of points.

The arithmetic is written to be read. Its running time depends on the numbers: sign where nobody else can measure it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rtnet_core.limits import FIELD_MODULUS

A: Final = 168_700
D: Final = 168_696
#: Order of the subgroup, a prime of 251 bits; the curve has eight times as many points.
SUBGROUP_ORDER: Final = 2736030358979909402780800718157159386076813972158567259200215660948447373041
COFACTOR: Final = 8
ENCODED_BYTES: Final = 32

_SIGN_BIT: Final = 1 << 255
_HALF: Final = (FIELD_MODULUS - 1) // 2
_NON_SQUARE: Final = 5  #: smallest number that is no square modulo r


class Point(NamedTuple):
    """A pair of coordinates in [0, r); whether it lies on the curve is for `is_on_curve`."""

    x: int
    y: int


IDENTITY: Final = Point(0, 1)
#: Generator of the subgroup: eight times the curve's generator.
BASE8: Final = Point(
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)


def is_on_curve(point: Point) -> bool:
    """Return whether the coordinates are reduced and satisfy the curve's equation."""
    x, y = point
    if not (0 <= x < FIELD_MODULUS and 0 <= y < FIELD_MODULUS):
        return False
    return (A * x * x + y * y - 1 - D * x * x * y * y) % FIELD_MODULUS == 0


def add(left: Point, right: Point) -> Point:
    """Return the sum of two points of the curve.

    Notes
    -----
    ``x = (x1 y2 + y1 x2) / (1 + d t)``, ``y = (y1 y2 - a x1 x2) / (1 - d t)`` with ``t = x1 x2 y1 y2``. No
    denominator is zero for points of the curve.
    """
    (x1, y1), (x2, y2) = left, right
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + y1 * x2) * pow(1 + product, -1, FIELD_MODULUS)
    y = (y1 * y2 - A * x1 * x2) * pow(1 - product, -1, FIELD_MODULUS)
    return Point(x % FIELD_MODULUS, y % FIELD_MODULUS)


def negate(point: Point) -> Point:
    """Return the point that adds up with this one to the identity."""
    return Point(-point.x % FIELD_MODULUS, point.y)


def multiply(scalar: int, point: Point) -> Point:
    """Return the sum of `scalar` times the point of the curve; the scalar is at least 0 and is not reduced.

    Notes
    -----
    Extended coordinates (X : Y : Z : T) with x = X/Z, y = Y/Z, T = XY/Z, so that one division is left at the end.

    References
    ----------
    Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited", ASIACRYPT 2008, section 3.1.
    """
    if scalar < 0:
        raise ValueError("a scalar is at least 0")
    total = _Extended(0, 1, 1, 0)
    power = _Extended(point.x, point.y, 1, point.x * point.y % FIELD_MODULUS)
    while scalar:
        if scalar & 1:
            total = _add_extended(total, power)
        power = _add_extended(power, power)
        scalar >>= 1
    inverse = pow(total.z, -1, FIELD_MODULUS)
    return Point(total.x * inverse % FIELD_MODULUS, total.y * inverse % FIELD_MODULUS)


def is_in_subgroup(point: Point) -> bool:
    """Return whether the point lies on the curve and in the subgroup of prime order, the identity included."""
    return is_on_curve(point) and multiply(SUBGROUP_ORDER, point) == IDENTITY


def has_low_order(point: Point) -> bool:
    """Return whether the point of the curve is one of the eight whose order divides 8."""
    return multiply(COFACTOR, point) == IDENTITY


def encode_point(point: Point) -> bytes:
    """Return the 32 bytes of a point, as circomlibjs packs it: y, lowest byte first, and x > (r - 1) / 2 as top bit."""
    return (point.y | (_SIGN_BIT if point.x > _HALF else 0)).to_bytes(ENCODED_BYTES, "little")


def decode_point(encoded: bytes) -> Point:
    """Return the point of the curve that 32 bytes encode; every point has one encoding.

    Raises
    ------
    ValueError
        Not 32 bytes, y not below r, no such point, or the top bit set where x is 0. The message is a rule.
    """
    if len(encoded) != ENCODED_BYTES:
        raise ValueError(f"must be {ENCODED_BYTES} bytes")
    number = int.from_bytes(encoded, "little")
    y = number & (_SIGN_BIT - 1)
    if y >= FIELD_MODULUS:
        raise ValueError("must have a y below the field order")
    # a x^2 + y^2 = 1 + d x^2 y^2; the denominator is not zero, since a/d is no square.
    root = _square_root((1 - y * y) * pow(A - D * y * y, -1, FIELD_MODULUS) % FIELD_MODULUS)
    if root is None:
        raise ValueError("must be a point of the curve")
    is_large = number >= _SIGN_BIT
    if is_large and root == 0:
        raise ValueError("must have no sign where x is 0")
    return Point(root if is_large == (root > _HALF) else FIELD_MODULUS - root, y)


class _Extended(NamedTuple):
    x: int
    y: int
    z: int
    t: int


def _add_extended(left: _Extended, right: _Extended) -> _Extended:
    a = left.x * right.x % FIELD_MODULUS
    b = left.y * right.y % FIELD_MODULUS
    c = D * left.t * right.t % FIELD_MODULUS
    d = left.z * right.z % FIELD_MODULUS
    e = ((left.x + left.y) * (right.x + right.y) - a - b) % FIELD_MODULUS
    f, g, h = d - c, d + c, b - A * a
    return _Extended(e * f % FIELD_MODULUS, g * h % FIELD_MODULUS, f * g % FIELD_MODULUS, e * h % FIELD_MODULUS)


def _square_root(square: int) -> int | None:
    """Return a square root modulo r, or None where there is none (Tonelli and Shanks; r - 1 = 2^28 times an odd)."""
    if square == 0:
        return 0
    if pow(square, _HALF, FIELD_MODULUS) != 1:
        return None
    odd, twos = FIELD_MODULUS - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    unit = pow(_NON_SQUARE, odd, FIELD_MODULUS)
    root, rest = pow(square, (odd + 1) // 2, FIELD_MODULUS), pow(square, odd, FIELD_MODULUS)
    while rest != 1:  # root^2 = square * rest, and the order of rest is a power of two that shrinks
        exponent, power = 0, rest
        while power != 1:
            power, exponent = power * power % FIELD_MODULUS, exponent + 1
        factor = pow(unit, 1 << (twos - exponent - 1), FIELD_MODULUS)
        root = root * factor % FIELD_MODULUS
        twos, unit = exponent, factor * factor % FIELD_MODULUS
        rest = rest * unit % FIELD_MODULUS
    return root
