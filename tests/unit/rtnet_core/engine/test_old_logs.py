"""Logs written before an event or a setting came keep their states, to the last byte: their digests are checked."""

from __future__ import annotations

from rtnet_core.engine.core import Engine
from rtnet_core.engine.events import event_line
from rtnet_core.engine.log import MemoryLog
from rtnet_core.engine.sample import sample_events
from tests.support.engines import MARKET, PARAMS, applied, line

#: Of the state after the stream below, by the first engine that knew limits, breakers and clears.
DIGEST = "ac47f1b128b2a1aa287a0aba54869119cb6efca8d3545de57b161577d6cff24e"


def test_a_stream_of_the_first_events_gives_the_first_digest() -> None:
    made = Engine.create(MemoryLog(), MARKET, PARAMS)
    stream = [event_line(event) for event in sample_events(MARKET, PARAMS, 12, 500, 4)]
    limits = {
        "depth_ticks": 10**13,
        "open_interest_bps": 10_000,
        "leverage_bps": 500_000,
        "counterparty_ticks": 10**13,
        "deviation_bps": 300,
        "tier_bounds_bps": [1_000],
        "tier_rates_bps": [100, 1_000],
    }
    breakers: dict[str, object] = {MARKET.instruments[0].name: {}}
    terms = {"backstop": "acct-000003", "limits": {"BTC": limits}, "breakers": breakers}
    for text in stream[:300]:
        made.apply(text)
    applied(made, line("controls", "terms", controls=terms))
    for text in stream[300:]:
        made.apply(text)
    fall = {
        "time_ms": MARKET.time_ms + 5_000,
        "forward_ticks": {entry.name: entry.forward_ticks * 7 // 10 for entry in MARKET.instruments},
        "index_ticks": {entry.symbol: entry.index_ticks * 7 // 10 for entry in MARKET.underlyings},
    }
    applied(made, line("prices", "fall", **fall))
    applied(made, line("clear", "clear"))
    assert made.digest().hex() == DIGEST
