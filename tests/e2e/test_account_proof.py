"""One account, end to end: market, book, record, margin, proof, verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from prover.backends import native_available
from rtnet_core.account import Account, write_book
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import THRESHOLD_BITS
from rtnet_core.snapshot_hash import snapshot_hash_hex
from tests.support.committed_book import CHALLENGE, Committed, commit, sampled


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Committed:
    return sampled(tmp_path_factory.mktemp("small"))


def test_every_kind_of_sampled_account_gets_the_verdict_of_the_exact_engine(book: Committed) -> None:
    ratios = {account.id: margin.ratio_bps for account, margin in zip(book.accounts(), book.margins(), strict=True)}
    assert min(r for r in ratios.values() if r is not None) < 10_000, "the sample must hold an under-margined account"
    ordered = sorted((ratio, name) for name, ratio in ratios.items() if ratio is not None)
    for ratio, name in (ordered[0], ordered[len(ordered) // 2], ordered[-1]):
        verdict = book.verify(book.prove(name, 10_000).to_json_bytes())
        assert verdict.accepted
        assert verdict.clears == (ratio >= 10_000)
        assert verdict.key.development


def test_an_account_at_the_exact_threshold_clears_and_one_tick_less_does_not(tmp_path: Path) -> None:
    # A perpetual alone: maintenance is a whole number of ticks * 10^-4, and cash can meet the threshold exactly.
    sample = sampled(tmp_path / "sample", accounts=4)
    name = next(entry.name for entry in sample.snapshot.instruments if entry.kind == "perpetual")
    base = Account(id="probe", cash_ticks=0, positions={name: 10_000})
    margin = commit(tmp_path / "base", sample.snapshot, [base]).margins()[0]
    needed = -margin.headroom_e8(10_000)
    cash, rest = divmod(needed, 10**8)
    assert rest == 0, "this position's maintenance margin must be a whole number of ticks"
    for missing, clears in ((0, True), (1, False)):
        account = Account(id="probe", cash_ticks=cash - missing, positions={name: 10_000})
        book = commit(tmp_path / f"short-{missing}", sample.snapshot, [account])
        assert book.margins()[0].headroom_e8(10_000) == -missing * 10**8
        verdict = book.verify(book.prove("probe", 10_000).to_json_bytes())
        assert verdict.clears is clears


def test_a_book_that_changed_after_its_commitment_is_refused(book: Committed, tmp_path: Path) -> None:
    copy = commit(tmp_path, book.snapshot, book.accounts(), book.params)
    first, *others = book.accounts()
    changed = first.model_copy(update={"cash_ticks": first.cash_ticks + 1})
    write_book(copy.folder, [changed, *others], snapshot_hash_hex(book.snapshot), overwrite=True)
    with pytest.raises(InputError, match="was changed after it was committed"):
        copy.account("acct-000000")


@pytest.mark.parametrize("threshold", [0, -1, 1 << THRESHOLD_BITS, True])
def test_a_threshold_out_of_range_is_named(book: Committed, threshold: int) -> None:
    with pytest.raises(InputError, match="threshold_bps: must be an integer"):
        book.prove("acct-000000", threshold)


def test_an_unknown_account_is_refused_without_naming_others(book: Committed) -> None:
    with pytest.raises(InputError, match="is not in the book") as caught:
        book.account("nobody")
    assert "acct-" not in str(caught.value)


def test_the_proof_is_for_one_challenge(book: Committed) -> None:
    bundle = book.prove("acct-000001", 10_000).to_json_bytes()
    with pytest.raises(Refusal) as caught:
        book.verify(bundle, challenge=CHALLENGE + "!")
    assert caught.value.code == "wrong_challenge"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["native", "snarkjs"])
def test_full_profile(tmp_path: Path, backend: str) -> None:
    _full_profile(tmp_path, backend)


@pytest.mark.skipif(not native_available(), reason="the native prover is not installed")
def test_full_profile_natively(tmp_path: Path) -> None:
    _full_profile(tmp_path, "native")


def _full_profile(folder: Path, backend: str) -> None:
    book = sampled(folder, "standard", accounts=12)
    margins = book.margins()
    verdict = book.verify(book.prove("acct-000003", 10_000, backend).to_json_bytes())
    assert verdict.circuit == "account-standard"
    assert verdict.clears is margins[3].clears(10_000)
