"""Ed25519 signatures checked (RFC 8032, section 5.1.7), so that a verifier needs no library for them.

Of the readings that the RFC leaves open this takes the strict ones: a key has one spelling (y below the field's prime),
S is below the order, R is compared byte for byte, without the cofactor, and a key of small order is none. Nothing here
is secret, so nothing needs to take constant time; signing is left to a library.
"""

from __future__ import annotations

import hashlib
from typing import Final

_PRIME: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_SQRT_MINUS_ONE: Final = pow(2, (_PRIME - 1) // 4, _PRIME)
_SIGN: Final = 1 << 255

#: X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z.
_Point = tuple[int, int, int, int]
_IDENTITY: Final = (0, 1, 1, 0)


def signature_holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` is of `message` under `public_key`.

    Parameters
    ----------
    public_key
        32 bytes.
    signature
        64 bytes: R, then S with the lowest byte first.
    """
    key = _decode(public_key)
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or key is None or s >= _ORDER or _times_eight_is_identity(key):
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % _ORDER
    return _encode(_sum_of_products(s, _BASE, k, _negated(key))) == signature[:32]


def _decode(encoded: bytes) -> _Point | None:
    """Return the point of 32 bytes, None where they are none (section 5.1.3)."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (_SIGN - 1), number >> 255
    if len(encoded) != 32 or y >= _PRIME:
        return None
    x = _x_of(y)
    if x is None or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _PRIME - x
    return (x, y, 1, x * y % _PRIME)


def _x_of(y: int) -> int | None:
    """Return a root of (y² − 1)/(d·y² + 1), None where there is none."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    root = pow(square, (_PRIME + 3) // 8, _PRIME)
    if root * root % _PRIME != square:
        root = root * _SQRT_MINUS_ONE % _PRIME
    return root if root * root % _PRIME == square else None


def _encode(point: _Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, _PRIME)
    return (y * inverse % _PRIME | (x * inverse % _PRIME & 1) << 255).to_bytes(32, "little")


def _added(one: _Point, other: _Point) -> _Point:
    """Return the sum of two points (section 5.1.4); complete, so that equal and opposite points need no care."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a = (y1 - x1) * (y2 - x2) % _PRIME
    b = (y1 + x1) * (y2 + x2) % _PRIME
    c = 2 * t1 * t2 * _D % _PRIME
    d = 2 * z1 * z2 % _PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _PRIME, g * h % _PRIME, f * g % _PRIME, e * h % _PRIME)


def _doubled(point: _Point) -> _Point:
    x, y, z, _ = point
    a = x * x % _PRIME
    b = y * y % _PRIME
    h = a + b
    e = h - (x + y) ** 2 % _PRIME
    g = a - b
    f = 2 * z * z % _PRIME + g
    return (e * f % _PRIME, g * h % _PRIME, f * g % _PRIME, e * h % _PRIME)


def _negated(point: _Point) -> _Point:
    x, y, z, t = point
    return (-x % _PRIME, y, z, -t % _PRIME)


def _times_eight_is_identity(point: _Point) -> bool:
    x, y, z, _ = _doubled(_doubled(_doubled(point)))
    return x == 0 and y == z


def _sum_of_products(s: int, first: _Point, k: int, second: _Point) -> _Point:
    """Return s·first + k·second, bit by bit of both at once (Straus)."""
    chosen = (_IDENTITY, first, second, _added(first, second))
    total: _Point = _IDENTITY
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        total = _doubled(total)
        which = (s >> bit & 1) | (k >> bit & 1) << 1
        if which:
            total = _added(total, chosen[which])
    return total


def _base_point() -> _Point:
    base = _decode((4 * pow(5, -1, _PRIME) % _PRIME).to_bytes(32, "little"))
    assert base is not None  # noqa: S101 - a constant of the curve
    return base


_BASE: Final = _base_point()
