"""What is shown of a venue: stopped markets, depths, calls, places in the queue, and a cascade played on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.engine import app
from rtnet_core.account import Account, write_book
from rtnet_core.engine.core import Engine
from rtnet_core.engine.log import SqlLog
from rtnet_core.engine.queue import queue_places
from rtnet_core.errors import InputError
from rtnet_core.snapshot_hash import snapshot_hash_hex
from tests.support.engines import CALL, MARKET, PARAMS, PERPETUAL, USD, applied, forward, line, trade

PRICE = forward(PERPETUAL)


def venue(folder: Path, *later: bytes) -> str:
    """Return the log of a venue in which ada is long, bob and cyd are short, and these events came after."""
    place = str(folder / "v.sqlite")
    log = SqlLog.open(place, create=True)
    made = Engine.create(log, MARKET, PARAMS)
    for name, usd in (("ada", 10_000), ("bob", 20_000), ("cyd", 1_000_000)):
        applied(made, line("open", f"open-{name}", account=name, owner=name))
        applied(made, line("deposit", f"fund-{name}", account=name, asset="USD", amount=usd * USD))
    applied(made, trade("t1", "ada", "bob", 4_000, PRICE))
    applied(made, trade("t2", "cyd", "ada", 1_000, PRICE))
    applied(made, trade("t3", "ada", "cyd", 1_500, PRICE))
    for event in later:
        applied(made, event)
    made.commit()
    log.close()
    return place


def fall(bps: int, event_id: str = "fall", after_ms: int = 1_000) -> bytes:
    listed = [entry for entry in MARKET.instruments if entry.underlying == "BTC"]
    return line(
        "prices",
        event_id,
        time_ms=MARKET.time_ms + after_ms,
        forward_ticks={entry.name: entry.forward_ticks * bps // 10_000 for entry in listed},
        index_ticks={"BTC": MARKET.underlyings[0].index_ticks * bps // 10_000},
    )


def shown(*words: str) -> Any:
    result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def text(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


LIMITS = {
    "depth_ticks": 10**12,
    "open_interest_bps": 10_000,
    "leverage_bps": 500_000,
    "counterparty_ticks": 10**13,
    "deviation_bps": 1_000,
}


def test_top_shows_halts_depths_and_calls(tmp_path: Path) -> None:
    controls = {"breakers": {PERPETUAL: {}, CALL: {"band_bps": 100_000}}, "limits": {"BTC": LIMITS}}
    log = venue(
        tmp_path,
        line("controls", "c", controls=controls),
        line("depth", "d", depth_ticks={"BTC": 7 * 10**11}),
        fall(9_300),
        fall(9_300, "stays", 20_000),
    )
    found = shown("top", "--log", log)
    assert found["breakers"][PERPETUAL]["phase"] == "halted"
    assert found["breakers"][CALL]["phase"] == "open"
    assert found["depths_ticks"] == {"BTC": str(7 * 10**11)}
    worst = found["weakest"][0]
    assert (worst["id"], worst["standing"]) == ("ada", "below initial")
    assert worst["called_usd"] > 0
    screen = text("top", "--log", log, "--once")
    assert "halted" in screen
    assert PERPETUAL in screen
    assert "depth of BTC" in screen


def test_top_says_when_no_market_is_stopped(tmp_path: Path) -> None:
    log = venue(tmp_path, line("controls", "c", controls={"breakers": {PERPETUAL: {}}}))
    assert "all open" in text("top", "--log", log, "--once")


def test_an_account_sees_its_place_in_the_queue(tmp_path: Path) -> None:
    """After a fall the shorts have gained: bob, with more leverage than cyd, comes first."""
    log = venue(tmp_path, line("clear", "marks"), fall(9_700))
    first, second = (shown("queue", name, "--log", log)["positions"] for name in ("bob", "cyd"))
    assert [place["instrument"] for place in first] == [PERPETUAL]
    assert (first[0]["place"], first[0]["lots_before"], first[0]["lights"]) == (1, 0, 1)
    assert (second[0]["place"], second[0]["lots_before"], second[0]["length"]) == (2, 4_000, 2)
    assert first[0]["score"] > second[0]["score"] > 0
    assert "1 of 2" in text("queue", "bob", "--log", log)


def test_who_is_bankrupt_has_no_place(tmp_path: Path) -> None:
    log = venue(tmp_path, fall(6_000))
    (place,) = shown("queue", "ada", "--log", log)["positions"]
    assert (place["place"], place["length"], place["lights"]) == (0, 0, 0)
    assert "none" in text("queue", "ada", "--log", log)


def test_the_queue_of_no_account_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ACCOUNT"):
        shown("queue", "nobody", "--log", venue(tmp_path))


def test_the_queue_is_that_of_the_waterfall(tmp_path: Path) -> None:
    log = SqlLog.open(venue(tmp_path, fall(9_700)))
    made = Engine.open(log)
    log.close()
    places = [queue_places(made.venue, name)[0] for name in ("bob", "cyd")]
    assert sorted(place.place for place in places) == [1, 2]
    assert {place.lots_queued for place in places} == {4_500}


def test_a_cascade_is_played_on_a_log_with_its_controls(tmp_path: Path) -> None:
    liquid = {"BTC": {"volume_ticks": 10**6 * USD, "volatility_bps": 400}}
    log = venue(tmp_path, line("controls", "c", controls={"liquidity": liquid, "penalty_bps": 70}))
    found = shown("cascade", "--log", log, "--shock", "BTC=-900", "--plot", str(tmp_path / "cascade.svg"))
    assert found["rules"]["penalty_bps"] == 70
    assert found["rules"]["volume_lots"][0] == 10**6 * USD // MARKET.underlyings[0].index_ticks
    assert found["totals"]["liquidated"] >= 1
    assert found["rounds"][1]["price_factors"][0] < found["rounds"][0]["price_factors"][0] == 0.91
    assert (tmp_path / "cascade.svg").read_bytes().startswith(b"<?xml")
    calm = shown("cascade", "--log", log, "--shock", "BTC=-900", "--volume", "BTC=1000000000000")
    assert calm["rounds"][1]["price_factors"][0] > found["rounds"][1]["price_factors"][0]
    assert "bad debt" in text("cascade", "--log", log, "--shock", "BTC=-900")


def test_a_cascade_is_played_on_a_book(tmp_path: Path) -> None:
    (tmp_path / "market.json").write_bytes(MARKET.to_json_bytes())
    accounts = [
        Account(id=name, cash_ticks=8_000 * USD - lots * PRICE, positions={PERPETUAL: lots})
        for name, lots in (("ada", 4_000), ("bob", -4_000))
    ]
    write_book(tmp_path / "book", accounts, snapshot_hash_hex(MARKET), format="jsonl")
    words = ("--book", str(tmp_path / "book"), "--market", str(tmp_path / "market.json"))
    assert shown("cascade", *words, "--shock", "BTC=-1500")["totals"]["liquidated"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--shock", "BTC=-900"),
        ("--book", "book", "--shock", "BTC=-900"),
        ("--log", "{log}", "--shock", "DOGE=-900"),
        ("--log", "{log}", "--shock", "BTC"),
        ("--log", "{log}", "--shock", "BTC=-10000"),
        ("--log", "{log}", "--market", "m.json", "--shock", "BTC=-900"),
    ],
)
def test_a_cascade_of_what_is_not_there_is_bad_input(tmp_path: Path, words: tuple[str, ...]) -> None:
    log = venue(tmp_path)
    with pytest.raises(InputError):
        shown("cascade", *(word.format(log=log) for word in words))


def test_models_write_the_event_that_moves_haircuts(tmp_path: Path) -> None:
    place, out = venue(tmp_path), tmp_path / "tune.jsonl"
    asset = {"coin": "BTC", "volume_units": 500_000}
    content = {"format": "zkm2m/collateral-models/v1", "assets": {"BTC": asset}}
    (tmp_path / "models.json").write_text(json.dumps(content))
    rows = [f"2026-01-{day:02d}T00:00:00+00:00,{level},0.5\n" for day, level in enumerate((90_000, 93_000, 88_000), 1)]
    (tmp_path / "index.csv").write_text("timestamp,btc_index,btc_atm_iv_30d\n" + "".join(rows))
    words = (str(tmp_path / "models.json"), "--series", str(tmp_path / "index.csv"), "--log", place, "--out", str(out))
    event = shown("tune", *words, "--scan-ranges")["event"]
    names = [change["parameter"] for change in event["changes"]]
    assert names == ["BTC.haircut_bps", "BTC.haircut_bps[1]", "BTC.scan_range_bps"]
    assert "BTC.haircut_bps" in text("tune", *words)
    log = SqlLog.open(place)
    made = Engine.open(log)
    before = made.venue.live.rates.params.assets[2]
    applied(made, out.read_bytes().strip())
    after = made.venue.live.rates.params.assets[2]
    log.close()
    wanted = event["changes"][0]["wanted_bps"]
    assert 10_000 - after.rate_bps == min(wanted, (10_000 - before.rate_bps) * 5 // 4)


def test_models_without_a_forecast_are_bad_input(tmp_path: Path) -> None:
    content = {"format": "zkm2m/collateral-models/v1", "assets": {"BTC": {"coin": "BTC", "volume_units": 1}}}
    (tmp_path / "models.json").write_text(json.dumps(content))
    words = (str(tmp_path / "models.json"), "--log", venue(tmp_path), "--out", str(tmp_path / "tune.jsonl"))
    with pytest.raises(InputError, match="forecast"):
        shown("tune", *words)
    assert not (tmp_path / "tune.jsonl").exists()
