"""The check page prices and hashes a market as the exact engine does, to the last bit."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from rtnet_core.errors import InputError
from rtnet_core.limits import PRICE_THIRDS_MAX, ROW_BITS, TIME_BITS, VOLATILITY_BITS
from rtnet_core.market_sample import sample_market
from rtnet_core.params import Params, default_params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from tests.support.check_page import b64, in_page


def roots(market: Snapshot, params: Params) -> list[str] | None:
    """Return the three roots, None where a price does not fit its width."""
    try:
        array = build_risk_array(market, params)
    except InputError:
        return None
    return [str(snapshot_hash(market)), str(margin_params(params, market).root()), str(array.root())]


def same_in_page(pairs: list[tuple[Snapshot, Params]]) -> list[list[str] | None]:
    """Return the roots of every pair, on which the page agrees."""
    answers = in_page(["roots", b64(market.to_json_bytes()), b64(params.to_json_bytes())] for market, params in pairs)
    found = [roots(*pair) for pair in pairs]
    for answer, expected in zip(answers, found, strict=True):
        assert answer == ({"outcome": "bad_input"} if expected is None else {"outcome": "accepted", "value": expected})
    return found


def size(chosen: Random, bits: int) -> int:
    """Return a number from 1 to 2^bits - 1 whose size in bits is as likely as any other."""
    return min(chosen.randrange(1, 1 << chosen.randint(1, bits)), (1 << bits) - 1)


def corner_market(seed: int) -> Snapshot:
    """Return a small market of options at the ends of what a market file may hold."""
    chosen = Random(seed)
    market = json.loads(sample_market(seed, "small").to_json_bytes())
    for instrument in market["instruments"]:
        instrument["forward_ticks"] = size(chosen, ROW_BITS)
        if "strike_ticks" in instrument:
            near = min(instrument["forward_ticks"] + chosen.randint(0, 3), (1 << ROW_BITS) - 1)
            instrument["strike_ticks"] = near if chosen.random() < 0.4 else size(chosen, ROW_BITS)
            instrument["volatility_q32"] = size(chosen, VOLATILITY_BITS)
            instrument["expiry_ms"] = min(market["time_ms"] + size(chosen, 41), (1 << TIME_BITS) - 1)
    return Snapshot.from_json(market)


def corner_params(market: Snapshot, seed: int) -> Params:
    """Return parameters with scenarios and shocks of any size."""
    chosen = Random(seed)
    content: dict[str, Any] = json.loads(default_params(market).to_json_bytes())
    for scenario in content["scenarios"]:
        scenario["price_thirds"] = chosen.randint(-PRICE_THIRDS_MAX, PRICE_THIRDS_MAX)
        scenario["volatility"] = chosen.randint(-1, 1)
        scenario["cover_bps"] = chosen.choice((1, 3_500, 9_999, 10_000))
    for entry in content["underlyings"]:
        entry |= {"scan_range_bps": chosen.choice((1, 1_500, 3_333)), "volatility_down_bps": chosen.choice((0, 9_999))}
        entry["volatility_up_bps"] = chosen.choice((0, 4_500, (1 << 14) - 1))
    return Params.from_json(content)


def test_corners_have_the_same_roots() -> None:
    markets = [corner_market(seed) for seed in range(12)]
    found = same_in_page([(market, corner_params(market, seed)) for seed, market in enumerate(markets)])
    assert len({tuple(answer) for answer in found if answer}) > 3
    kinds = {instrument.kind for market in markets for instrument in market.instruments}
    assert kinds == {"perpetual", "future", "call", "put"}


def test_a_standard_market_has_the_same_roots() -> None:
    market = sample_market(3)
    assert same_in_page([(market, default_params(market))]) != [None]


@pytest.mark.slow
def test_many_corners_and_a_wide_market_have_the_same_roots() -> None:
    markets = [corner_market(seed) for seed in range(100, 200)]
    same_in_page([(market, corner_params(market, seed)) for seed, market in enumerate(markets)])
    wide = sample_market(3, "wide")
    assert same_in_page([(wide, default_params(wide))]) != [None]
