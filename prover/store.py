"""The venue's private store: the book of an epoch, its proofs and who tried to make them, kept until all is published.

What is written is there after a crash, whole or not at all. The store knows nothing of proofs: payloads, statements and
secrets are bytes to it. An epoch is loaded batch by batch, then proven job by job, then published:

    with Store.open(url) as store, store.exclusive(17):
        state = store.begin(17, identity)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Self

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from prover.store_lock import epoch_lock, guard_forks
from prover.store_reader import StoreReader, at, count_of, translated_errors
from prover.store_schema import (
    accounts,
    attempts,
    batch_contents,
    batches,
    epochs,
    jobs,
    prepare_schema,
    proofs,
    refusals,
    store_engine,
)
from prover.store_types import (
    Attempt,
    DuplicateAccount,
    EpochIdentity,
    EpochProgress,
    EpochState,
    StoredProof,
)
from rtnet_core.databases import WRITES, driver_reason, parse_url
from rtnet_core.epoch import level_sizes
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import PROFILES

__all__ = ["Attempt", "DuplicateAccount", "EpochIdentity", "EpochProgress", "EpochState", "Store", "StoredProof"]

#: Digests asked for in one query: below what either database takes.
_DIGESTS_A_QUERY: Final = 500
_DIGEST_BYTES: Final = 32


class Store(StoreReader):
    """A store opened for use; several threads may share it, several processes open their own.

    Make one with `Store.open`; it is a context manager.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._writer = engine.execution_options(**{WRITES: True})
        self._held: set[int] = set()

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Self:
        """Return the store at `url`.

        Parameters
        ----------
        url
            ``sqlite:///PATH`` or ``postgresql+psycopg://USER@HOST/DATABASE``. SQLite's file is made with mode 0600, its
            folder, if it is missing, with mode 0700.
        create
            Whether a store that is not there is made; False for those who only look.

        Raises
        ------
        InputError
            It cannot be reached or is of another version.
        ToolError
            SQLAlchemy or PostgreSQL's driver is not installed.
        """
        engine = store_engine(parse_url(url, "store"), create=create)
        guard_forks(engine)
        store = cls(engine)
        try:
            with (store._writer if create else engine).connect() as connection, connection.begin():
                prepare_schema(connection, create=create)
        except SQLAlchemyError as error:
            engine.dispose()
            raise InputError("store", f"cannot be opened: {driver_reason(error)}") from None
        except BaseException:
            engine.dispose()
            raise
        return store

    # --- epochs

    @contextmanager
    def exclusive(self, number: int) -> Iterator[None]:
        """Keep other runs from epoch `number` while the block runs; a killed run's lock is free at once.

        Raises
        ------
        InputError
            Another run works on the epoch.
        """
        with epoch_lock(self._engine, number):
            self._held.add(number)
            try:
                yield
            finally:
                self._held.discard(number)

    def begin(self, number: int, identity: EpochIdentity) -> EpochState:
        """Return the epoch, new or as an earlier run left it; to be called within `exclusive`.

        Of an earlier run, attempts left open are marked as interrupted, and a book that was not read to its end is
        dropped, to be read from its beginning.

        Raises
        ------
        InputError
            The epoch was begun with another identity, or is published.
        """
        self._require_lock(number)
        if identity.profile not in PROFILES:
            raise InputError("profile", f"must be one of {', '.join(PROFILES)}", identity.profile)
        with self._writing() as connection:
            found = connection.execute(select(epochs).where(epochs.c.number == number)).mappings().one_or_none()
            if found is None:
                content = {name: getattr(identity, name) for name in identity.__dataclass_fields__}
                started = _now_ms()
                connection.execute(insert(epochs).values(number=number, state="loading", started_ms=started, **content))
                return EpochState(number, "loading", False, started, None, None)
            if found["state"] == "published":
                raise InputError("epoch", f"epoch {number} is published already")
            kept = EpochIdentity(**{name: found[name] for name in identity.__dataclass_fields__})
            if other := kept.differences(identity):
                rule = f"epoch {number} was begun with another {', '.join(other)}; --restart discards it"
                raise InputError("epoch", rule)
            connection.execute(
                update(attempts)
                .where(attempts.c.epoch == number, attempts.c.ended_ms.is_(None))
                .values(ended_ms=_now_ms(), outcome="interrupted")
            )
            if found["state"] == "loading":
                _drop_book(connection, number)
            counts = found["account_count"], found["refused_count"]
            return EpochState(number, found["state"], True, found["started_ms"], *counts)

    def discard(self, number: int) -> None:
        """Forget an epoch that is not published, if it is there; to be called within `exclusive`.

        Raises
        ------
        InputError
            It is published: its customers' paths are kept.
        """
        self._require_lock(number)
        with self._writing() as connection:
            state = connection.execute(select(epochs.c.state).where(epochs.c.number == number)).scalar_one_or_none()
            if state == "published":
                raise InputError("epoch", f"epoch {number} is published already")
            connection.execute(delete(epochs).where(epochs.c.number == number))

    def finish(self, number: int, record_digest: bytes, record: bytes) -> None:
        """Mark the epoch as published with its signed record.

        Raises
        ------
        ToolError
            A proof is missing, or it is published already.
        """
        with self._writing() as connection:
            self._require_state(connection, number, "proving")
            if connection.execute(count_of(jobs, number).where(jobs.c.state != "done")).scalar_one():
                raise ToolError(f"store: epoch {number} has proofs to be made before it is published")
            values = {"state": "published", "published_ms": _now_ms(), "record_digest": record_digest, "record": record}
            connection.execute(update(epochs).where(epochs.c.number == number).values(**values))

    # --- loading the book

    def reset_loading(self, number: int) -> None:
        """Drop the batches and refusals of a book that is being read, to read it anew; `begin` has done so too.

        Raises
        ------
        ToolError
            The epoch is not loading.
        """
        self._require_lock(number)
        with self._writing() as connection:
            self._require_state(connection, number, "loading")
            _drop_book(connection, number)

    def add_batch(
        self, number: int, batch: int, payload: bytes, account_digests: Sequence[bytes], nodes: bytes
    ) -> None:
        """Keep the next batch, whole or not at all.

        Parameters
        ----------
        number, batch
            Epoch, and place of the batch, counted from 0 without a gap.
        payload, nodes
            The accounts with their salts, and the digests of the batch's subtree, in whatever form.
        account_digests
            32 bytes for the id of each account, in order.

        Raises
        ------
        DuplicateAccount
            An account is there already; nothing was kept.
        ToolError
            It is not the next batch, or the epoch is not loading.
        """
        with self._writing() as connection:
            self._require_state(connection, number, "loading")
            if connection.execute(count_of(batches, number)).scalar_one() != batch:
                raise ToolError(f"store: batch {batch} of epoch {number} is not the next one")
            _require_new(connection, number, account_digests)
            place = {"epoch": number, "batch": batch}
            connection.execute(insert(batches).values(accounts=len(account_digests), **place))
            connection.execute(insert(batch_contents).values(payload=payload, nodes=nodes, **place))
            rows = [place | {"digest": d, "position": position} for position, d in enumerate(account_digests)]
            if rows:
                connection.execute(insert(accounts), rows)

    def refuse_row(self, number: int, row: int, reason: str) -> None:
        """Note that a row of the book is not proven; the reason must hold no value.

        Raises
        ------
        ToolError
            The row is refused already, or the epoch is not loading.
        """
        with self._writing() as connection:
            self._require_state(connection, number, "loading")
            connection.execute(insert(refusals).values(epoch=number, row=row, reason=reason))

    def finish_loading(self, number: int, account_count: int, refused_count: int) -> None:
        """Note that the book is read to its end, and which proofs are to be made.

        Raises
        ------
        InputError
            The book holds no account.
        ToolError
            The counts are not those of what was kept, or a batch before the last is not full.
        """
        if account_count < 1:
            raise InputError("book", "must hold an account that can be proven")
        with self._writing() as connection:
            profile = PROFILES[self._require_state(connection, number, "loading")]
            sizes = connection.execute(
                select(batches.c.accounts).where(batches.c.epoch == number).order_by(batches.c.batch)
            ).scalars()
            full, rest = divmod(account_count, profile.batch)
            if list(sizes) != [profile.batch] * full + ([rest] if rest else []):
                raise ToolError(f"store: the batches of epoch {number} do not hold its {account_count} accounts")
            if connection.execute(count_of(refusals, number)).scalar_one() != refused_count:
                raise ToolError(f"store: the refused rows of epoch {number} are not {refused_count}")
            counts = {"account_count": account_count, "refused_count": refused_count}
            connection.execute(update(epochs).where(epochs.c.number == number).values(state="proving", **counts))
            connection.execute(
                insert(jobs),
                [
                    {"epoch": number, "level": level, "index": index, "state": "pending"}
                    for level, count in enumerate(level_sizes(full + bool(rest), profile))
                    for index in range(count)
                ],
            )

    # --- proofs

    def start_attempt(self, number: int, level: int, index: int, worker: str) -> int:
        """Note that `worker` begins with a proof, and return the attempt's id."""
        values = {"epoch": number, "level": level, "index": index, "worker": worker, "started_ms": _now_ms()}
        with self._writing() as connection:
            return int(connection.execute(insert(attempts).values(**values).returning(attempts.c.id)).scalar_one())

    def end_attempt(self, attempt: int, outcome: str) -> None:
        """Note how an attempt ended, in a word or two that hold no secret.

        Raises
        ------
        ToolError
            There is no such attempt under way.
        """
        ended = update(attempts).where(attempts.c.id == attempt, attempts.c.ended_ms.is_(None))
        with self._writing() as connection:
            if connection.execute(ended.values(ended_ms=_now_ms(), outcome=outcome)).rowcount != 1:
                raise ToolError(f"store: attempt {attempt} is not under way")

    def record_proof(self, number: int, level: int, index: int, proof: bytes, statement: bytes, secret: bytes) -> None:
        """Keep a proof that was verified, once and for all.

        Raises
        ------
        ToolError
            The epoch has no such proof to be made, or it is recorded already.
        """
        place = {"epoch": number, "level": level, "index": index}
        with self._writing() as connection:
            self._require_state(connection, number, "proving")
            taken = update(jobs).where(at(jobs, number, level, index), jobs.c.state == "pending")
            if connection.execute(taken.values(state="done", done_ms=_now_ms())).rowcount != 1:
                raise ToolError(f"store: proof {index} of level {level} of epoch {number} is not awaited")
            connection.execute(insert(proofs).values(proof=proof, statement=statement, secret=secret, **place))

    # --- the database

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that is kept as a whole when the block ends, or not at all."""
        with translated_errors(), self._writer.connect() as connection, connection.begin():
            yield connection

    def _require_lock(self, number: int) -> None:
        if number not in self._held:
            raise ToolError(f"store: the lock of epoch {number} must be held")

    def _require_state(self, connection: Connection, number: int, state: str) -> str:
        """Return the name of the epoch's profile if it is in `state`."""
        found = connection.execute(select(epochs.c.state, epochs.c.profile).where(epochs.c.number == number))
        row = found.one_or_none()
        if row is None or row[0] != state:
            raise ToolError(f"store: epoch {number} is {'not there' if row is None else row[0]}, and not {state}")
        return str(row[1])


def _drop_book(connection: Connection, number: int) -> None:
    for table in (accounts, batch_contents, batches, refusals):
        connection.execute(delete(table).where(table.c.epoch == number))


def _require_new(connection: Connection, number: int, digests: Sequence[bytes]) -> None:
    """Refuse the first account that is in the batch already, or in one before."""
    first: dict[bytes, int] = {}
    for position, digest in enumerate(digests):
        if len(digest) != _DIGEST_BYTES:
            raise ToolError(f"store: the digest of an account has {len(digest)} bytes, and not {_DIGEST_BYTES}")
        first.setdefault(digest, position)
    repeated = {position for position, digest in enumerate(digests) if first[digest] != position}
    for start in range(0, len(digests), _DIGESTS_A_QUERY):
        asked = digests[start : start + _DIGESTS_A_QUERY]
        query = select(accounts.c.digest).where(accounts.c.epoch == number, accounts.c.digest.in_(asked))
        repeated |= {first[bytes(digest)] for digest in connection.execute(query).scalars()}
    if repeated:
        raise DuplicateAccount(min(repeated))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
