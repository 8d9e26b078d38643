"""The verdict on an epoch: what an honest one says at every size, and the order of what refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.errors import InputError, Refusal, ToolError
from rtnet_core.margin_exact import account_vector
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array
from rtnet_core.totals import account_totals, sum_totals
from tests.support.epoch_setting import (
    BATCH,
    FUND_TICKS,
    HOUR_MS,
    MERGE,
    SIZES,
    B,
    keystore,
    make_epoch,
    policy,
    resigned,
    sample_accounts,
    sampled_chain,
    sampled_epoch,
    verdict_on,
)
from tests.support.verifier_setting import AS_OF_MS
from verifier import epoch as epoch_module
from verifier.keystore import Keystore
from verifier.policy import Policy


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    return keystore(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def no_pairing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a pairing is asked for."""

    def fail(*_: object) -> bool:
        raise AssertionError("paired before everything else was compared")

    monkeypatch.setattr(epoch_module, "verify_many", fail)


@pytest.mark.parametrize("size", SIZES)
def test_a16_an_honest_epoch_is_accepted_at_every_size(size: int, keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(size)
    told: list[tuple[int, int]] = []
    verdict = verdict_on(epoch, tmp_path, keys, progress=lambda done, total: told.append((done, total)))
    rules = margin_params(epoch.params, epoch.snapshot)
    risk = build_risk_array(epoch.snapshot, epoch.params)
    vectors = [account_vector(account, epoch.snapshot) for account in epoch.accounts]
    totals = sum_totals([account_totals(vector, risk, rules, 10_000) for vector in vectors], epoch.snapshot.sizes)
    assert verdict.accepted
    assert verdict.account_count == size
    assert verdict.below_threshold == totals.below_threshold == (size > 2)
    assert (verdict.deficit_accounts, verdict.deficit_ticks) == (totals.deficit_accounts, totals.deficit_ticks)
    assert {owed.symbol: owed.amount for owed in verdict.liabilities} == {
        "USD": totals.cash_ticks + totals.deficit_ticks,
        "USDC": totals.amounts[0],
        "BTC": totals.amounts[1],
    }
    proofs = {line.circuit: line.proofs for line in verdict.circuits}
    expected = {1: {BATCH: 1}, 3: {BATCH: 1}, 4: {BATCH: 1}, 5: {BATCH: 2, MERGE: 1}, 21: {BATCH: 6, MERGE: 3}}
    assert proofs == expected[size]
    assert told[-1] == (sum(proofs.values()), sum(proofs.values()))


def test_a20_a_deficit_is_counted_and_not_netted(keys: Keystore, tmp_path: Path) -> None:
    verdict = verdict_on(sampled_epoch(B), tmp_path, keys)
    assert verdict.deficit_accounts == 1
    assert verdict.deficit_ticks > 0
    (quote, *_) = verdict.liabilities
    assert quote.amount == verdict.cash_ticks + verdict.deficit_ticks


def test_the_verdict_as_json(keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(B + 1)
    epoch = epoch.proven_changed(refused_rows=2)
    (tmp_path / "notes.txt").write_text("read me")
    verdict = verdict_on(epoch, tmp_path, keys, policy=policy(venue_public_key=epoch.record.venue_public_key))
    shown = json.loads(json.dumps(verdict.to_json()))
    assert shown["refused_rows"] == 2
    assert shown["record"] == epoch.record.digest().hex()
    assert shown["venue_pinned"] is True
    assert shown["covered"] is None
    assert shown["reserves"] is None
    assert shown["previous"] is None
    assert shown["previous_checked"] is False
    assert shown["age_ms"] == 23 * HOUR_MS
    assert shown["insurance_fund_ticks"] == str(FUND_TICKS)
    assert shown["unchecked_files"] == ["notes.txt"]
    assert [line["development"] for line in shown["circuits"]] == [True, True]
    assert verdict.development
    grounds = {label["figure"]: label["assurance"] for label in shown["labels"]}
    assert grounds["net_positions"] == "proven"
    assert grounds["risk_array"] == "recomputed"
    assert grounds["refused_rows"] == grounds["insurance_fund"] == "signed"


def test_without_a_pinned_venue_nothing_is_called_signed(keys: Keystore, tmp_path: Path) -> None:
    verdict = verdict_on(sampled_epoch(1), tmp_path, keys)
    assert {label.assurance for label in verdict.labels} == {"proven", "recomputed", "stated"}


def test_an_epoch_follows_the_one_before_it(keys: Keystore, tmp_path: Path) -> None:
    first, second = sampled_chain(2)
    verdict = verdict_on(second, tmp_path, keys, previous=first.record)
    assert verdict.previous == first.record.digest().hex()
    assert verdict.previous_checked


def test_an_epoch_remains_verifiable_unless_the_recipient_limits_its_age(tmp_path: Path) -> None:
    epoch = sampled_epoch(1)
    keys = keystore(tmp_path / "keys", development=False, contributions=2, beacon="0123")
    years_later = AS_OF_MS + 3 * 365 * 24 * HOUR_MS
    key = epoch.record.venue_public_key
    production = Policy(production=True, now_ms=years_later, venue_public_key=key)
    assert not verdict_on(epoch, tmp_path / "1", keys, policy=production).development
    with pytest.raises(Refusal, match="stale"):
        verdict_on(epoch, tmp_path / "1", keys, policy=Policy(now_ms=years_later, max_age_ms=HOUR_MS))


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"now_ms": AS_OF_MS}, "from_the_future"),
        ({"venue_public_key": b"\x05" * 32}, "wrong_venue"),
        ({"production": True}, "venue_key_not_pinned"),
        ({"threshold_bps": 10_001}, "threshold_mismatch"),
        ({"max_age_ms": HOUR_MS}, "stale"),
    ],
)
def test_the_policy_is_applied_before_the_pairing(
    changes: dict[str, Any], code: str, keys: Keystore, tmp_path: Path
) -> None:
    with pytest.raises(Refusal) as caught:
        verdict_on(sampled_epoch(1), tmp_path, keys, policy=policy(**changes))
    assert caught.value.code == code


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize("name", ["snapshot_hash", "params_root", "risk_root", "book_root"])
def test_a_root_other_than_the_recomputed_one_is_refused(name: str, keys: Keystore, tmp_path: Path) -> None:
    codes = {"snapshot_hash": "snapshot_mismatch", "params_root": "params_mismatch"}
    with pytest.raises(Refusal) as caught:
        verdict_on(sampled_epoch(B + 1).resigned(**{name: "7"}), tmp_path, keys)
    assert caught.value.code == codes.get(name, f"{name}_mismatch")


@pytest.mark.usefixtures("no_pairing")
def test_a_record_of_no_proven_book_is_refused(keys: Keystore, tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        verdict_on(sampled_epoch(1).resigned(proven=None), tmp_path, keys)
    assert caught.value.code == "not_an_epoch_record"


@pytest.mark.usefixtures("no_pairing")
def test_a43_production_refuses_a_development_key_of_any_circuit(tmp_path: Path) -> None:
    epoch = sampled_epoch(B + 1)
    conditions = policy(production=True, venue_public_key=epoch.record.venue_public_key)
    for number, lock in enumerate(({}, {"development": False}, {"development": False, "contributions": 1})):
        with pytest.raises(Refusal) as caught:
            verdict_on(epoch, tmp_path / "1", keystore(tmp_path / f"keys{number}", **lock), policy=conditions)
        assert caught.value.code == ("key_not_ceremonial" if lock else "development_key")
    mixed = keystore(tmp_path / "mixed", development=False, contributions=2, beacon="00")
    path = tmp_path / "mixed" / MERGE / "keys.lock.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"development": True}))
    with pytest.raises(Refusal, match=MERGE) as caught:
        verdict_on(epoch, tmp_path / "1", mixed, policy=conditions)
    assert caught.value.code == "development_key"


def test_totals_that_do_not_fit_the_market_are_bad_input(keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(1)
    for changes in ({"collateral": {"USDC": "1"}}, {"net_lots": {"ETH-PERPETUAL": 1}}):
        with pytest.raises(InputError, match=r"proven\.totals"):
            verdict_on(epoch.totals_changed(**changes), tmp_path, keys)


def test_proofs_are_checked_in_chunks(keys: Keystore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoch_module, "CHUNK", 4)
    told: list[int] = []
    verdict_on(sampled_epoch(21), tmp_path, keys, progress=lambda done, _: told.append(done))
    assert told == [4, 6, 9]


def test_a_missing_native_module_is_a_tool_error(
    keys: Keystore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verifier.groth16._native_module", lambda: None)
    with pytest.raises(ToolError):
        verdict_on(sampled_epoch(1), tmp_path, keys, backend="native")
    assert verdict_on(sampled_epoch(1), tmp_path, keys).backend == "reference"


def test_the_reference_backend_gives_the_same_answers(keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(B + 1)
    assert verdict_on(epoch, tmp_path, keys, backend="reference").backend == "reference"
    with pytest.raises(Refusal, match=f"{BATCH} 1") as caught:
        verdict_on(epoch.line_changed(1, proof=epoch.lines[0]["proof"]), tmp_path, keys, backend="reference")
    assert caught.value.code == "proof_invalid"


def test_a_threshold_other_than_the_proofs_is_caught_by_the_proofs(keys: Keystore, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=f"{BATCH} 0") as caught:
        verdict_on(sampled_epoch(1).proven_changed(threshold_bps=9_999), tmp_path, keys)
    assert caught.value.code == "proof_invalid"


def test_a_higher_threshold_is_proven_just_as_well(keys: Keystore, tmp_path: Path) -> None:
    epoch = make_epoch(sample_accounts(2), threshold_bps=20_000)
    assert verdict_on(epoch, tmp_path, keys, policy=policy(threshold_bps=20_000)).threshold_bps == 20_000


def test_a_record_signed_again_for_another_number_is_not_what_was_proven(keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(1)
    moved = epoch.with_(record=resigned(epoch.record, number=2))
    with pytest.raises(Refusal) as caught:
        verdict_on(moved, tmp_path, keys)
    assert caught.value.code == "proof_invalid"
