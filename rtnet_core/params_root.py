"""The Poseidon root of the margin parameters, over a snapshot's underlyings and assets in its order."""

from __future__ import annotations

from dataclasses import dataclass

from rtnet_core.hashing import Tag, hash_fields, pack_mixed
from rtnet_core.limits import (
    AMOUNT_BITS,
    ENVELOPE_KINKS,
    GREEK_RATE_BITS,
    RATE_BITS,
    SIZE_BITS,
)
from rtnet_core.params import AssetParams, Params, UnderlyingParams
from rtnet_core.scenario_grid import scenario_grid
from rtnet_core.snapshot import Snapshot

_NO_KINKS = (0,) * ENVELOPE_KINKS


@dataclass(frozen=True, slots=True)
class MarginParams:
    """The parameters that the margin rule of one profile reads, padded to its U underlyings and A assets.

    All rates are basis points; kinks are lots (size) or units (collateral). Padding is zero throughout.
    """

    rate_bps: tuple[int, ...]
    kinks: tuple[tuple[int, ...], ...]
    drops_bps: tuple[tuple[int, ...], ...]
    size_kinks: tuple[tuple[int, ...], ...]
    size_rises_bps: tuple[tuple[int, ...], ...]
    short_option_bps: tuple[int, ...]
    delta_rate_bps: tuple[int, ...]
    gamma_rate_bps: tuple[int, ...]
    scenarios_hash: int

    def root(self) -> int:
        """Return the root as a field element.

        Notes
        -----
        Circuit twin: circuits/commitments/params_root.circom:ParamsRoot
        """
        elements = [self.scenarios_hash]
        for rate, drops, kinks in zip(self.rate_bps, self.drops_bps, self.kinks, strict=True):
            limbs = [
                (rate, RATE_BITS),
                *((drop, RATE_BITS) for drop in drops),
                *((kink, AMOUNT_BITS) for kink in kinks),
            ]
            elements.append(pack_mixed(limbs, "margin parameter"))
        for short, delta, gamma, rises, kinks in zip(
            self.short_option_bps,
            self.delta_rate_bps,
            self.gamma_rate_bps,
            self.size_rises_bps,
            self.size_kinks,
            strict=True,
        ):
            limbs = [(short, RATE_BITS), (delta, GREEK_RATE_BITS), (gamma, GREEK_RATE_BITS)]
            limbs += [*((rise, RATE_BITS) for rise in rises), *((kink, SIZE_BITS) for kink in kinks)]
            elements.append(pack_mixed(limbs, "margin parameter"))
        return hash_fields(Tag.PARAMS, elements)


def margin_params(params: Params, snapshot: Snapshot) -> MarginParams:
    """Return the parameters of the snapshot's underlyings and assets, in its order, padded to its profile.

    Raises
    ------
    InputError
        The parameters lack an underlying or an asset of the snapshot.
    """
    underlyings: list[UnderlyingParams | None] = [*params.of_underlyings(snapshot)]
    assets: list[AssetParams | None] = [*params.of_assets(snapshot)]
    underlyings += [None] * (snapshot.sizes.underlyings - len(underlyings))
    assets += [None] * (snapshot.sizes.assets - len(assets))
    return MarginParams(
        rate_bps=tuple(entry.rate_bps if entry else 0 for entry in assets),
        kinks=tuple(entry.kinks if entry else _NO_KINKS for entry in assets),
        drops_bps=tuple(entry.drops_bps if entry else _NO_KINKS for entry in assets),
        size_kinks=tuple(entry.size_kinks_lots if entry else _NO_KINKS for entry in underlyings),
        size_rises_bps=tuple(entry.size_rises_bps if entry else _NO_KINKS for entry in underlyings),
        short_option_bps=tuple(entry.short_option_bps if entry else 0 for entry in underlyings),
        delta_rate_bps=tuple(entry.delta_rate_bps if entry else 0 for entry in underlyings),
        gamma_rate_bps=tuple(entry.gamma_rate_bps if entry else 0 for entry in underlyings),
        scenarios_hash=scenario_grid(params, snapshot).hash(),
    )
