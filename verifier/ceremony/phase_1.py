"""Phase-1 files: powers of a secret tau that no one party knew, for circuits of any kind.

A file of power n holds, for every domain of 2^k <= 2^n points, the Lagrange polynomials of that domain at tau: times
the generator of G1 (section 12, one domain more than the others) and of G2 (13), times alpha (14) and beta (15) in G1.
The polynomials of a domain of m points stand from index m - 1 on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtnet_core.errors import InputError
from verifier.ceremony.binary import G2_BYTES, BinaryFile, mapped, require_bn254
from verifier.ceremony.phase_1_hashes import PUBLIC_PHASE_1
from verifier.ceremony.reasons import refuse
from verifier.points import G1Point, G2Point

_TAU_G1, _TAU_G2, _ALPHA_TAU_G1, _BETA_TAU_G1 = 12, 13, 14, 15
_MAX_POWER: Final = 28


@dataclass(frozen=True, slots=True)
class Phase1:
    """An opened phase-1 file; `public` says whether it is, bit for bit, one of the public perpetual ceremony."""

    file: BinaryFile
    power: int
    blake2b_512: str
    public: bool

    @classmethod
    def open(cls, path: Path, *, permit_unknown: bool = False) -> Phase1:
        """Return a phase-1 file after its hash was looked up.

        Parameters
        ----------
        path
            The file.
        permit_unknown
            Whether a file that is none of the public ones is taken, as `public` = False.

        Raises
        ------
        InputError
            It cannot be read, is cut off, is no phase-1 file over BN254, or was not prepared for phase 2.
        Refusal
            ``unknown_phase_1``: its hash is not in the table, and that is not permitted.
        """
        found = file_blake2b(path)
        public = found in PUBLIC_PHASE_1.values()
        if not public and not permit_unknown:
            raise refuse("unknown_phase_1", f"BLAKE2b-512 {found[:32]}...")
        file = BinaryFile(path, "ptau")
        header = file.section(1)
        require_bn254(header, scalar=False)
        power = header.u32()
        if not 1 <= power <= _MAX_POWER:
            raise header.fail(f"must have a power from 1 to {_MAX_POWER}")
        file.points(_TAU_G1, (2 << power) - 1, 2 << power)  # is missing where the file was not prepared
        return cls(file, power, found, public)

    def require_room(self, domain_size: int) -> None:
        """Refuse a circuit that is too big for this file.

        Raises
        ------
        InputError
            Its domain has more than 2^power points.
        """
        if domain_size > 1 << self.power:
            needed = domain_size.bit_length() - 1
            raise InputError(self.file.name, f"must have a power of at least {needed} for the circuit", self.power)

    def alpha1(self) -> G1Point:
        """Return alpha times the generator of G1."""
        return self.file.section(4).some_g1()

    def beta1(self) -> G1Point:
        """Return beta times the generator of G1."""
        return self.file.section(5).some_g1()

    def beta2(self) -> G2Point:
        """Return beta times the generator of G2."""
        return self.file.section(6).some_g2()

    def tau(self, domain_size: int) -> list[G1Point | None]:
        """Return L_i(tau) in G1 for the domain of that size."""
        return self._lagrange(_TAU_G1, domain_size)

    def tau_g2(self, domain_size: int) -> list[G2Point | None]:
        """Return L_i(tau) in G2; only the twist's equation is checked: whoever has the hash right needs no more."""
        section = self.file.points(_TAU_G2, domain_size - 1, domain_size, G2_BYTES)
        return [section.g2(in_group=False) for _ in range(domain_size)]

    def alpha_tau(self, domain_size: int) -> list[G1Point | None]:
        """Return alpha * L_i(tau) in G1."""
        return self._lagrange(_ALPHA_TAU_G1, domain_size)

    def beta_tau(self, domain_size: int) -> list[G1Point | None]:
        """Return beta * L_i(tau) in G1."""
        return self._lagrange(_BETA_TAU_G1, domain_size)

    def _lagrange(self, number: int, domain_size: int) -> list[G1Point | None]:
        section = self.file.points(number, domain_size - 1, domain_size)
        return [section.g1() for _ in range(domain_size)]


def file_blake2b(path: Path) -> str:
    """Return the BLAKE2b-512 of a file in hexadecimal; raises InputError where it cannot be read."""
    return hashlib.blake2b(mapped(path)).hexdigest()
