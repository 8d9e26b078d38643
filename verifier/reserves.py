"""Reserves against liabilities, asset by asset: whose addresses they are is checked, what lies there is not.

No chain is read here. A balance is what the file states; a signature shows that the venue, or someone who helps it,
holds the address's key, for this venue, this epoch and this time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rtnet_core.record import Record
from rtnet_core.reserves import ReserveEntry, Reserves
from rtnet_core.snapshot import Snapshot
from rtnet_core.totals import Totals
from verifier.ownership import LIBRARIES, signature_holds
from verifier.policy import SKEW_MS
from verifier.reasons import refuse
from verifier.verdict import Assurance

Ownership = Literal["verified", "stated"]


@dataclass(frozen=True, slots=True)
class Liability:
    """What the venue owes its accounts in one asset, in units of it; in the quote currency, in ticks."""

    symbol: str
    unit: str  #: what one unit is: ``0.0001 BTC``, ``0.000001 USD``
    amount: int
    is_quote: bool


@dataclass(frozen=True, slots=True)
class ReserveLine:
    """One address; its balance is stated in any case."""

    symbol: str
    chain: str
    address: str
    balance: int
    ownership: Ownership
    balance_assurance: Assurance = "stated"


@dataclass(frozen=True, slots=True)
class Cover:
    """Reserves of one asset against what is owed in it."""

    symbol: str
    liability: int
    reserves: int
    owned: int  #: of the reserves, those at addresses whose ownership is verified
    covered: bool


@dataclass(frozen=True, slots=True)
class ReservesReport:
    """What a reserves file comes to."""

    time_ms: int
    covers: tuple[Cover, ...]
    lines: tuple[ReserveLine, ...]
    notes: tuple[str, ...]  #: why signatures were not checked

    @property
    def covered(self) -> bool:
        """Whether every asset is covered."""
        return all(cover.covered for cover in self.covers)

    def to_json(self) -> dict[str, object]:
        """Return the report as a JSON object."""
        return {
            "time_ms": self.time_ms,
            "covered": self.covered,
            "assets": [
                {
                    "symbol": cover.symbol,
                    "liability": str(cover.liability),
                    "reserves": str(cover.reserves),
                    "ownership_verified": str(cover.owned),
                    "covered": cover.covered,
                }
                for cover in self.covers
            ],
            "addresses": [
                {
                    "symbol": line.symbol,
                    "chain": line.chain,
                    "address": line.address,
                    "balance": str(line.balance),
                    "ownership": line.ownership,
                    "balance_assurance": line.balance_assurance,
                }
                for line in self.lines
            ],
            "notes": list(self.notes),
        }


def liabilities(totals: Totals, snapshot: Snapshot) -> tuple[Liability, ...]:
    """Return what is owed: the quote currency first, then each collateral asset of the market in its order."""
    quote = Liability(snapshot.quote, f"{snapshot.tick} {snapshot.quote}", totals.quote_liability_ticks, True)
    held = zip(snapshot.assets, totals.amounts, strict=False)
    return (quote, *(Liability(asset.symbol, f"{asset.unit} {asset.symbol}", units, False) for asset, units in held))


def check_reserves(reserves: Reserves, record: Record, snapshot: Snapshot, totals: Totals) -> ReservesReport:
    """Return the comparison of a reserves file with an epoch's totals. That they do not suffice is no refusal.

    Raises
    ------
    Refusal
        ``reserves_mismatch``: another venue, key or epoch, or an asset that the market does not have;
        ``reserves_time_mismatch``: further than five minutes from the snapshot; ``reserve_twice``: an address twice in
        one asset; ``reserve_signature_invalid``: a signature is there and does not hold.
    ToolError
        A library that checks signatures is installed and does not load.
    """
    _require_same_epoch(reserves, record)
    owed = liabilities(totals, snapshot)
    symbols = [liability.symbol for liability in owed]
    if len(set(symbols)) < len(symbols):
        raise refuse("reserves_mismatch", f"in this market {symbols[0]} is both quote currency and collateral asset")
    unknown = [asset.symbol for asset in reserves.assets if asset.symbol not in symbols]
    if unknown:
        raise refuse("reserves_mismatch", f"the market does not have {unknown[0]}")
    _require_each_once(reserves)
    missing: set[str] = set()
    lines = [
        ReserveLine(asset.symbol, entry.chain, entry.address, int(entry.balance), _ownership(reserves, entry, missing))
        for asset in reserves.assets
        for entry in asset.entries
    ]
    notes = tuple(
        f"signatures of {chain} were not checked: {LIBRARIES[chain][0]} is not installed" for chain in sorted(missing)
    )
    return ReservesReport(reserves.time_ms, tuple(_cover(liability, lines) for liability in owed), tuple(lines), notes)


def _require_same_epoch(reserves: Reserves, record: Record) -> None:
    for name, found, expected in (
        ("venue_public_key", reserves.venue_public_key, record.signature.public_key),
        ("venue", reserves.venue, record.venue),
        ("epoch", reserves.epoch, record.number),
    ):
        if found != expected:
            raise refuse("reserves_mismatch", f"{name} {found}, record {expected}")
    if abs(reserves.time_ms - record.as_of_ms) > SKEW_MS:
        raise refuse("reserves_time_mismatch", f"reserves {reserves.time_ms} ms, record {record.as_of_ms} ms")


def _require_each_once(reserves: Reserves) -> None:
    for asset in reserves.assets:
        seen: set[tuple[str, str]] = set()
        for entry in asset.entries:
            if entry.identity in seen:
                raise refuse("reserve_twice", f"{asset.symbol}: {entry.chain} {entry.address}")
            seen.add(entry.identity)


def _ownership(reserves: Reserves, entry: ReserveEntry, missing: set[str]) -> Ownership:
    """Return what is known of an address; `missing` collects chains whose library is not there."""
    if entry.signature is None or entry.chain == "other":
        return "stated"
    holds = signature_holds(entry.chain, reserves.message(entry), entry.address, entry.signature)
    if holds is None:
        missing.add(entry.chain)
        return "stated"
    if not holds:
        raise refuse("reserve_signature_invalid", f"{entry.chain} {entry.address}")
    return "verified"


def _cover(liability: Liability, lines: Sequence[ReserveLine]) -> Cover:
    mine = [line for line in lines if line.symbol == liability.symbol]
    reserves = sum(line.balance for line in mine)
    owned = sum(line.balance for line in mine if line.ownership == "verified")
    return Cover(liability.symbol, liability.amount, reserves, owned, reserves >= liability.amount)
