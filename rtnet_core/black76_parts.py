"""The steps of `rtnet_core.black76`: logarithm, total volatility, the quotient d2, normal distribution and density.

All numbers are integers over a power of two that `rtnet_core.black76_widths` names; ``//`` and ``>>`` round down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt
from typing import Final

from rtnet_core.black76_tables import DENSITY, LN_2, LN_UNSHOCKED, LOGARITHM, NORMAL
from rtnet_core.black76_widths import (
    ARGUMENT_DIGITS,
    FINE_BITS,
    INTERVAL_BITS,
    LOCAL_BITS,
    LOG_BITS,
    LOG_LOCAL_BITS,
    LOG_SCALE_BITS,
    MANTISSA_BITS,
    NORMAL_SCALE_BITS,
    SQUARE_ODD,
    SQUARE_SHIFT,
    TOTAL_CAP_BITS,
)
from rtnet_core.limits import BPS

NORMAL_ONE: Final = 1 << NORMAL_SCALE_BITS
#: The fine d2 has eleven more places than the coarse one; so have the terms of its numerator more than those of theirs.
_FINE_LOG_SHIFT: Final = 2 * FINE_BITS
_CAP: Final = (1 << TOTAL_CAP_BITS) - 1
_INTERVAL_MASK: Final = (1 << INTERVAL_BITS) - 1
_SATURATION: Final = LOCAL_BITS + INTERVAL_BITS


def rounded_down(number: int, odd: int, shift: int) -> int:
    """Return number / (odd·2^shift) rounded down, for negative numbers too.

    Notes
    -----
    Circuit twin: circuits/pricing/constant_quotient.circom:ConstantQuotient

    Circuit twin: circuits/pricing/remainder_range.circom:RemainderRange
    """
    return number // (odd << shift)


def logarithm(number: int) -> int:
    """Return ln(number) times 2^110, for 1 <= number < 2^27.

    The number is shifted to 2^k·number in [2^26, 2^27). Its four digits below the top one choose a polynomial of degree
    4 in the other twenty-two. Error below 10^-9.

    Notes
    -----
    Circuit twin: circuits/pricing/logarithm.circom:Logarithm
    """
    exponent = number.bit_length() - 1
    mantissa = number << MANTISSA_BITS - exponent
    interval = mantissa >> MANTISSA_BITS - INTERVAL_BITS & _INTERVAL_MASK
    t = (mantissa & (1 << LOG_LOCAL_BITS) - 1) - (1 << LOG_LOCAL_BITS - 1)
    return _horner(LOGARITHM[interval], t) + exponent * LN_2


def log_ratio(numerator: int, denominator: int) -> int:
    """Return ln(numerator / denominator) in units of 2^-31, rounded down, of two numbers from 1 to 2^27 - 1.

    Notes
    -----
    Circuit twin: circuits/pricing/log_ratio.circom:LogRatio
    """
    return rounded_down(logarithm(numerator) - logarithm(denominator), 1, LOG_SCALE_BITS - LOG_BITS)


@lru_cache(maxsize=256)
def price_shock_log(price_factor: int) -> int:
    """Return ln(price_factor / (3·10^4)) in units of 2^-31, rounded down, for 1 <= price_factor < 2^27.

    Notes
    -----
    Circuit twin: circuits/pricing/scenario_shock.circom:ScenarioShock
    """
    return rounded_down(logarithm(price_factor) - LN_UNSHOCKED, 1, LOG_SCALE_BITS - LOG_BITS)


def total_volatility(volatility_q32: int, time_ms: int) -> int:
    """Return v = σ·√T in units of 2^-30, rounded down; below 2^38.

    Notes
    -----
    v² = σ²·T over 2^64 milliseconds·years, so floor(v·2^30) = isqrt(σ²·T // (2^4·MS_PER_YEAR)).

    Circuit twin: circuits/pricing/total_volatility.circom:TotalVolatility
    """
    return isqrt(rounded_down(volatility_q32 * volatility_q32 * time_ms, SQUARE_ODD, SQUARE_SHIFT))


def shocked_root(root: int, volatility_factor: int) -> int:
    """Return ``root·volatility_factor/10^4``, rounded down."""
    return rounded_down(root * volatility_factor, BPS >> 4, 4)


@dataclass(frozen=True, slots=True)
class VolatilityLevel:
    """A total volatility v below 16 in the forms that the steps after it need.

    Attributes
    ----------
    total
        v in units of 2^-30.
    divisor
        v in units of 2^-20, the middle of its unit of 2^-19: odd, so never zero.
    half_square
        v²/2 in units of 2^-31.
    step, rest
        v = step·2^-11 + rest·2^-30 with -2^18 <= rest < 2^18.
    """

    total: int
    divisor: int
    half_square: int
    step: int
    rest: int

    @property
    def fine_divisor(self) -> int:
        """V in units of 2^-31, odd."""
        return 2 * self.total + 1

    @property
    def fine_half_square(self) -> int:
        """v²/2 in units of 2^-53."""
        return (2 * (self.total >> 5) + 1) ** 2


def volatility_level(root: int) -> VolatilityLevel:
    """Return the forms of a total volatility in units of 2^-30, which saturates at 2^34 - 1.

    Notes
    -----
    Circuit twin: circuits/pricing/volatility_level.circom:VolatilityLevel
    """
    total = min(root, _CAP)
    step = (total >> 19) + (total >> 18 & 1)
    return VolatilityLevel(
        total=total,
        divisor=2 * (total >> 11) + 1,
        half_square=(2 * (total >> 16) + 1) ** 2,
        step=step,
        rest=total - (step << 19),
    )


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of N: (magnitude + 1/2) units of 2^-11 if not negative, minus that otherwise. Zero does not occur."""

    nonnegative: bool
    magnitude: int

    def plus(self, units: int) -> Argument:
        """Return the argument that many units further.

        Notes
        -----
        Circuit twin: circuits/pricing/sign_and_magnitude.circom:SignAndMagnitude
        """
        return argument_of((self.magnitude if self.nonnegative else -self.magnitude - 1) + units)


def argument_of(floor: int) -> Argument:
    """Return the argument at the middle of the unit that begins at `floor`."""
    return Argument(True, floor) if floor >= 0 else Argument(False, -floor - 1)


def bound_quotient(numerator: int, divisor: int, digits: int) -> Argument:
    """Return numerator/divisor rounded down, as sign and magnitude; a magnitude from 2^digits on becomes 2^digits.

    Notes
    -----
    With a = numerator, or -numerator - 1 where it is negative, the magnitude is a // divisor for either sign.

    Circuit twin: circuits/pricing/bound_quotient.circom:BoundQuotient
    """
    sign = argument_of(numerator)
    return Argument(sign.nonnegative, min(sign.magnitude // divisor, 1 << digits))


def fine_argument(log_moneyness: int, level: VolatilityLevel) -> tuple[Argument, int]:
    """Return d2 in units of 2^-11, and the way from the middle of that unit to the fine d2, in units of 2^-23."""
    numerator = (log_moneyness << _FINE_LOG_SHIFT) - level.fine_half_square
    fine = bound_quotient(numerator, level.fine_divisor, ARGUMENT_DIGITS + FINE_BITS)
    way = 2 * (fine.magnitude & (1 << FINE_BITS) - 1) + 1 - (1 << FINE_BITS)
    return Argument(fine.nonnegative, fine.magnitude >> FINE_BITS), way if fine.nonnegative else -way


def normal_distribution(argument: Argument) -> int:
    """Return N times 2^78: one half, plus or minus a polynomial of degree 6 on one of 16 intervals; from 8 on 0 or 1.

    Error below 1.6·10^-9.

    Notes
    -----
    Circuit twin: circuits/pricing/normal_distribution.circom:NormalDistribution
    """
    half = NORMAL_ONE >> 1
    above = tabulated(NORMAL, argument, saturated=half)
    return half + above if argument.nonnegative else half - above


def normal_density(argument: Argument) -> int:
    """Return the density times 2^44, a cubic polynomial on one of 16 intervals; from 8 on 0. Error below 2.2·10^-5.

    Notes
    -----
    Circuit twin: circuits/pricing/normal_density.circom:NormalDensity
    """
    return tabulated(DENSITY, argument, saturated=0)


def tabulated(table: tuple[tuple[int, ...], ...], argument: Argument, *, saturated: int) -> int:
    """Return the polynomial of the interval that holds the magnitude, or `saturated` from 8 on.

    Notes
    -----
    Circuit twin: circuits/pricing/one_hot.circom:OneHot
    """
    if argument.magnitude >> _SATURATION:
        return saturated
    t = (argument.magnitude & (1 << LOCAL_BITS) - 1) - (1 << LOCAL_BITS - 1)
    return _horner(table[argument.magnitude >> LOCAL_BITS], t)


def _horner(coefficients: tuple[int, ...], t: int) -> int:
    total = 0
    for coefficient in reversed(coefficients):
        total = total * t + coefficient
    return total
