"""The pictures of ``zkm2m latency``: bad debt over the interval, and collateral over the settlement delay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rtnet_core.loss.latency import CollateralTurnover, LatencyRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Expected bad debt below this, of the notional in basis points, is drawn at it: a logarithmic axis has no zero.
_LEAST_BPS: Final = 1e-12


def paint_debt(figure: Figure, rows: Sequence[LatencyRow]) -> None:
    """Draw the bad debt of an interval, a line for each leverage."""
    axes = figure.subplots()
    for leverage in sorted({row.leverage for row in rows}):
        line = [row for row in rows if row.leverage == leverage]
        seconds = [row.interval_ms / 1_000 for row in line]
        debts = [max(row.bad_debt_bps, _LEAST_BPS) for row in line]
        axes.plot(seconds, debts, "o-", markersize=3, label=f"leverage {leverage:g}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("seconds between two looks")
    axes.set_ylabel("expected bad debt, basis points of the notional")
    axes.set_title("an account at its level of liquidation")
    axes.legend(fontsize=7)


def paint_velocity(figure: Figure, rows: Sequence[CollateralTurnover], flow: float) -> None:
    """Draw uses a day and the stock that a daily flow needs over the settlement delay."""
    axes = figure.subplots()
    hours = [row.settlement_ms / 3_600_000 for row in rows]
    axes.plot(hours, [row.uses_a_day for row in rows], "o-", markersize=3, color="tab:blue")
    axes.set_xscale("symlog", linthresh=0.01)
    axes.set_xlabel("hours of settlement")
    axes.set_ylabel("uses a day", color="tab:blue")
    other = axes.twinx()
    other.plot(hours, [row.stock_for(flow) for row in rows], "s--", markersize=3, color="tab:orange")
    other.set_yscale("log")
    other.set_ylabel(f"stock for {flow:g} a day", color="tab:orange")
    axes.set_title("turnover of collateral")
