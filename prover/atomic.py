"""Files that appear whole or not at all, and a folder for secrets that leaves nothing behind."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from rtnet_core.errors import ToolError

#: Every unfinished file or folder has this ending, so that a search finds what a killed machine left.
TEMPORARY_SUFFIX: Final = ".partial"
_SHARED_MEMORY: Final = Path("/dev/shm")


def temporary_name(path: Path) -> Path:
    """Return an unused hidden name beside `path`: on the same file system, so that it can be renamed to it."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")


@contextmanager
def exit_on_termination() -> Iterator[None]:
    """Let SIGTERM unwind the stack (exit status 143) while the block runs, so that clean-up happens.

    Only the main thread of a process can set signal handlers; elsewhere this changes nothing. A handler that the
    program has set itself stays.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def atomic_output(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary name to write to; on success it becomes `path`, on any failure it is removed.

    Parameters
    ----------
    path
        The final name. Its folder is made if missing.
    private
        Whether the file is readable by its owner only (mode 0600) from its first byte on.

    Raises
    ------
    ToolError
        The block ended without writing anything, or the file system refused (full, read-only).
    """
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644))
        with exit_on_termination():
            yield temporary
            if temporary.stat().st_size == 0:
                raise ToolError(f"nothing was written for {path}: the step that makes it failed without saying so")
            _flush(temporary)
            os.replace(temporary, path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_atomically(path: Path, content: bytes | str, *, private: bool = False) -> None:
    """Write `content` (text as UTF-8) to `path` so that no reader ever sees a part of it.

    Raises
    ------
    ToolError
        `content` is empty, or the file system refused (full, read-only).
    """
    with atomic_output(path, private=private) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder; on success it takes the place of `path`, on any failure it is removed.

    An older folder under that name is moved aside, then removed: a reader sees the old one, none, or the new one, and
    never a mixture.

    Raises
    ------
    ToolError
        The file system refused (full, read-only).
    """
    temporary, replaced = temporary_name(path), temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        with exit_on_termination():
            yield temporary
            for file in temporary.rglob("*"):
                _flush(file)
            if path.exists():
                os.replace(path, replaced)
            os.replace(temporary, path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if replaced.exists() and not path.exists():
            os.replace(replaced, path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


@contextmanager
def private_directory() -> Iterator[Path]:
    """Yield a folder that only its owner can enter (mode 0700), removed with its content on every way out.

    It stands in memory (``/dev/shm``) where the system has that, so that a witness never reaches a disk.
    """
    in_memory = _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK | os.X_OK)
    with exit_on_termination():
        folder = Path(tempfile.mkdtemp(prefix="zkm2m-", dir=_SHARED_MEMORY if in_memory else None))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _flush(path: Path) -> None:
    """Ask the system to bring the file to the disk before its name says that it is whole."""
    if not path.is_file():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
