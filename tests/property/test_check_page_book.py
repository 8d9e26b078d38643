"""The check page packs leaves, totals and trees of every profile as this software does."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from rtnet_core.book_sample import sample_book
from rtnet_core.commitments import BookTree, leaf, user_id_field
from rtnet_core.epoch import UpperTree, batch_sizes
from rtnet_core.epoch_record import Proven, PublishedTotals
from rtnet_core.inclusion import Inclusion
from rtnet_core.limits import FIELD_MODULUS, PROFILES
from rtnet_core.margin_exact import account_vector
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.record import Record, RecordBody, sign_record
from rtnet_core.snapshot import Snapshot, slots
from rtnet_core.snapshot_hash import snapshot_hash
from rtnet_core.totals import Totals, empty_commitment
from tests.support.check_page import b64, in_page
from tests.support.verifier_setting import VENUE_KEY

ACCOUNTS = 3


@cache
def market(profile: str) -> Snapshot:
    return sample_market(3, profile)


def record(profile: str, **fields: object) -> Record:
    """Return a signed record of the profile's market."""
    content: dict[str, object] = {
        "venue": "Example Exchange",
        "number": 1,
        "as_of_ms": market(profile).time_ms,
        "signed_at_ms": market(profile).time_ms,
        "profile": profile,
        "snapshot_hash": str(snapshot_hash(market(profile))),
        "params_root": "1",
        "risk_root": "1",
        "book_root": "1",
        "account_count": ACCOUNTS,
    }
    return sign_record(RecordBody(**(content | fields)), VENUE_KEY)  # type: ignore[arg-type]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profiles_leaves_and_paths_are_the_same(profile: str) -> None:
    snapshot = market(profile)
    accounts = list(sample_book(snapshot, default_params(snapshot), ACCOUNTS, 5))
    vectors = [account_vector(account, snapshot) for account in accounts]
    leaves = [leaf(user_id_field(account.id), 7, vector) for account, vector in zip(accounts, vectors, strict=True)]
    tree = BookTree(leaves, snapshot.sizes.depth)
    signed = record(profile, book_root=str(tree.root))
    calls = []
    for index, account in enumerate(accounts):
        for salt in ("7", "8"):
            mine = Inclusion(
                epoch=1,
                record=signed.digest().hex(),
                account=account.to_row(),  # type: ignore[arg-type]
                salt=salt,
                index=index,
                siblings=tuple(map(str, tree.path(index))),
            )
            files = (mine.to_json_bytes(), signed.to_json_bytes(), snapshot.to_json_bytes())
            calls.append(["included", *map(b64, files), signed.as_of_ms])
    answers = in_page(calls)
    assert answers[::2] == [{"outcome": "accepted", "value": True}] * ACCOUNTS
    assert answers[1::2] == [{"outcome": "refused", "code": "not_included"}] * ACCOUNTS


@pytest.mark.parametrize("profile", PROFILES)
def test_totals_of_every_profile_have_the_same_commitment(profile: str) -> None:
    snapshot, sizes, chosen = market(profile), PROFILES[profile], Random(5)
    totals = Totals(
        below_threshold=2**24,
        shortfall_e8=2**129 + 1,
        deficit_accounts=3,
        deficit_ticks=2**98 + 5,
        cash_ticks=-(2**79) + 1,
        amounts=tuple(chosen.randrange(2**60) if i < len(snapshot.assets) else 0 for i in range(sizes.assets)),
        net_lots=tuple(0 if slot is None else chosen.randrange(-(2**51), 2**51) for slot in slots(snapshot)),
    )
    blinding = FIELD_MODULUS - 1
    proven = Proven(
        threshold_bps=10_000,
        insurance_fund_ticks="0",
        refused_rows=0,
        circuits={},
        totals=PublishedTotals.of(totals, blinding, snapshot),
    )
    files = (snapshot.to_json_bytes(), record(profile, proven=proven).to_json_bytes())
    answers = in_page([["totals", *map(b64, files)], ["empty", profile]])
    assert [answer["value"] for answer in answers] == [str(totals.commitment(blinding)), str(empty_commitment(sizes))]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profiles_upper_tree_is_the_same(profile: str) -> None:
    sizes, chosen = PROFILES[profile], Random(6)
    calls, roots = [], []
    for count in (1, sizes.batch, sizes.batch + 1, 5 * sizes.batch - 1):
        batches = [chosen.randrange(FIELD_MODULUS) for _ in batch_sizes(count, sizes)]
        calls.append(["tree", profile, list(map(str, batches)), count])
        roots.append(str(UpperTree(batches, count, sizes).book_root))
    assert [answer["value"] for answer in in_page(calls)] == roots
