"""The main job on real input: a Deribit option chain in, a proof about a sampled account out, and its verdict."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtnet_core.book_sample import sample_book
from rtnet_core.deribit import import_chains
from rtnet_core.params import default_params
from tests.support.committed_book import commit

DATA = Path(os.environ.get("ZKM2M_MARKET_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
CALM = [DATA / f"deribit_{coin}_chain_20260822T035045Z.csv" for coin in ("btc", "eth")]
CRASH = [DATA / f"deribit_{coin}_chain_20260205T155132Z.csv" for coin in ("btc", "eth")]

pytestmark = [
    pytest.mark.market_data,
    pytest.mark.skipif(not CALM[0].exists(), reason="the real option chains are not beside the repository"),
]


@pytest.mark.parametrize("paths", [[CALM[0]], [CALM[1]], CALM], ids=["btc", "eth", "both"])
def test_calm_day_reprices_to_the_files_own_marks(paths: list[Path]) -> None:
    _, report = import_chains(paths)
    assert report.repriced_error_median < 5e-5
    assert report.repriced_error_worst < 1e-3
    assert report.rows == report.accepted + sum(report.refused.values())
    assert report.accepted > 0.9 * report.rows


def test_crash_day_imports_with_its_refusals_counted() -> None:
    snapshot, report = import_chains(CRASH)
    assert report.rows == report.accepted + sum(report.refused.values())
    assert len(snapshot.instruments) == snapshot.sizes.instruments


@pytest.mark.parametrize("paths", [CALM, pytest.param(CRASH, marks=pytest.mark.slow)], ids=["calm", "crash"])
def test_proof_on_a_real_market(tmp_path: Path, paths: list[Path]) -> None:
    snapshot, _ = import_chains(paths)
    params = default_params(snapshot)
    book = commit(tmp_path, snapshot, list(sample_book(snapshot, params, 12, 5)), params)
    ratios = [margin.ratio_bps or 0 for margin in book.margins()]
    for index in (ratios.index(max(ratios)), ratios.index(min(ratios))):
        verdict = book.verify(book.prove(f"acct-{index:06d}", 10_000).to_json_bytes())
        assert verdict.clears is (ratios[index] >= 10_000)
