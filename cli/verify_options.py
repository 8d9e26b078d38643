"""The options that the commands of ``zkm2m verify`` share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.render import table
from prover.circuits import read_lock
from prover.paths import build_folder
from rtnet_core.errors import InputError
from verifier.keystore import Keystore
from verifier.policy import Policy
from verifier.verdict import Label


class VerifierBackend(StrEnum):
    """What checks the pairing; ``auto`` is native where it is installed."""

    AUTO = "auto"
    REFERENCE = "reference"
    NATIVE = "native"


BackendOption = Annotated[VerifierBackend, typer.Option("--backend", help="What checks the pairing.")]
KeysOption = Annotated[
    Path | None,
    typer.Option("--keys", metavar="FOLDER", help="Your verifying keys; left out: the keys made here."),
]
VenueKeyOption = Annotated[
    str | None,
    typer.Option("--venue-key", metavar="HEX", help="The venue's public key, from a source other than the record."),
]
VkIdOption = Annotated[
    str | None,
    typer.Option("--vk-id", metavar="HEX", help="The verifying key's id, from a source other than the key folder."),
]
MaxAgeOption = Annotated[
    int | None, typer.Option("--max-age", metavar="SECONDS", min=0, help="Refuse data older than this.")
]


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
    """Return the conditions that the options come to."""
    return Policy(
        production=production,
        max_age_ms=None if max_age is None else 1000 * max_age,
        venue_public_key=None if venue_key is None else bytes.fromhex(hex32("--venue-key", venue_key)),
        threshold_bps=threshold_bps,
    )


def keystore_of(folder: Path | None, pins: dict[str, str] | None = None) -> Keystore:
    """Return the verifying keys in `folder`, or those made here, held to the circuits that this version pins."""
    return Keystore(
        folder or build_folder() / "keys",
        pins=pins,
        versions={name: str(entry["r1cs_sha256"]) for name, entry in read_lock().items()},
    )


def grounds_table(labels: Sequence[Label]) -> Table:
    """Return the table of what each figure rests on."""
    grounds: dict[str, list[str]] = {}
    for label in labels:
        grounds.setdefault(label.assurance, []).append(label.figure)
    return table(
        "What each figure rests on",
        ("ground", "figures"),
        [(ground, ", ".join(figures)) for ground, figures in grounds.items()],
    )
