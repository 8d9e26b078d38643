"""The snapshot: every rule has a case that breaks it, and the error names the field."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from rtnet_core.errors import InputError, RangeError
from rtnet_core.snapshot import Instrument, Snapshot, slot_numbers, slots

MARKET: dict[str, Any] = {
    "format": "zkm2m/market/v1",
    "profile": "small",
    "time_ms": 1_000,
    "quote": "USD",
    "tick": "0.000001",
    "underlyings": [
        {"symbol": "BTC", "lot": "0.0001", "index_ticks": 7_860_554},
        {"symbol": "ETH", "lot": "0.01", "index_ticks": 25_191_500},
    ],
    "assets": [{"symbol": "USDC", "unit": "1", "price_ticks": 1_000_000}],
    "instruments": [
        {"name": "ETH-PERPETUAL", "kind": "perpetual", "underlying": "ETH", "forward_ticks": 25_191_500},
        {
            "name": "BTC-28AUG26",
            "kind": "future",
            "underlying": "BTC",
            "forward_ticks": 7_860_554,
            "expiry_ms": 2_000,
        },
        {
            "name": "BTC-28AUG26-80000-C",
            "kind": "call",
            "underlying": "BTC",
            "forward_ticks": 7_860_554,
            "expiry_ms": 2_000,
            "strike_ticks": 8_000_000,
            "volatility_q32": 1 << 31,
        },
    ],
}


def _edit(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    market = deepcopy(MARKET)
    change(market)
    return market


def _set(path: str, value: object) -> Callable[[dict[str, Any]], object]:
    def change(market: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        target: Any = market
        for part in parents:
            target = target[int(part) if part.isdigit() else part]
        if value is None:
            del target[last]
        else:
            target[int(last) if last.isdigit() else last] = value

    return change


def test_slots_follow_the_order_of_underlyings_and_of_the_file() -> None:
    market = Snapshot.from_json(MARKET)
    names = [None if entry is None else entry.name for entry in slots(market)]
    assert names == ["BTC-28AUG26", "BTC-28AUG26-80000-C", None, None, "ETH-PERPETUAL", None, None, None]
    assert slot_numbers(market) == {"BTC-28AUG26": 0, "BTC-28AUG26-80000-C": 1, "ETH-PERPETUAL": 4}


def test_the_canonical_spelling_reads_back_and_does_not_depend_on_key_order() -> None:
    market = Snapshot.from_json(MARKET)
    shuffled = dict(reversed(list(MARKET.items())))
    assert Snapshot.from_json(market.to_json_bytes()) == market
    assert Snapshot.from_json(shuffled).to_json_bytes() == market.to_json_bytes()
    assert market.to_json_bytes().endswith(b"}\n")
    assert b"null" not in market.to_json_bytes()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("underlyings/0/index_ticks", 0, "underlyings[0].index_ticks: must be at least 1"),
        ("underlyings/0/index_ticks", 1 << 27, "underlyings[0].index_ticks: must be below 2^27"),
        ("assets/0/price_ticks", 1 << 34, "assets[0].price_ticks: must be below 2^34"),
        ("assets/0/price_ticks", -1, "assets[0].price_ticks: must be at least 1"),
        ("time_ms", 1 << 42, "time_ms: must be below 2^42"),
        ("time_ms", -1, "time_ms: must be at least 0"),
        ("instruments/0/forward_ticks", 0, "instruments[0].forward_ticks: must be at least 1"),
        ("instruments/2/strike_ticks", 1 << 27, "instruments[2].strike_ticks: must be below 2^27"),
        ("instruments/2/strike_ticks", 0, "instruments[2].strike_ticks: must be at least 1"),
        ("instruments/2/volatility_q32", 1 << 36, "instruments[2].volatility_q32: must be below 2^36"),
        ("instruments/2/volatility_q32", 0, "instruments[2].volatility_q32: must be at least 1"),
    ],
)
def test_a02_a_number_outside_its_range_is_a_range_error(path: str, value: int, field: str) -> None:
    with pytest.raises(RangeError) as caught:
        Snapshot.from_json(_edit(_set(path, value)), "market.json")
    assert str(caught.value) == f"market.json: {field} (found {value})"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("instruments/0/forward_ticks", 1.0, "instruments[0].forward_ticks: must be an integer (found 1.0)"),
        ("instruments/0/forward_ticks", True, "instruments[0].forward_ticks: must be an integer (found True)"),
        ("instruments/0/forward_ticks", "1", "instruments[0].forward_ticks: must be an integer (found '1')"),
        ("instruments/0/forward_ticks", None, "instruments[0].forward_ticks: is missing"),
        ("instruments/0/strike_ticks", 5, "instruments[0].strike_ticks: must be left out: a perpetual has none"),
        ("instruments/0/expiry_ms", 5_000, "instruments[0].expiry_ms: must be left out: a perpetual has none"),
        ("instruments/1/volatility_q32", 5, "instruments[1].volatility_q32: must be left out: a future has none"),
        ("instruments/1/expiry_ms", None, "instruments[1].expiry_ms: is missing: a future needs it"),
        ("instruments/2/strike_ticks", None, "instruments[2].strike_ticks: is missing: a call needs it"),
        ("instruments/2/volatility_q32", None, "instruments[2].volatility_q32: is missing: a call needs it"),
        ("instruments/2/expiry_ms", 1_000, "instruments[2].expiry_ms: must be after the snapshot's time_ms 1000"),
        ("instruments/2/kind", "swap", "instruments[2].kind: must be 'perpetual', 'future', 'call' or 'put'"),
        ("instruments/2/name", "BTC-28AUG26", "instruments[2].name: must be unique: instruments[1] has it too"),
        ("instruments/2/name", "Ｂ", "instruments[2].name: must match"),
        ("instruments/2/underlying", "SOL", "instruments[2].underlying: must be one of the snapshot's underlyings"),
        ("instruments/2/note", "x", "instruments[2].note: is not a field of this document"),
        ("underlyings/1/symbol", "BTC", "underlyings[1].symbol: must be unique"),
        ("underlyings/0/lot", "0.00010", "underlyings[0].lot: must match"),
        ("underlyings/0/lot", "1e-4", "underlyings[0].lot: must match"),
        ("underlyings/0/lot", "0", "underlyings[0].lot: must match"),
        ("profile", "huge", "profile: must be one of small, standard, wide (found 'huge')"),
        ("tick", "0.01", "tick: must be '0.000001'"),
        ("quote", "EUR", "quote: must be 'USD'"),
        ("format", "zkm2m/market/v2", "format: must be 'zkm2m/market/v1'"),
        ("instruments", [], "instruments: must have at least 1 entries"),
        ("instruments", {}, "instruments: must be a list"),
        ("instruments/0", 7, "instruments[0]: must be"),
    ],
)
def test_a_broken_rule_is_named_with_field_and_value(path: str, value: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Snapshot.from_json(_edit(_set(path, value)), "market.json")
    assert str(caught.value).startswith(f"market.json: {message}")


def test_more_than_the_profile_holds_is_refused() -> None:
    def crowd(market: dict[str, Any]) -> None:
        first = market["instruments"][0]
        market["instruments"] = [{**first, "name": f"ETH-{number}"} for number in range(5)]

    with pytest.raises(InputError, match="must have at most 4 of ETH in profile small"):
        Snapshot.from_json(_edit(crowd))

    def hoard(market: dict[str, Any]) -> None:
        market["assets"] = [{"symbol": f"A{number}", "unit": "1", "price_ticks": 1} for number in range(4)]

    with pytest.raises(InputError, match="assets: must have at most 3 entries"):
        Snapshot.from_json(_edit(hoard))


def test_kinds_have_the_codes_that_commitments_use() -> None:
    assert [entry.code for entry in Snapshot.from_json(MARKET).instruments] == [1, 2, 3]
    assert Instrument.model_validate({**MARKET["instruments"][2], "kind": "put"}).code == 4
