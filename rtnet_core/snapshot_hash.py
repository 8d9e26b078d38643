"""The Poseidon hash of a snapshot: what oracles sign and the market circuit opens."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rtnet_core.hashing import Tag, hash_fields, pack, pack_mixed, padded, text_digest
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
    indices and prices packed, with zeros up to the profile's underlyings and assets. Every number stands in the range
    that `rtnet_core.limits` gives it.

    Circuit twin: circuits/commitments/snapshot_hash.circom:SnapshotHash
    """
    sizes = snapshot.sizes
    elements = [*snapshot_names(snapshot), snapshot.time_ms]
    for instrument in slots(snapshot):
        elements += instrument_elements(instrument)
    elements += pack(padded([entry.index_ticks for entry in snapshot.underlyings], sizes.underlyings), ROW_BITS)
    elements += pack(padded([entry.price_ticks for entry in snapshot.assets], sizes.assets), PRICE_BITS)
    return hash_fields(Tag.SNAPSHOT, elements)


def snapshot_names(snapshot: Snapshot) -> tuple[int, int, int]:
    """Return the digests of profile, quote and tick; of every underlying with its lot; of every asset with its unit."""
    underlyings = [part for entry in snapshot.underlyings for part in (entry.symbol, entry.lot)]
    assets = [part for entry in snapshot.assets for part in (entry.symbol, entry.unit)]
    names = [snapshot.profile, snapshot.quote, snapshot.tick]
    return (
        text_digest("snapshot-names", *(name.encode() for name in names)),
        text_digest("snapshot-underlyings", *(name.encode() for name in underlyings)),
        text_digest("snapshot-assets", *(name.encode() for name in assets)),
    )


def instrument_digest(instrument: Instrument | None) -> int:
    """Return the digest of an instrument's name, 0 for an empty slot."""
    return 0 if instrument is None else text_digest("instrument", instrument.name.encode())


def snapshot_hash_hex(snapshot: Snapshot) -> str:
    """Return the hash as 64 hexadecimal digits, as a book's header names its market."""
    return f"{snapshot_hash(snapshot):064x}"


def instrument_elements(instrument: Instrument | None) -> tuple[int, int]:
    """Return what a slot adds to the hash: the digest of its name, and its numbers packed; both 0 for an empty slot.

    Notes
    -----
    Circuit twin: circuits/pricing/listed_instrument.circom:ListedInstrument
    """
    if instrument is None:
        return 0, 0
    limbs = (
        (instrument.code, _KIND_BITS),
        (instrument.strike_ticks or 0, ROW_BITS),
        (instrument.forward_ticks, ROW_BITS),
        (instrument.volatility_q32 or 0, VOLATILITY_BITS),
        (instrument.expiry_ms or 0, TIME_BITS),
    )
    return instrument_digest(instrument), pack_mixed(limbs, instrument.name)
