"""``zkm2m snapshot build`` and ``zkm2m market plot``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rtnet_core.params import Params, default_params
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from tests.support.chains import TIME_MS, calm_chain, three_venues, write_trades
from tests.support.command_line import zkm2m, zkm2m_json


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return calm_chain(tmp_path / "chain.csv")


def test_a_snapshot_is_built_and_reported(chain: Path, tmp_path: Path) -> None:
    trades = write_trades(tmp_path / "trades.csv", three_venues(TIME_MS))
    before, out, params = tmp_path / "before.json", tmp_path / "snapshot.json", tmp_path / "params.json"
    assert zkm2m("snapshot", "build", "--chain", chain, "--out", before).exit_code == 0
    words = ("snapshot", "build", "--chain", chain, "--trades", trades, "--previous", before, "--out", out)
    found = zkm2m_json(*words, "--params", params)
    snapshot = Snapshot.from_json(out.read_bytes())
    assert found["snapshot_hash"] == str(snapshot_hash(snapshot))
    assert [entry["kind"] for entry in found["inputs"]] == ["chain", "trades", "previous"]
    (coin,) = found["coins"]
    assert (coin["symbol"], coin["index"]["source"], len(coin["index"]["venues"])) == ("BTC", "trades", 3)
    assert coin["premium_bps"] == pytest.approx(2.0)
    assert coin["surface"]["arbitrage_after"] == []
    assert coin["surface"]["quality"]["inside"] > 100
    scale = coin["index"]["margin_scale_bps"]
    widened = Params.from_json(params.read_bytes()).underlyings[0].scan_range_bps
    assert widened == -(-default_params(snapshot).underlyings[0].scan_range_bps * scale // 10_000)
    printed = zkm2m(*words)
    assert printed.exit_code == 0
    for text in ("Inputs", "binance_spot", "2026-08-28", "arbitrage", "confidence", str(snapshot_hash(snapshot))):
        assert text in printed.stdout


def test_a28_stale_trades_end_with_kind_and_age(chain: Path, tmp_path: Path) -> None:
    trades = write_trades(tmp_path / "trades.csv", three_venues(TIME_MS - 3_600_000))
    out = tmp_path / "snapshot.json"
    result = zkm2m("snapshot", "build", "--chain", chain, "--trades", f"BTC={trades}", "--out", out)
    assert result.exit_code == 2
    assert "trades trades.csv: must be at most 10 s old, is 60.0 min old" in result.stderr
    assert not out.exists()


def test_a_jump_is_a_refusal(chain: Path, tmp_path: Path) -> None:
    before, out = tmp_path / "before.json", tmp_path / "snapshot.json"
    far = calm_chain(tmp_path / "far.csv", index=90_000.0)
    assert zkm2m("snapshot", "build", "--chain", far, "--out", before).exit_code == 0
    words = ("snapshot", "build", "--chain", chain, "--previous", before, "--out", out)
    assert zkm2m_json(*words, exit_code=1)["reason"] == "price_jump"
    assert not out.exists()


def test_a_coin_named_twice_is_bad_input(chain: Path, tmp_path: Path) -> None:
    words = ("--trades", "BTC=a.csv", "--trades", "BTC=b.csv", "--out", tmp_path / "s.json")
    result = zkm2m("snapshot", "build", "--chain", chain, *words)
    assert result.exit_code == 2
    assert "must name a coin once" in result.stderr


@pytest.mark.parametrize("view", ["all", "smiles", "term", "surface"])
@pytest.mark.parametrize(("ending", "head"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_plot_is_a_picture(chain: Path, tmp_path: Path, view: str, ending: str, head: bytes) -> None:
    out = tmp_path / f"picture.{ending}"
    found = zkm2m_json("market", "plot", chain, "--out", out, "--view", view)
    assert found["expiries"] == 3 and found["inside"] == found["two_sided"]
    assert out.read_bytes().startswith(head)


def test_the_same_chain_draws_the_same_bytes(chain: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        assert zkm2m("market", "plot", chain, "--out", tmp_path / name, "--view", "term").exit_code == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_another_ending_and_two_coins_are_bad_input(chain: Path, tmp_path: Path) -> None:
    result = zkm2m("market", "plot", chain, "--out", tmp_path / "picture.gif")
    assert result.exit_code == 2
    assert ".png or .svg" in result.stderr
    both = tmp_path / "both.csv"
    rows = calm_chain(tmp_path / "eth.csv", coin="ETH", index=8_000.0).read_text().split("\n", 1)[1]
    both.write_text(chain.read_text() + rows)
    result = zkm2m("market", "plot", both, "--out", tmp_path / "picture.png")
    assert result.exit_code == 2
    assert "must hold one coin" in result.stderr


def test_a_missing_extra_is_a_failed_tool(chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = zkm2m("market", "plot", chain, "--out", tmp_path / "picture.png")
    assert result.exit_code == 1
    assert "zk-m2m[market]" in result.stderr
