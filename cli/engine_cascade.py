"""``zkm2m engine cascade``: a shock, the liquidations it sets off, and those that these set off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from cli.engine_replica import replica
from cli.files import read_market, read_params
from cli.options import JsonFlag
from cli.picture import PlotOption, check_picture, write_picture
from cli.progress import stages
from cli.render import console, facts, print_json, table
from rtnet_core.account import Book, amounts, quantities
from rtnet_core.engine.controls import DEFAULT_CONTROLS, DEFAULT_LIQUIDITY, Controls
from rtnet_core.engine.live import Levels
from rtnet_core.errors import InputError
from rtnet_core.params import Params
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot

_MILLION: Final = 10**6 * TICKS_PER_USD


def cascade(
    shock: Annotated[
        list[str],
        typer.Option("--shock", metavar="COIN=BPS", help="First move of an index, -800 for -8 %; repeat it for more."),
    ],
    log: Annotated[
        str | None,
        typer.Option("--log", metavar="LOG", help="The venue's event log; or give --book and --market."),
    ] = None,
    book: Annotated[Path | None, typer.Option("--book", metavar="BOOK", help="A book's folder.")] = None,
    market: Annotated[Path | None, typer.Option("--market", metavar="FILE", help="The book's market.")] = None,
    params: Annotated[
        Path | None, typer.Option("--params", metavar="FILE", help="Margin parameters; without it, the defaults.")
    ] = None,
    volume: Annotated[
        list[str] | None,
        typer.Option("--volume", metavar="COIN=USD", help="USD traded in a day; otherwise the venue's controls tell."),
    ] = None,
    volatility: Annotated[
        list[str] | None, typer.Option("--volatility", metavar="COIN=BPS", help="Volatility of a day, likewise.")
    ] = None,
    impact_bps: Annotated[
        int, typer.Option("--impact-bps", min=0, help="Factor of the square-root law; 10,000 is one.")
    ] = 10_000,
    recovery_bps: Annotated[
        int, typer.Option("--recovery-bps", min=0, max=10_000, help="Share of orders absorbed after each round.")
    ] = 0,
    noise_bps: Annotated[
        int, typer.Option("--noise-bps", min=0, max=10_000, help="Standard deviation of a further move each round.")
    ] = 0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=10_000, help="At most so many.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, max=(1 << 64) - 1, help="Of the noise.")] = 0,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Play a shock on a venue: liquidations move the price, and the price liquidates the next, round by round.

    It looks at the state and changes nothing. Levels, target, penalty, volumes and volatilities are those of the log's
    controls; for a book they are the defaults.
    """
    # SciPy takes half a second to load: only the commands that use it pay.
    from rtnet_core.loss.cascade import CascadeBook, CascadeRules, simulate_cascade

    check_picture(plot)
    venue = _venue_of(log, book, market, params)
    symbols = [entry.symbol for entry in venue.snapshot.underlyings]
    shocks = _numbers("--shock", shock, symbols)
    volumes, volatilities = _liquidity(venue, _numbers("--volume", volume, symbols))
    volatilities |= _numbers("--volatility", volatility, symbols)
    rules = CascadeRules(
        volume_lots=tuple(volumes[symbol] for symbol in symbols),
        volatility_bps=tuple(volatilities[symbol] for symbol in symbols),
        impact_bps=impact_bps,
        recovery_bps=recovery_bps,
        noise_bps=noise_bps,
        liquidate_bps=venue.levels.maintenance_bps,
        target_bps=max(venue.controls.target_bps, venue.levels.maintenance_bps),
        penalty_bps=venue.controls.penalty_bps,
        rounds=rounds,
    )
    with stages("playing the cascade"):
        found = simulate_cascade(venue.snapshot, venue.params, CascadeBook(*venue.book), shocks, rules, seed)
    if plot is not None:
        from cli.cascade_plot import paint_cascade

        write_picture(plot, lambda figure: paint_cascade(figure, found, symbols), height=7)
    totals = {
        name: sum(getattr(entry, name) for entry in found.rounds)
        for name in ("liquidated", "closed_out", "closed_ticks", "penalty_ticks", "cost_ticks", "bad_debt_ticks")
    }
    if as_json:
        content = {"symbols": symbols, "shock_bps": shocks, "rules": asdict(rules), "seed": seed}
        print_json({**content, "rounds": [asdict(entry) for entry in found.rounds], "totals": totals})
        return
    _print(symbols, found.rounds, totals, len(venue.book[0]))
    if plot is not None:
        console().print(f"picture written to {plot}", markup=False)


@dataclass(frozen=True, slots=True)
class _Venue:
    """What a cascade is played on; `book` is lots (N, K), cash in ticks (N,) and collateral in units (N, A)."""

    snapshot: Snapshot
    params: Params
    controls: Controls
    levels: Levels
    book: tuple[Any, Any, Any]


def _venue_of(log: str | None, book: Path | None, market: Path | None, params: Path | None) -> _Venue:
    """Return the venue of a log as it is now, or that of a book."""
    if log is not None and book is None and market is None and params is None:
        with replica(log) as engine:
            ledger, live, count = engine.venue.ledger, engine.venue.live, engine.venue.ledger.count
            held = ledger.lots[:count], ledger.cash[:count].astype(np.float64), ledger.collateral[:count]
            return _Venue(live.rates.snapshot, live.rates.params, engine.venue.safeguards.controls, live.levels, held)
    if log is not None or book is None or market is None:
        raise InputError("--log", "must be given alone, or --book with --market and perhaps --params")
    snapshot = read_market(market)
    return _Venue(snapshot, read_params(params, snapshot), DEFAULT_CONTROLS, Levels(), _of_book(book, snapshot))


def _liquidity(venue: _Venue, volumes_usd: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Return lots traded and volatility in a day, by coin: as given, or as the venue's controls have them."""
    volumes, volatilities = {}, {}
    for entry in venue.snapshot.underlyings:
        terms = venue.controls.liquidity.get(entry.symbol, DEFAULT_LIQUIDITY)
        given = volumes_usd.get(entry.symbol)
        ticks = terms.volume_ticks if given is None else given * TICKS_PER_USD
        volumes[entry.symbol] = max(1, ticks // entry.index_ticks)
        volatilities[entry.symbol] = terms.volatility_bps
    return volumes, volatilities


def _of_book(folder: Path, snapshot: Snapshot) -> tuple[Any, Any, Any]:
    accounts = list(Book(folder))
    if not accounts:
        raise InputError(str(folder), "must hold an account")
    cash = np.array([account.cash_ticks for account in accounts], dtype=np.float64)
    return (
        np.array([quantities(account, snapshot) for account in accounts], dtype=np.int64),
        cash,
        np.array([amounts(account, snapshot) for account in accounts], dtype=np.int64),
    )


def _numbers(option: str, given: list[str] | None, symbols: list[str]) -> dict[str, int]:
    """Return what ``COIN=NUMBER`` options say."""
    found: dict[str, int] = {}
    for text in given or []:
        symbol, equals, number = text.partition("=")
        try:
            found[symbol] = int(number)
        except ValueError:
            equals = ""
        if not equals or symbol not in symbols:
            raise InputError(option, f"must be COIN=NUMBER with a coin of {', '.join(symbols)}", text)
    return found


def _print(symbols: list[str], rounds: Any, totals: dict[str, float], accounts: int) -> None:
    rows = [
        (
            number,
            *(f"{100 * (factor - 1):+.2f} %" for factor in entry.price_factors),
            f"{entry.liquidated:,}",
            f"{entry.closed_out:,}",
            f"{entry.closed_ticks / _MILLION:,.3f}",
            f"{entry.penalty_ticks / _MILLION:,.3f}",
            f"{entry.cost_ticks / _MILLION:,.3f}",
            f"{entry.bad_debt_ticks / _MILLION:,.3f}",
        )
        for number, entry in enumerate(rounds, start=1)
    ]
    columns = (">round", *(f">{symbol}" for symbol in symbols), ">liquidated", ">closed out", ">closed")
    columns += (">penalties", ">costs", ">bad debt")
    console().print(table("Cascade: accounts; delta closed and money in million USD", columns, rows))
    shown = {
        "accounts": f"{accounts:,}",
        "rounds": f"{len(rounds):,}" + ("" if not rounds[-1].liquidated else ", and not at its end"),
        "delta closed": f"{totals['closed_ticks'] / _MILLION:,.3f} million USD",
        "bad debt": f"{totals['bad_debt_ticks'] / _MILLION:,.3f} million USD",
    }
    console().print(facts("All rounds", shown))
