"""Accounts and the folder that holds a book of them. What they hold is secret: no error shows a value.

A book is a folder: ``book.json`` (how many accounts, marked to which snapshot) and either ``accounts.parquet`` or
``accounts.jsonl`` (one account a line), read and written as a stream.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, field_validator

from rtnet_core.book_parquet import parquet_chunks, parquet_rows
from rtnet_core.document import Amount, CashTicks, Document, InstrumentName, Lots, Symbol, broken_rule
from rtnet_core.errors import InputError
from rtnet_core.files import replace_file
from rtnet_core.snapshot import Snapshot, slot_numbers

HEADER_NAME: Final = "book.json"
BookFormat = Literal["parquet", "jsonl"]
#: The file of a book's accounts in either format.
ACCOUNTS_NAMES: Final[dict[BookFormat, str]] = {"parquet": "accounts.parquet", "jsonl": "accounts.jsonl"}
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

    def to_row(self) -> dict[str, Any]:
        """Return the account as a row of a book."""
        return {
            "id": self.id,
            "cash_ticks": self.cash_ticks,
            "collateral": self.collateral,
            "positions": self.positions,
        }

    def to_line(self) -> bytes:
        """Return the account as one line of ``accounts.jsonl``: keys sorted, no spaces, a newline at the end."""
        content = self.to_row()
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


def accounts_file(folder: Path) -> Path:
    """Return the file that holds the accounts of a book folder.

    Raises
    ------
    InputError
        There is none, or one of each format.
    """
    found = [path for name in ACCOUNTS_NAMES.values() if (path := folder / name).is_file()]
    if len(found) == 1:
        return found[0]
    names = " or ".join(ACCOUNTS_NAMES.values())
    if found:
        raise InputError(str(folder), f"must hold {names}, and holds both")
    raise InputError(
        str(folder / ACCOUNTS_NAMES["parquet"]), f"is missing: a book is a folder with book.json and {names}"
    )


def read_header(folder: Path) -> BookHeader:
    """Return the ``book.json`` of a book folder.

    Raises
    ------
    InputError
        It is missing or breaks a rule.
    """
    path = folder / HEADER_NAME
    if not path.is_file():
        names = " or ".join(ACCOUNTS_NAMES.values())
        raise InputError(str(path), f"is missing: a book is a folder with book.json and {names}")
    return BookHeader.from_json(path.read_bytes(), HEADER_NAME)


def row_name(path: Path, number: int) -> str:
    """Return what errors call a row of an accounts file, counted from 1."""
    return f"{path.name} {'line' if path.suffix == '.jsonl' else 'row'} {number}"


def read_accounts(path: Path) -> Iterator[Account | InputError]:
    """Yield each row of an accounts file as an account, or as the error that says which rule it breaks.

    Parameters
    ----------
    path
        Read as JSON lines where it ends in ``.jsonl``, else as Parquet.

    Raises
    ------
    InputError
        The file as a whole cannot be read.
    ToolError
        pyarrow, which Parquet needs, is not installed.
    """
    rows = _lines(path) if path.suffix == ".jsonl" else parquet_rows(path)
    for number, row in enumerate(rows, start=1):
        if isinstance(row, InputError):
            yield row
            continue
        try:
            account = Account.from_json(row, row_name(path, number))
        except InputError as error:
            yield error
        else:
            yield account


class Book:
    """A book folder opened for reading.

    Parameters
    ----------
    folder
        Holds ``book.json`` and ``accounts.parquet`` or ``accounts.jsonl``.

    Raises
    ------
    InputError
        A file is missing, accounts are there in both formats, or ``book.json`` breaks a rule.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = read_header(folder)
        self._path = accounts_file(folder)

    def __len__(self) -> int:
        return self.header.accounts

    def __iter__(self) -> Iterator[Account]:
        """Yield the accounts in file order.

        Raises
        ------
        InputError
            A row is no account, repeats an id, or the number of rows is not the header's.
        """
        rows: dict[str, int] = {}
        number = 0
        for number, row in enumerate(read_accounts(self._path), start=1):
            source = row_name(self._path, number)
            if number > self.header.accounts:
                raise InputError(source, f"must not exist: {HEADER_NAME} counts fewer accounts")
            if isinstance(row, InputError):
                raise row
            if row.id in rows:
                raise InputError(f"{source}: id", f"must be unique: {row_name(self._path, rows[row.id])} has it too")
            rows[row.id] = number
            yield row
        if number != self.header.accounts:
            raise InputError(f"{HEADER_NAME}: accounts", f"must equal the number of rows of {self._path.name}", number)


def write_book(
    folder: Path,
    accounts: Iterable[Account],
    market_hash: str,
    *,
    format: BookFormat = "parquet",  # noqa: A002 - what users call it
    overwrite: bool = False,
) -> BookHeader:
    """Write a book folder that only its owner can read, and return its header.

    The accounts are streamed to a temporary file that is renamed once it is complete; ``book.json`` comes last, so a
    folder that has one is whole. Accounts of an older book in the other format are removed.

    Raises
    ------
    InputError
        The folder already holds a book and `overwrite` is False; two accounts share an id; there is no account.
    ToolError
        pyarrow, which Parquet needs, is not installed.
    """
    header_path = folder / HEADER_NAME
    if header_path.exists() and not overwrite:
        raise InputError(str(folder), "must not hold a book already")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    header_path.unlink(missing_ok=True)
    count = _write_accounts(folder / ACCOUNTS_NAMES[format], accounts, format)
    for other, name in ACCOUNTS_NAMES.items():
        if other != format:
            (folder / name).unlink(missing_ok=True)
    header = BookHeader.from_json({"accounts": count, "market": market_hash}, "book")
    replace_file(header_path, [header.to_json_bytes()])
    return header


def _lines(path: Path) -> Iterator[bytes | InputError]:
    """Yield the lines of a file, none of which is ever held beyond the limit."""
    try:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) <= MAX_LINE_BYTES:
                    yield line
                    continue
                yield InputError(row_name(path, number), f"must not be longer than {MAX_LINE_BYTES} bytes")
                while line and not line.endswith(b"\n"):
                    line = stream.readline(MAX_LINE_BYTES)
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or type(error).__name__}") from None


def _write_accounts(path: Path, accounts: Iterable[Account], format: BookFormat) -> int:  # noqa: A002
    seen: set[str] = set()

    def unique() -> Iterator[Account]:
        for account in accounts:
            if account.id in seen:
                raise InputError(f"account {len(seen) + 1}: id", "must be unique within the book")
            seen.add(account.id)
            yield account

    if format == "parquet":
        replace_file(path, parquet_chunks(account.to_row() for account in unique()))
    else:
        replace_file(path, (account.to_line() for account in unique()))
    return len(seen)
