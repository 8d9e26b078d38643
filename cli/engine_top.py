"""``zkm2m engine top``: a venue as it stands, from a replica that follows the log."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli.engine_replica import replica
from cli.options import JsonFlag
from cli.render import console, facts, print_json, table, usd, utc
from rtnet_core.engine.core import Engine
from rtnet_core.engine.ledger import FEES, INSURANCE_FUND, VAULT
from rtnet_core.limits import BPS
from rtnet_core.loss.breaker import Breaker, Phase
from rtnet_core.pricing_fast import fast_rows
from rtnet_core.snapshot import TICKS_PER_USD

GREEKS = ("delta", "gamma", "vega", "theta", "rho")


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account: money in ticks; the ratio is infinite without maintenance margin.

    Attributes
    ----------
    called
        What the account is called for: to be paid in for it to clear the initial level.
    """

    id: str
    nlv: float
    maintenance: float
    ratio: float
    called: float
    standing: str
    greeks: dict[str, float]


def top(
    log: Annotated[str, typer.Option("--log", metavar="LOG", help="The event log that an engine writes.")],
    rows: Annotated[int, typer.Option("--rows", min=1, max=200, help="How many accounts to show.")] = 15,
    interval: Annotated[float, typer.Option("--interval", min=0.1, max=60, help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show a running venue: the accounts nearest to their margin, greeks, pools, events a second.

    It follows the log in a process of its own, and never holds the engine up. With --json it looks once.
    """
    with replica(log) as engine:
        if as_json:
            print_json(_content(engine, rows))
        elif once:
            console().print(_screen(engine, rows, None))
        else:
            _follow(engine, rows, interval)


def weakest_accounts(engine: Engine, count: int) -> list[AccountView]:
    """Return the accounts of the lowest margin ratio, the lowest first; those without maintenance margin come last."""
    ledger, live = engine.venue.ledger, engine.venue.live
    figures = live.refresh()
    unbounded = np.where(figures.nlv >= 0, np.inf, -np.inf)
    ratio = np.divide(figures.nlv, figures.maintenance, out=unbounded, where=figures.maintenance > 0)
    order = np.argsort(ratio, kind="stable")[:count]
    initial = live.levels.initial_bps / BPS
    priced = fast_rows(live.rates.snapshot, live.rates.params)
    lots = ledger.lots[order].astype(np.float64)
    greeks = {name: lots @ getattr(priced, name) for name in GREEKS}
    return [
        AccountView(
            ledger.ids[row],
            float(figures.nlv[row]),
            float(figures.maintenance[row]),
            float(ratio[row]),
            float(max(0.0, initial * figures.maintenance[row] - figures.nlv[row])),
            _standing(engine, row),
            {name: float(column[place]) for name, column in greeks.items()},
        )
        for place, row in enumerate(order.tolist())
    ]


def _standing(engine: Engine, row: int) -> str:
    live = engine.venue.live
    for name, below in (
        ("close-out", live.below_close_out),
        ("maintenance", live.below_maintenance),
        ("initial", live.below_initial),
    ):
        if row in below:
            return f"below {name}"
    return "healthy"


def _follow(engine: Engine, rows: int, interval: float) -> None:
    """Show the venue until the user has seen enough."""
    seen, at = engine.sequence, time.monotonic()
    with Live(_screen(engine, rows, None), console=console(), screen=True, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(interval)
                engine.catch_up()
                now = time.monotonic()
                live.update(_screen(engine, rows, (engine.sequence - seen) / (now - at)), refresh=True)
                seen, at = engine.sequence, now
        except KeyboardInterrupt:
            return


def stopped_markets(engine: Engine) -> dict[str, Breaker]:
    """Return the circuit breakers of the markets that are not simply open."""
    breakers = engine.venue.safeguards.breakers.items()
    return {name: breaker for name, breaker in breakers if breaker.phase is not Phase.OPEN}


def _depths(engine: Engine) -> dict[str, int]:
    safeguards = engine.venue.safeguards
    return {name: safeguards.depth_of(name) for name in safeguards.controls.limits}


def _breaker_rows(engine: Engine) -> list[tuple[object, ...]]:
    now = engine.venue.live.rates.snapshot.time_ms
    return [
        (
            name,
            breaker.phase.value,
            f"{(now - breaker.since_ms) / 1_000:,.0f} s",
            usd(breaker.reference_ticks),
            usd(breaker.price_ticks),
            breaker.extensions,
        )
        for name, breaker in stopped_markets(engine).items()
    ]


def _pools(engine: Engine) -> dict[str, int]:
    cash = engine.venue.ledger.pool_cash
    return {
        "insurance_fund": cash[-INSURANCE_FUND - 1],
        "fees": cash[-FEES - 1],
        "vault": cash[-VAULT - 1],
    }


def _content(engine: Engine, rows: int) -> dict[str, object]:
    live = engine.venue.live
    return {
        "sequence": engine.sequence,
        "time_ms": live.rates.snapshot.time_ms,
        "accounts": engine.venue.ledger.count,
        "below_initial": len(live.below_initial),
        "below_maintenance": len(live.below_maintenance),
        "below_close_out": len(live.below_close_out),
        "breakers": {
            name: {
                "phase": breaker.phase.value,
                "since_ms": breaker.since_ms,
                "reference_ticks": breaker.reference_ticks,
                "price_ticks": breaker.price_ticks,
                "extensions": breaker.extensions,
            }
            for name, breaker in engine.venue.safeguards.breakers.items()
        },
        "depths_ticks": {name: str(depth) for name, depth in _depths(engine).items()},
        "pools_ticks": {name: str(ticks) for name, ticks in _pools(engine).items()},
        "weakest": [
            {
                "id": view.id,
                "standing": view.standing,
                "nlv_usd": round(view.nlv / 1e6, 2),
                "maintenance_usd": round(view.maintenance / 1e6, 2),
                "called_usd": round(view.called / 1e6, 2),
                "ratio": round(view.ratio, 6) if np.isfinite(view.ratio) else None,
                **{f"{name}_usd": round(view.greeks[name] / 1e6, 2) for name in GREEKS},
            }
            for view in weakest_accounts(engine, rows)
        ],
    }


def _screen(engine: Engine, rows: int, rate: float | None) -> Group:
    live = engine.venue.live
    head = {
        "events": f"{engine.sequence:,}" + ("" if rate is None else f", {rate:,.0f} a second"),
        "market": utc(live.rates.snapshot.time_ms),
        "accounts": f"{engine.venue.ledger.count:,}",
        "below initial, maintenance, close-out": f"{len(live.below_initial):,}, {len(live.below_maintenance):,}, "
        f"{len(live.below_close_out):,}",
        **{name.replace("_", " "): f"{usd(ticks)} USD" for name, ticks in _pools(engine).items()},
        **{f"depth of {name}": f"{usd(ticks)} USD" for name, ticks in _depths(engine).items()},
    }
    halts = _breaker_rows(engine)
    if engine.venue.safeguards.breakers and not halts:
        head["markets"] = "all open"
    columns = (
        "account",
        "standing",
        ">NLV",
        ">maintenance",
        ">ratio",
        ">call",
        *(f">{name}" for name in GREEKS),
    )
    lines = [
        (
            view.id,
            _coloured(view.standing),
            _whole_usd(view.nlv),
            _whole_usd(view.maintenance),
            f"{view.ratio:.3f}" if np.isfinite(view.ratio) else "-",
            _whole_usd(view.called) if view.called else "-",
            *(_whole_usd(view.greeks[name]) for name in GREEKS),
        )
        for view in weakest_accounts(engine, rows)
    ]
    title = "Weakest accounts, in USD; greeks: 1 % move, its change, 1 vol point, 1 day, 1 % interest"
    shown = [facts("Venue", head), table(title, columns, lines)]
    if halts:
        heads = ("market", "phase", ">since", ">reference USD", ">last USD", ">extensions")
        shown.insert(1, table("Circuit breakers; prices of a lot", heads, halts))
    return Group(*shown)


def _whole_usd(ticks: float) -> str:
    return f"{ticks / TICKS_PER_USD:,.0f}"


def _coloured(standing: str) -> Text:
    colours = {"healthy": "green", "below initial": "yellow", "below maintenance": "red", "below close-out": "bold red"}
    return Text(standing, style=colours[standing])
