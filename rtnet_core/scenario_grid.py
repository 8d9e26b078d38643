"""The scenario grid of one profile, and its Poseidon hash: what shapes the risk array beside the snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from rtnet_core.hashing import Tag, hash_fields, pack, pack_mixed, padded, text_digest
from rtnet_core.limits import PRICE_THIRDS_BITS, PRICE_THIRDS_MAX, RATE_BITS
from rtnet_core.params import Params
from rtnet_core.snapshot import Snapshot

#: A volatility move is one of three.
_MOVE_BITS = 2


@dataclass(frozen=True, slots=True)
class ScenarioGrid:
    """Scenarios and shocks, padded with zeros to the profile: S scenarios, U underlyings, A assets.

    Attributes
    ----------
    underlying_digests, asset_digests
        Shape (U,) and (A,), 248-bit digests of the symbols that the parameters were looked up by.
    price_thirds, volatilities, cover_bps
        Shape (S,): see `rtnet_core.params.Scenario`.
    scan_range_bps, volatility_up_bps, volatility_down_bps
        Shape (U,): see `rtnet_core.params.UnderlyingParams`.
    """

    underlying_digests: tuple[int, ...]
    asset_digests: tuple[int, ...]
    price_thirds: tuple[int, ...]
    volatilities: tuple[int, ...]
    cover_bps: tuple[int, ...]
    scan_range_bps: tuple[int, ...]
    volatility_up_bps: tuple[int, ...]
    volatility_down_bps: tuple[int, ...]

    def hash(self) -> int:
        """Return the hash as a field element; no scenario can be dropped or changed under one hash.

        Notes
        -----
        Circuit twin: circuits/commitments/scenarios_hash.circom:ScenariosHash
        """
        scenarios = [
            pack_mixed(
                ((thirds + PRICE_THIRDS_MAX, PRICE_THIRDS_BITS), (move + 1, _MOVE_BITS), (cover, RATE_BITS)), "scenario"
            )
            for thirds, move, cover in zip(self.price_thirds, self.volatilities, self.cover_bps, strict=True)
        ]
        shocks = [
            pack_mixed([(rate, RATE_BITS) for rate in rates], "shock")
            for rates in zip(self.scan_range_bps, self.volatility_up_bps, self.volatility_down_bps, strict=True)
        ]
        elements = [
            *self.underlying_digests,
            *self.asset_digests,
            *pack(scenarios, PRICE_THIRDS_BITS + _MOVE_BITS + RATE_BITS),
            *pack(shocks, 3 * RATE_BITS),
        ]
        return hash_fields(Tag.SCENARIOS, elements)


def scenario_grid(params: Params, snapshot: Snapshot) -> ScenarioGrid:
    """Return the grid of the snapshot's underlyings, in its order.

    Raises
    ------
    InputError
        The parameters lack an underlying of the snapshot.
    """
    sizes = snapshot.sizes
    shocks = params.of_underlyings(snapshot)
    of_underlying = {
        name: tuple(padded([getattr(entry, name) for entry in shocks], sizes.underlyings))
        for name in ("scan_range_bps", "volatility_up_bps", "volatility_down_bps")
    }
    return ScenarioGrid(
        underlying_digests=tuple(padded([_digest(entry.symbol) for entry in snapshot.underlyings], sizes.underlyings)),
        asset_digests=tuple(padded([_digest(entry.symbol) for entry in snapshot.assets], sizes.assets)),
        price_thirds=tuple(scenario.price_thirds for scenario in params.scenarios),
        volatilities=tuple(scenario.volatility for scenario in params.scenarios),
        cover_bps=tuple(scenario.cover_bps for scenario in params.scenarios),
        **of_underlying,
    )


def _digest(symbol: str) -> int:
    return text_digest("symbol", symbol.encode())
