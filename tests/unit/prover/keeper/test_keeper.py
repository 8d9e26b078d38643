"""The keeper's steps on a simulated chain: once, and once only, whatever ends the process or the chain does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from prover.keeper.keeper import CLEARS
from prover.keeper.types import NodeFailure, State
from tests.support.keepers import CONFIRMATIONS, TERMS, Calls, Venue
from tests.support.simulated_registry import BLOCK_MS, MAX_AGE_MS, failing


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """A venue with two accounts and an epoch in which both are below."""
    made = Venue(tmp_path, "ada", "bob")
    made.publish("ada", "bob")
    return made


def submitted(venue: Venue, *names: str) -> Venue:
    """Let accounts fall, and bring the first one's transaction into the pool."""
    venue.fall(*names)
    venue.run(2)
    assert venue.states()[names[0]] is State.SUBMITTED
    assert venue.chain.pool
    return venue


# -------------------------------------------------------------------------------------------------------- the plain way


def test_a_breach_is_proven_submitted_and_confirmed_when_deep_enough(venue: Venue) -> None:
    venue.fall("ada")
    venue.run()
    venue.chain.mine(CONFIRMATIONS - 1)
    venue.run()
    assert venue.states() == {"ada": State.SUBMITTED}
    venue.chain.mine()
    venue.run()
    assert venue.states() == {"ada": State.CONFIRMED}
    assert [state for _, state, _ in venue.told] == [
        *(State.BREACH, State.PROVED, State.SUBMITTED, State.CONFIRMED),
    ]
    assert (venue.raised("ada"), venue.raised("bob"), len(venue.chain.sent)) == (1, 0, 1)


def test_several_breaches_go_one_after_the_other_with_a_nonce_each(tmp_path: Path) -> None:
    names = [f"account-{i}" for i in range(6)]
    venue = Venue(tmp_path, *names)
    venue.publish(*names)
    venue.fall(*names)
    venue.run_until_settled()
    assert set(venue.states().values()) == {State.CONFIRMED}
    assert all(venue.raised(name) == 1 for name in names)
    assert (venue.chain.state.nonce, venue.chain.state.reverted) == (6, 0)
    assert len(venue.chain.sent) == 6


def test_an_account_that_stays_below_is_not_submitted_again_and_one_that_falls_again_is(venue: Venue) -> None:
    venue.fall("ada")
    venue.run_until_settled()
    venue.publish("ada")
    venue.run_until_settled()
    assert (venue.raised("ada"), len(venue.breaches())) == (1, 1)
    # The holder shows that it clears; then it falls again, and a later epoch shows that.
    venue.recover("ada")
    venue.publish()
    venue.chain.prove_elsewhere(venue.commitment_of("ada"), 3, clears=True)
    venue.run()
    venue.fall("ada")
    venue.run()
    assert venue.reason("ada") == "cleared by the proof of epoch 3: waiting for the next"
    venue.publish("ada")
    venue.run_until_settled()
    assert (venue.raised("ada"), len(venue.breaches())) == (2, 2)


def test_a_dry_run_proves_and_asks_and_sends_nothing(venue: Venue) -> None:
    venue.fall("ada")
    venue.run(3, terms=replace(TERMS, dry_run=True))
    assert (venue.states()["ada"], venue.reason("ada")) == (State.PROVED, "would be submitted now")
    assert not venue.chain.sent


# -------------------------------------------------------------------------------------------------------- not submitted


def test_a_margin_cured_before_submission_is_not_submitted(venue: Venue) -> None:
    venue.publish()  # nobody is below in the newest epoch
    venue.fall("ada")
    venue.run()
    assert venue.reason("ada") == CLEARS
    venue.recover("ada")
    venue.publish("ada")
    venue.run()
    assert venue.states() == {"ada": State.CURED}
    assert not venue.chain.sent


def test_a_margin_cured_while_the_proof_is_made_is_not_submitted(venue: Venue) -> None:
    venue.fall("ada")
    venue.chain.before = lambda name: venue.recover("ada") if name == "refusal" else None
    venue.run()
    assert (venue.states(), venue.proofs) == ({"ada": State.CURED}, 1)
    assert not venue.chain.sent


def test_an_account_that_clears_in_the_epoch_waits_for_the_next_and_is_looked_at_once(venue: Venue) -> None:
    venue.publish("bob")
    venue.fall("ada")
    venue.run(4)
    assert (venue.states()["ada"], venue.reason("ada"), venue.proofs) == (State.BREACH, CLEARS, 1)
    venue.publish("ada")
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.raised("ada")) == (State.CONFIRMED, 1)


def test_a_stale_snapshot_is_not_submitted_and_the_proof_is_made_anew(venue: Venue) -> None:
    venue.fall("ada")
    venue.chain.base_fee_wei = TERMS.max_fee_wei  # dearer than allowed: the proof waits
    venue.run()
    assert venue.states()["ada"] is State.PROVED
    assert venue.reason("ada") == "gas is dearer than the ceiling: waiting"
    venue.chain.mine(MAX_AGE_MS // BLOCK_MS)
    venue.chain.base_fee_wei = 10
    venue.run()
    assert venue.reason("ada") == "epoch 1 is stale: waiting for the next"
    assert not venue.chain.sent
    venue.publish("ada")
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.proofs) == (State.CONFIRMED, 2)
    assert venue.chain.state.raised == [(venue.commitment_of("ada"), 2)]


def test_a_proof_of_an_older_epoch_than_the_registrys_newest_is_made_anew(venue: Venue) -> None:
    venue.fall("ada")
    venue.chain.base_fee_wei = TERMS.max_fee_wei
    venue.run()
    venue.publish("ada")
    venue.chain.base_fee_wei = 10
    venue.run_until_settled()
    assert venue.chain.state.raised == [(venue.commitment_of("ada"), 2)]


def test_a_flag_that_another_has_raised_is_left_alone(venue: Venue) -> None:
    venue.chain.prove_elsewhere(venue.commitment_of("ada"), 1, clears=False)
    venue.fall("ada")
    venue.run(5)
    assert venue.states()["ada"] is State.ALREADY_FLAGGED
    assert (venue.raised("ada"), len(venue.breaches()), venue.chain.sent) == (1, 1, [])


def test_an_account_that_is_not_listed_or_listed_otherwise_is_refused_once_an_epoch(venue: Venue) -> None:
    venue.chain.list_account(venue.commitment_of("bob"), 12_000)
    del venue.chain.state.accounts[venue.commitment_of("ada")]
    venue.fall("ada", "bob")
    venue.run(4)
    assert venue.reason("ada") == "UnknownAccount: the registry does not list it"
    assert venue.reason("bob") == "it is listed with 12000 basis points"
    assert len(venue.breaches()) == 2
    venue.chain.list_account(venue.commitment_of("ada"))
    venue.publish("ada")
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.states()["bob"]) == (State.CONFIRMED, State.REFUSED)
    assert len(venue.breaches()) == 4


def test_without_an_epoch_a_breach_waits(tmp_path: Path) -> None:
    venue = Venue(tmp_path, "ada")
    venue.fall("ada")
    venue.run(2)
    assert (venue.states()["ada"], venue.reason("ada")) == (State.BREACH, "the registry has no epoch yet")


def test_roots_out_of_force_hold_a_proof_back_without_making_it_anew(venue: Venue) -> None:
    venue.chain.set_in_force(False)
    venue.fall("ada")
    venue.run(4)
    assert venue.reason("ada") == "the registry does not take it now: ParamsNotInForce"
    assert (venue.proofs, venue.chain.sent) == (1, [])
    venue.chain.set_in_force(True)
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.proofs) == (State.CONFIRMED, 1)


# ---------------------------------------------------------------------------------------------------- a node that fails


@pytest.mark.parametrize("hook", ["before", "after"])
def test_a_time_out_in_the_sending_is_no_second_transaction(venue: Venue, hook: str) -> None:
    setattr(venue.chain, hook, failing("broadcast"))
    venue.fall("ada")
    venue.run(2)
    assert venue.states()["ada"] is State.SUBMITTED
    assert len(venue.chain.pool) == 1
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.raised("ada")) == (State.CONFIRMED, 1)
    assert len(set(venue.chain.sent)) == 1


@pytest.mark.parametrize("name", ["venue", "account", "epoch", "refusal", "head", "priority_wei", "nonce", "mined"])
def test_a_node_that_fails_in_any_request_loses_nothing(venue: Venue, name: str) -> None:
    venue.fall("ada")
    for number in range(12):
        venue.chain.before = failing(name)
        venue.run(2)
        if number % 2:
            venue.chain.mine()
    venue.chain.before = lambda _name: None
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.raised("ada"), venue.chain.state.reverted) == (State.CONFIRMED, 1, 0)


def test_a_node_that_is_dead_ends_the_round_with_the_breach_noted(venue: Venue) -> None:
    venue.fall("ada")

    def dead(name: str) -> None:
        raise NodeFailure(name)

    venue.chain.before = dead
    venue.run()
    assert venue.states() == {"ada": State.BREACH}


def test_a_dropped_transaction_is_sent_again_the_very_same(venue: Venue) -> None:
    submitted(venue, "ada")
    venue.chain.drop()
    venue.run()
    assert len(venue.chain.sent) == 2
    assert len(set(venue.chain.sent)) == 1
    venue.run_until_settled()
    assert venue.raised("ada") == 1


# ------------------------------------------------------------------------------------------------------ fees and nonces


def test_a_transaction_that_waits_is_offered_more_with_its_nonce_up_to_the_ceiling(venue: Venue) -> None:
    submitted(venue, "ada")
    (first,) = venue.chain.pool.values()
    venue.chain.base_fee_wei = 300
    venue.chain.mine(TERMS.bump_after - 1)
    venue.run()
    assert list(venue.chain.pool.values()) == [first]
    venue.chain.mine()
    venue.run()
    (second,) = venue.chain.pool.values()
    assert (first["nonce"], first["max_wei"]) == (0, 22)
    assert (second["nonce"], second["max_wei"]) == (0, 602)
    venue.run_until_settled()
    assert len(set(venue.chain.sent)) == 2
    assert (venue.raised("ada"), venue.chain.state.nonce, venue.chain.state.reverted) == (1, 1, 0)


def test_the_ceiling_is_never_exceeded(venue: Venue) -> None:
    submitted(venue, "ada")
    venue.chain.base_fee_wei = 10 * TERMS.max_fee_wei
    for _ in range(30):
        venue.chain.mine()
        venue.run()
    (waiting,) = venue.chain.pool.values()
    assert waiting["max_wei"] <= TERMS.max_fee_wei
    assert venue.states()["ada"] is State.SUBMITTED


def test_a_nonce_used_by_another_program_is_given_up_when_that_is_final(venue: Venue) -> None:
    submitted(venue, "ada")
    venue.chain.drop()
    venue.chain.use_nonce()
    venue.run()
    assert venue.states()["ada"] is State.SUBMITTED  # that block may yet be replaced
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.raised("ada"), venue.chain.state.nonce) == (State.CONFIRMED, 1, 2)


def test_a_transaction_of_another_program_that_waits_is_not_replaced(venue: Venue) -> None:
    venue.chain.pool["foreign"] = {"nonce": 0, "max_wei": 1, "priority_wei": 1}
    submitted(venue, "ada")
    assert {content["nonce"] for content in venue.chain.pool.values()} == {0, 1}
    venue.run()
    assert venue.reason("ada").endswith(", behind nonce 0 of another program")


def test_another_proof_overtakes_a_transaction_that_waits(venue: Venue) -> None:
    submitted(venue, "ada", "bob")
    venue.chain.prove_elsewhere(venue.commitment_of("ada"), 1, clears=False)
    venue.run()
    assert (venue.states()["ada"], venue.reason("ada")) == (State.ALREADY_FLAGGED, "by another proof (NotNewer)")
    venue.run_until_settled()
    # What was signed for ada has its nonce taken by bob's, so nothing is reverted and nothing waits.
    assert (venue.states()["bob"], venue.raised("ada"), venue.raised("bob")) == (State.CONFIRMED, 1, 1)
    assert (venue.chain.state.nonce, venue.chain.state.reverted) == (1, 0)


def test_a_transaction_that_grows_stale_in_the_pool_is_replaced_by_a_new_proof_of_the_same_nonce(venue: Venue) -> None:
    submitted(venue, "ada")
    venue.chain.base_fee_wei = 10 * TERMS.max_fee_wei
    venue.chain.mine(MAX_AGE_MS // BLOCK_MS + 1)
    venue.run(2)
    assert venue.reason("ada") == "epoch 1 is stale: waiting for the next"
    venue.publish("ada")
    venue.chain.base_fee_wei = 10
    venue.run(2)
    (waiting,) = venue.chain.pool.values()
    assert (waiting["nonce"], waiting["epoch"]) == (0, 2)
    venue.run_until_settled()
    assert (venue.raised("ada"), venue.chain.state.reverted) == (1, 0)


def test_an_outdated_transaction_that_is_mined_after_all_does_not_end_the_breach(venue: Venue) -> None:
    submitted(venue, "ada")
    venue.chain.base_fee_wei = 10 * TERMS.max_fee_wei
    venue.chain.mine(MAX_AGE_MS // BLOCK_MS + 1)
    venue.run(2)
    venue.publish("ada")
    venue.chain.base_fee_wei = 10
    venue.chain.before = failing("broadcast")  # what takes its place never reaches the pool
    venue.run()
    venue.chain.mine(CONFIRMATIONS)
    assert venue.chain.state.reverted == 1
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.raised("ada"), venue.chain.state.nonce) == (State.CONFIRMED, 1, 2)


def test_a_call_that_the_chain_reverts_is_proven_anew_or_refused(venue: Venue) -> None:
    submitted(venue, "ada")
    venue.chain.state.in_force = False  # in the block that holds the transaction, after it was asked for
    venue.chain.mine(CONFIRMATIONS)
    venue.run()
    assert venue.states()["ada"] is State.PROVED
    assert venue.chain.state.reverted == 1
    venue.chain.set_in_force(True)
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.raised("ada")) == (State.CONFIRMED, 1)


# ------------------------------------------------------------------------------------------------------ reorganisations


@pytest.mark.parametrize("keep", [True, False], ids=["back in the pool", "lost"])
def test_a_reorganisation_below_the_confirmations_is_taken_in(venue: Venue, keep: bool) -> None:
    submitted(venue, "ada")
    venue.chain.mine(CONFIRMATIONS - 1)
    venue.run()
    venue.chain.reorganise(CONFIRMATIONS - 1, keep=keep)
    assert venue.raised("ada") == 0
    venue.run()
    assert venue.states()["ada"] is State.SUBMITTED
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.raised("ada"), len(set(venue.chain.sent))) == (State.CONFIRMED, 1, 1)


def test_a_reorganisation_that_takes_several_back_loses_none(venue: Venue) -> None:
    submitted(venue, "ada", "bob")
    venue.chain.mine()
    venue.run()
    venue.chain.mine()
    venue.chain.reorganise(2, keep=False)
    venue.run_until_settled()
    assert (venue.raised("ada"), venue.raised("bob"), venue.chain.state.nonce) == (1, 1, 2)


def test_a_reorganisation_that_takes_the_epoch_back_waits_for_it(venue: Venue) -> None:
    venue.publish("ada", "bob")
    submitted(venue, "ada")
    venue.chain.reorganise(1, keep=False)  # the block that held the second epoch
    venue.run(2)
    venue.run_until_settled()
    # The first epoch is the newest again, and shows the breach as well.
    assert (venue.states()["ada"], venue.raised("ada")) == (State.CONFIRMED, 1)


def test_a_doomed_transaction_that_others_wait_behind_is_still_sent(venue: Venue) -> None:
    submitted(venue, "ada", "bob")
    venue.chain.mine()
    venue.run()
    venue.chain.mine()
    venue.chain.reorganise(2, keep=False)
    venue.chain.prove_elsewhere(venue.commitment_of("ada"), 1, clears=False)
    venue.run_until_settled()
    assert (venue.states()["ada"], venue.states()["bob"]) == (State.ALREADY_FLAGGED, State.CONFIRMED)
    assert (venue.raised("ada"), venue.raised("bob"), venue.chain.state.reverted) == (1, 1, 1)


# ---------------------------------------------------------------------------------------------------------------- kills


def kills_of_a_plain_run(folder: Path) -> int:
    """Return how many points there are at which a run without a kill could have been killed."""
    calls = Calls()
    venue = Venue(folder, "ada", "bob")
    venue.publish("ada", "bob")
    venue.fall("ada", "bob")
    venue.run_until_settled(calls=calls)
    return calls.count


@pytest.mark.slow
def test_a_kill_at_every_point_loses_no_breach_and_submits_none_twice(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    points = kills_of_a_plain_run(tmp_path / "plain")
    assert points > 100
    for point in range(1, points + 1):
        killed_at(tmp_path, point)


@pytest.mark.parametrize("point", range(1, 73, 3))
def test_a_kill_in_the_first_rounds(tmp_path: Path, point: int) -> None:
    killed_at(tmp_path, point)


def killed_at(folder: Path, point: int) -> None:
    place = folder / str(point)
    place.mkdir()
    venue = Venue(place, "ada", "bob")
    venue.publish("ada", "bob")
    venue.fall("ada", "bob")
    venue.run_until_settled(calls=Calls(kill_at=point))
    assert venue.states() == {"ada": State.CONFIRMED, "bob": State.CONFIRMED}, point
    assert len(venue.breaches()) == 2, point
    assert (venue.raised("ada"), venue.raised("bob")) == (1, 1), point
    assert (venue.chain.state.nonce, venue.chain.state.reverted) == (2, 0), point
    assert len(set(venue.chain.sent)) == 2, point
