"""The lock that lets one run at a time work on an epoch; the system or the server frees it when the run dies.

On SQLite it is a file lock beside the store, on PostgreSQL an advisory lock of a connection of its own. A forked child
would keep either of them after its parent's death, so a child gives up what it inherits as it begins.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError

from rtnet_core.databases import POSTGRESQL
from rtnet_core.errors import InputError

_DOMAIN: Final = b"zkm2m/epoch-lock/v1"
_lock_files: set[int] = set()
_connections: weakref.WeakSet[Any] = weakref.WeakSet()


@contextmanager
def epoch_lock(engine: Engine, number: int) -> Iterator[None]:
    """Hold the lock of epoch `number` while the block runs.

    Raises
    ------
    InputError
        Another run holds it, or the lock file cannot be made.
    """
    if engine.dialect.name == POSTGRESQL:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Closed at the end rather than kept for others: whatever happens, the lock goes with it.
            connection.detach()
            key = _key(connection, number)
            if not connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one():
                raise _held(number)
            try:
                yield
            finally:
                with suppress(SQLAlchemyError):
                    connection.execute(select(func.pg_advisory_unlock(key)))
        return
    with _lock_file(Path(f"{engine.url.database}.{number}.lock"), number):
        yield


def guard_forks(engine: Engine) -> None:
    """See to it that forked children let go of the connections that this engine makes."""
    if engine.dialect.name == POSTGRESQL:
        event.listen(engine, "connect", lambda connection, _record: _connections.add(connection))


@contextmanager
def _lock_file(path: Path, number: int) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"store {path}", f"cannot be opened: {error.strerror or type(error).__name__}") from None
    try:
        _lock_files.add(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(number) from None
        yield
    finally:
        _lock_files.discard(descriptor)
        os.close(descriptor)


def _key(connection: Connection, number: int) -> int:
    """Return PostgreSQL's name of the lock: 64 bits, signed, of the schema that holds the tables and the number."""
    schema = connection.execute(select(func.current_schema())).scalar_one() or ""
    digest = hashlib.sha256(_DOMAIN + number.to_bytes(8, "big") + schema.encode())
    return int.from_bytes(digest.digest()[:8], "big", signed=True)


def _held(number: int) -> InputError:
    return InputError("epoch", f"another run works on epoch {number}")


def _let_go() -> None:
    """Run in every forked child: put nothing in the place of what it inherited, so that only the parent holds it."""
    inherited = list(_lock_files)
    inherited += [connection.fileno() for connection in list(_connections) if not connection.closed]
    if not inherited:
        return
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for descriptor in inherited:
        os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)
    _lock_files.clear()


os.register_at_fork(after_in_child=_let_go)
