"""The README's worked example: runs its commands in an empty folder and prints what a reader would see.

``python -m examples.worked_example --write`` puts the real output into the README.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(r"(<!-- example -->\n).*?(<!-- end example -->)", re.DOTALL)

CHALLENGE = "First Lending Desk, 2026-11-21, nonce 7b1f"


@dataclass(frozen=True)
class Step:
    """A command, what to say about it, and whether its output is the same on every run."""

    text: str
    command: str
    repeatable: bool = True


STEPS = (
    Step(
        "A market: sampled here; `zkm2m market import deribit CHAIN.csv… --out market.json` takes a real option chain.",
        "zkm2m market sample --seed 7 --out market.json",
    ),
    Step(
        "The venue's book, a signing key, and the signed record that commits to the book.",
        "zkm2m book sample --market market.json --accounts 100 --seed 7 --out book",
    ),
    Step("", "zkm2m keys venue --out venue.pem", repeatable=False),
    Step("", "zkm2m book commit book --market market.json --key venue.pem --out record.json", repeatable=False),
    Step(
        "What the venue sees of one account; the exact engine, to the last digit what the circuit proves.",
        "zkm2m margin acct-000005 --market market.json --book book",
    ),
    Step(
        "The proof, bound to the recipient's challenge.",
        "zkm2m prove account acct-000005 --book book --market market.json --threshold-bps 10000 "
        f'--challenge "{CHALLENGE}" --out proof.json',
        repeatable=False,
    ),
    Step(
        "What the recipient does: market file, record and proof, never the account.",
        f'zkm2m verify proof.json --market market.json --record record.json --challenge "{CHALLENGE}"',
        repeatable=False,
    ),
    Step(
        "The same proof shown to someone else, who asked another question.",
        'zkm2m verify proof.json --market market.json --record record.json --challenge "Second Desk"',
        repeatable=False,
    ),
)


def run(folder: Path) -> list[tuple[Step, str, int]]:
    """Run the steps in `folder` and return each one's output and exit code."""
    environment = os.environ | {"COLUMNS": "96", "NO_COLOR": "1", "TERM": "dumb"}
    program = str(Path(sys.executable).with_name("zkm2m"))
    results = []
    for step in STEPS:
        words = shlex.split(step.command)
        finished = subprocess.run([program, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True)
        shown = "\n".join(line.rstrip() for line in finished.stdout.splitlines())
        if finished.returncode == 1:
            shown = finished.stderr.splitlines()[-1].rstrip()
        results.append((step, shown, finished.returncode))
    return results


def as_markdown(results: list[tuple[Step, str, int]]) -> str:
    """Return the steps with their output as the README shows them."""
    parts = []
    for step, output, code in results:
        ending = f"\n(exit code {code})" if code else ""
        introduction = f"{step.text}\n\n" if step.text else ""
        parts.append(f"{introduction}```console\n$ {step.command}\n{output}{ending}\n```\n")
    return "\n".join(parts)


def main(arguments: list[str]) -> None:
    """Print the example, or write it into the README."""
    with tempfile.TemporaryDirectory() as folder:
        text = as_markdown(run(Path(folder)))
    if "--write" in arguments:
        README.write_text(_BLOCK.sub(lambda match: f"{match[1]}{text}{match[2]}", README.read_text()))
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
