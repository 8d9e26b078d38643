"""Expected bad debt: closed forms against integrals, simulation and Black's put; turnover of collateral."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, t

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.loss.latency import (
    DAY_MS,
    Gap,
    Move,
    collateral_turnover,
    largest_leverage,
    latency_row,
    move_over,
    velocity,
)
from rtnet_core.pricing_fast import option_values

BUFFERS = [0.0, 0.005, 0.02, 0.08]


@pytest.mark.parametrize("buffer", BUFFERS)
@pytest.mark.parametrize("gap", Gap)
def test_the_closed_form_is_the_simulations_mean(gap: Gap, buffer: float) -> None:
    move = Move(0.02, gap, 4.0)
    mean, error = move.simulated(buffer, 200_000, seed=3)
    assert abs(mean - move.bad_debt(buffer)) < 4 * error
    assert error < 0.1 * max(mean, 1e-5)


@pytest.mark.parametrize("buffer", BUFFERS)
def test_the_closed_forms_are_integrals(buffer: float) -> None:
    fat = Move(0.01, Gap.STUDENT, 3.5)
    for move, distribution in ((Move(0.01), norm(scale=0.01)), (fat, t(3.5, scale=fat.scale))):
        near, _ = quad(lambda x, f=distribution.pdf: (x - buffer) * f(x), buffer, buffer + 0.2, limit=200)
        far, _ = quad(lambda x, f=distribution.pdf: (x - buffer) * f(x), buffer + 0.2, np.inf)
        assert move.bad_debt(buffer) == pytest.approx(near + far, rel=1e-6, abs=1e-12)
        assert move.beyond(buffer) == pytest.approx(distribution.sf(buffer), rel=1e-9)


def test_the_lognormal_form_is_blacks_put() -> None:
    for buffer in BUFFERS:
        put = float(option_values(False, 1.0, 1 - buffer, 0.03, 1.0))
        assert Move(0.03, Gap.LOGNORMAL).bad_debt(buffer) == pytest.approx(put, abs=1e-15)
    assert Move(0.03, Gap.LOGNORMAL).bad_debt(1.0) == Move(0.03, Gap.LOGNORMAL).beyond(1.5) == 0.0


def test_at_the_money_the_put_is_two_fifths_of_the_deviation() -> None:
    """The textbook's 0.4·σ·√T (Brenner and Subrahmanyam, 1988)."""
    assert Move(0.01).bad_debt(0.0) == pytest.approx(0.01 / (2 * np.pi) ** 0.5)


def test_student_has_the_deviation_and_tends_to_the_normal() -> None:
    assert t(5.0, scale=Move(0.02, Gap.STUDENT, 5.0).scale).std() == pytest.approx(0.02)
    assert Move(0.02, Gap.STUDENT, 1e6).bad_debt(0.03) == pytest.approx(Move(0.02).bad_debt(0.03), rel=1e-4)
    far = Move(0.01, Gap.STUDENT).beyond(0.05) / Move(0.01).beyond(0.05)
    assert far == pytest.approx(5_650, rel=0.01)


def test_a_row_follows_the_square_root_of_time() -> None:
    short, long = latency_row(0.6, 1_000, 20), latency_row(0.6, 100_000, 20)
    assert long.deviation_bps == pytest.approx(10 * short.deviation_bps)
    assert short.buffer_bps == 250
    assert long.bad_debt_bps > short.bad_debt_bps
    assert long.bad_debt_bps_a_day == pytest.approx(864 * long.bad_debt_bps)
    delayed = latency_row(0.6, 1_000, 20, delay_ms=99_000)
    assert delayed.bad_debt_bps == pytest.approx(long.bad_debt_bps)
    assert delayed.bad_debt_bps_a_day == pytest.approx(86_400 * long.bad_debt_bps)


def test_the_largest_leverage_spends_the_budget() -> None:
    for gap in Gap:
        move = move_over(0.8, 60_000, gap)
        most = largest_leverage(move, 0.01)
        assert BPS * move.bad_debt(0.5 / most) == pytest.approx(0.01, rel=1e-6)
    assert largest_leverage(Move(5.0), 1.0) == 0.0
    assert largest_leverage(Move(1e-9), 1.0) == np.inf


def test_collateral_turns_over_as_often_as_its_delay_allows() -> None:
    found = collateral_turnover(DAY_MS // 4, DAY_MS // 4)
    assert (found.uses_a_day, found.in_transit, found.stock_for(10.0)) == (2.0, 0.5, 5.0)
    assert velocity(6.0, 2.0) == 3.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Move(0.0), "deviation"),
        (lambda: Move(0.1, Gap.STUDENT, 2.0), "freedom"),
        (lambda: Move(0.1).simulated(0.1, 1, 0), "draws"),
        (lambda: move_over(0.5, 0), "time above 0"),
        (lambda: latency_row(0.5, 1_000, 0.5), "leverage"),
        (lambda: largest_leverage(Move(0.1), 0.0), "budget_bps"),
        (lambda: velocity(1.0, 0.0), "stock"),
        (lambda: collateral_turnover(0, 0), "not both 0"),
    ],
)
def test_numbers_outside_their_range_are_refused(make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=words):
        make()
