"""Partial liquidation: closed form against whole lots, both orders, and what cannot be cured."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from rtnet_core.account import Account
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.loss.impact import Depth, move_bps
from rtnet_core.loss.liquidation import (
    FailingAccount,
    LiquidationPlan,
    LiquidationTerms,
    Outcome,
    closing_fraction,
    closing_fractions,
    liquidate_pro_rata,
    liquidate_smallest_risk_first,
    proven_requirement,
)
from rtnet_core.margin_exact import account_margin, account_vector
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array

NOTIONAL = 1_000_000
FLAT = LiquidationTerms(target_bps=12_500, penalty_bps=0)


def depth(count: int = 1, spread: int = 0, impact: int = 0) -> Depth:
    return Depth((NOTIONAL,) * count, (1_000_000,) * count, (200,) * count, (spread,) * count, impact)


def tenth_of_notional(lots: Sequence[int]) -> int:
    """Margin of a tenth of the gross notional, in ticks * 10^-4."""
    return sum(map(abs, lots)) * NOTIONAL * BPS // 10


def one_long(lots: int, nlv_ticks: int, market: Depth) -> FailingAccount:
    return FailingAccount((lots,), nlv_ticks * BPS, tenth_of_notional, market)


def test_the_closed_form_and_the_lots_agree_to_a_lot() -> None:
    """1,000 lots, margin 100 million, NLV 90 million, cost 1 %: x = (125 - 90) / (125 - 10)."""
    account = one_long(1_000, 90_000_000, depth(spread=100))
    plan = liquidate_pro_rata(account, FLAT)
    fraction = closing_fraction(90, 100, 10, 12_500)
    assert fraction == Fraction(35, 115)
    assert plan.outcome is Outcome.CURED
    assert plan.closed_lots == (305,)  # 304.35 rounded up
    assert BPS * plan.nlv_after_e4 >= 12_500 * plan.maintenance_after_e4
    assert account.headroom_e8([304], FLAT) < 0 <= account.headroom_e8([305], FLAT)
    assert not plan.worsens


def test_a_vector_of_accounts_follows_the_closed_form() -> None:
    nlv, maintenance, cost = [90, 5, 130, 20], [100] * 4, [10, 10, 10, 10]
    expected = [closing_fraction(*figures, 12_500) for figures in zip(nlv, maintenance, cost, strict=True)]
    found = closing_fractions(nlv, maintenance, cost, 12_500)
    assert np.allclose(found, [1.0 if one is None else float(one) for one in expected])


def test_who_cannot_pay_for_closing_cannot_be_cured_and_it_is_said() -> None:
    plan = liquidate_pro_rata(one_long(1_000, 9_000_000, depth(spread=100)), FLAT)
    assert plan.outcome is Outcome.CANNOT_CURE
    assert plan.closed_lots == (1_000,)
    assert plan.nlv_after_e4 == -1_000_000 * BPS
    assert plan.worsens
    assert "cannot cure" in plan.message and "deficit" in plan.message


def test_an_account_without_positions_has_nothing_to_close() -> None:
    for liquidate in (liquidate_pro_rata, liquidate_smallest_risk_first):
        plan = liquidate(one_long(0, -5, depth()), FLAT)
        assert plan.outcome is Outcome.CANNOT_CURE
        assert plan.closed_lots == (0,)
        assert plan.nlv_after_e4 == plan.nlv_before_e4
        assert not plan.worsens


def test_a_penalty_takes_only_what_closing_leaves() -> None:
    terms = LiquidationTerms(target_bps=12_500, penalty_bps=100)
    plan = liquidate_pro_rata(one_long(1_000, 12_000_000, depth(spread=100)), terms)
    assert plan.outcome is Outcome.CANNOT_CURE
    assert (plan.cost_e4, plan.penalty_e4) == (10_000_000 * BPS, 2_000_000 * BPS)
    assert plan.nlv_after_e4 == 0
    assert "nothing is left" in plan.message


def test_a_healthy_account_is_left_alone() -> None:
    for liquidate in (liquidate_pro_rata, liquidate_smallest_risk_first):
        plan = liquidate(one_long(1_000, 125_000_000, depth(spread=100)), FLAT)
        assert plan.outcome is Outcome.NOT_NEEDED
        assert plan.closed_lots == (0,)
        assert plan.nlv_after_e4 == plan.nlv_before_e4


def test_steep_impact_is_met_by_closing_part_of_it() -> None:
    """Closing everything would cost more than there is, closing a part cures: the peak lies in between."""
    market = depth(impact=100_000)
    account = one_long(1_000_000, 110_000_000_000, market)
    assert account.headroom_e8([1_000_000], FLAT) < 0
    plan = liquidate_pro_rata(account, FLAT)
    assert plan.outcome is Outcome.CURED
    assert account.headroom_e8([plan.closed_lots[0] - 1], FLAT) < 0


def test_the_smallest_risk_is_closed_first() -> None:
    account = FailingAccount((10, -600, 300), 75_000_000 * BPS, tenth_of_notional, depth(3))
    plan = liquidate_smallest_risk_first(account, FLAT)
    assert plan.outcome is Outcome.CURED
    assert plan.closed_lots == (10, 0, 300)


def test_a_hedge_is_not_closed_before_what_it_hedges() -> None:
    """Margin is on the net; closing the smaller leg, the hedge, would only add to it."""

    def net(lots: Sequence[int]) -> int:
        return abs(sum(lots)) * NOTIONAL * BPS // 10

    account = FailingAccount((1_000, -400), 50_000_000 * BPS, net, depth(2))
    plan = liquidate_smallest_risk_first(account, FLAT)
    assert plan.outcome is Outcome.CURED
    assert plan.closed_lots == (200, 0)
    both = liquidate_pro_rata(account, FLAT)
    assert both.outcome is Outcome.CURED
    assert both.closed_lots == (334, -134)


def test_a_leg_that_hedges_too_much_is_closed_only_as_far_as_it_helps() -> None:
    """Net short 400: closing 240 of the larger leg leaves 160, whose margin is four fifths of the NLV."""

    def net(lots: Sequence[int]) -> int:
        return abs(sum(lots)) * NOTIONAL * BPS // 10

    account = FailingAccount((1_000, -1_400), 20_000_000 * BPS, net, depth(2))
    plan = liquidate_smallest_risk_first(account, FLAT)
    assert plan.outcome is Outcome.CURED
    assert plan.closed_lots == (0, -240)


def test_worse_is_a_lower_ratio_or_with_no_margin_a_deficit() -> None:
    def worsens(nlv: int, margin: int, nlv_after: int, margin_after: int) -> bool:
        return LiquidationPlan(Outcome.CURED, (), 0, 0, nlv, margin, nlv_after, margin_after).worsens

    assert worsens(100, 100, 49, 50)
    assert not worsens(100, 100, 50, 50)
    assert worsens(1, 100, -1, 0)
    assert not worsens(-5, 100, -5, 0)
    assert worsens(-5, 100, -6, 0)


@pytest.mark.parametrize("seed", range(4))
def test_the_proven_rule_is_brought_to_its_target(seed: int) -> None:
    snapshot = sample_market(seed, "small")
    params = default_params(snapshot)
    risk, chosen = build_risk_array(snapshot, params), margin_params(params, snapshot)
    random = np.random.default_rng(seed)
    lots = tuple(int(number) for number in random.integers(-40_000, 40_001, risk.sizes.instruments))
    lots = tuple(number if risk.marks[slot] else 0 for slot, number in enumerate(lots))
    requirement = proven_requirement(risk, chosen)
    needed = requirement(lots)
    slots = risk.sizes.slots
    market = Depth(
        tuple(risk.index_ticks[slot // slots] for slot in range(len(lots))),
        (10**7,) * len(lots),
        (300,) * len(lots),
        (5,) * len(lots),
    )
    account = FailingAccount(lots, needed * 95 // 100, requirement, market)
    terms = LiquidationTerms()
    for liquidate in (liquidate_pro_rata, liquidate_smallest_risk_first):
        plan = liquidate(account, terms)
        assert plan.outcome is Outcome.CURED
        assert not plan.worsens
        assert BPS * plan.nlv_after_e4 >= terms.target_bps * plan.maintenance_after_e4
        assert plan.nlv_before_e4 - plan.nlv_after_e4 == plan.cost_e4 + plan.penalty_e4
        assert plan.closed_lots != lots


def test_the_requirement_is_the_exact_engines() -> None:
    snapshot = sample_market(3, "small")
    params = default_params(snapshot)
    risk, chosen = build_risk_array(snapshot, params), margin_params(params, snapshot)
    names = [instrument.name for instrument in snapshot.instruments]
    account = Account(id="a", cash_ticks=0, positions={names[0]: 500, names[3]: -70})
    vector = account_vector(account, snapshot)
    exact = account_margin(vector, risk, chosen)
    assert proven_requirement(risk, chosen)(vector.quantities) == exact.maintenance_e4


def test_impact_follows_the_square_root_and_is_rounded_up() -> None:
    market = Depth((100,), (1_000_000,), (200,), (0,))
    assert move_bps(10_000, 1_000_000, 200) == pytest.approx(20.0)
    cost = market.closing_cost_e4(0, 10_000)
    exact = Fraction(10_000 * 100 * BPS) * 2 * 20 / (3 * BPS)
    assert exact <= cost < exact + 1
    assert market.closing_cost_e4(0, -10_000) == cost
    assert market.closing_cost_e4(0, 40_000) == pytest.approx(8 * cost, abs=8)
    assert market.closing_cost_e4(0, 0) == 0


def test_depth_and_terms_are_checked() -> None:
    with pytest.raises(InputError, match="one length"):
        Depth((1,), (1, 1), (1,), (1,))
    with pytest.raises(InputError, match="volume_lots"):
        Depth((1,), (0,), (1,), (1,))
    with pytest.raises(InputError, match="negative"):
        Depth((1,), (1,), (1,), (-1,))
    with pytest.raises(InputError, match="target"):
        LiquidationTerms(target_bps=0)
