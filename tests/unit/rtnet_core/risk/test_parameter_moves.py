"""Parameters move at a bounded speed, and the log tells every move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import BPS
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.risk.backtest import TAIL_FREEDOM
from rtnet_core.risk.forecast import ewma_volatility, move_quantile
from rtnet_core.risk.haircuts import LiquidityHaircut
from rtnet_core.risk.index_series import IndexSeries
from rtnet_core.risk.parameter_moves import (
    NO_RECORD,
    MoveLimits,
    ParameterLog,
    Target,
    day_volatilities,
    haircut_target,
    moved_params,
    scan_range_target,
    wanted_scan_ranges,
)

PARAMS = default_params(sample_market(1))
FALLING = Target(0.05, 0.10, "EWMA, 24 h")
RISING = Target(0.40, 0.40, "EWMA, 24 h")


@given(st.integers(0, 4_900), st.integers(0, 20_000))
def test_a_move_is_bounded_and_never_the_wrong_way(old: int, wanted: int) -> None:
    limits = MoveLimits(least_bps=0)
    new = limits.limited_bps(old, wanted)
    assert old - max(old * 500 // BPS, 1) <= new <= old + max(old * 2_500 // BPS, 1)
    assert (new - old) * (wanted - old) >= 0
    assert (new == old) == (wanted == old or (old == 4_900 and wanted > old))


def test_a_parameter_arrives_and_then_rests() -> None:
    params, log = PARAMS, ParameterLog()
    for step in range(60):
        params, log = moved_params(params, log, step, scan_ranges={"BTC": FALLING}, haircuts={}, limits=MoveLimits())
    assert params.underlyings[0].scan_range_bps == 625  # 0.75 · 5 % + 0.25 · 10 %
    assert len(log.records) < 60
    assert [record.old_bps for record in log.records[1:]] == [record.new_bps for record in log.records[:-1]]
    assert log.records[0].old_bps == 1_500
    assert log.records[0].new_bps == 1_425
    assert {record.wanted_bps for record in log.records} == {625}
    assert params.underlyings[1] == PARAMS.underlyings[1]


def test_a_haircut_that_eats_the_drops_cuts_and_logs_them() -> None:
    params, log = PARAMS, ParameterLog()
    limits = MoveLimits(up_bps=100 * BPS, most_bps=9_900)
    params, log = moved_params(
        params, log, 0, scan_ranges={}, haircuts={"BTC": Target(0.9, 0.9, "stress")}, limits=limits
    )
    found = next(asset for asset in params.assets if asset.symbol == "BTC")
    assert (found.rate_bps, found.drops_bps) == (1_000, (500, 500))
    assert [record.parameter for record in log.records] == ["BTC.haircut_bps", "BTC.drops_bps[1]"]


def test_a_haircut_of_nothing_can_rise() -> None:
    usdc = {"USDC": Target(0.02, 0.02, "peg")}
    params, _ = moved_params(PARAMS, ParameterLog(), 0, scan_ranges={}, haircuts=usdc, limits=MoveLimits(least_bps=0))
    assert next(asset for asset in params.assets if asset.symbol == "USDC").rate_bps == 9_999


def test_forecasts_feed_both() -> None:
    """A wild week widens BTC's scan range and haircut, each as fast as its limits allow; a calm one narrows both."""
    rng = np.random.default_rng(3)
    calm = rng.normal(0, 0.004, 400)
    wild = np.concatenate([calm, rng.normal(0, 0.05, 28)])
    found = {}
    for name, returns in {"calm": calm, "wild": wild}.items():
        day = float(ewma_volatility(returns, 4))
        params, _ = moved_params(
            PARAMS,
            ParameterLog(),
            0,
            scan_ranges={"BTC": scan_range_target(day, 0.99, 0.10, "EWMA, 24 h")},
            haircuts={"BTC": haircut_target(LiquidityHaircut(day, 10**6), 10**5, 0.04, "EWMA, 24 h")},
            limits=MoveLimits(),
        )
        rate = next(asset.rate_bps for asset in params.assets if asset.symbol == "BTC")
        found[name] = (params.underlyings[0].scan_range_bps, BPS - rate)
    assert found == {"calm": (1_425, 475), "wild": (1_875, 625)}


def test_the_log_is_a_chain() -> None:
    params, log = PARAMS, ParameterLog()
    for step, target in enumerate((RISING, FALLING, RISING)):
        params, log = moved_params(
            params, log, step, scan_ranges={"BTC": target, "ETH": target}, haircuts={}, limits=MoveLimits()
        )
    assert log.records[0].previous == NO_RECORD
    assert ParameterLog.checked(log.records, log.head) == log
    changed = log.records[2].model_copy(update={"new_bps": log.records[2].new_bps + 1})
    for forged in (log.records[1:], log.records[:-1], (*log.records[:2], changed, *log.records[3:])):
        with pytest.raises(Refusal, match="parameter_log_broken"):
            ParameterLog.checked(forged, log.head)


def test_an_unchanged_parameter_writes_nothing() -> None:
    same = Target(0.15, 0.15, "EWMA")
    params, log = moved_params(PARAMS, ParameterLog(), 0, scan_ranges={"BTC": same}, haircuts={}, limits=MoveLimits())
    assert params == PARAMS
    assert log.records == ()


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="scan_ranges"):
        moved_params(PARAMS, ParameterLog(), 0, scan_ranges={"XYZ": RISING}, haircuts={}, limits=MoveLimits())
    with pytest.raises(InputError, match="time_ms"):
        ParameterLog().appended(5, "a", 1, 2, 2, "x").appended(4, "a", 1, 2, 2, "x")
    with pytest.raises(InputError, match="positive"):
        moved_params(
            PARAMS,
            ParameterLog(),
            0,
            scan_ranges={"BTC": Target(0.9, 0.9, "x")},
            haircuts={},
            limits=MoveLimits(up_bps=100 * BPS, most_bps=9_000),
        )


def test_a_series_wants_scan_ranges_of_its_forecast_and_its_furthest_day() -> None:
    """A price goes up and down by one per cent every six hours; only the last window, a step short, sees a move."""
    steps = 400
    levels = 100.0 * np.exp(0.01 * (np.arange(steps) % 2))[:, None]
    series = IndexSeries(("BTC",), np.arange(steps) * 6 * 3_600_000, levels, np.full((steps, 1), 0.5))
    assert day_volatilities(series)["BTC"] == pytest.approx(0.02)
    found = wanted_scan_ranges(series, 0.99)["BTC.scan_range_bps"].bps
    assert found == MoveLimits().wanted_bps(np.expm1(move_quantile(0.99, TAIL_FREEDOM) * 0.02), np.expm1(0.01))
