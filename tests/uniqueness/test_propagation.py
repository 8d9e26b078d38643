"""The lemmas by themselves, and each template by the lemmas: what follows from its inputs, hints included."""

from __future__ import annotations

import pytest

from prover.circuit_headers import read_sources
from prover.formats.r1cs import Constraint, R1cs, Row, read_r1cs
from prover.formats.sym import read_sym
from rtnet_core.limits import FIELD_MODULUS
from tests.mutation.benches import bench_of
from tests.support.forge import NO_REPLACEMENT, _compiled, readable
from tests.uniqueness.open_templates import COSTLY, OPEN
from tests.uniqueness.propagation import determined_wires
from tests.uniqueness.solver import Answer, ask

#: Templates of which every wire follows by the lemmas alone.
CHEAP = sorted({source.name for source in read_sources() if source.headers} - set(OPEN) - set(COSTLY))


def row(**factors: int) -> Row:
    """Return a row: wire ``w3`` has the factor of the keyword of that name, and ``one`` is wire 0."""
    wires = {0 if name == "one" else int(name[1:]): value % FIELD_MODULUS for name, value in factors.items()}
    return Row(tuple(sorted(wires)), tuple(wires[wire] for wire in sorted(wires)))


def system(n_wires: int, *constraints: tuple[Row, Row, Row]) -> R1cs:
    return R1cs(
        n_wires=n_wires,
        n_pub_out=0,
        n_pub_in=1,
        n_prv_in=0,
        n_labels=n_wires,
        constraints=tuple(Constraint(*parts) for parts in constraints),
        labels=tuple(range(n_wires)),
        n_constraints=len(constraints),
    )


def follows(made: R1cs) -> set[int]:
    """Return what follows from wire 1."""
    return determined_wires(made, [1]).determined


NOTHING, ONE = row(), row(one=1)


def digit(wire: int) -> tuple[Row, Row, Row]:
    name = f"w{wire}"
    return row(**{name: 1}), row(**{name: 1, "one": -1}), NOTHING


def zero(**factors: int) -> tuple[Row, Row, Row]:
    """Return the constraint that a sum is 0."""
    return NOTHING, NOTHING, row(**factors)


def test_linear() -> None:
    assert follows(system(3, zero(w1=3, w2=5))) == {0, 1, 2}
    assert follows(system(3, (row(w1=1), row(w1=1), row(w2=1)))) == {0, 1, 2}  # w2 is the square of w1
    assert follows(system(3, (row(w2=1), row(w2=1), row(w1=1)))) == {0, 1}  # w1 is the square of w2, and of -w2
    assert follows(system(3, (row(w1=1), row(w2=1), ONE))) == {0, 1}  # w1 might be 0: then nothing holds, or all
    assert follows(system(4, zero(w1=1, w2=1, w3=1))) == {0, 1}


def test_positional() -> None:
    """Two digits of w1; with a digit too many for the factors, or without their range, they are open."""
    assert follows(system(4, digit(2), digit(3), zero(w1=1, w2=-1, w3=-2))) == {0, 1, 2, 3}
    assert follows(system(4, digit(2), digit(3), zero(w1=1, w2=-1, w3=-1))) == {0, 1}
    assert follows(system(4, digit(2), zero(w1=1, w2=-1, w3=-2))) == {0, 1}


@pytest.mark.slow
def test_as_many_digits_as_the_field_has_are_one_too_many() -> None:
    bits = 254
    wide = zero(w1=1, **{f"w{2 + i}": -(1 << i) for i in range(bits)})
    assert follows(system(2 + bits, *(digit(2 + i) for i in range(bits)), wide)) == {0, 1}
    narrow = zero(w1=1, **{f"w{2 + i}": -(1 << i) for i in range(bits - 1)})
    assert len(follows(system(1 + bits, *(digit(2 + i) for i in range(bits - 1)), narrow))) == 1 + bits


def test_a_digit_is_0_or_1_and_nothing_else() -> None:
    """The roots of w (w - 2) are none: 2 * w3 + w2 would have two readings."""
    two = (row(w2=1), row(w2=1, one=-2), NOTHING)
    assert follows(system(4, two, digit(3), zero(w1=1, w2=-1, w3=-2))) == {0, 1}


def test_interval() -> None:
    """Here w2 = w4 + 2 w5 and 2 - w2 = w6 + 2 w7: so w2 is 0, 1 or 2, and w1 = w2 + 3 w3 tells both."""
    digits = [digit(wire) for wire in (3, 4, 5, 6, 7)]
    sums = [zero(w2=1, w4=-1, w5=-2), zero(one=2, w2=-1, w6=-1, w7=-2)]
    assert 3 in follows(system(8, *digits, *sums, zero(w1=1, w2=-1, w3=-3)))
    assert 3 not in follows(system(8, *digits, *sums, zero(w1=1, w2=-1, w3=-2)))


def test_split() -> None:
    """Here w3 = w2 * (2 w1 + 1) - w1 - 1 is in [0, 4): w2 is the sign of w1; without the range it is open."""
    product = (row(w2=1), row(w1=2, one=1), row(w3=1, w1=1, one=1))
    magnitude = [digit(4), digit(5), zero(w3=1, w4=-1, w5=-2)]
    assert follows(system(6, digit(2), product, *magnitude)) == {0, 1, 2, 3, 4, 5}
    assert follows(system(4, digit(2), product)) == {0, 1}


def test_an_unbound_hint_is_found_by_both() -> None:
    """The tool's own test: digits without their range, and a root that has two signs."""
    loose = system(4, digit(2), zero(w1=1, w2=-1, w3=-2))
    assert follows(loose) == {0, 1}
    root = system(3, (row(w2=1), row(w2=1), row(w1=1)))
    assert follows(root) == {0, 1}
    pytest.importorskip("cvc5", reason="cvc5 is not installed")
    assert ask(loose, [0, 1], 20) is Answer.FREE
    assert ask(root, [0, 1], 20) is Answer.FREE
    bound = system(4, digit(2), digit(3), zero(w1=1, w2=-1, w3=-2))
    assert ask(bound, [0, 1], 20) is Answer.DETERMINED


def open_signals(file: str) -> list[str]:
    """Return the signals of a template that do not follow from its inputs; unsimplified, every signal is a wire."""
    target, _ = bench_of(file)
    folder = _compiled(target.circuit, NO_REPLACEMENT, strip=False, flags=("--r1cs", "--sym"))
    made = read_r1cs(folder / "main.r1cs")
    known = determined_wires(made, range(1 + made.n_pub_out, 1 + made.n_public + made.n_prv_in))
    names = {wire: readable(name) for name, wire in read_sym(folder / "main.sym").wires.items()}
    return [names[wire] for wire in range(1, made.n_wires) if wire not in known.determined]


@pytest.mark.parametrize("file", CHEAP)
def test_every_wire_follows_from_the_inputs(file: str) -> None:
    assert open_signals(file) == []


@pytest.mark.slow
@pytest.mark.parametrize("file", COSTLY)
def test_every_wire_of_a_larger_template_follows(file: str) -> None:
    assert open_signals(file) == []


@pytest.mark.slow
@pytest.mark.parametrize("file", ["pricing/bound_quotient.circom", "pricing/logarithm.circom"])
def test_what_stays_open_is_still_open(file: str) -> None:
    """Two of the reviewed list: once the lemmas decide them, they leave it."""
    assert file in OPEN
    assert open_signals(file)
