"""Limits and breaker: each refusal at its bound, the way out always open, every phase and its times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.loss.breaker import Breaker, BreakerRules, Phase
from rtnet_core.loss.controls import Order, SizeTiers, VenueLimits, check_order, followed_depth, refusals

TIERS = SizeTiers((1_000, 5_000), (100, 1_000, 5_000))
LIMITS = VenueLimits(
    TIERS,
    depth_ticks=1_000_000,
    open_interest_bps=20_000,
    leverage_bps=100_000,
    counterparty_ticks=600_000,
    deviation_bps=500,
)
FINE = Order(
    lots=100,
    price_ticks=1_000,
    reference_ticks=1_000,
    held_lots=0,
    other_gross_ticks=0,
    equity_ticks=10_000,
    open_interest_lots=500,
    counterparty_ticks=0,
)


def code(order: Order, limits: VenueLimits = LIMITS) -> str | None:
    refusal = check_order(order, limits)
    return None if refusal is None else refusal.code


def test_the_published_tiers() -> None:
    """WhiteBIT's example: 200,000, of which 50,000 at 100 times and 150,000 at 10 times, need 15,500."""
    tiers = SizeTiers((BPS,), (100, 1_000))
    assert tiers.margin_e4(200_000, 50_000) == 15_500 * BPS
    assert tiers.largest_notional(15_500, 50_000) == 200_000


def test_tiers_follow_the_depth() -> None:
    assert TIERS.margin_e4(300_000, 1_000_000) > TIERS.margin_e4(300_000, 4_000_000)
    assert followed_depth(1_000, 10, 500) == 10
    assert followed_depth(1_000, 1_020, 500) == 1_020
    assert followed_depth(1_000, 5_000, 500) == 1_050


@given(equity=st.integers(0, 1 << 50), depth=st.integers(0, 1 << 50))
def test_the_largest_notional_is_the_largest(equity: int, depth: int) -> None:
    most = TIERS.largest_notional(equity, depth)
    assert TIERS.margin_e4(most, depth) <= BPS * equity < TIERS.margin_e4(most + 1, depth)


@given(low=st.integers(0, 1 << 40), more=st.integers(0, 1 << 40), depth=st.integers(0, 1 << 40))
def test_margin_is_convex_in_size(low: int, more: int, depth: int) -> None:
    first, second, third = (TIERS.margin_e4(low + step * more, depth) for step in range(3))
    assert second - first <= third - second


@pytest.mark.parametrize(
    ("expected", "inside", "outside"),
    [
        ("price_deviation", FINE._replace(price_ticks=1_050), FINE._replace(price_ticks=1_051)),
        ("size_tier", FINE, FINE._replace(lots=191)),
        ("open_interest_cap", FINE._replace(open_interest_lots=1_900), FINE._replace(open_interest_lots=1_901)),
        ("leverage_cap", FINE, FINE._replace(other_gross_ticks=1)),
        ("counterparty_limit", FINE._replace(counterparty_ticks=500_000), FINE._replace(counterparty_ticks=500_001)),
    ],
)
def test_each_limit_refuses_just_beyond_it(expected: str, inside: Order, outside: Order) -> None:
    assert code(inside) is None
    assert expected in [refusal.code for refusal in refusals(outside, LIMITS)]


def test_the_way_out_is_open_to_who_is_over_every_limit() -> None:
    over = FINE._replace(
        lots=-50, held_lots=90_000, equity_ticks=-5, open_interest_lots=10**9, counterparty_ticks=10**12
    )
    assert code(over) is None
    assert code(over._replace(price_ticks=100)) == "price_deviation"
    assert code(over._replace(lots=-90_001)) is not None, "turning a position around opens a new one"


def test_tiers_are_checked() -> None:
    with pytest.raises(InputError, match="one more"):
        SizeTiers((1,), (1,))
    with pytest.raises(InputError, match="bounds_bps"):
        SizeTiers((5, 5), (1, 2, 3))
    with pytest.raises(InputError, match="rates_bps"):
        SizeTiers((5,), (2, 1))


def market(**rules: int) -> Breaker:
    return Breaker(BreakerRules(**rules), reference_ticks=10_000)


def test_a_move_that_turns_back_does_not_halt() -> None:
    one = market().seen(0, 10_000).seen(1_000, 9_500)
    assert one.phase is Phase.LIMIT
    assert one.seen(10_000, 9_700).phase is Phase.OPEN
    assert one.seen(15_999, 9_400).phase is Phase.LIMIT
    assert one.seen(16_000, 9_700).phase is Phase.HALTED, "the fifteen seconds were over"


def test_a_slow_move_carries_its_band_along() -> None:
    one, price = market(), 10_000
    for step in range(400):
        price = 10_000 - 5 * step
        one = one.seen(10_000 * step, price)
    assert one.phase is Phase.OPEN
    assert price < 8_100
    assert abs(one.reference_ticks - price) < 100


def test_prices_beyond_the_band_do_not_move_the_average() -> None:
    one = market().seen(0, 10_000)
    assert one.seen(5, 20_000).reference_ticks == 10_000


def test_an_auction_far_away_is_extended_until_the_collar_has_grown_to_it() -> None:
    one = market().seen(0, 8_900).at(15_000)
    assert one.phase is Phase.HALTED
    cycle = 330_000
    assert one.at(15_000 + cycle - 1).phase is Phase.AUCTION
    extended = one.at(15_000 + cycle)
    assert (extended.phase, extended.extensions, extended.collar_bps) == (Phase.HALTED, 1, 1_000)
    again = one.at(15_000 + 2 * cycle)
    assert (again.phase, again.collar_bps) == (Phase.HALTED, 1_500)
    back = one.at(15_000 + 3 * cycle)
    assert (back.phase, back.reference_ticks, back.extensions) == (Phase.LIMITED, 8_900, 0)
    assert back.at(15_000 + 3 * cycle + 60_000).phase is Phase.OPEN


def test_time_may_pass_at_once_or_in_steps() -> None:
    one = market().seen(0, 8_900)
    stepped = one
    for time_ms in range(0, 2_000_000, 7_000):
        stepped = stepped.at(time_ms)
        assert stepped == one.at(time_ms)


def test_what_each_phase_takes() -> None:
    one = market().seen(0, 10_000)
    assert one.refuse(5, 0, 10_400) is None
    assert one.refuse(5, 0, 10_500).code == "price_band"  # type: ignore[union-attr]
    halted = one.seen(1, 9_400).at(15_001)
    assert halted.refuse(-5, 5, 9_400).code == "market_halted"  # type: ignore[union-attr]
    limited = halted.seen(200_000, 9_700).at(345_001)
    assert limited.phase is Phase.LIMITED
    assert limited.refuse(-5, 5, 9_700) is None
    assert limited.refuse(-6, 5, 9_700).code == "reduce_only"  # type: ignore[union-attr]
    assert limited.seen(345_002, 9_000).phase is Phase.LIMIT, "the band holds after a halt too"


def test_the_breaker_refuses_nonsense() -> None:
    with pytest.raises(InputError, match="halt_ms"):
        BreakerRules(halt_ms=0)
    with pytest.raises(InputError, match="at least 1"):
        market().seen(0, 0)
    with pytest.raises(InputError, match="from 1000 on"):
        market().seen(1_000, 9_000).seen(999, 9_000)
