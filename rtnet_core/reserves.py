"""What a venue holds against its liabilities: addresses, balances, and signatures that the addresses are its own.

Format ``zkm2m/reserves/v1``. A signature is over `ownership_message`, which names venue, epoch and time: it cannot be
taken from another venue's file or from an older one.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.document import Document, Hex32, Part, Symbol, TimeMs, UnsignedText, broken_rule
from rtnet_core.record import VenueName

Chain = Literal["ethereum", "bitcoin", "other"]
Address = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
SignatureText = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,256}$")]

#: How an address of a chain is spelled; of Bitcoin: P2PKH and P2SH, then segregated witness, of the main network.
_ADDRESS_RULES: Final = {
    "ethereum": re.compile("0x[0-9a-fA-F]{40}"),
    "bitcoin": re.compile("[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,87}"),
}


class ReserveEntry(Part):
    """A balance at an address.

    Attributes
    ----------
    chain
        Where the address is; ``other`` is whatever has no ownership signature: a bank, a custodian, another chain.
    address
        1 to 128 printable ASCII characters.
    balance
        In units of the asset; of the quote currency in ticks.
    signature
        Over `ownership_message`: of Ethereum 65 bytes in hexadecimal behind 0x, of Bitcoin in base64; left out where
        there is none.
    """

    chain: Chain
    address: Address
    balance: UnsignedText
    signature: SignatureText | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """What makes two entries the same address; upper and lower case make no difference."""
        return self.chain, self.address.lower()

    @model_validator(mode="after")
    def _fits_the_chain(self) -> Self:
        rule = _ADDRESS_RULES.get(self.chain)
        if rule is not None and not rule.fullmatch(self.address):
            raise broken_rule("address", f"must be an address of {self.chain}", self.address)
        if self.chain == "other" and self.signature is not None:
            raise broken_rule("signature", "must be left out: no signature of another chain is checked")
        return self


class ReserveAsset(Part):
    """What is held of one asset; `symbol` is an asset of the market, or the quote currency."""

    symbol: Symbol
    entries: Annotated[tuple[ReserveEntry, ...], Field(strict=False)]

    @property
    def balance(self) -> int:
        """Sum of the balances."""
        return sum(int(entry.balance) for entry in self.entries)


class Reserves(Document):
    """A venue's reserves at the time of an epoch.

    Attributes
    ----------
    venue, venue_public_key
        As in the epoch's record.
    epoch
        Number of the epoch.
    time_ms
        When the balances were read.
    assets
        In any order, each at most once.
    """

    format: Literal["zkm2m/reserves/v1"] = "zkm2m/reserves/v1"
    venue: VenueName
    venue_public_key: Hex32
    epoch: Annotated[int, Field(ge=1, lt=1 << 32)]
    time_ms: TimeMs
    assets: Annotated[tuple[ReserveAsset, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _each_asset_once(self) -> Self:
        for symbol, count in Counter(asset.symbol for asset in self.assets).items():
            if count > 1:
                raise broken_rule("assets", "must name each asset once", symbol)
        return self

    def message(self, entry: ReserveEntry) -> str:
        """Return what the owner of `entry`'s address signs."""
        return ownership_message(
            self.venue, self.venue_public_key, self.epoch, self.time_ms, entry.chain, entry.address
        )


def ownership_message(venue: str, venue_public_key: str, epoch: int, time_ms: int, chain: str, address: str) -> str:
    """Return the text that the key of an address signs: seven lines, none of which a name can imitate.

    An Ethereum address stands in it in lower case, whatever its spelling in the file.

    Examples
    --------
    >>> print(ownership_message("Example", "07" * 32, 17, 1785000000000, "ethereum", "0x" + "Ab" * 20))
    zkm2m reserves v1
    venue: Example
    venue key: 0707070707070707070707070707070707070707070707070707070707070707
    epoch: 17
    time: 1785000000000 ms
    chain: ethereum
    address: 0xabababababababababababababababababababab
    """
    spelled = address.lower() if chain == "ethereum" else address
    return (
        f"zkm2m reserves v1\nvenue: {venue}\nvenue key: {venue_public_key}\nepoch: {epoch}\ntime: {time_ms} ms\n"
        f"chain: {chain}\naddress: {spelled}"
    )
