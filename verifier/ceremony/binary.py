"""The binary files of a ceremony - r1cs, ptau and zkey - read strictly: sections, integers, points.

A file is a four-letter kind, a version and a count of sections; a section is an id, a length and its bytes. Integers
are little-endian, coordinates are in Montgomery form (v * 2^256 mod q), infinity is all zeros.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

from py_ecc.optimized_bn128.optimized_curve import b2, is_on_curve

from rtnet_core.errors import InputError
from verifier.points import BASE_MODULUS, SCALAR_MODULUS, G1Point, G2Point, lift_g2
from verifier.subgroup import in_subgroup

FIELD_BYTES: Final = 32
G1_BYTES: Final = 2 * FIELD_BYTES
G2_BYTES: Final = 4 * FIELD_BYTES
_UNMONTGOMERY: Final = pow(1 << 256, -1, BASE_MODULUS)
_MAX_SECTIONS: Final = 64


class Section:
    """One section, read from front to back; `where` names it in errors."""

    def __init__(self, data: memoryview, where: str) -> None:
        self.data = data
        self.where = where
        self._at = 0

    def fail(self, rule: str) -> InputError:
        """Return the error for a broken rule of this section."""
        return InputError(self.where, rule)

    def take(self, count: int) -> memoryview:
        """Return the next `count` bytes; raises InputError where there are fewer."""
        if count > len(self.data) - self._at:
            raise self.fail("ends too early")
        self._at += count
        return self.data[self._at - count : self._at]

    def u32(self) -> int:
        """Return the next 32-bit unsigned integer."""
        return int.from_bytes(self.take(4), "little")

    def g1(self) -> G1Point | None:
        """Return the next point of G1, None for infinity; raises InputError for what is no point of the curve."""
        x, y = self._coordinate(), self._coordinate()
        if x == y == 0:
            return None
        if (y * y - x * x * x - 3) % BASE_MODULUS:
            raise self.fail("must hold points of G1 only")
        return x, y

    def g2(self, *, in_group: bool = True) -> G2Point | None:
        """Return the next point of the twist, None for infinity; `in_group` asks for the subgroup of order r too."""
        parts = [self._coordinate() for _ in range(4)]
        if not any(parts):
            return None
        point: G2Point = ((parts[0], parts[1]), (parts[2], parts[3]))
        if not is_on_curve(lift_g2(point), b2) or (in_group and not in_subgroup(point)):
            raise self.fail("must hold points of G2 only")
        return point

    def some_g1(self) -> G1Point:
        """Return the next point of G1; raises InputError where it is infinity."""
        point = self.g1()
        if point is None:
            raise self.fail("must not hold infinity here")
        return point

    def some_g2(self) -> G2Point:
        """Return the next point of G2; raises InputError where it is infinity."""
        point = self.g2()
        if point is None:
            raise self.fail("must not hold infinity here")
        return point

    def expect_left(self, count: int) -> None:
        """Refuse unless exactly `count` bytes are left.

        Raises
        ------
        InputError
            More or fewer are left.
        """
        if len(self.data) - self._at != count:
            raise self.fail(f"must have {count} more bytes")

    def _coordinate(self) -> int:
        value = int.from_bytes(self.take(FIELD_BYTES), "little")
        if value >= BASE_MODULUS:
            raise self.fail("must have coordinates below the field's modulus")
        return value * _UNMONTGOMERY % BASE_MODULUS


class BinaryFile:
    """A file of sections, mapped into memory.

    Parameters
    ----------
    path
        The file.
    kind
        The four letters that it must begin with: ``r1cs``, ``ptau`` or ``zkey``.

    Raises
    ------
    InputError
        It cannot be read, is of another kind or version, has a section twice, is cut off or goes on after its last
        section.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.name = path.name
        self.data = mapped(path)
        head = Section(self.data, self.name)
        if bytes(head.take(4)) != kind.encode():
            raise head.fail(f"must be a {kind} file")
        if head.u32() != 1:
            raise head.fail("must have version 1")
        count = head.u32()
        if count > _MAX_SECTIONS:
            raise head.fail(f"must have at most {_MAX_SECTIONS} sections")
        self._sections: dict[int, memoryview] = {}
        for _ in range(count):
            number, length = struct.unpack("<IQ", head.take(12))
            if number in self._sections:
                raise InputError(f"{self.name} section {number}", "must occur once")
            self._sections[number] = head.take(length)
        head.expect_left(0)

    def section(self, number: int) -> Section:
        """Return a section from its beginning; raises InputError where it is missing."""
        where = f"{self.name} section {number}"
        if number not in self._sections:
            raise InputError(where, "is missing")
        return Section(self._sections[number], where)

    def points(self, number: int, start: int, count: int, size: int = G1_BYTES) -> Section:
        """Return the part of a section that holds `count` points from index `start` on.

        Raises
        ------
        InputError
            The section is missing or ends before them.
        """
        section = self.section(number)
        section.take(start * size)
        return Section(section.take(count * size), section.where)


def require_bn254(section: Section, *, scalar: bool) -> None:
    """Refuse a header whose next field is another than BN254's: of scalars, or of coordinates.

    Raises
    ------
    InputError
        It is another field.
    """
    modulus = SCALAR_MODULUS if scalar else BASE_MODULUS
    if section.u32() != FIELD_BYTES or int.from_bytes(section.take(FIELD_BYTES), "little") != modulus:
        raise section.fail("must be over BN254")


def mapped(path: Path) -> memoryview:
    """Return the bytes of a file without reading them all at once.

    Raises
    ------
    InputError
        It is missing, no regular file, unreadable or empty.
    """
    if not path.is_file():
        raise InputError(str(path), "must be an existing file")
    try:
        with path.open("rb") as stream:
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise InputError(str(path), "must be a readable file that is not empty") from error
