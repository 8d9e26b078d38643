"""Margin parameters that follow forecasts, at a bounded speed, every change in a log that is a chain of hashes.

A forecast is first blended with a stressed level, so that calm never brings margins down all the way; the parameter
then moves towards it by at most a share of itself at a time - up faster than down - and stays within fixed bounds
(`rtnet_core.risk.parameter_log`):

    wanted = ⌈(1 - w)·forecast + w·stressed⌉

References
----------
Commission Delegated Regulation (EU) 153/2013, article 28: margins weigh stressed observations with at least 25 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import expm1
from typing import Final

import numpy as np

from rtnet_core.errors import InputError
from rtnet_core.params import Params
from rtnet_core.risk.backtest import STEP_DECAY, STEP_MS, TAIL_FREEDOM
from rtnet_core.risk.forecast import ewma_volatility, move_quantile, regular_returns
from rtnet_core.risk.haircuts import LiquidityHaircut
from rtnet_core.risk.index_series import IndexSeries, overlapping_windows
from rtnet_core.risk.parameter_log import NO_RECORD, MoveLimits, ParameterLog, Wanted, stepped_params
from rtnet_core.risk.ranges import within

__all__ = [
    "NO_RECORD",
    "MoveLimits",
    "ParameterLog",
    "Target",
    "day_volatilities",
    "haircut_target",
    "moved_params",
    "scan_range_target",
    "wanted_scan_ranges",
]

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Target:
    """What a forecast calls for: a fraction, the stressed fraction to blend it with, and where it comes from."""

    forecast: float
    stressed: float
    source: str


def scan_range_target(
    volatility: float, confidence: float, stressed: float, source: str, degrees_of_freedom: float | None = None
) -> Target:
    """Return the scan range that a forecast of the volatility over the margin's horizon calls for.

    The upward move that the quantile makes of a log move is the larger one: e^(q·σ) - 1.

    Examples
    --------
    >>> round(scan_range_target(0.03, 0.99, 0.15, "EWMA, 24 h").forecast, 4)
    0.0803
    """
    move = move_quantile(confidence, degrees_of_freedom) * within("volatility", volatility, 0.0, 4.0)
    return Target(expm1(move), stressed, source)


def haircut_target(rule: LiquidityHaircut, units: int, stressed: float, source: str) -> Target:
    """Return the haircut that `rule`, which carries a forecast, calls for up to a holding of `units`."""
    return Target(float(rule.haircut(units)), stressed, source)


def moved_params(
    params: Params,
    log: ParameterLog,
    time_ms: int,
    *,
    scan_ranges: Mapping[str, Target],
    haircuts: Mapping[str, Target],
    limits: MoveLimits,
) -> tuple[Params, ParameterLog]:
    """Return the parameters after one bounded step towards the forecasts, and the log with every change.

    Parameters
    ----------
    params, log
        What applies, and how it came to be.
    time_ms
        Of the step.
    scan_ranges, haircuts
        Targets by underlying and by asset; what is not named stays.
    limits
        Speed and bounds, of scan ranges and haircuts (10^4 less the first rate) alike.

    Raises
    ------
    InputError
        A symbol that `params` does not have, or a scan range that some scenario would make a price of zero with.
    """
    for field, named, known in (
        ("scan_ranges", scan_ranges, {entry.symbol for entry in params.underlyings}),
        ("haircuts", haircuts, {asset.symbol for asset in params.assets}),
    ):
        if unknown := sorted(set(named) - known):
            raise InputError(field, "must name symbols of the parameters", unknown[0])
    wanted = {
        f"{symbol}.{field}": Wanted(limits.wanted_bps(target.forecast, target.stressed), target.source)
        for field, targets in (("scan_range_bps", scan_ranges), ("haircut_bps", haircuts))
        for symbol, target in targets.items()
    }
    return stepped_params(params, log, time_ms, wanted, limits)


def day_volatilities(series: IndexSeries) -> dict[str, float]:
    """Return the EWMA volatility of the next day, by coin; the series' steps are scaled with the root of time."""
    returns = regular_returns(series.times_ms, series.index_usd, STEP_MS)
    forecast = ewma_volatility(returns, _DAY_MS / STEP_MS, STEP_DECAY)
    return dict(zip(series.symbols, forecast.tolist(), strict=True))


def wanted_scan_ranges(series: IndexSeries, confidence: float, limits: MoveLimits | None = None) -> dict[str, Wanted]:
    """Return where a series wants the scan ranges of its coins for a day, by parameter.

    The forecast is the quantile of a Student t, blended with the furthest move of a day in the series.

    Raises
    ------
    InputError
        The series has no two rows a day apart.
    """
    windows = overlapping_windows(series.times_ms, _DAY_MS)
    if not len(windows.starts):
        raise InputError("series", "must have rows that are a day apart")
    furthest = np.abs(series.index_usd[windows.ends] / series.index_usd[windows.starts] - 1).max(axis=0)
    found = {}
    for coin, (symbol, volatility) in enumerate(day_volatilities(series).items()):
        source = f"EWMA {volatility:.4f} a day, Student t, {confidence:.2%}, furthest {furthest[coin]:.2%}"
        target = scan_range_target(volatility, confidence, float(furthest[coin]), source, TAIL_FREEDOM)
        bps = (limits or MoveLimits()).wanted_bps(target.forecast, target.stressed)
        found[f"{symbol}.scan_range_bps"] = Wanted(bps, source)
    return found
