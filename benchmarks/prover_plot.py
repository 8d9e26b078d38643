"""The picture of ``prover.json``: ``python -m benchmarks.prover_plot`` draws it anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.tables import RESULTS
from cli.picture import write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = dict[str, Any]


def draw() -> None:
    """Write ``benchmarks/results/prover.svg``."""
    rows: list[Row] = json.loads((RESULTS / "prover.json").read_text())
    write_picture(RESULTS / "prover.svg", lambda figure: paint(figure, rows), width=9.0, height=3.6)


def paint(figure: Figure, rows: Sequence[Row]) -> None:
    """Draw seconds of every backend, a group for each circuit and mode, and ours over the number of constraints."""
    compared, growth = figure.subplots(1, 2, width_ratios=(3, 2))
    _paint_backends(compared, [row for row in rows if "growth_exponent" not in row])
    _paint_growth(growth, [row for row in rows if "growth_exponent" in row])


def _paint_backends(axes: Axes, rows: Sequence[Row]) -> None:
    groups = list(dict.fromkeys((row["circuit"], row["mode"]) for row in rows))
    backends = list(dict.fromkeys(row["backend"] for row in rows))
    width = 0.8 / len(backends)
    for place, backend in enumerate(backends):
        found = {(row["circuit"], row["mode"]): row["seconds"] for row in rows if row["backend"] == backend}
        shown = [(groups.index(group), seconds) for group, seconds in found.items()]
        middles = [group + (place - (len(backends) - 1) / 2) * width for group, _ in shown]
        bars = axes.bar(middles, [seconds for _, seconds in shown], width, label=backend)
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set_yscale("log")
    axes.set_ylabel("seconds a proof")
    axes.set_xticks(range(len(groups)), [f"{circuit}\n{mode}" for circuit, mode in groups])
    axes.margins(y=0.15)
    axes.legend(fontsize=7)


def _paint_growth(axes: Axes, rows: Sequence[Row]) -> None:
    axes.loglog([row["constraints"] for row in rows], [row["seconds"] for row in rows], "o-", base=2, markersize=3)
    axes.set_yscale("log")
    axes.set_xlabel("constraints")
    axes.set_ylabel("seconds a proof, native and warm")
    axes.set_title(f"grows with the exponent {rows[0]['growth_exponent']:.2f}")


if __name__ == "__main__":
    draw()
