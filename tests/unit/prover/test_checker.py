"""The witness checker against a plain evaluation, and what it says of a violation."""

from __future__ import annotations

import random

import pytest

from prover.checker import Checker, is_satisfied, violations
from prover.formats.r1cs import R1cs, Row
from prover.formats.sym import Symbols
from rtnet_core.errors import InputError
from rtnet_core.limits import FIELD_MODULUS
from tests.support.toy_circuit import CANARIES


def plainly_violated(system: R1cs, witness: list[int]) -> list[int]:
    """The definition: the indices of the constraints with A * B != C."""

    def value(row: Row) -> int:
        return sum(c * witness[w] for w, c in zip(row.wires, row.coefficients, strict=True)) % FIELD_MODULUS

    return [i for i, (a, b, c) in enumerate(system.constraints) if value(a) * value(b) % FIELD_MODULUS != value(c)]


def test_the_honest_witness_satisfies_the_system(toy_system: R1cs, toy_witness: list[int]) -> None:
    assert violations(toy_system, toy_witness) == []
    assert is_satisfied(toy_system, toy_witness)


def test_the_checker_agrees_with_the_definition_on_edited_witnesses(toy_system: R1cs, toy_witness: list[int]) -> None:
    checker = Checker(toy_system)
    draw = random.Random(3)
    for _ in range(200):
        edited = list(toy_witness)
        for _ in range(draw.randint(1, 3)):
            edited[draw.randrange(1, len(edited))] = draw.choice(
                (0, 1, FIELD_MODULUS - 1, draw.randrange(FIELD_MODULUS))
            )
        expected = plainly_violated(toy_system, edited)
        assert [v.constraint for v in checker.violations(edited)] == expected
        assert checker.is_satisfied(edited) == (not expected)
        assert len(checker.violations(edited, limit=1)) == min(1, len(expected))


def test_every_single_wire_that_a_constraint_reads_is_bound(toy_system: R1cs, toy_witness: list[int]) -> None:
    used = {wire for constraint in toy_system.constraints for row in constraint for wire in row.wires} - {0}
    for wire in used:
        edited = list(toy_witness)
        edited[wire] = (edited[wire] + 1) % FIELD_MODULUS
        assert not is_satisfied(toy_system, edited), wire


def test_a_violation_names_signals_and_no_values(
    toy_system: R1cs, toy_witness: list[int], toy_symbols: Symbols
) -> None:
    edited = list(toy_witness)
    wire = toy_symbols.wires["main.square[1].out"]
    edited[wire] += 1
    found = violations(toy_system, edited, toy_symbols)
    assert found and all("main.square[1].out" in violation.signals for violation in found)
    text = "".join(map(str, found)) + repr(found)
    assert not any(canary in text for canary in (*CANARIES, str(edited[wire])))


@pytest.mark.parametrize("value", [FIELD_MODULUS, -1, True, 2.0, "2"])
def test_values_that_are_no_field_elements_are_refused(toy_system: R1cs, toy_witness: list[int], value: object) -> None:
    with pytest.raises(InputError, match=r"witness\[5\]") as caught:
        is_satisfied(toy_system, [*toy_witness[:5], value, *toy_witness[6:]])  # type: ignore[list-item]
    assert not caught.value.has_value


def test_length_and_the_constant_wire_are_checked(toy_system: R1cs, toy_witness: list[int]) -> None:
    for wrong in (toy_witness[:-1], [*toy_witness, 0], []):
        with pytest.raises(InputError, match="must have .* values"):
            is_satisfied(toy_system, wrong)
    with pytest.raises(InputError, match=r"witness\[0\]: must be 1"):
        is_satisfied(toy_system, [0, *toy_witness[1:]])
