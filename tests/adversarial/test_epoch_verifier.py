"""Epochs that were tampered with, by anyone on the way or by the venue itself: each is refused, and for that reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtnet_core.account import Account
from rtnet_core.epoch import BatchStatement, UpperTree, batch_sizes, epoch_context
from rtnet_core.errors import Refusal
from rtnet_core.record import Record
from rtnet_core.totals import empty_commitment
from tests.support.epoch_setting import (
    BATCH,
    KEYS,
    MERGE,
    TRAPDOORS,
    MadeEpoch,
    keystore,
    make_epoch,
    resigned,
    sample_accounts,
    sampled_chain,
    sampled_epoch,
    verdict_on,
    versions,
)
from tests.support.simulated_groth16 import Trapdoor, rerandomised, twist_point_outside_subgroup
from tests.support.verifier_setting import OTHER_VENUE_KEY, VENUE_KEY
from verifier import epoch as epoch_module
from verifier.keystore import Keystore

MERGE_0 = f"{MERGE} 0 of level 1"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    return keystore(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def five() -> MadeEpoch:
    """Return an epoch of five accounts: two batches and one merge."""
    return sampled_epoch(5)


def refusal_of(epoch: MadeEpoch, keys: Keystore, folder: Path, **options: Any) -> Refusal:
    """Return the refusal that an epoch meets; nothing was reported as checked behind the failure."""
    told: list[int] = []
    with pytest.raises(Refusal) as caught:
        verdict_on(epoch, folder, keys, progress=lambda done, _: told.append(done), **options)
    assert sum(told) < len(epoch.lines)
    return caught.value


def public_signals(epoch: MadeEpoch, place: int) -> list[int]:
    """Return the public signals of one proof of an epoch of five accounts."""
    record, lines = epoch.record, epoch.lines
    context = epoch_context(record.venue_public_key, record.number, record.previous_digest)
    if place == 2:
        children = [int(line["totals"]) for line in lines[:2]] + [empty_commitment(epoch.snapshot.sizes)] * 2
        return [int(lines[2]["totals"]), *children, context]
    return BatchStatement(
        batch_root=int(lines[place]["batch_root"]),
        totals=int(lines[place]["totals"]),
        risk_root=int(record.risk_root),
        params_root=int(record.params_root),
        threshold_bps=10_000,
        account_count=batch_sizes(5, epoch.snapshot.sizes)[place],
        context=context,
    ).public_signals()


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(("place", "signal"), [(1, i) for i in range(7)] + [(2, i) for i in range(6)])
def test_a36_a_valid_proof_of_each_signal_one_off(
    place: int, signal: int, step: int, five: MadeEpoch, keys: Keystore, tmp_path: Path
) -> None:
    public = public_signals(five, place)
    trapdoor = TRAPDOORS[MERGE if place == 2 else BATCH]
    verdict_on(five.line_changed(place, proof=trapdoor.proof_json(public)), tmp_path, keys)
    public[signal] += step
    refusal = refusal_of(five.line_changed(place, proof=trapdoor.proof_json(public)), keys, tmp_path)
    assert refusal.code == "proof_invalid"
    assert (MERGE_0 if place == 2 else f"{BATCH} 1") in refusal.message


def test_a36_two_children_of_a_merge_exchanged(five: MadeEpoch, keys: Keystore, tmp_path: Path) -> None:
    public = public_signals(five, 2)
    public[1], public[2] = public[2], public[1]
    changed = five.line_changed(2, proof=TRAPDOORS[MERGE].proof_json(public))
    assert refusal_of(changed, keys, tmp_path).code == "proof_invalid"


@pytest.mark.parametrize("place", range(9))
def test_a38_one_wrong_proof_is_named_at_every_place(place: int, keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(21)
    # A proof with valid points, of the neighbour's statement (of the batch in front for a merge).
    other = epoch.lines[(place + 1) % 6]["proof"]
    refusal = refusal_of(epoch.line_changed(place, proof=other), keys, tmp_path)
    names = [*(f"{BATCH} {i}" for i in range(6)), MERGE_0, f"{MERGE} 1 of level 1", f"{MERGE} 0 of level 2"]
    assert (refusal.code, refusal.message.endswith(f"({names[place]})")) == ("proof_invalid", True)


def test_a38_the_first_of_two_is_named(keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(21)
    first, second = epoch.lines[2]["proof"], epoch.lines[4]["proof"]
    exchanged = epoch.line_changed(2, proof=second).line_changed(4, proof=first)
    assert f"({BATCH} 2)" in refusal_of(exchanged, keys, tmp_path).message


def test_a39_nothing_behind_a_failed_proof_counts_as_checked(
    keys: Keystore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch_module, "CHUNK", 2)
    epoch = sampled_epoch(21)
    wrong = epoch.line_changed(3, proof=epoch.lines[0]["proof"])
    told: list[int] = []
    with pytest.raises(Refusal, match=f"{BATCH} 3"):
        verdict_on(wrong, tmp_path, keys, progress=lambda done, _: told.append(done))
    assert told == [2]


def test_a30_another_proof_of_the_same_statement_changes_nothing(
    five: MadeEpoch, keys: Keystore, tmp_path: Path
) -> None:
    proof = rerandomised(five.lines[0]["proof"], KEYS[BATCH], 5, 7)
    assert proof != five.lines[0]["proof"]
    assert verdict_on(five.line_changed(0, proof=proof), tmp_path, keys).digest == five.record.digest().hex()


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        ({"pi_a": ["0", "1", "0"]}, "point_at_infinity"),
        ({"pi_a": ["1", "3", "1"]}, "point_off_curve"),
        ({"pi_a": ["01", "2", "1"]}, "coordinate_not_canonical"),
        ({"pi_b": twist_point_outside_subgroup()}, "point_outside_subgroup"),
        ({"pi_c": ["1", "2"]}, "proof_malformed"),
        ({"curve": "bls12381"}, "proof_malformed"),
    ],
)
def test_a34_a_bad_point_is_refused_with_the_name_of_its_proof(
    proof: dict[str, Any], code: str, five: MadeEpoch, keys: Keystore, tmp_path: Path
) -> None:
    refusal = refusal_of(five.line_changed(1, proof=five.lines[1]["proof"] | proof), keys, tmp_path)
    assert (refusal.code, f"{BATCH} 1: proof" in refusal.message) == (code, True)


@pytest.mark.parametrize("proof", [None, "", [], {}, 5])
def test_a35_what_is_no_proof_is_refused(proof: Any, five: MadeEpoch, keys: Keystore, tmp_path: Path) -> None:
    assert refusal_of(five.line_changed(2, proof=proof), keys, tmp_path).code == "proof_malformed"


# The record


def changed_fields() -> list[tuple[str, Any]]:
    """Return every field of a record with another value."""
    body = {
        "venue": "Other Exchange",
        "number": 2,
        "as_of_ms": 1_785_003_600_001,
        "signed_at_ms": 1_785_003_610_001,
        "profile": "standard",
        "snapshot_hash": "5",
        "params_root": "5",
        "risk_root": "5",
        "book_root": "5",
        "account_count": 6,
        "previous": "22" * 32,
    }
    return list(body.items())


@pytest.mark.parametrize(("field", "value"), changed_fields())
def test_a27_a_record_edited_in_any_field_is_refused(
    field: str, value: Any, five: MadeEpoch, keys: Keystore, tmp_path: Path
) -> None:
    edited = Record(**{**{name: getattr(five.record, name) for name in Record.model_fields}, field: value})
    assert refusal_of(five.with_(record=edited), keys, tmp_path).code == "record_signature_invalid"


@pytest.mark.parametrize(
    ("field", "value"),
    [("threshold_bps", 9_000), ("insurance_fund_ticks", "1"), ("refused_rows", 1), ("circuits", {}), ("totals", None)],
)
def test_a27_a_record_edited_in_what_is_proven_is_refused(
    field: str, value: Any, five: MadeEpoch, keys: Keystore, tmp_path: Path
) -> None:
    content = five.record.model_dump()
    if field == "totals":
        content["proven"]["totals"]["below_threshold"] = 0
    else:
        content["proven"][field] = value
    edited = Record.model_validate(content)
    assert refusal_of(five.with_(record=edited), keys, tmp_path).code == "record_signature_invalid"


@pytest.mark.parametrize("count", [1, 3, 4, 6, 8, 9])
def test_a16_another_account_count_signed_by_the_venue(
    count: int, five: MadeEpoch, keys: Keystore, tmp_path: Path
) -> None:
    refusal = refusal_of(five.resigned(account_count=count), keys, tmp_path)
    if count <= 4:
        assert refusal.code == "circuits_mismatch"
    elif count == 9:
        assert refusal.code == "wrong_proofs"
    else:
        assert refusal.code == "book_root_mismatch"


def test_a16_a17_an_empty_place_signed_as_an_account(five: MadeEpoch, keys: Keystore, tmp_path: Path) -> None:
    batch_roots = [int(line["batch_root"]) for line in five.lines[:2]]
    root = UpperTree(batch_roots, 6, five.snapshot.sizes).book_root
    refusal = refusal_of(five.resigned(account_count=6, book_root=str(root)), keys, tmp_path)
    assert (refusal.code, f"{BATCH} 1" in refusal.message) == ("proof_invalid", True)


def test_a16_a_batch_left_out_with_everything_signed_to_fit(keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(21)
    batch_roots = [int(line["batch_root"]) for line in epoch.lines[:5]]
    root = UpperTree(batch_roots, 20, epoch.snapshot.sizes).book_root
    shorter = epoch.resigned(account_count=20, book_root=str(root)).with_(lines=epoch.lines[:5] + epoch.lines[6:])
    refusal = refusal_of(shorter, keys, tmp_path)
    assert (refusal.code, f"{MERGE} 1 of level 1" in refusal.message) == ("proof_invalid", True)


def test_a16_batches_exchanged_with_everything_signed_to_fit(keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(21)
    first, second = epoch.lines[0] | {"number": 1}, epoch.lines[1] | {"number": 0}
    assert refusal_of(epoch.with_(lines=[second, first, *epoch.lines[2:]]), keys, tmp_path).code == "book_root_mismatch"


def test_a16_a_batch_root_other_than_the_proofs_signed_to_fit(five: MadeEpoch, keys: Keystore, tmp_path: Path) -> None:
    changed = five.line_changed(0, batch_root="7")
    assert refusal_of(changed, keys, tmp_path).code == "book_root_mismatch"
    root = UpperTree([7, int(five.lines[1]["batch_root"])], 5, five.snapshot.sizes).book_root
    refusal = refusal_of(changed.resigned(book_root=str(root)), keys, tmp_path)
    assert (refusal.code, f"{BATCH} 0" in refusal.message) == ("proof_invalid", True)


# Totals


def test_a20_a22_totals_other_than_the_committed_ones(five: MadeEpoch, keys: Keystore, tmp_path: Path) -> None:
    totals = five.record.model_dump()["proven"]["totals"]
    usdc, btc = int(totals["collateral"]["USDC"]), int(totals["collateral"]["BTC"])
    for changes in (
        {"below_threshold": totals["below_threshold"] + 1},
        {"below_threshold": 0},
        {"shortfall_e8": str(int(totals["shortfall_e8"]) - 1)},
        {"deficit_accounts": 0},
        {"deficit_ticks": str(int(totals["deficit_ticks"]) - 1)},
        {"deficit_ticks": "0", "cash_ticks": str(int(totals["cash_ticks"]) + int(totals["deficit_ticks"]))},
        {"cash_ticks": str(int(totals["cash_ticks"]) - 1)},
        {"collateral": {"USDC": str(usdc - 1), "BTC": str(btc)}},
        {"collateral": {"USDC": str(usdc - 1), "BTC": str(btc + 1)}},
        {"collateral": {"USDC": str(btc), "BTC": str(usdc)}},
        {"net_lots": {"BTC-PERPETUAL": 1}},
        {"blinding": str(int(totals["blinding"]) + 1)},
    ):
        assert refusal_of(five.totals_changed(**changes), keys, tmp_path).code == "totals_mismatch", changes


def test_a20_a_commitment_of_a_child_that_is_not_the_proofs(five: MadeEpoch, keys: Keystore, tmp_path: Path) -> None:
    refusal = refusal_of(five.line_changed(1, totals="5"), keys, tmp_path)
    assert (refusal.code, f"{BATCH} 1" in refusal.message) == ("proof_invalid", True)
    assert refusal_of(five.line_changed(2, totals="5"), keys, tmp_path).code == "totals_mismatch"


def account(number: int, **content: Any) -> Account:
    """Return an account."""
    return Account.from_json({"id": f"account{number}", "cash_ticks": 0, **content})


@pytest.mark.parametrize("lots", [1, -1])
def test_a23_a_net_position_of_one_lot(lots: int, keys: Keystore, tmp_path: Path) -> None:
    accounts = [*sample_accounts(4), account(9, positions={"BTC-28AUG26-80000-C": lots}, collateral={"BTC": 90})]
    refusal = refusal_of(make_epoch(accounts), keys, tmp_path)
    assert refusal.code == "net_position"
    assert f"BTC-28AUG26-80000-C: {lots:+} lots" in refusal.message


def test_a22_a_net_position_in_one_instrument_is_not_balanced_by_another(keys: Keystore, tmp_path: Path) -> None:
    both = account(9, positions={"BTC-28AUG26-80000-C": 1, "BTC-PERPETUAL": -1}, collateral={"BTC": 90})
    assert refusal_of(make_epoch([both]), keys, tmp_path).code == "net_position"


def test_a24_invented_hedged_accounts_with_thin_collateral_show(keys: Keystore, tmp_path: Path) -> None:
    lots, mark = 1 << 26, 7_860_554
    made_up = [
        account(side, positions={"BTC-PERPETUAL": side * lots}, cash_ticks=-side * lots * mark, collateral={"USDC": 1})
        for side in (1, -1)
    ]
    verdict = verdict_on(make_epoch(made_up, fund_ticks=0), tmp_path, keys)
    assert (verdict.below_threshold, verdict.deficit_accounts) == (2, 0)
    assert verdict.shortfall_e8 > 2 * lots * mark * 10**6
    # The same, with the gain of one side paid for by nobody.
    unpaid = [one.model_copy(update={"cash_ticks": 0}) for one in made_up]
    assert refusal_of(make_epoch(unpaid, fund_ticks=0), keys, tmp_path).code == "deficit_exceeds_fund"


def test_a20_the_fund_must_reach_to_the_last_tick(keys: Keystore, tmp_path: Path) -> None:
    epoch = sampled_epoch(5)
    deficit = verdict_on(epoch, tmp_path, keys).deficit_ticks
    verdict_on(epoch.proven_changed(insurance_fund_ticks=str(deficit)), tmp_path, keys)
    short = epoch.proven_changed(insurance_fund_ticks=str(deficit - 1))
    assert refusal_of(short, keys, tmp_path).code == "deficit_exceeds_fund"


# Context


def test_a29_the_proofs_of_venue_x_shown_for_venue_y(keys: Keystore, tmp_path: Path) -> None:
    stolen = sampled_epoch(5).resigned(OTHER_VENUE_KEY)
    assert refusal_of(stolen, keys, tmp_path).code == "proof_invalid"


@pytest.mark.parametrize(
    "made_for",
    [
        (OTHER_VENUE_KEY.public_key().public_bytes_raw(), 1, None),
        (VENUE_KEY.public_key().public_bytes_raw(), 2, None),
        (VENUE_KEY.public_key().public_bytes_raw(), 1, b"\x01" * 32),
    ],
)
def test_a29_a36_proofs_for_another_venue_number_or_predecessor(
    made_for: tuple[bytes, int, bytes | None], keys: Keystore, tmp_path: Path
) -> None:
    epoch = make_epoch(sample_accounts(2), context_of=made_for)
    assert refusal_of(epoch, keys, tmp_path).code == "proof_invalid"


def test_a31_an_epoch_that_does_not_name_the_one_before_it(keys: Keystore, tmp_path: Path) -> None:
    first, second, third = sampled_chain(3)
    for previous, code in (
        (first.record, "chain_gap"),
        (third.record, "number_twice"),
        (resigned(second.record, venue="Renamed"), "chain_broken"),
        (resigned(second.record, OTHER_VENUE_KEY), "chain_venue"),
        (second.record.model_copy(update={"account_count": 3}), "record_signature_invalid"),
    ):
        assert refusal_of(third, keys, tmp_path, previous=previous).code == code
    assert refusal_of(sampled_epoch(1), keys, tmp_path, previous=first.record).code == "number_twice"
    unlinked = second.resigned(previous=None)
    assert refusal_of(unlinked, keys, tmp_path, previous=first.record).code == "chain_broken"


# Circuits


def test_a37_a_valid_proof_of_another_circuit_with_as_many_signals(
    five: MadeEpoch, keys: Keystore, tmp_path: Path
) -> None:
    proof = Trapdoor.of(7, "batch-standard").proof_json(public_signals(five, 0))
    assert refusal_of(five.line_changed(0, proof=proof), keys, tmp_path).code == "proof_invalid"
    assert refusal_of(five.line_changed(0, circuit="batch-standard"), keys, tmp_path).code == "wrong_circuit"


@pytest.mark.parametrize(
    ("circuits", "code"),
    [
        (versions(BATCH), "circuits_mismatch"),
        ({}, "circuits_mismatch"),
        (versions(BATCH, MERGE) | {"account-small": versions(BATCH)[BATCH]}, "circuits_mismatch"),
        ({"batch-standard": versions(BATCH)[BATCH], **versions(MERGE)}, "circuits_mismatch"),
        (versions(BATCH) | {MERGE: {"r1cs_sha256": "00" * 32, "vk_id": "00" * 32}}, "wrong_circuit_version"),
        (versions(BATCH) | {MERGE: {"r1cs_sha256": "ab" * 32, "vk_id": "00" * 32}}, "unknown_key"),
        ({BATCH: versions(MERGE)[MERGE], MERGE: versions(BATCH)[BATCH]}, "unknown_key"),
    ],
)
def test_a37_circuits_named_in_the_record(
    circuits: dict[str, Any], code: str, five: MadeEpoch, keys: Keystore, tmp_path: Path
) -> None:
    plain = {name: entry if isinstance(entry, dict) else entry.model_dump() for name, entry in circuits.items()}
    assert refusal_of(five.proven_changed(circuits=plain), keys, tmp_path).code == code


def test_a37_one_batch_needs_no_merge_and_names_none(keys: Keystore, tmp_path: Path) -> None:
    named = {name: entry.model_dump() for name, entry in versions(BATCH, MERGE).items()}
    assert refusal_of(sampled_epoch(4).proven_changed(circuits=named), keys, tmp_path).code == "circuits_mismatch"


def test_a42_a_recipient_without_the_key_refuses(five: MadeEpoch, tmp_path: Path) -> None:
    assert refusal_of(five, Keystore(tmp_path / "none"), tmp_path / "1").code == "unknown_key"


# Published data


def test_a02_a21_other_market_data_or_parameters(five: MadeEpoch, keys: Keystore, tmp_path: Path) -> None:
    milder = five.params.model_copy(
        update={"scenarios": tuple(s.model_copy(update={"cover_bps": 1}) for s in five.params.scenarios)}
    )
    assert refusal_of(five.with_(params=milder), keys, tmp_path).code == "params_mismatch"
    assets = tuple(asset.model_copy(update={"price_ticks": asset.price_ticks + 1}) for asset in five.snapshot.assets)
    dearer = five.snapshot.model_copy(update={"assets": assets})
    assert refusal_of(five.with_(snapshot=dearer), keys, tmp_path).code == "snapshot_mismatch"
    assert refusal_of(five.with_(snapshot=sampled_chain(2)[1].snapshot), keys, tmp_path).code == "time_mismatch"
