"""``zkm2m risk``: models, greeks, attribution, moving parameters and the back-test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.risk import app
from rtnet_core.account import write_book
from rtnet_core.book_sample import sample_book
from rtnet_core.market_sample import sample_market
from rtnet_core.params import Params, default_params
from rtnet_core.risk.attribution import Attribution
from rtnet_core.risk.parameter_moves import ParameterLog
from rtnet_core.snapshot_hash import snapshot_hash_hex

HOUR = np.timedelta64(1, "h")


@pytest.fixture
def venue(tmp_path: Path) -> Path:
    """A market, the same a day and a fall of 3 % later, and a book."""
    market = sample_market(5, "small")
    (tmp_path / "market.json").write_bytes(market.to_json_bytes())
    later = json.loads(market.to_json_bytes())
    later["time_ms"] += 86_400_000
    for entry in later["instruments"]:
        entry["forward_ticks"] = entry["forward_ticks"] * 97 // 100
    (tmp_path / "later.json").write_text(json.dumps(later))
    accounts = sample_book(market, default_params(market), 10, 3)
    write_book(tmp_path / "book", accounts, snapshot_hash_hex(market), format="jsonl")
    return tmp_path


@pytest.fixture
def series(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    prices = 80_000 * np.exp(np.cumsum(rng.normal(0, 0.01, 260)))
    prices[200:] *= 0.8
    times = np.datetime64("2026-01-01T00:00:00") + 6 * HOUR * np.arange(260)
    path = tmp_path / "series.csv"
    rows = [f"{time}+00:00,{price:.2f},0.45" for time, price in zip(times, prices, strict=True)]
    path.write_text("timestamp,btc_index,btc_atm_iv_30d\n" + "\n".join(rows) + "\n")
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 2, str(result.exception)
    return result.exit_code, result.stdout


def test_one_account_under_every_model(venue: Path, series: Path) -> None:
    lines = series.read_text().splitlines()
    both = [lines[0] + ",eth_index,eth_atm_iv_30d", *(f"{line},{line.split(',', 1)[1]}" for line in lines[1:])]
    series.write_text("\n".join(both) + "\n")
    words = ("models", "acct-000003", "--book", venue / "book", "--market", venue / "market.json")
    content = json.loads(run(*words, "--json")[1])
    assert [entry["model"] for entry in content["models"]] == [
        "proven rule",
        "Deribit's grid",
        "Derive's grid",
        "Deribit's standard margin",
    ]
    code, text = run(*words, "--series", series, "--json")
    assert code == 0, text
    content = json.loads(text)
    assert len(content["models"]) == 7
    for entry in content["models"]:
        assert 0 < entry["close_out_ticks"] <= entry["maintenance_ticks"] <= entry["initial_ticks"]
    code, text = run(*words, "--series", series)
    assert code == 0
    assert "filtered historical simulation" in text


def test_a_series_without_a_coin_of_the_market_is_refused(venue: Path, series: Path) -> None:
    words = ("models", "acct-000003", "--book", venue / "book", "--market", venue / "market.json", "--series", series)
    code, message = run(*words)
    assert code == 2
    assert "must have every underlying of the market" in message


def test_a_move_is_told_to_the_tick(venue: Path) -> None:
    words = ("attribute", "acct-000003", "--book", venue / "book")
    moved = (*words, "--before", venue / "market.json", "--after", venue / "later.json")
    content = json.loads(run(*moved, "--json")[1])
    assert content["elapsed_ms"] == 86_400_000
    names = [name for name in Attribution.__dataclass_fields__ if name != "total"]
    for entry in content["underlyings"]:
        assert sum(entry[f"{name}_ticks"] for name in names) == entry["total_ticks"]
    assert any(entry["delta_ticks"] for entry in content["underlyings"])
    assert "residual" in run(*moved)[1]
    backwards = (*words, "--before", venue / "later.json", "--after", venue / "market.json")
    code, message = run(*backwards)
    assert code == 2
    assert "--after" in message


def test_a_books_greeks_are_net_zero(venue: Path) -> None:
    words = ("greeks", "--book", venue / "book", "--market", venue / "market.json", "--top", 3)
    content = json.loads(run(*words, "--json")[1])
    assert content["accounts"] == 10
    for entry in content["underlyings"]:
        assert abs(entry["net"]["delta"]) < 1e-6 * entry["gross"]["delta"]
        deltas = [abs(row["delta"]) for row in entry["largest"]]
        assert deltas == sorted(deltas, reverse=True)
        assert len(deltas) == 3
    code, text = run(*words)
    assert code == 0
    assert "gross" in text


def test_parameters_move_and_the_log_tells(series: Path, tmp_path: Path) -> None:
    params, log = tmp_path / "params.json", tmp_path / "log.jsonl"
    published = default_params(sample_market(5, "small"))
    params.write_bytes(published.to_json_bytes())
    words = ("retune", series, "--params", params, "--out", params, "--log", log)
    content = json.loads(run(*words, "--json")[1])
    assert [entry["parameter"] for entry in content["changes"]] == ["BTC.scan_range_bps", "BTC.haircut_bps"]
    assert content["changes"][0]["old_bps"] == published.underlyings[0].scan_range_bps
    moved = Params.from_json(params.read_bytes())
    assert moved.underlyings[0].scan_range_bps == content["changes"][0]["new_bps"]
    again = json.loads(run(*words, "--json")[1])
    assert again["records"] == content["records"] + len(again["changes"])
    assert ParameterLog.from_lines(log.read_bytes(), "log").head == again["head"]
    assert "head of the log" in run(*words)[1]
    log.write_bytes(log.read_bytes().replace(b'"new_bps":', b'"new_bps":1', 1))
    assert "parameter_log_broken" in run(*words)[1]
    log.unlink()
    params.write_bytes(params.read_bytes().replace(b'"BTC"', b'"XRP"'))
    code, message = run(*words)
    assert code == 2
    assert "must have a coin of the parameters" in message


def test_the_table_says_where_the_grid_failed(series: Path) -> None:
    code, text = run("backtest", series, "--horizon-hours", 24)
    assert code == 0
    assert "BTC, 24 h, claimed 99.00%" in text
    assert "Where it failed" in text
    assert "long future" in text


def test_the_json_has_every_test(series: Path) -> None:
    code, text = run("backtest", series, "--horizon-hours", 6, "--horizon-hours", 24, "--confidence", 97.5, "--json")
    assert code == 0
    content = json.loads(text)
    assert content["rows"] == 260
    assert [entry["horizon_hours"] for entry in content["results"]] == [6, 24]
    price = content["results"][0]["checks"][0]
    assert price["what"] == "price"
    assert price["breaches"] == price["overlapping_breaches"] == 1
    assert price["expected"] == pytest.approx(0.025 * price["windows"])
    assert {"kupiec", "christoffersen_independence", "christoffersen_conditional"} <= set(price)
    assert price["worst"]["found"] > 0.15


def test_the_picture_is_the_same_twice(series: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    first, second = (tmp_path / f"{number}.svg" for number in (1, 2))
    for path in (first, second):
        assert run("backtest", series, "--horizon-hours", 24, "--plot", path)[0] == 0
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size > 20_000


def test_bad_input_is_named(series: Path, tmp_path: Path) -> None:
    assert run("backtest", series, "--plot", tmp_path / "x.pdf") == (
        2,
        "--plot: must end with .png or .svg (found 'x.pdf')",
    )
    code, message = run("backtest", tmp_path / "absent.csv")
    assert code == 2
    assert "absent.csv" in message
    params = tmp_path / "params.json"
    params.write_text("{}")
    assert run("backtest", series, "--params", params)[0] == 2
