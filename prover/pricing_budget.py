"""The bit budget of the pricing circuit: the worst intermediate value of each template, from the widths of the engine.

See `prover.bit_budget`, whose rows these are: template, quantity, bound in words, bound, and the bits it must fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtnet_core.black76_tables import DENSITY, LN_2, LOGARITHM, NORMAL
from rtnet_core.black76_widths import (
    ARGUMENT_DIGITS,
    DENSITY_SCALE_BITS,
    DIVISOR_BITS,
    FINE_BITS,
    FINE_DIVISOR_BITS,
    LOCAL_BITS,
    LOG_BITS,
    LOG_DIGITS,
    LOG_LOCAL_BITS,
    LOG_SCALE_BITS,
    MANTISSA_BITS,
    NORMAL_SCALE_BITS,
    ROOT_BITS,
    SHOCKED_ROOT_BITS,
    SQUARE_ODD,
    SQUARE_SHIFT,
    TOTAL_BITS,
    TOTAL_CAP_BITS,
)
from rtnet_core.limits import (
    BPS,
    MAX_SAFE_BITS,
    PRICE_THIRDS_MAX,
    RATE_BITS,
    ROW_BITS,
    TIME_BITS,
    VOLATILITY_BITS,
)
from rtnet_core.shocks import PRICE_DENOMINATOR

Bound = tuple[str, str, str, int, int]

#: A scenario's price factor, over 3·10^4.
_FACTOR: Final = PRICE_DENOMINATOR + (PRICE_THIRDS_MAX * ((1 << RATE_BITS) - 1))
_PRICE: Final = (1 << ROW_BITS) - 1


def pricing_bounds() -> Iterator[Bound]:
    """Yield the bounds of every template of ``circuits/pricing``, the innermost first."""
    yield from _quotients()
    yield from _tables()
    yield from _volatility()
    yield from _values()


def _polynomial(table: tuple[tuple[int, ...], ...], half: int) -> int:
    """Return the largest magnitude that a Horner step of any row reaches at |t| <= half."""
    worst = 0
    for row in table:
        total = 0
        for coefficient in reversed(row):
            total = total * half + abs(coefficient)
            worst = max(worst, total)
    return worst


def _quotients() -> Iterator[Bound]:
    yield "OneHot", "sum of the selectors", "1", 1, 1
    limbs = 3 + 2 * ROW_BITS + VOLATILITY_BITS + TIME_BITS + 1  # an expiry is below time + 2^TIME_BITS
    yield "ListedInstrument", "packed", "kind, strike, forward, volatility, expiry", (1 << limbs) - 1, MAX_SAFE_BITS
    covered = BPS * PRICE_DENOMINATOR << NORMAL_SCALE_BITS + ROW_BITS + 1
    yield "ConstantQuotient", "(quotient + 1) * divisor", "3 * 10^8 * 2^(SCALE + 28)", covered, MAX_SAFE_BITS
    odd = (SQUARE_ODD - 1).bit_length()
    yield "RemainderRange", "upper", "ODD - 1", SQUARE_ODD - 1, odd
    widest = (1 << ARGUMENT_DIGITS) + (1 << 15)
    yield "SignAndMagnitude", "magnitude of d1", "2^16 + 2^15", widest, ARGUMENT_DIGITS + 1
    for name, bits, digits, places in (
        ("coarse", DIVISOR_BITS, ARGUMENT_DIGITS, LOG_BITS),
        ("fine", FINE_DIVISOR_BITS, ARGUMENT_DIGITS + FINE_BITS, LOG_BITS + 2 * FINE_BITS),
    ):
        numerator = (30 << places) + (129 << places)  # |ln(F/K) + ln(1 + shock)| < 30, v²/2 <= 128 and half a unit
        yield "BoundQuotient", f"magnitude of the {name} numerator", "(30 + 129) * 2^places", numerator, 2 * bits
        product = (1 << digits + bits) + (1 << 2 * bits)
        yield "BoundQuotient", f"{name} quotient * divisor + excess", "2^(DIGITS + BITS) + …", product, MAX_SAFE_BITS


def _tables() -> Iterator[Bound]:
    log = _polynomial(LOGARITHM, 1 << LOG_LOCAL_BITS - 1) + MANTISSA_BITS * LN_2
    yield "Logarithm", "polynomial and multiple of ln 2", "from the table", log, MAX_SAFE_BITS
    yield "Logarithm", "in * 2^shift", "2^(ROW_BITS + 31)", _PRICE << 31, MAX_SAFE_BITS
    for template, size in (("LogRatio", 19), ("ScenarioShock", 11)):
        yield template, "magnitude of the logarithm", f"{size} * 2^31", size << LOG_BITS, LOG_DIGITS - 1
        unrounded = 1 << LOG_SCALE_BITS - LOG_BITS + LOG_DIGITS
        yield template, "before rounding", "2^(LOG_SCALE_BITS + 7)", unrounded, MAX_SAFE_BITS
    yield "ScenarioShock", "priceFactor", "3 * 10^4 + 9 * 2^RATE_BITS", _FACTOR, 18
    normal = _polynomial(NORMAL, 1 << LOCAL_BITS - 1)
    yield "NormalDistribution", "polynomial", "from the table", normal, MAX_SAFE_BITS
    density = _polynomial(DENSITY, 1 << LOCAL_BITS - 1)
    yield "NormalDensity", "polynomial", "from the table", density, MAX_SAFE_BITS


def _volatility() -> Iterator[Bound]:
    variance = (1 << 2 * VOLATILITY_BITS + TIME_BITS) - 1
    yield "TotalVolatility", "volatility^2 * time", "2^(2 * VOLATILITY_BITS + TIME_BITS)", variance, MAX_SAFE_BITS
    square = variance // (SQUARE_ODD << SQUARE_SHIFT)
    yield "TotalVolatility", "root^2 + left", "2^114 / (16 * MS_PER_YEAR)", square, 2 * ROOT_BITS
    yield "OptionTime", "sum of digits", "TIME_BITS", TIME_BITS, 6
    shocked = (1 << ROOT_BITS) * (BPS + (1 << RATE_BITS)) // BPS
    yield "VolatilityLevel", "shocked root", "2^ROOT_BITS * (1 + 2^RATE_BITS / 10^4)", shocked, SHOCKED_ROOT_BITS
    half_square = (1 << TOTAL_CAP_BITS - 15) ** 2
    yield "VolatilityLevel", "halfSquare", "2^38", half_square, MAX_SAFE_BITS
    yield "VolatilityChoice", "difference of two levels", "2^38", half_square, MAX_SAFE_BITS


def _values() -> Iterator[Bound]:
    one = (1 << NORMAL_SCALE_BITS) + (1 << 66)  # N(d1) with the rest of v: at most 2^-12 * density beyond
    value = _PRICE * _FACTOR * one + PRICE_DENOMINATOR * _PRICE * one
    yield "Evaluation", "value", "2^27 * (priceFactor + 3 * 10^4) * 2^SCALE", value, MAX_SAFE_BITS
    delta = _PRICE * one + 150 * one * (1 << ROW_BITS)
    yield "Greeks", "delta before rounding", "2^ROW_BITS * 2^SCALE * 101", delta, MAX_SAFE_BITS
    doubled = 2 * ((2 << TOTAL_CAP_BITS) * BPS << DENSITY_SCALE_BITS - TOTAL_BITS - 1)
    yield "Greeks", "remainder of gamma", "2 * 10^4 * 2^(35 + 13)", doubled, 63
    yield "Greeks", "gamma * divisor", "2^ROW_BITS times that", doubled << ROW_BITS, MAX_SAFE_BITS
    covered = 2 * BPS * value + (BPS * PRICE_DENOMINATOR << NORMAL_SCALE_BITS + ROW_BITS + 1)
    yield "InstrumentRow", "covered change before rounding", "2 * 10^4 * value + …", covered, MAX_SAFE_BITS
