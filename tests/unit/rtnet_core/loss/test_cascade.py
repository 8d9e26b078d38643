"""Cascades: money and lots are accounted for, depth and recovery matter the right way, noise is seeded."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rtnet_core.account import amounts, quantities
from rtnet_core.book_sample import sample_book
from rtnet_core.errors import InputError
from rtnet_core.loss.cascade import Cascade, CascadeBook, CascadeRules, moved_snapshot, simulate_cascade
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params

SHOCK = {"BTC": -800, "ETH": -1_000}
SNAPSHOT = sample_market(1, "standard")
PARAMS = default_params(SNAPSHOT)


@cache
def book() -> CascadeBook:
    accounts = list(sample_book(SNAPSHOT, PARAMS, 300, 3))
    return CascadeBook(
        np.array([quantities(account, SNAPSHOT) for account in accounts]),
        np.array([account.cash_ticks for account in accounts], dtype=np.float64),
        np.array([amounts(account, SNAPSHOT) for account in accounts]),
    )


def run(volume: int = 10**6, seed: int = 0, **changes: int) -> Cascade:
    rules = CascadeRules((volume,) * 2, (300, 400), **changes)
    return simulate_cascade(SNAPSHOT, PARAMS, book(), SHOCK, rules, seed)


def test_money_and_lots_are_accounted_for() -> None:
    found = run(10**5)
    assert np.array_equal(found.book.lots.sum(axis=0) + found.taken_lots, book().lots.sum(axis=0))
    moved = (found.book.cash_ticks - book().cash_ticks).sum() + found.taker_cash_ticks
    paid = sum(entry.penalty_ticks - entry.bad_debt_ticks for entry in found.rounds)
    assert moved + paid == pytest.approx(0, abs=1e-9 * np.abs(book().cash_ticks).sum())


def test_a_thin_market_falls_further_and_takes_more_with_it() -> None:
    deep, thin = run(10**8), run(10**5)
    assert deep.rounds[0].price_factors == thin.rounds[0].price_factors == (0.92, 0.9)
    assert sum(entry.liquidated for entry in thin.rounds) > sum(entry.liquidated for entry in deep.rounds)
    assert min(entry.price_factors[0] for entry in thin.rounds) < min(entry.price_factors[0] for entry in deep.rounds)
    assert thin.bad_debt_ticks > deep.bad_debt_ticks > 0
    assert thin.rounds[-1].liquidated == deep.rounds[-1].liquidated == 0


def test_one_order_pays_two_thirds_of_its_move_and_the_next_the_rest_of_the_way() -> None:
    """A single long account: the average along a square root from zero is two thirds of its end."""
    lots = np.zeros((1, SNAPSHOT.sizes.instruments), dtype=np.int64)
    lots[0, 0] = 50_000
    mark = SNAPSHOT.instruments[0].forward_ticks
    alone = CascadeBook(lots, np.array([-0.85 * 50_000 * mark]), np.zeros((1, SNAPSHOT.sizes.assets), dtype=np.int64))
    rules = CascadeRules((10**6, 10**6), (300, 300), penalty_bps=0, target_bps=10_000)
    found = simulate_cascade(SNAPSHOT, PARAMS, alone, {"BTC": -200}, rules)
    costs, moves, standing = [], [0.0], [0.0]
    for entry, following in zip(found.rounds, found.rounds[1:], strict=False):
        moves.append(1 - following.price_factors[0] / 0.98)
        standing.append((moves[-1] / 0.03) ** 2 * 10**6)
        index = SNAPSHOT.underlyings[0].index_ticks * entry.price_factors[0]
        along = 2 / 3 * (standing[-1] * moves[-1] - standing[-2] * moves[-2])
        costs.append(index * (along - (standing[-1] - standing[-2]) * moves[-2]))
    assert len(costs) >= 2
    assert [entry.cost_ticks for entry in found.rounds[:-1]] == pytest.approx(costs, rel=1e-3)


def test_without_impact_nothing_spreads() -> None:
    found = run(impact_bps=0, penalty_bps=0)
    assert [entry.liquidated > 0 for entry in found.rounds] == [True, False]
    assert sum(entry.cost_ticks for entry in found.rounds) == 0


def test_a_penalty_makes_no_bad_debt() -> None:
    without, heavy = run(impact_bps=0, penalty_bps=0), run(impact_bps=0, penalty_bps=3_000)
    assert heavy.rounds[0].closed_out > without.rounds[0].closed_out
    assert heavy.rounds[0].bad_debt_ticks == pytest.approx(without.rounds[0].bad_debt_ticks)


def test_recovery_takes_the_impact_back() -> None:
    stays, recovers = run(10**5), run(10**5, recovery_bps=9_000)
    assert recovers.rounds[1].price_factors[0] > stays.rounds[1].price_factors[0]


def test_noise_is_a_function_of_the_seed() -> None:
    first, again, other = (run(seed=seed, noise_bps=50) for seed in (4, 4, 5))
    assert first.rounds == again.rounds
    assert first.rounds[1].price_factors != other.rounds[1].price_factors


def test_nobody_healthy_is_touched() -> None:
    rules = CascadeRules((10**6,) * 2, (300, 400), liquidate_bps=1, target_bps=1)
    calm = simulate_cascade(SNAPSHOT, PARAMS, book(), {}, rules)
    failing = calm.rounds[0].liquidated
    assert failing < 0.05 * len(book().cash_ticks)  # only those drawn with a negative NLV
    changed = (calm.book.lots != book().lots).any(axis=1).sum()
    assert changed == failing


def test_collateral_and_forwards_move_with_their_coin() -> None:
    moved = moved_snapshot(SNAPSHOT, {"BTC": 0.5})
    for before, after in zip(SNAPSHOT.instruments, moved.instruments, strict=True):
        factor = 0.5 if before.underlying == "BTC" else 1
        assert after.forward_ticks == round(before.forward_ticks * factor)
    prices = {entry.symbol: entry.price_ticks for entry in moved.assets}
    before_prices = {entry.symbol: entry.price_ticks for entry in SNAPSHOT.assets}
    assert prices["BTC"] == round(before_prices["BTC"] / 2)
    assert prices["USDC"] == before_prices["USDC"]


def test_rules_and_shocks_are_checked() -> None:
    with pytest.raises(InputError, match="2 volumes"):
        simulate_cascade(SNAPSHOT, PARAMS, book(), SHOCK, CascadeRules((1,), (1,)))
    with pytest.raises(InputError, match="DOGE"):
        simulate_cascade(SNAPSHOT, PARAMS, book(), {"DOGE": -1}, CascadeRules((1, 1), (1, 1)))
    with pytest.raises(InputError, match="recovery_bps"):
        CascadeRules((1,), (1,), recovery_bps=10_001)
    with pytest.raises(InputError, match="target_bps"):
        CascadeRules((1,), (1,), target_bps=9_000)
    with pytest.raises(InputError, match="volumes"):
        CascadeRules((0,), (1,))
    with pytest.raises(InputError, match="rounds"):
        CascadeRules((1,), (1,), rounds=0)
