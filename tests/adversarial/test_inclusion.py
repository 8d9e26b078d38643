"""A customer's file, honest and tampered with: only the committed account, at its place, in this very epoch, passes."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.account import Account
from rtnet_core.commitments import EMPTY_LEAF, node
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import FIELD_MODULUS
from tests.support.epoch_setting import (
    HOUR_MS,
    SIZES,
    MadeEpoch,
    epoch_market,
    make_epoch,
    policy,
    sample_accounts,
    sampled_chain,
    sampled_epoch,
)
from tests.support.verifier_setting import AS_OF_MS, OTHER_VENUE_KEY, encoded
from verifier.inclusion import InclusionVerdict, verify_inclusion


def verdict_on(epoch: MadeEpoch, file: dict[str, Any], **options: Any) -> InclusionVerdict:
    given = {"record": epoch.record, "snapshot": epoch.snapshot, "policy": policy()}
    return verify_inclusion(encoded(file), **(given | options))


def refusal_of(epoch: MadeEpoch, file: dict[str, Any], **options: Any) -> Refusal:
    """Return the refusal that a file meets; it tells nothing of the account."""
    with pytest.raises(Refusal) as caught:
        verdict_on(epoch, file, **options)
    for secret in (file["salt"], file["account"]["id"]):
        assert len(secret) < 5 or secret not in caught.value.message
    return caught.value


@pytest.mark.parametrize("size", SIZES)
def test_a16_every_account_is_included_at_its_own_place(size: int) -> None:
    epoch = sampled_epoch(size)
    for index, account in enumerate(epoch.accounts):
        verdict = verdict_on(epoch, epoch.inclusion(index))
        assert (verdict.account_id, verdict.cash_ticks) == (account.id, account.cash_ticks)
        assert (verdict.collateral, verdict.positions) == (account.collateral, account.positions)
        assert verdict.account_count == size


def test_the_verdict_as_json() -> None:
    epoch = sampled_epoch(5)
    pinned = policy(venue_public_key=epoch.record.venue_public_key, production=True)
    shown = json.loads(json.dumps(verdict_on(epoch, epoch.inclusion(4), policy=pinned).to_json()))
    assert shown["proofs_checked"] is False
    assert shown["record"] == epoch.record.digest().hex()
    assert shown["account"]["id"] == "customer-4"
    grounds = {label["figure"]: label["assurance"] for label in shown["labels"]}
    assert grounds == {"account": "recomputed", "snapshot_hash": "recomputed"} | dict.fromkeys(
        ("book_root", "account_count", "epoch", "as_of_ms", "venue"), "signed"
    )


def test_a50_a_repr_shows_nothing_of_the_account() -> None:
    epoch = sampled_epoch(5)
    shown = repr(verdict_on(epoch, epoch.inclusion(4)))
    assert "customer-4" not in shown
    assert "positions" not in shown
    assert "cash" not in shown


@pytest.mark.parametrize(
    "changes",
    [
        {"cash_ticks": 998},
        {"id": "customer-2"},
        {"collateral": {"USDC": 5_000_003, "BTC": 34}},
        {"collateral": {"USDC": 33, "BTC": 5_000_003}},
        {"positions": {}},
        {"positions": {"BTC-PERPETUAL": 11, "BTC-28AUG26-80000-C": -11}},
        {"positions": {"BTC-PERPETUAL": -11, "BTC-28AUG26-80000-C": 12}},
    ],
)
def test_a15_a22_an_account_other_than_the_committed_one(changes: dict[str, Any]) -> None:
    epoch = sampled_epoch(5)
    file = epoch.inclusion(3)
    verdict_on(epoch, file)
    assert file["account"] | changes != file["account"]
    assert refusal_of(epoch, file | {"account": file["account"] | changes}).code == "not_included"


def test_a18_every_other_index_and_every_changed_sibling() -> None:
    epoch = sampled_epoch(5)
    file = epoch.inclusion(3)
    for index in range(5):
        if index != 3:
            assert refusal_of(epoch, file | {"index": index}).code == "not_included"
    for level in range(len(file["siblings"])):
        siblings = list(file["siblings"])
        siblings[level] = str(int(siblings[level]) ^ 1)
        assert refusal_of(epoch, file | {"siblings": siblings}).code == "not_included"
    assert refusal_of(epoch, file | {"siblings": file["siblings"][::-1]}).code == "not_included"
    assert refusal_of(epoch, file | {"salt": str(int(file["salt"]) + 1)}).code == "not_included"


def test_a18_a_path_too_short_or_too_long() -> None:
    epoch = sampled_epoch(5)
    siblings = epoch.inclusion(3)["siblings"]
    for wrong in (siblings[:-1], siblings[1:], [*siblings, "0"], siblings[:1]):
        assert refusal_of(epoch, epoch.inclusion(3, siblings=wrong)).code == "inclusion_path_length"


@pytest.mark.parametrize("index", [5, 6, 7, 8, 1023, 1024, (1 << 24) - 1])
def test_a19_a_leaf_behind_the_account_count(index: int) -> None:
    epoch = sampled_epoch(5)
    assert refusal_of(epoch, epoch.inclusion(4, index=index)).code == "inclusion_outside_book"


def test_a19_a_book_that_hides_a_leaf_behind_its_count() -> None:
    # Five accounts committed to, and a record for four: the customer's leaf is in the tree, and not in the count.
    epoch = sampled_epoch(5)
    hidden = epoch.resigned(account_count=4)
    assert refusal_of(hidden, hidden.inclusion(4)).code == "inclusion_outside_book"
    assert refusal_of(hidden, hidden.inclusion(3)).code == "not_included"


def test_a19_the_root_of_a_path_over_empty_leaves_is_no_account() -> None:
    epoch = sampled_epoch(5)
    empty = node(EMPTY_LEAF, EMPTY_LEAF)
    assert refusal_of(epoch, epoch.inclusion(4, siblings=[str(empty)] * 10)).code == "not_included"


def test_a25_ids_that_only_look_alike_are_other_customers() -> None:
    composed = "Zoë"
    accounts = [Account.from_json({"id": name, "cash_ticks": 5}) for name in (composed, "zoë", "Zoë ", "Zоë")]
    epoch = make_epoch(accounts)
    assert len(set(epoch.leaves)) == 4
    for index in range(4):
        verdict_on(epoch, epoch.inclusion(index))
        other = epoch.inclusion((index + 1) % 4)["account"]
        assert refusal_of(epoch, epoch.inclusion(index, account=other)).code == "not_included"
    decomposed = unicodedata.normalize("NFD", composed)
    account = epoch.inclusion(0)["account"] | {"id": decomposed}
    with pytest.raises(InputError, match="normal form C") as caught:
        verdict_on(epoch, epoch.inclusion(0, account=account))
    assert decomposed not in str(caught.value)


def test_a25_two_customers_with_equal_accounts_have_different_leaves() -> None:
    accounts = [Account.from_json({"id": name, "cash_ticks": 5}) for name in ("a", "b")]
    epoch = make_epoch(accounts)
    assert len(set(epoch.leaves)) == 2
    swapped = epoch.inclusion(0, salt=epoch.inclusion(1)["salt"])
    assert refusal_of(epoch, swapped).code == "not_included"


def test_a26_an_unchanged_account_is_not_recognisable_and_its_old_file_not_valid() -> None:
    first, second, _ = sampled_chain(3)
    assert not set(first.leaves) & set(second.leaves)
    old, new = first.inclusion(1), second.inclusion(1)
    assert not set(old["siblings"][:2]) & set(new["siblings"][:2])
    assert not {line["totals"] for line in first.lines} & {line["totals"] for line in second.lines}
    assert refusal_of(second, old).code == "inclusion_mismatch"
    relabelled = old | {"epoch": new["epoch"], "record": new["record"]}
    assert refusal_of(second, relabelled).code == "not_included"


def test_a31_a_file_of_another_record_of_the_same_number() -> None:
    epoch = sampled_epoch(5)
    other = epoch.resigned(signed_at_ms=epoch.record.signed_at_ms + 1)
    assert refusal_of(other, epoch.inclusion(3)).code == "inclusion_mismatch"
    verdict_on(other, other.inclusion(3))


def test_a28_market_data_of_another_epoch() -> None:
    epoch = sampled_epoch(5)
    file = epoch.inclusion(3)
    later = epoch_market(AS_OF_MS + 2 * HOUR_MS)
    assert refusal_of(epoch, file, snapshot=later).code == "time_mismatch"
    assets = tuple(reversed(epoch.snapshot.assets))
    assert refusal_of(epoch, file, snapshot=epoch.snapshot.model_copy(update={"assets": assets})).code == "not_included"
    dearer = tuple(asset.model_copy(update={"price_ticks": 5}) for asset in epoch.snapshot.assets)
    changed = epoch.snapshot.model_copy(update={"assets": dearer})
    assert refusal_of(epoch, file, snapshot=changed).code == "snapshot_mismatch"
    wide = epoch.snapshot.model_copy(update={"profile": "standard"})
    assert refusal_of(epoch, file, snapshot=wide).code == "profile_mismatch"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"now_ms": AS_OF_MS}, "from_the_future"),
        ({"max_age_ms": HOUR_MS}, "stale"),
        ({"venue_public_key": OTHER_VENUE_KEY.public_key().public_bytes_raw()}, "wrong_venue"),
        ({"production": True}, "venue_key_not_pinned"),
    ],
)
def test_the_policy_is_applied(changes: dict[str, Any], code: str) -> None:
    epoch = sampled_epoch(5)
    assert refusal_of(epoch, epoch.inclusion(3), policy=policy(**changes)).code == code


def test_a27_a_record_edited_after_signing() -> None:
    epoch = sampled_epoch(5)
    edited = epoch.with_(record=epoch.record.model_copy(update={"book_root": "5"}))
    assert refusal_of(edited, edited.inclusion(3)).code == "record_signature_invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": str(FIELD_MODULUS)},
        {"salt": "01"},
        {"salt": 1},
        {"siblings": [str(FIELD_MODULUS)] * 10},
        {"siblings": []},
        {"siblings": ["0"] * 25},
        {"index": -1},
        {"index": True},
        {"index": 1 << 24},
        {"epoch": 0},
        {"record": "AB" * 32},
        {"format": "zkm2m/inclusion/v2"},
        {"more": 1},
        {"account": {"id": "customer-3"}},
    ],
)
def test_a33_a35_a_file_that_breaks_a_rule_is_bad_input(changes: dict[str, Any]) -> None:
    epoch = sampled_epoch(5)
    with pytest.raises(InputError) as caught:
        verdict_on(epoch, epoch.inclusion(3, **changes))
    assert epoch.inclusion(3)["salt"] not in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"positions": {"ETH-PERPETUAL": 7_654_321}}, {"collateral": {"ETH": 7_654_321}}, {"id": ""}]
)
def test_a50_an_account_that_does_not_fit_the_market_is_bad_input_and_not_shown(changes: dict[str, Any]) -> None:
    epoch = sampled_epoch(5)
    account = epoch.inclusion(3)["account"] | changes
    with pytest.raises(InputError) as caught:
        verdict_on(epoch, epoch.inclusion(3, account=account))
    assert "7654321" not in str(caught.value)
    assert "ETH" not in str(caught.value)


def test_a35_hostile_bytes_are_bad_input(tmp_path: Path) -> None:
    epoch = sampled_epoch(1)
    for data in (b"", b"[" * 100_000, b"\xef\xbb\xbf{}", b"{" + b" " * (17 << 20), b'{"epoch":NaN}'):
        with pytest.raises(InputError):
            verify_inclusion(data, record=epoch.record, snapshot=epoch.snapshot, policy=policy())


def test_sampled_accounts_are_balanced() -> None:
    for size in SIZES:
        assert sum(account.positions.get("BTC-PERPETUAL", 0) for account in sample_accounts(size)) == 0
