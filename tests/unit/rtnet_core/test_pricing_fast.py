"""The fast pricer held to the exact one, and its own greeks held to differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.black76 import instrument_row, value_ticks
from rtnet_core.limits import MS_PER_YEAR, ROW_BITS
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.pricing_fast import fast_rows, option_greeks, option_values
from rtnet_core.snapshot import slots

#: Error of the exact engine's fixed point, as a share of the forward (docs/pricing.md).
WORST = 1e-7


@settings(deadline=None)
@given(
    st.sampled_from(["call", "put"]),
    st.integers(1, (1 << ROW_BITS) - 1),
    st.integers(1, (1 << ROW_BITS) - 1),
    st.integers(1, (1 << 36) - 1),
    st.integers(1, 3 * MS_PER_YEAR),
)
def test_values_agree_with_the_exact_engine(
    kind: str, forward: int, strike: int, volatility: int, time_ms: int
) -> None:
    exact = value_ticks(kind, forward, strike, volatility, time_ms)
    fast = option_values(kind == "call", forward, strike, volatility / 2**32, time_ms / MS_PER_YEAR)
    assert abs(float(fast) - exact) <= 0.5 + forward * WORST + strike * 2.0**-45


@pytest.mark.parametrize("profile", ["small", "standard", "wide"])
def test_rows_agree_with_the_exact_engine(profile: str) -> None:
    market = sample_market(11, profile)
    params = default_params(market)
    of_symbol = {entry.symbol: entry for entry in params.underlyings}
    rows = fast_rows(market, params)
    for number, instrument in enumerate(slots(market)):
        assert instrument is not None
        exact = instrument_row(instrument, market.time_ms, of_symbol[instrument.underlying], params.scenarios)
        forward = instrument.forward_ticks
        years = ((instrument.expiry_ms or market.time_ms + MS_PER_YEAR) - market.time_ms) / MS_PER_YEAR
        total = (instrument.volatility_q32 or 1 << 32) / 2**32 * years**0.5
        np.testing.assert_allclose(rows.changes[number], exact.changes, rtol=0, atol=0.5 + 4 * WORST * forward)
        np.testing.assert_allclose(rows.mark[number], exact.mark, rtol=0, atol=0.5 + WORST * forward)
        np.testing.assert_allclose(rows.delta[number], exact.delta, rtol=0, atol=0.5 + 1e-8 * forward)
        np.testing.assert_allclose(rows.gamma[number], exact.gamma, rtol=0, atol=0.5 + 2e-4 * forward / total / 10_000)
        assert bool(rows.is_option[number]) == instrument.is_option


@pytest.mark.parametrize("is_call", [True, False])
def test_greeks_are_the_differences_of_values(is_call: bool) -> None:
    forward, strike, sigma, years = 1e6, 1.1e6, 0.6, 0.4
    greeks = option_greeks(is_call, forward, strike, sigma, years)

    def value(forward: float = forward, sigma: float = sigma, years: float = years) -> float:
        return float(option_values(is_call, forward, strike, sigma, years))

    move = forward * 1e-4
    slope = (value(forward=forward + move) - value(forward=forward - move)) / (2 * move)
    bend = (value(forward=forward + move) - 2 * value() + value(forward=forward - move)) / move**2
    assert greeks.delta == pytest.approx(slope * forward / 100, rel=1e-6)
    assert greeks.gamma == pytest.approx(bend * forward**2 / 10_000, rel=1e-4)
    assert greeks.vega == pytest.approx((value(sigma=sigma + 1e-5) - value(sigma=sigma - 1e-5)) / 2e-5 / 100, rel=1e-6)
    assert greeks.theta == pytest.approx((value(years=years - 1e-6) - value(years=years + 1e-6)) / 2e-6 / 365, rel=1e-6)
    assert greeks.rho == pytest.approx(value() * (np.exp(-1e-6 * years) - 1) / 1e-6 / 100, rel=1e-5)


def test_arguments_broadcast_over_options_and_scenarios() -> None:
    forwards = np.array([[1e6], [2e6]]) * np.array([0.9, 1.0, 1.1])
    values = option_values(np.array([[True], [False]]), forwards, 1.5e6, 0.5, 0.25)
    assert values.shape == (2, 3)
    assert np.all(np.diff(values[0]) > 0)
    assert np.all(np.diff(values[1]) < 0)


def test_far_options_saturate_without_a_warning() -> None:
    values = option_values([True, False], [1e3, 1e3], [1e8, 1e8], [1e-9, 1e-9], [1e-10, 1e-10])
    assert values.tolist() == [0.0, 1e8 - 1e3]
    assert option_greeks(True, 1e3, 1e8, 1e-9, 1e-10).gamma == 0.0
