"""Perpetual ("everlasting") options: price and funding.

The holder never exercises; at each funding the long pays the short ``(mark - payoff)/n``, n times in a funding period.
Between two fundings nothing is paid, so the mark just before a funding is (n·next + payoff)/(n + 1), and unrolled

    value = Σ_{i>=1} 1/(n+1)·(n/(n+1))^(i-1) · V(i·period/n)

with V the European value for that expiry: for n = 1 one half of the option that expires next, a quarter of the one
after it, and so on. For n → ∞ the expiries are exponentially distributed with mean `period`, and for a driftless price

    value = payoff + K/u · (S/K)^((1 ± u)/2),   u = √(1 + 8/(σ²·period)),   + below the strike, - above it.

References
----------
D. White and S. Bankman-Fried, *Everlasting options*, Paradigm (May 2021): funding, and the basket of expiring options.
The limit is the solution of σ²S²/2·V'' = (V - payoff)/period that is smooth at the strike.
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from rtnet_core.fixed_point import round_half_even
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.pricing_fast import option_values
from rtnet_core.risk.ranges import Floats, positive, whole

DAY_YEARS: Final = 86_400_000 / MS_PER_YEAR
#: Weight of the expiries that the sum leaves out; an option is worth at most its price or strike.
_TAIL: Final = 2.0**-40


def expiry_weights(fundings_per_period: int) -> Floats:
    """Return the weights of the basket, the next expiry first; they add up to 1 less at most 2^-40.

    Raises
    ------
    RangeError
        Not 1 to 10,000 fundings a period.

    Examples
    --------
    >>> expiry_weights(1)[:4].tolist()
    [0.5, 0.25, 0.125, 0.0625]
    """
    count = whole("fundings_per_period", fundings_per_period, 1, 10_000)
    kept = count / (count + 1)
    return np.asarray(kept ** np.arange(ceil(log(_TAIL) / log(kept))) / (count + 1), dtype=np.float64)


def everlasting_values(
    is_call: ArrayLike,
    index_ticks: ArrayLike,
    strike_ticks: ArrayLike,
    volatility: ArrayLike,
    *,
    period_years: float = DAY_YEARS,
    fundings_per_period: int = 1,
) -> Floats:
    """Return values in ticks per lot just after a funding, in the broadcast shape of the arrays.

    Parameters
    ----------
    is_call
        True for calls, False for puts.
    index_ticks, strike_ticks
        Above zero, ticks per lot; the index has no drift.
    volatility
        Above zero, one for all expiries.
    period_years
        The funding period; a day where left out.
    fundings_per_period
        n above, 1 to 10,000.

    Raises
    ------
    RangeError
        A number out of range.
    """
    call, index, strike, sigma = np.broadcast_arrays(
        np.asarray(is_call, dtype=np.bool_),
        positive("index_ticks", index_ticks),
        positive("strike_ticks", strike_ticks),
        positive("volatility", volatility),
    )
    weights = expiry_weights(fundings_per_period)
    expiries = float(positive("period_years", period_years)) / fundings_per_period * np.arange(1, len(weights) + 1)
    values = option_values(call[..., None], index[..., None], strike[..., None], sigma[..., None], expiries)
    return np.asarray(values @ weights, dtype=np.float64)


def continuous_everlasting_values(
    is_call: ArrayLike,
    index_ticks: ArrayLike,
    strike_ticks: ArrayLike,
    volatility: ArrayLike,
    *,
    period_years: float = DAY_YEARS,
) -> Floats:
    """Return values for funding that accrues continuously; parameters are those of `everlasting_values`.

    Raises
    ------
    RangeError
        A number out of range.

    Examples
    --------
    At the money the time value is K/u.

    >>> round(float(continuous_everlasting_values(True, 100.0, 100.0, 0.8, period_years=0.25)), 6)
    14.002801
    """
    index, strike = positive("index_ticks", index_ticks), positive("strike_ticks", strike_ticks)
    variance = positive("volatility", volatility) ** 2 * float(positive("period_years", period_years))
    root = np.sqrt(1 + 8 / variance)
    # The exponent is negative on either side: |ln(S/K)| shrinks the time value by (u ± 1)/2.
    log_distance = np.log(index / strike)
    time_value = strike / root * np.exp(log_distance / 2 - np.abs(log_distance) * root / 2)
    sign = np.where(np.asarray(is_call, dtype=np.bool_), 1.0, -1.0)
    return np.asarray(np.maximum(sign * (index - strike), 0.0) + time_value, dtype=np.float64)


def funding_per_lot_ticks(
    is_call: bool, mark_ticks: int, index_ticks: int, strike_ticks: int, fundings_per_period: int = 1
) -> int:
    """Return what the long pays the short for each lot at one funding, in ticks; negative where the short pays.

    A whole number of ticks a lot, ties to even: what longs pay is what shorts receive, to the tick.

    Raises
    ------
    RangeError
        Not 1 to 10,000 fundings a period.

    Examples
    --------
    White and Bankman-Fried's put struck at 3,000 with the spot at 2,900 pays 100; at a mark of 150 the long owes 50.

    >>> funding_per_lot_ticks(False, 150, 2_900, 3_000)
    50
    """
    count = whole("fundings_per_period", fundings_per_period, 1, 10_000)
    payoff = max(index_ticks - strike_ticks if is_call else strike_ticks - index_ticks, 0)
    return round_half_even(mark_ticks - payoff, count)
