"""Accounts and book folders: strict, canonical, and silent about what they hold."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.account import ACCOUNTS_NAMES, HEADER_NAME, Account, Book, BookFormat, amounts, quantities, write_book
from rtnet_core.book_parquet import parquet_chunks
from rtnet_core.errors import InputError, RangeError
from rtnet_core.market_sample import sample_market

HASH = "ab" * 32
SECRET = 7_171_717


def _account(**fields: Any) -> dict[str, Any]:
    return {"id": "alice", "cash_ticks": SECRET, "collateral": {"USDC": 5}, "positions": {"BTC-PERPETUAL": -3}} | fields


def test_zero_entries_are_dropped_so_an_account_has_one_spelling() -> None:
    with_zeros = Account.from_json(_account(positions={"BTC-PERPETUAL": -3, "X": 0}, collateral={"USDC": 5, "BTC": 0}))
    assert with_zeros == Account.from_json(_account())
    assert with_zeros.to_line() == Account.from_json(_account()).to_line()
    assert Account.from_json(with_zeros.to_line()) == with_zeros
    assert Account.from_json(with_zeros.to_json_bytes()) == with_zeros


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cash_ticks": 1 << 56}, "cash_ticks: must be below 2^56"),
        ({"cash_ticks": -(1 << 56) - 1}, "cash_ticks: must be at least -2^56"),
        ({"collateral": {"USDC": -1}}, "collateral[…]: must be at least 0"),
        ({"collateral": {"USDC": 1 << 36}}, "collateral[…]: must be below 2^36"),
    ],
)
def test_a01_a_number_outside_its_range_is_refused_without_showing_it(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RangeError) as caught:
        Account.from_json(_account(**fields), "accounts.jsonl line 3")
    assert str(caught.value) == f"accounts.jsonl line 3: {message}"


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ""},
        {"id": "x" * 129},
        {"id": "tab\there"},
        {"id": "e\u0301"},  # e and a combining accent: normal form C has one code point
        {"id": "\ud800"},
        {"id": 5},
        {"cash_ticks": 1.5},
        {"cash_ticks": True},
        {"positions": {"BTC-PERPETUAL": f"{SECRET}"}},
        {"positions": {"not a name": SECRET}},
        {"hidden_field": SECRET},
    ],
)
def test_a_broken_account_is_refused_and_its_message_holds_no_value(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        Account.from_json(_account(**fields), "line 1")
    assert str(SECRET) not in str(caught.value)
    assert "PERPETUAL" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_account_does_not_print_what_it_holds() -> None:
    shown = repr(Account.from_json(_account())) + str(Account.from_json(_account()))
    assert str(SECRET) not in shown
    assert "alice" not in shown
    assert "PERPETUAL" not in shown


def test_vectors_stand_in_slot_order_and_unknown_names_are_refused() -> None:
    market = sample_market(1, "small")
    account = Account.from_json(_account(positions={"ETH-PERPETUAL": 4, "BTC-PERPETUAL": -3}))
    assert quantities(account, market) == [-3, 0, 0, 0, 4, 0, 0, 0]
    assert amounts(account, market) == [5, 0, 0]
    with pytest.raises(InputError, match="only instruments that the market lists") as caught:
        quantities(Account.from_json(_account(positions={"DOGE-PERPETUAL": 4})), market)
    assert "DOGE" not in str(caught.value)
    with pytest.raises(InputError, match="only assets that the market prices"):
        amounts(Account.from_json(_account(collateral={"DOGE": 4})), market)


def _book(folder: Path, count: int = 3, book_format: BookFormat = "parquet") -> Path:
    accounts = (Account.from_json(_account(id=f"acct-{number}")) for number in range(count))
    write_book(folder, accounts, HASH, format=book_format)
    return folder


@pytest.mark.parametrize("book_format", ["parquet", "jsonl"])
def test_a_book_reads_back_and_only_its_owner_may_read_it(tmp_path: Path, book_format: BookFormat) -> None:
    book = Book(_book(tmp_path / "book", book_format=book_format))
    assert list(book) == [Account.from_json(_account(id=f"acct-{number}")) for number in range(3)]
    assert (len(book), book.header.market) == (3, HASH)
    name = ACCOUNTS_NAMES[book_format]
    for path in (HEADER_NAME, name):
        assert stat.S_IMODE((tmp_path / "book" / path).stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "book").iterdir()) == [name, HEADER_NAME]


@pytest.mark.parametrize("book_format", ["parquet", "jsonl"])
def test_a_book_is_not_overwritten_unasked_and_a_failed_one_leaves_no_header(
    tmp_path: Path, book_format: BookFormat
) -> None:
    folder = _book(tmp_path / "book", book_format=book_format)
    with pytest.raises(InputError, match="must not hold a book already"):
        write_book(folder, [], HASH, format=book_format)
    twins = [Account.from_json(_account())] * 2
    with pytest.raises(InputError, match="unique"):
        write_book(folder, twins, HASH, format=book_format, overwrite=True)
    assert [path.name for path in folder.iterdir()] == [ACCOUNTS_NAMES[book_format]]
    with pytest.raises(InputError, match="at least 1"):
        write_book(tmp_path / "empty", [], HASH, format=book_format)


def test_a_book_that_is_replaced_in_the_other_format_leaves_no_accounts_of_the_old_one(tmp_path: Path) -> None:
    folder = _book(tmp_path / "book", book_format="jsonl")
    write_book(folder, [Account.from_json(_account())], HASH, overwrite=True)
    assert not (folder / "accounts.jsonl").exists()
    assert [account.id for account in Book(folder)] == ["alice"]
    (folder / "accounts.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="and holds both"):
        Book(folder)


def test_a16_rows_of_parquet_and_header_must_agree_and_ids_be_unique(tmp_path: Path) -> None:
    for name, count, said in (("few", 2, "must equal the number of rows"), ("many", 4, "row 4: must not exist")):
        folder = _book(tmp_path / name, 3)
        accounts = _book(tmp_path / f"{name}-other", count) / "accounts.parquet"
        accounts.rename(folder / "accounts.parquet")
        with pytest.raises(InputError, match=said):
            list(Book(folder))
    rows = [Account.from_json(_account()).to_row()] * 2
    (folder / "accounts.parquet").write_bytes(b"".join(parquet_chunks(rows)))
    with pytest.raises(InputError, match=r"row 2: id: must be unique: accounts.parquet row 1 has it too"):
        list(Book(folder))


def test_a16_lines_and_header_must_agree_and_ids_be_unique(tmp_path: Path) -> None:
    folder = _book(tmp_path / "book", book_format="jsonl")
    lines = (folder / "accounts.jsonl").read_bytes().splitlines(keepends=True)

    (folder / "accounts.jsonl").write_bytes(b"".join(lines[:2]))
    with pytest.raises(InputError, match=r"book.json: accounts: must equal the number of rows of accounts.jsonl"):
        list(Book(folder))
    (folder / "accounts.jsonl").write_bytes(b"".join([*lines, lines[0]]))
    with pytest.raises(InputError, match=r"accounts.jsonl line 4: must not exist"):
        list(Book(folder))
    (folder / "accounts.jsonl").write_bytes(b"".join([lines[0], lines[1], lines[0]]))
    with pytest.raises(
        InputError, match=r"accounts.jsonl line 3: id: must be unique: accounts.jsonl line 1 has it too"
    ):
        list(Book(folder))
    (folder / "accounts.jsonl").write_bytes(lines[0] + b"{\n" + lines[2])
    with pytest.raises(InputError, match=r"accounts.jsonl line 2: must be JSON"):
        list(Book(folder))
    (folder / "accounts.jsonl").write_bytes(b" " * 100_000)
    with pytest.raises(InputError, match=r"accounts.jsonl line 1: must not be longer"):
        list(Book(folder))


def test_a_folder_that_is_no_book_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing: a book is a folder"):
        Book(tmp_path)
