"""The verdict on an epoch: all that is published is rebuilt, then every proof is checked, many of them at once.

Statements are made here from the record, the market and the parameters. Of ``proofs.jsonl`` only batch roots,
commitments and the proofs themselves are taken: the roots must make the book root, the last commitment must open to
the totals that the venue signed, and each proof must hold for the statement that these make.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rtnet_core.epoch import (
    BatchStatement,
    MergeStatement,
    UpperTree,
    batch_sizes,
    epoch_context,
    merge_children,
)
from rtnet_core.epoch_record import Proven
from rtnet_core.errors import Refusal
from rtnet_core.record import Record
from rtnet_core.reserves import Reserves
from rtnet_core.snapshot import Snapshot, slots
from rtnet_core.totals import Totals
from verifier.account import PublishedRoots, check_published
from verifier.chain import require_follows
from verifier.epoch_files import EpochFolder, ProofLine, circuit_of
from verifier.epoch_verdict import CircuitLine, EpochVerdict, epoch_labels
from verifier.groth16 import Backend, Proof, chosen_backend, verify_many
from verifier.keystore import Keystore, PinnedKey
from verifier.policy import Policy
from verifier.reasons import REASONS, refuse
from verifier.reserves import check_reserves, liabilities
from verifier.verdict import KeyLabel

#: Proofs that are held and checked together.
CHUNK: Final = 256


@dataclass(frozen=True, slots=True)
class _Claims:
    """What the proofs of an epoch claim, taken from the file once: batch roots, and commitments of each level."""

    batch_roots: list[int]
    commitments: list[list[int]]


def verify_epoch(
    folder: EpochFolder,
    *,
    keys: Keystore,
    policy: Policy | None = None,
    previous: Record | None = None,
    reserves: Reserves | None = None,
    backend: Backend = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> EpochVerdict:
    """Return the verdict on an epoch, which is always an accepted one.

    All that is cheap comes before the first pairing. Reserves that do not suffice are no refusal; `covered` of the
    verdict tells.

    Parameters
    ----------
    folder
        The epoch's public folder.
    keys
        The recipient's own verifying keys.
    policy
        The recipient's conditions. An age limit holds only where one is given, in production too: an epoch remains
        verifiable.
    previous
        The record before this one, where it is at hand.
    reserves
        The venue's reserves file of this epoch.
    backend
        See `verifier.groth16.verify_many`.
    progress
        Called with (proofs checked, proofs).

    Raises
    ------
    Refusal
        ``not_an_epoch_record``; the codes of `check_published`, `require_follows`, `check_reserves`,
        `EpochFolder.proofs` and `Keystore.key`; ``circuits_mismatch``, ``wrong_circuit_version``, ``unknown_key``,
        ``development_key``, ``key_not_ceremonial``; ``threshold_mismatch``; ``book_root_mismatch``,
        ``totals_mismatch``, ``net_position``, ``deficit_exceeds_fund``; the codes of `Proof.from_json` and
        ``proof_invalid``, which name the proof.
    InputError
        The parameters or the totals do not fit the market, or a file cannot be read.
    ToolError
        The native backend was asked for and is missing or failed.
    """
    started = time.perf_counter()
    policy = (policy or Policy()).without_default_age()
    chosen = chosen_backend(backend)
    record, snapshot = folder.record, folder.snapshot
    if record.proven is None:
        raise refuse("not_an_epoch_record")
    roots = check_published(snapshot, folder.params, record, policy, policy.clock_ms())
    if previous is not None:
        require_follows(record, previous)
    policy.require_threshold(record.proven.threshold_bps)
    pinned = _pinned_keys(folder, record.proven, keys, policy)
    totals = record.proven.totals.totals(snapshot)
    claims = _claims(folder)
    _require_totals(record.proven, totals, claims, snapshot)
    if UpperTree(claims.batch_roots, record.account_count, folder.sizes).book_root != roots.book_root:
        raise refuse("book_root_mismatch")
    report = None if reserves is None else check_reserves(reserves, record, snapshot, totals)
    counts = _check_proofs(folder, _Statements(folder, record.proven, roots, claims), pinned, chosen, progress)
    venue_pinned = policy.venue_public_key is not None
    return EpochVerdict(
        accepted=True,
        venue=record.venue,
        venue_public_key=record.venue_public_key.hex(),
        venue_pinned=venue_pinned,
        number=record.number,
        digest=record.digest().hex(),
        as_of_ms=record.as_of_ms,
        signed_at_ms=record.signed_at_ms,
        age_ms=roots.age_ms,
        profile=record.profile,
        account_count=record.account_count,
        refused_rows=record.proven.refused_rows,
        threshold_bps=record.proven.threshold_bps,
        below_threshold=totals.below_threshold,
        shortfall_e8=totals.shortfall_e8,
        deficit_accounts=totals.deficit_accounts,
        deficit_ticks=totals.deficit_ticks,
        insurance_fund_ticks=int(record.proven.insurance_fund_ticks),
        cash_ticks=totals.cash_ticks,
        liabilities=liabilities(totals, snapshot),
        previous=record.previous,
        previous_checked=previous is not None,
        circuits=tuple(
            CircuitLine(
                circuit=name,
                version=key.circuit_version,
                key=KeyLabel(key.vk_id, key.development, key.contributions),
                proofs=counts[name],
            )
            for name, key in pinned.items()
        ),
        reserves=report,
        unchecked=folder.unchecked(),
        backend=chosen,
        seconds=time.perf_counter() - started,
        labels=epoch_labels(venue_pinned=venue_pinned),
    )


def _pinned_keys(folder: EpochFolder, proven: Proven, keys: Keystore, policy: Policy) -> dict[str, PinnedKey]:
    """Return the recipient's key of each circuit, which the record must name without having a say in it."""
    merges = folder.proof_count() > 1
    circuits = [circuit_of(level, folder.record.profile) for level in range(2 if merges else 1)]
    if set(proven.circuits) != set(circuits):
        named = ", ".join(sorted(proven.circuits)) or "none"
        raise refuse("circuits_mismatch", f"named {named[:200]}; called for {', '.join(circuits)}")
    pinned = {}
    for name in circuits:
        stated, key = proven.circuits[name], keys.key(name)
        policy.require_key(key)
        if stated.r1cs_sha256 != key.circuit_version:
            raise refuse(
                "wrong_circuit_version", f"{name}: record {stated.r1cs_sha256[:16]}, key {key.circuit_version[:16]}"
            )
        if stated.vk_id != key.vk_id:
            raise refuse("unknown_key", f"{name}: record {stated.vk_id[:16]}, pinned {key.vk_id[:16]}")
        pinned[name] = key
    return pinned


def _claims(folder: EpochFolder) -> _Claims:
    claims = _Claims([], [])
    for line in folder.proofs():
        if line.number == 0:
            claims.commitments.append([])
        claims.commitments[-1].append(line.totals)
        if line.batch_root is not None:
            claims.batch_roots.append(line.batch_root)
    return claims


def _require_totals(proven: Proven, totals: Totals, claims: _Claims, snapshot: Snapshot) -> None:
    """Refuse totals that are not those of the last proof, or of a book that is not balanced and covered."""
    (top,) = claims.commitments[-1]
    if totals.commitment(int(proven.totals.blinding)) != top:
        raise refuse("totals_mismatch")
    for instrument, lots in zip(slots(snapshot), totals.net_lots, strict=True):
        if lots:
            name = "an empty slot" if instrument is None else instrument.name
            raise refuse("net_position", f"{name}: {lots:+} lots")
    if totals.deficit_ticks > int(proven.insurance_fund_ticks):
        detail = f"deficit {totals.deficit_ticks} ticks, fund {proven.insurance_fund_ticks} ticks"
        raise refuse("deficit_exceeds_fund", detail)


class _Statements:
    """The public signals of every proof, made from published data and from what was claimed before."""

    def __init__(self, folder: EpochFolder, proven: Proven, roots: PublishedRoots, claims: _Claims) -> None:
        record = folder.record
        self._sizes = folder.sizes
        self._counts = batch_sizes(record.account_count, folder.sizes)
        self._threshold_bps = proven.threshold_bps
        self._roots = roots
        self._claims = claims
        self._context = epoch_context(record.venue_public_key, record.number, record.previous_digest)

    def signals(self, level: int, number: int) -> list[int]:
        """Return the public signals of one proof."""
        totals = self._claims.commitments[level][number]
        if level:
            children = merge_children(self._claims.commitments[level - 1], number, self._sizes)
            return MergeStatement(totals, children, self._context).public_signals()
        return BatchStatement(
            batch_root=self._claims.batch_roots[number],
            totals=totals,
            risk_root=self._roots.risk_root,
            params_root=self._roots.params_root,
            threshold_bps=self._threshold_bps,
            account_count=self._counts[number],
            context=self._context,
        ).public_signals()


def _check_proofs(
    folder: EpochFolder,
    statements: _Statements,
    pinned: Mapping[str, PinnedKey],
    backend: Backend,
    progress: Callable[[int, int], None] | None,
) -> dict[str, int]:
    """Return how many proofs each circuit has, all of which hold; the first that does not is named."""
    counts = dict.fromkeys(pinned, 0)
    done, of_all = 0, folder.proof_count()
    for chunk in _chunks(folder.proofs()):
        circuit = chunk[0].circuit
        proofs = [_proof(line) for line in chunk]
        publics = [statements.signals(line.level, line.number) for line in chunk]
        failing = verify_many(pinned[circuit].key, publics, proofs, backend)
        if failing is not None:
            raise refuse("proof_invalid", chunk[failing].name)
        counts[circuit] += len(chunk)
        done += len(chunk)
        if progress:
            progress(done, of_all)
    return counts


def _chunks(lines: Iterator[ProofLine]) -> Iterator[list[ProofLine]]:
    """Yield runs of proofs of one circuit, at most `CHUNK` each."""
    held: list[ProofLine] = []
    for line in lines:
        if held and (line.circuit != held[0].circuit or len(held) == CHUNK):
            yield held
            held = []
        held.append(line)
    if held:
        yield held


def _proof(line: ProofLine) -> Proof:
    try:
        return Proof.from_json(line.proof)
    except Refusal as refusal:
        detail = refusal.message.removeprefix(REASONS[refusal.code]).strip(" ()")
        raise refuse(refusal.code, f"{line.name}: {detail}") from None
