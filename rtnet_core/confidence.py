"""What the confidence of an index does to margin: scan ranges and haircuts grow as it falls.

From `FULL_BPS` up nothing changes. Below, the scale rises along a straight line, to twice as much at `LEAST_BPS`; an
index of less confidence is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, RATE_BITS
from rtnet_core.params import AssetParams, Params

FULL_BPS: Final = 9_000
LEAST_BPS: Final = 5_000
MOST_SCALE_BPS: Final = 20_000


def margin_scale_bps(confidence_bps: int) -> int:
    """Return the factor on scan ranges and haircuts in basis points, rounded up.

    Raises
    ------
    InputError
        The confidence is below `LEAST_BPS`, or above 10^4.

    Examples
    --------
    >>> [margin_scale_bps(confidence) for confidence in (10_000, 9_000, 7_000, 5_000)]
    [10000, 10000, 15000, 20000]
    """
    if not LEAST_BPS <= confidence_bps <= BPS:
        raise InputError("index confidence", f"must be {LEAST_BPS} to {BPS} bps", confidence_bps)
    missing = max(FULL_BPS - confidence_bps, 0)
    return BPS - -missing * (MOST_SCALE_BPS - BPS) // (FULL_BPS - LEAST_BPS)


def scaled_params(params: Params, scale_bps: Mapping[str, int]) -> Params:
    """Return the parameters with the scan ranges and haircuts of the named symbols scaled, rounded up.

    A scan range stays where the furthest scenario leaves the price positive; a haircut stays below all of it.

    Parameters
    ----------
    params
        What applies at full confidence.
    scale_bps
        By symbol, from `margin_scale_bps`; a symbol that is not named keeps its parameters.
    """
    furthest = -min(scenario.price_thirds for scenario in params.scenarios)
    most = (1 << RATE_BITS) - 1 if furthest <= 0 else (3 * BPS - 1) // furthest
    underlyings = tuple(
        entry.model_copy(
            update={"scan_range_bps": min(_scaled(entry.scan_range_bps, scale_bps.get(entry.symbol, BPS)), most)}
        )
        for entry in params.underlyings
    )
    assets = tuple(_scaled_asset(entry, scale_bps.get(entry.symbol, BPS)) for entry in params.assets)
    return Params(scenarios=params.scenarios, underlyings=underlyings, assets=assets)


def _scaled_asset(asset: AssetParams, scale: int) -> AssetParams:
    rate = max(BPS - _scaled(BPS - asset.rate_bps, scale), 0)
    left, drops = rate, []
    for drop in asset.drops_bps:
        drops.append(min(_scaled(drop, scale), left))
        left -= drops[-1]
    return asset.model_copy(update={"rate_bps": rate, "drops_bps": tuple(drops)})


def _scaled(bps: int, scale: int) -> int:
    return -(-bps * scale // BPS)
