"""The README's tables, generated from ``benchmarks/results``: ``python -m benchmarks.tables`` rewrites them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def prover_table() -> str:
    """Return the table of provers, one line for each circuit and mode, with their times over ours."""
    rows = _read("prover.json")
    found = {(row["circuit"], row["mode"], row["backend"]): row for row in rows}
    others = [backend for backend in dict.fromkeys(row["backend"] for row in rows) if backend != "native"]
    lines = [
        "| circuit | constraints | mode | native | peak memory |" + "".join(f" {other} | ratio |" for other in others),
        "|---|---:|---|---:|---:|" + "---:|---:|" * len(others),
    ]
    for circuit, mode in dict.fromkeys((row["circuit"], row["mode"]) for row in rows):
        ours = found[circuit, mode, "native"]
        # None of the others has tables: what ours do with them is held to what they do warm.
        theirs = [found.get((circuit, mode.partition(",")[0], other)) for other in others]
        if not any(theirs):
            continue
        cells = "".join(
            " | |" if row is None else f" {row['seconds']:.2f} s | {row['seconds'] / ours['seconds']:.1f} |"
            for row in theirs
        )
        start = f"| {circuit} | {ours['constraints']:,} | {mode} | {ours['seconds']:.2f} s | {_mib(ours)} MiB |"
        lines.append(start + cells)
    growth = [row for row in rows if "growth_exponent" in row]
    note = ""
    if growth:
        first, last = growth[0], growth[-1]
        note = (
            f" From {first['constraints']:,} to {last['constraints']:,} constraints ({first['seconds']:.2f} to "
            f"{last['seconds']:.2f} s) the time grows with the exponent {last['growth_exponent']:.2f}."
        )
    machine = _read("machine.json")
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"
    return "\n".join(lines) + f"\n\n{where}; medians of one run.{note}\n"


def account_table() -> str:
    """Return the table of the account proof's stages."""
    lines = ["| stage, profile standard | seconds |", "|---|---:|"]
    lines += [f"| {row['stage']} | {row['seconds']:.3f} |" for row in _read("account.json")]
    return "\n".join(lines) + "\n"


def constraints_table() -> str:
    """Return the table of circuits and their parts; those of the market circuit stand in a table of their own."""
    rows = _read("constraints.json")
    others = (row for row in rows if not row["circuit"].startswith("market-"))
    parts = list(dict.fromkeys(part for row in others for part in row["parts"]))
    lines = [
        "| circuit | constraints | " + " | ".join(parts) + " |",
        "|---|---:|" + "---:|" * len(parts),
    ]
    for row in rows:
        cells = " | ".join(f"{row['parts'][part]:,}" if part in row["parts"] else "" for part in parts)
        lines.append(f"| {row['circuit']} | {row['constraints']:,} | {cells} |")
    return "\n".join(lines) + "\n"


def epoch_table() -> str:
    """Return the table of whole epochs, one column for each size of the book."""
    found = _read("epoch.json")
    sizes, constraints, machine = found["sizes"], found["constraints"], found["machine"]
    lines = [
        "| accounts | " + " | ".join(f"{size['accounts']:,}" for size in sizes) + " |",
        "|---|" + "---:|" * len(sizes),
    ]
    for label, cell in (
        ("book read, checked, salted and hashed", lambda size: f"{size['load_seconds']:.1f} s"),
        ("peak memory of that", lambda size: _mib_of(size["load_peak_rss_bytes"])),
        ("proven, killed and resumed", lambda size: _duration(size["prove_seconds"])),
        ("accounts proven a second", lambda size: f"{size['accounts_per_second']:.1f}"),
        ("peak memory of all processes", lambda size: _mib_of(size["prove_peak_rss_bytes"])),
        ("published, bytes an account", lambda size: f"{size['published_bytes_per_account']:.1f}"),
        ("epoch verified, everything recomputed", lambda size: f"{size['verify_seconds']:.2f} s"),
        ("all inclusion files written", lambda size: f"{size['inclusion_export_seconds']:.1f} s"),
        ("one inclusion file verified", lambda size: f"{size['inclusion_verify_seconds'] * 1000:.0f} ms"),
    ):
        cells = [cell(size) if _has(size, cell) else "-" for size in sizes]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    sampled = [size for size in sizes if not size["proven"]]
    note = "".join(
        f" Of {size['accounts']:,} accounts {size['sampled_accounts']:,} were proven: rate and time are estimates."
        for size in sampled
    )
    return (
        "\n".join(lines)
        + f"\n\n{constraints['per_account']:,} constraints an account and {constraints['once']:,} once a batch. "
        f"Market: {sizes[0]['market']}. {machine['cpu']}, {machine['cores']} cores.{note}\n"
    )


def market_table() -> str:
    """Return the table of the market proof's stages, and its constraints by part."""
    found = _read("market.json")
    lines = ["| stage, profile standard | seconds |", "|---|---:|"]
    lines += [f"| {row['stage']} | {row['seconds']:.3f} |" for row in found["stages"]]
    parts = "; ".join(f"{part} {count:,}" for part, count in found["constraints"].items())
    memory = _mib_of(found["peak_rss_bytes"])
    return "\n".join(lines) + f"\n\n{found['market']}. Peak memory {memory}. Constraints: {parts}.\n"


def engine_table() -> str:
    """Return the table of the engine and of pricing rates."""
    lines = ["| engine, profile standard | |", "|---|---:|"]
    lines += [f"| {row['what']} | {_figure(row['value'])} {row['unit']} |" for row in _read("engine.json")]
    return "\n".join(lines) + "\n"


def gas_table() -> str:
    """Return the table of gas by call, as a local node's receipts have it."""
    found = _read("gas.json")
    lines = ["| call | of | gas |", "|---|---|---:|"]
    lines += [f"| `{row['call']}` | {row['what']} | {row['gas']:,} |" for row in found["calls"]]
    instructions = found["evm"].capitalize()
    note = f"Profile {found['profile']}, {instructions} instructions; `python -m benchmarks.onchain` measures it."
    return "\n".join(lines) + f"\n\n{note}\n"


def filled(text: str) -> str:
    """Return the README's text with every table made anew."""
    makers = {
        "prover": prover_table,
        "account": account_table,
        "constraints": constraints_table,
        "epoch": epoch_table,
        "market": market_table,
        "engine": engine_table,
        "gas": gas_table,
    }
    return _BLOCK.sub(lambda match: match[1] + makers[match[2]]() + match[3], text)


def _read(name: str) -> Any:
    return json.loads((RESULTS / name).read_text())


def _has(size: dict[str, Any], cell: Callable[[dict[str, Any]], str]) -> bool:
    """Return whether a figure was measured at this size."""
    try:
        cell(size)
    except KeyError:
        return False
    return True


def _figure(value: float) -> str:
    """Return a figure with three digits that count, large ones whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _mib_of(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.0f} MiB"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _mib(row: dict[str, Any]) -> str:
    return f"{row['peak_rss_bytes'] / 2**20:,.0f}"


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
