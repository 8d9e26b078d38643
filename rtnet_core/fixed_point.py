"""Logarithm, exponential and normal distribution in pure integers: the same bits on every machine.

A fixed-point number ``x`` of this module stands for ``x / 2^FRACTION_BITS``. Every function states its error in units
of the last place (ulp, 2^-192); none uses a float, so no platform, library or rounding mode can change a result.

References
----------
Abramowitz & Stegun, *Handbook of Mathematical Functions*: 4.1.27 (logarithm as an inverse hyperbolic tangent),
4.2.1 (exponential series), 26.2.11 (normal distribution as a series of positive terms).
"""

from __future__ import annotations

from math import isqrt
from typing import Final

FRACTION_BITS: Final = 192
ONE: Final = 1 << FRACTION_BITS
#: From here on the distribution is taken as 0 or 1: N(-11) = 1.9e-28 is below 2^-91.
SATURATION: Final = 11 << FRACTION_BITS
#: Series stop below this: what is cut off stays under 2^-100 after the density is multiplied in.
_CUT_BITS: Final = 104


def round_half_even(numerator: int, denominator: int) -> int:
    """Return numerator / denominator (denominator > 0) rounded to the nearest integer, ties to the even one.

    Examples
    --------
    >>> [round_half_even(n, 2) for n in (-3, -1, 1, 3, 5)]
    [-2, 0, 0, 2, 2]
    """
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient & 1):
        return quotient + 1
    return quotient


def _arctanh(numerator: int, denominator: int) -> int:
    """Return artanh(numerator / denominator) for a quotient of magnitude at most 1/3; error below 80 ulp."""
    z = abs((numerator << FRACTION_BITS) // denominator)
    square = (z * z) >> FRACTION_BITS
    power, total, odd = z, z, 1
    while power:
        power = (power * square) >> FRACTION_BITS
        odd += 2
        total += power // odd
    return total if numerator >= 0 else -total


_LN2: Final = 2 * _arctanh(1, 3)


def log_ratio(numerator: int, denominator: int) -> int:
    """Return ln(numerator / denominator) of two positive integers below 2^64; error below 2^-178.

    Notes
    -----
    ln(a/b) = e·ln 2 + 2·artanh((m − 1)/(m + 1)) with m = a/(b·2^e) between 3/4 and 3/2, so the quotient is exact until
    the series begins and small differences keep their leading bits.
    """
    exponent = numerator.bit_length() - denominator.bit_length()
    a = numerator << max(-exponent, 0)
    b = denominator << max(exponent, 0)
    if 2 * a > 3 * b:
        b, exponent = 2 * b, exponent + 1
    elif 4 * a < 3 * b:
        a, exponent = 2 * a, exponent - 1
    return exponent * _LN2 + 2 * _arctanh(a - b, a + b)


def exp_negative(x: int) -> int:
    """Return e^-x for x >= 0; error below 2^-186.

    Notes
    -----
    e^-x = 2^-k·e^-r with x = k·ln 2 + r and 0 <= r < ln 2; the series of e^-r alternates and has terms below one.
    """
    halvings, rest = divmod(x, _LN2)
    if halvings > FRACTION_BITS:
        return 0
    term, total, n = ONE, ONE, 0
    while term:
        n += 1
        term = ((term * rest) >> FRACTION_BITS) // n
        total += -term if n & 1 else term
    return total >> halvings


def _arctan_inverse(n: int) -> int:
    """Return arctan(1/n) for n >= 2; error below 80 ulp."""
    power, total, odd = ONE // n, ONE // n, 1
    while power:
        power //= n * n
        odd += 2
        total += -(power // odd) if odd & 2 else power // odd
    return total


#: Machin's formula; error below 2^-181.
_PI: Final = 16 * _arctan_inverse(5) - 4 * _arctan_inverse(239)
_SQRT_TWO_PI: Final = isqrt(2 * _PI << FRACTION_BITS)


def normal_density(x: int) -> int:
    """Return the standard normal density at x; error below 2^-180."""
    return (exp_negative((x * x) >> (FRACTION_BITS + 1)) << FRACTION_BITS) // _SQRT_TWO_PI


def normal_distribution(x: int) -> int:
    """Return N(x), the standard normal distribution at x, within [0, 1]; error below 2^-88.

    N(-x) + N(x) is exactly one. From magnitude 11 on the result is exactly 0 or 1.

    Notes
    -----
    For x >= 0: N(x) = 1/2 + φ(x)·Σ x^(2n+1) / (1·3·5···(2n+1)). All terms are positive, so nothing cancels; below 11
    the sum stays under 2^89, which is why the density carries 192 bits.
    """
    magnitude = abs(x)
    if magnitude >= SATURATION:
        upper = ONE
    else:
        square = (magnitude * magnitude) >> FRACTION_BITS
        density = normal_density(magnitude)
        # The last terms fall at least geometrically once 2n + 1 > 2·x², so the cut leaves less than one more of its
        # size.
        cut = (1 << (2 * FRACTION_BITS - _CUT_BITS)) // max(density, 1)
        term, total, odd = magnitude, magnitude, 1
        while term > cut or odd * ONE < 2 * square:
            odd += 2
            term = ((term * square) >> FRACTION_BITS) // odd
            total += term
        upper = min((ONE >> 1) + ((density * total) >> FRACTION_BITS), ONE)
    return upper if x >= 0 else ONE - upper
