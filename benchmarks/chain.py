"""An artificial circuit of any size, like ours in its wires: five of six are bits, the sixth is a full scalar."""

from __future__ import annotations

import struct

from prover.formats.binfile import build_container
from prover.formats.wtns import serialize_wtns
from rtnet_core.limits import FIELD_MODULUS

#: Every so many wires one is the square of the full one before it; the others are bits.
_STRIDE = 6
_START = pow(5, 200, FIELD_MODULUS)


def chain_r1cs(constraints: int) -> bytes:
    """Return the constraint file: wire 1 is public, and every wire from 2 on has one constraint."""

    def term(wire: int, value: int) -> bytes:
        return struct.pack("<II", 1, wire) + (value % FIELD_MODULUS).to_bytes(32, "little")

    nothing = struct.pack("<I", 0)
    rows = bytearray()
    full = 1
    for wire in range(2, constraints + 2):
        if wire % _STRIDE == 0:
            rows += term(full, 1) + term(full, 1) + term(wire, 1)
            full = wire
        else:
            less_one = struct.pack("<II", 2, 0) + (FIELD_MODULUS - 1).to_bytes(32, "little")
            less_one += struct.pack("<I", wire) + (1).to_bytes(32, "little")
            rows += term(wire, 1) + less_one + nothing
    wires = constraints + 2
    header = struct.pack("<I", 32) + FIELD_MODULUS.to_bytes(32, "little")
    header += struct.pack("<IIIIQI", wires, 0, 1, 0, wires, constraints)
    labels = b"".join(struct.pack("<Q", wire) for wire in range(wires))
    return build_container("r1cs", 1, [(1, header), (2, bytes(rows)), (3, labels)])


def chain_witness(constraints: int) -> bytes:
    """Return a witness of the circuit, in .wtns form."""
    values = [1, _START]
    full = _START
    for wire in range(2, constraints + 2):
        if wire % _STRIDE == 0:
            full = full * full % FIELD_MODULUS
            values.append(full)
        else:
            values.append(wire // _STRIDE & 1)
    return serialize_wtns(values)
