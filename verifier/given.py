"""What a person gives at a command line, as the conditions, keys and records that a verification asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rtnet_core.epoch import RECORD_NAME
from rtnet_core.errors import InputError
from rtnet_core.record import Record
from verifier.epoch_files import circuit_of, read_record
from verifier.keystore import Keystore
from verifier.policy import Policy

#: Ships with the verifier: which version of every circuit it accepts keys for.
ARTIFACT_LOCK: Final = Path(__file__).resolve().parent.parent / "circuits" / "artifacts.lock.json"


def hex32(option: str, text: str) -> str:
    """Return `text` if it is 64 lower-case hexadecimal digits.

    Raises
    ------
    InputError
        It is not.
    """
    if re.fullmatch("[0-9a-f]{64}", text) is None:
        raise InputError(option, "must be 64 lower-case hexadecimal digits", text)
    return text


def policy_of(
    *, production: bool, max_age: int | None, venue_key: str | None, threshold_bps: int | None = None
) -> Policy:
    """Return the conditions that the options come to; `max_age` is in seconds."""
    return Policy(
        production=production,
        max_age_ms=None if max_age is None else 1000 * max_age,
        venue_public_key=None if venue_key is None else bytes.fromhex(hex32("--venue-key", venue_key)),
        threshold_bps=threshold_bps,
    )


def pinned_versions() -> dict[str, str]:
    """Return the SHA-256 of the r1cs of every circuit that this version of the software pins.

    Raises
    ------
    InputError
        The installation is broken: the file that names them is missing or unreadable.
    """
    try:
        circuits = json.loads(ARTIFACT_LOCK.read_bytes())["circuits"]
        return {name: str(entry["r1cs_sha256"]) for name, entry in circuits.items()}
    except (OSError, ValueError, LookupError) as error:
        raise InputError(str(ARTIFACT_LOCK), "must be the file that was installed with the verifier") from error


def keystore_of(folder: Path, pins: Mapping[str, str] | None = None) -> Keystore:
    """Return the verifying keys in `folder`, held to the circuits that this version pins."""
    return Keystore(folder, pins=pins, versions=pinned_versions())


def pin_of(kind: str, profile: str, vk_id: str | None) -> dict[str, str] | None:
    """Return the pin of the one circuit that a bundle is of: ``account``, ``market``."""
    return None if vk_id is None else {f"{kind}-{profile}": hex32("--vk-id", vk_id)}


def epoch_pins(words: Iterable[str], profile: str) -> dict[str, str]:
    """Return the key ids given as CIRCUIT=HEX; one for a circuit that is not asked for would pin nothing, unnoticed.

    Raises
    ------
    InputError
        A word is of another form, or names another circuit than those of an epoch of this profile.
    """
    circuits = [circuit_of(level, profile) for level in range(2)]
    pins = {}
    for word in words:
        circuit, equals, digits = word.partition("=")
        if not equals:
            raise InputError("--vk-id", "must be CIRCUIT=HEX", word)
        if circuit not in circuits:
            raise InputError("--vk-id", f"must be of a circuit of this epoch: {', '.join(circuits)}", circuit)
        pins[circuit] = hex32("--vk-id", digits)
    return pins


def previous_record(folder: Path, record: Record, named: Path | None) -> Record | None:
    """Return the record before `record`: the one named, or the neighbour in a folder of epochs."""
    if named is not None:
        return read_record(named)
    neighbour = folder.resolve().parent / str(record.number - 1) / RECORD_NAME
    return read_record(neighbour) if neighbour.is_file() else None
