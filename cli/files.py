"""Files of the command line: read whole within a bound, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from rtnet_core.document import MAX_DOCUMENT_BYTES
from rtnet_core.errors import InputError
from rtnet_core.files import replace_file
from rtnet_core.params import Params, default_params
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot


def read_bytes(path: Path, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Return the bytes of a file, of which never more than `max_bytes` + 1 are read.

    Raises
    ------
    InputError
        The file is missing, unreadable or longer than `max_bytes`.
    """
    if path.is_dir():
        raise InputError(str(path), "must be a file, and is a folder")
    try:
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or error}") from None
    if len(content) > max_bytes:
        raise InputError(str(path), f"must not be longer than {max_bytes} bytes")
    return content


def read_market(path: Path) -> Snapshot:
    """Return the snapshot in a market file."""
    return Snapshot.from_json(read_bytes(path), str(path))


def read_params(path: Path | None, snapshot: Snapshot) -> Params:
    """Return the parameters in a file, or the published defaults for `snapshot` where none is named."""
    return default_params(snapshot) if path is None else Params.from_json(read_bytes(path), str(path))


def read_record(path: Path) -> Record:
    """Return the record in a file; its signature is not checked here."""
    return Record.from_json(read_bytes(path), str(path))


def check_output(path: Path) -> Path:
    """Return `path` if a file can be put there; called before the work whose result it shall hold.

    Raises
    ------
    InputError
        Its folder does not exist, or something that is no regular file has this name.
    """
    if not path.parent.is_dir():
        raise InputError(str(path), "cannot be written: its folder does not exist")
    if path.exists() and not path.is_file():
        raise InputError(str(path), "cannot be written: something that is no file has this name")
    return path


def write_public(path: Path, content: bytes) -> None:
    """Write a file that anyone may read: under a temporary name, then renamed; an older one is replaced.

    Raises
    ------
    InputError
        The folder is missing, read-only or full.
    """
    target = check_output(path).resolve()
    try:
        replace_file(target, [content])
        target.chmod(0o644)
    except OSError as error:
        raise InputError(str(path), f"cannot be written: {error.strerror or error}") from None
