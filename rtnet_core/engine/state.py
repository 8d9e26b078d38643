"""The state of a venue as bytes with one spelling: what snapshots hold, and what two replays must agree in."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import numpy as np

from rtnet_core.engine.accrual import Accrual
from rtnet_core.engine.collateral import Collateral
from rtnet_core.engine.ledger import POOLS, Ledger
from rtnet_core.engine.live import Levels, LiveMargins
from rtnet_core.engine.rates import Rates
from rtnet_core.engine.safeguards import Safeguards
from rtnet_core.engine.settle import Venue
from rtnet_core.engine.tuning import Tuning
from rtnet_core.engine.vault import VaultShares
from rtnet_core.errors import InputError
from rtnet_core.limits import PROFILES
from rtnet_core.params import Params
from rtnet_core.snapshot import Snapshot

#: A state has the second format only if it holds what the first one did not know: others keep bytes and digest.
_FORMATS: Final = ("zkm2m/engine-state/v1", "zkm2m/engine-state/v2")
_LENGTH_BYTES: Final = 8
#: Parts of the venue that the first format did not have.
_LATER: Final = ("collateral", "tuning", "accrual", "vault")
#: Widths of the arrays that follow the head: a position has 28 bits, the others more than 32.
_CASH, _UNITS, _LOTS = "<i8", "<i8", "<i4"


def encode_state(venue: Venue, sequence: int) -> bytes:
    """Return the state after event number `sequence`.

    Notes
    -----
    Eight bytes for the length of the head; the head, JSON with sorted keys; then cash, collateral and lots, row by row,
    little-endian. Margins are not in it: they follow.
    """
    ledger, live = venue.ledger, venue.live
    head = {
        "format": _FORMATS[0],
        "sequence": sequence,
        "levels": [live.levels.initial_bps, live.levels.maintenance_bps, live.levels.close_out_bps],
        "funding_ticks": venue.funding_ticks,
        "safeguards": venue.safeguards.to_json(),
        "pools": {
            name: [str(cash), *map(str, units)]
            for name, cash, units in zip(POOLS, ledger.pool_cash, ledger.pool_units, strict=True)
        },
        "accounts": [ledger.ids, ledger.owners, ledger.modes, ledger.scopes],
        "market": live.rates.snapshot.model_dump(mode="json", exclude_none=True),
        "params": live.rates.params.model_dump(mode="json"),
    }
    later = {name: part.to_json() for name in _LATER if (part := getattr(venue, name))}
    if later or venue.safeguards.depths:
        head |= later | {"format": _FORMATS[1]}
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    count = ledger.count
    arrays = (ledger.cash[:count], _CASH), (ledger.collateral[:count], _UNITS), (ledger.lots[:count], _LOTS)
    return b"".join(
        [len(text).to_bytes(_LENGTH_BYTES, "big"), text, *(array.astype(kind).tobytes() for array, kind in arrays)]
    )


def state_digest(state: bytes) -> bytes:
    """Return SHA-256 of a state."""
    return hashlib.sha256(state).digest()


def decode_state(state: bytes) -> tuple[Venue, int]:
    """Return the venue that `encode_state` wrote, margined anew, and its sequence number.

    Raises
    ------
    InputError
        The bytes are no such state.
    """
    try:
        start = _LENGTH_BYTES + int.from_bytes(state[:_LENGTH_BYTES], "big")
        head = json.loads(state[_LENGTH_BYTES:start])
        if head["format"] not in _FORMATS:
            raise InputError("state", f"must be of format {' or '.join(_FORMATS)}")
        return _venue(head, state[start:]), int(head["sequence"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InputError("state", "is no state of an engine") from None


def _venue(head: dict[str, Any], arrays: bytes) -> Venue:
    snapshot, params = Snapshot.from_json(head["market"], "state"), Params.from_json(head["params"], "state")
    sizes = PROFILES[snapshot.profile]
    ledger = Ledger(sizes.instruments, sizes.assets)
    for account, owner, mode, scope in zip(*head["accounts"], strict=True):
        ledger.open(account, owner, mode, scope)
    count, offset = ledger.count, 0
    for target, kind in ((ledger.cash, _CASH), (ledger.collateral, _UNITS), (ledger.lots, _LOTS)):
        width = target[:count].size
        target[:count] = np.frombuffer(arrays, kind, width, offset).reshape(target[:count].shape)
        offset += width * np.dtype(kind).itemsize
    ledger.pool_cash = [int(head["pools"][name][0]) for name in POOLS]
    ledger.pool_units = [[int(units) for units in head["pools"][name][1:]] for name in POOLS]
    ledger.audit()
    live = LiveMargins(ledger, Rates.of(snapshot, params), Levels(*head["levels"]))
    return Venue(
        ledger,
        live,
        Safeguards.from_json(head["safeguards"]),
        dict(head["funding_ticks"]),
        Collateral.from_json(head["collateral"]) if "collateral" in head else Collateral(),
        Tuning(**head.get("tuning", {})),
        Accrual.from_json(head["accrual"]) if "accrual" in head else Accrual(),
        VaultShares(**head.get("vault", {})),
    )
