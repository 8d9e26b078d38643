"""Forecasts against published examples and the process they come from."""

from __future__ import annotations

import numpy as np
import pytest

from rtnet_core.errors import InputError, RangeError
from rtnet_core.risk.forecast import Garch, ewma_volatility, fit_garch, move_quantile, regular_returns


def simulated(process: Garch, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    moves, variance = np.empty(count), process.long_run_variance
    for number, draw in enumerate(rng.standard_normal(count)):
        moves[number] = draw * variance**0.5
        variance = process.next_variance(variance, moves[number])
    return moves


def test_hulls_garch_forecast() -> None:
    """Hull, "Using GARCH(1,1) to forecast future volatility": S&P 500, ten days ahead.

    α + β = 0.9935, long-run variance 0.0002075 and a variance of 0.0003 a day make 0.0002942 in ten days.
    """
    alpha, beta = 0.0837, 0.9935 - 0.0837
    process = Garch(0.0002075 * (1 - 0.9935), alpha, beta)
    ten_days = process.horizon_variance(0.0003, 11) - process.horizon_variance(0.0003, 10)
    assert ten_days == pytest.approx(0.0002942, abs=1e-7)


def test_the_horizon_adds_up_the_forecasts() -> None:
    process = Garch(0.000002, 0.13, 0.86)
    variance, total = 0.0004, 0.0
    for _ in range(7):
        total += variance
        variance = process.omega + (process.alpha + process.beta) * variance
    assert process.horizon_variance(0.0004, 7) == pytest.approx(total)


def test_variances_are_the_recursion() -> None:
    process = Garch(0.000002, 0.13, 0.86)
    moves = simulated(process, 50, 1)
    expected = [process.long_run_variance]
    for move in moves:
        expected.append(process.next_variance(expected[-1], move))
    np.testing.assert_allclose(process.variances(moves), expected)
    assert process.variances(moves, 0.5)[0] == 0.5
    assert process.volatility(moves, 3) == pytest.approx(process.horizon_variance(expected[-1], 3) ** 0.5)


def test_the_fit_finds_the_process() -> None:
    pytest.importorskip("arch")
    process = Garch(0.00001, 0.10, 0.85)
    found = fit_garch(simulated(process, 6_000, 2))
    assert found.alpha == pytest.approx(0.10, abs=0.03)
    assert found.beta == pytest.approx(0.85, abs=0.05)
    assert found.long_run_variance == pytest.approx(process.long_run_variance, rel=0.15)


def test_a_fit_to_moves_without_clusters_is_their_variance() -> None:
    """Nothing there holds α and β; the forecast must not drift away all the same."""
    pytest.importorskip("arch")
    moves = np.random.default_rng(4).normal(0, 0.01, 2_000)
    found = fit_garch(moves)
    assert found.long_run_variance == pytest.approx((moves**2).mean())
    assert found.volatility(moves, 100) == pytest.approx(0.1, rel=0.05)


def test_ewma_scales_with_the_root_of_time() -> None:
    moves = np.random.default_rng(3).normal(0, 0.01, (500, 2))
    np.testing.assert_allclose(ewma_volatility(moves, 16), 4 * ewma_volatility(moves, 1))


def test_irregular_gaps_are_scaled() -> None:
    prices = np.exp(np.array([[0.0, 0.0], [0.02, 0.01], [0.03, 0.01]]))
    found = regular_returns([0, 4_000, 5_000], prices, 1_000)
    np.testing.assert_allclose(found, [[0.01, 0.005], [0.01, 0.0]])


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="below 1"):
        Garch(0.1, 0.5, 0.5)
    with pytest.raises(InputError, match="at least 100"):
        fit_garch(np.zeros(50))
    with pytest.raises(InputError, match="ascend"):
        regular_returns([0, 0], [1.0, 1.0], 1)
    with pytest.raises(RangeError, match="prices"):
        regular_returns([0, 1], [1.0, 0.0], 1)
    with pytest.raises(RangeError, match="degrees_of_freedom"):
        move_quantile(0.99, 2.0)
    assert move_quantile(0.99, 1e6) == pytest.approx(move_quantile(0.99), abs=1e-4)
