"""Every wire of every circuit is held by two constraints or more, or stands here with the reason why one is enough."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest

from prover.formats.r1cs import R1cs, read_r1cs
from prover.formats.sym import read_sym
from tests.support.forge import Bench, account_bench, batch_bench, market_bench, merge_bench, readable

_ROOT = "a public root: one constraint makes it the hash of what the others hold"
_CONTEXT = "the context and its square: one product keeps them in the system, and no more is asked of them"
#: Wires of one constraint or none, by name: the circuits that have them, how many constraints, and why that is enough.
REVIEWED = {
    r"riskRoot|paramsRoot": ("account batch market", 1, _ROOT),
    r"bookRoot": ("account", 1, _ROOT),
    r"batchRoot": ("batch", 1, _ROOT),
    r"totals": ("batch merge", 1, _ROOT),
    r"child\[\d\]": ("merge", 1, _ROOT),
    r"context|contextSquare": ("account batch merge", 1, _CONTEXT),
    r"priced\[\d\]\.shocked\[\d\]\.fineHalf": (
        "market",
        1,
        "total \\ 2^5 of a shocked level, which pricing reads of the unshocked level alone; one constraint defines it",
    ),
    r"quorum\.verifier\[\d\]\.(isZero|mulAny\.zeropoint)\.inv": (
        "market",
        1,
        "the hint of circomlib's IsZero: out = 1 - in * inv and in * out = 0 leave out one value, whatever inv is",
    ),
    r"quorum\.verifier\[\d\]\.eqCheck[XY]\.isz\.inv": (
        "market",
        0,
        "circomlib compares by IsZero, enabled: the difference is 0, and nothing asks for its inverse",
    ),
}
CIRCUITS: dict[str, Callable[[], Bench]] = {
    "account": account_bench,
    "batch": batch_bench,
    "merge": merge_bench,
    "market": market_bench,
}


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_every_wire_is_held_and_hangs_together_with_a_public_signal(circuit: str) -> None:
    """A part of the system that shares no wire with the statement would hold whatever is stated."""
    build = CIRCUITS[circuit]().build
    system = read_r1cs(build.r1cs)
    names = {wire: readable(name) for name, wire in read_sym(build.sym).wires.items()}
    reviewed = {pattern: count for pattern, (circuits, count, _) in REVIEWED.items() if circuit in circuits.split()}

    uses, part = uses_and_parts(system)
    few = {names[wire]: uses[wire] for wire in range(1, system.n_wires) if uses[wire] < 2}
    explained = {
        name
        for name, count in few.items()
        if any(re.fullmatch(pattern, name) and count == most for pattern, most in reviewed.items())
    }
    assert {name: count for name, count in few.items() if name not in explained} == {}
    stale = [pattern for pattern in reviewed if not any(re.fullmatch(pattern, name) for name in few)]
    assert stale == [], "reviewed, and not there any more"

    public = {part[wire] for wire in range(1, 1 + system.n_public)}
    apart = [names[wire] for wire in range(1, system.n_wires) if uses[wire] and part[wire] not in public]
    assert apart == []


def uses_and_parts(system: R1cs) -> tuple[Counter[int], list[int]]:
    """Return in how many constraints each wire stands, and the part of the system that it belongs to.

    Constraints that share a wire are of one part; wire 0, the constant 1, joins nothing.
    """
    uses: Counter[int] = Counter()
    parent = list(range(system.n_wires))

    def root(wire: int) -> int:
        while parent[wire] != wire:
            parent[wire] = wire = parent[parent[wire]]
        return wire

    for constraint in system.constraints:
        wires = {wire for row in constraint for wire in row.wires} - {0}
        uses.update(wires)
        first, *others = wires
        for other in others:
            parent[root(other)] = root(first)
    return uses, [root(wire) for wire in range(system.n_wires)]


def test_a_free_wire_is_found() -> None:
    """The test's own test: the wires of one constraint are counted, not waved through by a pattern too wide."""
    patterns = "|".join(REVIEWED)
    for name in (
        "verdict",
        "leaf",
        "margin.clears",
        "quorum.verifier[0].isZero.out",
        "childPacked[0][1]",
        "context[1]",
    ):
        assert re.fullmatch(patterns, name) is None
