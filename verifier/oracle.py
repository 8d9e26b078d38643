"""A recipient's check of a signed snapshot: a quorum of the oracles they believe signed these very prices, in time."""

from __future__ import annotations

from dataclasses import dataclass

from rtnet_core.oracle import OracleSet, SignedSnapshot, check_quorum
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from verifier.policy import Policy


@dataclass(frozen=True, slots=True)
class SnapshotVerdict:
    """A snapshot that was accepted. What is not accepted is a `rtnet_core.errors.Refusal` instead."""

    accepted: bool
    snapshot: Snapshot
    snapshot_hash: int
    oracles_root: int
    signers: tuple[str, ...]  #: names, in the order of the set
    quorum: int
    oracle_count: int
    as_of_ms: int
    age_ms: int

    def to_json(self) -> dict[str, object]:
        """Return the verdict, without the market, as a JSON object."""
        return {
            "accepted": self.accepted,
            "snapshot_hash": str(self.snapshot_hash),
            "oracles_root": str(self.oracles_root),
            "signers": list(self.signers),
            "quorum": self.quorum,
            "oracle_count": self.oracle_count,
            "as_of_ms": self.as_of_ms,
            "age_ms": self.age_ms,
        }


def verify_signed_snapshot(data: bytes, *, oracles: OracleSet, policy: Policy | None = None) -> SnapshotVerdict:
    """Return the verdict on a signed snapshot, which is always an accepted one.

    Parameters
    ----------
    data
        The file's bytes, as received from whoever carried it.
    oracles
        The set that the recipient believes, from a source of their own.
    policy
        The recipient's times: clock, permitted skew, greatest age.

    Raises
    ------
    Refusal
        ``oracle_set_mismatch``, ``oracle_unknown``, ``oracle_twice``, ``oracle_signature_invalid``,
        ``oracle_quorum_not_met``; ``from_the_future``, ``stale``.
    InputError
        The file is no signed snapshot.
    """
    policy = policy or Policy()
    signed = SignedSnapshot.from_json(data, "signed snapshot")
    signers = check_quorum(signed, oracles)
    time_ms = signed.snapshot.time_ms
    age_ms = policy.require_fresh(time_ms, time_ms, policy.clock_ms())
    return SnapshotVerdict(
        accepted=True,
        snapshot=signed.snapshot,
        snapshot_hash=snapshot_hash(signed.snapshot),
        oracles_root=oracles.root(),
        signers=tuple(signer.name for signer in signers),
        quorum=oracles.quorum,
        oracle_count=len(oracles.oracles),
        as_of_ms=time_ms,
        age_ms=age_ms,
    )
