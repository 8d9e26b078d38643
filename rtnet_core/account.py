"""Accounts and the folder that holds a book of them. What they hold is secret: no error shows a value.

A book is a folder: ``book.json`` (how many accounts, marked to which snapshot) and ``accounts.jsonl`` (one account a
line, read and written as a stream).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, field_validator

from rtnet_core.document import Amount, CashTicks, Document, InstrumentName, Lots, Symbol, broken_rule
from rtnet_core.errors import InputError
from rtnet_core.files import replace_file
from rtnet_core.snapshot import Snapshot, slot_numbers

HEADER_NAME: Final = "book.json"
ACCOUNTS_NAME: Final = "accounts.jsonl"
#: Longest line of ``accounts.jsonl``: far above 256 positions and 16 assets with their names.
MAX_LINE_BYTES: Final = 65_536
MAX_ID_BYTES: Final = 128


class Account(Document):
    """One account (format ``zkm2m/account/v1``); zero amounts and zero positions are dropped, so it has one spelling.

    A line of a book leaves the format out.

    Attributes
    ----------
    id
        1 to 128 bytes of UTF-8 in Unicode normal form C, without control characters. The leaf commits to these bytes.
    cash_ticks
        Signed, in ticks; already carries entry cost, realised P&L and accrued funding.
    collateral
        Units (at least 0) by asset.
    positions
        Signed lots by instrument.
    """

    secret: ClassVar[bool] = True

    format: Literal["zkm2m/account/v1"] = "zkm2m/account/v1"
    id: str = Field(repr=False)
    cash_ticks: CashTicks = Field(repr=False)
    collateral: dict[Symbol, Amount] = Field(default_factory=dict, repr=False)
    positions: dict[InstrumentName, Lots] = Field(default_factory=dict, repr=False)

    @field_validator("id")
    @classmethod
    def _one_spelling(cls, text: str) -> str:
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise broken_rule("", "must be text that UTF-8 can spell") from None
        if not 1 <= size <= MAX_ID_BYTES:
            raise broken_rule("", f"must be 1 to {MAX_ID_BYTES} bytes of UTF-8")
        if any(unicodedata.category(character) == "Cc" for character in text):
            raise broken_rule("", "must not hold control characters")
        if not unicodedata.is_normalized("NFC", text):
            raise broken_rule("", "must be in Unicode normal form C")
        return text

    @field_validator("collateral", "positions")
    @classmethod
    def _without_zeros(cls, entries: dict[str, int]) -> dict[str, int]:
        return {name: number for name, number in entries.items() if number}

    def to_line(self) -> bytes:
        """Return the account as one line of ``accounts.jsonl``: keys sorted, no spaces, a newline at the end."""
        content = {
            "id": self.id,
            "cash_ticks": self.cash_ticks,
            "collateral": self.collateral,
            "positions": self.positions,
        }
        return (json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def quantities(account: Account, snapshot: Snapshot, *, source: str = "account") -> list[int]:
    """Return the account's signed lots in slot order, shape (K,).

    Raises
    ------
    InputError
        It has a position in an instrument that the snapshot does not list.
    """
    numbers = slot_numbers(snapshot)
    vector = [0] * snapshot.sizes.instruments
    for name, lots in account.positions.items():
        if name not in numbers:
            raise InputError(f"{source}: positions", "must name only instruments that the market lists")
        vector[numbers[name]] = lots
    return vector


def amounts(account: Account, snapshot: Snapshot, *, source: str = "account") -> list[int]:
    """Return the account's collateral in units, in the order of the snapshot's assets, padded with zeros to shape (A,).

    Raises
    ------
    InputError
        It holds an asset that the snapshot does not price.
    """
    numbers = {asset.symbol: number for number, asset in enumerate(snapshot.assets)}
    vector = [0] * snapshot.sizes.assets
    for symbol, amount in account.collateral.items():
        if symbol not in numbers:
            raise InputError(f"{source}: collateral", "must name only assets that the market prices")
        vector[numbers[symbol]] = amount
    return vector


class BookHeader(Document):
    """``book.json`` (format ``zkm2m/book/v1``): how many accounts, and the hash of the snapshot they are marked to."""

    format: Literal["zkm2m/book/v1"] = "zkm2m/book/v1"
    accounts: Annotated[int, Field(ge=1, le=1 << 24)]
    market: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Book:
    """A book folder opened for reading.

    Parameters
    ----------
    folder
        Holds ``book.json`` and ``accounts.jsonl``.

    Raises
    ------
    InputError
        A file is missing or ``book.json`` breaks a rule.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        header, self._path = folder / HEADER_NAME, folder / ACCOUNTS_NAME
        for path in (header, self._path):
            if not path.is_file():
                raise InputError(str(path), "is missing: a book is a folder with book.json and accounts.jsonl")
        self.header = BookHeader.from_json(header.read_bytes(), HEADER_NAME)

    def __len__(self) -> int:
        return self.header.accounts

    def __iter__(self) -> Iterator[Account]:
        """Yield the accounts in file order.

        Raises
        ------
        InputError
            A line is no account, repeats an id, or the number of lines is not the header's.
        """
        lines: dict[str, int] = {}
        number = 0
        with self._path.open("rb") as stream:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                source = f"{ACCOUNTS_NAME} line {number}"
                if len(line) > MAX_LINE_BYTES:
                    raise InputError(source, f"must not be longer than {MAX_LINE_BYTES} bytes")
                if number > self.header.accounts:
                    raise InputError(source, f"must not exist: {HEADER_NAME} counts fewer accounts")
                account = Account.from_json(line, source)
                if account.id in lines:
                    raise InputError(f"{source}: id", f"must be unique: line {lines[account.id]} has it too")
                lines[account.id] = number
                yield account
        if number != self.header.accounts:
            raise InputError(f"{HEADER_NAME}: accounts", "must equal the number of lines of accounts.jsonl", number)


def write_book(folder: Path, accounts: Iterable[Account], market_hash: str, *, overwrite: bool = False) -> BookHeader:
    """Write a book folder that only its owner can read, and return its header.

    The accounts are streamed to a temporary file that is renamed once it is complete; ``book.json`` comes last, so a
    folder that has one is whole.

    Raises
    ------
    InputError
        The folder already holds a book and `overwrite` is False; two accounts share an id; there is no account.
    """
    header_path, accounts_path = folder / HEADER_NAME, folder / ACCOUNTS_NAME
    if header_path.exists() and not overwrite:
        raise InputError(str(folder), "must not hold a book already")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    header_path.unlink(missing_ok=True)
    header = BookHeader.from_json({"accounts": _write_lines(accounts_path, accounts), "market": market_hash}, "book")
    replace_file(header_path, [header.to_json_bytes()])
    return header


def _write_lines(path: Path, accounts: Iterable[Account]) -> int:
    seen: set[str] = set()

    def lines() -> Iterator[bytes]:
        for account in accounts:
            if account.id in seen:
                raise InputError(f"account {len(seen) + 1}: id", "must be unique within the book")
            seen.add(account.id)
            yield account.to_line()

    replace_file(path, lines())
    return len(seen)
