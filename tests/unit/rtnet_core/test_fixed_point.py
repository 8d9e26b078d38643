"""Fixed-point functions against 80-digit decimal arithmetic, published tables and their own symmetries."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.fixed_point import (
    FRACTION_BITS,
    ONE,
    SATURATION,
    exp_negative,
    log_ratio,
    normal_density,
    normal_distribution,
    round_half_even,
)

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534")
DIGITS = 80


def _decimal(fixed: int) -> Decimal:
    return Decimal(fixed) / Decimal(ONE)


def _distribution(x: Decimal) -> Decimal:
    """Return N(x) by the alternating series of the error function, not ours (Abramowitz & Stegun 7.1.5)."""
    term, total, n = x, x, 0
    while abs(term) > Decimal(10) ** -DIGITS:
        n += 1
        term = -term * x * x / (2 * n)
        total += term / (2 * n + 1)
    return Decimal("0.5") + total / (2 * PI).sqrt()


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_rounding_is_to_nearest_and_ties_to_even(numerator: int, denominator: int) -> None:
    assert round_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@settings(deadline=None)
@given(st.integers(1, (1 << 64) - 1), st.integers(1, (1 << 64) - 1))
def test_logarithm_is_good_to_2_to_the_minus_178(numerator: int, denominator: int) -> None:
    with localcontext(prec=DIGITS + 10):
        expected = (Decimal(numerator) / Decimal(denominator)).ln()
        assert abs(_decimal(log_ratio(numerator, denominator)) - expected) < Decimal(2) ** -178
    assert log_ratio(numerator, numerator) == 0


@settings(deadline=None)
@given(st.integers(0, 200 << FRACTION_BITS))
def test_exponential_is_good_to_2_to_the_minus_186(x: int) -> None:
    with localcontext(prec=DIGITS + 10):
        assert abs(_decimal(exp_negative(x)) - (-_decimal(x)).exp()) < Decimal(2) ** -186


@settings(deadline=None, max_examples=60)
@given(st.integers(-SATURATION, SATURATION))
def test_distribution_is_good_to_2_to_the_minus_88_and_symmetric(x: int) -> None:
    with localcontext(prec=DIGITS + 40):
        assert abs(_decimal(normal_distribution(x)) - _distribution(_decimal(x))) < Decimal(2) ** -88
    assert normal_distribution(x) + normal_distribution(-x) == ONE


@settings(deadline=None)
@given(st.integers(-12 << 40, 12 << 40), st.integers(1, 1 << 40))
def test_distribution_does_not_fall(start: int, step: int) -> None:
    scale = FRACTION_BITS - 40
    assert normal_distribution((start + step) << scale) >= normal_distribution(start << scale)


@pytest.mark.parametrize(
    ("x", "distribution", "density"),
    [  # Abramowitz & Stegun, table 26.1
        (0, "0.500000000000000", "0.398942280401433"),
        (1, "0.841344746068543", "0.241970724519143"),
        (2, "0.977249868051821", "0.053990966513188"),
        (3, "0.998650101968370", "0.004431848411938"),
    ],
)
def test_published_table_of_the_normal_distribution(x: int, distribution: str, density: str) -> None:
    assert round(_decimal(normal_distribution(x << FRACTION_BITS)), 15) == Decimal(distribution)
    assert round(_decimal(normal_density(x << FRACTION_BITS)), 15) == Decimal(density)


def test_far_arguments_saturate() -> None:
    assert normal_distribution(SATURATION) == ONE
    assert normal_distribution(-SATURATION) == 0
    assert exp_negative(1 << (FRACTION_BITS + 20)) == 0
