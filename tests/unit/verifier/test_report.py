"""The report on an epoch: what it finds, what each line rests on, and that what it shows stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Instrument, slots
from tests.support.epoch_setting import (
    MadeEpoch,
    keystore,
    make_epoch,
    policy,
    reserves_of,
    sample_accounts,
    sampled_chain,
    sampled_epoch,
    verdict_on,
)
from verifier.chain import verify_chain
from verifier.epoch_files import EpochFolder
from verifier.keystore import Keystore
from verifier.report.amounts import amount_of, usd_of_ticks
from verifier.report.epoch import epoch_report, row_faults
from verifier.report.findings import SEVERITIES, Figure, Finding, Notebook, Report, ReportTable
from verifier.report.render import to_html, to_markdown
from verifier.reserves import Liability


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    return keystore(tmp_path_factory.mktemp("keys"))


def report_on(made: MadeEpoch, folder: Path, keys: Keystore, **options: Any) -> Report:
    verdict = verdict_on(made, folder, keys, **options)
    return epoch_report(EpochFolder(folder), verdict)


def found(report: Report, subject: str) -> list[tuple[str, str, str]]:
    return [(entry.severity, entry.text, entry.assurance) for entry in report.findings if entry.subject == subject]


def test_every_figure_has_the_label_of_the_verdict(keys: Keystore, tmp_path: Path) -> None:
    made = sampled_epoch(5)
    unpinned = {figure.name: figure.assurance for figure in report_on(made, tmp_path / "1", keys).figures}
    pinned_policy = policy(venue_public_key=made.record.venue_public_key)
    pinned = report_on(made, tmp_path / "1", keys, policy=pinned_policy)
    assert unpinned["accounts"] == unpinned["owed, BTC"] == "proven"
    assert unpinned["insurance fund"] == "stated"
    assert {figure.name: figure.assurance for figure in pinned.figures}["insurance fund"] == "signed"
    assert found(report_on(made, tmp_path / "1", keys), "venue")
    assert not found(pinned, "venue")


def test_an_honest_epoch_has_no_critical_finding_and_its_checks_count(keys: Keystore, tmp_path: Path) -> None:
    report = report_on(sampled_epoch(21), tmp_path, keys)
    assert report.count("critical") == 0
    checks = {check.subject: check for check in report.checks}
    # 1,024 leaves in batches of 4: six roots, then 3, 2, 1 nodes and one on each level above.
    assert checks["tree above the batches"].text.startswith("11 nodes above 6 batch roots")
    assert "by level 6, 2, 1," in checks["proofs called for"].text
    assert checks["batch-small"].assurance == "proven"
    assert found(report, "margin") == [("note", found(report, "margin")[0][1], "proven")]
    assert [row[0] for row in report.tables[0].rows] == ["BTC-PERPETUAL", "BTC-28AUG26-80000-C"]


def test_what_a_batch_shown_twice_is_called(keys: Keystore, tmp_path: Path) -> None:
    made = sampled_epoch(5)
    verdict = verdict_on(made, tmp_path, keys)
    doubled = made.line_changed(1, batch_root=made.lines[0]["batch_root"])
    report = epoch_report(EpochFolder(doubled.write(tmp_path)), verdict)
    assert found(report, "batches")[0][0] == "critical"
    assert found(report, "tree above the batches")[0][0] == "critical"


def test_totals_that_contradict_each_other_are_critical(keys: Keystore, tmp_path: Path) -> None:
    verdict = verdict_on(sampled_epoch(5), tmp_path, keys)
    folder = EpochFolder(tmp_path)
    assert not found(epoch_report(folder, verdict), "totals hang together")
    for changes in (
        {"below_threshold": 6},
        {"below_threshold": 0, "deficit_accounts": 0, "deficit_ticks": 0},
        {"deficit_accounts": 2},
        {"deficit_ticks": 0},
    ):
        report = epoch_report(folder, replace(verdict, **changes))
        assert [severity for severity, _, _ in found(report, "totals hang together")] == ["critical"], changes


def test_reserves_are_judged_by_cover_and_by_ownership(keys: Keystore, tmp_path: Path) -> None:
    made = sampled_epoch(5)
    line = {"chain": "other", "address": "custodian:1"}

    def of(balance: int) -> list[tuple[str, str, str]]:
        assets = {symbol: [line | {"balance": str(balance)}] for symbol in ("USD", "USDC", "BTC")}
        return found(report_on(made, tmp_path, keys, reserves=reserves_of(made, assets)), "reserves")

    assert {severity for severity, _, _ in of(10**15)} == {"warning"}
    assert {severity for severity, _, _ in of(1)} == {"critical"}
    assert found(report_on(made, tmp_path, keys), "reserves")[0][0] == "note"


def test_the_chain_is_a_check_and_its_lost_beginning_a_warning(keys: Keystore, tmp_path: Path) -> None:
    for made in sampled_chain(3)[1:]:
        folder = made.write(tmp_path / str(made.record.number))
    verdict = verdict_on(sampled_chain(3)[2], folder, keys)
    report = epoch_report(EpochFolder(folder), verdict, verify_chain(tmp_path, policy()))
    assert "records 2 to 3" in next(check.text for check in report.checks if check.subject == "chain")
    assert found(report, "chain")[0][0] == "warning"
    assert found(epoch_report(EpochFolder(folder), verdict), "chain")[0][0] == "warning"


def test_rows_refused_and_deficits_are_warnings(keys: Keystore, tmp_path: Path) -> None:
    made = make_epoch(sample_accounts(4), refused_rows=7)
    report = report_on(made, tmp_path, keys)
    assert ": 7" in found(report, "rows refused")[0][1]
    assert found(report, "deficits")[0][0] == "warning"


@pytest.mark.parametrize("profile", ["small", "standard", "wide"])
def test_no_row_of_a_sampled_market_breaks_a_bound(profile: str) -> None:
    market = sample_market(3, profile)
    risk = build_risk_array(market, default_params(market))
    for slot, instrument in enumerate(slots(market)):
        assert instrument is not None
        numbers = (risk.rows[slot], risk.marks[slot], risk.deltas[slot], risk.gammas[slot])
        assert row_faults(instrument, *numbers) == []


CALL = Instrument(
    name="C", kind="call", underlying="BTC", expiry_ms=1, strike_ticks=900, forward_ticks=1000, volatility_q32=1
)
PUT = CALL.model_copy(update={"name": "P", "kind": "put", "strike_ticks": 1100})
FUTURE = Instrument(name="F", kind="future", underlying="BTC", expiry_ms=1, forward_ticks=1000)


@pytest.mark.parametrize(
    ("instrument", "changes", "mark", "delta", "gamma", "rule"),
    [
        (CALL, (-100, 9), 97, 5, 0, "intrinsic value and forward"),
        (CALL, (-100, 9), 1003, 5, 0, "intrinsic value and forward"),
        (CALL, (-105, 9), 100, 5, 0, "no loss above the mark"),
        (CALL, (-100, 9), 100, 13, 0, "delta"),
        (CALL, (-100, 9), 100, -3, 0, "delta"),
        (CALL, (-100, 9), 100, 5, -3, "gamma"),
        (PUT, (-100, 9), 97, -5, 0, "intrinsic value and strike"),
        (PUT, (-100, 9), 1103, -5, 0, "intrinsic value and strike"),
        (PUT, (-100, 9), 100, 3, 0, "delta"),
        (FUTURE, (-100, 9), 999, 10, 0, "mark is the forward"),
        (FUTURE, (-100, 9), 1000, 13, 0, "delta"),
        (FUTURE, (-100, 9), 1000, 10, 1, "gamma is 0"),
    ],
)
def test_a_row_outside_the_bounds_is_named(
    instrument: Instrument, changes: tuple[int, ...], mark: int, delta: int, gamma: int, rule: str
) -> None:
    (fault,) = row_faults(instrument, changes, mark, delta, gamma)
    assert fault.startswith(f"{instrument.name}: must have ")
    assert rule in fault


def test_findings_stand_by_severity_and_are_counted() -> None:
    notes = Notebook()
    for severity in reversed(SEVERITIES):
        notes.found(severity, severity, "text")
    notes.judge("subject", ["first", "second"], "unsaid")
    notes.judge("another", [], "said")
    report = Report("title", (), tuple(notes.checks), tuple(notes.findings))
    assert [entry.severity for entry in report.findings] == ["critical"] * 3 + ["warning", "note"]
    assert report.summary == "3 critical findings, 1 warning, 1 note"
    assert Report("title", (), (), ()).summary == "no critical finding, no warning, no note"
    assert [check.text for check in report.checks] == ["said"]


HOSTILE = 'x"><script>alert(1)</script>|`*_[a](b)\n# head\u2028\x1b'


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onclick", "onload"}


def _hostile_report() -> Report:
    finding = Finding("critical", HOSTILE, HOSTILE, "stated")
    rows = ReportTable(HOSTILE, ("a", ">b"), ((HOSTILE, HOSTILE),), "recomputed")
    return Report(HOSTILE, (Figure(HOSTILE, HOSTILE, "stated"),), (), (finding,), (rows,))


def test_html_shows_a_hostile_name_as_text_and_loads_nothing() -> None:
    page = to_html(_hostile_report())
    parser = _Tags()
    parser.feed(page)
    assert "script" not in parser.tags
    assert "default-src 'none'" in page
    assert "&lt;script&gt;alert(1)" in page


def test_markdown_keeps_a_hostile_name_in_its_cell() -> None:
    text = to_markdown(_hostile_report())
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    assert "<script>" not in text.replace("\\<", "")
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4, 5)


def test_amounts_lose_no_digit() -> None:
    bitcoin = Liability("BTC", "0.0001 BTC", 32_190_001, is_quote=False)
    assert amount_of(bitcoin.amount, bitcoin) == "3,219.0001 BTC"
    assert amount_of(20_000, bitcoin) == "2 BTC"
    assert usd_of_ticks(-(10**40) - 1).endswith("000.000001 USD")
