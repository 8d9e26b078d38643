"""Adding commitments, at constraint level: a child opens to what it commits to, and the sum is the sum."""

from __future__ import annotations

from functools import cache

import pytest

from prover.witness import InputValue
from rtnet_core.limits import FIELD_MODULUS, PROFILES
from rtnet_core.totals import empty_commitment, no_totals, totals_commitment
from tests.support.forge import Forged, forge, merge_bench
from tests.support.margin_cases import MergeCase, random_merge

SMALL = PROFILES["small"]
ELEMENTS = len(no_totals(SMALL).packed())


@cache
def ordinary() -> MergeCase:
    """A merge of three children and a place that is filled up."""
    return random_merge("small", "soundness", 3)


def packed() -> list[list[int]]:
    """The elements of all four children."""
    return [totals.packed() for totals, _ in ordinary().children] + [no_totals(SMALL).packed()]


def blindings() -> list[int]:
    """The blindings of all four children."""
    return [blinding for _, blinding in ordinary().children] + [0]


def judged(**changes: InputValue) -> Forged:
    """Return the verdict on `ordinary` with some inputs changed; honest, it is accepted."""
    merge_bench().forge(ordinary().inputs).assert_accepted()
    return merge_bench().forge({**ordinary().inputs, **changes})


def assert_not_the_statement(other: Forged) -> None:
    """The witness makes another sum than `ordinary` states, and does not hold with its public signals."""
    wires = list(other.wires)
    stated = ordinary().statement.public_signals()
    assert wires[1] != stated[0]
    wires[1 : 1 + len(stated)] = stated
    assert merge_bench().shipped.violations(wires)


@pytest.mark.parametrize("child", range(4))
@pytest.mark.parametrize("element", range(ELEMENTS))
@pytest.mark.parametrize("change", [1, -1])
def test_a23_other_totals_than_the_child_commits_to(child: int, element: int, change: int) -> None:
    elements = packed()
    elements[child][element] = (elements[child][element] + change) % FIELD_MODULUS
    judged(childPacked=elements).assert_refused(rf"^child\[{child}\]$")


def test_a23_moved_between_children() -> None:
    """One more here and one less there leaves the sum as it was: both children refuse it."""
    elements = packed()
    for element in range(ELEMENTS):
        elements[0][element] = (elements[0][element] + 1) % FIELD_MODULUS
        elements[1][element] = (elements[1][element] - 1) % FIELD_MODULUS
    other = judged(childPacked=elements)
    assert other.values["totals"] == ordinary().statement.totals
    other.assert_refused(r"^child\[[01]\]$")


def test_a22_moved_between_elements() -> None:
    """Cash for amounts, or one element for another: another opening."""
    for left, right in ((1, 2), (2, 3), (3, 4), (0, 1)):
        elements = packed()
        elements[2][left], elements[2][right] = elements[2][right], elements[2][left]
        judged(childPacked=elements).assert_refused(r"^child\[2\]$")


@pytest.mark.parametrize("child", range(4))
def test_a23_blinding_of_a_child_changed(child: int) -> None:
    secrets = blindings()
    secrets[child] += 1
    judged(childBlinding=secrets).assert_refused(rf"^child\[{child}\]$")


def test_a17_place_that_is_filled_up_holds_nothing() -> None:
    """What takes a missing child's place opens to no totals only, whatever the blinding."""
    assert ordinary().statement.children[3] == empty_commitment(SMALL)
    for element in range(ELEMENTS):
        elements = packed()
        elements[3][element] = 1
        judged(childPacked=elements).assert_refused(r"^child\[3\]$")
    judged(childBlinding=[*blindings()[:3], 1]).assert_refused(r"^child\[3\]$")


def test_a16_children_swapped_omitted_or_taken_twice() -> None:
    """The verifier names the children in order: another list has other openings."""
    first, second, third, none = ordinary().statement.children
    judged(child=[second, first, third, none]).assert_refused(r"^child\[[01]\]$")
    judged(child=[first, none, third, none]).assert_refused(r"^child\[1\]$")
    judged(child=[first, first, third, none]).assert_refused(r"^child\[1\]$")
    elements, secrets = packed(), blindings()
    twice = judged(
        child=[first, first, third, none],
        childPacked=[elements[0], elements[0], *elements[2:]],
        childBlinding=[secrets[0], secrets[0], *secrets[2:]],
    )
    twice.assert_accepted()  # of other children, as the public signals say
    assert_not_the_statement(twice)


@pytest.mark.parametrize("element", range(ELEMENTS))
@pytest.mark.parametrize("change", ["+ 1", "- 1"])
def test_a23_own_sum_off_by_one(element: int, change: str) -> None:
    off = {("merge.circom", "packed[f] <== sum;"): f"packed[f] <-- f == {element} ? sum {change} : sum;"}
    forged = forge(merge_bench(), off, inputs=ordinary().inputs)
    assert forged.values["totals"] != ordinary().statement.totals
    forged.assert_refused(rf"^packed\[{element}\]$")


def test_a23_a26_own_sum_under_another_blinding_or_digest() -> None:
    """Another blinding is another commitment; one that was not computed is refused where it is hashed."""
    other = judged(blinding=ordinary().blinding + 1)
    other.assert_accepted()
    assert_not_the_statement(other)
    hashed = {("totals/totals_commitment.circom", "digest <== hash.digest;"): "digest <-- blinding;"}
    target = merge_bench().forge(ordinary().inputs, hashed)
    target.assert_refused(r"TotalsCommitment\.digest$", r"^opened\[[0-3]\]\.digest$")


def test_a23_a_zero_sum_of_other_nets() -> None:
    """Nets of the children that cancel but for one lot: the sum opens to that lot and to nothing else."""
    total = ordinary().totals
    honest = judged()
    assert honest.values["totals"] == total.commitment(ordinary().blinding)
    for element in range(ELEMENTS):
        elements = total.packed()
        elements[element] = (elements[element] + 1) % FIELD_MODULUS
        assert totals_commitment(ordinary().blinding, elements) != honest.values["totals"]


def test_a36_each_public_signal() -> None:
    honest = judged()
    for signal in range(len(ordinary().statement.public_signals())):
        for change in (1, -1):
            wires = list(honest.wires)
            wires[1 + signal] = (wires[1 + signal] + change) % FIELD_MODULUS
            violations = merge_bench().shipped.violations(wires)
            name = merge_bench().build.public[signal]
            assert any(f"main.{name}" in violation.signals for violation in violations)
    assert not merge_bench().shipped.violations(honest.wires)


def test_a29_context_takes_part() -> None:
    other = judged(context=7)
    other.assert_accepted()
    assert other["contextSquare"] == 49
