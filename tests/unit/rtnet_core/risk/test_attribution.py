"""Greeks add up as positions do; an attribution adds up to the full revaluation, to the tick."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from rtnet_core.account import quantities
from rtnet_core.book_sample import sample_book
from rtnet_core.errors import InputError
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.pricing_fast import fast_rows
from rtnet_core.risk.attribution import Attribution, attribute, greek_sums
from rtnet_core.risk.risk_market import RiskMarket
from rtnet_core.snapshot import Snapshot

MARKET = sample_market(3)
BEFORE = RiskMarket.from_snapshot(MARKET)
DAY = 1 / 365


def book(accounts: int) -> np.ndarray:
    made = sample_book(MARKET, default_params(MARKET), accounts, seed=8)
    return np.array([quantities(account, MARKET) for account in made])


def moved(price: float, volatility: float, elapsed_years: float = DAY) -> RiskMarket:
    """Return the sample market after a move: the price by a fraction, the volatility by points."""
    linear = ~BEFORE.is_option
    return replace(
        BEFORE,
        forward=BEFORE.forward * np.where(BEFORE.is_listed, 1 + price, 1.0),
        volatility=np.where(linear, BEFORE.volatility, BEFORE.volatility + volatility),
        years=np.where(BEFORE.years > 0, BEFORE.years - elapsed_years, 0.0),
    )


def test_greeks_are_those_of_the_risk_array() -> None:
    lots = book(40)
    rows = fast_rows(MARKET, default_params(MARKET))
    sums = greek_sums(BEFORE, lots)
    half = MARKET.sizes.slots
    for name in ("delta", "gamma", "vega", "theta", "rho"):
        expected = lots * getattr(rows, name)
        np.testing.assert_allclose(getattr(sums, name)[:, 0], expected[:, :half].sum(axis=1), rtol=1e-9, atol=1e-3)
        np.testing.assert_allclose(getattr(sums, name)[:, 1], expected[:, half:].sum(axis=1), rtol=1e-9, atol=1e-3)


def test_a_balanced_book_leaves_the_venue_without_greeks() -> None:
    lots = book(100)
    sums = greek_sums(BEFORE, lots)
    for field in fields(sums):
        figures = getattr(sums, field.name)
        assert np.abs(getattr(sums.venue(), field.name)).max() < 1e-9 * np.abs(figures).sum()


def test_the_marks_are_those_of_the_fast_engine() -> None:
    rows = fast_rows(MARKET, default_params(MARKET))
    np.testing.assert_allclose(BEFORE.marks, rows.mark, rtol=1e-12)


@pytest.mark.parametrize("cross_terms", [True, False])
@pytest.mark.parametrize(("price", "volatility"), [(0.02, 0.03), (-0.15, 0.2), (0.3, -0.1)])
def test_the_parts_add_up_exactly(price: float, volatility: float, cross_terms: bool) -> None:
    lots = book(60)
    after = moved(price, volatility)
    found = attribute(BEFORE, after, lots, DAY, rate_before=0.03, rate_after=0.05, cross_terms=cross_terms)
    parts = [getattr(found, field.name) for field in fields(Attribution) if field.name != "total"]
    assert (sum(parts) == found.total).all()
    discounts = [np.where(BEFORE.is_option, np.exp(-r * m.years), 1) for r, m in ((0.03, BEFORE), (0.05, after))]
    full = (lots * (after.marks * discounts[1] - BEFORE.marks * discounts[0])).sum(axis=1)
    assert np.abs(found.total.sum(axis=1) - full).max() <= 1.0 + 1e-9 * np.abs(full).max()
    assert found.venue().total.tolist() == found.total.sum(axis=0).tolist()
    if not cross_terms:
        assert not found.vanna.any()
        assert not found.volga.any()


def test_the_residual_is_of_third_order() -> None:
    """Halving a move divides what second order explains by four, and the residual by about eight."""
    lots = np.where(BEFORE.is_option, 10**7, 0)[None, :]
    residuals = [
        abs(int(attribute(BEFORE, moved(0.01 * h, 0.01 * h, 0.0), lots, 0.0).residual.sum())) for h in (2.0, 1.0)
    ]
    assert 5 < residuals[0] / residuals[1] < 12


@pytest.mark.parametrize("part", ["delta", "vega", "theta", "rho"])
def test_each_part_answers_to_its_own_move(part: str) -> None:
    small = 1e-5
    moves = {
        "delta": (moved(small, 0.0, 0.0), 0.0, 0.0),
        "vega": (moved(0.0, small, 0.0), 0.0, 0.0),
        "theta": (moved(0.0, 0.0, small * DAY), small * DAY, 0.0),
        "rho": (BEFORE, 0.0, small),
    }
    after, elapsed, rate = moves[part]
    lots = np.where(BEFORE.is_option, 10**8, 0)[None, :]
    found = attribute(BEFORE, after, lots, elapsed, rate_after=rate)
    total = found.total.sum()
    assert abs(getattr(found, part).sum() - total) < 2e-3 * abs(total)
    others = {"delta", "vega", "theta", "rho"} - {part}
    assert all(not getattr(found, name).any() for name in others)


def test_a_haug_vanna_and_volga() -> None:
    """The cross terms are derivatives: held to differences of the marks in both directions."""
    lots = np.where(BEFORE.is_option, 10**8, 0)[None, :]
    step = 1e-3
    corner = {(i, j): moved(i * step, j * step, 0.0).marks for i in (-1, 0, 1) for j in (-1, 0, 1)}
    cross = (corner[1, 1] - corner[1, -1] - corner[-1, 1] + corner[-1, -1]) / 4
    square = (corner[0, 1] - 2 * corner[0, 0] + corner[0, -1]) / 2
    found = attribute(BEFORE, moved(step, step, 0.0), lots, 0.0)
    assert found.vanna.sum() == pytest.approx((lots * cross).sum(), rel=1e-3)
    assert found.volga.sum() == pytest.approx((lots * square).sum(), rel=1e-3)


def test_an_expired_option_is_worth_its_payoff() -> None:
    far = BEFORE.years.max() + 1
    ended = BEFORE.values(np.ones((1, 64)), np.ones((1, 64)), far)[0]
    sign = np.where(BEFORE.is_call, 1, -1)
    payoff = np.maximum(sign * (BEFORE.forward - BEFORE.strike), 0)
    np.testing.assert_allclose(ended[BEFORE.is_option], payoff[BEFORE.is_option], atol=1e-3 * BEFORE.forward.max())


def test_an_empty_slot_never_moves() -> None:
    content = MARKET.model_dump()
    content["instruments"] = content["instruments"][:3]
    market = RiskMarket.from_snapshot(Snapshot.from_json(content))
    changes = market.changes(np.full((1, 64), 1.5), np.full((1, 64), 2.0))
    assert np.flatnonzero(changes[0]).tolist() == [0, 1, 2]
    assert market.asset_price.shape == (8,)


def test_other_instruments_are_refused() -> None:
    with pytest.raises(InputError, match="same instruments"):
        attribute(BEFORE, RiskMarket.from_snapshot(sample_market(4, "small")), np.zeros((1, 64)), 0.0)
    with pytest.raises(InputError, match="lots"):
        greek_sums(BEFORE, np.zeros((1, 63)))


def test_years_are_those_of_the_snapshot() -> None:
    last = max(entry.expiry_ms or 0 for entry in MARKET.instruments)
    assert BEFORE.years.max() == pytest.approx((last - MARKET.time_ms) / MS_PER_YEAR)
