"""The generalised grid: the proven rule is one of its cases, published examples are others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtnet_core.account import amounts, quantities
from rtnet_core.book_sample import sample_book
from rtnet_core.errors import InputError, RangeError
from rtnet_core.margin_fast import FastMarket, fast_margin
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.risk.asset_terms import AssetTerms
from rtnet_core.risk.grid_margin import GridMargin
from rtnet_core.risk.grid_params import (
    DERIBIT_BTC,
    DERIVE_PMRM,
    ForwardContingency,
    GridParams,
    GridScenario,
    SkewRange,
    VolatilityRange,
    from_proven,
    product_grid,
)
from rtnet_core.risk.margin_models import Holdings, LevelRates, ProvenRule
from rtnet_core.risk.risk_market import RiskMarket
from tests.support.risk_markets import USD, listed, market_of

FLAT = VolatilityRange(up=0.0, down=0.0)
ONE_FALL = GridParams(scenarios=(GridScenario(-0.1, stress=1.0), GridScenario(0.1)), volatility=FLAT)


def grid_on(instruments: list[dict[str, object]], params: GridParams, **terms: object) -> GridMargin:
    market = RiskMarket.from_snapshot(market_of(instruments))
    return GridMargin(market, (params, params), AssetTerms.of(market, **terms))  # type: ignore[arg-type]


def held(lots: dict[int, float], collateral: tuple[float, float, float] = (0, 0, 0), cash: float = 0.0) -> Holdings:
    row = np.zeros(8)
    for slot, quantity in lots.items():
        row[slot] = quantity
    return Holdings.of([row], [cash], [collateral])


def test_the_proven_rule_is_behind_the_same_interface() -> None:
    snapshot = sample_market(5)
    params = default_params(snapshot)
    book = list(sample_book(snapshot, params, 50, seed=2))
    holdings = Holdings.of(
        [quantities(account, snapshot) for account in book],
        [account.cash_ticks for account in book],
        [amounts(account, snapshot) for account in book],
    )
    market = FastMarket.from_snapshot(snapshot, params)
    levels = ProvenRule(market, LevelRates(12_000, 5_000)).levels(holdings)
    margin = fast_margin(market, holdings.lots, holdings.cash, holdings.collateral)
    np.testing.assert_array_equal(levels.maintenance, margin.maintenance)
    np.testing.assert_array_equal(levels.value, margin.nlv)
    np.testing.assert_allclose(levels.initial, 1.2 * margin.maintenance)
    np.testing.assert_allclose(levels.close_out, 0.5 * margin.maintenance)
    np.testing.assert_array_equal(levels.ratio, margin.ratio)


def test_the_proven_scenarios_are_one_grid() -> None:
    snapshot = sample_market(5)
    params = default_params(snapshot)
    lots = np.array([quantities(account, snapshot) for account in sample_book(snapshot, params, 80, seed=2)])
    market = RiskMarket.from_snapshot(snapshot)
    grid = GridMargin(
        market, tuple(from_proven(entry, params.scenarios) for entry in params.underlyings), AssetTerms.of(market)
    )
    holdings = Holdings.of(lots, np.zeros(len(lots)), np.zeros((len(lots), 8)))
    scan = fast_margin(FastMarket.from_snapshot(snapshot, params), lots, np.zeros(len(lots)), np.zeros((len(lots), 8)))
    for number in (0, 1):
        found = np.maximum(grid.losses(holdings, number).max(axis=1), 0.0)
        np.testing.assert_allclose(found, scan.scan_risk[:, number], rtol=1e-9, atol=1.0)


def test_deribits_example_of_volatility_by_life() -> None:
    """*Portfolio margin*: 38 % at thirty days is (30/15)^0.30 · 38 % at fifteen; longer lives move less."""
    moves = VolatilityRange(up=0.38, down=0.38, long_power=0.13)
    found = moves.factors("up", np.full(4, 0.6), np.array([30.0, 15.0, 120.0, 0.01]))
    expected = [1.38, 1 + 0.38 * 2**0.3, 1 + 0.38 * 0.25**0.13, 1 + 0.38 * 30**0.3]
    np.testing.assert_allclose(found, expected)
    assert moves.factors("down", np.full(1, 0.6), np.array([0.5]))[0] == 0.0


def test_floor_and_cap_of_an_upward_move() -> None:
    moves = VolatilityRange(up=0.5, down=0.25, least_up=0.9, most_up=0.6)
    found = moves.factors("up", np.array([0.5, 1.0, 1.0]), np.array([30.0, 30.0, 1.0]))
    np.testing.assert_allclose(found, [0.9 / 0.5, 1.5, 1.6])


def test_deribits_example_of_net_short_options() -> None:
    """*Portfolio margin*: calls +10 and puts -20 of one strike are net short 10, at 1 % of the underlying each."""
    grid = grid_on([listed("C", "call"), listed("P", "put"), listed("Q", "put", strike=90)], DERIBIT_BTC)
    charge, _ = grid.position_charges(held({0: 10, 1: -20}), 0)
    assert charge[0] == pytest.approx(10 * 0.01 * 100 * USD)
    apart, _ = grid.position_charges(held({0: 10, 2: -20}), 0)
    assert apart[0] == pytest.approx(20 * 0.01 * 100 * USD)


def test_a_cash_and_carry_needs_the_margin_of_its_net() -> None:
    grid = grid_on([listed("P", "perpetual"), listed("F", "future", days=90)], DERIBIT_BTC)
    legs = [float(grid.levels(held(lots)).maintenance[0]) for lots in ({0: 1}, {1: -1}, {0: 1, 1: -1})]
    assert legs[0] == pytest.approx(0.16 * 100 * USD)
    assert legs[2] < 1e-6 * legs[0]


def test_a_short_straddle_needs_the_margin_of_its_net() -> None:
    grid = grid_on([listed("C", "call"), listed("P", "put")], DERIBIT_BTC)
    call, put, both = (float(grid.levels(held(lots)).maintenance[0]) for lots in ({0: -1}, {1: -1}, {0: -1, 1: -1}))
    assert both < 0.85 * (call + put)


def test_a_calendar_spread_pays_for_forwards_that_move_apart() -> None:
    """Derive: the worst P&L of each expiry at ±5 %, times 1.0 + 1.2·T; it nets within an expiry only."""
    grid = grid_on([listed("F", "future", days=73), listed("G", "future", days=146)], DERIVE_PMRM)
    charge = grid.forward_charge(held({0: 10, 1: -10}), 0)
    assert charge[0] == pytest.approx(10 * 5 * USD * (1 + 1.2 * 0.2) + 10 * 5 * USD * (1 + 1.2 * 0.4))
    assert not grid.forward_charge(held({}), 0).any()


def test_a_skew_scenario_takes_each_expiry_at_its_worse_side() -> None:
    params = GridParams(scenarios=(GridScenario(0.0, "linear"), GridScenario(0.0, "absolute")), volatility=FLAT)
    options = [listed("A", "call", strike=120), listed("B", "put", strike=80), listed("C", "call", strike=120, days=60)]
    grid = grid_on(options, params)
    one, other = grid.losses(held({0: 5}), 0)[0], grid.losses(held({0: -5}), 0)[0]
    np.testing.assert_allclose(one, other)
    assert (one > 0).all()
    calendar = grid.losses(held({0: 5, 2: -5}), 0)[0]
    np.testing.assert_allclose(calendar, one + grid.losses(held({2: 5}), 0)[0])
    flat_wings = grid.losses(held({0: 5, 1: 5}), 0)[0]
    assert flat_wings[0] < flat_wings[1]  # turning the smile hurts one wing, helps the other; bending hurts both


def test_a_skew_is_held_within_its_cap() -> None:
    skew = SkewRange()
    years = np.full(5, 0.25)
    found = skew.factors("linear", np.array([-9.0, -0.1, 0.0, 0.1, 9.0]), years)
    cap = 0.25 - 0.1 * 0.5
    np.testing.assert_allclose(found, [1 - cap, 1 - 0.1 * cap / 1.2, 1, 1 + 0.1 * cap / 1.2, 1 + cap])
    bent = skew.factors("absolute", np.array([-9.0, -0.1, 0.0, 0.1, 9.0]), years)
    np.testing.assert_allclose(bent, bent[::-1])


def test_collateral_offsets_what_it_hedges() -> None:
    """A coin and its short perpetual: only what the coin may lose beyond the price is left."""
    instruments = [listed("P", "perpetual")]
    plain = grid_on(instruments, ONE_FALL)
    assert plain.levels(held({0: -1}, (0, 1, 0))).maintenance[0] == pytest.approx(0, abs=1)
    assert plain.levels(held({0: 1}, (0, 1, 0))).maintenance[0] == pytest.approx(20 * USD)
    depegged = grid_on(instruments, ONE_FALL, depeg={"BTC": 0.2})
    assert depegged.levels(held({0: -1}, (0, 1, 0))).maintenance[0] == pytest.approx(100 * 0.9 * 0.2 * USD)


def test_a_staked_token_follows_its_coin_and_may_lose_its_peg() -> None:
    grid = grid_on(
        [listed("E", "perpetual", underlying="ETH")], ONE_FALL, follows={"STETH": "ETH"}, depeg={"STETH": 0.07}
    )
    maintenance = grid.levels(held({}, (0, 0, 2))).maintenance[0]
    assert maintenance == pytest.approx(200 * (1 - 0.9 * 0.93) * USD)


def test_a_stablecoin_loses_its_peg_once() -> None:
    grid = grid_on([listed("P", "perpetual")], ONE_FALL, depeg={"USDC": 0.05}, haircut={"USDC": 0.01})
    levels = grid.levels(held({}, (1_000, 0, 0)))
    assert levels.value[0] == pytest.approx(990 * USD)
    assert levels.maintenance[0] == pytest.approx(0.05 * 990 * USD)


def test_levels_stand_in_order() -> None:
    snapshot = sample_market(5)
    params = default_params(snapshot)
    lots = np.array([quantities(account, snapshot) for account in sample_book(snapshot, params, 60, seed=4)])
    market = RiskMarket.from_snapshot(snapshot)
    holdings = Holdings.of(lots, np.zeros(len(lots)), np.zeros((len(lots), 8)))
    for params_set in (DERIBIT_BTC, DERIVE_PMRM, replace(DERIVE_PMRM, linear_rate_initial=0.01)):
        levels = GridMargin(market, (params_set, params_set), AssetTerms.of(market)).levels(holdings)
        assert (levels.close_out <= levels.maintenance).all()
        assert (levels.maintenance <= levels.initial).all()
        assert (levels.initial > 0).any()


def test_a_weight_is_a_share_of_the_loss() -> None:
    full = grid_on([listed("P", "perpetual")], replace(ONE_FALL, scenarios=(GridScenario(-0.66),)))
    part = grid_on([listed("P", "perpetual")], replace(ONE_FALL, scenarios=(GridScenario(-0.66, weight=0.25),)))
    assert part.losses(held({0: 1}), 0)[0, 0] == pytest.approx(full.losses(held({0: 1}), 0)[0, 0] / 4)


def test_bad_parameters_are_named() -> None:
    with pytest.raises(RangeError, match="scenario: price"):
        GridScenario(-1.0)
    with pytest.raises(InputError, match="scenario: volatility"):
        GridScenario(0.0, "sideways")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must not be empty"):
        GridParams(scenarios=(), volatility=FLAT)
    with pytest.raises(InputError, match="one entry for each underlying"):
        market = RiskMarket.from_snapshot(market_of([listed("P", "perpetual")]))
        GridMargin(market, (ONE_FALL,), AssetTerms.of(market))
    with pytest.raises(InputError, match="holdings"):
        Holdings.of(np.zeros((2, 8)), np.zeros(3), np.zeros((2, 3)))
    with pytest.raises(InputError, match="collateral"):
        Holdings.of(np.zeros((1, 8)), np.zeros(1), np.full((1, 3), -1.0))
    with pytest.raises(InputError, match="assets of the market"):
        AssetTerms.of(market, depeg={"XYZ": 0.1})
    with pytest.raises(InputError, match="level rates"):
        LevelRates(initial_bps=9_000)
    assert ForwardContingency() == ONE_FALL.forward
    assert len(product_grid((-0.1, 0.1), ("up", "down"))) == 4
