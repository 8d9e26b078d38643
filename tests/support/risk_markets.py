"""Small markets of known terms for the risk models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtnet_core.snapshot import Snapshot

TIME_MS = 1_787_370_645_000
DAY_MS = 86_400_000
USD = 1_000_000


def listed(
    name: str,
    kind: str,
    *,
    days: float = 30,
    strike: float = 100.0,
    forward: float = 100.0,
    volatility: float = 0.5,
    underlying: str = "BTC",
) -> dict[str, Any]:
    """Return an instrument of a market file; prices in USD, the lot is one coin."""
    entry: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "underlying": underlying,
        "forward_ticks": round(forward * USD),
    }
    if kind != "perpetual":
        entry["expiry_ms"] = TIME_MS + round(days * DAY_MS)
    if kind in ("call", "put"):
        entry |= {"strike_ticks": round(strike * USD), "volatility_q32": round(volatility * 2**32)}
    return entry


def market_of(instruments: Sequence[dict[str, Any]], *, index: float = 100.0, profile: str = "small") -> Snapshot:
    """Return a market of BTC and ETH at one index, lots of one coin, with a stablecoin, BTC and a staked ETH."""
    return Snapshot.from_json(
        {
            "profile": profile,
            "time_ms": TIME_MS,
            "underlyings": [
                {"symbol": symbol, "lot": "1", "index_ticks": round(index * USD)} for symbol in ("BTC", "ETH")
            ],
            "assets": [
                {"symbol": "USDC", "unit": "1", "price_ticks": USD},
                {"symbol": "BTC", "unit": "1", "price_ticks": round(index * USD)},
                {"symbol": "STETH", "unit": "1", "price_ticks": round(index * USD)},
            ],
            "instruments": list(instruments),
        }
    )
