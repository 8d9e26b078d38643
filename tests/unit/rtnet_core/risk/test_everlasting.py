"""Perpetual options: the basket, its limit, parity, and the funding that makes the price stand."""

from __future__ import annotations

import numpy as np
import pytest

from rtnet_core.errors import RangeError
from rtnet_core.pricing_fast import option_values
from rtnet_core.risk.everlasting import (
    continuous_everlasting_values,
    everlasting_values,
    expiry_weights,
    funding_per_lot_ticks,
)

STRIKES = np.array([60.0, 90, 100, 120, 200])


@pytest.mark.parametrize("count", [1, 2, 24, 500])
def test_the_weights_add_up(count: int) -> None:
    weights = expiry_weights(count)
    assert weights.sum() == pytest.approx(1.0, abs=2.0**-39)
    assert weights[0] == pytest.approx(1 / (count + 1))


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_the_price_is_what_its_funding_is_worth(is_call: bool, count: int) -> None:
    """Just before a funding the mark m obeys m = E[next] - E[(m - payoff)/n]; integrated over one step of the price."""
    period, sigma = 0.3, 0.8
    step = period / count
    nodes = np.linspace(-9, 9, 20_001)
    weights = np.exp(-(nodes**2) / 2)
    prices = 100 * np.exp(sigma * step**0.5 * nodes - sigma**2 * step / 2)
    payoff = np.maximum(prices - 95 if is_call else 95 - prices, 0)
    after = everlasting_values(is_call, prices, 95.0, sigma, period_years=period, fundings_per_period=count)
    before = (count * after + payoff) / (count + 1)
    expected = float(weights @ before / weights.sum())
    now = everlasting_values(is_call, 100.0, 95.0, sigma, period_years=period, fundings_per_period=count)
    assert float(now) == pytest.approx(expected, abs=1e-5)


def test_call_less_put_is_forward_less_strike() -> None:
    for values in (everlasting_values, continuous_everlasting_values):
        parity = values(True, 100.0, STRIKES, 0.6) - values(False, 100.0, STRIKES, 0.6)
        np.testing.assert_allclose(parity, 100.0 - STRIKES, atol=1e-8)


@pytest.mark.parametrize("is_call", [True, False])
def test_frequent_funding_tends_to_the_continuous_formula(is_call: bool) -> None:
    exact = continuous_everlasting_values(is_call, 100.0, STRIKES, 0.6, period_years=0.25)
    errors = [
        np.abs(
            everlasting_values(is_call, 100.0, STRIKES, 0.6, period_years=0.25, fundings_per_period=count) - exact
        ).max()
        for count in (10, 100, 1000)
    ]
    assert errors[0] > 5 * errors[1] > 20 * errors[2]
    assert errors[2] < 0.01


def test_the_limit_is_an_integral_over_expiries() -> None:
    """Independent of the differential equation: ∫ e^(-t/T)/T · V(t) dt by Gauss-Laguerre."""
    nodes, weights = np.polynomial.laguerre.laggauss(120)
    values = option_values(True, 100.0, STRIKES[:, None], 0.6, 0.25 * nodes)
    exact = continuous_everlasting_values(True, 100.0, STRIKES, 0.6, period_years=0.25)
    np.testing.assert_allclose(values @ weights, exact, atol=5e-3)


def test_funding_is_whole_ticks_and_signed() -> None:
    assert funding_per_lot_ticks(True, 700, 3_000, 2_500, 1) == 200
    assert funding_per_lot_ticks(True, 400, 3_000, 2_500, 8) == -12  # -12.5, to even
    assert funding_per_lot_ticks(False, 0, 3_000, 2_500, 1) == 0


def test_bad_input_is_named() -> None:
    with pytest.raises(RangeError, match="fundings_per_period"):
        expiry_weights(0)
    with pytest.raises(RangeError, match="volatility"):
        everlasting_values(True, 100.0, 100.0, float("nan"))
