"""What a venue keeps to open a committed book: the salt and leaf of every account. Secret, for its owner only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.account import Account
from rtnet_core.commitments import BookTree, fresh_salt, leaf, user_id_field
from rtnet_core.document import Document, FieldText, broken_rule
from rtnet_core.errors import InputError
from rtnet_core.files import replace_file
from rtnet_core.limits import PROFILES
from rtnet_core.margin_exact import account_vector
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot

OPENINGS_NAME: Final = "openings.json"


class Openings(Document):
    """Salts and leaves in account order, with the signed record they belong to (format ``zkm2m/openings/v1``)."""

    secret: ClassVar[bool] = True
    max_bytes: ClassVar[int] = 1 << 28  # a million accounts

    format: Literal["zkm2m/openings/v1"] = "zkm2m/openings/v1"
    record: Record
    salts: Annotated[tuple[FieldText, ...], Field(strict=False, min_length=1, repr=False)]
    leaves: Annotated[tuple[FieldText, ...], Field(strict=False, min_length=1, repr=False)]

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if not len(self.salts) == len(self.leaves) == self.record.account_count:
            raise broken_rule("leaves", "must be as many as salts and as the accounts of the record")
        return self

    def tree(self) -> BookTree:
        """Return the Merkle tree over the leaves."""
        return BookTree([int(digest) for digest in self.leaves], PROFILES[self.record.profile].depth)

    def write(self, folder: Path) -> None:
        """Write ``openings.json`` into a book folder, readable by its owner only."""
        replace_file(folder / OPENINGS_NAME, [self.to_json_bytes()])

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the openings of a book folder.

        Raises
        ------
        InputError
            The book was not committed yet, or the file breaks a rule.
        """
        path = folder / OPENINGS_NAME
        if not path.is_file():
            raise InputError(str(folder), "is not committed yet: run `zkm2m book commit` first")
        return cls.from_json(path.read_bytes(), OPENINGS_NAME)


def commit_accounts(accounts: Iterable[Account], snapshot: Snapshot) -> tuple[list[int], list[int]]:
    """Return (fresh salts, leaves) of `accounts` in their order.

    Raises
    ------
    InputError
        An account names an instrument or asset that the snapshot does not have.
    """
    salts: list[int] = []
    leaves: list[int] = []
    for account in accounts:
        salts.append(fresh_salt())
        leaves.append(leaf(user_id_field(account.id), salts[-1], account_vector(account, snapshot)))
    return salts, leaves
