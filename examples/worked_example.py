"""The README's worked examples: run their commands in an empty folder and print what a reader would see.

``python -m examples.worked_example --write`` puts the real output into the README.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(r"(<!-- example: (\w+) -->\n).*?(<!-- end example -->)", re.DOTALL)

CHALLENGE = "First Lending Desk, 2026-11-21, nonce 7b1f"


@dataclass(frozen=True)
class Step:
    """A command, what to say about it, and whether its output is the same on every run."""

    text: str
    command: str
    repeatable: bool = True


ACCOUNT_STEPS = (
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

EPOCH_STEPS = (
    Step(
        "A market and a book, at the smallest profile so that this takes seconds.",
        "zkm2m market sample --profile small --seed 7 --out market.json",
    ),
    Step("", "zkm2m book sample --market market.json --accounts 21 --seed 7 --out book"),
    Step(
        "The venue names itself, its insurance fund and its key; then it proves the whole book.",
        'zkm2m venue init --name "Example Venue" --insurance-fund 2500000 --out VENUE.toml',
        repeatable=False,
    ),
    Step(
        "",
        "zkm2m prove epoch --book book --market market.json --venue VENUE.toml --out epochs",
        repeatable=False,
    ),
    Step("Anyone checks the folder that it publishes.", "zkm2m verify epoch epochs/1", repeatable=False),
    Step(
        "A customer gets one file, finds their account in the epoch, and can prove it to a lender without the venue.",
        "zkm2m inclusion export --epoch epochs/1 --account acct-000003 --out mine.json",
        repeatable=False,
    ),
    Step("", "zkm2m verify inclusion mine.json --epoch epochs/1", repeatable=False),
    Step(
        "",
        f'zkm2m prove account --inclusion mine.json --epoch epochs/1 --threshold-bps 10000 --challenge "{CHALLENGE}" '
        "--out proof.json",
        repeatable=False,
    ),
)

EXAMPLES = {"account": ACCOUNT_STEPS, "epoch": EPOCH_STEPS}


def run(steps: Sequence[Step], folder: Path) -> list[tuple[Step, str, int]]:
    """Run the steps in `folder` and return each one's output and exit code."""
    environment = os.environ | {"COLUMNS": "96", "NO_COLOR": "1", "TERM": "dumb"}
    program = str(Path(sys.executable).with_name("zkm2m"))
    results = []
    for step in steps:
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
    """Print the examples, or write them into the README."""
    texts = {}
    for name, steps in EXAMPLES.items():
        with tempfile.TemporaryDirectory() as folder:
            texts[name] = as_markdown(run(steps, Path(folder)))
    if "--write" in arguments:
        README.write_text(_BLOCK.sub(lambda match: f"{match[1]}{texts[match[2]]}{match[3]}", README.read_text()))
    else:
        sys.stdout.write("\n".join(texts.values()))


if __name__ == "__main__":
    main(sys.argv[1:])
