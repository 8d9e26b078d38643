"""Databases by SQLAlchemy URL: SQLite and PostgreSQL, and what may be said when one of them fails.

A driver's message can quote what a row holds, and a URL can hold a password: neither is passed on unseen.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from rtnet_core.errors import InputError
from rtnet_core.extras import missing_extra

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.exc import SQLAlchemyError

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
#: Execution option of connections whose transactions write.
WRITES: Final = "zkm2m_writes"

_BUSY_TIMEOUT_MS: Final = 60_000

_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_SECRET_OPTIONS: Final = ("password", "sslpassword")
#: SQLSTATE classes whose messages speak of the connection or of the query's text, never of what a row holds:
#: connection, authorisation, no such database, syntax or name, resources, server going down.
_SPEAKING_CLASSES: Final = frozenset({"08", "28", "3D", "42", "53", "57"})
#: Beginnings of SQLite's messages that speak of the file or the query's text.
_SPEAKING_WORDS: Final = (
    "attempt to write a readonly database",
    "database disk image is malformed",
    "database is locked",
    "database or disk is full",
    "disk I/O error",
    "file is not a database",
    "incomplete input",
    "near ",
    "no such ",
    "unable to open database file",
)


def is_url(text: str) -> bool:
    """Return whether `text` is meant as a database's URL rather than as a path."""
    return "://" in text


def parse_url(text: str, source: str) -> URL:
    """Return the URL with its driver filled in and, for SQLite, an absolute path.

    Parameters
    ----------
    text
        ``sqlite:///PATH`` or ``postgresql+psycopg://USER@HOST/DATABASE``.
    source
        What errors call it; the text itself is not shown, for it may hold a password.

    Raises
    ------
    InputError
        It is no such URL, or SQLite's names no file.
    ToolError
        SQLAlchemy is not installed.
    """
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ModuleNotFoundError:
        raise missing_extra("SQLAlchemy", "venue") from None
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise InputError(source, "must be a SQLAlchemy URL such as sqlite:///PATH") from None
    if url.drivername not in _DRIVERS:
        raise InputError(source, "must be a URL of sqlite or postgresql+psycopg", url.drivername)
    url = url.set(drivername=_DRIVERS[url.drivername])
    if url.get_backend_name() != SQLITE:
        return url
    if url.query or not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise InputError(source, "must name a file: sqlite:///PATH")
    return url.set(database=str(Path(url.database).absolute()))


def shown(url: URL) -> str:
    """Return the URL without its password, for messages and fingerprints."""
    return url.difference_update_query(_SECRET_OPTIONS).set(password=None).render_as_string(hide_password=True)


def make_engine(url: URL, **options: Any) -> Engine:
    """Return an engine whose errors and logs never hold a parameter.

    Raises
    ------
    ToolError
        The driver is not installed.
    """
    from sqlalchemy import create_engine

    try:
        return create_engine(url, hide_parameters=True, **options)
    except ModuleNotFoundError:
        raise missing_extra("psycopg", "venue") from None


def durable_sqlite(url: URL, *pragmas: str) -> Engine:
    """Return SQLite's engine for what must survive a kill: a write-ahead log, synchronised at every commit.

    A transaction on a connection with the option `WRITES` takes the write lock at its beginning.

    Parameters
    ----------
    url
        Of a file.
    pragmas
        What else each connection is to set.
    """
    from sqlalchemy import event

    engine = make_engine(url)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # Transactions are begun below, not by the driver: it would begin them at the first change, after the reading.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            *pragmas,
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def read_only_file(url: URL) -> URL:
    """Return the URL by which SQLite opens a file for reading only, and makes none where there is none."""
    return url.set(database=f"file:{quote(url.database or '')}", query={"mode": "ro", "uri": "true"})


def driver_reason(error: SQLAlchemyError) -> str:
    """Return why a database failed, in the driver's words only where they cannot hold what a row holds."""
    cause: Any = getattr(error, "orig", None) or error
    name = type(cause).__name__
    state = getattr(cause, "sqlstate", None)
    if state:
        primary = getattr(cause.diag, "message_primary", None)
        return f"{primary} (SQLSTATE {state})" if primary and state[:2] in _SPEAKING_CLASSES else f"SQLSTATE {state}"
    text = " ".join(str(cause).split())
    # Without a SQLSTATE psycopg speaks of a connection that was never made or that broke.
    if type(cause).__module__.startswith("psycopg") and name == "OperationalError":
        return text
    return text if text.startswith(_SPEAKING_WORDS) else name
