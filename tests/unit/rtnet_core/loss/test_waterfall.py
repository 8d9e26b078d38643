"""The waterfall: each stage alone and in turn, the published example of the queue, and orders of one's own."""

from __future__ import annotations

import numpy as np
import pytest

from rtnet_core.errors import InputError
from rtnet_core.loss.clearing_state import ClearingState
from rtnet_core.loss.deleveraging import all_lights, deleveraging_queue, queue_lights
from rtnet_core.loss.waterfall import Stage, WaterfallRules, run_waterfall

MARK = 700


def book(fund: int = 0, vault: int = 0, deficit: int = 1_000) -> ClearingState:
    """BitMEX's six longs, ranked 2, 5, 4, 1, 6, 3, against a bankrupt short of 20 and a solvent one of 80."""
    sizes = [10, 10, 20, 30, 20, 10]
    entry = [670, 640, 690, 660, 650, 680]
    lots = [*sizes, -20, -80]
    prices = [*entry, 650, 700]
    equity = [size * MARK for size in sizes]  # leverage 1: the rank is that of the profit
    cash = [equity[number] - lots[number] * MARK for number in range(6)]
    cash += [20 * MARK - deficit, 80 * MARK + 100_000]
    return ClearingState.of(
        cash_ticks=cash,
        lots=np.array([lots]).T,
        entry_ticks=np.array([prices]).T,
        marks_ticks=[MARK],
        fund_ticks=fund,
        vault_ticks=vault,
    )


def test_the_queue_and_the_fill_of_the_published_example() -> None:
    """A bankrupt short of 20 at a bankruptcy price 50 above or below mark: account 2 loses all, account 5 half."""
    state = book()
    queue = deleveraging_queue(state, 0, 1)
    assert (queue.accounts + 1).tolist() == [2, 5, 4, 1, 6, 3]
    assert (6 - queue.lights).tolist() == [1, 2, 3, 4, 4, 5]  # 20, 40, 60, 80, 80 and 100 %
    result = run_waterfall(state, [6])
    assert result.state.lots[:, 0].tolist() == [10, 0, 20, 30, 10, 10, 0, -80]
    assert [(step.account, step.lots, step.ticks) for step in result.steps] == [(1, -10, 500), (4, -10, 500)]
    assert result.state.cash_ticks[6] == 0
    assert result.deficit_left_ticks == 0
    # closed at the bankruptcy price of 650: the cash of 10 lots at mark, less 50 each
    assert result.state.cash_ticks[1] - state.cash_ticks[1] == 10 * 650


def test_the_score_is_profit_by_leverage_and_a_loss_over_it() -> None:
    """BitMEX's formula on four longs at a mark of 1,200: leverage is mark value over what is left until bankruptcy."""
    lots, entry, equity = [1, 1, 1, 1, -4], [1_000, 1_000, 1_500, 1_500, 1_000], [600, 300, 600, 300, 9_000]
    state = ClearingState.of(
        cash_ticks=[worth - size * 1_200 for worth, size in zip(equity, lots, strict=True)],
        lots=np.array([lots]).T,
        entry_ticks=np.array([entry]).T,
        marks_ticks=[1_200],
    )
    queue = deleveraging_queue(state, 0, 1)
    assert queue.accounts.tolist() == [1, 0, 3, 2]
    assert queue.scores == pytest.approx([0.2 * 4, 0.2 * 2, -0.2 / 4, -0.2 / 2])
    assert deleveraging_queue(state, 0, -1).scores == pytest.approx([-0.2 / (4_800 / 9_000)])


def test_a_deficit_that_lots_do_not_divide_is_paid_to_the_last_tick() -> None:
    result = run_waterfall(book(deficit=1_001), [6], WaterfallRules(order=(Stage.AUTO_DELEVERAGING,)))
    assert [step.ticks for step in result.steps] == [500, 501]
    assert result.deficit_left_ticks == 0


def test_the_fund_takes_over_what_it_can_pay_for() -> None:
    result = run_waterfall(book(fund=1_500), [6])
    assert result.paid_ticks(Stage.INSURANCE_FUND) == 1_000
    assert result.state.fund.lots.tolist() == [-20]
    assert result.state.fund.equity_ticks(result.state.marks_ticks) == 500
    assert {step.stage for step in result.steps} == {Stage.INSURANCE_FUND}


def test_a_small_fund_pays_all_it_has_and_the_queue_the_rest() -> None:
    result = run_waterfall(book(fund=300), [6])
    assert result.state.fund.cash_ticks == 0
    assert result.paid_ticks(Stage.INSURANCE_FUND) == 300
    assert result.paid_ticks(Stage.AUTO_DELEVERAGING) == 700
    assert not result.state.lots[6].any()


def test_the_order_is_the_venues_choice() -> None:
    rules = WaterfallRules(order=(Stage.VAULT, Stage.SOCIALISED_LOSS), vault_limit_ticks=400)
    result = run_waterfall(book(fund=9_999, vault=9_999), [6], rules)
    assert result.paid_ticks(Stage.VAULT) == 400
    assert result.paid_ticks(Stage.SOCIALISED_LOSS) == 600
    assert result.state.fund.cash_ticks == 9_999
    assert not result.state.lots[6].any()


def test_socialised_loss_falls_on_profits_in_proportion() -> None:
    state = book()
    result = run_waterfall(state, [6], WaterfallRules(order=(Stage.SOCIALISED_LOSS,)))
    profits = [300, 600, 200, 1_200, 1_000, 200, 0, 0]
    shares = {step.account: step.ticks for step in result.steps if step.slot is None}
    assert sum(shares.values()) == 1_000
    for account, profit in enumerate(profits):
        assert abs(shares.get(account, 0) - 1_000 * profit / 3_500) < 1


def test_without_a_last_stage_the_deficit_that_is_left_is_said() -> None:
    result = run_waterfall(book(fund=300), [6], WaterfallRules(order=(Stage.INSURANCE_FUND,)))
    assert result.deficit_left_ticks == 700
    assert result.state.lots[6].tolist() == [-20]


def test_nobody_is_deleveraged_beyond_their_equity() -> None:
    state = book()
    state.cash_ticks[7] += state.cash_ticks[1] + 10 * MARK - 60
    state.cash_ticks[1] = 60 - 10 * MARK  # the first of the queue has an equity of 60: one lot's loss is 50
    result = run_waterfall(state, [6])
    assert result.steps[0].account == 1
    assert result.steps[0].lots == -1
    assert (result.state.equity_ticks() >= 0).all()
    assert result.deficit_left_ticks == 0


def test_a_second_bankruptcy_finds_the_fund_as_the_first_left_it() -> None:
    state = ClearingState.of(
        cash_ticks=[-800, -700, 10_000],
        lots=[[1], [1], [-2]],
        entry_ticks=[[900], [900], [900]],
        marks_ticks=[500],
        fund_ticks=350,
    )
    result = run_waterfall(state, [0, 1])
    assert result.paid_ticks(Stage.INSURANCE_FUND) == 350
    assert result.paid_ticks(Stage.AUTO_DELEVERAGING) == 150
    assert result.state.fund.equity_ticks(result.state.marks_ticks) == 0
    assert not result.state.total_lots().any()


def test_every_account_sees_its_lights() -> None:
    shown = all_lights(book())
    assert shown[:6, 0].tolist() == [2, 5, 1, 3, 4, 2]
    assert shown[6, 0] == 0  # bankrupt: in no queue
    assert shown[7, 0] == 1
    assert queue_lights([]).tolist() == []


def test_what_is_not_bankrupt_is_refused() -> None:
    with pytest.raises(InputError, match="negative equity"):
        run_waterfall(book(), [0])
    state = book()
    state.collateral_ticks[6] = 5
    with pytest.raises(InputError, match="has been sold"):
        run_waterfall(state, [6])
    with pytest.raises(InputError, match="a stage once"):
        WaterfallRules(order=(Stage.VAULT, Stage.VAULT))
    with pytest.raises(InputError, match="vault_limit_ticks"):
        WaterfallRules(vault_limit_ticks=-1)
    with pytest.raises(InputError, match="add up to zero"):
        ClearingState.of(cash_ticks=[0], lots=[[1]], entry_ticks=[[1]], marks_ticks=[1])
    with pytest.raises(InputError, match="shape"):
        ClearingState.of(cash_ticks=[0, 0], lots=[[1]], entry_ticks=[[1]], marks_ticks=[1])
