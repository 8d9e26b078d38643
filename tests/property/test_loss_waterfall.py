"""The waterfall conserves money and lots to the last tick, whatever the book, the order and who is bankrupt."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.loss.apportion import apportion
from rtnet_core.loss.clearing_state import ClearingState
from rtnet_core.loss.waterfall import Stage, WaterfallRules, run_waterfall

ORDERS = [order for size in range(5) for order in permutations(Stage, size)]


@st.composite
def states(draw: st.DrawFn) -> ClearingState:
    """A book whose positions add up to zero, some accounts deep under water."""
    accounts, slots = draw(st.integers(2, 7)), draw(st.integers(1, 3))
    above = st.lists(st.integers(-(1 << 20), 1 << 20), min_size=slots, max_size=slots)
    lots = np.array(draw(st.lists(above, min_size=accounts - 1, max_size=accounts - 1)), dtype=np.int64)
    lots = np.vstack([lots, -lots.sum(axis=0)])
    marks = np.array(draw(st.lists(st.integers(0, 1 << 24), min_size=slots, max_size=slots)), dtype=np.int64)
    price = st.lists(st.integers(0, 1 << 24), min_size=slots, max_size=slots)
    entry = np.array(draw(st.lists(price, min_size=accounts, max_size=accounts)), dtype=np.int64)
    equity = np.array(draw(st.lists(st.integers(-(1 << 40), 1 << 44), min_size=accounts, max_size=accounts)))
    return ClearingState.of(
        cash_ticks=equity - lots @ marks,
        lots=lots,
        entry_ticks=entry,
        marks_ticks=marks,
        fund_ticks=draw(st.integers(0, 1 << 41)),
        vault_ticks=draw(st.integers(0, 1 << 41)),
    )


@settings(max_examples=80, deadline=None)
@given(state=states(), order=st.sampled_from(ORDERS), limit=st.none() | st.integers(0, 1 << 40))
def test_money_and_lots_are_conserved(state: ClearingState, order: tuple[Stage, ...], limit: int | None) -> None:
    bankrupt = np.flatnonzero(state.equity_ticks() < 0).tolist()
    before, equity = state.total_cash_ticks(), state.equity_ticks()
    result = run_waterfall(state, bankrupt, WaterfallRules(order, limit))
    after = result.state
    assert after.total_cash_ticks() == before == state.total_cash_ticks()
    assert not after.total_lots().any()
    assert after.fund.equity_ticks(after.marks_ticks) >= 0
    assert after.vault.equity_ticks(after.marks_ticks) >= 0
    solvent = equity >= 0
    assert (after.equity_ticks()[solvent] >= 0).all(), "nobody solvent is made bankrupt"
    paid = sum(step.ticks for step in result.steps)
    assert paid + result.deficit_left_ticks == -int(equity[~solvent].sum())
    if limit is not None:
        assert result.paid_ticks(Stage.VAULT) <= limit * len(bankrupt)


@settings(max_examples=50, deadline=None)
@given(state=states())
def test_the_default_order_leaves_nothing_where_the_book_is_solvent(state: ClearingState) -> None:
    equity = state.equity_ticks()
    bankrupt = np.flatnonzero(equity < 0).tolist()
    result = run_waterfall(state, bankrupt)
    assert not result.state.lots[bankrupt].any()
    able = int(np.maximum(equity, 0).sum()) + state.fund.cash_ticks + state.vault.cash_ticks
    if able >= -int(np.minimum(equity, 0).sum()):
        assert result.deficit_left_ticks == 0
        assert (result.state.cash_ticks[bankrupt] == 0).all()


@given(total=st.integers(0, 1 << 60), weights=st.lists(st.integers(0, 1 << 60), min_size=1, max_size=12))
def test_shares_are_quotas_rounded_and_add_up(total: int, weights: list[int]) -> None:
    if not sum(weights):
        return
    shares = apportion(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - total * weight) < sum(weights)
