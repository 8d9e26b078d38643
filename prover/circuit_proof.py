"""One circuit with its key: inputs → witness → proof, checked at every station before anything is returned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from prover.backends import Backend, open_backend
from prover.circuits import build
from prover.formats.wtns import first_values
from prover.inputs import CircuitInputs
from prover.keys import load_keys
from prover.witness_check import WitnessCheck
from prover.witness_cpp import open_calculator
from rtnet_core.errors import ToolError

#: Told the name of each stage as it begins.
StageProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CircuitProof:
    """A proof in snarkjs form, with the wall time of each stage."""

    proof: dict[str, Any]
    seconds: dict[str, float]


class CircuitProver:
    """Proves statements of one circuit; a context manager that keeps circuit and key loaded for many proofs.

    Parameters
    ----------
    circuit
        Name of the circuit.
    backend
        ``auto``, ``native`` or ``snarkjs``.
    table_bytes
        Memory that the backend may take to make proofs after the first one faster; see `prover.backends`.

    Raises
    ------
    InputError
        There is no such circuit or backend, or the keys do not belong to the circuit.
    ToolError
        A tool is missing, or the circuit does not build.
    """

    def __init__(self, circuit: str, backend: str = "auto", table_bytes: int = 0) -> None:
        self.circuit = circuit
        self.build = build(circuit)
        self.keys = load_keys(circuit)
        self._check = WitnessCheck(self.build)
        self.calculator = open_calculator(self.build)
        self.backend: Backend = open_backend(backend, self.keys.proving_key, self.keys.verification_key, table_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the witness program."""
        self.calculator.close()

    def prove(
        self, inputs: CircuitInputs, signals: Sequence[int], progress: StageProgress | None = None
    ) -> CircuitProof:
        """Return a proof about `inputs` whose public signals are `signals`.

        Raises
        ------
        ToolError
            The witness does not satisfy the circuit or carries other signals, or the proof made does not hold.
        """
        seconds: dict[str, float] = {}
        with stage("witness", seconds, progress):
            witness = self.calculator.calculate(inputs)
        with stage("check", seconds, progress):
            self.check_witness(witness, signals)
        with stage("proof", seconds, progress):
            proof, public = self.backend.prove(witness)
        with stage("verification", seconds, progress):
            if public != [str(signal) for signal in signals]:
                raise ToolError("the proof just made carries another statement than the one asked for")
            self.backend.check(public, proof)
        return CircuitProof(proof, seconds)

    def check_witness(self, witness: bytes, signals: Sequence[int]) -> None:
        """Raise ToolError unless the witness satisfies every constraint and carries the public signals."""
        self._check.require_satisfied(witness)
        if first_values(witness, 1 + len(signals))[1:] != list(signals):
            raise ToolError("the witness carries another statement than the exact engine computed")


@contextmanager
def stage(name: str, seconds: dict[str, float], progress: StageProgress | None) -> Iterator[None]:
    """Tell `progress` that a stage begins, and note its wall time in `seconds` when it ends well."""
    if progress:
        progress(name)
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
