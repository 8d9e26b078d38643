"""``prove epoch``, end to end: book → store → proofs → signed record → one folder that anyone can check.

Everything on the way stands in the store, so a run that is killed continues where it stopped. A proof is recorded after
it was checked here, whoever made it; the record is signed after the last proof, and the folder is written after that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from prover.epoch_events import EpochEvent, Observer
from prover.epoch_jobs import EpochTask
from prover.epoch_load import LoadedBook, load_book, require_matched
from prover.epoch_proofs import EpochProofs, proof_lines
from prover.epoch_publish import publish
from prover.keys import load_keys
from prover.proof_check import ProofCheck
from prover.store import EpochIdentity, Store
from prover.workers import Workers
from rtnet_core.book_source import BookSource
from rtnet_core.epoch import UpperTree, epoch_context
from rtnet_core.epoch_record import CircuitVersion, Proven, PublishedTotals
from rtnet_core.errors import InputError
from rtnet_core.params import Params
from rtnet_core.params_root import MarginParams, margin_params
from rtnet_core.record import Record, RecordBody, sign_record
from rtnet_core.risk_array import RiskArray, build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.venue import Venue


@dataclass(frozen=True, slots=True)
class EpochRequest:
    """What an epoch is made of.

    Parameters
    ----------
    venue
        Name, key, insurance fund, threshold.
    source
        The book.
    snapshot, params
        What it is marked to.
    out
        The folder that gets a folder for each epoch.
    previous
        The record before this one.
    count_refused
        Whether rows that break a rule are left out and counted, instead of stopping the epoch.
    restart
        Whether an unfinished epoch of this number, begun with something else, is discarded.
    backend
        ``auto``, ``native`` or ``snarkjs``.
    table_bytes
        Memory that each worker process may take for the tables of each circuit's key; see `prover.backends`.
    """

    venue: Venue
    source: BookSource
    snapshot: Snapshot
    params: Params
    out: Path
    previous: Record | None = None
    count_refused: bool = False
    restart: bool = False
    backend: str = "auto"
    table_bytes: int = 0

    @property
    def number(self) -> int:
        """The epoch's number: 1, or the one after the previous record's."""
        return 1 if self.previous is None else self.previous.number + 1


@dataclass(frozen=True, slots=True)
class EpochResult:
    """A published epoch."""

    folder: Path
    record: Record
    published_bytes: int
    proofs_made: int
    seconds: float

    @property
    def proven(self) -> Proven:
        """What the proofs show."""
        return self.record.require_proven()


def prove_epoch(request: EpochRequest, store: Store, workers: Workers, observe: Observer) -> EpochResult:
    """Prove a whole book, publish the epoch's folder, and return what was published.

    Raises
    ------
    InputError
        An input breaks a rule, rows of the book are refused, another run works on this epoch, or it was begun with
        other inputs.
    ToolError
        Keys or tools are missing, or workers failed.
    """
    began = time.monotonic()
    run = _Run(request, store, workers, observe)
    if (request.out / str(request.number)).exists():
        raise InputError(str(request.out / str(request.number)), "exists already: this epoch is published")
    with store.exclusive(request.number):
        record = run.signed_record()
        size = run.publish(record)
    return EpochResult(
        request.out / str(request.number), record, size, run.proofs_made, round(time.monotonic() - began, 3)
    )


class _Run:
    def __init__(self, request: EpochRequest, store: Store, workers: Workers, observe: Observer) -> None:
        self._request = request
        self._store = store
        self._workers = workers
        self._observe = observe
        self._number = request.number
        self.proofs_made = 0
        snapshot = request.snapshot
        _require_following(request)
        self._risk: RiskArray = build_risk_array(snapshot, request.params)
        self._margin: MarginParams = margin_params(request.params, snapshot)
        self._keys = [load_keys(f"{kind}-{snapshot.profile}") for kind in ("batch", "merge")]
        self._check = ProofCheck(self._keys)
        previous = request.previous.digest() if request.previous else None
        self._context = epoch_context(request.venue.public_key, self._number, previous)
        self._task = EpochTask(
            market=snapshot.to_json_bytes(),
            params=request.params.to_json_bytes(),
            threshold_bps=request.venue.file.threshold_bps,
            context=self._context,
            backend=request.backend,
            table_bytes=request.table_bytes,
        )

    # --- the stations

    def signed_record(self) -> Record:
        """Return the epoch's record: signed by an earlier run, or after everything it stands on is in the store."""
        store, number = self._store, self._number
        signed = store.record(number)
        if signed is not None:  # an earlier run came as far as signing it
            return self._as_requested(Record.from_json(signed[1], "record"))
        if self._request.restart:
            store.discard(number)
        if store.begin(number, self._identity()).state == "loading":
            self._load()
        accounts = store.progress(number).accounts
        record = self._sign(accounts, self._prove(accounts))
        store.finish(number, record.digest(), record.to_json_bytes())
        return record

    def publish(self, record: Record) -> int:
        """Write the epoch's folder and return its size."""
        folder = self._request.out / str(self._number)
        self._observe(EpochEvent("publishing", 0, 1))
        lines = proof_lines(self._store, self._number, record.account_count, self._request.snapshot.sizes)
        size = publish(folder, record.to_json_bytes(), self._task.market, self._task.params, lines)
        self._observe(EpochEvent("publishing", 1, 1))
        return size

    def _load(self) -> None:
        store, number, snapshot = self._store, self._number, self._request.snapshot
        expected = self._request.source.expected
        self._observe(EpochEvent("loading", 0, expected))
        found = load_book(
            self._request.source,
            store,
            number,
            snapshot,
            self._risk,
            lambda done, total: self._observe(EpochEvent("loading", done, total)),
        )
        self._require_acceptable(found)
        self._require_covered(found.deficit_ticks)
        store.finish_loading(number, found.accounts, found.refused)

    def _require_acceptable(self, found: LoadedBook) -> None:
        """Refuse a book of which the proofs would be refused, before the first of them is made."""
        if found.refused and not self._request.count_refused:
            row, reason = next(iter(self._store.refusals(self._number)))
            raise InputError(
                "book",
                f"{found.refused} rows break a rule, the first is row {row} ({reason}): correct them, or let the venue "
                "count them (refused_rows in its file, or --count-refused)",
            )
        require_matched(found, self._request.snapshot)

    def _require_covered(self, deficit_ticks: int) -> None:
        if deficit_ticks > self._request.venue.file.insurance_fund_ticks:
            raise InputError(
                "insurance_fund_ticks", "must cover the deficits of all accounts: no verifier would accept this epoch"
            )

    def _prove(self, accounts: int) -> EpochProofs:
        proofs = EpochProofs(
            self._store,
            self._number,
            self._task,
            self._risk.root(),
            self._margin.root(),
            accounts,
            self._request.snapshot,
        )
        sizes = self._request.snapshot.sizes

        def observe(detail: str) -> None:
            covered = min(proofs.done(0) * sizes.batch, accounts)
            self._observe(EpochEvent("proving", proofs.done(), proofs.total, covered, accounts, detail))

        self.proofs_made = proofs.make(self._workers, self._check, observe)
        return proofs

    # --- what is signed

    def _as_requested(self, record: Record) -> Record:
        """Return a record that was signed before, if it is about what is asked for now."""
        for field, found, asked in (
            ("market", record.snapshot_hash, str(self._risk.snapshot_hash)),
            ("params", record.params_root, str(self._margin.root())),
            ("venue", record.signature.public_key, self._request.venue.public_key.hex()),
        ):
            if found != asked:
                raise InputError(
                    field, f"must be the one that epoch {self._number} was signed with; only its folder is missing"
                )
        return record

    def _identity(self) -> EpochIdentity:
        request = self._request
        return EpochIdentity(
            venue_public_key=request.venue.public_key.hex(),
            snapshot_hash=str(self._risk.snapshot_hash),
            params_root=str(self._margin.root()),
            book_fingerprint=request.source.fingerprint(),
            threshold_bps=request.venue.file.threshold_bps,
            previous=request.previous.digest().hex() if request.previous else "",
            profile=request.snapshot.profile,
            circuit_versions=" ".join(f"{keys.circuit}:{keys.r1cs_sha256}:{keys.vk_id}" for keys in self._keys),
        )

    def _sign(self, accounts: int, proofs: EpochProofs) -> Record:
        request, snapshot = self._request, self._request.snapshot
        venue, opening = request.venue.file, proofs.opening()
        self._require_covered(opening.totals.deficit_ticks)  # the fund may be another than when the book was loaded
        proven = Proven(
            threshold_bps=venue.threshold_bps,
            insurance_fund_ticks=str(venue.insurance_fund_ticks),
            refused_rows=self._store.progress(self._number).refused,
            circuits={
                keys.circuit: CircuitVersion(r1cs_sha256=keys.r1cs_sha256, vk_id=keys.vk_id)
                for keys in self._keys
                if keys.circuit in proofs.circuits
            },
            totals=PublishedTotals.of(opening.totals, opening.blinding, snapshot),
        )
        body = RecordBody(
            venue=venue.name,
            number=self._number,
            as_of_ms=snapshot.time_ms,
            signed_at_ms=time.time_ns() // 1_000_000,
            profile=snapshot.profile,
            snapshot_hash=str(self._risk.snapshot_hash),
            params_root=str(self._margin.root()),
            risk_root=str(self._risk.root()),
            book_root=str(UpperTree(proofs.batch_roots(), accounts, snapshot.sizes).book_root),
            account_count=accounts,
            previous=request.previous.digest().hex() if request.previous else None,
            proven=proven,
        )
        return sign_record(body, request.venue.key)


def _require_following(request: EpochRequest) -> None:
    """Refuse a snapshot or a venue that cannot come after the previous record."""
    previous = request.previous
    if previous is None:
        return
    if previous.venue_public_key != request.venue.public_key:
        raise InputError("previous", "must be signed by this venue's key", previous.venue_public_key.hex())
    if previous.as_of_ms >= request.snapshot.time_ms:
        raise InputError(
            "market", f"must be later than the previous epoch's {previous.as_of_ms} ms", request.snapshot.time_ms
        )
