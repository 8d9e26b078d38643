"""The key folder of a circuit: a proving key, its verifying key, and the lock file that says what they are."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prover import setup_reference
from prover.atomic import atomic_folder
from prover.backends import native_available
from prover.circuits import build
from prover.compiler import Build
from prover.formats.r1cs import read_r1cs_header
from prover.formats.zkey import Zkey, read_zkey, verification_key, vk_id
from prover.paths import key_folder
from rtnet_core.document import decode_json
from rtnet_core.errors import InputError, ToolError

LOCK_FORMAT: Final = "zkm2m/keys/v1"
PROVING_KEY: Final = "proving_key.zkey"
VERIFICATION_KEY: Final = "verification_key.json"
LOCK: Final = "keys.lock.json"
_LOCK_TYPES: Final = {
    "format": str,
    "circuit": str,
    "development": bool,
    "r1cs_sha256": str,
    "zkey_sha256": str,
    "vk_id": str,
    "contributions": int,
    "beacon": str | None,
    "created_ms": int,
}

#: Called with the stage and the share of the work that is done, 0 to 1.
Progress = Callable[[str, float], object]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one circuit, checked against their lock file and against the circuit."""

    circuit: str
    proving_key: Path
    verification_key: dict[str, Any]
    vk_id: str
    r1cs_sha256: str
    zkey_sha256: str
    development: bool
    contributions: int
    beacon: str | None
    created_ms: int


def development_keys(circuit: str, progress: Progress | None = None) -> Keys:
    """Return the keys of a circuit, made now for development unless fitting ones exist.

    The native set-up is used where it is installed, the reference in Python elsewhere.

    Raises
    ------
    InputError
        There is no such circuit, or its folder holds keys of a ceremony for another build of it.
    ToolError
        The circuit does not build, or the keys cannot be written.
    """
    built = build(circuit)
    folder = key_folder(circuit)
    try:
        return read_keys(folder, built)
    except InputError:
        if _is_ceremonial(folder):
            raise
    return make_development_keys(folder, built, progress=progress)


def load_keys(circuit: str) -> Keys:
    """Return the keys of a circuit.

    Raises
    ------
    InputError
        There are none, they are not what their lock file says, or they belong to another build of the circuit.
    ToolError
        The circuit does not build.
    """
    return read_keys(key_folder(circuit), build(circuit))


def make_development_keys(
    folder: Path, built: Build, *, seed: bytes | None = None, progress: Progress | None = None
) -> Keys:
    """Write new development keys for a built circuit and return them; the folder appears or changes as a whole.

    Parameters
    ----------
    folder
        The key folder.
    built
        The circuit.
    seed
        32 bytes that decide the keys, for tests; None takes the operating system's randomness.
    progress
        Called with the stage and the share of the work that is done.

    Raises
    ------
    InputError
        The constraint system cannot be read.
    ToolError
        The keys cannot be made or written.
    """
    with atomic_folder(folder) as temporary:
        _set_up(built.r1cs, temporary / PROVING_KEY, seed, progress)
        _require_fitting(describe_keys(temporary, built.circuit, built.r1cs_sha256, development=True), built)
    return read_keys(folder, built)


def describe_keys(
    folder: Path, circuit: str, r1cs_sha256: str, *, development: bool, beacon: str | None = None
) -> Zkey:
    """Write the verifying key and the lock file of a proving key that stands in a folder already, and return that key.

    Parameters
    ----------
    folder
        Holds ``proving_key.zkey``.
    circuit, r1cs_sha256
        The circuit's name, and the constraint system that the key was made for.
    development
        Whether one party alone may have made the key.
    beacon
        The value of the beacon that ended its ceremony, in hexadecimal.

    Raises
    ------
    InputError
        The proving key is malformed.
    """
    key = read_zkey(folder / PROVING_KEY)
    exported = verification_key(key)
    lock = {
        "format": LOCK_FORMAT,
        "circuit": circuit,
        "development": development,
        "r1cs_sha256": r1cs_sha256,
        "zkey_sha256": key.sha256,
        "vk_id": vk_id(exported),
        "contributions": key.contributions,
        "beacon": beacon,
        "created_ms": time.time_ns() // 1_000_000,
    }
    for name, content in ((VERIFICATION_KEY, exported), (LOCK, lock)):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return key


def read_keys(folder: Path, built: Build) -> Keys:
    """Return the keys in a folder, if they are whole, what their lock file says, and made for `built`.

    Raises
    ------
    InputError
        A file is missing, truncated or malformed; a hash differs from the lock file; the keys belong to another
        constraint system; or gamma equals delta, under which anyone could forge.
    """
    lock = _read_lock(folder / LOCK)
    if lock["circuit"] != built.circuit:
        raise InputError(str(folder / LOCK), f"must be of the circuit {built.circuit}", lock["circuit"])
    if lock["r1cs_sha256"] != built.r1cs_sha256:
        raise InputError(
            str(folder / LOCK), f"must be for the constraint system {built.r1cs_sha256}", lock["r1cs_sha256"]
        )
    key = read_zkey(folder / PROVING_KEY)
    if key.sha256 != lock["zkey_sha256"]:
        raise InputError(str(folder / PROVING_KEY), "must have the hash that its lock file names", key.sha256)
    if key.contributions != lock["contributions"]:
        raise InputError(str(folder / LOCK), "must count the contributions in the proving key", lock["contributions"])
    _require_fitting(key, built)
    exported = _read_json(folder / VERIFICATION_KEY)
    if vk_id(exported) != lock["vk_id"]:
        raise InputError(str(folder / VERIFICATION_KEY), "must have the id that its lock file names", vk_id(exported))
    if exported | {"vk_alphabeta_12": None} != verification_key(key) | {"vk_alphabeta_12": None}:
        raise InputError(str(folder / VERIFICATION_KEY), "must be the verifying key inside the proving key")
    return Keys(
        circuit=built.circuit,
        proving_key=folder / PROVING_KEY,
        verification_key=exported,
        **{name: lock[name] for name in _LOCK_TYPES if name not in ("format", "circuit")},
    )


def _set_up(r1cs: Path, zkey: Path, seed: bytes | None, progress: Progress | None) -> None:
    if not native_available():
        setup_reference.dev_setup(r1cs, zkey, seed, progress)
        return
    import zkm2m_native

    try:
        zkm2m_native.dev_setup(str(r1cs), str(zkey), seed, progress)
    except (ValueError, OSError) as error:
        raise ToolError(f"the native set-up failed: {error}") from error


def _require_fitting(key: Zkey, built: Build) -> None:
    """Refuse a proving key that cannot belong to the circuit, or that lets anyone forge."""
    header = read_r1cs_header(built.r1cs)
    for name, found, expected in (
        ("wires", key.n_vars, header.n_wires),
        ("public signals", key.n_public, header.n_public),
        ("domain size", key.domain_size, header.domain_size),
    ):
        if found != expected:
            raise InputError(f"{PROVING_KEY} {name}", f"must be {expected}, as the circuit has", found)
    for one, other in (("gamma2", "delta2"), ("beta2", "gamma2"), ("beta2", "delta2")):
        if getattr(key, one)[0] == getattr(key, other)[0]:  # the same point up to its sign
            raise InputError(PROVING_KEY, f"must have {one} != {other} up to sign: under this key anyone can forge")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = decode_json(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise InputError(str(path), "is missing: run `zkm2m keys dev` to make development keys") from error
    except OSError as error:
        raise InputError(str(path), "must be a readable file") from error
    if not isinstance(content, dict):
        raise InputError(str(path), "must be a JSON object")
    return content


def _read_lock(path: Path) -> dict[str, Any]:
    lock = _read_json(path)
    if set(lock) != set(_LOCK_TYPES) or lock["format"] != LOCK_FORMAT:
        raise InputError(str(path), f"must be a {LOCK_FORMAT} file")
    for name, kind in _LOCK_TYPES.items():
        if not isinstance(lock[name], kind) or (kind is int and (isinstance(lock[name], bool) or lock[name] < 0)):
            raise InputError(f"{path} {name}", "must have the type that the format gives it", lock[name])
    return lock


def _is_ceremonial(folder: Path) -> bool:
    """Return whether the folder holds keys that were not made here and could not be made again."""
    try:
        return not _read_lock(folder / LOCK)["development"]
    except InputError:
        return False
