"""Options on a path against published values, closed forms and an independent library."""

from __future__ import annotations

from itertools import product

import pytest
import QuantLib as ql  # noqa: N813 - the name its own documents use

from rtnet_core.errors import InputError, RangeError
from rtnet_core.risk.monte_carlo import BarrierKind, PathOption, asian_value, barrier_value

OPTION = PathOption(True, 100, 100, 0.3, 0.5, rate=0.05, carry=0.02)


def process(option: PathOption) -> ql.BlackScholesMertonProcess:
    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    counter = ql.Actual365Fixed()
    levels = (option.rate - option.carry, option.rate)
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, level, counter)) for level in levels]
    volatility = ql.BlackConstantVol(today, ql.NullCalendar(), option.volatility, counter)
    spot = ql.QuoteHandle(ql.SimpleQuote(option.price_ticks))
    return ql.BlackScholesMertonProcess(spot, *curves, ql.BlackVolTermStructureHandle(volatility))


@pytest.mark.parametrize(
    ("price", "rate", "sigma", "years", "published"),
    [
        (2.0, 0.02, 0.10, 1, 0.0559860415),
        (2.0, 0.18, 0.30, 1, 0.2183875466),
        (2.0, 0.0125, 0.25, 2, 0.1722687410),
        (1.9, 0.05, 0.50, 1, 0.1931737903),
        (2.1, 0.05, 0.50, 1, 0.3062203648),
    ],
)
def test_linetskys_asian_calls(price: float, rate: float, sigma: float, years: float, published: float) -> None:
    """V. Linetsky, *Spectral expansions for Asian options* (2004), table 3: continuous averages, struck at 2.

    A discrete average tends to the continuous one as 1/fixings, so two of them extrapolate to it.
    """
    option = PathOption(True, price, 2.0, sigma, years, rate=rate, carry=rate)
    coarse, fine = (asian_value(option, fixings, pairs=10_000, seed=3) for fixings in (40, 80))
    error = (2 * fine.standard_error) + coarse.standard_error
    assert 2 * fine.value - coarse.value == pytest.approx(published, abs=3 * error)
    assert error < 0.005


@pytest.mark.parametrize(("kind", "is_call"), [*product(["down-and-out", "down-and-in"], [True, False])])
def test_down_barriers_against_the_closed_form(kind: BarrierKind, is_call: bool) -> None:
    compare(kind, is_call, 90.0)


@pytest.mark.parametrize(("kind", "is_call"), [*product(["up-and-out", "up-and-in"], [True, False])])
def test_up_barriers_against_the_closed_form(kind: BarrierKind, is_call: bool) -> None:
    compare(kind, is_call, 125.0)


def compare(kind: BarrierKind, is_call: bool, barrier: float) -> None:
    """Hold continuous monitoring to Reiner and Rubinstein's formulas, which QuantLib has."""
    option = PathOption(is_call, 100, 100, 0.3, 1.0, rate=0.05, carry=0.02)
    names = {
        "down-and-out": ql.Barrier.DownOut,
        "down-and-in": ql.Barrier.DownIn,
        "up-and-out": ql.Barrier.UpOut,
        "up-and-in": ql.Barrier.UpIn,
    }
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, 100.0)
    exact = ql.BarrierOption(names[kind], barrier, 0.0, payoff, ql.EuropeanExercise(ql.Date(1, 1, 2027)))
    exact.setPricingEngine(ql.AnalyticBarrierEngine(process(option)))
    found = barrier_value(option, kind, barrier, steps=4, pairs=20_000, seed=5)
    assert abs(found.value - exact.NPV()) < 3.5 * found.standard_error
    assert found.standard_error < 0.1


def test_a_continuous_barrier_does_not_hang_on_the_steps() -> None:
    few, many = (barrier_value(OPTION, "down-and-out", 92.0, steps=steps, seed=1) for steps in (1, 60))
    assert abs(few.value - many.value) < 3.5 * (few.standard_error**2 + many.standard_error**2) ** 0.5


def test_discrete_monitoring_is_worth_more_to_a_knock_out() -> None:
    """Broadie, Glasserman and Kou (1997): as if the barrier stood 0.5826·σ·√Δ further out."""
    option = PathOption(True, 100, 100, 0.3, 0.2, rate=0.1, carry=0.1)
    discrete = barrier_value(option, "down-and-out", 95.0, monitoring="discrete", steps=50, pairs=40_000, seed=2)
    continuous = barrier_value(option, "down-and-out", 95.0, pairs=40_000, seed=2)
    shifted = 95.0 * 2.718281828 ** (-0.5826 * 0.3 * (0.2 / 50) ** 0.5)
    corrected = barrier_value(option, "down-and-out", shifted, pairs=40_000, seed=2)
    assert discrete.value > continuous.value + 3 * discrete.standard_error
    assert discrete.value == pytest.approx(corrected.value, abs=4 * discrete.standard_error)


def test_in_and_out_add_up_to_the_european() -> None:
    both = sum(barrier_value(OPTION, kind, 93.0, seed=9).value for kind in ("down-and-in", "down-and-out"))
    assert both == pytest.approx(OPTION.european_value(), rel=1e-9)


def test_one_fixing_is_the_european_exactly() -> None:
    """The control is then the payoff itself: nothing is left to chance."""
    found = asian_value(OPTION, 1, pairs=100)
    assert found.value == pytest.approx(OPTION.european_value(), rel=1e-12)
    assert found.standard_error < 1e-12


def test_the_control_pays() -> None:
    """The correlation of arithmetic and geometric mean cuts the error by far more than ten."""
    found = asian_value(OPTION, 50, pairs=5_000, seed=1)
    assert found.standard_error < 0.1 * 100 * 0.3 * 0.5**0.5 / 3 / 5_000**0.5


def test_the_same_seed_the_same_value() -> None:
    assert asian_value(OPTION, 12, pairs=500, seed=4) == asian_value(OPTION, 12, pairs=500, seed=4)
    assert asian_value(OPTION, 12, pairs=500, seed=4) != asian_value(OPTION, 12, pairs=500, seed=5)


def test_a_reached_barrier() -> None:
    assert barrier_value(OPTION, "up-and-out", 99.0, pairs=100).value == pytest.approx(0.0, abs=1e-12)
    assert barrier_value(OPTION, "up-and-in", 99.0, pairs=100).value == pytest.approx(OPTION.european_value())


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="kind"):
        barrier_value(OPTION, "sideways", 90.0)  # type: ignore[arg-type]
    with pytest.raises(RangeError, match="volatility"):
        PathOption(True, 100, 100, -0.3, 0.5)
    with pytest.raises(RangeError, match="steps"):
        barrier_value(OPTION, "down-and-out", 90.0, steps=0)
