"""The options that the commands of ``zkm2m verify`` share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.render import table
from prover.paths import build_folder
from verifier.given import keystore_of
from verifier.keystore import Keystore
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
EpochVkIdOption = Annotated[
    list[str] | None,
    typer.Option(
        "--vk-id", metavar="CIRCUIT=HEX", help="A verifying key's id, from a source other than the key folder."
    ),
]
MaxAgeOption = Annotated[
    int | None, typer.Option("--max-age", metavar="SECONDS", min=0, help="Refuse data older than this.")
]


def own_keys(folder: Path | None, pins: dict[str, str] | None = None) -> Keystore:
    """Return the verifying keys in `folder`, or those made here."""
    return keystore_of(folder or build_folder() / "keys", pins)


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
