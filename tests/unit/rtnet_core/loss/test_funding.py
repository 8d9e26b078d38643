"""Funding: premium index, continuous accrual without drift, skew pricing and velocity by their published test cases."""

from __future__ import annotations

import csv
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from rtnet_core.errors import InputError
from rtnet_core.funding import FUNDING_PERIOD_MS, funding_rate
from rtnet_core.loss.funding_accrual import (
    INDEX_UNITS,
    FundingClaim,
    accrued,
    impact_price,
    premium_index,
    rate_parts,
    settle_all,
    weighted_premium,
)
from rtnet_core.loss.skew import DAY_MS, PoolFunding, fill_cost_ticks, fill_price

DATA = Path(os.environ.get("ZKM2M_MARKET_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
HISTORY = DATA / "funding_8h_binance_bybit_2021_2023.csv"


def test_an_order_walks_the_book() -> None:
    levels = [(Fraction(100), Fraction(2)), (Fraction(101), Fraction(10))]
    assert impact_price(levels, Fraction(200)) == 100
    assert impact_price(levels, Fraction(301)) == Fraction(301, 3)
    assert impact_price(levels, Fraction(2_000)) is None


def test_premiums_are_those_of_the_side_that_misses_the_index() -> None:
    index = Fraction(50_000)
    assert premium_index(Fraction(49_990), Fraction(50_010), index) == 0
    assert premium_index(Fraction(50_050), Fraction(50_060), index) == Fraction(1, 1_000)
    assert premium_index(Fraction(49_900), Fraction(49_950), index) == Fraction(-1, 1_000)
    assert weighted_premium([Fraction(1), Fraction(2), Fraction(3)]) == Fraction(14, 6)
    with pytest.raises(InputError, match="at least one"):
        weighted_premium([])


@pytest.mark.market_data
@pytest.mark.skipif(not HISTORY.exists(), reason="the real market data are not beside the repository")
def test_the_clamp_explains_two_fifths_of_published_rates() -> None:
    """A rate of exactly 0.0001 is a premium within the clamp; any other one is its premium, 5 bps nearer."""
    with HISTORY.open() as stream:
        rates = [Fraction(row["funding_rate_8h"]) for row in csv.DictReader(stream)]
    interest, clamp = Fraction(1, 10_000), Fraction(5, 10_000)
    assert len(rates) == 13_140
    at_interest = [rate for rate in rates if rate == interest]
    assert len(at_interest) / len(rates) == pytest.approx(0.419, abs=0.0005)
    for rate in rates:
        premium = rate + clamp * ((rate > interest) - (rate < interest))
        assert funding_rate(premium) == rate
        assert rate_parts(rate) == rate * 10**8, "eight decimals hold every published rate"
    inside = [interest + clamp * Fraction(step, 10) for step in range(-10, 11)]
    assert {funding_rate(premium) for premium in inside} == {interest}


def test_eight_hours_at_once_or_by_the_millisecond_are_the_same() -> None:
    whole = accrued(0, rate_parts(Fraction(1, 10_000)), 7_860_554, FUNDING_PERIOD_MS)
    pieces = 0
    ends = [FUNDING_PERIOD_MS * step // 1_000 for step in range(1_001)]
    for start, end in pairwise(ends):
        pieces = accrued(pieces, 10_000, 7_860_554, end - start)
    assert pieces == whole
    assert whole * 10_000 == 7_860_554 * INDEX_UNITS


def test_payments_add_up_to_zero_and_follow_what_is_owed() -> None:
    claims = [FundingClaim(lots, 0) for lots in (7, -2, -4, -1)]
    total = [0] * 4
    index = 0
    for step in range(1, 50):
        index = accrued(index, 137 * (-1) ** step + 60, 9_999, 1_234_567)
        payments, claims = settle_all(claims, index)
        assert sum(payments) == 0
        total = [paid + now for paid, now in zip(total, payments, strict=True)]
    for paid, lots in zip(total, (7, -2, -4, -1), strict=True):
        assert abs(paid * INDEX_UNITS - lots * index) < INDEX_UNITS, "never a tick from what is owed"


def test_who_trades_pays_at_once_and_the_last_settlement_squares_it() -> None:
    index = accrued(0, 10_000, 8_000_001, FUNDING_PERIOD_MS // 7)
    paid, seller = FundingClaim(5, 0).traded(index, -5)
    later = accrued(index, 10_000, 8_000_001, FUNDING_PERIOD_MS // 3)
    buyer_paid, buyer = FundingClaim(0, 0).traded(index, 5)
    assert buyer_paid == 0
    payments, _ = settle_all([seller, buyer, FundingClaim(-5, 0)], later)
    assert paid + sum(payments) == 0
    with pytest.raises(InputError, match="add up to zero"):
        settle_all([FundingClaim(1, 0)], 1)
    with pytest.raises(InputError, match="at least 0"):
        accrued(0, 1, 1, -1)


def test_the_skew_price_of_the_published_case() -> None:
    """SIP-279: oracle 2,000, skew 100, scale 10^6, a buy of 100: 2,000.3."""
    assert fill_price(Fraction(2_000), 100, 100, 10**6) == Fraction("2000.3")


def test_the_velocity_of_the_published_case() -> None:
    """SIP-279: 100 long for a day at 300 % velocity and scale 10^6: the rate reaches 0.03 %, 30 is owed on 200,000."""
    start = PoolFunding(scale_lots=10**6, max_velocity=Fraction(3), time_ms=0)
    after = start.traded(100).after(DAY_MS, Fraction(2_000)).traded(-100)
    assert after.rate == Fraction(3, 10_000)
    assert 100 * after.index == 30
    assert after.velocity == 0
    assert after.after(2 * DAY_MS, Fraction(2_000)).rate == after.rate


def test_velocity_is_capped_at_the_scale() -> None:
    market = PoolFunding(scale_lots=10, max_velocity=Fraction(1), time_ms=0)
    assert market.traded(25).velocity == 1
    assert market.traded(-25).velocity == -1


def test_trades_in_pieces_cost_the_same_and_a_round_trip_nothing() -> None:
    oracle, scale = Fraction(80_000), 10**5
    whole = 90 * fill_price(oracle, -20, 90, scale)
    pieces = sum(30 * fill_price(oracle, -20 + 30 * step, 30, scale) for step in range(3))
    back = -90 * fill_price(oracle, 70, -90, scale)
    assert whole == pieces == -back


def test_rounding_is_against_the_trader() -> None:
    assert fill_cost_ticks(1_001, 0, 1, 1_000) == 1_002  # 1,001.5005
    assert fill_cost_ticks(1_001, 1, -1, 1_000) == -1_001


def test_markets_are_checked() -> None:
    with pytest.raises(InputError, match="scale_lots"):
        fill_price(Fraction(1), 0, 1, 0)
    with pytest.raises(InputError, match="positive price"):
        fill_price(Fraction(1), -10, -1, 10)
    with pytest.raises(InputError, match="scale"):
        PoolFunding(scale_lots=0, max_velocity=Fraction(1), time_ms=0)
    with pytest.raises(InputError, match="must not be before"):
        PoolFunding(scale_lots=1, max_velocity=Fraction(1), time_ms=5).after(4, Fraction(1))
