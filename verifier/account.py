"""The verdict on an account proof: everything that is published is rebuilt here, and only then is the proof checked."""

from __future__ import annotations

from dataclasses import dataclass

from rtnet_core.params import Params
from rtnet_core.params_root import margin_params
from rtnet_core.record import Record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from rtnet_core.statement import Statement, context_field
from verifier.bundle import account_bundle
from verifier.groth16 import Backend, chosen_backend, verify
from verifier.keystore import Keystore
from verifier.policy import Policy
from verifier.reasons import refuse
from verifier.replay import SeenRegister, statement_digest
from verifier.verdict import KeyLabel, Verdict, account_labels


@dataclass(frozen=True, slots=True)
class PublishedRoots:
    """What a market file, parameters and a signed record come to, once they are found to belong together."""

    risk_root: int
    params_root: int
    book_root: int
    age_ms: int


def verify_account(
    data: bytes,
    *,
    snapshot: Snapshot,
    params: Params,
    record: Record,
    challenge: str,
    keys: Keystore,
    policy: Policy | None = None,
    backend: Backend = "auto",
    seen: SeenRegister | None = None,
) -> Verdict:
    """Return the verdict on a bundle, which is always an accepted one.

    Of the bundle's statement only the verdict and the threshold are its own; every other signal is rebuilt from the
    arguments, and a difference is refused by name. All that is cheap comes before the pairing, and the register is
    written after it.

    Parameters
    ----------
    data
        The bundle's bytes, as received.
    snapshot, params, record
        The published data that the recipient goes by.
    challenge
        What the recipient asked to be answered.
    keys
        The recipient's own verifying keys; the bundle brings none.
    policy
        The recipient's conditions; None is `Policy` with its defaults.
    backend
        See `verifier.groth16.verify`.
    seen
        Register of accepted statements; None keeps none, and a second showing is then not noticed.

    Raises
    ------
    Refusal
        Any code of `verifier.reasons.REASONS`; nothing was accepted.
    InputError
        The challenge is no text of 1 to 1024 bytes, the parameters lack a symbol of the market, or a file of the key
        folder or the register cannot be used.
    ToolError
        The native backend was asked for and is missing or failed.
    """
    policy = policy or Policy()
    now_ms = policy.clock_ms()
    chosen = chosen_backend(backend)
    bundle = account_bundle(data)
    circuit = f"account-{snapshot.profile}"
    pinned = bundle.pinned_key(circuit, keys, policy)
    roots = check_published(snapshot, params, record, policy, now_ms)
    context = context_field(record.venue_public_key, record.digest(), challenge)
    statement = _rebuilt(bundle.statement, roots, context)
    policy.require_threshold(statement.threshold_bps)
    digest = statement_digest(statement.public_signals())
    if seen is not None:
        seen.require_unseen(digest)
    if not verify(pinned.key, statement.public_signals(), bundle.proof, chosen):
        raise refuse("proof_invalid")
    if seen is not None:
        seen.accept(digest, now_ms)
    venue_pinned = policy.venue_public_key is not None
    return Verdict(
        accepted=True,
        clears=statement.verdict == 1,
        threshold_bps=statement.threshold_bps,
        venue=record.venue,
        venue_public_key=record.venue_public_key.hex(),
        venue_pinned=venue_pinned,
        epoch=record.number,
        as_of_ms=record.as_of_ms,
        age_ms=roots.age_ms,
        challenge=challenge,
        statement=digest.hex(),
        key=KeyLabel(pinned.vk_id, pinned.development, pinned.contributions),
        circuit=circuit,
        backend=chosen,
        labels=account_labels(venue_pinned=venue_pinned),
    )


def check_published(snapshot: Snapshot, params: Params, record: Record, policy: Policy, now_ms: int) -> PublishedRoots:
    """Return the roots recomputed from published data, each equal to the one in the signed record.

    Raises
    ------
    Refusal
        ``record_signature_invalid``, ``wrong_venue``, ``venue_key_not_pinned``; ``profile_mismatch``,
        ``time_mismatch``, ``from_the_future``, ``stale``; ``snapshot_mismatch``, ``params_mismatch``,
        ``risk_root_mismatch``. In this order: what costs little comes first.
    InputError
        The parameters lack an underlying or an asset of the market.
    """
    policy.require_venue(record.venue_public_key)
    record.verify_signature()
    if snapshot.profile != record.profile:
        raise refuse("profile_mismatch", f"market {snapshot.profile}, record {record.profile}")
    if snapshot.time_ms != record.as_of_ms:
        raise refuse("time_mismatch", f"market {snapshot.time_ms} ms, record {record.as_of_ms} ms")
    age_ms = policy.require_fresh(record.as_of_ms, record.signed_at_ms, now_ms)
    if snapshot_hash(snapshot) != int(record.snapshot_hash):
        raise refuse("snapshot_mismatch")
    params_root = margin_params(params, snapshot).root()
    if params_root != int(record.params_root):
        raise refuse("params_mismatch")
    risk_root = build_risk_array(snapshot, params).root()
    if risk_root != int(record.risk_root):
        raise refuse("risk_root_mismatch")
    return PublishedRoots(risk_root, params_root, int(record.book_root), age_ms)


def _rebuilt(claimed: Statement, roots: PublishedRoots, context: int) -> Statement:
    """Return the statement that published data and challenge make, with the claimed verdict and threshold."""
    rebuilt = Statement(
        verdict=claimed.verdict,
        risk_root=roots.risk_root,
        params_root=roots.params_root,
        book_root=roots.book_root,
        threshold_bps=claimed.threshold_bps,
        context=context,
    )
    for name in Statement.names():
        if getattr(claimed, name) != getattr(rebuilt, name):
            raise refuse("wrong_challenge") if name == "context" else refuse("statement_mismatch", name)
    return rebuilt
