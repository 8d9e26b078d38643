"""Value at risk and expected shortfall: formulas, sources of moves, and collateral that moves with positions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from rtnet_core.errors import InputError, RangeError
from rtnet_core.risk.asset_terms import AssetTerms
from rtnet_core.risk.ewma import ewma_covariance, ewma_variances
from rtnet_core.risk.margin_models import Holdings, MarginModel
from rtnet_core.risk.risk_market import RiskMarket
from rtnet_core.risk.simulated_moves import covariance_of, filtered_moves, historical_moves, monte_carlo_moves
from rtnet_core.risk.simulation_margin import FactorMoves, SimulationMargin
from rtnet_core.risk.tail_risk import tail_risk
from tests.support.risk_markets import USD, listed, market_of

MARKET = RiskMarket.from_snapshot(
    market_of([listed("P", "perpetual"), listed("C", "call"), listed("E", "perpetual", underlying="ETH")])
)
COVARIANCE = (
    np.array(
        [
            [0.04, 0.03, -0.02, 0.0, 0.0],
            [0.03, 0.09, -0.02, 0.0, 0.0],
            [-0.02, -0.02, 0.06, 0.01, 0.0],
            [0.0, 0.0, 0.01, 0.08, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0001],
        ]
    )
    / 100
)


def model(rows: np.ndarray, **options: object) -> SimulationMargin:
    """Return the model on moves of (BTC, ETH) prices, volatilities and the staked token's peg."""
    moves = FactorMoves.from_rows(rows, 2, {2: 4} if rows.shape[1] > 4 else {}, 3)
    return SimulationMargin(MARKET, moves, AssetTerms.of(MARKET, follows={"STETH": "ETH"}), **options)  # type: ignore[arg-type]


def held(lots: dict[int, float], collateral: tuple[float, float, float] = (0, 0, 0)) -> Holdings:
    row = np.zeros(8)
    for slot, quantity in lots.items():
        row[slot] = quantity
    return Holdings.of([row], [0.0], [collateral])


def test_a_linear_position_has_the_lognormal_formula() -> None:
    rows = monte_carlo_moves(COVARIANCE, paths=100_000, seed=1)
    for slot, sigma in ((0, 0.02), (4, 0.03)):
        found = model(rows, measure="value at risk").levels(held({slot: 1})).maintenance[0] / USD
        assert found == pytest.approx(100 * -np.expm1(sigma * norm.ppf(0.01)), rel=0.02)
        shortfall = model(rows).levels(held({slot: 1})).maintenance[0] / USD
        tail = np.exp(sigma**2 / 2) * norm.cdf(norm.ppf(0.01) - sigma) / 0.01
        assert shortfall == pytest.approx(100 * (1 - tail), rel=0.02)


def test_the_draws_have_the_covariance() -> None:
    for freedom in (None, 5.0):
        rows = monte_carlo_moves(COVARIANCE, horizon_steps=4, paths=200_000, seed=3, degrees_of_freedom=freedom)
        np.testing.assert_allclose(rows.T @ rows / len(rows), 4 * COVARIANCE, atol=1e-4)
        assert np.abs(rows.mean(axis=0)).max() < 1e-12
    tails = (rows[:, 0] ** 4).mean() / (rows[:, 0] ** 2).mean() ** 2
    assert tails > 4  # five degrees of freedom: kurtosis 9


def test_collateral_that_hedges_needs_no_margin_and_one_that_adds_needs_more() -> None:
    """A coin held against its own short perpetual, and against a long one: covariance between the two."""
    rows = monte_carlo_moves(COVARIANCE, paths=20_000, seed=1)
    alone = model(rows).levels(held({}, (0, 1, 0))).maintenance[0]
    hedged = model(rows).levels(held({0: -1}, (0, 1, 0))).maintenance[0]
    doubled = model(rows).levels(held({0: 1}, (0, 1, 0))).maintenance[0]
    assert hedged < 1e-6 * alone
    assert doubled == pytest.approx(2 * alone, rel=1e-6)
    staked = model(rows).levels(held({4: -1}, (0, 0, 1))).maintenance[0]
    peg = 100 * USD * 0.001 * norm.pdf(norm.ppf(0.99)) / 0.01
    assert staked == pytest.approx(peg, rel=0.1)  # only the peg is left


def test_a_stablecoin_has_no_risk_without_a_peg_factor() -> None:
    rows = monte_carlo_moves(COVARIANCE[:4, :4], paths=1_000)
    levels = model(rows).levels(held({}, (500, 0, 0)))
    assert levels.maintenance[0] == 0
    assert levels.value[0] == 500 * USD


def test_history_is_replayed_over_the_horizon() -> None:
    rng = np.random.default_rng(5)
    returns = rng.normal(0, 0.01, (300, 4))
    rows = historical_moves(returns, 4)
    assert rows.shape == (297, 4)
    np.testing.assert_allclose(rows[10], returns[10:14].sum(axis=0))
    found = model(rows, measure="value at risk", confidence=0.95).levels(held({0: 1})).maintenance[0]
    losses = np.sort(100 * USD * -np.expm1(rows[:, 0]))
    assert found == pytest.approx(losses[int(np.ceil(0.95 * 297)) - 1])


def test_filtering_follows_todays_volatility() -> None:
    """The same history, calm or wild at its end: plain history does not tell them apart, the filtered one does."""
    rng = np.random.default_rng(6)
    calm, wild = rng.normal(0, 0.01, (300, 4)), rng.normal(0, 0.04, (100, 4))
    spreads = {}
    for name, returns in {"rising": np.concatenate([calm, wild]), "falling": np.concatenate([wild, calm])}.items():
        spreads[name] = filtered_moves(returns, paths=4_000, seed=1)[:, 0].std()
        forecast = ewma_variances(returns)[-1, 0] ** 0.5
        assert spreads[name] == pytest.approx(forecast, rel=0.2)
    assert spreads["rising"] > 2.5 * spreads["falling"]


def test_filtered_rows_stay_together_and_the_horizon_adds() -> None:
    rng = np.random.default_rng(7)
    common = rng.standard_normal((400, 1))
    returns = 0.01 * np.concatenate([common, common], axis=1)
    rows = filtered_moves(returns, horizon_steps=9, paths=4_000, seed=2)
    np.testing.assert_allclose(rows[:, 0], rows[:, 1])
    assert rows[:, 0].std() == pytest.approx(3 * ewma_variances(returns)[-1, 0] ** 0.5, rel=0.15)


def test_the_covariance_is_exponentially_weighted() -> None:
    returns = np.random.default_rng(8).normal(0, 1, (50, 2))
    weights = 0.9 ** np.arange(49, -1, -1)
    expected = sum(w * np.outer(r, r) for w, r in zip(weights, returns, strict=True)) / weights.sum()
    np.testing.assert_allclose(covariance_of(returns, 0.9), expected)
    np.testing.assert_allclose(ewma_covariance(returns, 0.9), expected)


def test_ewma_is_its_recursion() -> None:
    returns = np.random.default_rng(9).normal(0, 1, (40, 3))
    found = ewma_variances(returns, 0.94)
    expected = [(returns[:20] ** 2).mean(axis=0)]
    for row in returns:
        expected.append(0.94 * expected[-1] + 0.06 * row**2)
    np.testing.assert_allclose(found, expected)


def test_options_lose_the_horizon() -> None:
    still = np.zeros((100, 4))
    levels = model(still, horizon_years=1 / 365).levels(held({1: 1}))
    day = np.full((1, 8), 1.0)
    decay = MARKET.values(day, day)[0, 1] - MARKET.values(day, day, 1 / 365)[0, 1]
    assert levels.maintenance[0] == pytest.approx(decay)


def test_the_tail_may_hold_the_worst_loss_alone() -> None:
    found = tail_risk([2] * 196 + [4] * 3 + [10], 0.995)
    assert float(found.expected_shortfall) == pytest.approx(10)
    assert float(found.value_at_risk) == pytest.approx(4)


def test_models_answer_one_protocol() -> None:
    models: list[MarginModel] = [model(np.zeros((100, 4)))]
    assert models[0].name == "expected shortfall at 99.00%"


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="at least 100"):
        tail_risk(np.zeros(99), 0.99)
    with pytest.raises(RangeError, match="confidence"):
        tail_risk(np.zeros(99), 1.0)
    with pytest.raises(InputError, match="symmetric"):
        monte_carlo_moves(np.array([[1.0, 0.5], [0.1, 1.0]]))
    with pytest.raises(InputError, match="semidefinite"):
        monte_carlo_moves(np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(InputError, match="even"):
        monte_carlo_moves(COVARIANCE, paths=101)
    with pytest.raises(InputError, match="returns"):
        historical_moves(np.zeros((5, 2)))
    late = np.zeros((30, 2))
    late[25] = 0.1
    with pytest.raises(InputError, match="first time"):
        filtered_moves(late)
    assert not filtered_moves(np.zeros((30, 2))).any()
    with pytest.raises(InputError, match="rows"):
        FactorMoves.from_rows(np.zeros((30, 3)), 2, {}, 3)
    with pytest.raises(InputError, match="measure"):
        model(np.zeros((100, 4)), measure="variance")
