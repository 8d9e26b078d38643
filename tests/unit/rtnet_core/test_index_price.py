"""The index over venues: exact averages, caps, staleness, confidence and what it does to margin, and the jump rule."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtnet_core.chain_quotes import read_chain
from rtnet_core.confidence import FULL_BPS, LEAST_BPS, margin_scale_bps, scaled_params
from rtnet_core.errors import InputError, Refusal
from rtnet_core.index_price import IndexRules, capped_weights, check_jump, index_from_chain, index_from_trades
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.trades import Trade, read_trades, vwap
from tests.support.chains import calm_chain, three_venues, write_trades

NOW = 1_000_000
SPOT, LINEAR, INVERSE = "binance_spot", "binance_usdm_perp", "binance_coinm_perp"


def trade(venue: str, usd: int, coins: int = 1, age_ms: int = 0) -> Trade:
    return Trade(NOW - age_ms, venue, usd * 10**8, coins * 10**18)


def test_equal_prices_make_the_index_exactly_and_full_confidence() -> None:
    index = index_from_trades([trade(SPOT, 100), trade(LINEAR, 100, 5), trade(INVERSE, 100)], NOW)
    assert (index.usd, index.confidence_bps, index.dropped) == (100, 10_000, ())
    assert sum(entry.weight for entry in index.venues) == 1


def test_the_average_is_over_volume_and_within_the_window_only() -> None:
    trades = [trade(SPOT, 100), trade(SPOT, 103, 2), trade(SPOT, 999, 50, 60_000), trade(LINEAR, 102, 3, 59_999)]
    index = index_from_trades([*trades, trade(LINEAR, 102, 3), trade(INVERSE, 102)], NOW)
    assert {entry.venue: entry.vwap for entry in index.venues} == {SPOT: 102, LINEAR: 102, INVERSE: 102}


def test_trades_after_the_time_are_not_looked_at() -> None:
    early = [trade(SPOT, 100), trade(LINEAR, 100), trade(INVERSE, 100)]
    assert index_from_trades([*early, trade(SPOT, 5_000, 100, -1)], NOW).usd == 100


def test_an_outlier_is_capped_at_half_a_per_cent_from_the_median() -> None:
    index = index_from_trades([trade(SPOT, 2_000), trade(LINEAR, 1_000), trade(INVERSE, 1_000)], NOW)
    outlier = next(entry for entry in index.venues if entry.venue == SPOT)
    assert (outlier.vwap, outlier.counted) == (2_000, 1_005)
    assert index.usd == Fraction(1_005 + 1_000 + 1_000, 3)
    assert index.confidence_bps == 6_666  # a third of the weight disagrees by the cap and more


def test_no_venue_counts_more_than_its_cap() -> None:
    index = index_from_trades([trade(SPOT, 1_000), trade(LINEAR, 1_001, 10_000), trade(INVERSE, 1_000)], NOW)
    assert {entry.venue: entry.weight for entry in index.venues} == {
        SPOT: Fraction(1, 4),
        LINEAR: Fraction(1, 2),
        INVERSE: Fraction(1, 4),
    }


@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=8),
    st.integers(1, 10_000),
)
def test_weights_keep_their_cap_and_their_order(volumes: list[int], cap_bps: int) -> None:
    cap = Fraction(cap_bps, 10_000)
    weights = capped_weights([Fraction(volume) for volume in volumes], cap)
    assert sum(weights) == 1
    assert max(weights) <= max(cap, Fraction(1, len(volumes)))
    ranked = sorted(zip(volumes, weights, strict=True))
    assert all(left[1] <= right[1] for left, right in pairwise(ranked))


def test_a28_a_stale_venue_is_dropped_and_costs_confidence() -> None:
    live = [trade(SPOT, 100), trade(LINEAR, 100)]
    index = index_from_trades([*live, trade(INVERSE, 100, age_ms=30_001)], NOW)
    assert (index.dropped, index.confidence_bps) == ((INVERSE,), 6_666)
    kept = index_from_trades([*live, trade(INVERSE, 100, age_ms=30_000)], NOW)
    assert (kept.dropped, kept.confidence_bps) == ((), 8_333)  # a third of the weight is half as fresh


def test_too_few_live_venues_make_no_index() -> None:
    with pytest.raises(InputError, match="at least 2 venues"):
        index_from_trades([trade(SPOT, 100), trade(LINEAR, 100, age_ms=40_000)], NOW)


@pytest.mark.parametrize("name", ["window_ms", "stale_ms", "deviation_cap_bps", "min_venues", "weight_cap_bps"])
def test_a_parameter_below_one_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        IndexRules(**{name: 0})


def test_a_chain_gives_its_median_and_less_confidence(tmp_path: Path) -> None:
    quotes = read_chain([calm_chain(tmp_path / "chain.csv")]).quotes
    index = index_from_chain(quotes)
    assert (index.usd, index.confidence_bps, index.source) == (80_000, 9_000, "chain")


# --- confidence


def test_the_margin_scale_falls_with_confidence_and_ends() -> None:
    scales = [margin_scale_bps(confidence) for confidence in range(LEAST_BPS, 10_001)]
    assert scales[0] == 20_000
    assert set(scales[FULL_BPS - LEAST_BPS :]) == {10_000}
    assert scales == sorted(scales, reverse=True)
    for confidence in (LEAST_BPS - 1, 10_001, -1):
        with pytest.raises(InputError, match="index confidence"):
            margin_scale_bps(confidence)


def test_scaled_parameters_are_never_softer() -> None:
    params = default_params(sample_market(1, "standard", 0))
    scaled = scaled_params(params, {"BTC": 20_000, "ETH": 12_345})
    for before, after in zip(params.underlyings, scaled.underlyings, strict=True):
        assert after.scan_range_bps > before.scan_range_bps
    btc, eth = scaled.underlyings
    assert (btc.scan_range_bps, eth.scan_range_bps) == (3_000, 2_469)
    for asset, other in zip(params.assets, scaled.assets, strict=True):
        lines = [asset.rate_bps, asset.rate_bps - asset.drops_bps[0], asset.rate_bps - sum(asset.drops_bps)]
        made = [other.rate_bps, other.rate_bps - other.drops_bps[0], other.rate_bps - sum(other.drops_bps)]
        assert all(new <= old for new, old in zip(made, lines, strict=True))
        assert min(made) >= 0
    assert scaled_params(params, {}) == params


def test_a_scan_range_stays_where_prices_stay_positive() -> None:
    params = default_params(sample_market(1, "standard", 0))
    wide = params.model_copy(
        update={
            "underlyings": tuple(entry.model_copy(update={"scan_range_bps": 4_000}) for entry in params.underlyings)
        }
    )
    assert {entry.scan_range_bps for entry in scaled_params(wide, {"BTC": 20_000, "ETH": 20_000}).underlyings} == {
        4_999
    }


# --- jumps


@pytest.mark.parametrize(("bps", "hours"), [(500, 0), (-500, 0), (1_100, 6), (3_000, 25), (-3_000, 1_000)])
def test_a_jump_that_time_explains_passes_and_one_more_is_refused(bps: int, hours: int) -> None:
    elapsed, before = hours * 3_600_000, Fraction(80_000)
    assert check_jump("BTC", before * (10_000 + bps) / 10_000, before, elapsed) == bps
    further = bps + (1 if bps > 0 else -1)
    with pytest.raises(Refusal) as caught:
        check_jump("BTC", before * (10_000 + further) / 10_000, before, elapsed)
    assert caught.value.code == "price_jump"


# --- the trade file


def test_a_coin_margined_quantity_is_contracts_of_100_usd(tmp_path: Path) -> None:
    path = write_trades(
        tmp_path / "trades.csv", [(1, INVERSE, "61685.5", "3"), (2, SPOT, "61685.50000001", "0.00000001")]
    )
    inverse, spot = read_trades(path)
    assert inverse.amount == round(Fraction(300) / Fraction("61685.5") * 10**18)
    assert (spot.price, spot.amount) == (6_168_550_000_001, 10**10)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("1,binance_spot,100,1", "cells"),
        ("-1,binance_spot,100,1,0", "ts_ms"),
        ("1.5,binance_spot,100,1,0", "ts_ms"),
        ("99999999999999,binance_spot,100,1,0", "ts_ms"),
        ("1,kraken,100,1,0", "venue"),
        ("1,binance_spot,0,1,0", "price"),
        ("1,binance_spot,nan,1,0", "price"),
        ("1,binance_spot,1e5,1,0", "price"),
        ("1,binance_spot,100.123456789,1,0", "price"),
        ("1,binance_spot,100,-1,0", "qty"),
        ("1,binance_spot,100,,0", "qty"),
    ],
)
def test_a_bad_row_is_named_by_line_and_field(tmp_path: Path, line: str, field: str) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(f"ts_ms,venue,price,qty,buyer_is_maker\n{line}\n")
    with pytest.raises(InputError, match="line 2") as caught:
        read_trades(path)
    assert field in str(caught.value)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "ts_ms,venue,price,qty,buyer_is_maker\n", "", "\xff"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trades.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError):
        read_trades(path)
    with pytest.raises(InputError):
        read_trades(tmp_path / "absent.csv")


def test_an_average_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one"):
        vwap([])
    assert len(read_trades(write_trades(tmp_path / "t.csv", three_venues(NOW)))) == 180
