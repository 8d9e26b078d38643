"""Cheap and blunt: one wire changed is noticed, and every assignment of rule and totals is enforced."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random

import pytest

from prover.circuit_headers import read_sources
from prover.formats.r1cs import read_r1cs
from prover.inputs import margin_inputs
from prover.witness import InputValue
from rtnet_core.limits import FIELD_MODULUS
from tests.support.forge import Bench, account_bench, batch_bench, bench, merge_bench
from tests.support.margin_cases import book_case, random_batch, random_case, random_merge

SAMPLE = 300
#: Assignments of signals in the templates of the margin rule; what feeds a component's input is bound by its wire.
ASSIGNMENT = re.compile(r"^\s*(?:signal (?:output )?)?(\w+(?:\[[^\]]*\])*) <== ([^;]*);", re.MULTILINE)


HONEST: dict[str, tuple[Callable[[], Bench], Callable[[int], Mapping[str, InputValue]]]] = {
    "account": (account_bench, lambda seed: book_case(random_case("small", ("mutation", seed))).inputs),
    # All slots are taken: id and salt of an empty one are free, and go nowhere.
    "batch": (batch_bench, lambda seed: random_batch("small", ("mutation", seed), 4).inputs),
    "merge": (merge_bench, lambda seed: random_merge("small", ("mutation", seed), 3).inputs),
}


@pytest.mark.slow
@pytest.mark.parametrize("circuit", HONEST)
@pytest.mark.parametrize("seed", [0, 1])
def test_single_wire_changed(circuit: str, seed: int) -> None:
    """One more on any one wire, all others kept: violated. The output, inputs and intermediate wires alike."""
    target, inputs = HONEST[circuit][0](), HONEST[circuit][1](seed)
    honest = target.forge(inputs)
    honest.assert_accepted()
    system = read_r1cs(target.build.r1cs)
    wires = Random(seed).sample(range(1, system.n_wires), SAMPLE)
    touched: dict[int, list[int]] = {wire: [] for wire in wires}
    for index, constraint in enumerate(system.constraints):
        for wire in {wire for row in constraint for wire in row.wires}.intersection(touched):
            touched[wire].append(index)

    def value(row: tuple[tuple[int, ...], tuple[int, ...]], witness: list[int]) -> int:
        return sum(c * witness[w] for w, c in zip(*row, strict=True))

    survivors = []
    for wire in wires:
        witness = list(honest.wires)
        witness[wire] = (witness[wire] + 1) % FIELD_MODULUS
        held = all(
            (value(a, witness) * value(b, witness) - value(c, witness)) % FIELD_MODULUS == 0
            for a, b, c in (system.constraints[index] for index in touched[wire])
        )
        if held:
            survivors.append(wire)
    assert survivors == []


def assignments() -> list[tuple[str, str, str, str]]:
    """Every assignment of the margin rule and of what an account adds to the totals: file, text, signal, expression.

    An anonymous component assigns its outputs itself, a whole array is assigned element by element, and hashing is no
    part of the rule.
    """
    left_out = ("lib/hash_fields.circom", "lib/pack.circom", "totals/totals_commitment.circom")
    return [
        (source.name, found[0].strip(), found[1], found[2])
        for source in read_sources()
        if source.name.startswith(("margin/", "lib/", "totals/"))
        for found in ASSIGNMENT.finditer(source.code)
        if found[1] != "_" and ")(" not in found[2] and source.name not in left_out
        if found[0].strip() != "packed <== totals.packed;"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "text", "signal", "expression"), assignments(), ids=lambda part: part[:40])
def test_assigned_signal_is_enforced(file: str, text: str, signal: str, expression: str) -> None:
    """Each ``x <== e`` forged to ``x <-- e + 1``, everything after it following: refused where x is assigned."""
    rule = bench("totals/account_totals.circom", "AccountTotals(8, 2, 3, 16)")
    case = random_case("small", "assignments")
    inputs = margin_inputs(case.account, case.risk, case.params, case.threshold_bps)
    rule.forge(inputs).assert_accepted()
    declared = text.split(" <== ")[0]
    forged = rule.forge(inputs, {(file, text): f"{declared} <-- ({expression}) + 1;"})
    assert forged.violations
    name = re.sub(r"\[.*", "", signal)
    assert any(re.search(rf"(^|\.){name}(\[|$)", broken) for broken in forged.broken_at())
