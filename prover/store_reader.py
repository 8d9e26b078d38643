"""Reading the venue's private store: how far an epoch is, where an account is, what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from sqlalchemy import Column, ColumnElement, Connection, Engine, Select, Table, and_, func, select
from sqlalchemy.exc import SQLAlchemyError

from prover.store_schema import accounts, attempts, batch_contents, batches, epochs, jobs, proofs, refusals
from prover.store_types import Attempt, EpochProgress, StoredProof
from rtnet_core.databases import driver_reason
from rtnet_core.errors import InputError, ToolError

_STREAMED_ROWS: Final = 1_024
#: Proofs are read a few at a time: each may have secrets of some size.
_STREAMED_PROOFS: Final = 32


class StoreReader:
    """What can be read from an open store; what it yields is streamed, and may be read while another process writes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self, number: int) -> tuple[bytes, bytes] | None:
        """Return digest and bytes of a published epoch's record, None for an epoch that is not published."""
        query = select(epochs.c.record_digest, epochs.c.record).where(
            epochs.c.number == number, epochs.c.state == "published"
        )
        with self._reading() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else (bytes(found[0]), bytes(found[1]))

    def progress(self, number: int) -> EpochProgress:
        """Return how far an epoch is; it may be read while a run writes.

        Raises
        ------
        InputError
            There is no such epoch.
        """
        with self._reading() as connection:
            epoch = connection.execute(
                select(epochs.c.state, epochs.c.started_ms).where(epochs.c.number == number)
            ).one_or_none()
            if epoch is None:
                raise InputError("epoch", f"epoch {number} is not in the store")
            loaded, batch_count = connection.execute(
                select(func.coalesce(func.sum(batches.c.accounts), 0), func.count()).where(batches.c.epoch == number)
            ).one()
            is_merge = jobs.c.level > 0
            merges, batches_done, merges_done, first, last = connection.execute(
                select(
                    func.count().filter(is_merge),
                    func.count().filter(~is_merge, jobs.c.state == "done"),
                    func.count().filter(is_merge, jobs.c.state == "done"),
                    func.min(jobs.c.done_ms),
                    func.max(jobs.c.done_ms),
                ).where(jobs.c.epoch == number)
            ).one()
            return EpochProgress(
                state=epoch[0],
                accounts=int(loaded),
                refused=connection.execute(count_of(refusals, number)).scalar_one(),
                batches=batch_count,
                batches_done=batches_done,
                merges=merges,
                merges_done=merges_done,
                attempts=connection.execute(count_of(attempts, number)).scalar_one(),
                started_ms=epoch[1],
                first_proof_ms=first,
                last_proof_ms=last,
            )

    def has_account(self, number: int, digest: bytes) -> bool:
        """Return whether a batch of the epoch holds the account."""
        return self.account(number, digest) is not None

    def levels(self, number: int) -> list[int]:
        """Return how many proofs each level has, the batches first; empty until the book is loaded."""
        query = select(func.count()).where(jobs.c.epoch == number).group_by(jobs.c.level).order_by(jobs.c.level)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def done(self, number: int, level: int) -> list[int]:
        """Return the places of the proofs of a level that are recorded, in order."""
        return self._in_state(number, level, "done")

    def pending(self, number: int, level: int) -> list[int]:
        """Return the places of the proofs of a level that are not recorded yet, in order."""
        return self._in_state(number, level, "pending")

    def proof(self, number: int, level: int, index: int) -> StoredProof:
        """Return a recorded proof.

        Raises
        ------
        ToolError
            It is not recorded.
        """
        query = select(proofs.c.proof, proofs.c.statement, proofs.c.secret)
        with self._reading() as connection:
            found = connection.execute(query.where(at(proofs, number, level, index))).one_or_none()
        if found is None:
            raise ToolError(f"store: proof {index} of level {level} of epoch {number} is not recorded")
        return StoredProof(*map(bytes, found))

    def proofs(self, number: int, level: int) -> Iterator[tuple[int, StoredProof]]:
        """Yield the recorded proofs of a level with their places, in order."""
        query = select(proofs.c.index, proofs.c.proof, proofs.c.statement, proofs.c.secret)
        chosen = query.where(proofs.c.epoch == number, proofs.c.level == level).order_by(proofs.c.index)
        for index, *parts in self._stream(chosen, _STREAMED_PROOFS):
            yield index, StoredProof(*map(bytes, parts))

    def attempts(self, number: int) -> Iterator[Attempt]:
        """Yield the attempts at an epoch's proofs, in the order in which they began."""
        query = select(
            attempts.c.level,
            attempts.c.index,
            attempts.c.worker,
            attempts.c.started_ms,
            attempts.c.ended_ms,
            attempts.c.outcome,
        )
        for row in self._stream(query.where(attempts.c.epoch == number).order_by(attempts.c.id)):
            yield Attempt(*row)

    # --- the book

    def account(self, number: int, digest: bytes) -> tuple[int, int] | None:
        """Return (batch, position) of the account with this digest of its id, None where it is not in the epoch."""
        query = select(accounts.c.batch, accounts.c.position)
        with self._reading() as connection:
            found = connection.execute(
                query.where(accounts.c.epoch == number, accounts.c.digest == digest)
            ).one_or_none()
        return None if found is None else (found[0], found[1])

    def accounts(self, number: int) -> Iterator[tuple[int, int]]:
        """Yield (batch, position) of every account, in order."""
        query = select(accounts.c.batch, accounts.c.position).where(accounts.c.epoch == number)
        yield from self._stream(query.order_by(accounts.c.batch, accounts.c.position))

    def payload(self, number: int, batch: int) -> bytes:
        """Return the payload of a batch, as `Store.add_batch` was given it.

        Raises
        ------
        ToolError
            There is no such batch.
        """
        return self._content(batch_contents.c.payload, number, batch)

    def nodes(self, number: int, batch: int) -> bytes:
        """Return the digests of a batch's subtree, as `Store.add_batch` was given them.

        Raises
        ------
        ToolError
            There is no such batch.
        """
        return self._content(batch_contents.c.nodes, number, batch)

    def refusals(self, number: int) -> Iterator[tuple[int, str]]:
        """Yield (row, reason) of every row of the book that is not proven, in order."""
        query = select(refusals.c.row, refusals.c.reason).where(refusals.c.epoch == number)
        yield from self._stream(query.order_by(refusals.c.row))

    # --- the database

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Yield a connection in a transaction of its own: what is read in it is of one moment."""
        with translated_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    def _stream(self, query: Select[Any], rows: int = _STREAMED_ROWS) -> Iterator[Any]:
        with self._reading() as connection, connection.execution_options(yield_per=rows).execute(query) as result:
            yield from map(tuple, result)

    def _in_state(self, number: int, level: int, state: str) -> list[int]:
        query = select(jobs.c.index).where(jobs.c.epoch == number, jobs.c.level == level, jobs.c.state == state)
        with self._reading() as connection:
            return list(connection.execute(query.order_by(jobs.c.index)).scalars())

    def _content(self, column: Column[bytes], number: int, batch: int) -> bytes:
        query = select(column).where(batch_contents.c.epoch == number, batch_contents.c.batch == batch)
        with self._reading() as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise ToolError(f"store: epoch {number} has no batch {batch}")
        return bytes(found)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the database's errors into ours; its own words may quote what a row holds.

    Raises
    ------
    ToolError
        The database failed.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise ToolError(f"store: {driver_reason(error)}") from None


def count_of(table: Table, number: int) -> Select[int]:
    """Return the query for the number of an epoch's rows in `table`."""
    return select(func.count()).select_from(table).where(table.c.epoch == number)


def at(table: Table, number: int, level: int, index: int) -> ColumnElement[bool]:
    """Return the condition that a row is about one proof."""
    return and_(table.c.epoch == number, table.c.level == level, table.c.index == index)
