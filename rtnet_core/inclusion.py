"""What a venue hands to one customer: their account as it was committed to, and the path from its leaf to the book."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.account import Account
from rtnet_core.commitments import book_root_of_path, leaf, user_id_field
from rtnet_core.document import (
    Amount,
    CashTicks,
    Document,
    FieldText,
    Hex32,
    InstrumentName,
    Lots,
    Part,
    Symbol,
    broken_rule,
)
from rtnet_core.limits import BOOK_BITS, FIELD_MODULUS
from rtnet_core.margin_exact import AccountVector, account_vector
from rtnet_core.snapshot import Snapshot


class IncludedAccount(Part):
    """The account, as a line of a book spells it."""

    id: str = Field(repr=False)
    cash_ticks: CashTicks = Field(repr=False)
    collateral: dict[Symbol, Amount] = Field(repr=False)
    positions: dict[InstrumentName, Lots] = Field(repr=False)


class Inclusion(Document):
    """One customer's file for one epoch (format ``zkm2m/inclusion/v1``). Secret: it shows the account.

    Attributes
    ----------
    epoch
        Number of the epoch.
    record
        Digest of its record.
    account
        What the venue committed to.
    salt
        Of the leaf.
    index
        Of the leaf, below the book's account count.
    siblings
        Shape (D,), lowest level first.
    """

    secret: ClassVar[bool] = True

    format: Literal["zkm2m/inclusion/v1"] = "zkm2m/inclusion/v1"
    epoch: Annotated[int, Field(ge=1, lt=1 << 32)]
    record: Hex32
    account: IncludedAccount = Field(repr=False)
    salt: FieldText = Field(repr=False)
    index: Annotated[int, Field(ge=0, lt=1 << BOOK_BITS, repr=False)]
    siblings: Annotated[tuple[FieldText, ...], Field(strict=False, min_length=1, max_length=BOOK_BITS, repr=False)]

    @model_validator(mode="after")
    def _below_the_field_order(self) -> Self:
        if int(self.salt) >= FIELD_MODULUS:
            raise broken_rule("salt", "must be below the field order")
        if any(int(sibling) >= FIELD_MODULUS for sibling in self.siblings):
            raise broken_rule("siblings", "must each be below the field order")
        return self

    @property
    def holder(self) -> Account:
        """The account.

        Raises
        ------
        InputError
            Its id is none.
        """
        return Account.from_json(self.account.model_dump(), "account")

    def vector(self, snapshot: Snapshot) -> AccountVector:
        """Return the account in the slots of `snapshot`.

        Raises
        ------
        InputError
            It names what the snapshot does not have.
        """
        return account_vector(self.holder, snapshot)

    def book_root(self, snapshot: Snapshot, account_count: int) -> int:
        """Return the book root that account and path lead to.

        Raises
        ------
        InputError
            The index is not one of `account_count` accounts; the account names what the snapshot does not have.
        """
        digest = leaf(user_id_field(self.account.id), int(self.salt), self.vector(snapshot))
        return book_root_of_path(digest, self.index, [int(sibling) for sibling in self.siblings], account_count)
