"""The README's tables, generated from ``benchmarks/results``: ``python -m benchmarks.tables`` rewrites them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def prover_table() -> str:
    """Return the table of provers, one line for each circuit and mode, with the ratio."""
    rows = _read("prover.json")
    lines = [
        "| circuit | constraints | mode | native | snarkjs | ratio | peak memory native / snarkjs |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    found = {(row["circuit"], row["mode"], row["backend"]): row for row in rows}
    for circuit, mode in dict.fromkeys((row["circuit"], row["mode"]) for row in rows):
        ours, theirs = (found.get((circuit, mode, backend)) for backend in ("native", "snarkjs"))
        if ours is None or theirs is None:
            continue
        lines.append(
            f"| {circuit} | {ours['constraints']:,} | {mode} | {ours['seconds']:.2f} s | {theirs['seconds']:.2f} s "
            f"| {theirs['seconds'] / ours['seconds']:.1f} | {_mib(ours)} / {_mib(theirs)} MiB |"
        )
    machine = _read("machine.json")
    return (
        "\n".join(lines) + f"\n\n{machine['cpu']}, {machine['cores']} cores, {machine['system']}; medians of one run.\n"
    )


def account_table() -> str:
    """Return the table of the account proof's stages."""
    lines = ["| stage, profile standard | seconds |", "|---|---:|"]
    lines += [f"| {row['stage']} | {row['seconds']:.3f} |" for row in _read("account.json")]
    return "\n".join(lines) + "\n"


def constraints_table() -> str:
    """Return the table of circuits and their parts."""
    rows = _read("constraints.json")
    parts = list(rows[0]["parts"])
    lines = [
        "| circuit | constraints | " + " | ".join(parts) + " |",
        "|---|---:|" + "---:|" * len(parts),
    ]
    for row in rows:
        cells = " | ".join(f"{row['parts'][part]:,}" for part in parts)
        lines.append(f"| {row['circuit']} | {row['constraints']:,} | {cells} |")
    return "\n".join(lines) + "\n"


def filled(text: str) -> str:
    """Return the README's text with every table made anew."""
    makers = {"prover": prover_table, "account": account_table, "constraints": constraints_table}
    return _BLOCK.sub(lambda match: match[1] + makers[match[2]]() + match[3], text)


def _read(name: str) -> Any:
    return json.loads((RESULTS / name).read_text())


def _mib(row: dict[str, Any]) -> str:
    return f"{row['peak_rss_bytes'] / 2**20:,.0f}"


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
