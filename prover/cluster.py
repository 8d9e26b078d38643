"""Scale-out: the jobs of an epoch on a Dask cluster of the venue's own machines.

A job carries positions, so the transport is TLS unless every end is on loopback; and it goes only to workers that were
started with the resource ``zkm2m`` - other workers of a shared cluster never see it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from prover.epoch_jobs import EpochTask, Job, JobResult, do_job
from prover.workers import MAX_ATTEMPTS, Failed, Started
from rtnet_core.errors import InputError, ToolError

if TYPE_CHECKING:
    from distributed import Client

#: Resource of a worker that may do one job at a time: ``dask worker ... --resources zkm2m=1``.
RESOURCE: Final = "zkm2m"
_CONNECT_TIMEOUT_S: Final = 30


class ClusterWorkers:
    """The workers of a Dask scheduler; they may join, leave and die while jobs run.

    Parameters
    ----------
    address
        ``tls://HOST:PORT``, or ``tcp://`` on loopback.
    tls_ca, tls_cert, tls_key
        Files of the transport's certificates; left out, Dask's own configuration decides.

    Raises
    ------
    InputError
        The address is none, or would carry positions over a network without TLS.
    ToolError
        Dask is not installed, the scheduler does not answer, or no worker has the resource.
    """

    def __init__(
        self, address: str, *, tls_ca: Path | None = None, tls_cert: Path | None = None, tls_key: Path | None = None
    ) -> None:
        self._address = check_address(address)
        self._tls = (tls_ca, tls_cert, tls_key)
        self._client: Client | None = None
        self.count = 0

    def __enter__(self) -> Self:
        try:
            from distributed import Client, Security
        except ImportError as error:
            raise ToolError("a cluster needs Dask: pip install 'zk-m2m[cluster]'") from error
        options: dict[str, Any] = {}
        if self._address.startswith("tls://"):
            ca, cert, key = (None if path is None else str(path) for path in self._tls)
            given = {"tls_ca_file": ca, "tls_client_cert": cert, "tls_client_key": key}
            chosen = {name: value for name, value in given.items() if value is not None}
            options["security"] = Security(require_encryption=True, **chosen)
        try:
            self._client = Client(self._address, timeout=_CONNECT_TIMEOUT_S, set_as_default=False, **options)
        except (OSError, ValueError, TypeError) as error:
            raise ToolError(f"the scheduler {self._address} does not answer: {error}") from error
        self.count = self._capacity()
        if not self.count:
            self.__exit__(None, None, None)
            raise ToolError(
                f"the cluster at {self._address} has no worker for proofs: start them with "
                f"`dask worker {self._address} --nthreads 1 --resources {RESOURCE}=1`"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def do(self, task: EpochTask, jobs: Iterable[Job], started: Started, failed: Failed) -> Iterator[JobResult]:
        """Yield the results in the order in which they come; see `prover.workers.Workers.do`."""
        from distributed import KilledWorker, as_completed

        client = self._connected()
        waiting = iter(jobs)
        running: dict[Any, Job] = {}

        def submit(job: Job) -> Any:
            started(job, f"cluster {self._address}")
            future = client.submit(
                do_job,
                task,
                job,
                key=f"zkm2m-{task.context:x}-{job.level}-{job.number}-{id(job):x}",
                pure=False,
                resources={RESOURCE: 1},
            )
            running[future.key] = job
            return future

        # One job for each worker, and one more each that is already there when the first is done.
        first = [submit(job) for _, job in zip(range(2 * self.count), waiting, strict=False)]
        queue = as_completed(first, loop=client.loop)
        for future in queue:
            job = running.pop(future.key)
            try:
                result: JobResult = future.result()
            except KilledWorker:
                failed(job, "cluster workers died")
                raise ToolError(
                    f"{job.name}: workers that had it died {MAX_ATTEMPTS} times; is there enough memory?"
                ) from None
            future.release()
            yield result
            self.count = max(self._capacity(), 1)
            while len(running) < 2 * self.count and (following := next(waiting, None)) is not None:
                queue.add(submit(following))

    def _connected(self) -> Client:
        if self._client is None:
            raise ToolError("the connection to the cluster is not open")
        return self._client

    def _capacity(self) -> int:
        workers = self._connected().scheduler_info(n_workers=-1)["workers"].values()
        return sum(int(worker.get("resources", {}).get(RESOURCE, 0)) for worker in workers)


def check_address(address: str) -> str:
    """Return a scheduler's address that is safe to send positions to.

    Raises
    ------
    InputError
        It is no ``tcp://HOST:PORT`` or ``tls://HOST:PORT``, or is ``tcp://`` and not on loopback.

    Examples
    --------
    >>> check_address("tcp://127.0.0.1:8786"), check_address("tls://prover-0.example:8786")
    ('tcp://127.0.0.1:8786', 'tls://prover-0.example:8786')
    """
    rule = "must be tls://HOST:PORT, or tcp://HOST:PORT on loopback"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port and not parts.path.strip("/")
    except ValueError:
        usable = False
    if not usable:
        raise InputError("cluster", rule, address)
    if parts.scheme == "tcp" and not _is_loopback(str(parts.hostname)):
        raise InputError("cluster", f"{rule}: jobs carry positions", address)
    return address


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
