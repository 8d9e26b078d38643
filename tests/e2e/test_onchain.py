"""The exported contracts in an EVM, with real proofs: what they accept, and everything that they must refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from prover.paths import build_folder
from rtnet_core.limits import FIELD_MODULUS
from tests.support.evm import CHAIN_ID, Chain, Contract, Reverted
from tests.support.onchain import (
    ACCOUNTS,
    GOVERNOR,
    HOLDER,
    MAX_AGE_MS,
    OWNER,
    RECOVERING,
    SOLVENT,
    STRANGER,
    SUNK,
    THRESHOLD_BPS,
    Proven,
    Registry,
    contracts,
    handle,
    proven_venue,
)
from tests.support.simulated_groth16 import rerandomised, twist_point_outside_subgroup
from verifier.groth16 import Proof
from verifier.keystore import Keystore
from verifier.onchain.calldata import challenge_text, proof_words
from verifier.onchain.contracts import KINDS
from verifier.points import BASE_MODULUS, g1_json, g2_json

#: Public signals of each circuit of profile small.
COUNTS = {"account": 6, "batch": 7, "merge": 6, "market": 5}
Shown = tuple[list[int], list[int]]


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proven]:
    with proven_venue(tmp_path_factory.mktemp("venue")) as venue:
        yield venue


@pytest.fixture(scope="module")
def posted(proven: Proven) -> Registry:
    """A registry that knows the first epoch and lists accounts; for tests that change nothing."""
    registry = Registry(proven)
    registry.post_epoch(1)
    for account_id in (SOLVENT, RECOVERING, SUNK):
        registry.list_account(account_id)
    return registry


@pytest.fixture
def registry(proven: Proven) -> Iterator[Registry]:
    return Registry(proven)


def honest(posted: Registry, kind: str) -> Shown:
    """Return public signals and proof of a circuit."""
    epoch = posted.proven.epochs[0]
    if kind == "account":
        return posted.account_proof(SOLVENT)
    if kind == "market":
        return epoch.market
    if kind == "batch":
        return epoch.batch_signals(), epoch.batches()[0][2]
    return epoch.merge_signals(), epoch.merges(1)[0][1]


def refusal(posted: Registry, kind: str, signals: list[int], proof: list[int]) -> Reverted:
    return posted.verifiers[kind].reverted(STRANGER, "requireValid", proof, signals)


def numbered_signals() -> list[tuple[str, int]]:
    return [(kind, i) for kind, count in COUNTS.items() for i in range(count)]


# ------------------------------------------------------------------------------------------------------- verifiers


@pytest.mark.parametrize("kind", KINDS)
def test_a_verifier_accepts_the_proof_of_its_circuit(posted: Registry, kind: str) -> None:
    signals, proof = honest(posted, kind)
    posted.verifiers[kind].call(STRANGER, "requireValid", proof, signals)


@pytest.mark.parametrize(("kind", "place"), numbered_signals())
@pytest.mark.parametrize("step", [1, -1])
def test_a36_each_signal_one_off(posted: Registry, kind: str, place: int, step: int) -> None:
    signals, proof = honest(posted, kind)
    changed = [*signals]
    changed[place] = (changed[place] + step) % FIELD_MODULUS
    assert refusal(posted, kind, changed, proof).name == "ProofInvalid"


@pytest.mark.parametrize("kind", KINDS)
def test_a36_two_signals_swapped(posted: Registry, kind: str) -> None:
    signals, proof = honest(posted, kind)
    assert refusal(posted, kind, [signals[1], signals[0], *signals[2:]], proof).name == "ProofInvalid"


@pytest.mark.parametrize(("kind", "place"), numbered_signals())
def test_a33_a_signal_not_below_r(posted: Registry, kind: str, place: int) -> None:
    signals, proof = honest(posted, kind)
    for alias in (signals[place] + FIELD_MODULUS, FIELD_MODULUS, (1 << 256) - 1):
        found = refusal(posted, kind, [*signals[:place], alias, *signals[place + 1 :]], proof)
        assert (found.name, found.values) == ("SignalOutOfRange", (place,))


def test_a32_a_list_of_another_length_has_no_selector(posted: Registry) -> None:
    signals, proof = honest(posted, "market")
    verifier = posted.verifiers["market"]
    whole = b"".join(word.to_bytes(32, "big") for word in (*proof, *signals))
    selector = bytes.fromhex(
        posted.chain.contracts["MarketSmallVerifier"]["selectors"]["requireValid(uint256[8],uint256[5])"]
    )
    posted.chain.send(STRANGER, verifier.address, selector + whole)
    with pytest.raises(Reverted):
        posted.chain.send(STRANGER, verifier.address, selector + whole[:-32])


@pytest.mark.parametrize("point", ["A", "B", "C"])
def test_a34_a_point_off_its_curve_outside_the_field_or_at_infinity(posted: Registry, point: str) -> None:
    signals, proof = honest(posted, "account")
    places = {"A": (0, 1), "B": (2, 3, 4, 5), "C": (6, 7)}[point]

    def with_words(**words: int) -> str:
        changed = [words.get(f"at_{place}", word) for place, word in enumerate(proof)]
        return refusal(posted, "account", signals, changed).name

    assert with_words(**{f"at_{place}": 0 for place in places}) == "PointAtInfinity"
    for place in places:
        assert with_words(**{f"at_{place}": (proof[place] + 1) % BASE_MODULUS}) == "PointRefused"
        assert with_words(**{f"at_{place}": proof[place] + BASE_MODULUS}) == "PointRefused"
        assert with_words(**{f"at_{place}": BASE_MODULUS}) == "PointRefused"


def test_a34_b_outside_the_subgroup_and_with_its_coordinates_swapped(posted: Registry) -> None:
    signals, proof = honest(posted, "account")
    (x0, x1), (y0, y1), _ = twist_point_outside_subgroup()
    outside = [*proof[:2], int(x1), int(x0), int(y1), int(y0), *proof[6:]]
    assert refusal(posted, "account", signals, outside).name == "PointRefused"
    swapped = [*proof[:2], proof[3], proof[2], proof[5], proof[4], *proof[6:]]
    assert refusal(posted, "account", signals, swapped).name == "PointRefused"


def test_a34_another_point_of_the_curve(posted: Registry) -> None:
    signals, proof = honest(posted, "account")
    negated = [proof[0], BASE_MODULUS - proof[1], *proof[2:]]
    assert refusal(posted, "account", signals, negated).name == "ProofInvalid"
    exchanged = [*proof[6:], *proof[2:6], *proof[:2]]
    assert refusal(posted, "account", signals, exchanged).name == "ProofInvalid"


@pytest.mark.parametrize(("kind", "other"), [("account", "merge"), ("merge", "account")])
def test_a37_a_proof_of_another_circuit_with_as_many_signals(posted: Registry, kind: str, other: str) -> None:
    signals, proof = honest(posted, other)
    assert refusal(posted, kind, signals, proof).name == "ProofInvalid"


def test_a_registry_is_not_made_with_the_verifier_of_another_circuit(posted: Registry) -> None:
    account, batch, merge, market = (posted.verifiers[kind].address for kind in KINDS)
    with pytest.raises(Reverted, match="WrongVerifier.*merge-small"):
        Contract(posted.chain, "SolvencyRegistry", GOVERNOR, account, batch, account, market)
    with pytest.raises(Reverted, match="WrongVerifier.*account-small"):
        Contract(posted.chain, "SolvencyRegistry", GOVERNOR, merge, batch, merge, market)


def test_a43_a_registry_says_that_its_keys_are_development_keys(posted: Registry) -> None:
    assert posted.call(STRANGER, "developmentKeys").values == (True,)


# --------------------------------------------------------------------------------------------------------- markets


def test_a_market_is_posted(registry: Registry) -> None:
    epoch = registry.proven.epochs[0]
    oracles_root, snapshot_hash, time_ms, params_root, risk_root = epoch.market[0]
    (event,) = registry.post_market(1).events
    assert (event.name, event.values) == ("MarketPosted", (registry.proven.key, risk_root, snapshot_hash, time_ms))
    stored = registry.call(STRANGER, "markets", registry.proven.key, risk_root).values
    assert stored == (oracles_root, snapshot_hash, params_root, time_ms)


def test_a28_a_market_that_is_stale_or_from_the_future(registry: Registry) -> None:
    key, epoch = registry.proven.key, registry.proven.epochs[0]
    time_ms = epoch.snapshot.time_ms
    last_second = (time_ms + MAX_AGE_MS) // 1000 * 1000
    registry.chain.at(last_second + 1000)
    found = registry.reverted(OWNER, "postMarket", key, *epoch.market)
    assert (found.name, found.values) == ("Stale", (last_second + 1000 - time_ms,))
    registry.chain.at(time_ms - 301_000)
    assert registry.reverted(OWNER, "postMarket", key, *epoch.market).name == "FromTheFuture"
    registry.chain.at(last_second)
    registry.call(OWNER, "postMarket", key, *epoch.market)


def test_a29_a_market_twice_and_one_older_than_the_last(registry: Registry) -> None:
    key, first = registry.proven.key, registry.proven.epochs[0]
    registry.post_market(1)
    assert registry.reverted(OWNER, "postMarket", key, *first.market).name == "NotNewer"
    registry.post_market(2)
    assert registry.reverted(OWNER, "postMarket", key, *first.market).name == "NotNewer"


def test_a27_a_market_of_oracles_or_a21_parameters_not_in_force(registry: Registry) -> None:
    key, epoch = registry.proven.key, registry.at_epoch(1)
    time_ms = epoch.snapshot.time_ms
    for kind, root in (("Oracles", registry.oracles_root), ("Params", registry.params_root)):
        for validity in ((time_ms + 1, 1 << 42), (0, time_ms), (0, 0)):
            registry.set_validity(kind, *validity)
            found = registry.reverted(OWNER, "postMarket", key, *epoch.market)
            assert (found.name, found.values) == (f"{kind}NotInForce", (root,))
        registry.set_validity(kind, time_ms, time_ms + 1)
    registry.call(OWNER, "postMarket", key, *epoch.market)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("step", [1, -1, FIELD_MODULUS])
def test_a36_a_market_with_another_statement(registry: Registry, place: int, step: int) -> None:
    signals, proof = registry.at_epoch(1).market
    changed = [*signals]
    changed[place] += step
    named = {0: "OraclesNotInForce", 3: "ParamsNotInForce"}
    beyond = {2: "FromTheFuture", 1: "SignalOutOfRange", 4: "SignalOutOfRange"}
    expected = named.get(place) or (beyond[place] if step == FIELD_MODULUS else "ProofInvalid")
    assert registry.reverted(OWNER, "postMarket", registry.proven.key, changed, proof).name == expected


def test_only_the_owner_posts_and_only_the_governor_governs(registry: Registry) -> None:
    key, epoch = registry.proven.key, registry.at_epoch(1)
    for stranger in (STRANGER, HOLDER, GOVERNOR):
        for function, arguments in (
            ("postMarket", epoch.market),
            ("openEpoch", (epoch.fields(),)),
            ("submitBatches", ([],)),
            ("submitMerges", ([],)),
            ("listAccount", (handle("x"), HOLDER, 1)),
        ):
            assert registry.reverted(stranger, function, key, *arguments).name == "NotOwner"
    for stranger in (STRANGER, HOLDER, OWNER):
        for function, arguments in (
            ("addVenue", (OWNER, 1, 0, bytes(32))),
            ("setVenue", (OWNER, 1)),
            ("setOraclesRoot", (1, 0, 1)),
            ("setParamsRoot", (1, 0, 1)),
        ):
            assert registry.reverted(stranger, function, key, *arguments).name == "NotGovernor"


def test_a_venue_is_added_once_and_needs_an_age_limit(registry: Registry) -> None:
    key = registry.proven.key
    assert registry.reverted(GOVERNOR, "addVenue", key, OWNER, 1, 0, bytes(32)).name == "VenueExists"
    assert registry.reverted(GOVERNOR, "setVenue", key, OWNER, 0).name == "AgeMissing"


# ---------------------------------------------------------------------------------------------------------- epochs


def test_an_epoch_is_proven_over_several_transactions(registry: Registry) -> None:
    key, epoch = registry.proven.key, registry.proven.epochs[0]
    receipts = registry.post_epoch(1)
    assert len(receipts) == 5  # opened, two calls of batches, two levels of merges
    events = [event for receipt in receipts for event in receipt.events]
    assert [event.name for event in events] == ["EpochOpened", *["BatchProven"] * 6, "EpochProven"]
    assert [event.values[3] for event in events[1:7]] == [root for root, _, _ in epoch.batches()]
    top = epoch.record.require_proven().totals
    totals = top.totals(epoch.snapshot).commitment(int(top.blinding))
    record = epoch.record
    assert events[-1].values == (key, 1, record.digest(), int(record.book_root), totals)
    stored = registry.call(STRANGER, "epochs", key, 1).values
    assert stored == (
        *(record.digest(), int(record.book_root), int(record.risk_root), int(record.params_root)),
        *(registry.oracles_root, totals, record.as_of_ms, ACCOUNTS, THRESHOLD_BPS),
    )
    assert registry.call(STRANGER, "venues", key).values[2::2] == (1, record.digest())


def test_a31_an_epoch_follows_the_one_before(registry: Registry) -> None:
    key, (first, second) = registry.proven.key, registry.proven.epochs
    registry.post_epoch(1)
    registry.post_market(2)

    def opened(**changes: Any) -> Reverted:
        return registry.reverted(OWNER, "openEpoch", key, second.fields(**changes))

    gap = opened(number=3)
    assert (gap.name, gap.values) == ("EpochGap", (3, 2))
    assert opened(number=1).name == "EpochGap"
    assert registry.reverted(OWNER, "openEpoch", key, first.fields()).name == "EpochGap"
    assert opened(previous=bytes(32)).name == "WrongPrevious"
    assert opened(previous=second.record.digest()).name == "WrongPrevious"
    receipts = [registry.call(OWNER, "openEpoch", key, second.fields())]
    receipts.append(registry.call(OWNER, "submitBatches", key, second.batches()))
    assert receipts[-1].events[-1].name == "EpochProven"  # one batch, and no merge over it


def test_a31_an_epoch_is_of_a_later_market_than_the_one_before(registry: Registry) -> None:
    key, (first, second) = registry.proven.key, registry.proven.epochs
    registry.post_epoch(1)
    same_market = first.fields(number=2, previous=first.record.digest(), digest=second.record.digest())
    assert registry.reverted(OWNER, "openEpoch", key, same_market).name == "NotNewer"


def test_a31_proofs_of_another_number_or_predecessor(registry: Registry) -> None:
    key, (first, second) = registry.proven.key, registry.proven.epochs
    registry.open_epoch(1)
    assert registry.reverted(OWNER, "submitBatches", key, second.batches()).name == "ProofInvalid"
    other = Registry(registry.proven)
    venue_behind = (OWNER, MAX_AGE_MS, 1, bytes([7]) * 32)
    elsewhere = bytes([9]) * 32
    other.call(GOVERNOR, "addVenue", elsewhere, *venue_behind)
    for kind, root in (("Oracles", other.oracles_root), ("Params", other.params_root)):
        other.call(GOVERNOR, f"set{kind}Root", elsewhere, root, 0, 1 << 42)
    other.call(OWNER, "postMarket", elsewhere, *other.at_epoch(2).market)
    # Number 2 behind another record, for another venue: the epoch may be opened, and its proofs do not hold.
    other.call(OWNER, "openEpoch", elsewhere, second.fields(previous=bytes([7]) * 32))
    assert other.reverted(OWNER, "submitBatches", elsewhere, second.batches()).name == "ProofInvalid"
    assert first.context() != second.context()


@pytest.mark.parametrize("field", ["snapshot_hash", "params_root", "risk_root"])
def test_a_record_of_another_market(registry: Registry, field: str) -> None:
    epoch = registry.at_epoch(1)
    arguments = (registry.proven.key, epoch.fields())
    assert registry.reverted(OWNER, "openEpoch", *arguments).name == "MarketNotPosted"
    registry.post_market(1)
    changed = epoch.fields(**{field: 1})
    expected = "MarketNotPosted" if field == "risk_root" else "MarketMismatch"
    assert registry.reverted(OWNER, "openEpoch", registry.proven.key, changed).name == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": bytes(32)},
        {"account_count": 0},
        {"account_count": 1025},
        {"threshold_bps": 0},
        {"threshold_bps": 1 << 20},
    ],
)
def test_a_record_beyond_its_ranges(registry: Registry, changes: dict[str, Any]) -> None:
    registry.post_market(1)
    fields = registry.proven.epochs[0].fields(**changes)
    assert registry.reverted(OWNER, "openEpoch", registry.proven.key, fields).name == "RecordMalformed"


def test_a28_an_epoch_of_a_stale_market_or_of_roots_out_of_force(registry: Registry) -> None:
    key, epoch = registry.proven.key, registry.proven.epochs[0]
    registry.post_market(1)
    registry.chain.at(epoch.snapshot.time_ms + MAX_AGE_MS + 1000)
    assert registry.reverted(OWNER, "openEpoch", key, epoch.fields()).name == "Stale"
    registry.at_epoch(1)
    registry.set_validity("Oracles", 0, epoch.snapshot.time_ms)
    assert registry.reverted(OWNER, "openEpoch", key, epoch.fields()).name == "OraclesNotInForce"


@pytest.mark.parametrize(
    "changes", [{"account_count": ACCOUNTS + 1}, {"threshold_bps": THRESHOLD_BPS + 1}], ids=["count", "threshold"]
)
def test_a16_batches_of_a_record_with_another_count_or_threshold(registry: Registry, changes: dict[str, int]) -> None:
    key, epoch = registry.proven.key, registry.proven.epochs[0]
    registry.post_market(1)
    registry.call(OWNER, "openEpoch", key, epoch.fields(**changes))
    assert registry.reverted(OWNER, "submitBatches", key, epoch.batches()).name == "ProofInvalid"


def test_a16_batches_exchanged_repeated_too_many_or_too_few(registry: Registry) -> None:
    key, epoch = registry.proven.key, registry.proven.epochs[0]
    assert registry.reverted(OWNER, "submitBatches", key, epoch.batches()).name == "NoOpenEpoch"
    registry.open_epoch(1)
    batches, merges = epoch.batches(), epoch.merges(1)
    assert registry.reverted(OWNER, "submitMerges", key, merges).name == "WrongLevel"
    # The last batch is not full: in any other place its proof is of another count.
    assert registry.reverted(OWNER, "submitBatches", key, batches[::-1]).name == "ProofInvalid"
    assert registry.reverted(OWNER, "submitBatches", key, [*batches, batches[0]]).name == "TooManyProofs"
    registry.call(OWNER, "submitBatches", key, batches[:5])
    assert registry.reverted(OWNER, "submitMerges", key, merges).name == "WrongLevel"
    assert registry.reverted(OWNER, "submitBatches", key, batches[4:5]).name == "ProofInvalid"
    registry.call(OWNER, "submitBatches", key, batches[5:])
    assert registry.reverted(OWNER, "submitBatches", key, batches[:1]).name == "WrongLevel"
    assert registry.reverted(OWNER, "submitMerges", key, merges[::-1]).name == "ProofInvalid"
    assert registry.reverted(OWNER, "submitMerges", key, [*merges, *epoch.merges(2)]).name == "TooManyProofs"
    registry.call(OWNER, "submitMerges", key, merges)
    assert registry.reverted(OWNER, "submitMerges", key, merges[:1]).name == "ProofInvalid"
    registry.call(OWNER, "submitMerges", key, epoch.merges(2))
    assert registry.reverted(OWNER, "submitMerges", key, epoch.merges(2)).name == "NoOpenEpoch"


def test_a16_a_batch_exchanged_with_one_of_its_size_fails_in_the_merge(registry: Registry) -> None:
    key, epoch = registry.proven.key, registry.proven.epochs[0]
    registry.open_epoch(1)
    one, two, *others = epoch.batches()
    registry.call(OWNER, "submitBatches", key, [two, one, *others])
    assert registry.reverted(OWNER, "submitMerges", key, epoch.merges(1)).name == "ProofInvalid"


@pytest.mark.parametrize("place", range(6))
def test_a38_one_wrong_batch_among_many_undoes_the_call_and_a39_nothing_is_kept(registry: Registry, place: int) -> None:
    key, epoch = registry.proven.key, registry.proven.epochs[0]
    registry.open_epoch(1)
    batches = epoch.batches()
    root, totals, proof = batches[place]
    batches[place] = (root, totals + 1, proof)
    assert registry.reverted(OWNER, "submitBatches", key, batches).name == "ProofInvalid"
    assert registry.call(STRANGER, "openEpochs", key).values[-1] == 0
    assert registry.call(STRANGER, "epochs", key, 1).values[0] == bytes(32)


def test_an_epoch_that_was_not_finished_can_be_begun_again(registry: Registry) -> None:
    key, epoch = registry.proven.key, registry.proven.epochs[0]
    registry.post_market(1)
    registry.call(OWNER, "openEpoch", key, epoch.fields(book_root=1))
    registry.call(OWNER, "submitBatches", key, epoch.batches()[:3])
    registry.call(OWNER, "openEpoch", key, epoch.fields())
    registry.call(OWNER, "submitBatches", key, epoch.batches())
    for level in (1, 2):
        last = registry.call(OWNER, "submitMerges", key, epoch.merges(level))
    assert last.events[-1].values[3] == int(epoch.record.book_root)


# -------------------------------------------------------------------------------------------------------- accounts


def test_an_account_is_solvent_as_long_as_its_proof_is_fresh(registry: Registry) -> None:
    registry.post_epoch(1)
    commitment = registry.list_account(SOLVENT)
    assert commitment == registry.proven.commitment(SOLVENT)
    assert not registry.is_solvent(SOLVENT)
    (event,) = registry.submit(SOLVENT).events
    assert (event.name, event.values) == ("AccountProven", (commitment, 1, True, False))
    assert registry.call(STRANGER, "accounts", commitment).values == (
        *(registry.proven.key, HOLDER, THRESHOLD_BPS, 1, 1),
        *(False, False),
    )
    time_ms = registry.proven.epochs[0].snapshot.time_ms
    registry.chain.at(time_ms + 3_600_000)
    now_ms = (time_ms + 3_600_000) // 1000 * 1000
    assert registry.is_solvent(SOLVENT, now_ms - time_ms)
    assert not registry.is_solvent(SOLVENT, now_ms - time_ms - 1)
    assert not registry.is_solvent(SUNK)


def test_an_account_is_no_longer_solvent_when_its_ground_is_taken_back(registry: Registry) -> None:
    registry.post_epoch(1)
    registry.list_account(SOLVENT)
    (event,) = registry.submit(SOLVENT, caller=OWNER).events
    assert event.values[-1] is True  # by the venue
    time_ms = registry.proven.epochs[0].snapshot.time_ms
    for kind in ("Oracles", "Params"):
        registry.set_validity(kind, 0, time_ms)
        assert not registry.is_solvent(SOLVENT)
        registry.set_validity(kind, 0, time_ms + 1)
        assert registry.is_solvent(SOLVENT)
    registry.call(GOVERNOR, "setVenue", registry.proven.key, f"0x{'0' * 40}", MAX_AGE_MS)
    assert not registry.is_solvent(SOLVENT)


def test_a_breach_raises_the_flag_once_and_a_later_proof_lowers_it(registry: Registry) -> None:
    registry.post_epoch(1)
    for account_id in (RECOVERING, SUNK):
        commitment = registry.list_account(account_id)
        events = registry.submit(account_id).events
        assert [event.name for event in events] == ["AccountProven", "LiquidationFlagRaised"]
        assert events[1].values == (commitment, 1)
        assert not registry.is_solvent(account_id)
        assert registry.call(STRANGER, "accounts", commitment).values[-1] is True
    registry.post_epoch(2)
    again = registry.submit(SUNK, epoch=2, nonce=1)
    assert [event.name for event in again.events] == ["AccountProven"]  # the flag is up already
    recovered = registry.submit(RECOVERING, epoch=2, nonce=1)
    assert [event.name for event in recovered.events] == ["AccountProven", "LiquidationFlagLowered"]
    assert registry.is_solvent(RECOVERING)
    assert not registry.is_solvent(SUNK)


def test_the_challenge_on_chain_is_the_one_in_python(posted: Registry) -> None:
    commitment = posted.proven.commitment(SOLVENT)
    (text,) = posted.call(STRANGER, "challenge", commitment).values
    assert text == challenge_text(CHAIN_ID, posted.contract.address, commitment, 0)


def test_a29_the_same_proof_again_and_a30_rerandomised(registry: Registry) -> None:
    registry.post_epoch(1)
    commitment = registry.list_account(SOLVENT)
    registry.submit(SOLVENT)
    statement, proof = registry.account_proof(SOLVENT)
    key = Keystore(build_folder() / "keys").key("account-small").key.to_json()
    a, (x1, x0, y1, y0), c = proof[:2], proof[2:6], proof[6:]
    spelled = {"pi_a": g1_json((a[0], a[1])), "pi_b": g2_json(((x0, x1), (y0, y1))), "pi_c": g1_json((c[0], c[1]))}
    other = proof_words(Proof.from_json(rerandomised(spelled, key, 5, 7)))
    assert other != proof
    registry.verifiers["account"].call(STRANGER, "requireValid", other, statement)
    for words in (proof, other):
        found = registry.reverted(HOLDER, "submitAccountProof", commitment, 1, statement, words)
        assert found.name == "NotNewer"


def test_a29_a_proof_of_an_older_epoch_or_an_older_turn(registry: Registry) -> None:
    registry.post_epoch(1)
    commitment = registry.list_account(RECOVERING)
    registry.post_epoch(2)
    registry.submit(RECOVERING, epoch=2)
    old = registry.account_proof(RECOVERING, nonce=1)
    assert registry.reverted(HOLDER, "submitAccountProof", commitment, 1, *old).name == "NotNewer"
    other = Registry(registry.proven)
    other.post_epoch(1)
    other.list_account(RECOVERING)
    other.submit(RECOVERING)
    other.post_epoch(2)
    stale_turn = other.account_proof(RECOVERING, epoch=2, nonce=0)
    found = other.reverted(HOLDER, "submitAccountProof", commitment, 2, *stale_turn)
    assert (found.name, found.values) == ("StatementMismatch", (5,))


@pytest.mark.parametrize(
    "options",
    [
        {"chain_id": 1},
        {"contract": f"0x{'ab' * 20}"},
        {"commitment": bytes(32)},
        {"nonce": 1},
    ],
    ids=["chain", "contract", "account", "nonce"],
)
def test_a29_a_proof_for_another_chain_contract_account_or_turn(posted: Registry, options: dict[str, Any]) -> None:
    shown = posted.account_proof(SOLVENT, **options)
    posted.verifiers["account"].call(STRANGER, "requireValid", shown[1], shown[0])
    found = posted.reverted(HOLDER, "submitAccountProof", posted.proven.commitment(SOLVENT), 1, *shown)
    assert (found.name, found.values) == ("StatementMismatch", (5,))


def test_a29_a_proof_for_this_chain_on_another_chain(proven: Proven) -> None:
    elsewhere = Registry(proven, Chain(contracts("small"), chain_id=5))
    elsewhere.post_epoch(1)
    elsewhere.list_account(SOLVENT)
    shown = elsewhere.account_proof(SOLVENT, chain_id=CHAIN_ID)
    found = elsewhere.reverted(HOLDER, "submitAccountProof", proven.commitment(SOLVENT), 1, *shown)
    assert (found.name, found.values) == ("StatementMismatch", (5,))
    shown = elsewhere.account_proof(SOLVENT)
    elsewhere.call(HOLDER, "submitAccountProof", proven.commitment(SOLVENT), 1, *shown)


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("step", [1, -1, FIELD_MODULUS])
def test_a36_an_account_proof_with_another_statement(posted: Registry, place: int, step: int) -> None:
    statement, proof = posted.account_proof(SOLVENT)
    changed = [*statement]
    changed[place] = (changed[place] + step) % (1 << 256)
    found = posted.reverted(HOLDER, "submitAccountProof", posted.proven.commitment(SOLVENT), 1, changed, proof)
    if place == 0 and step == -1:  # verdict 0 is a statement as good as 1, and not what was proven
        assert found.name == "ProofInvalid"
    else:
        assert (found.name, found.values) == ("StatementMismatch", (place,))


def test_a_breach_is_not_passed_off_as_solvency(posted: Registry) -> None:
    statement, proof = posted.account_proof(SUNK)
    assert statement[0] == 0
    found = posted.reverted(HOLDER, "submitAccountProof", posted.proven.commitment(SUNK), 1, [1, *statement[1:]], proof)
    assert found.name == "ProofInvalid"


def test_a_proof_at_another_threshold_than_the_one_asked_for(posted: Registry) -> None:
    shown = posted.account_proof(SOLVENT, threshold_bps=1)
    found = posted.reverted(HOLDER, "submitAccountProof", posted.proven.commitment(SOLVENT), 1, *shown)
    assert (found.name, found.values) == ("StatementMismatch", (4,))


def test_an_account_proof_of_an_epoch_that_is_not_proven(registry: Registry) -> None:
    registry.open_epoch(1)
    commitment = registry.list_account(SOLVENT)
    shown = registry.account_proof(SOLVENT)
    for number in (0, 1, 2):
        found = registry.reverted(HOLDER, "submitAccountProof", commitment, number, *shown)
        assert found.name == "EpochNotProven"


def test_a28_an_account_proof_of_a_stale_epoch_or_of_roots_taken_back(registry: Registry) -> None:
    registry.post_epoch(1)
    commitment = registry.list_account(SOLVENT)
    arguments = (commitment, 1, *registry.account_proof(SOLVENT))
    time_ms = registry.proven.epochs[0].snapshot.time_ms
    registry.set_validity("Params", 0, time_ms)
    assert registry.reverted(HOLDER, "submitAccountProof", *arguments).name == "ParamsNotInForce"
    registry.set_validity("Params", 0, 1 << 42)
    registry.chain.at(time_ms + MAX_AGE_MS + 1000)
    assert registry.reverted(HOLDER, "submitAccountProof", *arguments).name == "Stale"


def test_only_the_holder_and_the_venue_submit_and_only_for_an_account_that_is_listed(registry: Registry) -> None:
    registry.post_epoch(1)
    commitment = registry.proven.commitment(SOLVENT)
    arguments = (commitment, 1, *registry.account_proof(SOLVENT))
    assert registry.reverted(HOLDER, "submitAccountProof", *arguments).name == "UnknownAccount"
    registry.list_account(SOLVENT)
    for stranger in (STRANGER, GOVERNOR):
        assert registry.reverted(stranger, "submitAccountProof", *arguments).name == "NotHolderNorOwner"
    registry.call(GOVERNOR, "setVenue", registry.proven.key, f"0x{'0' * 40}", MAX_AGE_MS)
    assert registry.reverted(HOLDER, "submitAccountProof", *arguments).name == "NotHolderNorOwner"


def test_an_account_is_listed_once_with_a_threshold_in_range(registry: Registry) -> None:
    key = registry.proven.key
    registry.list_account(SOLVENT)
    assert registry.reverted(OWNER, "listAccount", key, handle(SOLVENT), HOLDER, 1).name == "AccountExists"
    for threshold in (0, 1 << 20):
        found = registry.reverted(OWNER, "listAccount", key, handle(SUNK), HOLDER, threshold)
        assert found.name == "ThresholdOutOfRange"


def test_a29_one_venues_proof_for_another_venues_account(registry: Registry) -> None:
    registry.post_epoch(1)
    elsewhere = bytes([9]) * 32
    registry.call(GOVERNOR, "addVenue", elsewhere, OWNER, MAX_AGE_MS, 0, bytes(32))
    (commitment,) = registry.call(OWNER, "listAccount", elsewhere, handle(SOLVENT), HOLDER, THRESHOLD_BPS).values
    assert commitment != registry.proven.commitment(SOLVENT)
    shown = registry.account_proof(SOLVENT, commitment=commitment)
    assert registry.reverted(HOLDER, "submitAccountProof", commitment, 1, *shown).name == "EpochNotProven"


def test_the_contracts_fit_into_the_size_limit_of_a_chain() -> None:
    for name, made in contracts("small").items():
        assert len(made["bytecode"]) // 2 < 24_576, name


def test_the_deployment_script_on_a_local_node_and_a43_its_refusal_of_development_keys() -> None:
    web3 = pytest.importorskip("web3", reason="web3 is not installed: pip install 'zk-m2m[onchain]'")
    tester = pytest.importorskip("eth_tester", reason="eth-tester is not installed")
    from examples.deploy_registry import deploy

    chain = web3.Web3(web3.EthereumTesterProvider(tester.EthereumTester(tester.PyEVMBackend())))
    compiled, key = contracts("small"), f"0x{1:064x}"  # a key that the node has given means to
    with pytest.raises(SystemExit, match="AccountSmallVerifier is of a development key"):
        deploy(chain, compiled, HOLDER, key, allow_development=False)
    with pytest.raises(SystemExit, match="does not hold a registry"):
        deploy(chain, {"SolvencyRegistry": {}}, HOLDER, key, allow_development=True)
    addresses = deploy(chain, compiled, HOLDER, key, allow_development=True)
    found = chain.eth.contract(address=addresses["SolvencyRegistry"], abi=compiled["SolvencyRegistry"]["abi"])
    assert found.functions.governor().call().lower() == HOLDER
    assert found.functions.developmentKeys().call() is True
    assert found.functions.mergeVerifier().call() == addresses["MergeSmallVerifier"]
