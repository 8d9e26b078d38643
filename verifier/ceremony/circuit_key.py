"""Whether a proving key's points are those that a circuit and a phase-1 file give, up to the contributions' delta.

With the Lagrange polynomials L_c of the domain at tau, one for each constraint c, and A_s, B_s, C_s = the sums over c
of the matrix entries (c, s) times L_c (the matrix A has one more row for the constant and for each public wire):

- A, B1, B2: A_s and B_s in G1, B_s in G2, for every wire s
- IC: beta A_s + alpha B_s + C_s for the constant and the public wires; C: the same over delta for the others
- H: L'_(2i+1) / delta, where L' belongs to the domain of twice the size

None of it is computed for each wire. With a random weight of 128 bits for every wire, both sides of a section's
equations are added up: the key's points with the weights, the phase-1 points with the weighted sums of matrix entries.
A wrong point escapes with a chance of 2^-128. What was divided by delta is compared by a pairing.

References
----------
Groth, "On the Size of Pairing-based Non-interactive Arguments", EUROCRYPT 2016, section 3.2. Bowe, Gabizon, Miers, IACR
ePrint 2017/1050, section 6: what phase 2 computes.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from verifier.ceremony.binary import FIELD_BYTES, G1_BYTES, G2_BYTES, BinaryFile, Section, require_bn254
from verifier.ceremony.chain import G2_GENERATOR, Header
from verifier.ceremony.phase_1 import Phase1
from verifier.ceremony.reasons import refuse
from verifier.ceremony.sums import balanced, g1_sum, g2_sum, g2_sum_in_group, negated
from verifier.points import SCALAR_MODULUS, G1Point

_R: Final = SCALAR_MODULUS
_WEIGHT_BITS: Final = 128
_MATRIX_SCALE: Final = (1 << 512) % _R  # snarkjs stores an entry v as v * R^2 with R = 2^256
_TERM: Final = 4 + FIELD_BYTES
#: Wires and their coefficients, of one linear combination.
_Row = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Circuit:
    """The counts of a constraint system, and its constraints, which are read anew at every pass."""

    n_vars: int
    n_public: int
    n_constraints: int
    rows: memoryview = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> Circuit:
        """Return the constraint system in an r1cs file.

        Raises
        ------
        InputError
            The file cannot be read, is of another field, or uses custom gates.
        """
        file = BinaryFile(path, "r1cs")
        header = file.section(1)
        require_bn254(header, scalar=True)
        n_vars, n_outputs, n_inputs = header.u32(), header.u32(), header.u32()
        header.take(12)  # private inputs and labels: names, not rules
        return cls(n_vars, n_outputs + n_inputs, header.u32(), file.section(2).data)

    @property
    def domain_size(self) -> int:
        """The power of two that holds every constraint, every public wire and the constant."""
        return 1 << max(1, (self.n_constraints + self.n_public).bit_length())

    def constraints(self) -> Iterator[tuple[_Row, _Row, _Row]]:
        """Yield the rows of A, B and C of each constraint.

        Raises
        ------
        InputError
            The section is cut off, goes on too long, or names a wire that there is not.
        """
        section = Section(self.rows, "r1cs section 2")
        for _ in range(self.n_constraints):
            yield self._row(section), self._row(section), self._row(section)
        section.expect_left(0)

    def _row(self, section: Section) -> _Row:
        terms = section.u32()
        data = section.take(terms * _TERM)
        row = []
        for at in range(0, terms * _TERM, _TERM):
            wire = int.from_bytes(data[at : at + 4], "little")
            if wire >= self.n_vars:
                raise section.fail(f"must name wires below {self.n_vars}")
            row.append((wire, int.from_bytes(data[at + 4 : at + _TERM], "little")))
        return row


#: For each constraint, the weighted sums of its entries in A, in B and in C.
_Sums = tuple[list[int], list[int], list[int]]


def require_matches(circuit: Circuit, header: Header) -> None:
    """Refuse a key whose sizes are not the circuit's.

    Raises
    ------
    Refusal
        ``wrong_key``.
    """
    found = header.n_vars, header.n_public, header.domain_size
    expected = circuit.n_vars, circuit.n_public, circuit.domain_size
    if found != expected:
        raise refuse("wrong_key", f"wires, public signals and domain are {found}, and of the circuit {expected}")


def require_matrices(circuit: Circuit, key: BinaryFile) -> None:
    """Refuse a key whose section 4 does not hold the circuit's matrices A and B, entry by entry.

    Raises
    ------
    InputError
        A file is malformed.
    Refusal
        ``wrong_key``.
    """
    section = key.section(4)
    count = section.u32()
    section.expect_left(count * (12 + FIELD_BYTES))
    scaled: dict[int, bytes] = {}
    for matrix, constraint, wire, value in _entries(circuit):
        if value not in scaled:
            scaled[value] = (value * _MATRIX_SCALE % _R).to_bytes(FIELD_BYTES, "little")
        count -= 1
        if count < 0 or section.take(12 + FIELD_BYTES) != struct.pack("<3I", matrix, constraint, wire) + scaled[value]:
            raise refuse("wrong_key", f"section 4: the entry of constraint {constraint}, wire {wire}")
    if count:
        raise refuse("wrong_key", f"section 4: {count} entries too many")


def require_points(circuit: Circuit, phase_1: Phase1, header: Header, key: BinaryFile) -> None:
    """Refuse a key whose points are not those of the circuit and the phase-1 file, up to delta.

    The time grows with the domain: some seconds for 2^11 points, half an hour for 2^19.

    Raises
    ------
    InputError
        A file is malformed, or the phase-1 file is too small for the circuit.
    Refusal
        ``wrong_key``, with the section.
    """
    phase_1.require_room(circuit.domain_size)
    fixed = header.alpha1, header.beta1, header.beta2, header.gamma2
    if fixed != (phase_1.alpha1(), phase_1.beta1(), phase_1.beta2(), G2_GENERATOR):
        raise refuse("wrong_key", "section 2: alpha, beta or gamma")
    weights = [secrets.randbits(_WEIGHT_BITS) for _ in range(circuit.n_vars)]
    public, private = _weighted(circuit, weights)
    size, first_private = circuit.domain_size, circuit.n_public + 1
    tau = phase_1.tau(size)
    a, b = ([one + other for one, other in zip(public[m], private[m], strict=True)] for m in (0, 1))
    for number, name, scalars in ((5, "A", a), (6, "B1", b)):
        if g1_sum(weights, _points(key, number, circuit.n_vars)) != g1_sum(scalars, tau):
            raise refuse("wrong_key", f"section {number}: {name}")
    section = _exactly(key, 7, circuit.n_vars, G2_BYTES)
    found, in_group = g2_sum_in_group(weights, [section.g2(in_group=False) for _ in range(circuit.n_vars)])
    if not in_group or found != g2_sum(b, phase_1.tau_g2(size)):
        raise refuse("wrong_key", "section 7: B2")
    bases = phase_1.beta_tau(size) + phase_1.alpha_tau(size) + tau
    if g1_sum(weights[:first_private], _points(key, 3, first_private)) != g1_sum([v for m in public for v in m], bases):
        raise refuse("wrong_key", "section 3: IC")
    whole = [value for sums in private for value in sums], bases
    divided = weights[first_private:], _points(key, 8, circuit.n_vars - first_private)
    weights = [secrets.randbits(_WEIGHT_BITS) for _ in range(size)]
    left = g1_sum(divided[0] + weights, divided[1] + _points(key, 9, size))
    right = g1_sum(whole[0] + weights, whole[1] + phase_1.tau(2 * size)[1::2])
    if not balanced([(left, header.delta2), (negated(right), G2_GENERATOR)]):
        raise refuse("wrong_key", "sections 8 and 9: C and H")


def _weighted(circuit: Circuit, weights: Sequence[int]) -> tuple[_Sums, _Sums]:
    """Return the sums over public wires, the constant among them, and those over the others; each below r."""

    def zeros() -> list[int]:
        return [0] * circuit.domain_size

    public, private = (zeros(), zeros(), zeros()), (zeros(), zeros(), zeros())
    for constraint, rows in enumerate(circuit.constraints()):
        for row, of_public, of_private in zip(rows, public, private, strict=True):
            for wire, coefficient in row:
                into = of_public if wire <= circuit.n_public else of_private
                into[constraint] = (into[constraint] + coefficient * weights[wire]) % _R
    for wire in range(circuit.n_public + 1):
        public[0][circuit.n_constraints + wire] = weights[wire]
    return public, private


def _entries(circuit: Circuit) -> Iterator[tuple[int, int, int, int]]:
    """Yield (matrix, constraint, wire, value): of each constraint A, then B; at the end the rows of public wires."""
    for number, (a, b, _) in enumerate(circuit.constraints()):
        for matrix, row in enumerate((a, b)):
            for wire, value in row:
                yield matrix, number, wire, value
    for wire in range(circuit.n_public + 1):
        yield 0, circuit.n_constraints + wire, wire, 1


def _exactly(key: BinaryFile, number: int, count: int, size: int) -> Section:
    """Return a section, which must hold exactly `count` points of `size` bytes."""
    section = key.section(number)
    section.expect_left(count * size)
    return section


def _points(key: BinaryFile, number: int, count: int) -> list[G1Point | None]:
    section = _exactly(key, number, count, G1_BYTES)
    return [section.g1() for _ in range(count)]
