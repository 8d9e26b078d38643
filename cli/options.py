"""The options that several commands share, each with one spelling and one meaning."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.errors import remember_json
from rtnet_core.limits import THRESHOLD_BITS

DEFAULT_THRESHOLD_BPS: Final = 10_000

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print JSON for a program instead of a table.", callback=remember_json)
]
MarketOption = Annotated[Path, typer.Option("--market", metavar="FILE", help="The market file.")]
ParamsOption = Annotated[
    Path | None,
    typer.Option("--params", metavar="FILE", help="The margin parameters; left out: the published defaults."),
]
ThresholdOption = Annotated[
    int,
    typer.Option(
        "--threshold-bps",
        min=1,
        max=(1 << THRESHOLD_BITS) - 1,
        help="The margin ratio asked for, in basis points: 10000 is NLV = maintenance margin.",
    ),
]
ChallengeOption = Annotated[
    str,
    typer.Option("--challenge", metavar="TEXT", help="What the recipient asked to be answered: who, when, nonce."),
]
ProfileOption = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="The sizes of the circuits: small, standard or wide.")
]
ForceFlag = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]


class ProverBackend(StrEnum):
    """What makes the proof; ``auto`` is native where it is installed."""

    AUTO = "auto"
    NATIVE = "native"
    SNARKJS = "snarkjs"
