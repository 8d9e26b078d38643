"""Constraint systems as circom writes them: A(w) * B(w) = C(w) for every constraint, over the BN254 scalar field."""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from prover.formats.binfile import BinaryFile, Cursor, build_container, parse_container, read_file
from rtnet_core.errors import InputError
from rtnet_core.limits import FIELD_MODULUS

FIELD_BYTES: Final = 32
_MAX_FILE_BYTES: Final = 1 << 32
_HEADER_SECTION, _CONSTRAINT_SECTION, _LABEL_SECTION = 1, 2, 3
_CUSTOM_GATE_SECTIONS: Final = (4, 5)


class Row(NamedTuple):
    """A linear combination of wires: the sum of ``coefficients[i] * witness[wires[i]]``."""

    wires: tuple[int, ...]
    coefficients: tuple[int, ...]


class Constraint(NamedTuple):
    """One constraint: ``a * b = c`` with each side evaluated on the witness."""

    a: Row
    b: Row
    c: Row


@dataclass(frozen=True, slots=True)
class R1csHeader:
    """The counts of a constraint system.

    Wire 0 is the constant one; then come the public outputs, the public inputs, the private inputs that were not
    substituted away, and the intermediate wires.
    """

    n_wires: int
    n_pub_out: int
    n_pub_in: int
    n_prv_in: int
    n_labels: int
    n_constraints: int

    @property
    def n_public(self) -> int:
        """Public signals without the constant one, outputs first."""
        return self.n_pub_out + self.n_pub_in

    @property
    def domain_size(self) -> int:
        """Size of the evaluation domain of Groth16: the power of two that holds every constraint and public wire."""
        return 1 << max(1, (self.n_constraints + self.n_public).bit_length())


@dataclass(frozen=True, slots=True)
class R1cs(R1csHeader):
    """A constraint system; ``labels[wire]`` is the wire's label, its signal number in the ``.sym`` file."""

    constraints: tuple[Constraint, ...]
    labels: tuple[int, ...]


def read_r1cs(path: Path) -> R1cs:
    """Return the constraint system in a file.

    Raises
    ------
    InputError
        The file is missing, truncated, over another field, or breaks any rule of the format.
    """
    return parse_r1cs(read_file(path, limit=_MAX_FILE_BYTES), path.name)


def parse_r1cs(data: bytes, name: str = "r1cs") -> R1cs:
    """Return the constraint system in the bytes of a file; `name` stands in errors.

    Raises
    ------
    InputError
        The bytes break a rule of the format.
    """
    container = parse_container(data, "r1cs", 1, name)
    header = _parse_header(container)
    body = container.section(_CONSTRAINT_SECTION, "constraints")
    constraints = _read_constraints(body, header.n_wires, header.n_constraints)
    body.expect_end()
    map_section = container.section(_LABEL_SECTION, "wire to label map")
    if map_section.remaining != 8 * header.n_wires:
        raise map_section.fail(f"must hold {header.n_wires} labels", map_section.remaining / 8)
    labels = struct.unpack(f"<{header.n_wires}Q", map_section.take(8 * header.n_wires))
    if any(label >= header.n_labels for label in labels):
        raise map_section.fail(f"must have labels below {header.n_labels}", max(labels))
    return R1cs(**asdict(header), constraints=constraints, labels=labels)


def read_r1cs_header(path: Path) -> R1csHeader:
    """Return the counts in a constraint system's file without reading its constraints.

    Raises
    ------
    InputError
        The file is missing, truncated, over another field, or its header breaks a rule of the format.
    """
    return _parse_header(parse_container(read_file(path, limit=_MAX_FILE_BYTES), "r1cs", 1, path.name))


def _parse_header(container: BinaryFile) -> R1csHeader:
    if any(container.length(number) > 4 for number in _CUSTOM_GATE_SECTIONS):
        raise InputError(container.name, "must not use custom gates")
    header = container.section(_HEADER_SECTION, "header")
    if (width := header.u32()) != FIELD_BYTES:
        raise header.fail(f"must have field elements of {FIELD_BYTES} bytes", width)
    if header.integer(FIELD_BYTES) != FIELD_MODULUS:
        raise header.fail("must be over the BN254 scalar field")
    n_wires, n_pub_out, n_pub_in, n_prv_in = (header.u32() for _ in range(4))
    n_labels, n_constraints = header.u64(), header.u32()
    header.expect_end()
    if 1 + n_pub_out + n_pub_in + n_prv_in > n_wires:
        raise header.fail("must have a wire for the constant one, every output and every input", n_wires)
    if container.length(_CONSTRAINT_SECTION) < 12 * n_constraints:
        raise InputError(container.name, f"is too short for {n_constraints} constraints")
    return R1csHeader(n_wires, n_pub_out, n_pub_in, n_prv_in, n_labels, n_constraints)


def serialize_r1cs(system: R1cs) -> bytes:
    """Return the file of a constraint system, sections in ascending order."""
    header = b"".join(
        (
            struct.pack("<I", FIELD_BYTES),
            FIELD_MODULUS.to_bytes(FIELD_BYTES, "little"),
            struct.pack("<4I", system.n_wires, system.n_pub_out, system.n_pub_in, system.n_prv_in),
            struct.pack("<QI", system.n_labels, len(system.constraints)),
        )
    )
    body = bytearray()
    for constraint in system.constraints:
        for row in constraint:
            body += struct.pack("<I", len(row.wires))
            for wire, coefficient in zip(row.wires, row.coefficients, strict=True):
                body += struct.pack("<I", wire) + coefficient.to_bytes(FIELD_BYTES, "little")
    labels = struct.pack(f"<{len(system.labels)}Q", *system.labels)
    return build_container(
        "r1cs", 1, [(_HEADER_SECTION, header), (_CONSTRAINT_SECTION, bytes(body)), (_LABEL_SECTION, labels)]
    )


@lru_cache(maxsize=4096)
def _row_layout(terms: int) -> struct.Struct:
    """Return the layout of a row of `terms` (wire, coefficient) pairs."""
    return struct.Struct("<" + f"I{FIELD_BYTES}s" * terms)


def _read_constraints(body: Cursor, n_wires: int, n_constraints: int) -> tuple[Constraint, ...]:
    known: dict[bytes, int] = {}  # a circuit has few distinct coefficients: each is decoded and kept once

    def coefficient(encoded: bytes) -> int:
        value = known.get(encoded)
        if value is None:
            value = known[encoded] = int.from_bytes(encoded, "little")
            if value >= FIELD_MODULUS:
                raise body.fail("must have coefficients below the field modulus")
        return value

    def row() -> Row:
        terms = body.u32()
        if terms == 0:
            return _EMPTY_ROW
        if terms * (4 + FIELD_BYTES) > body.remaining:
            raise body.fail(f"is too short for a row of {terms} terms")
        flat = _row_layout(terms).unpack(body.take(terms * (4 + FIELD_BYTES)))
        wires = flat[0::2]
        if max(wires) >= n_wires:
            raise body.fail(f"must name wires below {n_wires}", max(wires))
        return Row(wires, tuple(map(coefficient, flat[1::2])))

    return tuple(Constraint(row(), row(), row()) for _ in range(n_constraints))


_EMPTY_ROW: Final = Row((), ())
