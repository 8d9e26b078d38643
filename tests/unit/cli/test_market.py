"""``zkm2m market``: sample, show, params and import."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtnet_core.params import Params
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from tests.support.command_line import zkm2m, zkm2m_json


@pytest.fixture
def market(tmp_path: Path) -> Path:
    path = tmp_path / "market.json"
    assert zkm2m("market", "sample", "--seed", 5, "--profile", "small", "--out", path).exit_code == 0
    return path


def test_a_sample_is_a_function_of_its_seed(market: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    summary = zkm2m_json("market", "sample", "--seed", 5, "--profile", "small", "--out", other)
    snapshot = Snapshot.from_json(market.read_bytes())
    assert other.read_bytes() == market.read_bytes() == snapshot.to_json_bytes()
    assert summary == {
        "market": str(other),
        "snapshot_hash": str(snapshot_hash(snapshot)),
        "profile": "small",
        "time_ms": snapshot.time_ms,
        "underlyings": ["BTC", "ETH"],
        "assets": ["USDC", "USDT", "BTC"],
        "instruments": 8,
    }


def test_show_lists_every_instrument(market: Path) -> None:
    snapshot = Snapshot.from_json(market.read_bytes())
    printed = zkm2m("market", "show", market).stdout
    assert all(instrument.name in printed for instrument in snapshot.instruments)
    shown = zkm2m_json("market", "show", market)
    assert shown["snapshot_hash"] == str(snapshot_hash(snapshot))
    marks = {entry["name"]: entry.pop("mark_ticks") for entry in shown["instruments"]}
    assert marks["BTC-PERPETUAL"] == snapshot.instruments[0].forward_ticks
    del shown["snapshot_hash"]
    assert Snapshot.from_json(shown) == snapshot


def test_params_are_the_published_defaults_and_can_be_written(market: Path, tmp_path: Path) -> None:
    path = tmp_path / "params.json"
    result = zkm2m("market", "params", market, "--out", path)
    assert result.exit_code == 0
    assert "scan range" in result.stdout
    params = Params.from_json(path.read_bytes())
    assert Params.from_json(zkm2m_json("market", "params", market)) == params


def test_a_market_file_with_an_error_is_refused_by_field(market: Path, tmp_path: Path) -> None:
    content = json.loads(market.read_bytes())
    content["instruments"][0]["forward_ticks"] = -1
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(content))
    result = zkm2m("market", "show", broken)
    assert result.exit_code == 2
    assert "instruments[0].forward_ticks" in result.stderr


def test_unknown_profile_and_missing_folder_are_bad_input(tmp_path: Path) -> None:
    result = zkm2m("market", "sample", "--seed", 1, "--profile", "huge", "--out", tmp_path / "m.json")
    assert result.exit_code == 2
    assert "small, standard, wide" in result.stderr
    result = zkm2m("market", "sample", "--seed", 1, "--out", tmp_path / "absent" / "m.json")
    assert result.exit_code == 2
    assert "its folder does not exist" in result.stderr


def test_an_import_of_another_file_is_refused(tmp_path: Path) -> None:
    chain, out = tmp_path / "chain.csv", tmp_path / "m.json"
    chain.write_text("a,b\n1,2\n")
    result = zkm2m("market", "import", "deribit", chain, "--out", out)
    assert result.exit_code == 2
    assert "columns of a Deribit chain" in result.stderr
    assert not out.exists()
