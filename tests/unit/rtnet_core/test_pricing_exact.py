"""Exact Black-76: textbook values, an independent double-precision pricer, exact parity, monotonicity, refusals."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from math import exp, log, sqrt

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from rtnet_core.errors import RangeError
from rtnet_core.limits import BPS, MS_PER_YEAR, ROW_BITS
from rtnet_core.params import DEFAULT_SCENARIOS, Scenario, UnderlyingParams
from rtnet_core.pricing_exact import instrument_row, option_delta_ticks, option_gamma_ticks, option_value_ticks
from rtnet_core.snapshot import Instrument

PI = "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534"

PARAMS = UnderlyingParams(
    symbol="BTC",
    scan_range_bps=1_500,
    volatility_up_bps=4_500,
    volatility_down_bps=3_000,
    size_kinks_lots=(1, 2),
    size_rises_bps=(1, 1),
    short_option_bps=100,
    delta_rate_bps=5_000,
    gamma_rate_bps=100_000,
)

edges = [1, 2, 3, (1 << 16) - 1, 1 << 16, (1 << 26) + 1, (1 << ROW_BITS) - 1]
prices = st.one_of(st.integers(1, (1 << ROW_BITS) - 1), st.sampled_from(edges))
volatilities = st.one_of(st.integers(1 << 28, 1 << 34), st.sampled_from([1, (1 << 36) - 1]))
times = st.one_of(st.integers(1, 3 * MS_PER_YEAR), st.sampled_from([1, (1 << 42) - 1]))
kinds = st.sampled_from(["call", "put"])


def _double(kind: str, forward: float, strike: float, sigma: float, years: float) -> float:
    """Return the textbook formula in floating point, with SciPy's normal distribution."""
    v = sigma * sqrt(years)
    d1 = log(forward / strike) / v + v / 2
    sign = 1 if kind == "call" else -1
    return float(sign * (forward * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - v))))


def _decimal_distribution(x: Decimal) -> Decimal:
    """Return N(x) by the series of the error function (Abramowitz & Stegun 7.1.5)."""
    if abs(x) > 14:
        return Decimal(int(x > 0))
    term, total, n = x, x, 0
    while abs(term) > Decimal(10) ** -60:
        n += 1
        term = -term * x * x / (2 * n)
        total += term / (2 * n + 1)
    return Decimal("0.5") + total / (2 * Decimal(PI)).sqrt()


@settings(deadline=None, max_examples=50)
@given(prices, st.integers(-40, 40), st.integers(1 << 29, 1 << 33), st.integers(1, MS_PER_YEAR))
def test_the_value_is_the_nearest_tick_of_one_known_to_sixty_digits(
    forward: int, tilt: int, volatility: int, time_ms: int
) -> None:
    strike = max(1, min(forward * (100 + tilt) // 100, (1 << ROW_BITS) - 1))
    with localcontext(prec=110):
        v = Decimal(volatility) / 2**32 * (Decimal(time_ms) / MS_PER_YEAR).sqrt()
        d1 = (Decimal(forward) / Decimal(strike)).ln() / v + v / 2
        value = forward * _decimal_distribution(d1) - strike * _decimal_distribution(d1 - v)
        nearest = int(value.to_integral_value(ROUND_HALF_EVEN))
    assert option_value_ticks("call", forward, strike, volatility, time_ms) == nearest


def test_textbook_put_on_a_futures_price() -> None:
    """Hull, *Options, Futures, and Other Derivatives*, example on Black's model.

    F = K = 20, r = 9 %, σ = 25 %, four months; p = 1.12. At r = 0 the price is p·e^(rT), here with a million ticks to
    the dollar.
    """
    value = option_value_ticks("put", 20_000_000, 20_000_000, 1 << 30, MS_PER_YEAR // 3)
    assert round(value * exp(-0.09 * 4 / 12) / 1_000_000, 2) == 1.12
    assert value == 1_150_648


@settings(deadline=None)
@given(kinds, prices, st.integers(-60, 60), volatilities, times)
@example("call", 1 << 26, 0, 1, 1)
@example("put", (1 << 27) - 1, 0, (1 << 36) - 1, (1 << 42) - 1)
def test_values_agree_with_double_precision(kind: str, forward: int, tilt: int, volatility: int, time_ms: int) -> None:
    strike = max(1, min(forward * (100 + tilt) // 100, (1 << ROW_BITS) - 1))
    value = option_value_ticks(kind, forward, strike, volatility, time_ms)
    sigma, years = volatility / 2**32, time_ms / MS_PER_YEAR
    assert abs(value - _double(kind, forward, strike, sigma, years)) <= 0.5 + 1e-13 * max(forward, strike)


@settings(deadline=None)
@given(prices, prices, volatilities, times)
def test_put_call_parity_holds_to_the_last_tick(forward: int, strike: int, volatility: int, time_ms: int) -> None:
    call = option_value_ticks("call", forward, strike, volatility, time_ms)
    put = option_value_ticks("put", forward, strike, volatility, time_ms)
    assert call - put == forward - strike
    assert max(forward - strike, 0) <= call <= forward
    assert max(strike - forward, 0) <= put <= strike


@settings(deadline=None)
@given(kinds, prices, prices, prices, volatilities, volatilities, times, times)
def test_values_are_monotonic(
    kind: str, forward: int, low: int, high: int, calm: int, wild: int, soon: int, late: int
) -> None:
    low, high, calm, wild, soon, late = *sorted((low, high)), *sorted((calm, wild)), *sorted((soon, late))
    at_low, at_high = (option_value_ticks(kind, forward, strike, calm, soon) for strike in (low, high))
    assert at_low >= at_high if kind == "call" else at_low <= at_high
    assert option_value_ticks(kind, forward, low, wild, soon) >= at_low
    assert option_value_ticks(kind, forward, low, calm, late) >= at_low
    down, up = (option_value_ticks(kind, price, forward, calm, soon) for price in (low, high))
    assert down <= up if kind == "call" else down >= up


def test_far_and_extreme_options_saturate() -> None:
    year = MS_PER_YEAR
    assert option_value_ticks("call", 1_000, 1 << 26, 1 << 31, 1_000) == 0
    assert option_value_ticks("put", 1_000, 1 << 26, 1 << 31, 1_000) == (1 << 26) - 1_000
    assert option_value_ticks("call", 5_000_000, 4_000_000, (1 << 36) - 1, 100 * year) == 5_000_000
    assert option_value_ticks("put", 5_000_000, 4_000_000, (1 << 36) - 1, 100 * year) == 4_000_000
    assert option_value_ticks("call", 5_000_000, 5_000_000, 1, 1) == 0
    assert option_delta_ticks("call", 5_000_000, 1_000, 1 << 31, 1_000) == 50_000
    assert option_delta_ticks("put", 5_000_000, 1_000, 1 << 31, 1_000) == 0


@settings(deadline=None)
@given(prices, st.integers(-30, 30), st.integers(1 << 30, 1 << 33), st.integers(MS_PER_YEAR // 365, MS_PER_YEAR))
def test_greeks_follow_the_one_per_cent_convention(forward: int, tilt: int, volatility: int, time_ms: int) -> None:
    assume(forward > 1_000)
    strike = min(forward * (100 + tilt) // 100, (1 << ROW_BITS) - 1)
    sigma, years = volatility / 2**32, time_ms / MS_PER_YEAR
    v = sigma * sqrt(years)
    d1 = log(forward / strike) / v + v / 2
    call, put = (option_delta_ticks(kind, forward, strike, volatility, time_ms) for kind in ("call", "put"))
    assert abs(call - forward * norm.cdf(d1) / 100) <= 0.5 + 1e-7
    assert abs(put + forward * norm.cdf(-d1) / 100) <= 0.5 + 1e-7
    gamma = option_gamma_ticks("call", forward, strike, volatility, time_ms)
    assert gamma == option_gamma_ticks("put", forward, strike, volatility, time_ms)
    assert abs(gamma - forward * norm.pdf(d1) / v / 10_000) <= 0.5 + 1e-6


def test_delta_and_gamma_are_the_slopes_of_the_value() -> None:
    forward, strike, volatility, time_ms = 100_000_000, 105_000_000, 1 << 31, MS_PER_YEAR // 4
    one_per_cent = forward // 100
    down, here, up = (
        option_value_ticks("call", forward + move, strike, volatility, time_ms)
        for move in (-one_per_cent, 0, one_per_cent)
    )
    delta, gamma = (f("call", forward, strike, volatility, time_ms) for f in (option_delta_ticks, option_gamma_ticks))
    assert delta == pytest.approx((up - down) / 2, rel=1e-3)
    assert gamma == pytest.approx(up - 2 * here + down, rel=1e-3)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("wrong", [0, -1, 1 << 42, True])
def test_a08_zero_negative_and_too_large_arguments_are_refused(place: int, wrong: int) -> None:
    arguments = [7_860_554, 8_000_000, 1 << 31, 86_400_000]
    arguments[place] = wrong
    names = ("forward_ticks", "strike_ticks", "volatility_q32", "time_ms")
    for function in (option_value_ticks, option_delta_ticks, option_gamma_ticks):
        with pytest.raises(RangeError, match=names[place]):
            function("call", *arguments)
    with pytest.raises(RangeError, match="kind: must be call or put"):
        option_value_ticks("future", 1, 1, 1, 1)


def _option(kind: str = "call", **fields: int) -> Instrument:
    content = {"expiry_ms": 10**9, "strike_ticks": 8_000_000, "forward_ticks": 7_860_554, "volatility_q32": 1 << 31}
    return Instrument.model_validate({"name": "O", "kind": kind, "underlying": "BTC", **content, **fields})


@settings(deadline=None)
@given(st.integers(1, (1 << 26)), st.integers(-6, 6), st.integers(1, BPS))
def test_a_linear_row_is_the_exact_fraction_rounded_once(forward: int, thirds: int, cover: int) -> None:
    perpetual = Instrument(name="P", kind="perpetual", underlying="BTC", forward_ticks=forward)
    row = instrument_row(perpetual, 0, PARAMS, [Scenario(price_thirds=thirds, volatility=1, cover_bps=cover)])
    shock = Fraction(thirds * PARAMS.scan_range_bps, 3 * BPS)
    assert row.changes == (round(forward * shock * Fraction(cover, BPS)),)
    assert (row.mark, row.delta, row.gamma) == (forward, round(Fraction(forward, 100)), 0)


@pytest.mark.parametrize("kind", ["call", "put"])
def test_an_option_row_is_the_covered_change_of_unrounded_values(kind: str) -> None:
    row = instrument_row(_option(kind), 0, PARAMS, DEFAULT_SCENARIOS)
    years = 10**9 / MS_PER_YEAR
    now = _double(kind, 7_860_554, 8_000_000, 0.5, years)
    for scenario, change in zip(DEFAULT_SCENARIOS, row.changes, strict=True):
        forward = 7_860_554 * (1 + scenario.price_thirds * 0.05)
        sigma = 0.5 * {1: 1.45, 0: 1.0, -1: 0.7}[scenario.volatility]
        shocked = _double(kind, forward, 8_000_000, sigma, years)
        assert change == pytest.approx((shocked - now) * scenario.cover_bps / BPS, abs=0.501)
    assert row.mark == option_value_ticks(kind, 7_860_554, 8_000_000, 1 << 31, 10**9)
    assert row.delta == option_delta_ticks(kind, 7_860_554, 8_000_000, 1 << 31, 10**9)
    assert row.gamma == option_gamma_ticks(kind, 7_860_554, 8_000_000, 1 << 31, 10**9)


def test_call_and_put_rows_differ_by_the_forwards_row() -> None:
    scenarios = [scenario for scenario in DEFAULT_SCENARIOS if scenario.cover_bps == BPS]
    call, put = (instrument_row(_option(kind), 0, PARAMS, scenarios) for kind in ("call", "put"))
    future = Instrument(name="F", kind="future", underlying="BTC", expiry_ms=10**9, forward_ticks=7_860_554)
    linear = instrument_row(future, 0, PARAMS, scenarios)
    for bought, sold, forward in zip(call.changes, put.changes, linear.changes, strict=True):
        assert abs(bought - sold - forward) <= 1  # three roundings of half a tick


def test_nothing_happens_in_a_scenario_without_shocks() -> None:
    calm = [Scenario(price_thirds=0, volatility=0, cover_bps=BPS)]
    assert instrument_row(_option(), 0, PARAMS, calm).changes == (0,)


def test_what_does_not_fit_its_width_is_refused_by_name() -> None:
    at_expiry = _option(strike_ticks=7_860_554, expiry_ms=1, volatility_q32=1)
    with pytest.raises(RangeError, match="O: gamma: must be"):
        instrument_row(at_expiry, 0, PARAMS, DEFAULT_SCENARIOS)
    with pytest.raises(RangeError, match="time_ms"):
        instrument_row(_option(), 10**9, PARAMS, DEFAULT_SCENARIOS)
    wide = [Scenario(price_thirds=9, volatility=0, cover_bps=BPS)]
    rise = PARAMS.model_copy(update={"scan_range_bps": (1 << 14) - 1})
    dear = Instrument(name="P", kind="perpetual", underlying="BTC", forward_ticks=(1 << 27) - 1)
    with pytest.raises(RangeError, match="P: change in scenario 0: must be"):
        instrument_row(dear, 0, rise, wide)
