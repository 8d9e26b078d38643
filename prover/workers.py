"""Who does the jobs of an epoch: processes of this machine, or the machines of a Dask cluster (`prover.cluster`).

Workers come and go: a job whose worker dies is given to another one, a few times, before the run gives up.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Final, Protocol, Self

from prover.epoch_jobs import EpochTask, Job, JobResult, do_job
from rtnet_core.errors import InputError, ToolError

#: How often a job is given to a worker before the run gives up.
MAX_ATTEMPTS: Final = 3
#: What the native prover reads for its number of threads.
_THREADS_VARIABLE: Final = "RAYON_NUM_THREADS"

#: Told which job begins, and who does it.
Started = Callable[[Job, str], None]
#: Told which job a worker did not finish, and why.
Failed = Callable[[Job, str], None]


class Workers(Protocol):
    """Does jobs, several at a time; a context manager."""

    #: How many jobs are done at a time.
    count: int

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop every worker of this run."""

    def do(self, task: EpochTask, jobs: Iterable[Job], started: Started, failed: Failed) -> Iterator[JobResult]:
        """Yield the results in the order in which they come.

        Jobs are taken from the iterable as workers get free, so that no more of them are in memory than are worked on.

        Raises
        ------
        ToolError
            A job failed, or its worker died, `MAX_ATTEMPTS` times.
        """


class LocalWorkers:
    """Processes of this machine that share its cores; each keeps circuit and key loaded.

    Parameters
    ----------
    count
        How many; None is one for each core.

    Raises
    ------
    InputError
        It is less than 1.
    """

    def __init__(self, count: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if count is not None and count < 1:
            raise InputError("workers", "must be at least 1", count)
        self.count = count or cores
        self._threads = max(1, cores // self.count)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def do(self, task: EpochTask, jobs: Iterable[Job], started: Started, failed: Failed) -> Iterator[JobResult]:
        """Yield the results in the order in which they come; see `Workers.do`."""
        waiting = iter(jobs)
        again: list[Job] = []
        attempts: dict[tuple[int, int], int] = {}
        running: dict[Future[JobResult], tuple[Job, ProcessPoolExecutor | None]] = {}
        while True:
            while len(running) < self.count and (job := again.pop() if again else next(waiting, None)) is not None:
                attempts[job.level, job.number] = attempts.get((job.level, job.number), 0) + 1
                started(job, f"process of {os.getpid()}")
                future = self._submit(task, job)
                running[future] = job, self._pool
            if not running:
                return
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                job, pool = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    failed(job, "a worker process died")
                    if attempts[job.level, job.number] >= MAX_ATTEMPTS:
                        raise ToolError(
                            f"{job.name}: worker processes died {MAX_ATTEMPTS} times; is there enough memory?"
                        ) from None
                    again.append(job)
                    # The dead worker's neighbours are told one after another: the pool may be a new one by then.
                    if pool is self._pool:
                        self._stop()

    def _submit(self, task: EpochTask, job: Job) -> Future[JobResult]:
        for _ in range(MAX_ATTEMPTS):
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self.count, multiprocessing.get_context("spawn"), _begin, (self._threads,)
                )
            try:
                return self._pool.submit(do_job, task, job)
            except BrokenProcessPool:  # it died between two jobs
                self._stop()
        raise ToolError("worker processes die as soon as they start: is there enough memory?")

    def _stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((pool._processes or {}).values())  # there is no public way to end a busy worker
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()


def _begin(threads: int) -> None:
    """Set a worker process up: its share of the cores, and an end together with the process that started it."""
    os.environ[_THREADS_VARIABLE] = str(threads)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)  # the interpreter's own exit would wait for the work under way
