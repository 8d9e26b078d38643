"""Black-76 in NumPy float64: the fast twin of `rtnet_core.black76`, with the greeks that only reports need.

Same formulas, same conventions, no rounding to ticks. Against the exact engine a value differs by less than half a tick
(the rounding there) plus 10^-7 of the forward (its fixed point, see ``docs/pricing.md``); a property test holds it to
that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr  # type: ignore[import-untyped]  # SciPy ships no types

from rtnet_core.limits import BPS, MS_PER_YEAR, VOLATILITY_FRACTION_BITS
from rtnet_core.params import Params, Scenario, UnderlyingParams
from rtnet_core.shocks import PRICE_DENOMINATOR, price_factor, volatility_factor
from rtnet_core.snapshot import Instrument, Snapshot, slots

Floats = NDArray[np.float64]

_SQRT_TWO_PI: Final = float(np.sqrt(2 * np.pi))
_DAYS_PER_YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities in ticks per lot; all arrays have the broadcast shape of the inputs.

    Attributes
    ----------
    delta, gamma
        P&L of a 1 % move of the forward, and its change for a further 1 %: the exact engine's convention.
    vega
        P&L of one volatility point, 0.01.
    theta
        P&L of one day (of 365) passing, first order; a holder's is negative.
    rho
        P&L of interest rising from 0 to 1 %, first order, forward unchanged: -T·V/100, discounting only.
    """

    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats


def option_values(
    is_call: ArrayLike, forward_ticks: ArrayLike, strike_ticks: ArrayLike, volatility: ArrayLike, years: ArrayLike
) -> Floats:
    """Return Black-76 values in ticks per lot; the arguments broadcast.

    Parameters
    ----------
    is_call
        True for calls, False for puts.
    forward_ticks, strike_ticks
        Above zero, ticks per lot.
    volatility, years
        Above zero; a year has 365 days.
    """
    call, forward, strike, d1, d2, _ = _arguments(is_call, forward_ticks, strike_ticks, volatility, years)
    sign = np.where(call, 1.0, -1.0)
    values: Floats = sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * d2))
    return np.maximum(values, 0.0)


def option_greeks(
    is_call: ArrayLike, forward_ticks: ArrayLike, strike_ticks: ArrayLike, volatility: ArrayLike, years: ArrayLike
) -> Greeks:
    """Return the greeks; parameters are those of `option_values`.

    Notes
    -----
    With v = σ·√T: delta = ±F·N(±d1)/100, gamma = F·φ(d1)/v/10^4, vega = F·φ(d1)·√T/100,
    theta = -F·φ(d1)·σ/(2·√T)/365, rho = -T·V/100.
    """
    call, forward, _, d1, _, v = _arguments(is_call, forward_ticks, strike_ticks, volatility, years)
    sign = np.where(call, 1.0, -1.0)
    time = np.asarray(years, dtype=np.float64)
    sigma = np.asarray(volatility, dtype=np.float64)
    weighted = forward * np.exp(-d1 * d1 / 2) / _SQRT_TWO_PI
    value = option_values(is_call, forward_ticks, strike_ticks, volatility, years)
    return Greeks(
        delta=sign * forward * ndtr(sign * d1) / 100,
        gamma=weighted / v / 10_000,
        vega=weighted * np.sqrt(time) / 100,
        theta=-weighted * sigma / (2 * np.sqrt(time)) / _DAYS_PER_YEAR,
        rho=-time * value / 100,
    )


@dataclass(frozen=True, slots=True)
class FastRows:
    """The risk array in float64, in slot order; an empty slot is zero throughout.

    Attributes
    ----------
    changes
        Shape (K, S): covered value change in each scenario, ticks per lot.
    mark, delta, gamma, vega, theta, rho
        Shape (K,), ticks per lot.
    is_option
        Shape (K,), bool.
    """

    changes: Floats
    mark: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats
    is_option: NDArray[np.bool_]


def fast_rows(snapshot: Snapshot, params: Params) -> FastRows:
    """Return the float64 risk array of a snapshot, vectorised over options × scenarios.

    Raises
    ------
    InputError
        `params` lacks an underlying of the snapshot.
    """
    table = slots(snapshot)
    of_underlying = dict(
        zip((entry.symbol for entry in snapshot.underlyings), params.of_underlyings(snapshot), strict=True)
    )
    count, scenario_count = len(table), len(params.scenarios)
    changes = np.zeros((count, scenario_count))
    columns = {name: np.zeros(count) for name in ("mark", "delta", "gamma", "vega", "theta", "rho")}
    is_option = np.array([entry is not None and entry.is_option for entry in table])
    factors = {symbol: _factors(entry, params.scenarios) for symbol, entry in of_underlying.items()}
    cover = np.array([scenario.cover_bps / BPS for scenario in params.scenarios])

    for slot, instrument in enumerate(table):
        if instrument is not None and not instrument.is_option:
            prices, _ = factors[instrument.underlying]
            changes[slot] = instrument.forward_ticks * (prices - 1) * cover
            columns["mark"][slot] = instrument.forward_ticks
            columns["delta"][slot] = instrument.forward_ticks / 100

    chosen = np.flatnonzero(is_option)
    if chosen.size:
        options = [entry for entry in table if entry is not None and entry.is_option]
        call, forward, strike, sigma, years = _option_columns(options, snapshot.time_ms)
        prices = np.array([factors[entry.underlying][0] for entry in options])
        volatilities = np.array([factors[entry.underlying][1] for entry in options])
        now = option_values(call, forward, strike, sigma, years)
        shocked = option_values(
            call[:, None],
            forward[:, None] * prices,
            strike[:, None],
            sigma[:, None] * volatilities,
            years[:, None],
        )
        changes[chosen] = (shocked - now[:, None]) * cover
        greeks = option_greeks(call, forward, strike, sigma, years)
        columns["mark"][chosen] = now
        for name in ("delta", "gamma", "vega", "theta", "rho"):
            columns[name][chosen] = getattr(greeks, name)
    return FastRows(changes=changes, is_option=is_option, **columns)


def _arguments(
    is_call: ArrayLike, forward_ticks: ArrayLike, strike_ticks: ArrayLike, volatility: ArrayLike, years: ArrayLike
) -> tuple[NDArray[np.bool_], Floats, Floats, Floats, Floats, Floats]:
    """Return the call flags, F, K, d1, d2 and v as float64 arrays."""
    call = np.asarray(is_call, dtype=np.bool_)
    forward = np.asarray(forward_ticks, dtype=np.float64)
    strike = np.asarray(strike_ticks, dtype=np.float64)
    v = np.asarray(volatility, dtype=np.float64) * np.sqrt(np.asarray(years, dtype=np.float64))
    # Far arguments saturate, as in the exact engine; the cap also keeps their squares finite.
    middle = np.clip(np.log(forward / strike) / v, -1e6, 1e6)
    return call, forward, strike, middle + v / 2, middle - v / 2, v


def _factors(params: UnderlyingParams, scenarios: Sequence[Scenario]) -> tuple[Floats, Floats]:
    """Return the price and volatility factors of the scenarios."""
    prices = np.array([price_factor(params, scenario) / PRICE_DENOMINATOR for scenario in scenarios])
    volatilities = np.array([volatility_factor(params, scenario) / BPS for scenario in scenarios])
    return prices, volatilities


def _option_columns(
    options: Sequence[Instrument], time_ms: int
) -> tuple[NDArray[np.bool_], Floats, Floats, Floats, Floats]:
    call = np.array([entry.kind == "call" for entry in options])
    forward = np.array([float(entry.forward_ticks) for entry in options])
    strike = np.array([float(entry.strike_ticks or 0) for entry in options])
    sigma = np.array([(entry.volatility_q32 or 0) / (1 << VOLATILITY_FRACTION_BITS) for entry in options])
    years = np.array([((entry.expiry_ms or 0) - time_ms) / MS_PER_YEAR for entry in options])
    return call, forward, strike, sigma, years
