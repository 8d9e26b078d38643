"""A ceremony's folder, checked as a whole: its keys, its contributions, its attestations, its circuit and its phase 1.

The folder holds ``ceremony.json``, the last key ``circuit_NNNN.zkey`` with N contributions - the earlier ones need not
be there - and an ``attestation_NNNN.txt`` for each contribution whose maker wrote one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rtnet_core.errors import InputError
from verifier.ceremony.binary import BinaryFile, mapped
from verifier.ceremony.chain import Chain, Contribution, read_chain, require_linked, require_sound
from verifier.ceremony.circuit_key import Circuit, require_matches, require_matrices, require_points
from verifier.ceremony.documents import MAX_ATTESTATION_BYTES, Attestation, Ceremony
from verifier.ceremony.phase_1 import Phase1
from verifier.ceremony.reasons import refuse
from verifier.groth16 import VerificationKey
from verifier.keystore import key_id
from verifier.strict_json import read_bounded

CEREMONY_FILE: Final = "ceremony.json"
_KEY_FILE: Final = re.compile(r"circuit_([0-9]{4})\.zkey")
_MAX_CEREMONY_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Transcript:
    """A checked ceremony.

    Attributes
    ----------
    ceremony
        What it is about.
    contributions
        The contributions in their order; a beacon is the last one.
    attested
        For each, whether an attestation of it was there, and right.
    key
        The last key's file.
    key_sha256
        Its hash.
    verifying_key
        The verifying key inside it; None where nobody contributed yet, for then anyone could forge under it.
    """

    ceremony: Ceremony
    contributions: tuple[Contribution, ...]
    attested: tuple[bool, ...]
    key: Path
    key_sha256: str
    verifying_key: VerificationKey | None

    @property
    def finished(self) -> bool:
        """Whether a beacon ended it."""
        return bool(self.contributions) and self.contributions[-1].beacon is not None

    def require_finished(self) -> None:
        """Refuse a ceremony without a contributor or without a beacon.

        Raises
        ------
        Refusal
            ``no_contribution`` or ``no_beacon``.
        """
        if not any(contribution.beacon is None for contribution in self.contributions):
            raise refuse("no_contribution", f"{len(self.contributions)} contributions in {self.key.name}")
        if not self.finished:
            raise refuse("no_beacon", f"{len(self.contributions)} contributions in {self.key.name}")

    def require_production(self) -> None:
        """Refuse a ceremony whose key is not fit for production.

        Raises
        ------
        Refusal
            The codes of `require_finished`; ``not_for_production``: the phase-1 file is not a public one.
        """
        self.require_finished()
        if not self.ceremony.public_phase_1:
            raise refuse("not_for_production", f"BLAKE2b-512 {self.ceremony.phase_1_blake2b_512[:32]}...")

    def to_json(self) -> dict[str, Any]:
        """Return the transcript as a JSON object."""
        return {
            **self.ceremony.model_dump(mode="json", exclude={"format"}),
            "public_phase_1": self.ceremony.public_phase_1,
            "contributions": [
                _contribution_json(number, contribution, attested)
                for number, (contribution, attested) in enumerate(
                    zip(self.contributions, self.attested, strict=True), 1
                )
            ],
            "finished": self.finished,
            "key": self.key.name,
            "key_sha256": self.key_sha256,
            "vk_id": None if self.verifying_key is None else key_id(self.verifying_key.to_json()),
        }


def verify_ceremony(folder: Path, r1cs: Path, phase_1: Path) -> Transcript:
    """Return the transcript of a ceremony after everything in it was checked; needs nothing but the files.

    Parameters
    ----------
    folder
        The ceremony's.
    r1cs
        The circuit's constraint system, from a source of the caller's own: best built from the sources.
    phase_1
        The phase-1 file.

    Raises
    ------
    InputError
        A file is missing or malformed.
    Refusal
        The codes of `verifier.ceremony.reasons.CEREMONY_REASONS`, but for those of `Transcript.require_production`;
        the codes of `verifier.groth16.VerificationKey.from_json` for a key under which anyone can forge.
    """
    ceremony = read_ceremony(folder)
    if (found := file_sha256(r1cs)) != ceremony.r1cs_sha256:
        raise refuse("wrong_circuit", f"SHA-256 {found[:16]}..., and {ceremony.r1cs_sha256[:16]}... is named")
    opened = Phase1.open(phase_1, permit_unknown=not ceremony.public_phase_1)
    if (opened.power, opened.blake2b_512) != (ceremony.phase_1_power, ceremony.phase_1_blake2b_512):
        raise refuse("wrong_phase_1", f"power {opened.power}, BLAKE2b-512 {opened.blake2b_512[:32]}...")
    last = last_key(folder)
    chain = read_chain(last)
    require_of_ceremony(chain, ceremony)
    require_linked(chain)
    hashes = _require_files(folder, ceremony, chain)
    attested = _require_attestations(folder, ceremony, chain, hashes)
    require_sound(chain)
    circuit, key = Circuit.open(r1cs), BinaryFile(last, "zkey")
    require_matches(circuit, chain.header)
    require_matrices(circuit, key)
    require_points(circuit, opened, chain.header, key)
    number = len(chain.contributions)
    verifying_key = VerificationKey.from_json(exported_key(last)) if number else None
    return Transcript(ceremony, chain.contributions, attested, last, hashes[number], verifying_key)


def read_ceremony(folder: Path) -> Ceremony:
    """Return what a folder's ceremony is about; raises InputError where its ``ceremony.json`` is missing or no such."""
    path = folder / CEREMONY_FILE
    return Ceremony.from_json(read_bounded(path, _MAX_CEREMONY_BYTES), str(path))


def require_of_ceremony(chain: Chain, ceremony: Ceremony) -> None:
    """Refuse a key that does not begin where the ceremony does.

    Raises
    ------
    Refusal
        ``wrong_circuit_hash``.
    """
    if chain.circuit_hash != ceremony.circuit_hash:
        raise refuse("wrong_circuit_hash", f"{chain.circuit_hash[:16]}..., not {ceremony.circuit_hash[:16]}...")


def key_file(folder: Path, number: int) -> Path:
    """Return the name of the key with that many contributions."""
    return folder / f"circuit_{number:04}.zkey"


def attestation_file(folder: Path, number: int) -> Path:
    """Return the name of the attestation of that contribution."""
    return folder / f"attestation_{number:04}.txt"


def last_key(folder: Path) -> Path:
    """Return the key with the most contributions, by its name; raises InputError where there is none."""
    found = [path for path in sorted(_listed(folder)) if _KEY_FILE.fullmatch(path.name)]
    if not found:
        raise InputError(str(folder), "must hold a key circuit_NNNN.zkey")
    return found[-1]


def exported_key(key: Path) -> dict[str, Any]:
    """Return the verifying key inside a proving key in the form of snarkjs, without the redundant pairing.

    Raises
    ------
    InputError
        The key is malformed.
    """
    header = read_chain(key).header
    section = BinaryFile(key, "zkey").section(3)
    section.expect_left(64 * (header.n_public + 1))
    inputs = tuple(section.some_g1() for _ in range(header.n_public + 1))
    return VerificationKey(header.alpha1, header.beta2, header.gamma2, header.delta2, inputs).to_json()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal; raises InputError where it cannot be read."""
    return hashlib.sha256(mapped(path)).hexdigest()


def _require_files(folder: Path, ceremony: Ceremony, last: Chain) -> dict[int, str]:
    """Return the SHA-256 of every key that is there, by its number; refuse one that is not of the last key's chain."""
    hashes = {}
    for path in sorted(_listed(folder)):
        match = _KEY_FILE.fullmatch(path.name)
        if match is None:
            continue
        number, chain = int(match[1]), read_chain(path)
        own = chain.circuit_hash, len(chain.contributions), chain.contributions
        if own != (last.circuit_hash, number, last.contributions[:number]):
            raise refuse("file_mismatch", f"{path.name} must have the last key's first {number} contributions")
        hashes[number] = file_sha256(path)
    if hashes.get(0, ceremony.first_key_sha256) != ceremony.first_key_sha256:
        raise refuse("file_mismatch", f"{key_file(folder, 0).name} is not the first key that {CEREMONY_FILE} names")
    return hashes


def _require_attestations(folder: Path, ceremony: Ceremony, chain: Chain, hashes: dict[int, str]) -> tuple[bool, ...]:
    """Return for each contribution whether it has an attestation; refuse one that says something else."""
    known = {0: ceremony.first_key_sha256, **hashes}
    attested = [False] * len(chain.contributions)
    for path in sorted(_listed(folder)):
        if not path.name.startswith("attestation_"):
            continue
        stated = read_attestation(path)
        number = stated.number
        if path != attestation_file(folder, number) or number > len(chain.contributions):
            raise refuse("attestation_mismatch", f"{path.name} is of contribution {number}, which is not in the key")
        contribution = chain.contributions[number - 1]
        # What an earlier attestation says of a key that is not here, this one must say too.
        for name, found, expected in (
            ("circuit", stated.circuit, ceremony.circuit),
            ("name", stated.name, contribution.name),
            ("contribution hash", stated.contribution_hash, contribution.hash),
            ("key before", stated.key_before, known.setdefault(number - 1, stated.key_before)),
            ("key after", stated.key_after, known.setdefault(number, stated.key_after)),
            ("beacon", stated.beacon, str(contribution.beacon or "")),
        ):
            if found != expected:
                raise refuse("attestation_mismatch", f"{path.name}: {name}")
        attested[number - 1] = True
    return tuple(attested)


def read_attestation(path: Path) -> Attestation:
    """Return the attestation in a file; raises InputError where it is none."""
    try:
        return Attestation.parse(read_bounded(path, MAX_ATTESTATION_BYTES).decode(), str(path))
    except UnicodeDecodeError:
        raise InputError(str(path), "must be UTF-8 text") from None


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(str(folder), "must be a ceremony's folder")
    return list(folder.iterdir())


def _contribution_json(number: int, contribution: Contribution, attested: bool) -> dict[str, Any]:
    beacon = contribution.beacon
    return {
        "number": number,
        "name": contribution.name,
        "hash": contribution.hash,
        "beacon": None
        if beacon is None
        else {"value": beacon.value.hex(), "iterations_exponent": beacon.iterations_exponent},
        "attested": attested,
    }
