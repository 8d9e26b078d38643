"""What a scenario does to forward and volatility, as exact fractions."""

from __future__ import annotations

from typing import Final

from rtnet_core.limits import BPS
from rtnet_core.params import Scenario, UnderlyingParams

#: A scenario's price factor is a fraction of this denominator: thirds of basis points.
PRICE_DENOMINATOR: Final = 3 * BPS


def price_factor(params: UnderlyingParams, scenario: Scenario) -> int:
    """Return the scenario's price factor as a numerator over 3·10^4."""
    return PRICE_DENOMINATOR + scenario.price_thirds * params.scan_range_bps


def volatility_factor(params: UnderlyingParams, scenario: Scenario) -> int:
    """Return the scenario's volatility factor as a numerator over 10^4."""
    moves = {1: params.volatility_up_bps, 0: 0, -1: -params.volatility_down_bps}
    return BPS + moves[scenario.volatility]
