"""The part of a record that an epoch's proofs stand behind: the totals of the book, opened, and under which rules."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rtnet_core.document import FieldText, Hex32, InstrumentName, Part, SignedText, Symbol, UnsignedText, broken_rule
from rtnet_core.errors import InputError
from rtnet_core.limits import (
    COUNT_BITS,
    DEFICIT_TOTAL_BITS,
    FIELD_MODULUS,
    NET_TOTAL_BITS,
    THRESHOLD_BITS,
)
from rtnet_core.snapshot import Snapshot, slot_numbers
from rtnet_core.totals import Totals

CircuitName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
AccountCount = Annotated[int, Field(ge=0, lt=1 << COUNT_BITS)]
NetLots = Annotated[int, Field(ge=-(1 << NET_TOTAL_BITS), lt=1 << NET_TOTAL_BITS)]


class CircuitVersion(Part):
    """Which circuit a proof is of, and under which key.

    Attributes
    ----------
    r1cs_sha256
        Hash of the constraint system.
    vk_id
        Hash of the verifying key (`verifier.keystore.key_id`).
    """

    r1cs_sha256: Hex32
    vk_id: Hex32


class PublishedTotals(Part):
    """The totals of the whole book, see `rtnet_core.totals.Totals`, with the blinding that opens their commitment.

    Attributes
    ----------
    collateral
        Units by asset, for every asset of the market.
    net_lots
        Net position by instrument where it is not zero: empty in a book in which every long has its short.
    """

    below_threshold: AccountCount
    shortfall_e8: UnsignedText
    deficit_accounts: AccountCount
    deficit_ticks: UnsignedText
    cash_ticks: SignedText
    collateral: dict[Symbol, UnsignedText]
    net_lots: dict[InstrumentName, NetLots]
    blinding: FieldText

    @classmethod
    def of(cls, totals: Totals, blinding: int, snapshot: Snapshot) -> Self:
        """Return the totals of a book that is marked to `snapshot`."""
        names = {number: name for name, number in slot_numbers(snapshot).items()}
        symbols = [asset.symbol for asset in snapshot.assets]
        return cls(
            below_threshold=totals.below_threshold,
            shortfall_e8=str(totals.shortfall_e8),
            deficit_accounts=totals.deficit_accounts,
            deficit_ticks=str(totals.deficit_ticks),
            cash_ticks=str(totals.cash_ticks),
            collateral={symbol: str(units) for symbol, units in zip(symbols, totals.amounts, strict=False)},
            net_lots={names[slot]: lots for slot, lots in enumerate(totals.net_lots) if lots},
            blinding=str(blinding),
        )

    def totals(self, snapshot: Snapshot) -> Totals:
        """Return the totals in the slots of `snapshot`.

        Raises
        ------
        InputError
            An asset or instrument is missing or not the market's.
        RangeError
            A number is beyond what any book adds up to.
        """
        symbols = [asset.symbol for asset in snapshot.assets]
        if set(self.collateral) != set(symbols):
            raise InputError("record: proven.totals.collateral", f"must name the market's assets {', '.join(symbols)}")
        amounts = [int(self.collateral[symbol]) for symbol in symbols]
        numbers = slot_numbers(snapshot)
        net_lots = [0] * snapshot.sizes.instruments
        for name, lots in self.net_lots.items():
            if name not in numbers:
                raise InputError("record: proven.totals.net_lots", "must name only instruments of the market", name)
            net_lots[numbers[name]] = lots
        return Totals(
            below_threshold=self.below_threshold,
            shortfall_e8=int(self.shortfall_e8),
            deficit_accounts=self.deficit_accounts,
            deficit_ticks=int(self.deficit_ticks),
            cash_ticks=int(self.cash_ticks),
            amounts=tuple(amounts + [0] * (snapshot.sizes.assets - len(amounts))),
            net_lots=tuple(net_lots),
        )


class Proven(Part):
    """What a venue states together with an epoch's proofs.

    Attributes
    ----------
    threshold_bps
        The margin ratio by which accounts are counted as below threshold.
    insurance_fund_ticks
        What stands ready to cover deficits.
    refused_rows
        Rows of the venue's book that are in no proof, because they break a rule.
    circuits
        By name, the circuits that the proofs are of.
    totals
        What the proofs show.
    """

    threshold_bps: Annotated[int, Field(ge=1, lt=1 << THRESHOLD_BITS)]
    insurance_fund_ticks: UnsignedText
    refused_rows: AccountCount
    circuits: dict[CircuitName, CircuitVersion]
    totals: PublishedTotals

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if int(self.insurance_fund_ticks) >= 1 << DEFICIT_TOTAL_BITS:
            raise broken_rule(
                "insurance_fund_ticks", f"must be below 2^{DEFICIT_TOTAL_BITS}", self.insurance_fund_ticks
            )
        if int(self.totals.blinding) >= FIELD_MODULUS:
            raise broken_rule("totals.blinding", "must be below the field order")
        return self
