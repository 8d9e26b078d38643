"""Liquidation never leaves an account worse than it was, unless it says so; a cured one meets its target exactly."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.limits import BPS
from rtnet_core.loss.impact import Depth
from rtnet_core.loss.liquidation import (
    FailingAccount,
    LiquidationTerms,
    Outcome,
    Requirement,
    liquidate_pro_rata,
    liquidate_smallest_risk_first,
)

COUNT = 4
LOTS = st.integers(-(1 << 20), 1 << 20)


@st.composite
def rules(draw: st.DrawFn) -> Requirement:
    """A convex rule like the proven one: worst of some scenarios, a charge on size with a kink, one on gross."""
    change = st.lists(st.integers(-50_000, 50_000), min_size=COUNT, max_size=COUNT)
    rows = draw(st.lists(change, min_size=1, max_size=5))
    kink, rise, flat = draw(st.integers(0, 1 << 21)), draw(st.integers(0, 3_000)), draw(st.integers(0, 1_000))

    def maintenance_e4(lots: Sequence[int]) -> int:
        worst = max(0, *(-sum(q * c for q, c in zip(lots, row, strict=True)) for row in rows))
        gross = sum(map(abs, lots))
        return BPS * worst + 1_000_000 * (rise * max(0, gross - kink) + flat * gross)

    return maintenance_e4


@st.composite
def accounts(draw: st.DrawFn) -> FailingAccount:
    lots = tuple(draw(st.lists(LOTS, min_size=COUNT, max_size=COUNT)))
    rule = draw(rules())
    needed = rule(lots)
    nlv = draw(st.integers(-needed // 10, 13 * needed // 10 + 1))
    column = st.lists(st.integers(0, 200), min_size=COUNT, max_size=COUNT).map(tuple)
    volume = draw(st.lists(st.integers(1, 1 << 27), min_size=COUNT, max_size=COUNT))
    market = Depth((1_000_000,) * COUNT, tuple(volume), draw(column), draw(column), draw(st.integers(0, 20_000)))
    return FailingAccount(lots, nlv, rule, market)


@settings(max_examples=60, deadline=None)
@given(account=accounts(), penalty=st.integers(0, 200), smallest_first=st.booleans())
def test_liquidation_does_what_it_says(account: FailingAccount, penalty: int, smallest_first: bool) -> None:
    terms = LiquidationTerms(target_bps=12_000, penalty_bps=penalty)
    liquidate = liquidate_smallest_risk_first if smallest_first else liquidate_pro_rata
    plan = liquidate(account, terms)
    nothing = [0] * COUNT
    for have, less in zip(account.lots, plan.closed_lots, strict=True):
        assert 0 <= less * (1 if have > 0 else -1) <= abs(have)
    assert plan.nlv_before_e4 - plan.nlv_after_e4 == plan.cost_e4 + plan.penalty_e4
    if plan.outcome is Outcome.NOT_NEEDED:
        assert plan.closed_lots == tuple(nothing)
        assert account.headroom_e8(nothing, terms) >= 0
    elif plan.outcome is Outcome.CURED:
        assert BPS * plan.nlv_after_e4 >= terms.target_bps * plan.maintenance_after_e4
        assert not plan.worsens
    else:
        assert plan.closed_lots == account.lots
        assert plan.maintenance_after_e4 == 0
        assert "cannot cure" in plan.message


@settings(max_examples=30, deadline=None)
@given(account=accounts())
def test_who_could_pay_for_closing_everything_is_always_cured(account: FailingAccount) -> None:
    terms = LiquidationTerms(target_bps=12_000)
    if account.headroom_e8(account.lots, terms) >= 0:
        for liquidate in (liquidate_pro_rata, liquidate_smallest_risk_first):
            assert liquidate(account, terms).outcome is not Outcome.CANNOT_CURE
