"""The proofs of one epoch in the store: which there must be, making those that are missing, and what they open to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from prover.epoch_jobs import EpochTask, Job, JobResult, OpenTotals
from prover.epoch_load import batch_levels
from prover.epoch_publish import proof_line
from prover.proof_check import ProofCheck
from prover.store import Store
from prover.workers import Workers
from rtnet_core.commitments import fresh_salt
from rtnet_core.epoch import BatchStatement, MergeStatement, batch_sizes, level_sizes, merge_children
from rtnet_core.errors import ToolError
from rtnet_core.limits import Profile
from rtnet_core.snapshot import Snapshot

#: Told what just happened: which proof was made, or which job has to be done again and why.
Observe = Callable[[str], None]


class EpochProofs:
    """The proofs of a loaded epoch.

    Parameters
    ----------
    store, number
        Where the epoch is, and which it is.
    task
        What all its jobs share.
    risk_root, params_root
        Of the market and the parameters in `task`.
    accounts
        Of the book.
    snapshot
        What the book is marked to.
    """

    def __init__(
        self,
        store: Store,
        number: int,
        task: EpochTask,
        risk_root: int,
        params_root: int,
        accounts: int,
        snapshot: Snapshot,
    ) -> None:
        self._store = store
        self._number = number
        self._task = task
        self._risk_root = risk_root
        self._params_root = params_root
        self._sizes: Profile = snapshot.sizes
        self._batch_sizes = batch_sizes(accounts, self._sizes)
        self._levels = level_sizes(len(self._batch_sizes), self._sizes)
        self._done = [set(store.done(number, level)) for level in range(len(self._levels))]
        self._commitments: list[list[int]] = []
        self._attempts: dict[tuple[int, int], int] = {}

    @property
    def total(self) -> int:
        """How many proofs the epoch has."""
        return sum(self._levels)

    @property
    def circuits(self) -> set[str]:
        """The circuits that the proofs are of."""
        return {_circuit(level, self._sizes) for level in range(len(self._levels))}

    def done(self, level: int | None = None) -> int:
        """Return how many proofs are made, of one level or of all."""
        return sum(map(len, self._done)) if level is None else len(self._done[level])

    def make(self, workers: Workers, check: ProofCheck, observe: Observe) -> int:
        """Make every proof that is missing, level by level, and return how many were.

        Raises
        ------
        ToolError
            Workers failed, or one gave a proof that does not hold or says something else.
        """
        observe("")
        made = 0
        for level, count in enumerate(self._levels):
            missing = (self._job(level, number) for number in range(count) if number not in self._done[level])
            for result in workers.do(self._task, missing, self._started, self._failed(observe)):
                self._accept(result, check)
                made += 1
                observe(Job(result.level, result.number).name)
            place = 1 if level == 0 else 0
            signals = (_signals(self._store, self._number, level, number) for number in range(count))
            self._commitments.append([entry[place] for entry in signals])
        return made

    def opening(self) -> OpenTotals:
        """Return the totals of the whole book with the blinding of the last commitment."""
        return OpenTotals.from_bytes(self._store.proof(self._number, len(self._levels) - 1, 0).secret)

    def batch_roots(self) -> list[int]:
        """Return the roots of all batches, in order."""
        return [_signals(self._store, self._number, 0, batch)[0] for batch in range(self._levels[0])]

    # --- one proof

    def _job(self, level: int, number: int) -> Job:
        if level == 0:
            payload = self._store.payload(self._number, number)
            return Job(level, number, payload=payload, batch_root=self._batch_root(number))
        first = self._sizes.merge * number
        below = range(first, min(first + self._sizes.merge, self._levels[level - 1]))
        children = tuple(self._store.proof(self._number, level - 1, child).secret for child in below)
        return Job(level, number, children=children, blinding=fresh_salt())

    def _batch_root(self, batch: int) -> int:
        return batch_levels(self._store.nodes(self._number, batch))[-1][0]

    def _started(self, job: Job, worker: str) -> None:
        self._attempts[job.level, job.number] = self._store.start_attempt(self._number, job.level, job.number, worker)

    def _failed(self, observe: Observe) -> Callable[[Job, str], None]:
        def failed(job: Job, reason: str) -> None:
            self._store.end_attempt(self._attempts[job.level, job.number], reason)
            observe(f"{job.name}: {reason}")

        return failed

    def _accept(self, result: JobResult, check: ProofCheck) -> None:
        """Record a proof after it was found to hold and to say what was asked, whoever made it."""
        commitment = OpenTotals.from_bytes(result.opening).commitment
        if list(result.signals) != self._expected(result, commitment):
            raise ToolError(f"{result.circuit}: a worker proved another statement than it was asked for")
        check.require(result.circuit, result.signals, result.proof)
        self._store.record_proof(
            self._number,
            result.level,
            result.number,
            json.dumps(result.proof).encode(),
            json.dumps([str(signal) for signal in result.signals]).encode(),
            result.opening,
        )
        self._store.end_attempt(self._attempts[result.level, result.number], "proven")
        self._done[result.level].add(result.number)

    def _expected(self, result: JobResult, commitment: int) -> list[int]:
        if result.circuit != _circuit(result.level, self._sizes):
            return []
        if result.level:
            children = merge_children(self._commitments[result.level - 1], result.number, self._sizes)
            return MergeStatement(commitment, children, self._task.context).public_signals()
        return BatchStatement(
            batch_root=self._batch_root(result.number),
            totals=commitment,
            risk_root=self._risk_root,
            params_root=self._params_root,
            threshold_bps=self._task.threshold_bps,
            account_count=self._batch_sizes[result.number],
            context=self._task.context,
        ).public_signals()


def proof_lines(store: Store, number: int, accounts: int, sizes: Profile) -> Iterator[bytes]:
    """Yield the lines of an epoch's ``proofs.jsonl``: the batches in order, then the merges level by level."""
    for level, count in enumerate(level_sizes(len(batch_sizes(accounts, sizes)), sizes)):
        for index in range(count):
            stored = store.proof(number, level, index)
            signals = tuple(int(signal) for signal in json.loads(stored.statement))
            yield proof_line(_circuit(level, sizes), level, index, signals, json.loads(stored.proof))


def _circuit(level: int, sizes: Profile) -> str:
    return f"merge-{sizes.name}" if level else f"batch-{sizes.name}"


def _signals(store: Store, number: int, level: int, index: int) -> list[int]:
    return [int(signal) for signal in json.loads(store.proof(number, level, index).statement)]
