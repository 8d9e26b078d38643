"""Whatever a chain, a node and a kill do in whatever order: a flag goes up once a breach, and does go up."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from prover.keeper.fees import offered_fees
from prover.keeper.journal import Journal
from prover.keeper.keeper import Keeper
from prover.keeper.types import Fees, NodeFailure
from tests.support.keepers import BINDING, CONFIRMATIONS, TERMS, Calls, Killed, Venue
from tests.support.simulated_registry import failing

NAMES = ("ada", "bob")
REQUESTS = ("venue", "account", "epoch", "refusal", "head", "priority_wei", "nonce", "mined", "is_known", "broadcast")
name = st.sampled_from(NAMES)
MOVES = st.one_of(
    st.tuples(st.just("round")),
    st.tuples(st.just("killed"), st.integers(1, 60)),
    st.tuples(st.just("failing"), st.sampled_from(REQUESTS), st.sampled_from(["before", "after"])),
    st.tuples(st.just("mine"), st.integers(1, 4)),
    st.tuples(st.just("reorganise"), st.integers(1, CONFIRMATIONS - 1), st.booleans()),
    st.tuples(st.just("drop")),
    st.tuples(st.just("fee"), st.sampled_from([10, 200, 5_000])),
    st.tuples(st.just("fall"), name),
    st.tuples(st.just("recover"), name),
    st.tuples(st.just("publish")),
    st.tuples(st.just("elsewhere"), name),
    st.tuples(st.just("use_nonce")),
)


def play(venue: Venue, move: tuple[Any, ...]) -> None:
    chain = venue.chain
    newest = max(chain.state.epochs, default=0)
    acts: dict[str, Callable[..., Any]] = {
        "round": lambda: one_round(venue, Calls()),
        "killed": lambda point: one_round(venue, Calls(point)),
        "failing": lambda request, when: with_hook(venue, when, failing(request)),
        "mine": chain.mine,
        "reorganise": lambda depth, keep: chain.reorganise(depth, keep=keep),
        "drop": chain.drop,
        "fee": lambda wei: setattr(chain, "base_fee_wei", wei),
        "fall": venue.fall,
        "recover": venue.recover,
        "publish": lambda: venue.publish(*venue.below),
        "elsewhere": lambda who: (
            newest and chain.prove_elsewhere(venue.commitment_of(who), newest, clears=who not in venue.below_in[newest])
        ),
        "use_nonce": chain.use_nonce,
    }
    acts[move[0]](*move[1:])


def one_round(venue: Venue, calls: Calls) -> None:
    with Journal.open(venue.journal_path, BINDING) as journal, suppress(Killed, NodeFailure):
        wrapped = [calls.wrap(target) for target in (journal, venue, venue, venue.chain)]
        Keeper(*wrapped, TERMS, lambda *_: None).round()


def with_hook(venue: Venue, when: str, hook: Callable[[str], None]) -> None:
    setattr(venue.chain, when, hook)
    one_round(venue, Calls())
    setattr(venue.chain, when, lambda _name: None)


@settings(max_examples=30, deadline=None)
@given(moves=st.lists(MOVES, max_size=25))
def test_a_flag_goes_up_once_a_breach_and_in_the_end_it_is_up(moves: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        venue = Venue(Path(folder), *NAMES)
        for move in moves:
            play(venue, move)
        venue.chain.base_fee_wei = 10
        venue.publish(*venue.below)
        venue.run_until_settled()
        state = venue.chain.state
        for who in venue.below:
            assert state.accounts[venue.commitment_of(who)].flagged, who
        with Journal.open(venue.journal_path, BINDING) as journal:
            for breach in journal.breaches():
                sent = journal.transactions(breach=breach.id)
                results = [venue.chain.mined(transaction.hash) for transaction in sent]
                assert sum(mined is not None and mined.succeeded for mined in results) <= 1
        # A proof that is taken while the flag is up would have been submitted twice.
        assert venue.chain.state.needless == 0


wei = st.integers(0, 10**15)


@given(base=wei, priority=wei, ceiling=wei, before=st.none() | st.tuples(wei, wei))
def test_fees_stay_below_the_ceiling_and_take_the_place_of_what_waits(
    base: int, priority: int, ceiling: int, before: tuple[int, int] | None
) -> None:
    waiting = None if before is None else Fees(max(before), min(before))
    fees = offered_fees(base, priority, ceiling, waiting)
    if fees is None:
        assert base >= ceiling or (waiting is not None and -(-9 * waiting.max_wei // 8) > ceiling)
        return
    assert base <= fees.max_wei <= ceiling
    assert fees.priority_wei <= fees.max_wei
    if waiting is not None:
        assert 10 * fees.max_wei >= 11 * waiting.max_wei
        assert 10 * fees.priority_wei >= 11 * waiting.priority_wei
