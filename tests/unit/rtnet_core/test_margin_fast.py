"""The fast margin engine against the exact one and against the rule written out by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.book_sample import sample_book
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.margin_exact import account_margin, account_vector
from rtnet_core.margin_fast import FastMarket, fast_margin, margin_of_accounts
from rtnet_core.market_sample import sample_market
from rtnet_core.params import Params, default_params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import RiskArray, build_risk_array
from rtnet_core.snapshot import Snapshot

MARKET = sample_market(5, "small")
PARAMS = default_params(MARKET)
RISK = build_risk_array(MARKET, PARAMS)
FAST = FastMarket.from_risk_array(RISK, MARKET, PARAMS)


def _by_hand(
    q: list[int], cash: int, held: list[int], risk: RiskArray, market: Snapshot, params: Params
) -> tuple[Fraction, Fraction]:
    """Return NLV and maintenance in ticks, written out from the rule with fractions."""
    nlv = Fraction(cash) + sum(lots * mark for lots, mark in zip(q, risk.marks, strict=True))
    for amount, price, haircut in zip(held, risk.price_ticks, params.of_assets(market), strict=False):
        rate = haircut.rate_bps * amount
        rate -= sum(drop * max(0, amount - kink) for drop, kink in zip(haircut.drops_bps, haircut.kinks, strict=True))
        nlv += Fraction(price * rate, BPS)
    maintenance = Fraction(0)
    width = market.sizes.slots
    for number, entry in enumerate(params.of_underlyings(market)):
        span = range(number * width, (number + 1) * width)
        index = risk.index_ticks[number]
        losses = [-sum(q[k] * risk.rows[k][s] for k in span) for s in range(16)]
        maintenance += max(0, *losses)
        gross = sum(abs(q[k]) for k in span)
        rises = zip(entry.size_kinks_lots, entry.size_rises_bps, strict=True)
        maintenance += Fraction(index * sum(rise * max(0, gross - kink) for kink, rise in rises), BPS)
        short = sum(max(0, -q[k]) for k in span if risk.is_option[k])
        maintenance += Fraction(index * entry.short_option_bps * short, BPS)
        delta, gamma = (sum(q[k] * column[k] for k in span) for column in (risk.deltas, risk.gammas))
        maintenance += Fraction(entry.delta_rate_bps * abs(delta) + entry.gamma_rate_bps * max(0, -gamma), BPS)
    return nlv, maintenance


@settings(deadline=None)
@given(
    st.lists(st.integers(-(1 << 27), (1 << 27) - 1), min_size=8, max_size=8),
    st.integers(-(1 << 56), (1 << 56) - 1),
    st.lists(st.integers(0, (1 << 36) - 1), min_size=3, max_size=3),
)
def test_margin_is_the_rule_written_out(q: list[int], cash: int, held: list[int]) -> None:
    nlv, maintenance = _by_hand(q, cash, held, RISK, MARKET, PARAMS)
    fast = fast_margin(FAST, [q], [cash], [held])
    gross = abs(cash) + sum(abs(lots) * (1 << 27) for lots in q) + sum(amount * (1 << 24) for amount in held)
    assert abs(Fraction(float(fast.nlv[0])) - nlv) <= gross * 2.0**-45
    assert abs(Fraction(float(fast.maintenance[0])) - maintenance) <= gross * 2.0**-45


@pytest.mark.parametrize("profile", ["small", "standard"])
def test_a_sample_book_has_the_exact_engines_margins(profile: str) -> None:
    market = sample_market(6, profile)
    params = default_params(market)
    risk = build_risk_array(market, params)
    accounts = list(sample_book(market, params, 120, 2))
    fast = margin_of_accounts(FastMarket.from_risk_array(risk, market, params), market, accounts)
    published = margin_params(params, market)
    for number, account in enumerate(accounts):
        exact = account_margin(account_vector(account, market), risk, published)
        assert fast.nlv[number] == pytest.approx(exact.nlv_e4 / BPS, rel=1e-9, abs=1)
        assert fast.maintenance[number] == pytest.approx(exact.maintenance_e4 / BPS, rel=1e-9, abs=1)
        assert np.floor(fast.ratio[number] * BPS) == pytest.approx(exact.ratio_bps, abs=1)


def test_fast_prices_change_a_margin_by_no_more_than_their_roundings() -> None:
    accounts = list(sample_book(MARKET, PARAMS, 64, 2))
    fast = margin_of_accounts(FastMarket.from_snapshot(MARKET, PARAMS), MARKET, accounts)
    exact = margin_of_accounts(FAST, MARKET, accounts)
    lots = np.array([sum(abs(number) for number in account.positions.values()) for account in accounts])
    assert np.all(np.abs(fast.nlv - exact.nlv) <= 0.51 * lots + 1)
    # Half a tick in a row, half of the delta rate's, ten halves of the gamma rate's.
    assert np.all(np.abs(fast.maintenance - exact.maintenance) <= 6.0 * lots + 1)


def test_ratio_without_maintenance_is_unbounded() -> None:
    fast = fast_margin(FAST, np.zeros((3, 8)), [5, 0, -5], np.zeros((3, 3)))
    assert fast.ratio.tolist() == [np.inf, np.inf, -np.inf]
    assert fast.scan_risk.shape == (3, 2)


def test_a_risk_array_of_another_profile_is_refused() -> None:
    standard = sample_market(5)
    with pytest.raises(InputError, match="must be of the snapshot's profile standard"):
        FastMarket.from_risk_array(RISK, standard, default_params(standard))
