"""The crash of February 2026 on a sampled venue, by its command, from the real chains and series."""

from __future__ import annotations

import doctest
import json
import os
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.engine.core import Engine
from rtnet_core.engine.log import SqlLog
from tests.support.command_line import ROOT, zkm2m, zkm2m_json

DATA = Path(os.environ.get("ZKM2M_MARKET_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
CHAINS = [DATA / f"deribit_{coin}_chain_20260205T155132Z.csv" for coin in ("btc", "eth")]
SERIES = DATA / "deribit_index_atmiv_6h_20251230_20260822.csv"


def words(out: Path, *more: object) -> list[object]:
    chains = [word for path in CHAINS for word in ("--chain", path)]
    return ["engine", "replay", "--scenario", "crash", *chains, "--series", SERIES, "--out", out, *more]


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    out = tmp_path_factory.mktemp("crash") / "out"
    return out, zkm2m_json(*words(out, "--accounts", 150, "--seed", 7))


@pytest.mark.market_data
@pytest.mark.skipif(not SERIES.exists(), reason="the real market data are not beside the repository")
class TestFebruary:
    """The real crash."""

    def test_the_venue_opens_healthy_and_is_hit_when_the_market_is(self, crash: tuple[Path, Any]) -> None:
        steps = crash[1]["steps"]
        assert crash[1]["symbols"] == ["BTC", "ETH"]
        assert len(steps) == 17
        assert (steps[0]["healthy"], steps[0]["cleared"]) == (151, 0)
        # Median index of the chain, of which the series has 67,984.99; the low is six hours later, at 63,858.35.
        (middle,) = (step for step in steps if step["time_ms"] == 1_770_306_692_535)
        assert middle["index_usd"][0] == pytest.approx(67_985, rel=1e-3)
        low = min(steps, key=lambda step: step["index_usd"][0])
        assert low["index_usd"][0] == pytest.approx(63_858, rel=1e-3)
        hit = max(steps, key=lambda step: step["liquidated_ticks"])
        assert hit in (middle, low)
        assert steps.index(low) == steps.index(middle) + 1
        assert all(step["insurance_fund_ticks"] >= 0 for step in steps)
        assert all(
            sum(step[k] for k in ("healthy", "called", "below_maintenance", "bankrupt")) == 151 for step in steps
        )

    def test_it_says_what_happened_to_whom(self, crash: tuple[Path, Any]) -> None:
        _, told = crash
        assert len(told["worst"]) == 20
        losses = [story["lost_ticks"] for story in told["worst"]]
        assert losses == sorted(losses, reverse=True)
        steps, totals = told["steps"], told["totals"]
        assert totals["liquidated_accounts"] > 5
        assert totals["liquidated_ticks"] == sum(step["liquidated_ticks"] for step in steps)
        cleared = [account for report in told["clears"] for account in report["accounts"]]
        assert totals["cleared"] == len(cleared)
        assert totals["liquidated_ticks"] == sum(account["closed_ticks"] for account in cleared)
        deficit = sum(account["deficit_ticks"] for account in cleared)
        borne = sum(entry["ticks"] for account in cleared for entry in account["borne"])
        assert deficit == totals["fund_paid_ticks"] + totals["vault_paid_ticks"] + borne

    def test_the_folder_holds_log_report_and_pictures(self, crash: tuple[Path, Any]) -> None:
        out, told = crash
        assert json.loads((out / "crash.json").read_text()) == {k: v for k, v in told.items() if k != "out"}
        assert (out / "crash.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (out / "crash.svg").read_bytes()
        log = SqlLog.open(str(out / "venue.sqlite"))
        engine = Engine.open(log, from_the_beginning=True)
        log.close()
        assert [json.loads(json.dumps(report.to_json())) for report in engine.reports.values()] == told["clears"]
        engine.venue.ledger.audit()
        replayed = zkm2m_json("engine", "replay", "--log", out / "venue.sqlite", "--clears", out / "clears.jsonl")
        assert replayed["digest"] == engine.digest().hex()
        lines = [json.loads(text) for text in (out / "clears.jsonl").read_text().splitlines()]
        assert [{k: v for k, v in one.items() if k != "sequence"} for one in lines] == told["clears"]
        assert zkm2m(*words(out)).exit_code == 2  # it holds a replay already

    def test_a_crash_of_twice_the_size_bankrupts_and_is_told_in_tables(self, tmp_path: Path) -> None:
        behind = ("--fund-bps", 5, "--vault-bps", 5, "--backstop-bps", 100)
        shown = zkm2m(*words(tmp_path / "out", "--accounts", 80, "--severity", 2, *behind))
        assert shown.exit_code == 0, shown.output
        assert "The 20 accounts that lost most" in shown.output
        totals = json.loads((tmp_path / "out" / "crash.json").read_text())["totals"]
        assert totals["deficit_ticks"] > 0
        assert totals["deleveraged"] > 0


def test_a_scenario_and_its_options_must_fit(tmp_path: Path) -> None:
    series = tmp_path / "series.csv"
    series.write_text("timestamp,btc_index,btc_atm_iv_30d\n")
    for more in (
        (),
        ("--scenario", "crash"),
        ("--scenario", "crash", "--log", tmp_path / "v.sqlite", "--chain", series, "--series", series, "--out", "x"),
        ("--scenario", "crash", "--chain", series, "--series", series, "--out", tmp_path / "out"),
        ("--scenario", "flood"),
        ("--log", tmp_path / "v.sqlite", "--chain", series),
    ):
        assert zkm2m("engine", "replay", *more).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_the_pages_example_runs() -> None:
    results = doctest.testfile(str(ROOT / "docs" / "clearing.md"), module_relative=False)
    assert results.attempted > 5
    assert not results.failed
