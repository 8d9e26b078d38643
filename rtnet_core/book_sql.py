"""Books in a database: the rows of one query, read through a cursor that stays on the server's side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rtnet_core.account import MAX_LINE_BYTES, Account
from rtnet_core.book_parquet import COLUMNS
from rtnet_core.databases import POSTGRESQL, driver_reason, make_engine, read_only_file
from rtnet_core.document import decode_json
from rtnet_core.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import URL, CursorResult, Engine

DEFAULT_QUERY: Final = "SELECT id, cash_ticks, collateral, positions FROM accounts ORDER BY id"
_FETCH_ROWS: Final = 1_024
#: Every number of an account is far smaller; a numeric of the database may have a hundred thousand digits.
_MOST: Final = 1 << 63


def sql_accounts(url: URL, query: str, source: str) -> Iterator[Account | InputError]:
    """Yield each row of `query` as an account, or as the error that says which rule it breaks.

    The query runs in one read-only transaction, on PostgreSQL over one snapshot of the database.

    Parameters
    ----------
    url
        From `rtnet_core.databases.parse_url`.
    query
        Its columns are id (text), cash_ticks (integer), and collateral and positions: JSON objects as text, JSON or
        JSONB.
    source
        What errors call the database.

    Raises
    ------
    InputError
        The database cannot be reached or read, or the query has other columns.
    ToolError
        A driver is not installed.
    """
    with _result(url, query, source) as result:
        names = list(result.keys())
        if sorted(names) != sorted(COLUMNS):
            raise InputError(f"{source}: query", f"must give the columns {', '.join(COLUMNS)} and no other")
        for number, row in enumerate(result, start=1):
            yield _account(names, row, f"row {number}")


@contextmanager
def _result(url: URL, query: str, source: str) -> Iterator[CursorResult[Any]]:
    from sqlalchemy.exc import SQLAlchemyError

    engine = _engine(url, source)
    options: dict[str, Any] = {"stream_results": True, "yield_per": _FETCH_ROWS, "no_parameters": True}
    if url.get_backend_name() == POSTGRESQL:
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        # The query is sent as it stands: a colon or a percent sign in it is no parameter.
        with (
            engine.connect().execution_options(**options) as connection,
            closing(connection.exec_driver_sql(query)) as result,
        ):
            yield result
    except SQLAlchemyError as error:
        raise InputError(source, f"cannot be read: {driver_reason(error)}") from None
    finally:
        engine.dispose()


def _engine(url: URL, source: str) -> Engine:
    from sqlalchemy import event, pool

    if url.get_backend_name() == POSTGRESQL:
        # JSON comes as its text, so that a key given twice is seen.
        return make_engine(url, poolclass=pool.NullPool, json_deserializer=lambda text: text)
    if not Path(url.database or "").is_file():
        raise InputError(source, "is missing")
    engine = make_engine(read_only_file(url), poolclass=pool.NullPool)

    @event.listens_for(engine, "connect")
    def keep_wrong_bytes(connection: Any, _record: Any) -> None:
        # One text that is no UTF-8 would end the whole query, with that text in the message.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")

    return engine


def _account(names: Sequence[str], row: Sequence[Any], source: str) -> Account | InputError:
    content = dict(zip(names, row, strict=True))
    try:
        content["cash_ticks"] = _integer(content["cash_ticks"])
        for name in ("collateral", "positions"):
            content[name] = _object(content[name], f"{source}: {name}")
        return Account.from_json(content, source)
    except InputError as error:
        return error


def _integer(value: Any) -> Any:
    """Return a whole `Decimal`, which is what PostgreSQL's sums are, as an integer, and anything else as it is."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < _MOST and value == int(value):
        return int(value)
    return value


def _object(value: Any, source: str) -> Any:
    """Return what a JSON column holds; an object that the driver has decoded already is returned as it is."""
    if isinstance(value, str):
        try:
            value = value.encode()
        except UnicodeEncodeError:
            raise InputError(source, "must be UTF-8 text") from None
    if not isinstance(value, bytes):
        return value
    if len(value) > MAX_LINE_BYTES:
        raise InputError(source, f"must not be longer than {MAX_LINE_BYTES} bytes")
    return decode_json(value, source, secret=True)
