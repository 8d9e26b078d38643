"""The picture of a crash replayed: index, accounts by state, margin ratios, and the money that moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.engine.scenario import BANDS, Crash
from rtnet_core.snapshot import TICKS_PER_USD

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MILLION: Final = 10**6 * TICKS_PER_USD


def paint_crash(figure: Figure, crash: Crash) -> None:
    """Draw a replay step by step."""
    prices, accounts, health, money = figure.subplots(4, 1, sharex=True)
    times = np.array([step.time_ms for step in crash.steps], dtype="datetime64[ms]")
    for place, symbol in enumerate(crash.symbols):
        start = crash.steps[0].index_usd[place]
        path = [100 * (step.index_usd[place] / start - 1) for step in crash.steps]
        prices.plot(times, path, "o-", markersize=3, label=symbol)
    prices.set_ylabel("index, % of start")
    prices.legend(fontsize=7)
    columns = {
        "below initial": [step.called for step in crash.steps],
        "below maintenance": [step.below_maintenance for step in crash.steps],
        "bankrupt": [step.bankrupt for step in crash.steps],
    }
    accounts.stackplot(
        times, *columns.values(), labels=list(columns), colors=["tab:olive", "tab:orange", "tab:red"], step="post"
    )
    accounts.set_ylabel("accounts before the clear")
    accounts.legend(fontsize=7)
    _paint_bands(health, times, crash)
    for label, ticks in (
        ("closed", [step.liquidated_ticks for step in crash.steps]),
        ("insurance fund", [step.insurance_fund_ticks for step in crash.steps]),
        ("deficits", [step.deficit_ticks for step in crash.steps]),
        ("borne by accounts", [step.deleveraged_ticks + step.socialised_ticks for step in crash.steps]),
    ):
        money.plot(times, [number / _MILLION for number in ticks], "o-", markersize=3, label=label)
    money.set_yscale("symlog", linthresh=0.01)
    money.set_ylabel("million USD")
    money.legend(fontsize=7)
    money.tick_params(axis="x", rotation=30)


def _paint_bands(axes: Axes, times: NDArray[np.datetime64], crash: Crash) -> None:
    """Draw the quantiles of the margin ratio as bands around the middle one."""
    when = times[[bool(step.bands) for step in crash.steps]]
    lines = list(zip(*(step.bands for step in crash.steps if step.bands), strict=True))
    middle = len(BANDS) // 2
    for number in range(middle if lines else 0):
        label = f"{BANDS[number]:.0%} to {BANDS[-1 - number]:.0%} of the accounts"
        axes.fill_between(when, lines[number], lines[-1 - number], color="tab:blue", alpha=0.2, label=label)
    if lines:
        axes.plot(when, lines[middle], color="tab:blue", label="the middle one")
    axes.axhline(1.0, color="tab:red", linewidth=0.8)
    axes.set_ylabel("margin ratio after the clear")
    axes.legend(fontsize=7)
