"""``circuits/README.md``, written from headers, limits and compiled circuits: ``python -m prover.circuit_docs``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields

from prover.atomic import write_atomically
from prover.bit_budget import bit_budget
from prover.circuit_headers import read_sources
from prover.circuits import PARTS, PINNED_CIRCUITS, find_circuit, read_lock, table
from prover.paths import circuit_sources
from rtnet_core.errors import ToolError
from rtnet_core.limits import PROFILES, Profile
from rtnet_core.statement import Statement

#: What each public signal says; the names are those of `rtnet_core.statement.Statement`, in its order.
_SIGNALS = {
    "verdict": "1: NLV * 10^4 >= threshold * maintenance; 0: it is not. The inputs determine it.",
    "risk_root": "Root of the risk array, behind the hash of the signed snapshot.",
    "params_root": "Root of the margin parameters and the scenario grid.",
    "book_root": "Root of the venue's book and its account count, as the signed record names it.",
    "threshold_bps": "The margin ratio asked for, in basis points.",
    "context": "Digest of venue, record and the recipient's challenge: the proof is for no other.",
}

_INTRODUCTION = """\
# Circuits

Written by `python -m prover.circuit_docs` from the headers of the templates, `rtnet_core/limits.py` and the compiled
circuits. A test holds it fresh: edit those, not this.

`account.circom` is the top: one account of a committed book, its margin, and whether it clears a threshold. The
templates in `margin/` are the margin rule, those in `commitments/` bind its inputs to public roots, those in `lib/` are
what both are made of. Each template mirrors a Python object, which gives the same numbers to the last digit.

Everything is an integer. No template divides, compares or looks up: ranges are digits, a sign is the top digit of a
shifted number, a maximum is a hint bound from both sides, an envelope is a sum of hinges.
"""

_REBUILD = """\
## Rebuild and check

| command | does |
|---|---|
| `zkm2m circuits build` | compiles what is not built yet and holds it to `artifacts.lock.json` |
| `zkm2m circuits table` | measures the constraints below again |
| `zkm2m circuits lint` | looks for unbound hints and asserts on signals; runs circomspect and `circom2 --inspect` |
| `zkm2m circuits lock` | pins new hashes after a change on purpose; note it under *Circuits* in the changelog |
| `python -m prover.circuit_docs` | writes this file |

`limits.circom` is generated from `rtnet_core/limits.py` and `rtnet_core/hashing.py` by `zkm2m circuits build`. Findings
of the two tools that were reviewed stand in `lint-allow.json`, each with its reason. The same compiler gives the same
bytes, so anyone can rebuild the hashes of the lock file.
"""


def circuits_readme() -> str:
    """Return the text of ``circuits/README.md``.

    Raises
    ------
    ToolError
        A circuit or one of its parts does not compile, or the lock file lacks a pinned circuit.
    """
    sections = (_INTRODUCTION, _templates(), _public_signals(), _profiles(), _budget(), _constraints(), _REBUILD)
    return "\n".join(sections)


def write_readme() -> None:
    """Write ``circuits/README.md``."""
    write_atomically(circuit_sources() / "README.md", circuits_readme())


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    rule = ["---:" if column.startswith(">") else "---" for column in columns]
    lines = [[column.removeprefix(">") for column in columns], rule, *[[str(cell) for cell in row] for row in rows]]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _templates() -> str:
    rows = []
    for source in read_sources():
        for header in source.headers:
            call = f"{header.template}({', '.join(header.parameters)})"
            rows.append(
                (f"[`{call}`]({source.name})", _sentence(header.first("notice")), f"`{header.first('mirrors')}`")
            )
    return "## Templates\n\n" + _markdown(("template", "proves", "mirrors"), rows)


def _sentence(text: str) -> str:
    """Return the first sentence of a notice."""
    end = text.find(". ")
    return (text if end < 0 else text[: end + 1]).replace("*", "\\*").rstrip(":")


def _public_signals() -> str:
    names = [field.name for field in fields(Statement)]
    circuit = find_circuit(PINNED_CIRCUITS[0])
    signals = ("verdict", *circuit.public)
    rows = [
        (number, f"`{signal}`", f"`{name}`", _SIGNALS[name])
        for number, (signal, name) in enumerate(zip(signals, names, strict=True))
    ]
    text = "The output comes first, then the inputs in the order of their declaration.\n\n"
    return "## Public signals\n\n" + text + _markdown((">", "signal", "in the statement", "says"), rows)


def _profiles() -> str:
    sizes = [field.name for field in fields(Profile)]
    rows = [[getattr(profile, name) for name in sizes] for profile in PROFILES.values()]
    return "## Profiles\n\n" + _markdown(["profile", *(f">{name}" for name in sizes[1:])], rows)


def _budget() -> str:
    columns = ("template", "value", "bound", *(f">{name}" for name in PROFILES), ">limit")
    rows = [
        (row[0].template, row[0].quantity, f"`{row[0].bound_expression}`", *(r.bits for r in row), row[0].limit_bits)
        for row in zip(*(bit_budget(profile) for profile in PROFILES.values()), strict=True)
    ]
    text = (
        "Bits of the largest magnitude that each value can have, for each profile. The limit is what it must stay\n"
        "below: 253 for a field element, or the width of what takes the value apart. Zero products have no bound: a\n"
        "product of factors that are not zero is not zero in a field.\n\n"
    )
    return "## Bit budget\n\n" + text + _markdown(columns, rows)


def _constraints() -> str:
    locked = read_lock()
    missing = [name for name in PINNED_CIRCUITS if name not in locked]
    if missing:
        raise ToolError(f"artifacts.lock.json has no entry for {', '.join(missing)}: run `zkm2m circuits lock`")
    rows = [
        (f"`{row.circuit}`", f"{row.constraints:,}", *(f"{row.parts[part]:,}" for part in PARTS))
        for row in table(PINNED_CIRCUITS)
    ]
    hashes = [(f"`{name}`", f"`{locked[name]['r1cs_sha256']}`") for name in PINNED_CIRCUITS]
    text = "Each part is measured on its own; the compiler simplifies the whole, so they need not add up.\n\n"
    return (
        "## Constraints\n\n"
        + text
        + _markdown(("circuit", ">constraints", *(f">{part}" for part in PARTS)), rows)
        + "\n"
        + _markdown(("circuit", "SHA-256 of the r1cs"), hashes)
    )


if __name__ == "__main__":
    write_readme()
