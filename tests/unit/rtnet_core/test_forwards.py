"""Forwards from futures and from parity, discount factors; the perpetual's mark, funding rate and funding index."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from rtnet_core.chain_quotes import Quote, read_chain
from rtnet_core.errors import InputError
from rtnet_core.forwards import MAX_PAIRS, forward_curve, parity_forward, parity_pairs
from rtnet_core.funding import (
    FUNDING_PERIOD_MS,
    FundingStep,
    funding_index,
    funding_rate,
    perpetual_mark,
    premium_average,
)
from rtnet_core.trades import read_trades
from tests.support.chains import (
    EXPIRIES,
    TIME_MS,
    calm_chain,
    calm_slice,
    chain_rows,
    three_venues,
    write_chain,
    write_trades,
    years_to,
)

INDEX = Fraction(80_000)


def quotes(path: Path, **options: object) -> tuple[Quote, ...]:
    return read_chain([calm_chain(path, **options)]).quotes


def test_a_future_gives_the_forward_and_parity_agrees(tmp_path: Path) -> None:
    curve = forward_curve(quotes(tmp_path / "c.csv"), INDEX, INDEX)
    assert [entry.expiry_ms for entry in curve] == list(EXPIRIES)
    for entry in curve:
        assert entry.source == "future" and 7 <= entry.pairs <= MAX_PAIRS
        assert float(entry.usd) == round(80_000 * 1.01 ** years_to(entry.expiry_ms), 2)
        assert entry.discount == INDEX / entry.usd < 1
        assert abs(entry.parity_error_bps or 0) < 1e-4


def test_parity_gives_the_forward_where_there_is_no_future(tmp_path: Path) -> None:
    curve = forward_curve(quotes(tmp_path / "c.csv", synthetic=EXPIRIES[1:2]), INDEX, INDEX)
    assert [entry.source for entry in curve] == ["future", "parity", "future"]
    assert float(curve[1].usd) == pytest.approx(80_000 * 1.01 ** years_to(EXPIRIES[1]), rel=1e-6)


def test_a_forward_keeps_its_ratio_to_the_index(tmp_path: Path) -> None:
    found = quotes(tmp_path / "c.csv")
    for old, new in zip(forward_curve(found, INDEX, INDEX), forward_curve(found, INDEX, INDEX * 2), strict=True):
        assert new.usd == 2 * old.usd
        assert new.discount == old.discount


def test_pairs_are_those_nearest_the_money_with_both_sides(tmp_path: Path) -> None:
    nearest = [entry for entry in quotes(tmp_path / "c.csv") if entry.row.expiry_ms == EXPIRIES[2]]
    pairs = parity_pairs(nearest)
    assert 7 <= len(pairs) <= MAX_PAIRS
    assert all(call.is_call and not put.is_call for call, put in pairs)
    assert all(call.row.strike_ticks == put.row.strike_ticks for call, put in pairs)
    assert max(abs(call.strike_over_forward - 1) for call, _ in pairs) < Fraction(1, 5)


def test_without_pairs_the_venues_own_forward_stands(tmp_path: Path) -> None:
    rows = chain_rows({EXPIRIES[0]: calm_slice(years_to(EXPIRIES[0]))}, synthetic=EXPIRIES)
    for row in rows:
        row["bid_price"] = ""
    (entry,) = forward_curve(read_chain([write_chain(tmp_path / "c.csv", rows)]).quotes, INDEX, INDEX)
    assert (entry.source, entry.pairs, entry.parity_error_bps) == ("venue", 0, None)


def test_quotes_that_break_parity_are_not_believed(tmp_path: Path) -> None:
    rows = chain_rows({EXPIRIES[0]: calm_slice(years_to(EXPIRIES[0]))}, synthetic=EXPIRIES)
    for row in rows:
        if row["option_type"] == "call" and row["bid_price"]:
            row["bid_price"], row["ask_price"] = (
                f"{float(row[side]) + 0.02:.8f}" for side in ("bid_price", "ask_price")
            )
    (entry,) = forward_curve(read_chain([write_chain(tmp_path / "c.csv", rows)]).quotes, INDEX, INDEX)
    assert entry.source == "venue"
    assert (entry.parity_error_bps or 0) > 100


def test_no_pair_no_forward() -> None:
    with pytest.raises(InputError, match="pairs of call and put"):
        parity_forward([])


# --- perpetuals


def test_the_premium_is_the_perpetuals_over_spot_bucket_by_bucket(tmp_path: Path) -> None:
    trades = read_trades(write_trades(tmp_path / "t.csv", three_venues(TIME_MS)))
    assert premium_average(trades, TIME_MS, 60_000) == Fraction(2, 10_000)
    assert premium_average(trades, TIME_MS + 600_000, 60_000) is None


def test_a_trend_within_the_window_is_no_premium(tmp_path: Path) -> None:
    rows = [(TIME_MS - 10_000 * step, "binance_spot", f"{80_000 + 100 * step}", "1") for step in range(6)]
    rows += [(time, "binance_usdm_perp", price, f"{9 - step}") for step, (time, _, price, _) in enumerate(rows)]
    assert premium_average(read_trades(write_trades(tmp_path / "t.csv", rows)), TIME_MS, 60_000) == 0


def test_the_mark_is_held_within_half_a_per_cent() -> None:
    assert perpetual_mark(INDEX, Fraction(-1, 10)) == INDEX * Fraction(995, 1_000)


@pytest.mark.parametrize(("premium_bps", "rate_bps"), [(-4, 1), (6, 1), (7, 2), (-5, 0), (1_000, 75), (-1_000, -75)])
def test_the_rate_is_the_interest_within_the_clamp(premium_bps: int, rate_bps: int) -> None:
    assert funding_rate(Fraction(premium_bps, 10_000)) == Fraction(rate_bps, 10_000)


def test_the_funding_index_adds_up_over_time() -> None:
    steps = [
        FundingStep(0, Fraction(1, 10_000), INDEX),
        FundingStep(FUNDING_PERIOD_MS, Fraction(-2, 10_000), INDEX),
    ]
    assert funding_index(steps, FUNDING_PERIOD_MS) == 8
    assert funding_index(steps, FUNDING_PERIOD_MS * 3 // 2) == 8 - 8
    assert funding_index(steps, 2 * FUNDING_PERIOD_MS, Fraction(100)) == 92
    assert funding_index([], 5) == 0
    with pytest.raises(InputError, match="ascend"):
        funding_index(steps[::-1], FUNDING_PERIOD_MS)
    with pytest.raises(InputError, match="before the last"):
        funding_index(steps, FUNDING_PERIOD_MS - 1)
