"""Key folders for tests, with lock files that match."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from verifier.keystore import LOCK_FORMAT, key_id

#: What the lock files written here call the hash of the r1cs.
R1CS_SHA256 = "ab" * 32


def lock_of(circuit: str, key: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the lock file of a key, a development key unless `changes` say otherwise."""
    return {
        "format": LOCK_FORMAT,
        "circuit": circuit,
        "development": True,
        "r1cs_sha256": R1CS_SHA256,
        "zkey_sha256": "cd" * 32,
        "vk_id": key_id(key),
        "contributions": 0,
        "beacon": None,
        "created_ms": 1_750_000_000_000,
        **changes,
    }


def write_keys(root: Path, circuit: str, key: dict[str, Any], **changes: Any) -> Path:
    """Write the key folder of a circuit below `root` and return it."""
    folder = root / circuit
    folder.mkdir(parents=True)
    (folder / "verification_key.json").write_text(json.dumps(key, indent=1))
    (folder / "keys.lock.json").write_text(json.dumps(lock_of(circuit, key, **changes), indent=1))
    return folder
