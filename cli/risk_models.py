"""What ``zkm2m risk models``, ``attribute`` and ``greeks`` compute and print."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from cli.render import console, duration, percent, table, usd
from cli.risk_backtest import read_series
from rtnet_core.account import Account, Book, amounts, quantities
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, MS_PER_YEAR
from rtnet_core.margin_fast import FastMarket
from rtnet_core.params import Params
from rtnet_core.risk.asset_terms import AssetTerms
from rtnet_core.risk.attribution import Attribution, GreekSums, greek_sums
from rtnet_core.risk.attribution import attribute as attribution_of
from rtnet_core.risk.backtest import HOUR_MS, STEP_DECAY, STEP_MS
from rtnet_core.risk.forecast import regular_returns
from rtnet_core.risk.grid_margin import GridMargin
from rtnet_core.risk.grid_params import DERIBIT_BTC, DERIVE_PMRM
from rtnet_core.risk.margin_models import Holdings, Levels, MarginModel, ProvenRule
from rtnet_core.risk.ranges import Floats
from rtnet_core.risk.risk_market import RiskMarket
from rtnet_core.risk.simulated_moves import covariance_of, filtered_moves, historical_moves, monte_carlo_moves
from rtnet_core.risk.simulation_margin import FactorMoves, SimulationMargin
from rtnet_core.risk.standard_margin import StandardMargin
from rtnet_core.snapshot import Snapshot

_GREEKS: Final = tuple(field.name for field in fields(GreekSums))
#: The parts of an attribution in the order in which they are told.
_PARTS: Final = tuple(field.name for field in fields(Attribution))


@dataclass(frozen=True, slots=True)
class Compared:
    """An account under one model."""

    model: str
    levels: Levels


def compared(
    account: Account,
    snapshot: Snapshot,
    params: Params,
    series: Path | None,
    horizon_hours: int,
    confidence: float,
    seed: int,
) -> list[Compared]:
    """Return the account under every model; the simulations only with a series of the market's coins.

    Collateral counts at the first rate of its haircut in the venues' models, at market in the simulations.

    Raises
    ------
    InputError
        The account or the series does not fit the market.
    """
    market = RiskMarket.from_snapshot(snapshot)
    haircut = {asset.symbol: 1 - asset.rate_bps / BPS for asset in params.of_assets(snapshot)}
    terms = AssetTerms.of(market, haircut=haircut)
    grids = len(market.symbols)
    lot_coins = np.array([float(Fraction(entry.lot)) for entry in snapshot.underlyings])
    found: list[tuple[str, MarginModel]] = [
        ("proven rule", ProvenRule(FastMarket.from_snapshot(snapshot, params))),
        ("Deribit's grid", GridMargin(market, (DERIBIT_BTC,) * grids, terms)),
        ("Derive's grid", GridMargin(market, (DERIVE_PMRM,) * grids, terms)),
        ("Deribit's standard margin", StandardMargin(market, lot_coins, terms)),
    ]
    if series is not None:
        returns = _factor_returns(series, market)
        steps = max(round(horizon_hours * HOUR_MS / STEP_MS), 1)
        sources = {
            "historical simulation": historical_moves(returns, steps),
            "filtered historical simulation": filtered_moves(
                returns, horizon_steps=steps, paths=10_000, seed=seed, decay=STEP_DECAY
            ),
            "Monte Carlo simulation": monte_carlo_moves(
                covariance_of(returns, STEP_DECAY), horizon_steps=steps, seed=seed
            ),
        }
        at_market = AssetTerms.of(market)
        for name, rows in sources.items():
            moves = FactorMoves.from_rows(rows, grids, {}, len(market.asset_price))
            years = steps * STEP_MS / MS_PER_YEAR
            model = SimulationMargin(market, moves, at_market, confidence, horizon_years=years)
            found.append((name, model))
    holdings = Holdings.of([quantities(account, snapshot)], [account.cash_ticks], [amounts(account, snapshot)])
    return [Compared(name, model.levels(holdings)) for name, model in found]


def compared_json(account: Account, found: list[Compared]) -> dict[str, Any]:
    """Return the comparison for a program; ticks as floats, since these models are not exact."""
    names = ("value", "initial", "maintenance", "close_out")
    return {
        "account": account.id,
        "models": [
            {"model": entry.model, **{f"{name}_ticks": float(getattr(entry.levels, name)[0]) for name in names}}
            for entry in found
        ],
    }


def print_compared(account: Account, found: list[Compared]) -> None:
    """Print a row for each model."""
    rows = []
    for entry in found:
        value, initial, maintenance, close_out = (
            float(level[0])
            for level in (entry.levels.value, entry.levels.initial, entry.levels.maintenance, entry.levels.close_out)
        )
        ratio = percent(round(BPS * value / maintenance)) if maintenance > 0 else "-"
        rows.append((entry.model, *(usd(round(ticks)) for ticks in (value, initial, maintenance, close_out)), ratio))
    columns = ("model", ">value", ">initial", ">maintenance", ">close-out", ">value / maintenance")
    console().print(table(f"Account {account.id}, USD", columns, rows))


def attributed(account: Account, before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """Return the account's P&L between two markets by underlying and cause, in whole ticks.

    Raises
    ------
    InputError
        The markets list different instruments, the second is not later, or the account does not fit them.
    """
    elapsed_ms = after.time_ms - before.time_ms
    if elapsed_ms <= 0:
        raise InputError("--after", f"must be later than {before.time_ms}", after.time_ms)
    markets = [RiskMarket.from_snapshot(entry) for entry in (before, after)]
    lots = [quantities(account, before)]
    found = attribution_of(markets[0], markets[1], lots, elapsed_ms / MS_PER_YEAR)
    return {
        "account": account.id,
        "elapsed_ms": elapsed_ms,
        "underlyings": [
            {"symbol": symbol, **{f"{part}_ticks": int(getattr(found, part)[0, number]) for part in _PARTS}}
            for number, symbol in enumerate(markets[0].symbols)
        ],
    }


def print_attributed(found: dict[str, Any]) -> None:
    """Print a column for each underlying and a row for each cause."""
    entries = found["underlyings"]
    rows = [(part, *(usd(entry[f"{part}_ticks"]) for entry in entries)) for part in (*_PARTS[1:], _PARTS[0])]
    columns = ("cause", *(f">{entry['symbol']}, USD" for entry in entries))
    console().print(table(f"P&L over {duration(found['elapsed_ms'])}", columns, rows))


def book_greeks(folder: Path, snapshot: Snapshot, top: int) -> dict[str, Any]:
    """Return net and gross greeks of a book by underlying, and its accounts of most delta, in ticks.

    Raises
    ------
    InputError
        The book cannot be read, or names what the market does not list.
    """
    market = RiskMarket.from_snapshot(snapshot)
    names, lots = [], []
    for account in Book(folder):
        names.append(account.id)
        lots.append(quantities(account, snapshot))
    sums = greek_sums(market, lots)
    net = sums.venue()
    underlyings = []
    for number, symbol in enumerate(market.symbols):
        columns = {greek: getattr(sums, greek)[:, number] for greek in _GREEKS}
        largest = np.argsort(-np.abs(columns["delta"]), kind="stable")[:top]
        underlyings.append(
            {
                "symbol": symbol,
                "net": {greek: float(getattr(net, greek)[number]) for greek in _GREEKS},
                "gross": {greek: float(np.abs(column).sum()) for greek, column in columns.items()},
                "largest": [
                    {"account": names[row], **{greek: float(column[row]) for greek, column in columns.items()}}
                    for row in largest
                ],
            }
        )
    return {"accounts": len(names), "underlyings": underlyings}


def print_book_greeks(found: dict[str, Any]) -> None:
    """Print a table for each underlying."""
    for entry in found["underlyings"]:
        rows = [
            (name, *(usd(round(figures[greek])) for greek in _GREEKS))
            for name, figures in (
                ("net", entry["net"]),
                ("gross", entry["gross"]),
                *((row["account"], row) for row in entry["largest"]),
            )
        ]
        title = f"{entry['symbol']}: greeks of {found['accounts']:,} accounts, USD"
        console().print(table(title, ("account", *(f">{greek}" for greek in _GREEKS)), rows))


def _factor_returns(path: Path, market: RiskMarket) -> Floats:
    """Return the log moves of prices, then volatilities, of the market's underlyings, scaled to regular steps."""
    history = read_series(path)
    for symbol in market.symbols:
        if symbol not in history.symbols:
            raise InputError(str(path), "must have every underlying of the market", symbol)
    columns = [history.symbols.index(symbol) for symbol in market.symbols]
    levels = np.concatenate([history.index_usd[:, columns], history.volatility[:, columns]], axis=1)
    return regular_returns(history.times_ms, levels, STEP_MS)
