"""A real PostgreSQL server for tests: Debian's, in a temporary folder, reached through a socket in it."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

_USER = "zkm2m"
_numbers = count()


@dataclass(frozen=True)
class Database:
    """A database of a test's own: its SQLAlchemy URL, and a way to run statements with ``?`` for parameters."""

    url: str
    execute: Callable[..., None]


class _Unavailable(Exception):
    """Why there is no server."""


def postgres_database() -> Database:
    """Return a new, empty database; the test is skipped where no server can be started."""
    try:
        folder = _server()
    except _Unavailable as reason:
        pytest.skip(f"needs PostgreSQL: {reason}")
    name = f"test_{next(_numbers)}"
    with psycopg.connect(host=str(folder), user=_USER, dbname="postgres", autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))

    def execute(*statements: Any) -> None:
        with psycopg.connect(host=str(folder), user=_USER, dbname=name) as connection:
            for statement in statements:
                text, values = (statement, ()) if isinstance(statement, str) else statement
                connection.execute(text.replace("?", "%s"), values or None)

    return Database(f"postgresql+psycopg://{_USER}@/{name}?host={folder}", execute)


@cache
def _server() -> Path:
    """Start the server of this process and return the folder of its socket."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(programs[-1]) if programs else shutil.which("initdb")
    if found is None:
        raise _Unavailable("it is not installed (Debian: apt-get install postgresql)")
    account: dict[str, Any] = {}
    # A short path: a socket's name holds about a hundred bytes.
    folder = Path(tempfile.mkdtemp(prefix="zkm2m-pg-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        try:
            entry = pwd.getpwnam("postgres")
        except KeyError:
            raise _Unavailable("there is no user postgres to run it as") from None
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    binaries, data = Path(found).resolve().parent, folder / "data"
    common: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **account}
    words = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", f"--username={_USER}"]
    made = subprocess.run([str(binaries / "initdb"), f"--pgdata={data}", *words], check=False, **common)
    if made.returncode:
        raise _Unavailable(f"initdb ended with status {made.returncode}")
    settings = [f"unix_socket_directories={folder}", "listen_addresses=", "fsync=off", "shared_buffers=16MB"]
    options = [word for setting in settings for word in ("-c", setting)]
    process = subprocess.Popen([str(binaries / "postgres"), "-D", str(data), *options], **common)
    atexit.register(_stop, process)
    _wait(folder, process)
    return folder


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with suppress(psycopg.OperationalError):
            psycopg.connect(host=str(folder), user=_USER, dbname="postgres").close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise _Unavailable("the server did not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # "Fast": ends the sessions that are left.
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
