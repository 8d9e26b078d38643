"""The folder that a venue publishes for an epoch: record, market, parameters and proofs, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prover.atomic import atomic_folder
from rtnet_core.epoch import MARKET_NAME, PARAMS_NAME, PROOFS_NAME, RECORD_NAME


def proof_line(circuit: str, level: int, number: int, signals: tuple[int, ...], proof: dict[str, Any]) -> bytes:
    """Return one line of ``proofs.jsonl``: of the public signals those that the verifier cannot rebuild."""
    content: dict[str, Any] = {"circuit": circuit, "level": level, "number": number}
    if level == 0:
        content |= {"batch_root": str(signals[0]), "totals": str(signals[1])}
    else:
        content |= {"totals": str(signals[0])}
    content["proof"] = proof
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def publish(folder: Path, record: bytes, market: bytes, params: bytes, proofs: Iterator[bytes]) -> int:
    """Write the folder of an epoch, whole or not at all, and return its size in bytes.

    Raises
    ------
    ToolError
        The file system refused.
    """
    with atomic_folder(folder) as temporary:
        for name, content in ((RECORD_NAME, record), (MARKET_NAME, market), (PARAMS_NAME, params)):
            (temporary / name).write_bytes(content)
        with (temporary / PROOFS_NAME).open("wb") as stream:
            stream.writelines(proofs)
        return sum(file.stat().st_size for file in temporary.iterdir())
