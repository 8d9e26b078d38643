"""Events: strict, typed, silent about values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtnet_core.engine.events import MAX_EVENT_BYTES, event_line, parse_event
from rtnet_core.engine.sample import sample_events
from rtnet_core.errors import InputError
from tests.support.engines import MARKET, PARAMS, line

SECRET = 7_171_717
TRADE = {
    "type": "trade",
    "id": "t1",
    "instrument": "BTC-PERPETUAL",
    "buyer": "ada",
    "seller": "bob",
    "lots": SECRET,
    "price_ticks": SECRET,
}


@pytest.mark.parametrize(
    "change",
    [
        {"lots": 0},
        {"lots": -SECRET},
        {"lots": 1 << 27},
        {"lots": float(SECRET)},
        {"lots": True},
        {"lots": str(SECRET)},
        {"price_ticks": -1},
        {"price_ticks": 1 << 27},
        {"buyer_fee_ticks": 1 << 56},
        {"buyer": ""},
        {"buyer": "two words"},
        {"buyer": "x" * 65},
        {"buyer": "line\n"},
        {"id": "é"},
        {"instrument": "lower case"},
        {"hidden": SECRET},
        {"type": "tarde"},
        {"seller": None},
    ],
)
def test_a_broken_event_is_refused_without_its_values(change: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        parse_event(json.dumps(TRADE | change).encode())
    assert str(SECRET) not in str(caught.value)
    assert next(iter(change)) in str(caught.value) or "type" in change


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf" + json.dumps(TRADE).encode(),
        b'{"type":"withdrawal","id":"w","account":"ada","asset":"USD","amount":5,"amount":6}',
        b'{"type":"withdrawal","id":"w","account":"ada","asset":"USD","amount":5,"amount" :6}',
        b'{"type":"withdrawal","id":"a:b","account":"ada","account":"a:b","asset":"USD","amount":5}',
        b'{"type":"withdrawal","id":"w","account":"ada","asset":"USD","amount":NaN}',
        b'{"type":"prices","id":"p","time_ms":5,"index_ticks":{"BTC":5,"BTC":6}}',
        b'{"type":"deposit","id":"d","account":"' + b"x" * MAX_EVENT_BYTES + b'"}',
    ],
)
def test_what_is_no_json_object_or_repeats_a_key_is_refused(text: bytes) -> None:
    with pytest.raises(InputError):
        parse_event(text)


def test_a_name_may_hold_a_colon() -> None:
    event = parse_event(line("deposit", "desk:1", account="ada:btc", asset="USD", amount=5))
    assert event.id == "desk:1"


@pytest.mark.parametrize(
    "fields",
    [{"mode": "isolated"}, {"mode": "cross"}, {"mode": "unified", "scope": "BTC"}, {"scope": "BTC"}],
)
def test_only_an_account_that_is_not_unified_has_a_scope(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="scope"):
        parse_event(line("open", "o", account="a", owner="a", **fields))


def test_every_event_of_a_stream_has_one_spelling() -> None:
    stream = list(sample_events(MARKET, PARAMS, 12, 300, 3))
    assert {event.type for event in stream} >= {"open", "deposit", "trade", "transfer", "withdrawal", "settlement"}
    for event in stream:
        assert parse_event(event_line(event)) == event
    assert stream == list(sample_events(MARKET, PARAMS, 12, 300, 3))
    assert stream != list(sample_events(MARKET, PARAMS, 12, 300, 4))
