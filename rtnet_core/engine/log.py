"""The durable log: every applied event in order, in groups that are on disk before any of them is acknowledged.

A group is one row, so committing costs one synchronised write however many events came together. Each event is chained
to the one before by SHA-256, and now and then the state is kept beside the log, from which a restart goes on. The same
two tables serve SQLite (in WAL mode, synchronised in full) and PostgreSQL. A log has one writer: a second one would
write a group of the same number, which the database refuses.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from rtnet_core.databases import (
    POSTGRESQL,
    SQLITE,
    WRITES,
    driver_reason,
    durable_sqlite,
    is_url,
    make_engine,
    parse_url,
)
from rtnet_core.errors import InputError, ToolError
from rtnet_core.extras import missing_extra

try:
    from sqlalchemy import (
        BigInteger,
        Column,
        Connection,
        Engine,
        Integer,
        LargeBinary,
        MetaData,
        Table,
        Text,
        delete,
        insert,
        inspect,
        select,
    )
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError
except ModuleNotFoundError:
    raise missing_extra("SQLAlchemy", "venue") from None

SCHEMA_VERSION: Final = 1
#: What an empty log's chain begins with.
CHAIN_START: Final = hashlib.sha256(b"zkm2m/engine-log/v1").digest()
#: States kept beside the first one.
_STATES_KEPT: Final = 2

_metadata = MetaData()
_version = Table("zkm2m_engine_log", _metadata, Column("version", Integer, primary_key=True, autoincrement=False))
_groups = Table(
    "zkm2m_engine_groups",
    _metadata,
    Column("first", BigInteger().with_variant(Integer(), SQLITE), primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("ids", Text, nullable=False),
    Column("events", LargeBinary, nullable=False),
    Column("chain", LargeBinary, nullable=False),
)
_states = Table(
    "zkm2m_engine_states",
    _metadata,
    Column("sequence", BigInteger().with_variant(Integer(), SQLITE), primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("state", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Events that were committed together: the first one's number, their lines, and the chain after the last."""

    first: int
    lines: tuple[bytes, ...]
    chain: bytes


@dataclass(frozen=True, slots=True)
class KeptState:
    """A state, its digest, and the chain after event number `sequence`."""

    sequence: int
    digest: bytes
    chain: bytes
    state: bytes


def chained(chain: bytes, lines: Sequence[bytes]) -> bytes:
    """Return the chain after `lines`: each link is SHA-256 of the one before and a line.

    Examples
    --------
    >>> chained(chained(CHAIN_START, [b"a"]), [b"b"]) == chained(CHAIN_START, [b"a", b"b"])
    True
    """
    for line in lines:
        chain = hashlib.sha256(chain + line).digest()
    return chain


class EventLog(ABC):
    """Where applied events are kept. Events are numbered from 1; state 0 is the venue before the first."""

    @abstractmethod
    def append(self, first: int, ids: Sequence[str], lines: Sequence[bytes], chain: bytes) -> None:
        """Keep a group for good: when this returns, it outlives the process and the machine's next crash."""

    @abstractmethod
    def groups(self, after: int) -> Iterator[Group]:
        """Yield the groups whose first event comes after number `after`."""

    @abstractmethod
    def ids(self, until: int) -> Iterator[tuple[int, list[str]]]:
        """Yield (number of the first, ids) of the groups whose first event is at most number `until`."""

    @abstractmethod
    def keep_state(self, kept: KeptState) -> None:
        """Keep a state; of older ones the first and the last stay."""

    @abstractmethod
    def state(self, *, first: bool = False) -> KeptState | None:
        """Return the newest state kept, or the first; None where there is none."""

    @abstractmethod
    def digests(self) -> dict[int, bytes]:
        """Return the digests of the states that are kept, by the number of the event they come after."""

    @abstractmethod
    def group_of(self, number: int) -> Group:
        """Return the group that holds event number `number`, which is there."""

    def close(self) -> None:  # noqa: B027 - a log in memory has nothing to close
        """Let go of the database."""


class MemoryLog(EventLog):
    """A log that is gone with its process: for trials and simulations."""

    def __init__(self) -> None:
        self._groups: list[tuple[Group, list[str]]] = []
        self._states: list[KeptState] = []

    def append(self, first: int, ids: Sequence[str], lines: Sequence[bytes], chain: bytes) -> None:
        """Keep a group."""
        self._groups.append((Group(first, tuple(lines), chain), list(ids)))

    def groups(self, after: int) -> Iterator[Group]:
        """Yield the groups that come after event number `after`."""
        return (group for group, _ in self._groups if group.first > after)

    def ids(self, until: int) -> Iterator[tuple[int, list[str]]]:
        """Yield the ids of the groups up to event number `until`."""
        return ((group.first, ids) for group, ids in self._groups if group.first <= until)

    def keep_state(self, kept: KeptState) -> None:
        """Keep a state."""
        self._states = [*self._states[:1], kept]

    def state(self, *, first: bool = False) -> KeptState | None:
        """Return the newest state kept, or the first."""
        return self._states[0 if first else -1] if self._states else None

    def digests(self) -> dict[int, bytes]:
        """Return the digests of the states that are kept."""
        return {kept.sequence: kept.digest for kept in self._states}

    def group_of(self, number: int) -> Group:
        """Return the group that holds an event."""
        return [group for group, _ in self._groups if group.first <= number][-1]


class SqlLog(EventLog):
    """A log in SQLite or PostgreSQL; make one with `SqlLog.open`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})

    @classmethod
    def open(cls, place: str, *, create: bool = False) -> Self:
        """Return the log at `place`.

        Parameters
        ----------
        place
            A file for SQLite, or a URL: ``sqlite:///PATH``, ``postgresql+psycopg://USER@HOST/DATABASE``. SQLite's file
            is made with mode 0600.
        create
            Whether a log that is not there is made.

        Raises
        ------
        InputError
            It is missing, cannot be reached or is of another version.
        ToolError
            PostgreSQL's driver is not installed.
        """
        log = cls(_database(place, create=create))
        try:
            with (log._writer if create else log._engine).connect() as connection, connection.begin():
                _prepare(connection, create=create)
        except SQLAlchemyError as error:
            log.close()
            raise InputError("log", f"cannot be opened: {driver_reason(error)}") from None
        except BaseException:
            log.close()
            raise
        return log

    def append(self, first: int, ids: Sequence[str], lines: Sequence[bytes], chain: bytes) -> None:
        """Keep a group for good.

        Raises
        ------
        ToolError
            Another engine writes this log, or the database failed.
        """
        row = {"first": first, "count": len(lines), "ids": "\n".join(ids), "events": b"\n".join(lines), "chain": chain}
        with self._connected(self._writer) as connection:
            connection.execute(insert(_groups), row)

    def groups(self, after: int) -> Iterator[Group]:
        """Yield the groups that come after event number `after`."""
        query = select(_groups.c.first, _groups.c.events, _groups.c.chain).where(_groups.c.first > after)
        with self._connected(self._engine) as connection:
            for first, events, chain in connection.execute(query.order_by(_groups.c.first)):
                yield Group(first, tuple(events.split(b"\n")), chain)

    def ids(self, until: int) -> Iterator[tuple[int, list[str]]]:
        """Yield the ids of the groups up to event number `until`."""
        query = select(_groups.c.first, _groups.c.ids).where(_groups.c.first <= until)
        with self._connected(self._engine) as connection:
            for first, ids in connection.execute(query.order_by(_groups.c.first)):
                yield first, ids.split("\n")

    def keep_state(self, kept: KeptState) -> None:
        """Keep a state, compressed."""
        row = {"sequence": kept.sequence, "digest": kept.digest, "chain": kept.chain}
        with self._connected(self._writer) as connection:
            connection.execute(insert(_states), row | {"state": zlib.compress(kept.state, 1)})
            numbers = connection.execute(select(_states.c.sequence).order_by(_states.c.sequence)).scalars().all()
            old = numbers[1:-_STATES_KEPT]
            connection.execute(delete(_states).where(_states.c.sequence.in_(old)))

    def state(self, *, first: bool = False) -> KeptState | None:
        """Return the newest state kept, or the first."""
        order = _states.c.sequence if first else _states.c.sequence.desc()
        with self._connected(self._engine) as connection:
            row = connection.execute(select(_states).order_by(order).limit(1)).one_or_none()
        if row is None:
            return None
        return KeptState(row.sequence, row.digest, row.chain, zlib.decompress(row.state))

    def digests(self) -> dict[int, bytes]:
        """Return the digests of the states that are kept."""
        with self._connected(self._engine) as connection:
            return {
                row.sequence: row.digest for row in connection.execute(select(_states.c.sequence, _states.c.digest))
            }

    def group_of(self, number: int) -> Group:
        """Return the group that holds an event."""
        query = select(_groups).where(_groups.c.first <= number).order_by(_groups.c.first.desc()).limit(1)
        with self._connected(self._engine) as connection:
            row = connection.execute(query).one()
        return Group(row.first, tuple(row.events.split(b"\n")), row.chain)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        """Yield a connection in a transaction; what fails says so without quoting a row."""
        try:
            with engine.connect() as connection, connection.begin():
                yield connection
        except IntegrityError:
            raise ToolError("log: another engine writes it") from None
        except SQLAlchemyError as error:
            raise ToolError(f"log: {driver_reason(error)}") from None


def _database(place: str, *, create: bool) -> Engine:
    url = parse_url(place if is_url(place) else f"sqlite:///{Path(place).absolute()}", "log")
    if url.get_backend_name() == POSTGRESQL:
        return make_engine(url)
    path = Path(url.database or "")
    if not create and not path.is_file():
        raise InputError("log", "is missing")
    if create:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise InputError(f"log {path}", f"cannot be opened: {error.strerror or type(error).__name__}") from None
    return durable_sqlite(url)


def _prepare(connection: Connection, *, create: bool) -> None:
    if not inspect(connection).has_table(_version.name):
        if not create:
            raise InputError("log", "holds no events: no engine has written it")
        _metadata.create_all(connection)
        connection.execute(insert(_version).values(version=SCHEMA_VERSION))
    found = connection.execute(select(_version.c.version)).scalars().all()
    if list(found) != [SCHEMA_VERSION]:
        raise InputError("log", f"must be of schema version {SCHEMA_VERSION}", *found[:1])
