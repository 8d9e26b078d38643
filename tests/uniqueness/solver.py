"""Two witnesses that agree on the inputs and on what is determined: can they differ? Asked of cvc5, over the field.

cvc5 decides equations over finite fields (QF_FF) by Gröbner bases, which is what the build named cvc5-gpl on PyPI has;
it is a tool of development, and nothing that ships needs it. The whole system is asked for, so that an answer *no* is
as good as the solver; an answer *yes* is a pair of witnesses.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from prover.formats.r1cs import R1cs, Row
from rtnet_core.limits import FIELD_MODULUS


class Answer(Enum):
    """What the solver says."""

    DETERMINED = "determined"
    FREE = "free"
    UNKNOWN = "not decided in time"


_KINDS: Final = ("", "'")


def ask(system: R1cs, determined: Iterable[int], seconds: float) -> Answer:
    """Return whether the wires beyond `determined` follow from them.

    Parameters
    ----------
    system
        A small system: the solver takes hundreds of wires, not thousands.
    determined
        Wires on which both witnesses agree.
    seconds
        How long the solver may think.
    """
    import cvc5
    from cvc5 import Kind

    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    solver.setLogic("QF_FF")
    solver.setOption("tlimit-per", str(int(seconds * 1000)))
    field = manager.mkFiniteFieldSort(str(FIELD_MODULUS))
    shared = set(determined)
    wires = [
        {wire: manager.mkConst(field, f"w{wire}{'' if wire in shared else copy}") for wire in range(1, system.n_wires)}
        for copy in _KINDS
    ]
    for wire in shared - {0}:
        wires[1][wire] = wires[0][wire]

    def element(value: int) -> Any:
        return manager.mkFiniteFieldElem(str(value % FIELD_MODULUS), field)

    def combination(row: Row, names: dict[int, Any]) -> Any:
        terms = [
            element(value) if wire == 0 else manager.mkTerm(Kind.FINITE_FIELD_MULT, element(value), names[wire])
            for wire, value in zip(row.wires, row.coefficients, strict=True)
        ] or [element(0)]
        return terms[0] if len(terms) == 1 else manager.mkTerm(Kind.FINITE_FIELD_ADD, *terms)

    for constraint in system.constraints:
        for names in wires:
            left, right, product = (combination(row, names) for row in constraint)
            solver.assertFormula(
                manager.mkTerm(Kind.EQUAL, manager.mkTerm(Kind.FINITE_FIELD_MULT, left, right), product)
            )
    differing = [
        manager.mkTerm(Kind.NOT, manager.mkTerm(Kind.EQUAL, wires[0][wire], wires[1][wire]))
        for wire in range(1, system.n_wires)
        if wire not in shared
    ]
    solver.assertFormula(differing[0] if len(differing) == 1 else manager.mkTerm(Kind.OR, *differing))
    result = solver.checkSat()
    return Answer.DETERMINED if result.isUnsat() else Answer.FREE if result.isSat() else Answer.UNKNOWN
