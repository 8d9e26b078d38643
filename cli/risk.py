"""``zkm2m risk``: margin models beside each other, the P&L of a move by greek, and the back-test of the margin grid.

SciPy takes half a second to load, so each command imports its work when it runs.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.files import check_output, read_market, read_params, write_public
from cli.margin import read_account
from cli.options import JsonFlag, MarketOption, ParamsOption
from cli.picture import PlotOption, check_picture, write_picture
from cli.progress import stages
from cli.render import console, print_json

app = typer.Typer(help="Risk models: margins compared, P&L explained, the grid back-tested.", no_args_is_help=True)

_DEFAULT_HOURS: Final = [6, 12, 24, 48, 72]

_SERIES_HELP: Final = "Index and volatility: timestamp, and <coin>_index and <coin>_atm_iv_30d of each coin."
AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="An account's file, or with --book the id of one of its accounts.")
]
BookOption = Annotated[
    Path | None, typer.Option("--book", metavar="FOLDER", help="The book that the account stands in.")
]
ConfidenceOption = Annotated[float, typer.Option("--confidence", min=50.0, max=99.99, help="In per cent.")]


class ForecastChoice(StrEnum):
    """Which volatility forecast is checked beside the grid."""

    EWMA = "ewma"
    GARCH = "garch"


@app.command("models", epilog="Example: zkm2m risk models acct-000000 --book book --market market.json")
def models(
    account: AccountArgument,
    market: MarketOption,
    params: ParamsOption = None,
    book: BookOption = None,
    series: Annotated[
        Path | None,
        typer.Option("--series", metavar="FILE.csv", help=f"{_SERIES_HELP} With it come the simulations."),
    ] = None,
    horizon_hours: Annotated[
        int, typer.Option("--horizon-hours", min=1, max=720, help="Horizon of the simulations.")
    ] = 24,
    confidence: ConfidenceOption = 99.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the simulations.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Show one account's initial, maintenance and close-out margin under every model.

    The proven rule, the scenario grids of two venues, rule-based standard margin, and with --series the expected
    shortfall of historical, filtered historical and Monte Carlo simulation.
    """
    from cli.risk_models import compared, compared_json, print_compared

    snapshot = read_market(market)
    chosen, holder = read_params(params, snapshot), read_account(account, book)
    with stages("margining under every model"):
        found = compared(holder, snapshot, chosen, series, horizon_hours, confidence / 100, seed)
    if as_json:
        print_json(compared_json(holder, found))
        return
    print_compared(holder, found)


@app.command("attribute", epilog="Example: zkm2m risk attribute a.json --before monday.json --after tuesday.json")
def attribute(
    account: AccountArgument,
    before: Annotated[Path, typer.Option("--before", metavar="FILE", help="The market file before the move.")],
    after: Annotated[Path, typer.Option("--after", metavar="FILE", help="The one after it, of the same instruments.")],
    book: BookOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell an account's P&L over a move by greek, cross terms and residual; the parts add up to the tick."""
    from cli.risk_models import attributed, print_attributed

    found = attributed(read_account(account, book), read_market(before), read_market(after))
    if as_json:
        print_json(found)
        return
    print_attributed(found)


@app.command("greeks", epilog="Example: zkm2m risk greeks --book book --market market.json")
def greeks(
    book: Annotated[Path, typer.Option("--book", metavar="FOLDER", help="The book.")],
    market: MarketOption,
    top: Annotated[int, typer.Option("--top", min=1, max=1_000, help="How many of the largest accounts.")] = 10,
    as_json: JsonFlag = False,
) -> None:
    """Show the greeks of a whole book: net, gross, and the accounts with most delta, by underlying.

    Delta is the P&L of a 1 % move, gamma its change for a further 1 %, vega that of a volatility point, theta that of a
    day, rho that of 1 % of interest. Net is zero in a book whose every long has its short.
    """
    from cli.risk_models import book_greeks, print_book_greeks

    with stages("reading the book"):
        found = book_greeks(book, read_market(market), top)
    if as_json:
        print_json(found)
        return
    print_book_greeks(found)


@app.command("retune", epilog="Example: zkm2m risk retune index.csv --params p.json --out p.json --log changes.jsonl")
def retune(
    series: Annotated[Path, typer.Argument(metavar="SERIES.csv", help=_SERIES_HELP)],
    params: Annotated[Path, typer.Option("--params", metavar="FILE", help="The margin parameters that apply.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new ones; it may be the same file.")],
    log: Annotated[
        Path,
        typer.Option("--log", metavar="FILE", help="Every change, a record a line: checked, then added to."),
    ],
    horizon_hours: Annotated[
        int, typer.Option("--horizon-hours", min=1, max=720, help="What scan ranges and haircuts shall cover.")
    ] = 24,
    confidence: ConfidenceOption = 99.0,
    forecast: Annotated[
        ForecastChoice, typer.Option("--forecast", help="The volatility forecast that they follow.")
    ] = ForecastChoice.EWMA,
    as_json: JsonFlag = False,
) -> None:
    """Move scan ranges and haircuts one bounded step towards a volatility forecast, and log every change.

    Wanted is three parts forecast (its Student t quantile) and one part the largest move of the series; a step is at
    most +25 % or -5 % of the parameter. The log is a chain of hashes: whoever knows the last one can check it all.
    """
    from cli.risk_retune import print_retuned, retuned

    for path in (out, log):
        check_output(path)
    with stages("forecasting"):
        found = retuned(series, params, log, horizon_hours, confidence / 100, forecast.value)
    # The log first: parameters that no record explains must never be seen.
    write_public(log, found.log_lines)
    write_public(out, found.params.to_json_bytes())
    if as_json:
        print_json(found.as_json(out, log))
        return
    print_retuned(found, out, log)


@app.command("backtest", epilog="Example: zkm2m risk backtest index.csv --plot coverage.svg")
def backtest(
    series: Annotated[Path, typer.Argument(metavar="SERIES.csv", help=_SERIES_HELP)],
    horizon_hours: Annotated[
        list[int] | None,
        typer.Option("--horizon-hours", min=1, max=720, help="Length of the windows; repeat it for several."),
    ] = None,
    confidence: ConfidenceOption = 99.0,
    forecast: Annotated[
        ForecastChoice, typer.Option("--forecast", help="The volatility forecast that is checked beside the grid.")
    ] = ForecastChoice.EWMA,
    params: ParamsOption = None,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Check the margin grid against a market's history: breaches by horizon, and whether they fit the confidence.

    Kupiec's test asks whether breaches are as frequent as claimed, Christoffersen's whether they come one by one; both
    on windows that do not overlap. Breaches of overlapping windows are counted beside.
    """
    from cli.risk_backtest import as_json as content_of
    from cli.risk_backtest import print_results, read_series, results_of
    from cli.risk_plot import paint_results

    check_picture(plot)
    history = read_series(series)
    hours = sorted(set(horizon_hours or _DEFAULT_HOURS))
    with stages("revaluing and testing"):
        results = results_of(history, params, hours, confidence / 100, forecast.value)
    if plot is not None:
        coins = len({result.symbol for result in results})
        write_picture(
            plot, lambda figure: paint_results(figure, results, confidence / 100), width=6.5 * coins, height=9
        )
    if as_json:
        print_json(content_of(series, history, confidence / 100, plot, results))
        return
    print_results(results, confidence / 100)
    if plot is not None:
        console().print(f"picture written to {plot}", markup=False)
