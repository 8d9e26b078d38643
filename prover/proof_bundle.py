"""A proof with its statement as one JSON file, of an account or of a market."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from prover.circuit_proof import CircuitProver, StageProgress
from prover.inputs import CircuitInputs
from rtnet_core.market_statement import MarketStatement
from rtnet_core.statement import Statement

S = TypeVar("S", Statement, MarketStatement)


@dataclass(frozen=True, slots=True)
class ProofBundle(Generic[S]):
    """A proof with its statement, ready to be published as one JSON file.

    Attributes
    ----------
    format
        Of the file.
    circuit, circuit_version
        Name, and SHA-256 of the constraint system, hex.
    vk_id
        SHA-256 of the verifying key's canonical JSON, hex.
    statement
        What it says.
    proof
        In snarkjs form.
    backend
        What made it.
    seconds
        Wall time of each stage.
    """

    format: str
    circuit: str
    circuit_version: str
    vk_id: str
    statement: S
    proof: dict[str, Any]
    backend: str
    seconds: dict[str, float]

    def to_json_bytes(self) -> bytes:
        """Return the bundle: statement, proof, key id and circuit version, and nothing else."""
        signals = zip(self.statement.names(), self.statement.public_signals(), strict=True)
        content = {
            "format": self.format,
            "circuit": self.circuit,
            "circuit_version": self.circuit_version,
            "vk_id": self.vk_id,
            "statement": {name: str(signal) for name, signal in signals},
            "proof": self.proof,
        }
        return (json.dumps(content, indent=2) + "\n").encode()


def prove_bundle(
    form: str, prover: CircuitProver, inputs: CircuitInputs, statement: S, progress: StageProgress | None = None
) -> ProofBundle[S]:
    """Return a proof of `statement` as a bundle of format `form`.

    Raises
    ------
    ToolError
        The witness does not satisfy the circuit or carries another statement, or the proof made does not hold.
    """
    made = prover.prove(inputs, statement.public_signals(), progress)
    return ProofBundle(
        format=form,
        circuit=prover.circuit,
        circuit_version=prover.build.r1cs_sha256,
        vk_id=prover.keys.vk_id,
        statement=statement,
        proof=made.proof,
        backend=prover.backend.name,
        seconds=made.seconds,
    )
