"""Witness files: the value of every wire."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from prover.formats.binfile import build_container, parse_container
from rtnet_core.errors import InputError
from rtnet_core.limits import FIELD_MODULUS

FIELD_BYTES: Final = 32


def parse_wtns(data: bytes, name: str = "wtns") -> list[int]:
    """Return the wire values in the bytes of a witness file; messages name wires and never their values.

    Raises
    ------
    InputError
        The bytes break a rule of the format.
    """
    return _values(data, name, None)


def first_values(data: bytes, count: int, name: str = "wtns") -> list[int]:
    """Return the values of the first `count` wires: the constant 1, then the public signals.

    Raises
    ------
    InputError
        The bytes break a rule of the format, or there are fewer wires.
    """
    return _values(data, name, count)


def _values(data: bytes, name: str, wanted: int | None) -> list[int]:
    container = parse_container(data, "wtns", 2, name)
    header = container.section(1, "header")
    if (width := header.u32()) != FIELD_BYTES:
        raise header.fail(f"must have field elements of {FIELD_BYTES} bytes", width)
    if header.integer(FIELD_BYTES) != FIELD_MODULUS:
        raise header.fail("must be over the BN254 scalar field")
    count = header.u32()
    header.expect_end()
    body = container.section(2, "values")
    if body.remaining != count * FIELD_BYTES:
        raise body.fail(f"must hold {count} values", body.remaining / FIELD_BYTES)
    if wanted is None:
        wanted = count
    elif wanted > count:
        raise body.fail(f"must hold at least {wanted} values", count)
    packed = bytes(body.take(wanted * FIELD_BYTES))
    decode = int.from_bytes
    witness = [decode(packed[at : at + FIELD_BYTES], "little") for at in range(0, len(packed), FIELD_BYTES)]
    for wire, value in enumerate(witness):
        if value >= FIELD_MODULUS:
            raise body.fail(f"must have a value below the field modulus on wire {wire}")
    return witness


def serialize_wtns(witness: Sequence[int]) -> bytes:
    """Return the witness file of the given wire values.

    Raises
    ------
    InputError
        A value is no integer in [0, r); it is not shown.
    """
    for wire, value in enumerate(witness):
        if type(value) is not int or not 0 <= value < FIELD_MODULUS:
            raise InputError(f"witness[{wire}]", "must be an integer of at least 0 and below the field modulus")
    header = b"".join(
        (struct.pack("<I", FIELD_BYTES), FIELD_MODULUS.to_bytes(FIELD_BYTES, "little"), struct.pack("<I", len(witness)))
    )
    body = b"".join(value.to_bytes(FIELD_BYTES, "little") for value in witness)
    return build_container("wtns", 2, [(1, header), (2, body)])
