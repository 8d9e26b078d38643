"""Is this witness true? Asked before every proof: natively where the extension is installed, in Python elsewhere."""

from __future__ import annotations

from prover.backends import native_available
from prover.checker import Checker
from prover.compiler import Build
from prover.formats.r1cs import R1cs, read_r1cs
from prover.formats.sym import read_sym
from prover.formats.wtns import parse_wtns
from rtnet_core.errors import ToolError


class WitnessCheck:
    """Holds witnesses to the constraint system of one build.

    Parameters
    ----------
    built
        The circuit; its constraint system is read once.
    native
        Whether to use the extension; by default if it is installed.
    """

    def __init__(self, built: Build, *, native: bool | None = None) -> None:
        self._built = built
        self._native = None
        self._python: Checker | None = None
        if native_available() if native is None else native:
            import zkm2m_native

            self._native = zkm2m_native.ConstraintSystem(str(built.r1cs))
        else:
            self._python = Checker(self._system())

    def require_satisfied(self, witness: bytes) -> None:
        """Raise ToolError naming the first constraint that a witness in .wtns form violates, without any value.

        Raises
        ------
        InputError
            It is no witness file, or one of another circuit.
        ToolError
            It violates the circuit.
        """
        if self._native is not None and self._native.first_violation(witness) is None:
            return
        wires = parse_wtns(witness)
        if self._python is not None and self._python.is_satisfied(wires):
            return
        found = Checker(self._system(), read_sym(self._built.sym)).violations(wires, limit=1)
        raise ToolError(f"the witness does not satisfy the circuit: {found[0] if found else 'native check failed'}")

    def _system(self) -> R1cs:
        return read_r1cs(self._built.r1cs)
