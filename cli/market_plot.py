"""``zkm2m market plot``: the smiles of a chain with quotes and fit, its term structure, and the surface."""

from __future__ import annotations

from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import typer

from cli.options import JsonFlag
from cli.picture import check_picture, write_picture
from cli.progress import stages
from cli.render import console, print_json, utc
from rtnet_core.chain_quotes import read_chain
from rtnet_core.errors import InputError
from rtnet_core.surface_fit import FittedExpiry, FittedSurface, fit_surface

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS: Final = 3
#: Smiles are drawn this many standard deviations to either side, at most as far as there are quotes.
_DEVIATIONS: Final = 4.0


class View(StrEnum):
    """What is drawn."""

    ALL = "all"
    SMILES = "smiles"
    TERM = "term"
    SURFACE = "surface"


def plot(
    chain: Annotated[Path, typer.Argument(metavar="CHAIN.csv", help="The option chain of one coin.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The picture: .png or .svg; an older one is replaced.")
    ],
    view: Annotated[
        View, typer.Option("--view", help="Smiles with quotes and fit, term structure, surface, or all of them.")
    ] = View.ALL,
    as_json: JsonFlag = False,
) -> None:
    """Draw the smiles of a chain with bid, ask and the fitted slices, the term structure and the surface."""
    check_picture(out, "--out")
    with stages("fitting and drawing"):
        found = read_chain([chain])
        if len(found.currencies) != 1:
            raise InputError(str(chain), "must hold one coin", list(found.currencies))
        fitted = fit_surface(found.quotes)
        draw(out, fitted, view)
    quality = fitted.quality
    if as_json:
        print_json(
            {
                "picture": str(out),
                "view": view.value,
                "expiries": len(fitted.expiries),
                "two_sided": quality.two_sided,
                "inside": quality.inside,
            }
        )
        return
    fit = f"{quality.inside} of {quality.two_sided} two-sided quotes with the fit inside"
    console().print(f"{out}: {len(fitted.expiries)} expiries, {fit}", markup=False)


def draw(out: Path, fitted: FittedSurface, view: View) -> None:
    """Write the picture of a surface: smiles in rows of three, below them term structure and surface side by side.

    Raises
    ------
    ToolError
        The package matplotlib is not installed.
    """
    smile_rows = ceil(len(fitted.expiries) / _COLUMNS) if view in (View.ALL, View.SMILES) else 0
    heights = [1.0] * smile_rows + [1.6] * (view is not View.SMILES)

    def paint(figure: Figure) -> None:
        grid = figure.add_gridspec(len(heights), 6, height_ratios=heights)
        if smile_rows:
            for number, entry in enumerate(fitted.expiries):
                row, column = divmod(number, _COLUMNS)
                _smile(figure.add_subplot(grid[row, 2 * column : 2 * column + 2]), entry, first=number == 0)
        if view in (View.ALL, View.TERM):
            _term(figure.add_subplot(grid[-1, :3] if view is View.ALL else grid[-1, :]), fitted)
        if view in (View.ALL, View.SURFACE):
            place = grid[-1, 3:] if view is View.ALL else grid[-1, :]
            _surface(figure.add_subplot(place, projection="3d"), fitted)
        figure.suptitle(f"{fitted.surface.currency} options, {utc(fitted.surface.time_ms)}", fontsize=11)

    write_picture(out, paint, width=12, height=2.3 * sum(heights) + 0.6)


def _smile(axes: Any, entry: FittedExpiry, *, first: bool) -> None:
    columns, fitted = entry.columns, entry.slice
    reach = _DEVIATIONS * float(fitted.volatility(0.0)) * fitted.years**0.5
    lowest, highest = max(fitted.lowest_k, -reach), min(fitted.highest_k, reach)
    k = np.linspace(lowest, highest, 200)
    curve = 100 * fitted.volatility(k)
    seen = (columns.log_moneyness >= lowest) & (columns.log_moneyness <= highest)
    both = seen & np.isfinite(columns.bid) & np.isfinite(columns.ask)
    where, bid, ask = columns.log_moneyness[both], 100 * columns.bid[both], 100 * columns.ask[both]
    axes.vlines(where, bid, ask, color="tab:gray", linewidth=1.0, label="bid to ask")
    axes.plot(
        columns.log_moneyness[seen], 100 * columns.mark[seen], ".", markersize=2, color="tab:orange", label="mark"
    )
    axes.plot(k, curve, color="tab:blue", linewidth=1.2, label="SVI")
    room = 0.35 * float(np.ptp(curve)) + 2
    axes.set_ylim(max(float(curve.min()) - room, 0.0), float(curve.max()) + room)
    quality = entry.quality
    axes.set_title(f"{utc(fitted.expiry_ms)[:10]}: {quality.inside} of {quality.two_sided} inside")
    if first:
        axes.set_xlabel("ln(K/F)")
        axes.set_ylabel("volatility, %")
        axes.legend(fontsize=6)


def _term(axes: Any, fitted: FittedSurface) -> None:
    years, volatility = np.array(fitted.surface.at_the_money()).T
    fine = np.geomspace(years[0], years[-1], 200)
    between = [float(np.sqrt(fitted.surface.total_variance(0.0, time) / time)) for time in fine]
    axes.plot(365 * fine, 100 * np.array(between), color="tab:blue", linewidth=1.2)
    axes.plot(365 * years, 100 * volatility, "o", color="tab:blue", markersize=4)
    axes.set_xscale("log")
    axes.set_xlabel("days to expiry")
    axes.set_ylabel("volatility at the forward, %")
    axes.set_title("term structure")


def _surface(axes: Any, fitted: FittedSurface) -> None:
    years = np.geomspace(fitted.surface.slices[0].years, fitted.surface.slices[-1].years, 40)
    deviations = np.linspace(-2.5, 2.5, 41)
    rows = []
    for time in years:
        level = float(np.sqrt(fitted.surface.total_variance(0.0, time)))
        rows.append(np.sqrt(fitted.surface.total_variance(deviations * level, time) / time))
    x, y = np.meshgrid(deviations, np.log10(365 * years))
    axes.plot_surface(x, y, 100 * np.array(rows), cmap="viridis", linewidth=0, rcount=40, ccount=41)
    axes.set_xlabel("ln(K/F) in standard deviations")
    axes.set_ylabel("log10 days")
    axes.set_zlabel("volatility, %")
    axes.set_title("surface")
