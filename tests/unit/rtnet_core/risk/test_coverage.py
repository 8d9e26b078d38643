"""The coverage tests against published examples, and against what they are made for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from rtnet_core.errors import InputError, RangeError
from rtnet_core.risk.coverage import breach_rate_interval, coverage_of, independence_test, unconditional_test


@pytest.mark.parametrize(("observations", "breaches", "statistic"), [(252, 20, 3.91), (252, 6, 3.498)])
def test_jorions_unconditional_examples(observations: int, breaches: int, statistic: float) -> None:
    """*Value at risk*, section 6.2.2: J.P. Morgan in 1998 at 95 %; question 10: six exceptions at 99 %."""
    probability = 0.05 if breaches == 20 else 0.01
    found = unconditional_test(observations, breaches, probability)
    assert found.statistic == pytest.approx(statistic, abs=0.005)


def test_jorions_conditional_example() -> None:
    """Table 6.5: of J.P. Morgan's twenty exceptions six followed another, in 252 days."""
    found = independence_test(218, 14, 14, 6)
    assert found.statistic == pytest.approx(9.53, abs=0.005)
    assert found.p_value < 0.01


@pytest.mark.parametrize(
    ("probability", "observations", "low", "high"),
    [(0.01, 255, 0, 6), (0.01, 510, 2, 10), (0.05, 255, 7, 20), (0.05, 1000, 38, 64)],
)
def test_kupiecs_regions(probability: float, observations: int, low: int, high: int) -> None:
    """Kupiec's table as Jorion prints it (table 6.2): so many failures are not rejected at 95 %."""
    kept = [x for x in range(2 * high) if unconditional_test(observations, x, probability).p_value > 0.05]
    # Of 255 observations at 1 % none at all has a statistic of 5.1, which the table nonetheless calls "below 7".
    assert max(kept) == high
    assert min(kept) == max(low, 1)


def test_a_sequence_is_counted() -> None:
    breaches = [0, 1, 1, 0, 0, 0, 1, 0, 0, 0]
    found = coverage_of(breaches, 0.1)
    assert (found.observations, found.breaches) == (10, 3)
    assert found.independence == independence_test(4, 2, 2, 1)
    assert found.conditional.statistic == pytest.approx(found.unconditional.statistic + found.independence.statistic)


def test_clusters_are_seen_where_the_rate_is_right() -> None:
    clustered = np.zeros(1_000, dtype=bool)
    clustered[500:510] = True
    spread = np.zeros(1_000, dtype=bool)
    spread[50::100] = True
    for breaches in (clustered, spread):
        assert coverage_of(breaches, 0.01).unconditional.p_value > 0.9
    assert coverage_of(clustered, 0.01).independence.p_value < 1e-6
    assert coverage_of(spread, 0.01).independence.p_value > 0.5


def test_the_size_of_the_test_is_what_it_says() -> None:
    """Where the claim holds, it is rejected about one time in twenty (discreteness aside)."""
    counts = np.arange(200)
    rejected = np.array([unconditional_test(2_000, int(x), 0.05).p_value < 0.05 for x in counts])
    assert binom.pmf(counts, 2_000, 0.05)[rejected].sum() == pytest.approx(0.05, abs=0.01)


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_rate(observations: int, data: st.DataObject) -> None:
    breaches = data.draw(st.integers(0, observations))
    low, high = breach_rate_interval(observations, breaches)
    assert 0 <= low <= breaches / observations <= high <= 1


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_statistics_are_never_negative(breaches: list[bool]) -> None:
    found = coverage_of(breaches, 0.05)
    for test in (found.unconditional, found.independence, found.conditional):
        assert test.statistic >= 0
        assert 0 <= test.p_value <= 1


def test_bad_input_is_named() -> None:
    with pytest.raises(RangeError, match="breaches"):
        unconditional_test(5, 6, 0.01)
    with pytest.raises(RangeError, match="probability"):
        unconditional_test(5, 1, 0.0)
    with pytest.raises(InputError, match="breaches"):
        coverage_of([], 0.01)
