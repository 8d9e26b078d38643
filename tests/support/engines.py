"""Small engines for tests: a market of eight instruments, and events written as JSON."""

from __future__ import annotations

import json
from typing import Any

from rtnet_core.engine.core import Engine, Receipt
from rtnet_core.engine.log import EventLog, MemoryLog
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params

MARKET = sample_market(5, "small")
PARAMS = default_params(MARKET)
PERPETUAL, FUTURE, PUT, CALL = (entry.name for entry in MARKET.instruments if entry.underlying == "BTC")
USD = 10**6


def line(kind: str, event_id: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, "id": event_id, **fields}).encode()


def engine(log: EventLog | None = None) -> Engine:
    return Engine.create(log or MemoryLog(), MARKET, PARAMS)


def funded(*names: str, usd: int = 10_000, log: EventLog | None = None) -> Engine:
    """Return an engine in which each of `names` has an account with that much cash."""
    made = engine(log)
    for name in names:
        for written in (
            line("open", f"open-{name}", account=name, owner=name),
            line("deposit", f"fund-{name}", account=name, asset="USD", amount=usd * USD),
        ):
            assert made.apply(written).status == "applied"
    return made


def trade(
    event_id: str, buyer: str, seller: str, lots: int, price_ticks: int, instrument: str = "", **more: Any
) -> bytes:
    names = {"instrument": instrument or PERPETUAL, "buyer": buyer, "seller": seller}
    return line("trade", event_id, **names, lots=lots, price_ticks=price_ticks, **more)


def forward(instrument: str) -> int:
    return next(entry.forward_ticks for entry in MARKET.instruments if entry.name == instrument)


def applied(made: Engine, written: bytes) -> Receipt:
    receipt = made.apply(written)
    assert receipt.status == "applied", receipt
    return receipt


def refused(made: Engine, written: bytes) -> str:
    """Return the reason of a refusal that changed nothing."""
    before = made.digest()
    receipt = made.apply(written)
    assert receipt.status == "refused", receipt
    assert made.digest() == before
    return receipt.reason
