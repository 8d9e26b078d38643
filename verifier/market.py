"""The verdict on a market: a quorum signed the snapshot, and the risk array follows, by proof or computed again."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Literal

from rtnet_core.market_statement import MarketStatement, market_statement
from rtnet_core.oracle import OracleSet
from rtnet_core.params import Params
from rtnet_core.risk_array import build_risk_array
from verifier.bundle import market_bundle
from verifier.groth16 import Backend, chosen_backend, verify
from verifier.keystore import Keystore
from verifier.oracle import SnapshotVerdict, verify_signed_snapshot
from verifier.policy import Policy
from verifier.reasons import refuse
from verifier.verdict import KeyLabel, Label

#: How the risk array is held to the snapshot: by the proof, by computing it again, or by both.
Ground = Literal["proof", "recomputing", "both"]


@dataclass(frozen=True, slots=True)
class MarketVerdict:
    """A market that was accepted. What is not accepted is a `rtnet_core.errors.Refusal` instead."""

    accepted: bool
    ground: Ground
    statement: MarketStatement
    snapshot: SnapshotVerdict
    profile: str
    instruments: int
    circuit: str
    key: KeyLabel | None  #: of the proof, None where it was not looked at
    backend: str | None
    seconds: float
    labels: tuple[Label, ...]

    def to_json(self) -> dict[str, object]:
        """Return the verdict, without the market, as a JSON object."""
        signals = zip(self.statement.names(), self.statement.public_signals(), strict=True)
        return {
            **self.snapshot.to_json(),
            "ground": self.ground,
            "statement": {name: str(signal) for name, signal in signals},
            "profile": self.profile,
            "instruments": self.instruments,
            "circuit": self.circuit,
            "key": None if self.key is None else asdict(self.key),
            "backend": self.backend,
            "seconds": round(self.seconds, 3),
            "labels": [asdict(label) for label in self.labels],
        }


def verify_market(
    data: bytes,
    *,
    signed: bytes,
    oracles: OracleSet,
    params: Params,
    keys: Keystore,
    policy: Policy | None = None,
    ground: Ground = "proof",
    backend: Backend = "auto",
) -> MarketVerdict:
    """Return the verdict on a market proof, which is always an accepted one.

    Of the bundle's statement only the risk root is its own; every other signal is rebuilt from the arguments, and a
    difference is refused by name.

    Parameters
    ----------
    data
        The bundle's bytes, as received.
    signed
        The signed snapshot's bytes, from whoever carried it.
    oracles
        The set that the recipient believes, from a source of their own.
    params
        The published margin parameters.
    keys
        The recipient's own verifying keys; not asked for a key where the proof is not looked at.
    policy
        The recipient's conditions; None is `Policy` with its defaults.
    ground
        What the risk root is to rest on.
    backend
        See `verifier.groth16.verify`.

    Raises
    ------
    Refusal
        The codes of `verify_signed_snapshot`, `market_bundle` and `Bundle.pinned_key`; ``statement_mismatch``;
        ``risk_array_mismatch``, where it was computed again; ``proof_invalid``. Nothing was accepted.
    InputError
        The signed snapshot is none, or the parameters lack a symbol of it.
    ToolError
        The native backend was asked for and is missing or failed.
    """
    started = time.perf_counter()
    policy = policy or Policy()
    by_proof, by_recomputing = ground != "recomputing", ground != "proof"
    bundle = market_bundle(data)
    vouched = verify_signed_snapshot(signed, oracles=oracles, policy=policy)
    snapshot = vouched.snapshot
    circuit = f"market-{snapshot.profile}"
    bundle.require_circuit(circuit)
    statement = market_statement(snapshot, oracles, params, bundle.statement.risk_root)
    for name in MarketStatement.names():
        if getattr(bundle.statement, name) != getattr(statement, name):
            raise refuse("statement_mismatch", name)
    key = chosen = None
    if by_recomputing and build_risk_array(snapshot, params).root() != statement.risk_root:
        raise refuse("risk_array_mismatch")
    if by_proof:
        chosen = chosen_backend(backend)
        pinned = bundle.pinned_key(circuit, keys, policy)
        if not verify(pinned.key, statement.public_signals(), bundle.proof, chosen):
            raise refuse("proof_invalid")
        key = KeyLabel(pinned.vk_id, pinned.development, pinned.contributions)
    return MarketVerdict(
        accepted=True,
        ground=ground,
        statement=statement,
        snapshot=vouched,
        profile=snapshot.profile,
        instruments=len(snapshot.instruments),
        circuit=circuit,
        key=key,
        backend=chosen,
        seconds=time.perf_counter() - started,
        labels=(
            Label("risk_array", "recomputed" if by_recomputing else "proven"),
            Label("quorum", "recomputed"),
            Label("snapshot_hash", "recomputed"),
            Label("params_root", "recomputed"),
            Label("prices", "signed"),
            Label("as_of_ms", "signed"),
            Label("params", "stated"),
        ),
    )
