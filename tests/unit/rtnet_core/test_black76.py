"""The circuit's Black-76: error against three independent pricers, its steps, saturation, parity, refusals."""

from __future__ import annotations

from fractions import Fraction
from math import exp, log, pi, sqrt
from random import Random

import mpmath
import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from rtnet_core.black76 import (
    VALUE_DENOMINATOR,
    Contract,
    contract_of,
    instrument_row,
    round_half_up,
    value_ticks,
)
from rtnet_core.black76_parts import (
    NORMAL_ONE,
    Argument,
    argument_of,
    bound_quotient,
    fine_argument,
    log_ratio,
    logarithm,
    normal_density,
    normal_distribution,
    price_shock_log,
    shocked_root,
    total_volatility,
    volatility_level,
)
from rtnet_core.errors import RangeError
from rtnet_core.limits import BPS, MS_PER_YEAR, ROW_BITS
from rtnet_core.params import DEFAULT_SCENARIOS, Scenario, UnderlyingParams
from rtnet_core.shocks import PRICE_DENOMINATOR
from rtnet_core.snapshot import Instrument

#: The promise: value less double precision, over the forward. Measured over 10^6 points: 3.8·10^-8.
WORST = 1e-7
LOG_ERROR = 1.0e-9
HOUR_MS = 3_600_000
LARGEST = (1 << ROW_BITS) - 1

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

prices = st.integers(1, LARGEST) | st.sampled_from([1, 2, 3, (1 << 16) - 1, 1 << 16, (1 << 26) + 1, LARGEST])
volatilities = st.integers(1 << 28, 5 << 32) | st.sampled_from([1, (1 << 36) - 1])
times = st.integers(HOUR_MS, 3 * MS_PER_YEAR) | st.sampled_from([1, (1 << 42) - 1])
kinds = st.sampled_from(["call", "put"])


def doubles(call: np.ndarray, forward: np.ndarray, strike: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the textbook formula in double precision, with SciPy's normal distribution."""
    d1 = np.log(forward / strike) / v + v / 2
    first, second = forward * ndtr(d1) - strike * ndtr(d1 - v), strike * ndtr(v - d1) - forward * ndtr(-d1)
    return np.where(call, first, second)


def worst_error(seed: int, count: int) -> tuple[float, float]:
    """Return the worst error over the forward, unshocked and shocked, at random points of the promised range.

    Moneyness 0.1 to 10, volatility 5 to 500 %, one hour to three years; each point once as it is and once under a shock
    that stays in that range or leaves it by the scenario's factors.
    """
    rng = Random(seed)
    rows = []
    while len(rows) < count:
        forward = rng.randrange(1 << 23, 1 << ROW_BITS)
        spread = rng.uniform(-1, 1) if rng.random() < 0.6 else rng.gauss(0, 0.05)
        strike = int(forward * 10**spread)
        if not forward <= 10 * strike <= 100 * forward or strike > LARGEST:
            continue
        volatility = int((0.05 * 100 ** rng.random()) * 2**32)
        time = int(HOUR_MS * (3 * MS_PER_YEAR / HOUR_MS) ** rng.random())
        contract = Contract(rng.choice(("call", "put")), forward, strike, volatility, time)
        price, turn = rng.randrange(15_000, 60_000), rng.randrange(3_000, 20_000)
        shocked = contract.shocked(price, price_shock_log(price), turn)
        v = volatility / 2**32 * sqrt(time / MS_PER_YEAR)
        now = contract.now.value / VALUE_DENOMINATOR, shocked.value / VALUE_DENOMINATOR
        rows.append((contract.kind == "call", forward, strike, v, price / PRICE_DENOMINATOR, turn / BPS, *now))
    call, forwards, strikes, v, price, turn, now, then = np.array(rows, float).T
    return (
        float(np.max(np.abs(now - doubles(call == 1, forwards, strikes, v)) / forwards)),
        float(np.max(np.abs(then - doubles(call == 1, forwards * price, strikes, v * turn)) / forwards)),
    )


def test_error_against_double_precision() -> None:
    assert max(worst_error(1, 10_000)) < WORST


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_error_over_a_million_points(seed: int) -> None:
    """Eight times 65,000 points, each unshocked and shocked: 1,040,000 values."""
    assert max(worst_error(1000 + seed, 65_000)) < WORST


def test_error_against_fifty_digits() -> None:
    """A third opinion, where double precision itself loses digits: far from the money and close to expiry."""
    rng = Random(3)
    with mpmath.workdps(50):
        for _ in range(300):
            forward = rng.randrange(1 << 20, 1 << ROW_BITS)
            strike = min(max(int(forward * 10 ** rng.uniform(-1, 1)), 1), LARGEST)
            volatility, time = int(2 ** rng.uniform(28, 34.3)), int(2 ** rng.uniform(10, 36.5))
            v = mpmath.mpf(volatility) / 2**32 * mpmath.sqrt(mpmath.mpf(time) / MS_PER_YEAR)
            d1 = mpmath.log(mpmath.mpf(forward) / strike) / v + v / 2
            call = forward * mpmath.ncdf(d1) - strike * mpmath.ncdf(d1 - v)
            for kind, expected in (("call", call), ("put", call - forward + strike)):
                value = mpmath.mpf(Contract(kind, forward, strike, volatility, time).now.value) / VALUE_DENOMINATOR
                assert abs(value - expected) / forward < WORST


def test_prices_and_greeks_of_an_independent_library() -> None:
    """QuantLib's Black calculator, at no interest: values to 10^-7 of the forward, greeks of 1 % moves to a tick."""
    rng = Random(4)
    types = {"call": QuantLib.Option.Call, "put": QuantLib.Option.Put}
    for _ in range(500):
        forward = rng.randrange(1 << 20, 1 << 25)
        strike = int(forward * exp(rng.gauss(0, 0.3)))
        volatility, time = int(rng.uniform(0.2, 2) * 2**32), int(rng.uniform(1, 500) * 24 * HOUR_MS)
        years = time / MS_PER_YEAR
        v = volatility / 2**32 * sqrt(years)
        for kind, option in types.items():
            judge = QuantLib.BlackCalculator(QuantLib.PlainVanillaPayoff(option, float(strike)), float(forward), v, 1.0)
            contract = Contract(kind, forward, strike, volatility, time)
            assert abs(contract.mark() - judge.value()) <= 0.5 + WORST * forward
            assert abs(contract.delta() - forward * judge.deltaForward() / 100) <= 0.51
            gamma = forward**2 * judge.gammaForward() / 10_000
            assert abs(contract.gamma() - gamma) <= 0.5 + 2e-4 * forward / (v * 10_000)


@pytest.mark.parametrize(
    ("kind", "forward", "strike", "volatility", "time", "expected"),
    [
        # Hull, "Valuing futures options using Black's model": put, F = K = 20, 25 %, four months, at no interest.
        ("put", 20_000_000, 20_000_000, 1 << 30, 10_512_000_000, 1_150_648),
        # Put-call parity: at the money both are worth the same, F·(2·N(v/2) - 1).
        ("call", 100_000_000, 100_000_000, 1 << 31, MS_PER_YEAR, 19_741_265),
        ("put", 100_000_000, 100_000_000, 1 << 31, MS_PER_YEAR, 19_741_265),
    ],
)
def test_textbook_values(kind: str, forward: int, strike: int, volatility: int, time: int, expected: int) -> None:
    assert abs(value_ticks(kind, forward, strike, volatility, time) - expected) <= WORST * forward


# --- the steps


@settings(deadline=None)
@given(prices, prices)
def test_logarithms(numerator: int, denominator: int) -> None:
    assert abs(logarithm(numerator) / 2**110 - log(numerator)) < LOG_ERROR
    assert abs(log_ratio(numerator, denominator) / 2**31 - log(numerator / denominator)) < 2 * LOG_ERROR + 2**-31
    assert log_ratio(numerator, numerator) == 0
    assert price_shock_log(PRICE_DENOMINATOR) in (-1, 0)


def test_logarithms_at_every_knot() -> None:
    for exponent in range(ROW_BITS):
        for sixteenth in range(16):
            for step in (-1, 0, 1):
                number = ((16 + sixteenth) << exponent >> 4) + step
                if 1 <= number <= LARGEST:
                    assert abs(logarithm(number) / 2**110 - log(number)) < LOG_ERROR


@settings(deadline=None)
@given(volatilities, times)
def test_total_volatility_is_the_root_rounded_down(volatility: int, time: int) -> None:
    root = total_volatility(volatility, time)
    assert Fraction(root, 1 << 30) ** 2 <= Fraction(volatility**2 * time, MS_PER_YEAR << 64)
    assert Fraction(root + 1, 1 << 30) ** 2 > Fraction(volatility**2 * time, MS_PER_YEAR << 64)
    assert root < 1 << 38
    assert shocked_root(root, BPS) == root


@settings(deadline=None)
@given(st.integers(0, 1 << 36) | st.sampled_from([0, 1, (1 << 34) - 1, 1 << 34, (1 << 38) - 1]))
def test_volatility_levels(root: int) -> None:
    level = volatility_level(root)
    total = min(root, (1 << 34) - 1)
    assert level.total == total
    assert level.step * (1 << 19) + level.rest == total
    assert -(1 << 18) <= level.rest < 1 << 18
    assert level.divisor % 2 == 1
    assert abs(Fraction(level.divisor, 1 << 20) - Fraction(total, 1 << 30)) <= Fraction(1, 1 << 20)
    assert abs(Fraction(level.fine_divisor, 1 << 31) - Fraction(total, 1 << 30)) <= Fraction(1, 1 << 31)
    half_square = Fraction(total, 1 << 30) ** 2 / 2
    allowed = Fraction(total + (1 << 16), 1 << 30)
    assert abs(Fraction(level.half_square, 1 << 31) - half_square) <= allowed / (1 << 15)
    assert abs(Fraction(level.fine_half_square, 1 << 53) - half_square) <= allowed / (1 << 26)


@given(st.integers(-(1 << 44), 1 << 44), st.integers(1, (1 << 24) - 1), st.integers(1, 20))
def test_quotients_round_down_and_saturate(numerator: int, divisor: int, digits: int) -> None:
    found = bound_quotient(numerator, divisor, digits)
    floor = max(min(numerator // divisor, 1 << digits), -(1 << digits) - 1)
    assert found == argument_of(floor)
    assert argument_of(floor).plus(3) == argument_of(floor + 3)


@settings(deadline=None)
@given(st.integers(0, (1 << 15) - 1))
def test_distribution_and_density(magnitude: int) -> None:
    up, down = Argument(True, magnitude), Argument(False, magnitude)
    x = (magnitude + 0.5) / 2048
    assert normal_distribution(up) + normal_distribution(down) == NORMAL_ONE
    assert abs(normal_distribution(up) / NORMAL_ONE - ndtr(x)) < 1.6e-9
    assert normal_density(up) == normal_density(down)
    assert abs(normal_density(up) / 2**44 - exp(-x * x / 2) / sqrt(2 * pi)) < 2.2e-5
    assert normal_density(up) >= 0


def test_distribution_from_eight_on_is_exact() -> None:
    for magnitude in (1 << 14, (1 << 14) + 1, 1 << 16, (1 << 17) - 1):
        assert normal_distribution(Argument(True, magnitude)) == NORMAL_ONE
        assert normal_distribution(Argument(False, magnitude)) == 0
        assert normal_density(Argument(True, magnitude)) == 0
    assert 0 < normal_distribution(Argument(False, (1 << 14) - 1)) < NORMAL_ONE >> 45


@settings(deadline=None)
@given(prices, prices, st.integers(1 << 20, 1 << 34))
def test_the_fine_argument_refines_the_coarse_one(forward: int, strike: int, root: int) -> None:
    level = volatility_level(root)
    coarse, way = fine_argument(log_ratio(forward, strike), level)
    v = root / 2**30
    d2 = max(-32.0, min(log(forward / strike) / v - v / 2, 32.0))
    middle = (coarse.magnitude + 0.5) / 2048 * (1 if coarse.nonnegative else -1)
    assert abs(way) < 1 << 11
    assert abs(middle + way / 2**23 - d2) < 3e-3 if abs(d2) == 32 else 2e-6 + 1e-8 * abs(d2) + 3e-9 / v


# --- the whole


@settings(deadline=None)
@given(prices, prices, volatilities, times)
def test_call_less_put_is_forward_less_strike(forward: int, strike: int, volatility: int, time: int) -> None:
    call, put = (Contract(kind, forward, strike, volatility, time) for kind in ("call", "put"))
    assert call.now.value - put.now.value == (forward - strike) * VALUE_DENOMINATOR
    assert call.gamma() == put.gamma()
    assert abs(call.delta() - put.delta() - Fraction(forward, 100)) <= 1


@settings(deadline=None)
@given(kinds, prices, prices, volatilities, times)
def test_values_keep_their_bounds(kind: str, forward: int, strike: int, volatility: int, time: int) -> None:
    contract = Contract(kind, forward, strike, volatility, time)
    most = forward if kind == "call" else strike
    intrinsic = max(0, forward - strike if kind == "call" else strike - forward)
    slack = Fraction(forward + strike, 10**7)
    assert intrinsic - slack <= Fraction(contract.now.value, VALUE_DENOMINATOR) <= most + slack
    assert contract.mark() >= 0


@pytest.mark.parametrize(
    ("forward", "strike", "volatility", "time", "call"),
    [
        (7_860_554, 7_000_000, 1 << 31, 1, 860_554),  # a millisecond to expiry, in the money
        (7_860_554, 8_000_000, 1 << 31, 1, 0),  # and out of it
        (7_860_554, 7_860_554, 1, 1, 0),  # at the money without time or volatility
        (7_860_554, 7_860_553, 1, 1, 1),
        (LARGEST, 1, 1 << 32, MS_PER_YEAR, LARGEST - 1),  # deep in the money
        (1, LARGEST, 1 << 32, MS_PER_YEAR, 0),  # deep out of the money
        (LARGEST, LARGEST, (1 << 36) - 1, (1 << 42) - 1, LARGEST),  # very long and very volatile: v = 189
        (LARGEST, 1, (1 << 36) - 1, (1 << 42) - 1, LARGEST),
        (1, LARGEST, (1 << 36) - 1, (1 << 42) - 1, 1),
    ],
)
def test_saturation(forward: int, strike: int, volatility: int, time: int, call: int) -> None:
    assert value_ticks("call", forward, strike, volatility, time) == call
    assert value_ticks("put", forward, strike, volatility, time) == call - forward + strike


@settings(deadline=None)
@given(st.integers(1, 1 << 26), st.integers(-6, 6), st.integers(-1, 1), st.integers(1, BPS))
def test_a_linear_row_is_the_exact_fraction_rounded_once(forward: int, thirds: int, way: int, cover: int) -> None:
    perpetual = Instrument(name="P", kind="perpetual", underlying="BTC", forward_ticks=forward)
    row = instrument_row(perpetual, 0, PARAMS, [Scenario(price_thirds=thirds, volatility=way, cover_bps=cover)])
    change = forward * Fraction(thirds * PARAMS.scan_range_bps, 3 * BPS) * Fraction(cover, BPS)
    assert row.changes == (round_half_up(change.numerator, change.denominator),)
    assert (row.mark, row.delta, row.gamma) == (forward, round_half_up(forward, 100), 0)


@settings(deadline=None)
@given(kinds, st.integers(1 << 20, 1 << 26), st.floats(0.2, 2), volatilities, times)
def test_hardly_anything_happens_in_a_scenario_without_shocks(
    kind: str, forward: int, moneyness: float, volatility: int, time: int
) -> None:
    """The unshocked value has a finer d2 than the scenarios: within the error, but not to the last tick."""
    contract = Contract(kind, forward, int(forward * moneyness), volatility, time)
    calm = contract.shocked(PRICE_DENOMINATOR, price_shock_log(PRICE_DENOMINATOR), BPS)
    assert abs(contract.change(calm, BPS)) <= 1 + 2 * WORST * forward


# --- refusals

ARGUMENTS = {"forward_ticks": 7_860_554, "strike_ticks": 8_000_000, "volatility_q32": 1 << 31, "time_ms": 86_400_000}


@pytest.mark.parametrize("field", ARGUMENTS)
@pytest.mark.parametrize("wrong", [0, -1, 1 << 42, True])
def test_a08_zero_negative_and_too_large_arguments_are_refused(field: str, wrong: int) -> None:
    with pytest.raises(RangeError, match=field):
        Contract("call", **(ARGUMENTS | {field: wrong}))


def test_kinds_and_leftovers_are_refused() -> None:
    with pytest.raises(RangeError, match="kind: must be call, put, perpetual or future"):
        Contract("straddle", 1, 1, 1, 1)
    with pytest.raises(RangeError, match="strike_ticks: must be zero: a future has none"):
        Contract("future", 1, 1)


def test_what_does_not_fit_its_width_is_refused_by_name() -> None:
    expiring = {"strike_ticks": 7_860_554, "forward_ticks": 7_860_554, "volatility_q32": 1, "expiry_ms": 1}
    option = Instrument.model_validate({"name": "O", "kind": "call", "underlying": "BTC", **expiring})
    with pytest.raises(RangeError, match="O: gamma: must be"):
        instrument_row(option, 0, PARAMS, DEFAULT_SCENARIOS)
    with pytest.raises(RangeError, match="time_ms"):
        instrument_row(option, 1, PARAMS, DEFAULT_SCENARIOS)
    dear = Instrument(name="P", kind="perpetual", underlying="BTC", forward_ticks=LARGEST)
    rise = PARAMS.model_copy(update={"scan_range_bps": (1 << 14) - 1})
    with pytest.raises(RangeError, match="P: change in scenario 0: must be"):
        instrument_row(dear, 0, rise, [Scenario(price_thirds=9, volatility=0, cover_bps=BPS)])
    broken = option.model_copy(update={"strike_ticks": None})
    with pytest.raises(RangeError, match="O: must have an expiry, a strike and a volatility"):
        contract_of(broken, 0)
