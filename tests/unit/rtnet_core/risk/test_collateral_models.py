"""What models want of haircuts: more for more volatility, less liquidity, a weak peg, a closed market."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.risk.collateral_models import CollateralModels
from rtnet_core.risk.haircuts import LiquidityHaircut

PARAMS = default_params(sample_market(5, "small"))
KINK = PARAMS.assets[2].kinks[0]
VOLUME = 500_000_000
#: Friday 2026-08-21 at 20:00 UTC, when New York closes, and noon there.
CLOSE, NOON = 1_787_342_400_000, 1_787_331_600_000


def models(**of: Any) -> CollateralModels:
    text = json.dumps({"format": "zkm2m/collateral-models/v1", "assets": of})
    return CollateralModels.from_json(text.encode(), "models")


def wanted(volatility: float = 0.03, now_ms: int = NOON, **fields: Any) -> tuple[int, int]:
    asset = {"coin": "BTC", "volume_units": VOLUME} | fields
    found = models(BTC=asset).wanted(PARAMS, {"BTC": volatility}, now_ms)
    return found["BTC.haircut_bps"].bps, found["BTC.haircut_bps[1]"].bps


def test_the_haircut_is_that_of_a_holding_up_to_the_kink() -> None:
    rule = LiquidityHaircut(0.03, VOLUME)
    first, second = wanted()
    assert 0 <= first - BPS * float(rule.haircut(KINK)) < 1 + 1e-9
    assert second > first


def test_haircuts_follow_volatility_and_liquidity() -> None:
    assert wanted(0.06)[0] > wanted(0.03)[0]
    thin = wanted(volume_units=VOLUME // 100)
    assert thin[0] > wanted()[0]
    assert thin[1] - thin[0] > wanted()[1] - wanted()[0]


def test_a_depeg_comes_on_top_of_the_coins_fall() -> None:
    bare, under_stress = wanted()[0], wanted(depeg_bps=700)[0]
    assert abs((BPS - under_stress) - (BPS - bare) * 93 // 100) <= 1


def test_a_market_that_is_closed_costs_more() -> None:
    hours = {"zone": "America/New_York", "opens": "09:30", "closes": "16:00", "price_time_ms": NOON}
    is_open, closed = wanted(hours=hours), wanted(hours=hours | {"price_time_ms": CLOSE}, now_ms=CLOSE + 3_600_000)
    assert is_open == wanted()
    assert closed[0] > is_open[0]
    assert wanted(hours=hours | {"holidays": ["2026-08-21"]})[0] > is_open[0]


def test_a_volatility_can_be_given() -> None:
    asset = {"daily_volatility_bps": 300, "volume_units": VOLUME}
    assert models(BTC=asset).wanted(PARAMS, {}, 0)["BTC.haircut_bps"].bps == wanted(0.03)[0]


@pytest.mark.parametrize(
    "of",
    [
        {"BTC": {"volume_units": 1}},
        {"BTC": {"coin": "BTC", "daily_volatility_bps": 1, "volume_units": 1}},
        {"BTC": {"coin": "ETH", "volume_units": 1}},
        {"DOGE": {"coin": "BTC", "volume_units": 1}},
    ],
)
def test_what_does_not_fit_is_refused(of: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        models(**of).wanted(PARAMS, {"BTC": 0.03}, 0)
