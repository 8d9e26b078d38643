"""What a market and its parameters mean for margins: the exact risk array as integer columns, ready for sums.

The rows are those of the market circuit (`rtnet_core.black76.instrument_row`), so the engine's margins are the proven
rule's, to the last digit, on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from rtnet_core.black76 import instrument_row
from rtnet_core.engine.events import CASH, Prices
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.params import SCENARIO_COUNT, AssetParams, Params, UnderlyingParams
from rtnet_core.snapshot import Instrument, Snapshot, slots

Integers = NDArray[np.int64]

#: Columns of a row, and of an account's sums in one underlying: scenario P&L, then these.
MARK: Final = SCENARIO_COUNT
DELTA: Final = MARK + 1
GAMMA: Final = MARK + 2
WIDTH: Final = MARK + 3


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices and margin rates of one market, padded to its profile: K slots, U underlyings, A assets.

    Attributes
    ----------
    rows
        Shape (K, WIDTH), ticks per lot: value change under each scenario, mark, delta, gamma.
    is_option
        Shape (K,).
    table
        What stands in each slot.
    slot_of, asset_of
        Numbers by name and by symbol.
    """

    snapshot: Snapshot
    params: Params
    rows: Integers
    is_option: NDArray[np.bool_]
    table: tuple[Instrument | None, ...]
    slot_of: dict[str, int]
    asset_of: dict[str, int]
    underlyings: tuple[UnderlyingParams, ...]
    assets: tuple[AssetParams, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, params: Params) -> Self:
        """Return the rates of `snapshot` under `params`.

        Raises
        ------
        InputError
            `params` lacks a symbol of the snapshot, or an asset is called as cash is.
        RangeError
            A value change does not fit its width: the lot is too large for the price.
        """
        table = tuple(slots(snapshot))
        if any(asset.symbol == CASH for asset in snapshot.assets):
            raise InputError("assets", f"must not have {CASH}, which is cash")
        underlyings, assets = params.of_underlyings(snapshot), params.of_assets(snapshot)
        of_symbol = {entry.symbol: entry for entry in underlyings}
        rows = np.zeros((len(table), WIDTH), dtype=np.int64)
        for slot, instrument in enumerate(table):
            if instrument is not None:
                row = instrument_row(instrument, snapshot.time_ms, of_symbol[instrument.underlying], params.scenarios)
                rows[slot] = (*row.changes, row.mark, row.delta, row.gamma)
        return cls(
            snapshot=snapshot,
            params=params,
            rows=rows,
            is_option=np.array([entry is not None and entry.is_option for entry in table]),
            table=table,
            slot_of={entry.name: slot for slot, entry in enumerate(table) if entry is not None},
            asset_of={asset.symbol: number for number, asset in enumerate(snapshot.assets)},
            underlyings=underlyings,
            assets=assets,
        )

    def steepest_e4(self) -> list[int]:
        """Return, per slot, the most that one lot more or less changes the maintenance margin: ticks * 10^-4.

        Every part of the margin rule is a maximum, a sum or a hinge of terms that are linear in the lots, so none of
        them moves by more than its steepest line.
        """
        steepest = [0] * len(self.table)
        width = self.snapshot.sizes.slots
        for u, (entry, params) in enumerate(zip(self.snapshot.underlyings, self.underlyings, strict=True)):
            for slot in range(u * width, (u + 1) * width):
                *changes, _, delta, gamma = map(abs, self.rows[slot].tolist())
                index_bps = sum(params.size_rises_bps) + params.short_option_bps
                add_ons = params.delta_rate_bps * delta + params.gamma_rate_bps * gamma
                steepest[slot] = BPS * max(changes) + entry.index_ticks * index_bps + add_ons
        return steepest


def repriced(snapshot: Snapshot, event: Prices) -> Snapshot:
    """Return the snapshot with an event's prices and time.

    Raises
    ------
    InputError
        It names what is not listed, or the result breaks a rule of snapshots: an expiry has passed.
    """
    named = {
        "index_ticks": {entry.symbol for entry in snapshot.underlyings},
        "forward_ticks": {entry.name for entry in snapshot.instruments},
        "volatility_q32": {entry.name for entry in snapshot.instruments if entry.is_option},
        "price_ticks": {asset.symbol for asset in snapshot.assets},
    }
    for field, known in named.items():
        if not getattr(event, field).keys() <= known:
            raise InputError(f"prices.{field}", "must name only what the market lists")
    if event.time_ms < snapshot.time_ms:
        raise InputError("prices.time_ms", "must not be before the market's time")
    content = snapshot.model_dump(exclude_none=True)
    content["time_ms"] = event.time_ms
    for entries, key, fields in (
        ("underlyings", "symbol", ("index_ticks",)),
        ("instruments", "name", ("forward_ticks", "volatility_q32")),
        ("assets", "symbol", ("price_ticks",)),
    ):
        for entry in content[entries]:
            for field in fields:
                if entry[key] in (new := getattr(event, field)):
                    entry[field] = new[entry[key]]
    return Snapshot.from_json(content, "prices")


def without(snapshot: Snapshot, name: str) -> Snapshot:
    """Return the snapshot without an instrument.

    Raises
    ------
    InputError
        No instrument would be left.
    """
    content = snapshot.model_dump(exclude_none=True)
    content["instruments"] = [entry for entry in content["instruments"] if entry["name"] != name]
    return Snapshot.from_json(content, "market")
