"""Where a book comes from: a folder, a file or a database, read as a stream of rows that are accounts or refusals."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rtnet_core.account import (
    ACCOUNTS_NAMES,
    HEADER_NAME,
    Account,
    BookHeader,
    accounts_file,
    read_accounts,
    read_header,
    row_name,
)
from rtnet_core.book_parquet import parquet_count
from rtnet_core.book_sql import DEFAULT_QUERY, sql_accounts
from rtnet_core.databases import is_url, parse_url, shown
from rtnet_core.errors import InputError

_SUFFIXES: Final = (".parquet", ".jsonl")
_SQL_DOMAIN: Final = "zkm2m/book-query/v1"


@dataclass(frozen=True, slots=True)
class BookRow:
    """One row of a book: an account, or the reason why it is none.

    Attributes
    ----------
    number
        Its place, counted from 1.
    account
        The account; None where the row is refused.
    reason
        Which rule of which field the row breaks, without a value; None where it is an account.
    """

    number: int
    account: Account | None = field(repr=False)
    reason: str | None


class BookSource(ABC):
    """A book that can be read as a stream, any number of times, without holding more than a few rows.

    Whether two rows share an id is not looked at here: that takes memory of every row.

    Attributes
    ----------
    expected
        How many rows there should be, where the source states it.
    market
        Hash of the snapshot that the book is marked to (64 hex digits), where it has a header.
    """

    expected: int | None = None
    market: str | None = None

    @abstractmethod
    def rows(self) -> Iterator[BookRow]:
        """Yield every row, in the source's order.

        Raises
        ------
        InputError
            The source as a whole cannot be read, or has more or fewer rows than its header counts.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return 64 hex digits that stay the same for as long as the source does.

        Notes
        -----
        SHA-256 of the accounts file's bytes; of a database, whose content cannot be hashed beforehand, SHA-256 of its
        URL without the password and of the query.

        Raises
        ------
        InputError
            The file cannot be read.
        """


def open_book_source(book: str, query: str | None = None) -> BookSource:
    """Return the source that `book` names.

    Parameters
    ----------
    book
        A book folder, a ``.parquet`` or ``.jsonl`` file, or a SQLAlchemy URL of SQLite or PostgreSQL.
    query
        For a URL: what to read, `DEFAULT_QUERY` if left out.

    Raises
    ------
    InputError
        It names nothing that can be read, or a query is given for files.
    ToolError
        A package that this kind of source needs is not installed.
    """
    if is_url(book):
        return _DatabaseSource(book, DEFAULT_QUERY if query is None else query)
    if query is not None:
        raise InputError("query", "must be left out: the book is no database")
    path = Path(book)
    if path.is_dir():
        return _FileSource(accounts_file(path), read_header(path))
    if path.suffix not in _SUFFIXES:
        raise InputError(book, "must be a book folder, a .parquet or .jsonl file, or a database's URL")
    if not path.is_file():
        raise InputError(book, "is missing")
    # The accounts file of a book folder has its header beside it; any other file needs none.
    inside = path.name in ACCOUNTS_NAMES.values() and (path.parent / HEADER_NAME).is_file()
    return _FileSource(path, read_header(path.parent) if inside else None)


class _FileSource(BookSource):
    def __init__(self, path: Path, header: BookHeader | None) -> None:
        self._path = path
        self._header = header
        counted = parquet_count(path) if path.suffix == ".parquet" else None
        self.expected = counted if header is None else header.accounts
        self.market = None if header is None else header.market

    def rows(self) -> Iterator[BookRow]:
        """Yield every row of the file."""
        number = 0
        for row in _numbered(read_accounts(self._path)):
            number = row.number
            if self._header is not None and number > self._header.accounts:
                where = row_name(self._path, number)
                raise InputError(where, f"must not exist: {HEADER_NAME} counts fewer accounts")
            yield row
        if self._header is not None and number != self._header.accounts:
            raise InputError(f"{HEADER_NAME}: accounts", f"must equal the number of rows of {self._path.name}", number)

    def fingerprint(self) -> str:
        """Return SHA-256 of the file's bytes."""
        try:
            with self._path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise InputError(str(self._path), f"cannot be read: {error.strerror or type(error).__name__}") from None


class _DatabaseSource(BookSource):
    def __init__(self, url: str, query: str) -> None:
        self._url = parse_url(url, "book")
        self._query = query

    def rows(self) -> Iterator[BookRow]:
        """Yield every row of the query."""
        return _numbered(sql_accounts(self._url, self._query, f"book {shown(self._url)}"))

    def fingerprint(self) -> str:
        """Return SHA-256 over the URL without its password and the query, each with its length before it."""
        digest = hashlib.sha256()
        for text in (_SQL_DOMAIN, shown(self._url), self._query):
            part = text.encode("utf-8", "surrogateescape")
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()


def _numbered(rows: Iterable[Account | InputError]) -> Iterator[BookRow]:
    for number, row in enumerate(rows, start=1):
        if isinstance(row, InputError):
            yield BookRow(number, None, str(row))
        else:
            yield BookRow(number, row, None)
