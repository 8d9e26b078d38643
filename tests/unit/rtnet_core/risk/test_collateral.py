"""Haircuts, pegs, chains and trading hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtnet_core.errors import InputError, RangeError
from rtnet_core.limits import AMOUNT_BITS, BPS, MS_PER_YEAR
from rtnet_core.margin_exact import collateral_credit_e4
from rtnet_core.risk.chains import Chain, ChainEntry, NettedAmount, net_across_chains
from rtnet_core.risk.haircuts import LiquidityHaircut
from rtnet_core.risk.pegs import StablecoinPeg, StakedToken
from rtnet_core.risk.trading_hours import TradingCalendar, TraditionalAsset

RULES = st.builds(
    LiquidityHaircut,
    st.floats(0.001, 0.3),
    st.floats(10, 1e8),
    confidence=st.floats(0.6, 0.9999),
    delay_days=st.floats(0, 10),
    participation=st.floats(0.01, 1),
    impact=st.floats(0, 3),
)


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@given(RULES)
def test_credit_is_concave_and_never_falls(rule: LiquidityHaircut) -> None:
    units = np.linspace(0, min(3 * rule.most_units(), 2.0**36), 301)
    credit = rule.credit(units, 1.0)
    slack = 1e-9 * (1 + units[-1])
    assert (np.diff(credit) >= -slack).all()
    assert (np.diff(credit, 2) <= slack).all()
    assert (credit <= units + slack).all()


@given(RULES, st.integers(1, 10**7), st.integers(1, 10**7))
def test_the_envelope_never_stands_above_the_credit(rule: LiquidityHaircut, first: int, width: int) -> None:
    params = rule.asset_params("ETH", (first, first + width))
    amounts = [0, first // 2, first, first + width // 2, first + width, first + 5 * width, (1 << AMOUNT_BITS) - 1]
    for amount in amounts:
        exact = collateral_credit_e4(amount, 1, params.rate_bps, params.kinks, params.drops_bps) / BPS
        assert 0 <= exact <= float(rule.credit(amount, 1.0)) + 1e-6 * (1 + amount)


def test_a_haircut_follows_volatility_and_size() -> None:
    calm, wild = LiquidityHaircut(0.02, 1_000), LiquidityHaircut(0.06, 1_000)
    assert wild.haircut(50) == pytest.approx(3 * float(calm.haircut(50)))
    assert float(calm.haircut(5_000)) > float(calm.haircut(50)) > float(calm.haircut(0))


def test_the_square_root_law() -> None:
    """Without delay and price risk only impact is left: four times the size, twice the haircut."""
    rule = LiquidityHaircut(0.05, 1_000, confidence=0.5, impact=1.0)
    assert rule.haircut(40) == pytest.approx(2 * float(rule.haircut(10)))
    assert rule.haircut(1_000) == pytest.approx(0.05)


def test_almgren_and_chriss_third() -> None:
    """A sale of ten days at constant speed risks σ·√(10/3)."""
    rule = LiquidityHaircut(0.02, 1_000, confidence=0.8413447460685429, delay_days=0, participation=0.1, impact=0)
    assert rule.haircut(1_000) == pytest.approx(0.02 * (10 / 3) ** 0.5)


def test_a_staked_token_counts_at_the_lower_price() -> None:
    token = StakedToken("WSTETH", "ETH", Fraction(6, 5), 0, 300)
    assert token.value_ticks(2_500_000_000, 2_990_000_000, MS_PER_YEAR) == 2_990_000_000
    assert token.value_ticks(2_500_000_000, 3_200_000_000, MS_PER_YEAR) == 3_090_000_000
    assert token.discount(2_500_000_000, 2_873_700_000, MS_PER_YEAR) == pytest.approx(0.07)
    with pytest.raises(InputError, match="now_ms"):
        StakedToken("WSTETH", "ETH", Fraction(1), 5, 300).redemption_ticks(1, 4)
    with pytest.raises(InputError, match="coins_each"):
        StakedToken("WSTETH", "ETH", Fraction(0), 5, 300)


def test_a_stablecoin_never_counts_above_its_peg() -> None:
    values = [StablecoinPeg().value_ticks(price) for price in range(0, 1_100_000, 1_000)]
    assert values == sorted(values)
    assert values[-1] == 1_000_000


def test_debts_on_a_chain_cost_the_bridge_too() -> None:
    chains = {"home": Chain(0, 0), "far": Chain(60_000, 100)}
    entries = [ChainEntry("home", 1_000, 0), ChainEntry("far", -99, 0)]
    assert net_across_chains(entries, chains, 0) == NettedAmount(counted=1_000 - 99 - 1, pending=0, bridge_cost=1)


def test_within_a_chain_only_the_balance_is_bridged() -> None:
    chains = {"home": Chain(0, 0), "far": Chain(0, 1_000)}
    entries = [ChainEntry("far", 500, 0), ChainEntry("far", -500, 0)]
    assert net_across_chains(entries, chains, 0) == NettedAmount(0, 0, 0)


def test_finality_is_waited_for() -> None:
    chains = {"far": Chain(60_000, 0)}
    entries = [ChainEntry("far", 10, 0)]
    assert net_across_chains(entries, chains, 59_999) == NettedAmount(0, 10, 0)
    assert net_across_chains(entries, chains, 60_000) == NettedAmount(10, 0, 0)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(-1_000, 1_000), st.integers(0, 100)), max_size=20),
    st.integers(0, BPS),
)
def test_netting_never_makes_units(rows: list[tuple[str, int, int]], haircut: int) -> None:
    entries = [ChainEntry(*row) for row in rows]
    found = net_across_chains(entries, {"a": Chain(0, 0), "b": Chain(50, haircut)}, 100)
    assert found.counted + found.pending + found.bridge_cost == sum(entry.units for entry in entries)
    assert found.bridge_cost >= 0


def test_an_unknown_chain_or_a_later_time_is_refused() -> None:
    with pytest.raises(InputError, match="known chain"):
        net_across_chains([ChainEntry("b", 1, 0)], {"a": Chain(0, 0)}, 0)
    with pytest.raises(InputError, match="time_ms"):
        net_across_chains([ChainEntry("a", 1, 1)], {"a": Chain(0, 0)}, 0)
    with pytest.raises(RangeError, match="units"):
        net_across_chains([ChainEntry("a", 1 << 36, 0)], {"a": Chain(0, 0)}, 0)


NEW_YORK = TradingCalendar("America/New_York", time(9, 30), time(16), holidays=frozenset({date(2026, 9, 7)}))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-08-21T15:00", "2026-08-21T15:00"),
        ("2026-08-21T13:00", "2026-08-21T13:30"),
        ("2026-08-21T20:00", "2026-08-24T13:30"),
        ("2026-09-05T12:00", "2026-09-08T13:30"),  # Labor Day
        ("2026-10-30T21:00", "2026-11-02T14:30"),  # the clock has gone back
    ],
)
def test_new_yorks_hours(now: str, opens: str) -> None:
    assert NEW_YORK.next_open_ms(milliseconds(now)) == milliseconds(opens)
    assert NEW_YORK.is_open(milliseconds(now)) == (now == opens)


def test_a_stale_price_costs_more_the_longer_it_must_last() -> None:
    share = TraditionalAsset("SPY", "USD", NEW_YORK, 0.25)
    close = milliseconds("2026-08-21T20:00")
    found = [share.stale_haircut(close, milliseconds(f"2026-08-{now}")) for now in ("21T20:00", "23T12:00", "24T15:00")]
    assert found[0] == pytest.approx(found[1])  # it must last until Monday either way
    assert found[2] > found[1]
    assert found[0] == pytest.approx(2.3263 * 0.25 * ((65.5 + 1) / 8760) ** 0.5, rel=1e-4)


def test_currency_risk_comes_beside() -> None:
    plain = TraditionalAsset("DAX", "EUR", NEW_YORK, 0.2)
    foreign = TraditionalAsset("DAX", "EUR", NEW_YORK, 0.2, currency_volatility=0.08)
    noon = milliseconds("2026-08-21T16:00")
    one, both = plain.stale_haircut(noon, noon), foreign.stale_haircut(noon, noon)
    assert both == pytest.approx(1 - (1 - one) * (1 - one * 0.4))
    assert foreign.value_ticks(100_000_000, 1.25, noon, noon) == int(125_000_000 * (1 - both))


def test_bad_calendars_are_refused() -> None:
    with pytest.raises(InputError, match="zone"):
        TradingCalendar("Mars/Olympus", time(9), time(16))
    with pytest.raises(InputError, match="opens"):
        TradingCalendar("Europe/Berlin", time(16), time(9))
    with pytest.raises(InputError, match="weekdays"):
        TradingCalendar("Europe/Berlin", time(9), time(16), weekdays=frozenset())
    with pytest.raises(InputError, match="price_time_ms"):
        TraditionalAsset("SPY", "USD", NEW_YORK, 0.2).stale_haircut(2, 1)
    never = TradingCalendar(
        "Europe/Berlin",
        time(9),
        time(16),
        frozenset({0}),
        frozenset(date.fromordinal(date(2026, 8, 1).toordinal() + day) for day in range(60)),
    )
    with pytest.raises(InputError, match="within 30 days"):
        never.next_open_ms(milliseconds("2026-08-10T12:00"))
