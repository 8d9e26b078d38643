"""The picture of ``zkm2m risk backtest``: how much of the margin was used over time, and breaches by horizon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rtnet_core.risk.backtest import HOUR_MS, PORTFOLIOS, HorizonResult
from rtnet_core.risk.coverage import breach_rate_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What stands in the lowest row, and how it is drawn.
_MARKS: Final = {"price": "o", "volatility": "s", "short future": "^", "short straddle": "v", "long straddle": "D"}


def paint_results(figure: Figure, results: Sequence[HorizonResult], confidence: float) -> None:
    """Fill a figure: a column for each coin; price, worst portfolio, and breach rates below each other."""
    symbols = list(dict.fromkeys(result.symbol for result in results))
    grid = figure.subplots(3, len(symbols), squeeze=False)
    for column, symbol in enumerate(symbols):
        mine = [result for result in results if result.symbol == symbol]
        _use_over_time(grid[0, column], mine, ("price",), f"{symbol}: price move over scan range")
        _use_over_time(grid[1, column], mine, tuple(PORTFOLIOS), f"{symbol}: worst portfolio's loss over its margin")
        _breach_rates(grid[2, column], mine, confidence)
    figure.suptitle(f"Margin grid against history, claimed {confidence:.2%}", fontsize=11)


def _use_over_time(axes: Any, results: Sequence[HorizonResult], names: tuple[str, ...], title: str) -> None:
    for result in reversed(results):
        chosen = [check for check in result.checks if check.name in names]
        use = np.max([check.use for check in chosen], axis=0)
        times = chosen[0].starts_ms.astype("datetime64[ms]")
        (line,) = axes.plot(times, use, linewidth=0.6, label=f"{result.horizon_ms // HOUR_MS} h")
        above = use > 1
        axes.plot(times[above], use[above], "o", markersize=3, color=line.get_color())
    axes.axhline(1.0, color="tab:red", linewidth=1.0)
    axes.set_ylim(bottom=0.0)
    axes.set_title(title)
    axes.legend(fontsize=6, ncols=len(results), loc="upper center")
    axes.tick_params(axis="x", labelrotation=20)


def _breach_rates(axes: Any, results: Sequence[HorizonResult], confidence: float) -> None:
    """Draw breach rates of windows that do not overlap, with their exact 95 % intervals."""
    for number, (name, mark) in enumerate(_MARKS.items()):
        found = [next(check for check in result.checks if check.name == name).coverage for result in results]
        rates = np.array([coverage.breaches / coverage.observations for coverage in found])
        bounds = np.array([breach_rate_interval(coverage.observations, coverage.breaches) for coverage in found]).T
        places = np.arange(len(results)) + 0.12 * (number - (len(_MARKS) - 1) / 2)
        reach = np.abs(bounds - rates)
        axes.errorbar(places, 100 * rates, 100 * reach, fmt=mark, markersize=4, linewidth=0.8, capsize=2, label=name)
    axes.axhline(100 * (1 - confidence), color="tab:red", linewidth=1.0)
    axes.set_xticks(np.arange(len(results)), [f"{result.horizon_ms // HOUR_MS} h" for result in results])
    axes.set_ylabel("breaches, % of windows")
    axes.set_title("windows that do not overlap, 95 % intervals; the red line is what is claimed")
    axes.legend(fontsize=6)
