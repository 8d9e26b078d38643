"""The tool that weakens the circuits: what it makes, and that it tells a mutant that matters from one that does not."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from prover.circuit_headers import read_sources
from tests.mutation.benches import bench_of
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.run import KILLED, STILLBORN, SURVIVED, SURVIVORS, judge

TEXT = {source.name: source.text for source in read_sources()}


def only(file: str, kind: str, part: str) -> Mutant:
    """Return the mutant of a file, of a kind, whose statement has a part."""
    (found,) = [m for m in mutants() if (m.file, m.kind) == (file, kind) and part in m.text]
    return found


def test_every_mutant_changes_one_place() -> None:
    made = mutants()
    assert len({mutant.id for mutant in made}) == len(made)
    for mutant in made:
        assert TEXT[mutant.file].count(mutant.anchor) == 1
        assert mutant.anchor.endswith(mutant.text)
        assert mutant.weakened not in TEXT[mutant.file]


def test_every_template_with_an_assignment_or_a_range_has_mutants() -> None:
    without = {file for file, text in TEXT.items() if "template " in text} - {mutant.file for mutant in mutants()}
    assert without == {"lib/unsigned_bits.circom"}  # its digits are hints and checks


def test_survivors_are_mutants_with_a_reason() -> None:
    explained = json.loads(SURVIVORS.read_text("utf-8"))
    assert set(explained) <= {mutant.id for mutant in mutants()}
    assert all(len(reason) > 20 for reason in explained.values())


@pytest.mark.parametrize("file", ["lib/hinge.circom", "margin/position_size.circom", "pricing/one_hot.circom"])
def test_inputs_from_the_table_are_accepted(file: str) -> None:
    target, inputs = bench_of(file)
    target.forge(inputs).assert_accepted()


def test_what_is_weakened_is_seen() -> None:
    assert judge(only("lib/hinge.circom", "assigned", "out <==")) == KILLED
    ends = Counter(judge(only("lib/hinge.circom", kind, "SignedBits")) for kind in ("wider", "narrower"))
    assert ends == {KILLED: 2}


def test_what_changes_nothing_survives() -> None:
    """The circuit itself as its own mutant; and a width that the statement around it cannot take does not compile."""
    mutant = only("lib/hinge.circom", "assigned", "out <==")
    still = Mutant(mutant.file, mutant.kind, mutant.text, mutant.anchor, mutant.text, mutant.forgeries)
    assert judge(still) == SURVIVED
    assert judge(only("lib/signed_bits.circom", "wider", "UnsignedBits")) == STILLBORN
