"""What ``zkm2m risk retune`` forecasts, moves and prints."""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from cli.files import read_bytes
from cli.render import console, percent, table
from cli.risk_backtest import read_series
from rtnet_core.errors import InputError
from rtnet_core.params import Params
from rtnet_core.risk.backtest import HOUR_MS, STEP_DECAY, STEP_MS, TAIL_FREEDOM
from rtnet_core.risk.forecast import ewma_volatility, fit_garch, move_quantile, regular_returns
from rtnet_core.risk.index_series import IndexSeries, overlapping_windows
from rtnet_core.risk.parameter_moves import MoveLimits, ParameterLog, Target, moved_params, scan_range_target


@dataclass(frozen=True, slots=True)
class Retuned:
    """The new parameters, and the log of which the last `added` records are new."""

    params: Params
    log: ParameterLog
    added: int

    @property
    def log_lines(self) -> bytes:
        """The whole log as JSON lines."""
        return self.log.to_lines()

    def as_json(self, out: Path, log: Path) -> dict[str, Any]:
        """Return what changed, for a program."""
        new = self.log.records[len(self.log.records) - self.added :]
        return {
            "params": str(out),
            "log": str(log),
            "records": len(self.log.records),
            "head": self.log.head,
            "changes": [record.model_dump() for record in new],
        }


def retuned(series: Path, params: Path, log: Path, horizon_hours: int, confidence: float, forecast: str) -> Retuned:
    """Return the parameters one step on; a scan range or haircut moves where the series has its coin.

    Raises
    ------
    InputError
        A file cannot be read, the series has none of the parameters' coins, or it ends before the log does.
    Refusal
        The log is broken.
    """
    history = read_series(series)
    chosen = Params.from_json(read_bytes(params), str(params))
    before = ParameterLog.from_lines(read_bytes(log), str(log)) if log.exists() else ParameterLog()
    scan_ranges, haircuts = {}, {}
    for coin, symbol in enumerate(history.symbols):
        source = f"{forecast}, Student t, {horizon_hours} h, {confidence:.2%}"
        volatility = _volatility(history, coin, horizon_hours, forecast)
        furthest, fall = _worst_moves(history, coin, horizon_hours)
        scan_ranges[symbol] = scan_range_target(volatility, confidence, furthest, source, TAIL_FREEDOM)
        haircuts[symbol] = Target(-expm1(-move_quantile(confidence, TAIL_FREEDOM) * volatility), fall, source)
    known = {entry.symbol for entry in chosen.underlyings}
    if not known & set(history.symbols):
        raise InputError(str(series), "must have a coin of the parameters", ", ".join(history.symbols))
    held = {asset.symbol for asset in chosen.assets}
    new, after = moved_params(
        chosen,
        before,
        int(history.times_ms[-1]),
        scan_ranges={symbol: target for symbol, target in scan_ranges.items() if symbol in known},
        haircuts={symbol: target for symbol, target in haircuts.items() if symbol in held},
        limits=MoveLimits(),
    )
    return Retuned(new, after, len(after.records) - len(before.records))


def print_retuned(found: Retuned, out: Path, log: Path) -> None:
    """Print what changed, and the hash that vouches for the log."""
    new = found.log.records[len(found.log.records) - found.added :]
    rows = [
        (entry.parameter, percent(entry.old_bps), percent(entry.wanted_bps), percent(entry.new_bps), entry.reason)
        for entry in new
    ]
    if rows:
        console().print(table("Changes", ("parameter", ">old", ">wanted", ">new", "reason"), rows))
    else:
        console().print("nothing changes: every parameter stands where the forecast wants it")
    console().print(f"parameters written to {out}; {len(found.log.records)} records in {log}", markup=False)
    console().print(f"head of the log {found.log.head}", markup=False)


def _volatility(history: IndexSeries, coin: int, horizon_hours: int, forecast: str) -> float:
    returns = regular_returns(history.times_ms, history.index_usd[:, coin], STEP_MS)
    steps = horizon_hours * HOUR_MS / STEP_MS
    if forecast == "ewma":
        return float(ewma_volatility(returns, steps, STEP_DECAY))
    whole_steps = max(round(steps), 1)
    return fit_garch(returns).volatility(returns, whole_steps) * sqrt(steps / whole_steps)


def _worst_moves(history: IndexSeries, coin: int, horizon_hours: int) -> tuple[float, float]:
    """Return the furthest move of the series over the horizon, and the furthest fall, as fractions."""
    windows = overlapping_windows(history.times_ms, horizon_hours * HOUR_MS)
    if not len(windows.starts):
        raise InputError("--horizon-hours", "must fit the gaps of the series", horizon_hours)
    index = history.index_usd[:, coin]
    moves = index[windows.ends] / index[windows.starts] - 1
    return float(np.abs(moves).max()), max(float(-moves.min()), 0.0)
