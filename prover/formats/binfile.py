"""The section container below r1cs, wtns and zkey files.

A file is a four-letter kind, a version and a count of sections; each section is an id, a length and its bytes. All
integers are little-endian. Everything here is bounds-checked: input that breaks a rule is an `InputError` that names
the section and the rule.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtnet_core.errors import InputError

_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")
_HEADER: Final = struct.Struct("<4sII")
_SECTION: Final = struct.Struct("<IQ")
_MAX_SECTIONS: Final = 64


class Cursor:
    """Reads one section from front to back.

    Parameters
    ----------
    data
        The section's bytes.
    where
        Its name in error messages.
    """

    def __init__(self, data: memoryview, where: str) -> None:
        self._data = data
        self._where = where
        self._position = 0

    def fail(self, rule: str, value: object = None) -> InputError:
        """Return the error for a broken rule of this section; `value` None is not shown."""
        return InputError(self._where, rule) if value is None else InputError(self._where, rule, value)

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._position

    def take(self, count: int) -> memoryview:
        """Return the next `count` bytes.

        Raises
        ------
        InputError
            The section is shorter.
        """
        if count > self.remaining:
            raise self.fail(f"ends {count - self.remaining} bytes too early")
        self._position += count
        return self._data[self._position - count : self._position]

    def u32(self) -> int:
        """Return the next 32-bit unsigned integer."""
        value: int = _U32.unpack(self.take(4))[0]
        return value

    def u64(self) -> int:
        """Return the next 64-bit unsigned integer."""
        value: int = _U64.unpack(self.take(8))[0]
        return value

    def integer(self, width: int) -> int:
        """Return the next unsigned integer of `width` bytes."""
        return int.from_bytes(self.take(width), "little")

    def expect_end(self) -> None:
        """Refuse bytes after the last field.

        Raises
        ------
        InputError
            Bytes are left.
        """
        if self.remaining:
            raise self.fail("has bytes after its last field", self.remaining)


@dataclass(frozen=True, slots=True)
class BinaryFile:
    """A parsed container: where each section lies in `data`."""

    name: str
    data: memoryview
    table: dict[int, tuple[int, int]]

    def section(self, number: int, title: str) -> Cursor:
        """Return a cursor over section `number`; `title` names its content in errors.

        Raises
        ------
        InputError
            The file has no such section.
        """
        where = f"{self.name} section {number} ({title})"
        if number not in self.table:
            raise InputError(where, "is missing")
        start, length = self.table[number]
        return Cursor(self.data[start : start + length], where)

    def length(self, number: int) -> int:
        """Return the length of section `number` in bytes, 0 where it is missing."""
        return self.table.get(number, (0, 0))[1]


def read_file(path: Path, *, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises
    ------
    InputError
        It is missing, no regular file, unreadable, empty, or longer than `limit`.
    """
    try:
        if not path.is_file():
            raise InputError(str(path), "must be an existing file")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise InputError(str(path), f"must be readable: {error.strerror or error}") from error
    if not content:
        raise InputError(str(path), "must not be empty")
    if len(content) > limit:
        raise InputError(str(path), f"must be at most {limit} bytes long")
    return content


def parse_container(data: bytes | memoryview, kind: str, version: int, name: str) -> BinaryFile:
    """Return the section table of a container.

    Parameters
    ----------
    data
        The whole file.
    kind
        The four letters that it must begin with.
    version
        The version that it must have.
    name
        The file's name in errors.

    Raises
    ------
    InputError
        Other kind or version, a section twice, a section that ends beyond the file, bytes after the last section.
    """
    view = memoryview(data)
    if len(view) < _HEADER.size:
        raise InputError(name, "ends inside its header")
    magic, found_version, count = _HEADER.unpack(view[: _HEADER.size])
    if magic != kind.encode():
        raise InputError(name, f"must be a {kind} file", magic)
    if found_version != version:
        raise InputError(name, f"must have version {version}", found_version)
    if count > _MAX_SECTIONS:
        raise InputError(name, f"must have at most {_MAX_SECTIONS} sections", count)
    table: dict[int, tuple[int, int]] = {}
    position = _HEADER.size
    for index in range(count):
        if len(view) - position < _SECTION.size:
            raise InputError(name, f"ends inside the head of section {index + 1} of {count}")
        number, length = _SECTION.unpack(view[position : position + _SECTION.size])
        position += _SECTION.size
        if number in table:
            raise InputError(f"{name} section {number}", "must occur once")
        if length > len(view) - position:
            raise InputError(f"{name} section {number}", "ends beyond the file", length)
        table[number] = (position, length)
        position += length
    if position != len(view):
        raise InputError(name, "has bytes after its last section", len(view) - position)
    return BinaryFile(name, view, table)


def build_container(kind: str, version: int, sections: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the file with the given sections in the given order."""
    listed = list(sections)
    parts = [_HEADER.pack(kind.encode(), version, len(listed))]
    for number, content in listed:
        parts += (_SECTION.pack(number, len(content)), content)
    return b"".join(parts)
