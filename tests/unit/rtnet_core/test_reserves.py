"""The reserves file: what it may hold, and the text that owners sign."""

from __future__ import annotations

from typing import Any

import pytest

from rtnet_core.errors import InputError
from rtnet_core.reserves import Reserves, ownership_message

ETHEREUM = "0x" + "Ab" * 20
BITCOIN = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def content(entry: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    entries = [{"chain": "ethereum", "address": ETHEREUM, "balance": "5"} | (entry or {})]
    return {
        "format": "zkm2m/reserves/v1",
        "venue": "Example",
        "venue_public_key": "07" * 32,
        "epoch": 17,
        "time_ms": 1_785_000_000_000,
        "assets": [{"symbol": "USDC", "entries": entries}],
        **changes,
    }


def test_a_file_reads_back() -> None:
    reserves = Reserves.from_json(content())
    assert Reserves.from_json(reserves.to_json_bytes()) == reserves
    assert reserves.assets[0].balance == 5


def test_the_message_names_everything_that_it_is_for() -> None:
    reserves = Reserves.from_json(content())
    message = reserves.message(reserves.assets[0].entries[0])
    assert message == ownership_message("Example", "07" * 32, 17, 1_785_000_000_000, "ethereum", ETHEREUM)
    assert message.splitlines()[-1] == f"address: {ETHEREUM.lower()}"
    assert ownership_message("E", "07", 1, 2, "bitcoin", "1AbC").endswith("address: 1AbC")
    base = ("E", "07", 1, 2, "bitcoin", "1AbC")
    others = [("F", "08", 3, 4, "ethereum", "1AbD")[i] for i in range(6)]
    messages = {ownership_message(*base[:i], other, *base[i + 1 :]) for i, other in enumerate(others)}  # type: ignore[arg-type]
    assert len(messages | {ownership_message(*base)}) == 7


@pytest.mark.parametrize(
    "entry",
    [
        {"chain": "bitcoin", "address": BITCOIN},
        {"chain": "bitcoin", "address": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
        {"chain": "bitcoin", "address": "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"},
        {"chain": "other", "address": "custodian:account-5"},
        {"balance": "0"},
        {"balance": "9" * 48},
        {"signature": "0x00"},
    ],
)
def test_entries_that_are_good(entry: dict[str, Any]) -> None:
    Reserves.from_json(content(entry))


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"chain": "dogecoin"}, "chain"),
        ({"address": "0x" + "ab" * 19}, "address"),
        ({"address": "0X" + "ab" * 20}, "address"),
        ({"address": ETHEREUM + "\n"}, "address"),
        ({"address": "a b"}, "address"),
        ({"chain": "bitcoin", "address": "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"}, "address"),
        ({"chain": "bitcoin", "address": "0OIl" * 8}, "address"),
        ({"chain": "other", "address": "bank", "signature": "yes"}, "signature"),
        ({"balance": 5}, "balance"),
        ({"balance": "-5"}, "balance"),
        ({"balance": "05"}, "balance"),
        ({"balance": "1e3"}, "balance"),
        ({"owner": "me"}, "owner"),
    ],
)
def test_entries_that_break_a_rule(entry: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        Reserves.from_json(content(entry), "reserves.json")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"assets": []}, "assets"),
        ({"assets": [{"symbol": "BTC", "entries": []}] * 2}, "assets"),
        ({"assets": [{"symbol": "btc", "entries": []}]}, "symbol"),
        ({"epoch": 0}, "epoch"),
        ({"venue": "two\nlines"}, "venue"),
        ({"venue_public_key": "07"}, "venue_public_key"),
        ({"time_ms": -1}, "time_ms"),
        ({"format": "zkm2m/reserves/v2"}, "format"),
    ],
)
def test_files_that_break_a_rule(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        Reserves.from_json(content(**changes), "reserves.json")
