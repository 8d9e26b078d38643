"""Implied volatilities of quotes: Black-76 at forward 1 turned around, without an exception for a quote that has none.

The inversion is Jäckel's *Let's be rational* in the package lets_be_rational (MIT, pure Python, kept for Python 3.9 to
3.14): two steps to full double precision for every price that has a volatility. It raises below the intrinsic value and
above the maximum; here such a quote is not an error - a bid of an option deep in the money stands below intrinsic more
often than not - so the bounds are looked at first and the answer is NaN.

References
----------
P. Jäckel, *Let's be rational*, Wilmott 75 (2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log, nan, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.chain_quotes import Quote
from rtnet_core.extras import missing_extra

Floats = NDArray[np.float64]

#: A total volatility below this is no information: the time value is below the smallest price step there is.
_LEAST_TOTAL: Final = 1e-8


def implied_volatility(price: float, strike: float, years: float, *, is_call: bool) -> float:
    """Return the volatility at which Black-76 of forward 1 gives `price`; NaN where there is none.

    Parameters
    ----------
    price
        Undiscounted value over the forward.
    strike
        Strike over the forward, above zero.
    years
        Time to expiry, above zero.
    is_call
        True for a call.

    Raises
    ------
    ToolError
        The package lets_be_rational is not installed.

    Notes
    -----
    The time value, price less intrinsic, is the price of the option out of the money at the same strike (parity); that
    one is inverted, so an option deep in the money loses no digits twice. A price at or below intrinsic, at or above
    its bound (the forward for a call, the strike for a put), or not finite has no volatility.

    Examples
    --------
    >>> round(implied_volatility(0.0398776, 1.0, 0.25, is_call=True), 6)
    0.2
    >>> implied_volatility(0.19, 0.8, 0.25, is_call=True)  # below the intrinsic value of 0.2
    nan
    """
    try:
        import lets_be_rational  # type: ignore[import-untyped]  # it ships no types
    except ImportError:
        raise missing_extra("lets_be_rational", "market") from None
    if not (isfinite(price) and isfinite(strike) and strike > 0 and years > 0):
        return nan
    intrinsic = max(1.0 - strike if is_call else strike - 1.0, 0.0)
    time_value = price - intrinsic
    if time_value <= 0.0 or time_value >= min(1.0, strike):
        return nan
    invert = lets_be_rational.normalised_implied_volatility_from_a_transformed_rational_guess
    total = float(invert(time_value / sqrt(strike), -abs(log(strike)), 1.0))
    return total / sqrt(years) if isfinite(total) and total > _LEAST_TOTAL else nan


@dataclass(frozen=True, slots=True)
class QuoteColumns:
    """Quotes of one expiry as arrays of one length; a volatility that does not exist is NaN.

    Attributes
    ----------
    log_moneyness
        k = ln(K/F) with the row's own forward.
    bid, ask, mark
        Implied volatilities.
    weight
        Black-76 vega at the mark over the forward: the change of the price for a volatility change of 1.
    is_call
        Whether it is a call.
    """

    log_moneyness: Floats
    bid: Floats
    ask: Floats
    mark: Floats
    weight: Floats
    is_call: NDArray[np.bool_]


def quote_columns(quotes: Sequence[Quote]) -> QuoteColumns:
    """Return the implied volatilities of one expiry's quotes."""
    rows = []
    for quote in quotes:
        strike, years = float(quote.strike_over_forward), quote.years
        sides = [
            nan if price is None else implied_volatility(float(price), strike, years, is_call=quote.is_call)
            for price in (quote.bid, quote.ask, quote.mark)
        ]
        rows.append((log(strike), *sides, _vega(log(strike), sides[2], years), quote.is_call))
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    k, bid, ask, mark, weight, is_call = table.T
    return QuoteColumns(k, bid, ask, mark, weight, is_call.astype(np.bool_))


def _vega(k: float, volatility: float, years: float) -> float:
    """Return dV/dσ at forward 1, 0 where the volatility does not exist."""
    total = volatility * sqrt(years)
    if not total > 0:
        return 0.0
    d1 = -k / total + total / 2
    return float(np.exp(-d1 * d1 / 2)) * sqrt(years) / sqrt(2 * np.pi)
