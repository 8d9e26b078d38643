"""The prices of a crash: an option chain of its middle, moved along a series of index levels and volatilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from rtnet_core.engine.events import Prices
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, ROW_BITS, VOLATILITY_BITS
from rtnet_core.risk.index_series import IndexSeries
from rtnet_core.snapshot import Snapshot

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class CrashTerms:
    """How long the replay is, and what stands behind the venue.

    Parameters
    ----------
    days_before, days_after
        Span of the series around the chain's time, 1 to 30.
    fund_bps, vault_bps, backstop_bps
        Insurance fund, vault and backstop at the opening, in basis points of all accounts' maintenance margin.
    severity
        Power to which the moves of index and volatility are raised, above 0 and up to 4: 1 is what happened, 2 twice
        its logarithm.

    Raises
    ------
    InputError
        A number out of range.
    """

    days_before: int = 2
    days_after: int = 2
    fund_bps: int = 50
    vault_bps: int = 50
    backstop_bps: int = 500
    severity: float = 1.0

    def __post_init__(self) -> None:
        for name in ("days_before", "days_after"):
            if not 1 <= getattr(self, name) <= 30:
                raise InputError(name, "must be from 1 to 30", getattr(self, name))
        for name in ("fund_bps", "vault_bps", "backstop_bps"):
            if not 0 <= getattr(self, name) <= 10 * BPS:
                raise InputError(name, f"must be from 0 to {10 * BPS}", getattr(self, name))
        if not 0 < self.severity <= 4:
            raise InputError("severity", "must be above 0 and at most 4", self.severity)


def price_path(chain: Snapshot, series: IndexSeries, terms: CrashTerms) -> list[Prices]:
    """Return the markets of a replay in order of time, each as prices of everything that `chain` lists.

    Raises
    ------
    InputError
        The series lacks a coin, or does not reach from the start to the end of the replay.
    """
    symbols = [entry.symbol for entry in chain.underlyings]
    missing = [symbol for symbol in symbols if symbol not in series.symbols]
    if missing:
        raise InputError("series", f"must have the coin {missing[0]}")
    start, end = chain.time_ms - terms.days_before * _DAY_MS, chain.time_ms + terms.days_after * _DAY_MS
    within = series.times_ms[(series.times_ms >= start) & (series.times_ms <= end)]
    times = sorted({*within.tolist(), chain.time_ms})
    if times[0] == chain.time_ms or times[-1] == chain.time_ms:
        raise InputError("series", "must have times before and after that of the chain, within the days asked for")
    return [_prices(chain, series, time_ms, terms.severity) for time_ms in times]


def of_listed(prices: Prices, snapshot: Snapshot) -> Prices:
    """Return prices without those of what is listed no more."""
    names = {entry.name for entry in snapshot.instruments}

    def left(column: Mapping[str, int]) -> dict[str, int]:
        return {name: number for name, number in column.items() if name in names}

    return prices.model_copy(
        update={"forward_ticks": left(prices.forward_ticks), "volatility_q32": left(prices.volatility_q32)}
    )


def _prices(chain: Snapshot, series: IndexSeries, time_ms: int, severity: float) -> Prices:
    """Return everything that a chain lists, moved from its time to another by the series."""
    moves, stretches = {}, {}
    for entry in chain.underlyings:
        column = series.symbols.index(entry.symbol)
        (index, then), (volatility, was) = (
            np.interp([time_ms, chain.time_ms], series.times_ms, levels[:, column]).tolist()
            for levels in (series.index_usd, series.volatility)
        )
        moves[entry.symbol] = (index / then) ** severity
        stretches[entry.symbol] = (volatility / was) ** severity
    return Prices(
        type="prices",
        id=f"prices-{time_ms}",
        time_ms=time_ms,
        index_ticks={e.symbol: _moved(e.index_ticks, moves[e.symbol], ROW_BITS) for e in chain.underlyings},
        forward_ticks={e.name: _moved(e.forward_ticks, moves[e.underlying], ROW_BITS) for e in chain.instruments},
        volatility_q32={
            e.name: _moved(e.volatility_q32, stretches[e.underlying], VOLATILITY_BITS)
            for e in chain.instruments
            if e.volatility_q32 is not None
        },
        price_ticks={
            e.symbol: _moved(e.price_ticks, moves[e.symbol], ROW_BITS) for e in chain.assets if e.symbol in moves
        },
    )


def _moved(level: int, factor: float, bits: int) -> int:
    return min(max(1, round(level * factor)), (1 << bits) - 1)
