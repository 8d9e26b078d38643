"""A series of index levels and at-the-money volatilities at irregular times, as a CSV file has it.

Columns: ``timestamp`` (ISO 8601 with its offset), and for each coin ``<coin>_index`` (USD) and ``<coin>_atm_iv_30d``
(a fraction). Others are ignored.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.errors import InputError
from rtnet_core.risk.ranges import Floats, whole, within

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INDEX: Final = "_index"
_VOLATILITY: Final = "_atm_iv_30d"


@dataclass(frozen=True, slots=True)
class IndexSeries:
    """Levels of C coins at T times.

    Attributes
    ----------
    symbols
        In capital letters.
    times_ms
        Shape (T,), ascending.
    index_usd, volatility
        Shape (T, C); volatility of 30 days at the money, a fraction.
    """

    symbols: tuple[str, ...]
    times_ms: NDArray[np.int64]
    index_usd: Floats
    volatility: Floats


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of about one length: from row `starts[n]` to row `ends[n]`; `gaps` more had no rows that fit."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    gaps: int


def parse_index_series(text: str, source: str = "series") -> IndexSeries:
    """Return the series that CSV text spells.

    Raises
    ------
    InputError
        A column is missing, a row does not fit, times do not ascend, or a level is not above zero.
    """
    rows = csv.DictReader(text.splitlines())
    names = rows.fieldnames or []
    coins = [name.removesuffix(_INDEX) for name in names if name.endswith(_INDEX)]
    if "timestamp" not in names or not coins:
        raise InputError(f"{source}: header", "must have timestamp and a column <coin>_index", ", ".join(names))
    for coin in coins:
        if coin + _VOLATILITY not in names:
            raise InputError(f"{source}: header", "must have a volatility for each coin", coin + _VOLATILITY)
    times: list[int] = []
    levels: list[list[float]] = []
    for number, row in enumerate(rows, start=2):
        where = f"{source} line {number}"
        times.append(_time(row["timestamp"], where))
        levels.append([_level(row[coin + column], where) for column in (_INDEX, _VOLATILITY) for coin in coins])
        if len(times) > 1 and times[-1] <= times[-2]:
            raise InputError(f"{where}: timestamp", "must be after the one before", row["timestamp"])
    if len(times) < 2:
        raise InputError(source, "must have at least two rows", len(times))
    table = np.array(levels)
    return IndexSeries(
        tuple(coin.upper() for coin in coins), np.array(times), table[:, : len(coins)], table[:, len(coins) :]
    )


def overlapping_windows(times_ms: NDArray[np.int64], horizon_ms: int, tolerance: float = 0.25) -> Windows:
    """Return a window from every row to the row nearest to the horizon, within a share `tolerance` of it.

    A start too close to the end of the series is no gap.

    Raises
    ------
    RangeError
        A horizon below a minute, or a tolerance outside 0 to 0.5.
    """
    _check_horizon(horizon_ms, tolerance)
    starts = np.flatnonzero(times_ms[-1] - times_ms >= horizon_ms * (1 - tolerance))
    ends = _nearest(times_ms, times_ms[starts] + horizon_ms)
    return _kept(times_ms, starts, ends, horizon_ms, tolerance)


def consecutive_windows(
    times_ms: NDArray[np.int64], horizon_ms: int, offset_ms: int = 0, tolerance: float = 0.25
) -> Windows:
    """Return windows that do not overlap: between the rows nearest to `offset_ms` after the first and every horizon on.

    Windows whose length is not within a share `tolerance` of the horizon are left out as gaps.

    Raises
    ------
    RangeError
        A horizon below a minute, an offset outside it, or a tolerance outside 0 to 0.5.
    """
    _check_horizon(horizon_ms, tolerance)
    first = int(times_ms[0]) + whole("offset_ms", offset_ms, 0, horizon_ms)
    clock = np.arange(first, int(times_ms[-1]) + 1, horizon_ms, dtype=np.int64)
    rows = _nearest(times_ms, clock)
    return _kept(times_ms, rows[:-1], rows[1:], horizon_ms, tolerance)


def _check_horizon(horizon_ms: int, tolerance: float) -> None:
    whole("horizon_ms", horizon_ms, 60_000, 10**12)
    within("tolerance", tolerance, 0.0, 0.5)


def _nearest(times_ms: NDArray[np.int64], goals_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows nearest to the goals, the earlier of two."""
    after = np.minimum(np.searchsorted(times_ms, goals_ms), len(times_ms) - 1)
    before = np.maximum(after - 1, 0)
    is_before = goals_ms - times_ms[before] <= times_ms[after] - goals_ms
    return np.where(is_before, before, after).astype(np.int64)


def _kept(
    times_ms: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    horizon_ms: int,
    tolerance: float,
) -> Windows:
    fits = np.abs(times_ms[ends] - times_ms[starts] - horizon_ms) <= tolerance * horizon_ms
    return Windows(starts[fits], ends[fits], int((~fits).sum()))


def _time(text: str | None, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise InputError(f"{where}: timestamp", "must be a time in ISO 8601", text) from None
    if moment.tzinfo is None:
        raise InputError(f"{where}: timestamp", "must have its offset from UTC", text)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _level(text: str | None, where: str) -> float:
    try:
        level = float(text or "")
    except ValueError:
        raise InputError(where, "must hold numbers", text) from None
    if not 0 < level < 1e12:
        raise InputError(where, "must hold numbers above zero", text)
    return level
