"""What a broken or hostile worker gives back must not reach the store: everything is checked where it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from prover.epoch_jobs import EpochTask, Job, JobResult, OpenTotals, do_job
from prover.store import Store
from prover.workers import MAX_ATTEMPTS, Failed, LocalWorkers, Started
from rtnet_core.errors import InputError, ToolError
from tests.support.epochs import house

Tamper = Callable[[JobResult, list[JobResult]], JobResult]


class Hostile:
    """Does jobs in this process and changes the second batch's result."""

    count = 1

    def __init__(self, tamper: Tamper) -> None:
        self._tamper = tamper

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def do(
        self,
        task: EpochTask,
        jobs: Iterable[Job],
        started: Started,
        failed: Failed,  # noqa: ARG002 - of the protocol; no worker dies here
    ) -> Iterator[JobResult]:
        """Yield results, the second one tampered with."""
        earlier: list[JobResult] = []
        for job in jobs:
            started(job, "hostile")
            result = do_job(task, job)
            yield self._tamper(result, earlier) if len(earlier) == 1 else result
            earlier.append(result)


def _richer(result: JobResult, _earlier: list[JobResult]) -> JobResult:
    opened = OpenTotals.from_bytes(result.opening)
    changed = replace(opened.totals, deficit_ticks=opened.totals.deficit_ticks + 1)
    return replace(result, opening=OpenTotals(changed, opened.blinding).to_bytes())


def _richer_throughout(result: JobResult, earlier: list[JobResult]) -> JobResult:
    changed = _richer(result, earlier)
    signals = list(result.signals)
    signals[1] = OpenTotals.from_bytes(changed.opening).commitment
    return replace(changed, signals=tuple(signals))


ANOTHER_STATEMENT = "a worker proved another statement"
NO_PROOF = "does not hold"


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (_richer, ANOTHER_STATEMENT),
        (_richer_throughout, NO_PROOF),
        (lambda result, earlier: replace(result, proof=earlier[0].proof), NO_PROOF),
        (lambda result, _: replace(result, signals=(*result.signals[:-1], result.signals[-1] + 1)), ANOTHER_STATEMENT),
        (lambda result, _: replace(result, circuit="merge-small"), ANOTHER_STATEMENT),
        (lambda result, earlier: replace(earlier[0], number=result.number), ANOTHER_STATEMENT),
        (lambda _, earlier: earlier[0], "is not awaited"),
    ],
    ids=["opening", "opening and statement", "proof", "context", "circuit", "another batch", "same batch twice"],
)
def test_a39_a_result_that_is_not_what_was_asked_for_is_not_recorded(
    tmp_path: Path, tamper: Tamper, message: str
) -> None:
    venue = house(tmp_path)
    with pytest.raises(ToolError, match=message):
        venue.prove(venue.book(9), Hostile(tamper))
    assert not venue.epochs.exists()
    with Store.open(venue.store_url) as store:
        assert store.done(1, 0) == [0]


def test_a39_the_run_goes_on_with_what_holds(tmp_path: Path) -> None:
    venue = house(tmp_path)
    book = venue.book(9)
    with pytest.raises(ToolError):
        venue.prove(book, Hostile(_richer))
    assert venue.prove(book).proofs_made == 2 + 1


def test_a_worker_that_dies_again_and_again_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its job is given to others first, and the reason says what to look for."""
    venue = house(tmp_path)
    workers = LocalWorkers(1)
    submitted: list[str] = []

    def submit(task: EpochTask, job: Job) -> object:
        submitted.append(job.name)
        pool = real(task, job)
        assert workers._pool is not None
        for process in list(workers._pool._processes.values()):
            process.kill()
        return pool

    real = workers._submit
    monkeypatch.setattr(workers, "_submit", submit)
    with pytest.raises(ToolError, match=f"batch 0: worker processes died {MAX_ATTEMPTS} times"):
        venue.prove(venue.book(3), workers)
    assert submitted == ["batch 0"] * MAX_ATTEMPTS


def test_a_number_of_workers_that_is_none() -> None:
    with pytest.raises(InputError, match="workers"):
        LocalWorkers(0)
