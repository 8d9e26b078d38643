"""The keeper's journal: every breach and every transaction signed for it, on disk before anything leaves the house.

A change of state and the line of history that tells of it are one SQLite transaction. What is signed is written before
it is sent, so that after a kill the same bytes are sent again: the chain takes them once.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from prover.keeper.types import OPEN, Breach, Evidence, Fees, State, Transaction
from rtnet_core.databases import WRITES, driver_reason, durable_sqlite, parse_url
from rtnet_core.errors import InputError, ToolError
from rtnet_core.extras import missing_extra

try:
    from sqlalchemy import (
        Column,
        Connection,
        Engine,
        ForeignKey,
        Integer,
        LargeBinary,
        MetaData,
        Row,
        String,
        Table,
        Text,
        insert,
        inspect,
        select,
        update,
    )
    from sqlalchemy.exc import SQLAlchemyError
except ModuleNotFoundError:
    raise missing_extra("SQLAlchemy", "venue") from None

SCHEMA_VERSION: Final = 1

_metadata = MetaData()
_about = Table(
    "zkm2m_keeper",
    _metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("chain_id", Integer, nullable=False),
    Column("contract", String(42), nullable=False),
    Column("venue", String(64), nullable=False),
    Column("sender", String(42), nullable=False),
)
_breaches = Table(
    "zkm2m_keeper_breaches",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False, index=True),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("threshold_bps", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("seen_ms", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("evidence", Text),
)
_transactions = Table(
    "zkm2m_keeper_transactions",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("hash", String(66), nullable=False, unique=True),
    Column("breach", ForeignKey(_breaches.c.id), nullable=False, index=True),
    Column("nonce", Integer, nullable=False, index=True),
    # A fee in wei may exceed 64 bits.
    Column("max_wei", String(24), nullable=False),
    Column("priority_wei", String(24), nullable=False),
    Column("block", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
)
_history = Table(
    "zkm2m_keeper_history",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("breach", ForeignKey(_breaches.c.id), nullable=False, index=True),
    Column("at_ms", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Binding:
    """What a journal is about: another chain, contract, venue or sender needs a journal of its own."""

    chain_id: int
    contract: str
    venue: str
    sender: str


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a breach's history."""

    at_ms: int
    state: State
    reason: str


class Journal:
    """A journal opened for use; make one with `Journal.open`. A context manager."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})

    @classmethod
    def open(cls, path: Path, binding: Binding | None = None) -> Self:
        """Return the journal in a file.

        Parameters
        ----------
        path
            A file of SQLite's.
        binding
            What it has to be about; a journal that is missing is made then, with mode 0600. None for those who look.

        Raises
        ------
        InputError
            It is missing, cannot be opened, is of another version, or about another chain, contract, venue or sender.
        """
        if binding is not None:
            try:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            except OSError as error:
                raise InputError(str(path), f"cannot be opened: {error.strerror or error}") from None
        elif not path.is_file():
            raise InputError(str(path), "is missing: there is no journal of a keeper")
        journal = cls(durable_sqlite(parse_url(f"sqlite:///{path.absolute()}", "journal"), "foreign_keys = ON"))
        try:
            with (journal._engine if binding is None else journal._writer).connect() as connection, connection.begin():
                _prepare(connection, binding, str(path))
        except SQLAlchemyError as error:
            journal.close()
            raise InputError(str(path), f"cannot be opened: {driver_reason(error)}") from None
        except BaseException:
            journal.close()
            raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    # --- reading

    def binding(self) -> Binding:
        """Return what the journal is about."""
        with self._connected(self._engine) as connection:
            row = connection.execute(select(_about)).one()
        return Binding(row.chain_id, row.contract, row.venue, row.sender)

    def breaches(self) -> list[Breach]:
        """Return every breach, in the order in which they were noticed."""
        with self._connected(self._engine) as connection:
            return [_breach(row) for row in connection.execute(select(_breaches).order_by(_breaches.c.id))]

    def in_state(self, *states: State) -> list[Breach]:
        """Return the breaches in these states, in the order in which they were noticed."""
        query = select(_breaches).where(_breaches.c.state.in_(states)).order_by(_breaches.c.id)
        with self._connected(self._engine) as connection:
            return [_breach(row) for row in connection.execute(query)]

    def last_of(self, account: str) -> Breach | None:
        """Return an account's newest breach, None where it has none."""
        query = select(_breaches).where(_breaches.c.account == account).order_by(_breaches.c.id.desc()).limit(1)
        with self._connected(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _breach(row)

    def transactions(self, *, breach: int | None = None, from_nonce: int = 0) -> list[Transaction]:
        """Return what was signed, of one breach or of all, from a nonce on: the lowest nonce first, then the oldest."""
        query = select(_transactions).where(_transactions.c.nonce >= from_nonce)
        if breach is not None:
            query = query.where(_transactions.c.breach == breach)
        query = query.order_by(_transactions.c.nonce, _transactions.c.id)
        with self._connected(self._engine) as connection:
            return [_transaction(row) for row in connection.execute(query)]

    def history(self, breach: int) -> list[Step]:
        """Return the way of a breach, the oldest step first."""
        query = select(_history).where(_history.c.breach == breach).order_by(_history.c.id)
        with self._connected(self._engine) as connection:
            return [Step(row.at_ms, State(row.state), row.reason) for row in connection.execute(query)]

    # --- writing

    def note(self, account: str, commitment: bytes, threshold_bps: int, sequence: int) -> Breach:
        """Keep a breach that was just noticed, and return it.

        Raises
        ------
        ToolError
            The account has an open one already.
        """
        content = {
            "account": account,
            "commitment": commitment,
            "threshold_bps": threshold_bps,
            "sequence": sequence,
            "seen_ms": _now_ms(),
            "state": State.BREACH.value,
            "reason": "",
            "epoch": 0,
        }
        with self._connected(self._writer) as connection:
            opened = select(_breaches.c.id).where(_breaches.c.account == account, _breaches.c.state.in_(OPEN))
            if connection.execute(opened).first() is not None:
                raise ToolError("journal: the account has an open breach already")
            made = _breach(connection.execute(insert(_breaches).values(content).returning(*_breaches.c)).one())
            _tell(connection, made.id, State.BREACH, "")
        return made

    def move(
        self, breach: Breach, state: State, reason: str, *, epoch: int | None = None, evidence: Evidence | None = None
    ) -> bool:
        """Keep where a breach stands now, and why; return whether that is anything new.

        Parameters
        ----------
        breach
            As it was read.
        state, reason
            What it becomes.
        epoch
            The epoch that was looked at; left out: as before.
        evidence
            Its proof; left out: as before.
        """
        values: dict[str, object] = {"state": state.value, "reason": reason}
        if epoch is not None:
            values["epoch"] = epoch
        if evidence is not None:
            values["evidence"] = json.dumps(asdict(evidence))
        with self._connected(self._writer) as connection:
            connection.execute(update(_breaches).where(_breaches.c.id == breach.id).values(**values))
            is_new = (state, reason) != (breach.state, breach.reason)
            if is_new:
                _tell(connection, breach.id, state, reason)
        return is_new

    def add_transaction(self, breach: Breach, signed: Transaction, reason: str) -> None:
        """Keep a transaction that is about to be sent, and its breach as submitted, in one step."""
        row = {
            "hash": signed.hash,
            "breach": breach.id,
            "nonce": signed.nonce,
            "block": signed.block,
            "max_wei": str(signed.fees.max_wei),
            "priority_wei": str(signed.fees.priority_wei),
            "raw": signed.raw,
        }
        with self._connected(self._writer) as connection:
            connection.execute(insert(_transactions), row)
            values = {"state": State.SUBMITTED.value, "reason": reason}
            connection.execute(update(_breaches).where(_breaches.c.id == breach.id).values(**values))
            _tell(connection, breach.id, State.SUBMITTED, reason)

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.connect() as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            raise ToolError(f"journal: {driver_reason(error)}") from None


@contextmanager
def sole_keeper(path: Path) -> Iterator[None]:
    """Keep other keepers from the journal in `path` while the block runs; a killed one's lock is free at once.

    Raises
    ------
    InputError
        Another keeper works with it, or the lock file cannot be made.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(str(lock), f"cannot be opened: {error.strerror or error}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(str(path), "is in use by another keeper") from None
        yield
    finally:
        os.close(descriptor)


def _prepare(connection: Connection, binding: Binding | None, name: str) -> None:
    """Make the tables where there are none, and check what the journal is about."""
    if not inspect(connection).has_table(_about.name):
        if binding is None:
            raise InputError(name, "is no journal of a keeper")
        _metadata.create_all(connection)
        connection.execute(insert(_about).values(version=SCHEMA_VERSION, **asdict(binding)))
    row = connection.execute(select(_about)).one()
    if row.version != SCHEMA_VERSION:
        raise InputError(name, f"must be of schema version {SCHEMA_VERSION}", row.version)
    for field, wanted in ({} if binding is None else asdict(binding)).items():
        if getattr(row, field) != wanted:
            raise InputError(name, f"must be of {field} {wanted}: a journal is about one", getattr(row, field))


def _tell(connection: Connection, breach: int, state: State, reason: str) -> None:
    content = {"breach": breach, "at_ms": _now_ms(), "state": state.value, "reason": reason}
    connection.execute(insert(_history), content)


def _breach(row: Row[Any]) -> Breach:
    evidence = None
    if row.evidence is not None:
        content = json.loads(row.evidence)
        evidence = Evidence(content["epoch"], content["turn"], tuple(content["statement"]), tuple(content["words"]))
    return Breach(
        id=row.id,
        account=row.account,
        commitment=row.commitment,
        threshold_bps=row.threshold_bps,
        sequence=row.sequence,
        seen_ms=row.seen_ms,
        state=State(row.state),
        reason=row.reason,
        epoch=row.epoch,
        evidence=evidence,
    )


def _transaction(row: Row[Any]) -> Transaction:
    fees = Fees(int(row.max_wei), int(row.priority_wei))
    return Transaction(row.hash, row.breach, row.nonce, fees, row.block, row.raw)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
