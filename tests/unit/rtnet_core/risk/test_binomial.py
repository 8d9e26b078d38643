"""The tree against published values, Black-76 and an independent library."""

from __future__ import annotations

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documents use

from rtnet_core.errors import RangeError
from rtnet_core.pricing_fast import option_values
from rtnet_core.risk.binomial import binomial_values


@pytest.mark.parametrize(("steps", "value"), [(5, 4.49), (30, 4.263), (50, 4.272), (100, 4.278), (500, 4.283)])
def test_hulls_american_put(steps: int, value: float) -> None:
    """Hull, chapter "Basic numerical procedures": the tree at five to five hundred steps."""
    found = binomial_values(False, 50, 50, 0.4, 5 / 12, rate=0.1, carry=0.1, steps=steps)
    assert float(found) == pytest.approx(value, abs=0.005 if steps == 5 else 0.0006)


def test_hulls_american_put_on_a_future() -> None:
    """Hull, chapter "Binomial trees", options on futures: 31 struck at 30, nine months, three steps, 2.84."""
    assert float(binomial_values(False, 31, 30, 0.3, 0.75, rate=0.05, steps=3)) == pytest.approx(2.84, abs=0.005)


def test_longstaff_and_schwartz() -> None:
    """Table 1 of *Valuing American options by simulation* (2001), finite differences with 50 exercise dates a year.

    The tree may exercise at more dates, so it stands a little above.
    """
    rows = [
        (36, 0.2, 1, 4.478),
        (36, 0.2, 2, 4.840),
        (36, 0.4, 1, 7.101),
        (38, 0.2, 1, 3.250),
        (40, 0.2, 1, 2.314),
        (40, 0.4, 2, 6.920),
        (44, 0.2, 1, 1.110),
        (44, 0.4, 2, 5.647),
    ]
    price, sigma, years, published = (np.array(column) for column in zip(*rows, strict=True))
    found = binomial_values(False, price, 40, sigma, years, rate=0.06, carry=0.06, steps=1000)
    assert ((found > published) & (found < published + 0.01)).all()


def test_the_european_tree_converges_to_black_76() -> None:
    strikes = np.array([60.0, 90, 100, 110, 160])
    exact = option_values(True, 100.0, strikes, 0.7, 0.3)
    errors = [
        np.abs(binomial_values(True, 100.0, strikes, 0.7, 0.3, american=False, steps=steps) - exact).max()
        for steps in (50, 500, 5000)
    ]
    assert errors[0] < 0.1
    assert errors[1] < 0.01
    assert errors[2] < 0.001


def test_without_interest_nothing_is_exercised_early() -> None:
    """On a future with no interest the right is worth nothing: waiting costs nothing."""
    strikes = np.array([50.0, 100, 200])
    for is_call in (True, False):
        american = binomial_values(is_call, 100.0, strikes, 0.8, 0.5)
        european = binomial_values(is_call, 100.0, strikes, 0.8, 0.5, american=False)
        np.testing.assert_allclose(american, european, rtol=1e-12)


def test_quantlib_agrees_on_american_options_with_carry() -> None:
    rate, yielded = 0.08, 0.03
    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    counter = ql.Actual365Fixed()
    curve = [ql.YieldTermStructureHandle(ql.FlatForward(today, level, counter)) for level in (yielded, rate)]
    volatility = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), 0.5, counter))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.BlackScholesMertonProcess(spot, *curve, volatility)
    for is_call in (True, False):
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, 110.0)
        option = ql.VanillaOption(payoff, ql.AmericanExercise(today, today + 365))
        option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, 400, 400))
        found = binomial_values(is_call, 100.0, 110.0, 0.5, 1.0, rate=rate, carry=rate - yielded, steps=2000)
        assert float(found) == pytest.approx(option.NPV(), abs=0.005)


def test_a_probability_outside_its_range_is_refused() -> None:
    with pytest.raises(RangeError, match="steps"):
        binomial_values(True, 100.0, 100.0, 0.01, 1.0, carry=0.5, steps=10)
    with pytest.raises(RangeError, match="volatility"):
        binomial_values(True, 100.0, 100.0, 0.0, 1.0)
