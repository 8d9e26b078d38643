"""Books as streams: from every kind of file and on both databases, the same accounts and the same refusals."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rtnet_core.account import MAX_LINE_BYTES, Account, Book, write_book
from rtnet_core.book_parquet import parquet_chunks
from rtnet_core.book_source import BookRow, open_book_source
from rtnet_core.errors import InputError
from tests.support.postgres import Database, postgres_database

HASH = "cd" * 32
SECRET = 7_171_717
ACCOUNTS = [
    Account(id=f"acct-{number}", cash_ticks=SECRET - number, collateral={"USDC": 5}, positions={"BTC-PERPETUAL": -3})
    for number in range(3)
]
ROWS = [BookRow(number, account, None) for number, account in enumerate(ACCOUNTS, start=1)]


def _lines(*rows: object) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


def _refused(rows: list[BookRow]) -> dict[int, str]:
    refused = {row.number: row.reason for row in rows if row.reason is not None}
    assert all((row.account is None) == (row.number in refused) for row in rows)
    assert str(SECRET) not in str(refused)
    return refused


@pytest.mark.parametrize("book_format", ["parquet", "jsonl"])
def test_a_folder_and_its_file_are_one_source(tmp_path: Path, book_format: Any) -> None:
    write_book(tmp_path / "book", ACCOUNTS, HASH, format=book_format)
    folder = open_book_source(str(tmp_path / "book"))
    file = open_book_source(str(tmp_path / "book" / f"accounts.{book_format}"))
    for source in (folder, file):
        assert list(source.rows()) == list(source.rows()) == ROWS
        assert (source.expected, source.market) == (3, HASH)
    assert folder.fingerprint() == file.fingerprint()
    assert len(bytes.fromhex(folder.fingerprint())) == 32
    alone = tmp_path / f"mine.{book_format}"
    alone.write_bytes((tmp_path / "book" / f"accounts.{book_format}").read_bytes())
    source = open_book_source(str(alone))
    assert list(source.rows()) == ROWS
    assert (source.expected, source.market) == (3 if book_format == "parquet" else None, None)
    alone.write_bytes(alone.read_bytes() + b"\n")
    assert source.fingerprint() != folder.fingerprint()


def test_a16_a_source_with_more_or_fewer_rows_than_its_header_counts_is_an_error(tmp_path: Path) -> None:
    write_book(tmp_path / "book", ACCOUNTS, HASH, format="jsonl")
    lines = [account.to_line() for account in ACCOUNTS]
    source = open_book_source(str(tmp_path / "book"))
    (tmp_path / "book" / "accounts.jsonl").write_bytes(b"".join(lines[:2]))
    with pytest.raises(InputError, match=r"book\.json: accounts: must equal"):
        list(source.rows())
    (tmp_path / "book" / "accounts.jsonl").write_bytes(b"".join([*lines, lines[0]]))
    with pytest.raises(InputError, match=r"accounts\.jsonl line 4: must not exist"):
        list(source.rows())


def test_a_line_that_is_no_account_is_refused_and_those_after_it_are_read(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    good = ACCOUNTS[0].to_line()
    path.write_bytes(
        _lines(
            good,
            b"{\n",
            {"id": "a", "cash_ticks": f"{SECRET}"},
            b'{"id":"' + b"x" * 3 * MAX_LINE_BYTES + b'"}\n',
            b'{"id":"a","id":"%d","cash_ticks":0}\n' % SECRET,
            b'{"id":"\xff","cash_ticks":0}\n',
            [SECRET],
            {"id": "a", "cash_ticks": 0, "positions": {"BTC-PERPETUAL": SECRET << 30}},
            good.rstrip(b"\n"),
        )
    )
    rows = list(open_book_source(str(path)).rows())
    assert [row.number for row in rows] == list(range(1, 10))
    assert rows[0].account == rows[8].account == ACCOUNTS[0]
    assert _refused(rows) == {
        2: "book.jsonl line 2: must be JSON: Expecting property name enclosed in double quotes at line 2, column 1",
        3: "book.jsonl line 3: cash_ticks: must be an integer",
        4: f"book.jsonl line 4: must not be longer than {MAX_LINE_BYTES} bytes",
        5: "book.jsonl line 5: must not repeat a key",
        6: "book.jsonl line 6: must be UTF-8 text",
        7: "book.jsonl line 7: must be a JSON object",
        8: "book.jsonl line 8: positions[…]: must be below 2^27",
    }


def test_a_row_of_parquet_that_is_no_account_is_refused_and_those_after_it_are_read(tmp_path: Path) -> None:
    numbers = pa.map_(pa.string(), pa.int64())
    table = pa.table(
        {
            "positions": pa.array([[("BTC-PERPETUAL", -3)], [], [("A", 1), ("A", SECRET)], None, []], type=numbers),
            "collateral": pa.array([[("USDC", 5)], [], [], [], [("USDC", None)]], type=numbers),
            "cash_ticks": pa.array([SECRET, None, 0, 0, 0], type=pa.int64()),
            "id": pa.array([b"acct-0", b"b", b"c", b"d", b"\xff"]).cast(pa.string(), safe=False),
        }
    )
    path = tmp_path / "book.parquet"
    pq.write_table(table, path)
    rows = list(open_book_source(str(path)).rows())
    assert rows[0] == ROWS[0]
    assert _refused(rows) == {
        2: "book.parquet row 2: cash_ticks: must be an integer",
        3: "book.parquet row 3: positions: must not repeat a key",
        4: "book.parquet row 4: positions: must be an object",
        5: "book.parquet row 5: id: must be UTF-8 text",
    }
    pq.write_table(table.set_column(3, "id", pa.array(list("abcde"))), path)
    assert (
        _refused(list(open_book_source(str(path)).rows()))[5] == "book.parquet row 5: collateral[…]: must be an integer"
    )


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (("id", pa.array([1])), "column id: must be of type string"),
        (("cash_ticks", pa.array([1.0])), "column cash_ticks: must be of type int64"),
        (("positions", pa.array(["{}"])), "column positions: must be of type map<string, int64>"),
        (("name", pa.array(["a"])), "must have the columns id, cash_ticks, collateral, positions and no other"),
    ],
)
def test_a_parquet_file_with_other_columns_is_refused(tmp_path: Path, column: tuple[str, Any], said: str) -> None:
    numbers = pa.map_(pa.string(), pa.int64())
    columns = {"id": pa.array(["a"]), "cash_ticks": pa.array([1])}
    columns |= {name: pa.array([[]], type=numbers) for name in ("collateral", "positions")}
    pq.write_table(pa.table(columns | dict([column])), tmp_path / "book.parquet")
    with pytest.raises(InputError) as caught:
        open_book_source(str(tmp_path / "book.parquet"))
    assert said in str(caught.value)


@pytest.mark.parametrize("damage", ["empty", "torn", "bent"])
def test_a_damaged_parquet_file_is_an_error_without_its_content(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "book.parquet"
    content = b"".join(parquet_chunks(account.to_row() for account in ACCOUNTS))
    damaged = {"empty": b"", "torn": content[:-20], "bent": content[:4] + b"\x00" * 60 + content[64:]}[damage]
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"must be Parquet|cannot be read") as caught:
        list(open_book_source(str(path)).rows())
    assert "acct" not in str(caught.value)


def test_a_large_book_is_read_and_written_in_pieces(tmp_path: Path) -> None:
    count = 20_000
    made = (Account(id=f"acct-{n}", cash_ticks=n, positions={"BTC-PERPETUAL": n}) for n in range(count))
    write_book(tmp_path / "book", made, HASH)
    file = pq.ParquetFile(tmp_path / "book" / "accounts.parquet")
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (count, 3)
    file.close()
    assert sum(account.cash_ticks for account in Book(tmp_path / "book")) == count * (count - 1) // 2


def test_a_book_that_is_nothing_we_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "book.csv").write_text("id")
    for name, said in (
        ("book.csv", "must be a book folder"),
        ("book.jsonl", "is missing"),
        (".", "is missing: a book"),
    ):
        with pytest.raises(InputError, match=said):
            open_book_source(str(tmp_path / name))
    with pytest.raises(InputError, match="query: must be left out"):
        open_book_source(str(tmp_path), "SELECT 1")


def test_json_lines_need_neither_pyarrow_nor_sqlalchemy(tmp_path: Path) -> None:
    write_book(tmp_path / "book", ACCOUNTS, HASH, format="jsonl")
    program = (
        "import sys; sys.modules.update(pyarrow=None, sqlalchemy=None)\n"
        "from rtnet_core.book_source import open_book_source\n"
        "from rtnet_core.errors import ToolError\n"
        "assert len(list(open_book_source(sys.argv[1]).rows())) == 3\n"
        "for book in ('sqlite:///x.db', sys.argv[2]):\n"
        "    try: open_book_source(book)\n"
        "    except ToolError as error: print(error)\n"
    )
    (tmp_path / "x.parquet").touch()
    words = [sys.executable, "-c", program, str(tmp_path / "book"), str(tmp_path / "x.parquet")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == [
        "SQLAlchemy is not installed: pip install 'zk-m2m[venue]'",
        "pyarrow is not installed: pip install 'zk-m2m[venue]'",
    ]


# --- databases

TEXT_TABLE = "CREATE TABLE accounts (id text, cash_ticks bigint, collateral text, positions text)"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of either kind."""
    if request.param == "postgresql":
        yield postgres_database()
        return
    path = tmp_path / "book.sqlite"

    def execute(*statements: Any) -> None:
        connection = sqlite3.connect(path)
        with connection:
            for statement in statements:
                connection.execute(*([statement] if isinstance(statement, str) else statement))
        connection.close()

    execute()
    yield Database(f"sqlite:///{path}", execute)


def _insert(*row: object) -> tuple[str, tuple[object, ...]]:
    return "INSERT INTO accounts VALUES (?, ?, ?, ?)", row


def _fill(database: Database, accounts: list[Account], table: str = TEXT_TABLE) -> None:
    rows = [
        _insert(account.id, account.cash_ticks, json.dumps(account.collateral), json.dumps(account.positions))
        for account in accounts
    ]
    database.execute(table, *rows)


def test_a_query_is_a_book(database: Database) -> None:
    _fill(database, ACCOUNTS[::-1])
    source = open_book_source(database.url)
    assert list(source.rows()) == list(source.rows()) == ROWS
    assert (source.expected, source.market) == (None, None)
    other = "SELECT positions, id, collateral, cash_ticks FROM accounts WHERE id <> 'acct-0:x' AND id LIKE '%-1' ;"
    narrowed = open_book_source(database.url, other)
    assert [row.account for row in narrowed.rows()] == [ACCOUNTS[1]]
    assert len({source.fingerprint(), narrowed.fingerprint(), open_book_source(database.url).fingerprint()}) == 2


def test_a_row_of_a_query_that_is_no_account_is_refused_and_those_after_it_are_read(database: Database) -> None:
    _fill(database, [])
    bad = [
        ("b", None, "{}", "{}"),
        ("c", 0, '{"USDC":1,"USDC":2}', "{}"),
        ("d", 0, "{}", "[1]"),
        ("e", 0, "{}", None),
        ("f", 0, "{}", '{"BTC-PERPETUAL":1.5}'),
        ("g", 0, f'{{"USDC":{SECRET}', "{}"),
        ("h", 0, "{}", '{"x":"' + "y" * MAX_LINE_BYTES + '"}'),
        (None, 0, "{}", "{}"),
    ]
    database.execute(*(_insert(*row) for row in bad))
    order = "SELECT * FROM accounts ORDER BY id IS NULL, id"
    assert _refused(list(open_book_source(database.url, order).rows())) == {
        1: "row 1: cash_ticks: must be an integer",
        2: "row 2: collateral: must not repeat a key",
        3: "row 3: positions: must be an object",
        4: "row 4: positions: must be an object",
        5: "row 5: positions[…]: must be an integer",
        6: "row 6: collateral: must be JSON: Expecting ',' delimiter at line 1, column 16",
        7: f"row 7: positions: must not be longer than {MAX_LINE_BYTES} bytes",
        8: "row 8: id: must be text",
    }


def test_what_is_wrong_with_a_query_is_said_without_a_value(database: Database) -> None:
    _fill(database, ACCOUNTS)
    for query, said in (
        ("SELECT id FROM accounts", "must give the columns id, cash_ticks, collateral, positions and no other"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELEC", "syntax error"),
        ("DELETE FROM accounts RETURNING *", "cannot be read|must give the columns"),
    ):
        with pytest.raises(InputError, match=said):
            list(open_book_source(database.url, query).rows())
    assert len(list(open_book_source(database.url).rows())) == 3


def test_a_book_in_sqlite_is_not_made_by_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "none.sqlite"
    with pytest.raises(InputError, match="is missing"):
        list(open_book_source(f"sqlite:///{path}").rows())
    assert not path.exists()
    path.write_bytes(b"x" * 4096)
    with pytest.raises(InputError, match="file is not a database"):
        list(open_book_source(f"sqlite:///{path}").rows())


def test_a_text_of_sqlite_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "book.sqlite")
    with connection:
        connection.execute(TEXT_TABLE)
        connection.execute("INSERT INTO accounts VALUES (CAST(X'FF' AS TEXT), 0, '{}', '{}')")
        connection.execute("INSERT INTO accounts VALUES ('b', 0, CAST(X'7BFF' AS TEXT), '{}')")
    connection.close()
    refused = _refused(list(open_book_source(f"sqlite:///{tmp_path}/book.sqlite", "SELECT * FROM accounts").rows()))
    assert refused[2] == "row 2: collateral: must be UTF-8 text"
    assert refused[1].startswith("row 1: id: must")


@pytest.mark.parametrize("kind", ["json", "jsonb"])
def test_json_columns_and_sums_of_postgresql_are_read_exactly(kind: str) -> None:
    database = postgres_database()
    table = f"CREATE TABLE accounts (id text, cash_ticks numeric, collateral {kind}, positions {kind})"
    _fill(database, ACCOUNTS, table)
    database.execute(
        ("INSERT INTO accounts VALUES ('b', 0.5, '{}', '{}')", ()),
        ("INSERT INTO accounts VALUES ('c', 'NaN', '{}', '{}')", ()),
        ("INSERT INTO accounts VALUES ('d', 0, '{\"USDC\":1,\"USDC\":2}', '{}')", ()),
    )
    rows = list(open_book_source(database.url).rows())
    assert rows[:3] == ROWS
    expected = {4: "row 4: cash_ticks: must be an integer", 5: "row 5: cash_ticks: must be an integer"}
    if kind == "json":
        expected[6] = "row 6: collateral: must not repeat a key"
    assert _refused(rows) == expected


def test_a_value_that_postgresql_cannot_convert_is_not_shown() -> None:
    database = postgres_database()
    _fill(database, [])
    database.execute(_insert(f"{SECRET}x", 0, "{}", "{}"))
    query = "SELECT id, id::bigint AS cash_ticks, collateral, positions FROM accounts"
    with pytest.raises(InputError, match="SQLSTATE 22P02") as caught:
        list(open_book_source(database.url, query).rows())
    assert str(SECRET) not in str(caught.value)


def test_rows_of_postgresql_are_read_while_the_query_runs() -> None:
    database = postgres_database()
    # The ten-thousandth row divides by zero: whoever waits for all rows sees none.
    query = (
        "SELECT 'acct-' || n AS id, 1 / (10000 - n) AS cash_ticks, '{}' AS collateral, '{}' AS positions "
        "FROM generate_series(1, 20000) AS n"
    )
    rows = open_book_source(database.url, query).rows()
    assert [next(rows).number for _ in range(2_000)][-1] == 2_000
    with pytest.raises(InputError, match="SQLSTATE 22012"):
        list(rows)


def test_a_password_is_in_no_message_and_no_fingerprint() -> None:
    url = "postgresql+psycopg://venue:{}@localhost/book?host=/nonexistent"
    first, second = (open_book_source(url.format(word)) for word in ("hunter2", "other"))
    assert first.fingerprint() == second.fingerprint()
    with pytest.raises(InputError, match="cannot be read") as caught:
        list(first.rows())
    assert "hunter2" not in str(caught.value)
    for bad in (
        "mysql://venue:hunter2@localhost/book",
        "postgresql+asyncpg://venue:hunter2@localhost/book",
        "sqlite://",
        "://hunter2",
    ):
        with pytest.raises(InputError, match="book: must") as caught:
            open_book_source(bad)
        assert "hunter2" not in str(caught.value)


def test_a_broken_connection_is_an_error() -> None:
    database = postgres_database()
    _fill(database, ACCOUNTS)
    rows = open_book_source(database.url, "SELECT * FROM accounts, generate_series(1, 100000)").rows
    with pytest.raises(InputError, match="must give the columns"):
        list(rows())
    query = "SELECT a.* FROM accounts AS a, generate_series(1, 100000)"
    stream = open_book_source(database.url, query).rows()
    next(stream)
    with psycopg.connect(database.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND datname = current_database()"
        )
    with pytest.raises(InputError, match="cannot be read"):
        list(stream)
