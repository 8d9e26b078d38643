"""Groth16 proving keys as snarkjs writes them; what is read here is what decides whether a key fits a circuit.

Sections: 1 protocol, 2 header, 3 IC, 4 entries of the matrices A and B, 5 A, 6 B in G1, 7 B in G2, 8 C, 9 H,
10 circuit hash and contributions. Coordinates are in Montgomery form, little-endian; infinity is all zeros.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prover.curve import BASE_MODULUS, G1Point, G2Point, on_g1, on_twist
from prover.formats.binfile import BinaryFile, Cursor, parse_container, read_file
from rtnet_core.errors import InputError
from rtnet_core.limits import FIELD_MODULUS

FIELD_BYTES: Final = 32
G1_BYTES: Final = 2 * FIELD_BYTES
G2_BYTES: Final = 4 * FIELD_BYTES
ENTRY_BYTES: Final = 12 + FIELD_BYTES
CIRCUIT_HASH_BYTES: Final = 64
SECTION_TITLES: Final = {
    1: "protocol",
    2: "header",
    3: "IC",
    4: "coefficients",
    5: "A",
    6: "B1",
    7: "B2",
    8: "C",
    9: "H",
    10: "contributions",
}
_GROTH16: Final = 1
_MAX_FILE_BYTES: Final = 1 << 34
_UNMONTGOMERY: Final = pow(1 << 256, -1, BASE_MODULUS)


@dataclass(frozen=True, slots=True)
class Zkey:
    """What a proving key says of itself; points are affine, out of Montgomery form, and none is infinity.

    ``sections`` maps a section to its (offset, length) in the file.
    """

    n_vars: int
    n_public: int
    domain_size: int
    alpha1: G1Point
    beta1: G1Point
    beta2: G2Point
    gamma2: G2Point
    delta1: G1Point
    delta2: G2Point
    ic: tuple[G1Point, ...]
    coefficients: int
    circuit_hash: bytes
    contributions: int
    sections: dict[int, tuple[int, int]]
    sha256: str


def read_zkey(path: Path) -> Zkey:
    """Return what stands in a proving key's file.

    Raises
    ------
    InputError
        The file is missing, truncated, not of Groth16 over BN254, a section has another length than its header
        demands, or a point of header or IC is infinity or off its curve.
    """
    return parse_zkey(read_file(path, limit=_MAX_FILE_BYTES), path.name)


def parse_zkey(data: bytes, name: str = "zkey") -> Zkey:
    """Return what stands in the bytes of a proving key; `name` stands in errors.

    Raises
    ------
    InputError
        The bytes break a rule of the format.
    """
    container = parse_container(data, "zkey", 1, name)
    for number in container.table:
        if number not in SECTION_TITLES:
            raise InputError(f"{name} section {number}", "is unknown")
    protocol = container.section(1, SECTION_TITLES[1])
    if (found := protocol.u32()) != _GROTH16:
        raise protocol.fail("must name Groth16", found)
    protocol.expect_end()

    header = container.section(2, SECTION_TITLES[2])
    for modulus in (BASE_MODULUS, FIELD_MODULUS):
        if header.u32() != FIELD_BYTES or header.integer(FIELD_BYTES) != modulus:
            raise header.fail("must be over BN254")
    n_vars, n_public, domain_size = header.u32(), header.u32(), header.u32()
    if n_public >= n_vars:
        raise header.fail("must have more wires than public signals", n_public)
    if domain_size < 2 or domain_size & (domain_size - 1):
        raise header.fail("must have a domain size that is a power of two from 2 on", domain_size)
    alpha1, beta1 = _read_g1(header, "alpha1"), _read_g1(header, "beta1")
    beta2, gamma2 = _read_g2(header, "beta2"), _read_g2(header, "gamma2")
    delta1, delta2 = _read_g1(header, "delta1"), _read_g2(header, "delta2")
    header.expect_end()

    _check_lengths(container, n_vars, n_public, domain_size)
    ic_section = container.section(3, SECTION_TITLES[3])
    entries = container.section(4, SECTION_TITLES[4])
    coefficients = entries.u32()
    if entries.remaining != coefficients * ENTRY_BYTES:
        raise entries.fail(f"must hold {coefficients} entries of {ENTRY_BYTES} bytes", entries.remaining)
    contributions = container.section(10, SECTION_TITLES[10])
    return Zkey(
        n_vars=n_vars,
        n_public=n_public,
        domain_size=domain_size,
        alpha1=alpha1,
        beta1=beta1,
        beta2=beta2,
        gamma2=gamma2,
        delta1=delta1,
        delta2=delta2,
        ic=tuple(_read_g1(ic_section, f"IC[{index}]") for index in range(n_public + 1)),
        coefficients=coefficients,
        circuit_hash=bytes(contributions.take(CIRCUIT_HASH_BYTES)),
        contributions=_contribution_count(contributions),
        sections=dict(container.table),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def verification_key(key: Zkey) -> dict[str, Any]:
    """Return the verifying key inside a proving key as the JSON value that snarkjs exports.

    ``vk_alphabeta_12`` is left out: it is a pairing of two other entries, and no verifier may trust a second source.
    """
    return {
        "protocol": "groth16",
        "curve": "bn128",
        "nPublic": key.n_public,
        "vk_alpha_1": _g1_json(key.alpha1),
        "vk_beta_2": _g2_json(key.beta2),
        "vk_gamma_2": _g2_json(key.gamma2),
        "vk_delta_2": _g2_json(key.delta2),
        "IC": [_g1_json(point) for point in key.ic],
    }


def vk_id(key: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) of a verifying key's canonical JSON: sorted keys, no spaces."""
    return hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _check_lengths(container: BinaryFile, n_vars: int, n_public: int, domain_size: int) -> None:
    points = {
        3: (n_public + 1, G1_BYTES),
        5: (n_vars, G1_BYTES),
        6: (n_vars, G1_BYTES),
        7: (n_vars, G2_BYTES),
        8: (n_vars - n_public - 1, G1_BYTES),
        9: (domain_size, G1_BYTES),
    }
    for number, (count, size) in points.items():
        section = container.section(number, SECTION_TITLES[number])
        if section.remaining != count * size:
            raise section.fail(f"must hold {count} points of {size} bytes", section.remaining)


def _contribution_count(section: Cursor) -> int:
    count = section.u32()
    if (count == 0) != (section.remaining == 0):
        raise section.fail("must be as long as its number of contributions demands", count)
    return count


def _coordinate(section: Cursor, name: str) -> int:
    value = section.integer(FIELD_BYTES)
    if value >= BASE_MODULUS:
        raise section.fail(f"must have reduced coordinates in {name}")
    return value * _UNMONTGOMERY % BASE_MODULUS


def _read_g1(section: Cursor, name: str) -> G1Point:
    point = (_coordinate(section, name), _coordinate(section, name))
    if not on_g1(point):  # infinity, written as (0, 0), is not on the curve either
        raise section.fail(f"must have a point of G1 other than infinity in {name}")
    return point


def _read_g2(section: Cursor, name: str) -> G2Point:
    x = (_coordinate(section, name), _coordinate(section, name))
    y = (_coordinate(section, name), _coordinate(section, name))
    if not on_twist((x, y)):
        raise section.fail(f"must have a point of the twist other than infinity in {name}")
    return x, y


def _g1_json(point: G1Point) -> list[str]:
    return [str(point[0]), str(point[1]), "1"]


def _g2_json(point: G2Point) -> list[list[str]]:
    return [[str(part) for part in point[0]], [str(part) for part in point[1]], ["1", "0"]]
