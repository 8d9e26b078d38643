"""Inputs of ``circuits/oracle/oracle_quorum.circom``: the first signers of a signed snapshot, as many as the quorum."""

from __future__ import annotations

from prover.inputs import CircuitInputs
from rtnet_core.eddsa_poseidon import decode_signature
from rtnet_core.oracle import OracleSet, SignedSnapshot, check_quorum
from rtnet_core.snapshot_hash import snapshot_hash


def quorum_inputs(signed: SignedSnapshot, oracles: OracleSet) -> CircuitInputs:
    """Return the inputs for a snapshot that a quorum signed.

    Raises
    ------
    Refusal
        The quorum is not met: the codes of `rtnet_core.oracle.check_quorum`.
    """
    signers = check_quorum(signed, oracles)[: oracles.quorum]
    values = {entry.public_key: bytes.fromhex(entry.value) for entry in signed.signatures}
    signatures = [decode_signature(values[signer.public_key]) for signer in signers]
    return {
        "snapshotHash": snapshot_hash(signed.snapshot),
        "keyX": [oracle.point.x for oracle in oracles.oracles],
        "keyY": [oracle.point.y for oracle in oracles.oracles],
        "picked": [[int(oracle == signer) for oracle in oracles.oracles] for signer in signers],
        "nonceX": [signature.nonce_point.x for signature in signatures],
        "nonceY": [signature.nonce_point.y for signature in signatures],
        "scalar": [signature.scalar for signature in signatures],
    }
