"""Obligations between many parties: what each pays and gets in all, and how much of it is excess.

    net of a party   = what it is owed - what it owes
    gross            = sum of all obligations
    least gross      = sum of the positive nets: no settlement of the same nets moves less
    excess           = gross - least gross

Format ``zkm2m/obligations/v1``; amounts are whole ticks.

References
----------
D'Errico and Roukny, *Compressing over-the-counter markets*, Operations Research 69 (2021): the definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.document import Document, Part, broken_rule
from rtnet_core.errors import InputError

#: An obligation stays below 2^53 ticks, nine billion USD, so that float64 holds it exactly.
OBLIGATION_BITS: Final = 53

PartyName = Annotated[str, Field(pattern=r"^[!-~](?:[ -~]{0,126}[!-~])?$")]


class Obligation(Part):
    """What a debtor owes a creditor, in ticks."""

    debtor: PartyName
    creditor: PartyName
    amount_ticks: Annotated[int, Field(ge=1, lt=1 << OBLIGATION_BITS)]

    @model_validator(mode="after")
    def _between_two(self) -> Self:
        if self.debtor == self.creditor:
            raise broken_rule("creditor", "must be another party than the debtor", self.creditor)
        return self


class Obligations(Document):
    """A file of obligations (format ``zkm2m/obligations/v1``); several between the same two parties add up."""

    format: Literal["zkm2m/obligations/v1"] = "zkm2m/obligations/v1"
    obligations: Annotated[tuple[Obligation, ...], Field(strict=False)]

    def network(self) -> Network:
        """Return the network of these obligations.

        Raises
        ------
        InputError
            Obligations of one pair add up to 2^53 or more.
        """
        return Network.of((entry.debtor, entry.creditor, entry.amount_ticks) for entry in self.obligations)


@dataclass(frozen=True, slots=True)
class Network:
    """Who owes whom: parties by name, and for each ordered pair of their numbers (debtor, creditor) an amount above 0.

    Examples
    --------
    >>> ring = Network.of([("A", "B", 5), ("B", "C", 10), ("C", "A", 20)])
    >>> ring.nets(), ring.gross_ticks, ring.least_gross_ticks, ring.excess_ticks
    ([15, -5, -10], 35, 15, 20)
    """

    parties: tuple[str, ...]
    debts: Mapping[tuple[int, int], int]

    @classmethod
    def of(cls, obligations: Iterable[tuple[str, str, int]]) -> Self:
        """Return the network of (debtor, creditor, ticks), parties sorted by name.

        Raises
        ------
        InputError
            A party owes itself, an amount is below 1, or those of a pair add up to 2^53 or more.
        """
        by_name: dict[tuple[str, str], int] = {}
        for debtor, creditor, ticks in obligations:
            if debtor == creditor or ticks < 1:
                raise InputError("obligations", "must be between two parties and at least 1", (debtor, creditor, ticks))
            by_name[debtor, creditor] = by_name.get((debtor, creditor), 0) + ticks
        for (debtor, creditor), ticks in by_name.items():
            if ticks >= 1 << OBLIGATION_BITS:
                where = f"obligations of {debtor} to {creditor}"
                raise InputError(where, f"must add up to less than 2^{OBLIGATION_BITS}", ticks)
        parties = tuple(sorted({party for pair in by_name for party in pair}))
        number = {party: place for place, party in enumerate(parties)}
        pairs = {(number[debtor], number[creditor]): ticks for (debtor, creditor), ticks in by_name.items()}
        return cls(parties, dict(sorted(pairs.items())))

    def with_debts(self, debts: Mapping[tuple[int, int], int]) -> Network:
        """Return a network of the same parties; pairs that owe nothing are dropped."""
        return Network(self.parties, {pair: ticks for pair, ticks in sorted(debts.items()) if ticks})

    def nets(self) -> list[int]:
        """Return what each party is owed less what it owes."""
        nets = [0] * len(self.parties)
        for (debtor, creditor), ticks in self.debts.items():
            nets[debtor] -= ticks
            nets[creditor] += ticks
        return nets

    @property
    def gross_ticks(self) -> int:
        """Sum of all obligations."""
        return sum(self.debts.values())

    @property
    def least_gross_ticks(self) -> int:
        """What has to move in any case: the sum of the positive nets."""
        return sum(net for net in self.nets() if net > 0)

    @property
    def excess_ticks(self) -> int:
        """What compression can remove at most."""
        return self.gross_ticks - self.least_gross_ticks

    def gross_by_party(self) -> list[int]:
        """Return what each party owes and is owed, added up."""
        gross = [0] * len(self.parties)
        for pair, ticks in self.debts.items():
            for party in pair:
                gross[party] += ticks
        return gross
