"""The Poseidon hash of a snapshot: what oracles sign and the market circuit opens."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rtnet_core.hashing import Tag, hash_fields, pack, text_digest
from rtnet_core.limits import PRICE_BITS, ROW_BITS, TIME_BITS, VOLATILITY_BITS
from rtnet_core.snapshot import Instrument, Snapshot, slots

_KIND_BITS: Final = 3


@lru_cache(maxsize=4)  # one snapshot is asked for its hash by the book, the risk array and the verifier
def snapshot_hash(snapshot: Snapshot) -> int:
    """Return the hash of the snapshot as a field element.

    Notes
    -----
    Elements, in order: digest of (profile, quote, tick) and of every symbol with its lot or unit; time; for each slot
    the digest of the name, then kind, strike, forward, volatility and expiry packed (0 where the kind has none);
    indices and prices packed. Every number stands in the range that `rtnet_core.limits` gives it.
    """
    underlyings = [part for entry in snapshot.underlyings for part in (entry.symbol, entry.lot)]
    assets = [part for entry in snapshot.assets for part in (entry.symbol, entry.unit)]
    names = [snapshot.profile, snapshot.quote, snapshot.tick]
    elements = [
        text_digest("snapshot-names", *(name.encode() for name in names)),
        text_digest("snapshot-underlyings", *(name.encode() for name in underlyings)),
        text_digest("snapshot-assets", *(name.encode() for name in assets)),
        snapshot.time_ms,
    ]
    for instrument in slots(snapshot):
        elements += _instrument_elements(instrument)
    elements += pack([entry.index_ticks for entry in snapshot.underlyings], ROW_BITS)
    elements += pack([entry.price_ticks for entry in snapshot.assets], PRICE_BITS)
    return hash_fields(Tag.SNAPSHOT, elements)


def snapshot_hash_hex(snapshot: Snapshot) -> str:
    """Return the hash as 64 hexadecimal digits, as a book's header names its market."""
    return f"{snapshot_hash(snapshot):064x}"


def _instrument_elements(instrument: Instrument | None) -> tuple[int, int]:
    if instrument is None:
        return 0, 0
    packed = shift = 0
    for number, bits in (
        (instrument.code, _KIND_BITS),
        (instrument.strike_ticks or 0, ROW_BITS),
        (instrument.forward_ticks, ROW_BITS),
        (instrument.volatility_q32 or 0, VOLATILITY_BITS),
        (instrument.expiry_ms or 0, TIME_BITS),
    ):
        packed |= number << shift
        shift += bits
    return text_digest("instrument", instrument.name.encode()), packed
