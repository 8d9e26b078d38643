"""The register of accepted statements: what was accepted once is not accepted again, whatever its proof's bytes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rtnet_core.errors import InputError, Refusal
from verifier.canonical import exact_object, sha256_hex
from verifier.reasons import refuse
from verifier.strict_json import parse_json

_DOMAIN: Final = "zkm2m/statement/v1"
_MAX_LINE_BYTES: Final = 512
_LINE_START: Final = b'{"statement":"'


def statement_digest(public: Sequence[int]) -> bytes:
    """Return SHA-256 over the public signals, one decimal number a line below the line ``zkm2m/statement/v1``.

    The circuit is left out: the context, one of the signals, already binds the record, which names the profile.
    """
    return hashlib.sha256("\n".join([_DOMAIN, *map(str, public), ""]).encode("ascii")).digest()


class SeenRegister:
    """An append-only file of statement digests, shared safely by any number of processes on one machine.

    Parameters
    ----------
    path
        JSON lines ``{"statement": <64 hex digits>, "accepted_ms": <integer>}``; created with mode 0600 when first
        written. Entries must be kept for as long as their statements could pass the age limit.

    Notes
    -----
    A line torn by a crash was never answered for: it is cut off before the next append. A last line that is whole but
    for its end counts as seen. Anything else that is no entry is an error and stays as it is: the path may be of
    another file. So is a file that has become shorter than this object has read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: set[str] = set()
        self._read_to = 0

    def require_unseen(self, digest: bytes) -> None:
        """Refuse a statement that is in the register.

        Raises
        ------
        Refusal
            ``replayed``.
        InputError
            The file is damaged or cannot be opened.
        """
        with self._locked(create=False) as descriptor:
            if descriptor is not None:
                self._read_new(descriptor)
        if digest.hex() in self._seen:
            raise refuse("replayed", f"statement {digest.hex()[:16]}")

    def accept(self, digest: bytes, accepted_ms: int) -> None:
        """Enter a statement, on disk before this returns; of two callers at once exactly one succeeds.

        Raises
        ------
        Refusal
            ``replayed``: it is in the register already.
        InputError
            The file is damaged or cannot be opened.
        """
        line = json.dumps({"statement": digest.hex(), "accepted_ms": accepted_ms}, separators=(",", ":"))
        with self._locked(create=True) as descriptor:
            assert descriptor is not None
            self._read_new(descriptor)
            if digest.hex() in self._seen:
                raise refuse("replayed", f"statement {digest.hex()[:16]}")
            os.ftruncate(descriptor, self._read_to)
            _write_all(descriptor, line.encode("ascii") + b"\n", self._read_to)
            os.fsync(descriptor)
            self._read_new(descriptor)

    @contextmanager
    def _locked(self, *, create: bool) -> Iterator[int | None]:
        """Yield the open file under an exclusive lock, or None where there is none and none shall be made."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        except FileNotFoundError as error:
            if create:
                raise self._failure(f"must be in an existing folder: {error.strerror}") from error
            if self._read_to:
                raise self._failure("the register has vanished") from error
            yield None
            return
        except OSError as error:
            raise self._failure(f"must be a file open to reading and writing: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _read_new(self, descriptor: int) -> None:
        """Take in the lines written since the last look; `_read_to` then stands behind the last whole line."""
        size = os.fstat(descriptor).st_size
        if size < self._read_to:
            raise self._failure("the register has become shorter")
        data = _read_all(descriptor, self._read_to, size)
        *lines, tail = data.split(b"\n")
        for line in lines:
            self._seen.add(self._entry(line))
            self._read_to += len(line) + 1
        if tail:
            self._take_tail(descriptor, tail)

    def _take_tail(self, descriptor: int, tail: bytes) -> None:
        """End a last line that is whole but for its end; leave a torn one to be cut off by the next append."""
        try:
            entry = self._entry(tail)
        except InputError:
            if len(tail) <= _MAX_LINE_BYTES and tail[: len(_LINE_START)] == _LINE_START[: len(tail)]:
                return
            raise
        _write_all(descriptor, b"\n", self._read_to + len(tail))
        self._seen.add(entry)
        self._read_to += len(tail) + 1

    def _entry(self, line: bytes) -> str:
        try:
            members = exact_object(
                parse_json(line, "entry", max_bytes=_MAX_LINE_BYTES, max_depth=1),
                "entry",
                ("statement", "accepted_ms"),
                "malformed_json",
            )
            return sha256_hex(members["statement"], "entry.statement", "malformed_json")
        except Refusal as refusal:
            raise self._failure(f"damaged at byte {self._read_to}: {refusal.message}") from None

    def _failure(self, rule: str) -> InputError:
        return InputError(f"register of seen statements {self.path}", rule)


def _read_all(descriptor: int, start: int, end: int) -> bytes:
    parts = []
    while start < end and (part := os.pread(descriptor, end - start, start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def _write_all(descriptor: int, data: bytes, start: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, start)
        data, start = data[written:], start + written
