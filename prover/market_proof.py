"""The market proof, end to end: signed snapshot → risk array → inputs → witness → proof → bundle."""

from __future__ import annotations

from typing import Final

from prover.circuit_proof import CircuitProver, StageProgress, stage
from prover.market_inputs import market_inputs
from prover.proof_bundle import ProofBundle, prove_bundle
from rtnet_core.market_statement import MarketStatement, market_statement
from rtnet_core.oracle import OracleSet, SignedSnapshot
from rtnet_core.params import Params
from rtnet_core.risk_array import build_risk_array

BUNDLE_FORMAT: Final = "zkm2m/market-proof/v1"


def prove_market(
    signed: SignedSnapshot,
    oracles: OracleSet,
    params: Params,
    *,
    backend: str = "auto",
    progress: StageProgress | None = None,
) -> ProofBundle[MarketStatement]:
    """Return a proof that the risk array follows from what a quorum of the oracles signed.

    Parameters
    ----------
    signed
        The snapshot with its signatures.
    oracles
        As many as the profile's circuit has places for, with its quorum.
    params
        The margin parameters.
    backend
        ``auto``, ``native`` or ``snarkjs``.
    progress
        Told the name of each stage as it begins.

    Raises
    ------
    Refusal
        The quorum is not met: the codes of `rtnet_core.oracle.check_quorum`.
    InputError
        The set of oracles does not fit the circuit; the parameters lack a symbol of the market; there is no such
        backend, or the keys do not belong to the circuit.
    ToolError
        A tool is missing or failed.
    """
    snapshot = signed.snapshot
    seconds: dict[str, float] = {}
    with stage("risk array", seconds, progress):
        statement = market_statement(snapshot, oracles, params, build_risk_array(snapshot, params).root())
    with stage("signatures", seconds, progress):
        inputs = market_inputs(signed, oracles, params, statement)
    with stage("key", seconds, progress):
        prover = CircuitProver(f"market-{snapshot.profile}", backend)
    with prover:
        bundle = prove_bundle(BUNDLE_FORMAT, prover, inputs, statement, progress)
    bundle.seconds.update(seconds)
    return bundle
