"""Which constraints of a circuit a witness violates: the prover's last look before a proof, and the tests' oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter, mul
from typing import Any, Final

from prover.formats.r1cs import Constraint, R1cs, Row
from prover.formats.sym import Symbols
from rtnet_core.errors import InputError
from rtnet_core.limits import FIELD_MODULUS

_HALF: Final = FIELD_MODULUS // 2
_MAX_NAMES: Final = 8


@dataclass(frozen=True, slots=True)
class Violation:
    """A constraint that does not hold: its index and the names of the wires in it. Values are never kept."""

    constraint: int
    signals: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.signals[:_MAX_NAMES])
        more = len(self.signals) - _MAX_NAMES
        return f"constraint {self.constraint} ({shown}{f' and {more} more' if more > 0 else ''})"


class Checker:
    """Evaluates one constraint system on many witnesses.

    Coefficients are turned to their signed representatives once, so that most products stay small.

    Parameters
    ----------
    system
        The constraint system.
    symbols
        Names for the report; without them wires are numbered.
    """

    def __init__(self, system: R1cs, symbols: Symbols | None = None) -> None:
        self._system = system
        self._symbols = symbols
        self._rows = [(_evaluator(c.a), _evaluator(c.b), _evaluator(c.c)) for c in system.constraints]

    def violations(self, witness: Sequence[int], limit: int | None = None) -> list[Violation]:
        """Return the constraints that `witness` violates, the first `limit` of them.

        Raises
        ------
        InputError
            `witness` has not one value per wire, a value is no integer in [0, r), or wire 0 is not 1. Values are not
            shown.
        """
        checked = self._checked(witness)
        found: list[Violation] = []
        for index, (a, b, c) in enumerate(self._rows):
            if (a(checked) * b(checked) - c(checked)) % FIELD_MODULUS:
                found.append(Violation(index, self._names(self._system.constraints[index])))
                if limit is not None and len(found) >= limit:
                    break
        return found

    def is_satisfied(self, witness: Sequence[int]) -> bool:
        """Return whether every constraint holds.

        Raises
        ------
        InputError
            As for `violations`.
        """
        return not self.violations(witness, limit=1)

    def _checked(self, witness: Sequence[int]) -> Sequence[int]:
        if len(witness) != self._system.n_wires:
            raise InputError("witness", f"must have {self._system.n_wires} values", len(witness))
        for wire, value in enumerate(witness):
            if type(value) is not int or not 0 <= value < FIELD_MODULUS:
                raise InputError(f"witness[{wire}]", "must be an integer of at least 0 and below the field modulus")
        if witness[0] != 1:
            raise InputError("witness[0]", "must be 1, the constant wire")
        return witness

    def _names(self, constraint: Constraint) -> tuple[str, ...]:
        wires = dict.fromkeys(wire for row in constraint for wire in row.wires if wire != 0)
        return tuple(self._symbols.name_of(wire) if self._symbols else f"wire {wire}" for wire in wires)


def violations(system: R1cs, witness: Sequence[int], symbols: Symbols | None = None) -> list[Violation]:
    """Return every constraint of `system` that `witness` violates; see `Checker.violations`."""
    return Checker(system, symbols).violations(witness)


def is_satisfied(system: R1cs, witness: Sequence[int]) -> bool:
    """Return whether `witness` satisfies every constraint of `system`; see `Checker.is_satisfied`."""
    return Checker(system).is_satisfied(witness)


def _evaluator(row: Row) -> Callable[[Sequence[int]], int]:
    """Return the function from a witness to the value of `row`, an integer that is not reduced yet."""
    signed = tuple(c - FIELD_MODULUS if c > _HALF else c for c in row.coefficients)
    if not row.wires:
        return lambda _witness: 0
    if len(row.wires) == 1:
        only, factor = row.wires[0], signed[0]
        return lambda witness: factor * witness[only]
    pick: Callable[[Any], tuple[int, ...]] = itemgetter(*row.wires)
    return lambda witness: sum(map(mul, signed, pick(witness)))
