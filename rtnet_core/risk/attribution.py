"""Greeks of accounts, underlyings and the venue; the P&L of a move told by greek, with what they leave unexplained.

For one lot of value V(F, σ, t, r) = e^(-rT)·Black-76, with dF, dσ, dt, dr the move and all derivatives taken before it:

    delta V_F·dF    gamma ½·V_FF·dF²    vega V_σ·dσ    theta V_t·dt    rho V_r·dr
    vanna V_Fσ·dF·dσ    volga ½·V_σσ·dσ²    residual: full revaluation less all of these

Every figure of an account is rounded to whole ticks before the residual is taken, so the parts add up to the whole
exactly. In float64 a figure is good to 2^-45 of the gross sums that it nets.

References
----------
N. Taleb, *Dynamic hedging* (1997), chapters 7-11; E. G. Haug, *The complete guide to option pricing formulas* (2007),
chapter 2, for vanna and volga on a future.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtnet_core.pricing_fast import option_greeks
from rtnet_core.risk.ranges import Floats, matrix
from rtnet_core.risk.risk_market import RiskMarket

Integers = NDArray[np.int64]

_DAYS_PER_YEAR: Final = 365
#: Parts of an attribution that are products of two moves, or the square of one in volatility.
CROSS_TERMS: Final = ("vanna", "volga")


@dataclass(frozen=True, slots=True)
class GreekSums:
    """Greeks in ticks, in the units of `rtnet_core.pricing_fast.Greeks`; shape (N, U), or (U,) for the venue.

    Of a balanced book the venue's are zero: every long has its short. Of a part of it they are what that part holds.
    """

    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats

    def venue(self) -> GreekSums:
        """Return the sums over all accounts."""
        return GreekSums(**{field.name: getattr(self, field.name).sum(axis=0) for field in fields(self)})


@dataclass(frozen=True, slots=True)
class Attribution:
    """P&L in whole ticks by cause; shape (N, U), or (U,) for the venue. ``total`` is the sum of all the others.

    A cross term that was not asked for is zero and stands in the residual.
    """

    total: Integers
    delta: Integers
    gamma: Integers
    vega: Integers
    theta: Integers
    rho: Integers
    vanna: Integers
    volga: Integers
    residual: Integers

    def venue(self) -> Attribution:
        """Return the sums over all accounts."""
        return Attribution(**{field.name: getattr(self, field.name).sum(axis=0) for field in fields(self)})


def greek_sums(market: RiskMarket, lots: ArrayLike) -> GreekSums:
    """Return the greeks of N accounts by underlying.

    Parameters
    ----------
    market
        Prices and terms.
    lots
        Shape (N, K), signed, in slot order.

    Raises
    ------
    InputError
        `lots` has another shape.
    """
    held = matrix("lots", lots, len(market.forward))
    columns = {field.name: np.zeros(len(market.forward)) for field in fields(GreekSums)}
    columns["delta"] = np.where(market.is_listed, market.forward / 100, 0.0)
    chosen = np.flatnonzero(market.is_option)
    if chosen.size:
        found = option_greeks(*_terms(market, chosen))
        for name, column in columns.items():
            column[chosen] = getattr(found, name)
    return GreekSums(**{name: _by_underlying(market, held * column) for name, column in columns.items()})


def attribute(
    before: RiskMarket,
    after: RiskMarket,
    lots: ArrayLike,
    elapsed_years: float,
    *,
    rate_before: float = 0.0,
    rate_after: float = 0.0,
    cross_terms: bool = True,
) -> Attribution:
    """Return the P&L of N accounts over a move, by greek and underlying.

    Parameters
    ----------
    before, after
        The same instruments before and after; `after` carries its own times to expiry.
    lots
        Shape (N, K), held throughout.
    elapsed_years
        From `before` to `after`: what theta is multiplied with.
    rate_before, rate_after
        Interest for a year at which options are discounted; a future or perpetual is not.
    cross_terms
        Whether vanna and volga are told apart from the residual.

    Raises
    ------
    InputError
        The markets list different instruments, or `lots` has another shape.

    Notes
    -----
    An option that expires within the move is revalued at its payoff by `after`; its residual is then large.
    """
    before.check_same_instruments(after)
    held = matrix("lots", lots, len(before.forward))
    option = before.is_option
    start = before.marks * np.where(option, np.exp(-rate_before * before.years), 1.0)
    end = after.marks * np.where(option, np.exp(-rate_after * after.years), 1.0)
    parts = _terms_of_the_move(before, after, elapsed_years, rate_before, rate_after)
    whole = {
        name: np.zeros((len(held), len(before.symbols)), dtype=np.int64)
        if name in CROSS_TERMS and not cross_terms
        else _ticks(_by_underlying(before, held * column))
        for name, column in parts.items()
    }
    total = _ticks(_by_underlying(before, held * (end - start)))
    return Attribution(total=total, residual=total - sum(whole.values(), np.zeros_like(total)), **whole)


def _terms_of_the_move(
    before: RiskMarket, after: RiskMarket, elapsed_years: float, rate_before: float, rate_after: float
) -> dict[str, Floats]:
    """Return what each derivative makes of the move for one lot, shape (K,) each."""
    move = after.forward - before.forward
    parts = {name: np.zeros_like(move) for name in ("delta", "gamma", "vega", "theta", "rho", *CROSS_TERMS)}
    parts["delta"] = np.where(before.is_listed, move, 0.0)
    chosen = np.flatnonzero(before.is_option)
    if not chosen.size:
        return parts
    call, forward, strike, sigma, years = _terms(before, chosen)
    greeks = option_greeks(call, forward, strike, sigma, years)
    discount = np.exp(-rate_before * years)
    value = before.marks[chosen]
    total_volatility = sigma * np.sqrt(years)
    d1 = np.log(forward / strike) / total_volatility + total_volatility / 2
    d2 = d1 - total_volatility
    in_price, in_volatility = move[chosen], (after.volatility - before.volatility)[chosen]
    per_volatility = 100 * greeks.vega
    change = {
        "delta": 100 * greeks.delta / forward * in_price,
        "gamma": 10_000 * greeks.gamma / forward**2 * in_price**2 / 2,
        "vega": per_volatility * in_volatility,
        "theta": (_DAYS_PER_YEAR * greeks.theta + rate_before * value) * elapsed_years,
        "rho": -years * value * (rate_after - rate_before),
        "vanna": -per_volatility * d2 / (forward * total_volatility) * in_price * in_volatility,
        "volga": per_volatility * d1 * d2 / sigma * in_volatility**2 / 2,
    }
    for name, column in parts.items():
        column[chosen] = discount * change[name]
    return parts


def _terms(market: RiskMarket, chosen: NDArray[np.intp]) -> tuple[NDArray[np.bool_], Floats, Floats, Floats, Floats]:
    return (
        market.is_call[chosen],
        market.forward[chosen],
        market.strike[chosen],
        market.volatility[chosen],
        market.years[chosen],
    )


def _by_underlying(market: RiskMarket, figures: Floats) -> Floats:
    """Return figures of shape (N, K) added up within each underlying, shape (N, U)."""
    count = len(market.symbols)
    belongs = market.underlying[:, None] == np.arange(count)
    return np.asarray(figures @ belongs.astype(np.float64), dtype=np.float64)


def _ticks(figures: Floats) -> Integers:
    return np.rint(figures).astype(np.int64)
