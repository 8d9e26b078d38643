"""Tables of the venue's private store, and the engines that reach them.

One schema serves SQLite and PostgreSQL. What is large or secret (payloads, nodes, proofs, statements, secrets) is bytes
that the store does not look into, in tables of their own, so that a look at the progress reads none of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from rtnet_core.databases import POSTGRESQL, SQLITE, durable_sqlite, make_engine
from rtnet_core.errors import InputError
from rtnet_core.extras import missing_extra

try:
    from sqlalchemy import (
        URL,
        BigInteger,
        Column,
        Connection,
        Engine,
        ForeignKeyConstraint,
        Index,
        Integer,
        LargeBinary,
        MetaData,
        String,
        Table,
        func,
        insert,
        inspect,
        select,
    )
except ModuleNotFoundError:
    raise missing_extra("SQLAlchemy", "venue") from None

SCHEMA_VERSION: Final = 1
_MAGIC: Final = b"SQLite format 3\0"
#: Held while the tables are made, so that two runs that start at once do not make them twice.
_SCHEMA_LOCK: Final = 0x7A6B_4D32_4D00_0001

metadata = MetaData()
_Identifier = BigInteger().with_variant(Integer(), SQLITE)


def _table(name: str, *columns: Any, **options: Any) -> Table:
    return Table(f"zkm2m_{name}", metadata, *columns, **options)


def _of_epoch(*extra: Any) -> tuple[Any, ...]:
    """Return the epoch column, which goes with its epoch, followed by `extra`."""
    return (
        Column("epoch", BigInteger, primary_key=True, autoincrement=False),
        *extra,
        ForeignKeyConstraint(["epoch"], ["zkm2m_epochs.number"], ondelete="CASCADE"),
    )


def _key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


store_version = _table("store", Column("version", Integer, primary_key=True, autoincrement=False))

epochs = _table(
    "epochs",
    _key("number"),
    Column("state", String(16), nullable=False),
    Column("venue_public_key", String, nullable=False),
    Column("snapshot_hash", String, nullable=False),
    Column("params_root", String, nullable=False),
    Column("book_fingerprint", String, nullable=False),
    Column("threshold_bps", BigInteger, nullable=False),
    Column("previous", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("circuit_versions", String, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("account_count", BigInteger),
    Column("refused_count", BigInteger),
    Column("published_ms", BigInteger),
    Column("record_digest", LargeBinary),
    Column("record", LargeBinary),
)

batches = _table(
    "batches",
    *_of_epoch(
        _key("batch"),
        Column("accounts", Integer, nullable=False),
    ),
)

batch_contents = _table(
    "batch_contents",
    *_of_epoch(
        _key("batch"),
        Column("payload", LargeBinary, nullable=False),
        Column("nodes", LargeBinary, nullable=False),
    ),
)

accounts = _table(
    "accounts",
    *_of_epoch(
        Column("digest", LargeBinary(32), primary_key=True),
        Column("batch", BigInteger, nullable=False),
        Column("position", Integer, nullable=False),
    ),
    Index("zkm2m_accounts_in_order", "epoch", "batch", "position", unique=True),
    sqlite_with_rowid=False,
)

refusals = _table("refusals", *_of_epoch(_key("row"), Column("reason", String, nullable=False)))

jobs = _table(
    "jobs",
    *_of_epoch(
        _key("level"),
        _key("index"),
        Column("state", String(8), nullable=False),
        Column("done_ms", BigInteger),
    ),
)

proofs = _table(
    "proofs",
    *_of_epoch(
        _key("level"),
        _key("index"),
        Column("proof", LargeBinary, nullable=False),
        Column("statement", LargeBinary, nullable=False),
        Column("secret", LargeBinary, nullable=False),
    ),
)

attempts = _table(
    "attempts",
    Column("id", _Identifier, primary_key=True),
    Column("epoch", BigInteger, nullable=False, index=True),
    Column("level", BigInteger, nullable=False),
    Column("index", BigInteger, nullable=False),
    Column("worker", String, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("outcome", String),
    ForeignKeyConstraint(["epoch"], ["zkm2m_epochs.number"], ondelete="CASCADE"),
)


def store_engine(url: URL, *, create: bool) -> Engine:
    """Return the engine of a store; SQLite's file is made first, for its owner only.

    Raises
    ------
    InputError
        SQLite's file is missing and shall not be made, or cannot be made.
    ToolError
        PostgreSQL's driver is not installed.
    """
    if url.get_backend_name() == POSTGRESQL:
        return make_engine(url, pool_pre_ping=True)
    _make_private(Path(url.database or ""), create=create)
    return durable_sqlite(url, "foreign_keys = ON")


def prepare_schema(connection: Connection, *, create: bool) -> None:
    """Make the tables where there are none, within the transaction of `connection`, and check their version.

    Raises
    ------
    InputError
        There are none and none shall be made, or they are of another version.
    """
    if connection.dialect.name == POSTGRESQL and create:
        connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
    if not inspect(connection).has_table(store_version.name):
        if not create:
            raise InputError("store", "holds no epochs: it was never used")
        metadata.create_all(connection)
        connection.execute(insert(store_version).values(version=SCHEMA_VERSION))
    found = connection.execute(select(store_version.c.version)).scalars().all()
    if list(found) != [SCHEMA_VERSION]:
        raise InputError("store", f"must be of schema version {SCHEMA_VERSION}", *found[:1])


def _make_private(path: Path, *, create: bool) -> None:
    try:
        if not create:
            if not path.is_file():
                raise InputError("store", "is missing")
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its journals the mode of this file.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.pread(descriptor, len(_MAGIC), 0) in (b"", _MAGIC):
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"store {path}", f"cannot be opened: {error.strerror or type(error).__name__}") from None
