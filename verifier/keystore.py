"""The verifier's own keys: read from its key folder, held to their lock file, never taken from a proof."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from verifier.canonical import circuit_name, exact_object, exact_text, integer_at_least_zero, sha256_hex
from verifier.groth16 import VerificationKey
from verifier.reasons import refuse
from verifier.strict_json import parse_json, read_bounded

LOCK_FORMAT: Final = "zkm2m/keys/v1"
_LOCK_KEYS: Final = (
    "format",
    "circuit",
    "development",
    "r1cs_sha256",
    "zkey_sha256",
    "vk_id",
    "contributions",
    "beacon",
    "created_ms",
)


def key_id(value: object) -> str:
    """Return the vk_id of a parsed ``verification_key.json``: SHA-256 of its canonical JSON, in hexadecimal."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """One circuit's verifying key with what its lock file says about its making."""

    circuit: str
    circuit_version: str  #: SHA-256 of the r1cs the key was made for, in hexadecimal
    vk_id: str
    development: bool
    contributions: int
    beacon: str | None
    created_ms: int
    key: VerificationKey

    @classmethod
    def load(cls, folder: Path) -> PinnedKey:
        """Return the key of a folder with ``verification_key.json`` and ``keys.lock.json``; nothing else is read.

        Raises
        ------
        InputError
            One of the two files cannot be read.
        Refusal
            ``malformed_json``; ``key_lock_malformed``; ``key_lock_mismatch``: the key is not the locked one; and
            the codes of `VerificationKey.from_json`.
        """
        lock = _read_lock(folder)
        value = parse_json(read_bounded(folder / "verification_key.json"), "verification_key.json")
        found = key_id(value)
        if found != lock["vk_id"]:
            raise refuse("key_lock_mismatch", f"found {found[:16]}, locked {lock['vk_id'][:16]}")
        return cls(
            circuit=lock["circuit"],
            circuit_version=lock["r1cs_sha256"],
            vk_id=found,
            development=lock["development"],
            contributions=lock["contributions"],
            beacon=lock["beacon"],
            created_ms=lock["created_ms"],
            key=VerificationKey.from_json(value),
        )

    def require_ceremonial(self) -> None:
        """Refuse a key that one party alone may have made.

        The beacon is one of the contributions, and what it contributes is public: it makes no key secret by itself.

        Raises
        ------
        Refusal
            ``development_key``; ``key_not_ceremonial``: no contribution but the beacon, or no beacon after the last.
        """
        if self.development:
            raise refuse("development_key", f"circuit {self.circuit}")
        if self.contributions < 2 or self.beacon is None:
            has_beacon = "a beacon" if self.beacon else "no beacon"
            raise refuse("key_not_ceremonial", f"{self.contributions} contributions, {has_beacon}")


class Keystore:
    """The folder of key folders, one for each circuit, whose files are read once.

    Parameters
    ----------
    folder
        Holds ``<circuit>/verification_key.json`` and ``<circuit>/keys.lock.json``.
    pins
        vk_id expected for a circuit, from a source other than the folder; a circuit not named here is held to its lock
        file alone.
    versions
        SHA-256 of the r1cs expected for a circuit, from a source other than the folder:
        ``circuits/artifacts.lock.json``.
    """

    def __init__(
        self, folder: Path, pins: Mapping[str, str] | None = None, versions: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self._pins = dict(pins or {})
        self._versions = dict(versions or {})
        self._loaded: dict[str, PinnedKey] = {}

    def key(self, circuit: str) -> PinnedKey:
        """Return the pinned key of a circuit.

        Raises
        ------
        InputError
            A file of the key cannot be read.
        Refusal
            ``unknown_key``: no key folder of that name, or its key is not the one in `pins`; ``wrong_circuit``: the
            folder's lock file names another circuit; ``wrong_circuit_version``: the key was made for another version of
            it; and the codes of `PinnedKey.load`.
        """
        if circuit not in self._loaded:
            folder = self.folder / circuit_name(circuit, "circuit", "unknown_key")
            if not folder.is_dir():
                raise refuse("unknown_key", f"there is no key folder {folder}")
            pinned = PinnedKey.load(folder)
            if pinned.circuit != circuit:
                raise refuse("wrong_circuit", f"the lock file in {folder} is of {pinned.circuit}")
            if self._versions.get(circuit, pinned.circuit_version) != pinned.circuit_version:
                raise refuse("wrong_circuit_version", f"the key in {folder} is of {pinned.circuit_version[:16]}")
            if self._pins.get(circuit, pinned.vk_id) != pinned.vk_id:
                raise refuse("unknown_key", f"{pinned.vk_id[:16]} is not the vk_id pinned for {circuit}")
            self._loaded[circuit] = pinned
        return self._loaded[circuit]


def _read_lock(folder: Path) -> dict[str, Any]:
    value = parse_json(read_bounded(folder / "keys.lock.json"), "keys.lock.json")
    code = "key_lock_malformed"
    lock = exact_object(value, "lock", _LOCK_KEYS, code)
    exact_text(lock["format"], "lock.format", LOCK_FORMAT, code)
    circuit_name(lock["circuit"], "lock.circuit", code)
    for name in ("r1cs_sha256", "zkey_sha256", "vk_id"):
        sha256_hex(lock[name], f"lock.{name}", code)
    for name in ("contributions", "created_ms"):
        integer_at_least_zero(lock[name], f"lock.{name}", code)
    if type(lock["development"]) is not bool:
        raise refuse(code, "lock.development: must be true or false")
    beacon = lock["beacon"]
    if beacon is not None and (type(beacon) is not str or not beacon):
        raise refuse(code, "lock.beacon: must be null or the beacon's value as a string")
    return lock
