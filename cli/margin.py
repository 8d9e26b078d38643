"""``zkm2m margin``: what one account is worth, what it must hold, and in which scenario it loses most."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from cli.files import read_bytes, read_market, read_params
from cli.options import DEFAULT_THRESHOLD_BPS, JsonFlag, MarketOption, ParamsOption, ThresholdOption
from cli.render import console, facts, percent, print_json, scenario_name, table, usd, usd_e4
from rtnet_core.account import Account, Book
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.margin_exact import AccountMargin, AccountVector, UnderlyingMargin, account_margin, account_vector
from rtnet_core.params import Params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot

_E8_PER_USD: Final = TICKS_PER_USD * BPS * BPS


@dataclass(frozen=True, slots=True)
class Sensitivities:
    """Vega, theta and rho of one underlying by the fast engine: P&L of a volatility point, a day, 1 % of interest."""

    vega_ticks: float
    theta_ticks: float
    rho_ticks: float


def margin(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="An account's file, or with --book the id of one of its accounts.")
    ],
    market: MarketOption,
    params: ParamsOption = None,
    book: Annotated[
        Path | None, typer.Option("--book", metavar="FOLDER", help="The book that the account stands in.")
    ] = None,
    threshold_bps: ThresholdOption = DEFAULT_THRESHOLD_BPS,
    as_json: JsonFlag = False,
) -> None:
    """Show the margin of one account, by the exact engine: the figures that a proof would be about.

    Delta is the P&L of a 1 % move, gamma its change for a further 1 %; vega is for a volatility point, theta for a day.
    """
    snapshot = read_market(market)
    chosen = read_params(params, snapshot)
    holder = read_account(account, book)
    vector = account_vector(holder, snapshot)
    found = account_margin(vector, build_risk_array(snapshot, chosen), margin_params(chosen, snapshot))
    greeks = _sensitivities(vector, snapshot, chosen)
    if as_json:
        print_json(_as_json(holder, found, greeks, snapshot, chosen, threshold_bps))
        return
    _print(holder, vector, found, greeks, snapshot, chosen, threshold_bps)


def read_account(name: str, book: Path | None) -> Account:
    """Return the account in the file `name`, or the one of that id in a book.

    Raises
    ------
    InputError
        There is none.
    """
    if book is None:
        return Account.from_json(read_bytes(Path(name)), name)
    for entry in Book(book):
        if entry.id == name:
            return entry
    raise InputError("ACCOUNT", f"is not an account of the book {book}")


def _sensitivities(vector: AccountVector, snapshot: Snapshot, params: Params) -> list[Sensitivities]:
    # SciPy takes half a second to load: only the commands that use the fast engine pay.
    from rtnet_core.pricing_fast import fast_rows

    rows = fast_rows(snapshot, params)
    slots = snapshot.sizes.slots
    sums = []
    for underlying in range(len(snapshot.underlyings)):
        here = slice(slots * underlying, slots * (underlying + 1))
        lots = [float(number) for number in vector.quantities[here]]
        vega, theta, rho = (
            sum(number * float(ticks) for number, ticks in zip(lots, column[here], strict=True))
            for column in (rows.vega, rows.theta, rows.rho)
        )
        sums.append(Sensitivities(vega, theta, rho))
    return sums


def _worst(found: UnderlyingMargin, params: Params, underlying: int, snapshot: Snapshot) -> str:
    if found.worst_scenario is None:
        return "none loses money"
    return scenario_name(params.scenarios[found.worst_scenario], params.of_underlyings(snapshot)[underlying])


def _print(
    account: Account,
    vector: AccountVector,
    found: AccountMargin,
    greeks: list[Sensitivities],
    snapshot: Snapshot,
    params: Params,
    threshold_bps: int,
) -> None:
    out = console()
    clears = found.clears(threshold_bps)
    marked = sum(entry.net_mark for entry in found.underlyings)
    rows: dict[str, object] = {
        "cash": usd(vector.cash_ticks),
        "collateral after haircut": usd_e4(sum(found.credits_e4)),
        "positions at mark": usd(marked),
        "NLV": usd_e4(found.nlv_e4),
        "maintenance margin": usd_e4(found.maintenance_e4),
        "margin ratio": "no margin needed" if found.ratio_bps is None else percent(found.ratio_bps),
        f"headroom at {percent(threshold_bps)}": usd(found.headroom_e8(threshold_bps), _E8_PER_USD),
        "verdict": Text("clears", "green") if clears else Text("below the threshold", "red"),
    }
    out.print(facts(f"Account {account.id}, USD", rows, side="right"))
    symbols = [entry.symbol for entry in snapshot.underlyings]
    parts = list(zip(symbols, found.underlyings, strict=False))
    columns = ("underlying", ">scan risk", ">size", ">short options", ">delta/gamma", ">maintenance")
    terms = [
        (
            symbol,
            usd(entry.scan_risk),
            usd_e4(entry.size_add_on_e4),
            usd_e4(entry.short_option_minimum_e4),
            usd_e4(entry.delta_gamma_add_on_e4),
            usd_e4(entry.maintenance_e4),
        )
        for symbol, entry in parts
    ]
    out.print(table("Maintenance margin, USD", columns, terms))
    worst = [(symbol, _worst(entry, params, number, snapshot)) for number, (symbol, entry) in enumerate(parts)]
    out.print(table("Worst scenario", ("underlying", "scenario"), worst))
    columns = ("underlying", ">delta", ">gamma", ">vega", ">theta", ">rho")
    sensitivities = [
        (
            symbol,
            usd(entry.net_delta),
            usd(entry.net_gamma),
            *(usd(Fraction(ticks)) for ticks in (greek.vega_ticks, greek.theta_ticks, greek.rho_ticks)),
        )
        for (symbol, entry), greek in zip(parts, greeks, strict=True)
    ]
    out.print(table("Greeks, USD", columns, sensitivities))


def _as_json(
    account: Account,
    found: AccountMargin,
    greeks: list[Sensitivities],
    snapshot: Snapshot,
    params: Params,
    threshold_bps: int,
) -> dict[str, Any]:
    """Return the report with exact money as decimal strings: ticks, or parts of one where a name ends in _e4 or _e8."""
    underlyings = []
    for number, entry in enumerate(snapshot.underlyings):
        part, greek = found.underlyings[number], greeks[number]
        underlyings.append(
            {
                "symbol": entry.symbol,
                "net_mark_ticks": str(part.net_mark),
                "scan_risk_ticks": str(part.scan_risk),
                "worst_scenario": part.worst_scenario,
                "worst_scenario_name": _worst(part, params, number, snapshot),
                "scenario_pnl_ticks": [str(change) for change in part.scenario_pnl],
                "size_add_on_e4": str(part.size_add_on_e4),
                "short_option_minimum_e4": str(part.short_option_minimum_e4),
                "delta_gamma_add_on_e4": str(part.delta_gamma_add_on_e4),
                "maintenance_e4": str(part.maintenance_e4),
                "delta_ticks": str(part.net_delta),
                "gamma_ticks": str(part.net_gamma),
                "vega_ticks": greek.vega_ticks,
                "theta_ticks": greek.theta_ticks,
                "rho_ticks": greek.rho_ticks,
            }
        )
    return {
        "account": account.id,
        "nlv_e4": str(found.nlv_e4),
        "maintenance_e4": str(found.maintenance_e4),
        "ratio_bps": found.ratio_bps,
        "threshold_bps": threshold_bps,
        "headroom_e8": str(found.headroom_e8(threshold_bps)),
        "clears": found.clears(threshold_bps),
        "underlyings": underlyings,
    }
