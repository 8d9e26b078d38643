"""Cheap and blunt: every wire of the account circuit counts, and every assignment of the margin rule is enforced."""

from __future__ import annotations

import re
from random import Random

import pytest

from prover.circuit_headers import read_sources
from prover.formats.r1cs import read_r1cs
from prover.inputs import margin_inputs
from rtnet_core.limits import FIELD_MODULUS
from tests.support.forge import account_bench, bench
from tests.support.margin_cases import book_case, random_case

SAMPLE = 300
#: Assignments of signals in the templates of the margin rule; what feeds a component's input is bound by its wire.
ASSIGNMENT = re.compile(r"^\s*(?:signal (?:output )?)?(\w+(?:\[[^\]]*\])*) <== ([^;]*);", re.MULTILINE)


def test_no_wire_is_unconstrained() -> None:
    """Every wire stands in some constraint, every public signal too."""
    system = read_r1cs(account_bench().build.r1cs)
    used = {wire for constraint in system.constraints for row in constraint for wire in row.wires}
    assert sorted(set(range(1, system.n_wires)) - used) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_single_wire_changed(seed: int) -> None:
    """One more on any one wire, all others kept: violated. The output, inputs and intermediate wires alike."""
    honest = account_bench().forge(book_case(random_case("small", ("mutation", seed))).inputs)
    honest.assert_accepted()
    system = read_r1cs(account_bench().build.r1cs)
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
    """Every assignment of the margin rule: file, text, signal, expression.

    An anonymous component assigns its outputs itself, and hashing is no part of the rule.
    """
    return [
        (source.name, found[0].strip(), found[1], found[2])
        for source in read_sources()
        if source.name.startswith(("margin/", "lib/"))
        for found in ASSIGNMENT.finditer(source.code)
        if found[1] != "_" and ")(" not in found[2] and source.name not in ("lib/hash_fields.circom", "lib/pack.circom")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "text", "signal", "expression"), assignments(), ids=lambda part: part[:40])
def test_assigned_signal_is_enforced(file: str, text: str, signal: str, expression: str) -> None:
    """Each ``x <== e`` forged to ``x <-- e + 1``, everything after it following: refused where x is assigned."""
    rule = bench("margin/account_margin.circom", "AccountMargin(8, 2, 3, 16)")
    case = random_case("small", "assignments")
    inputs = margin_inputs(case.account, case.risk, case.params, case.threshold_bps)
    rule.forge(inputs).assert_accepted()
    declared = text.split(" <== ")[0]
    forged = rule.forge(inputs, {(file, text): f"{declared} <-- ({expression}) + 1;"})
    assert forged.violations
    name = re.sub(r"\[.*", "", signal)
    assert any(re.search(rf"(^|\.){name}(\[|$)", broken) for broken in forged.broken_at())
