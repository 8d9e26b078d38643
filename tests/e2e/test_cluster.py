"""Jobs on a Dask cluster of separate processes, and what must not reach one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from prover.cluster import ClusterWorkers, check_address
from prover.epoch_events import EpochEvent
from prover.paths import build_folder
from prover.store import Store
from rtnet_core.errors import InputError, ToolError
from tests.support.command_line import ROOT
from tests.support.epochs import house
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder
from verifier.keystore import Keystore

pytest.importorskip("distributed", reason="Dask is not installed: pip install 'zk-m2m[cluster]'")

_START_TIMEOUT_S = 60.0


@contextmanager
def program(folder: Path, log: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Dask program in `folder` while the block runs; what it says goes to the file `log` there."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_TEMPORARY_DIRECTORY": str(folder)}
    with (folder / log).open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
            cwd=folder,
            env=environment,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def said(path: Path, pattern: str, count: int = 1) -> str:
    """Wait until a log holds `pattern` so often, and return the last match's first group."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        found = re.findall(pattern, path.read_text())
        if len(found) >= count:
            return str(found[-1])
        assert time.monotonic() < deadline, path.read_text()
        time.sleep(0.1)


def worker_words(address: str, *more: str) -> tuple[str, ...]:
    return ("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *more)


@contextmanager
def scheduler(folder: Path, *more: str) -> Iterator[str]:
    words = ("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *more)
    with program(folder, "scheduler.log", *words):
        yield said(folder / "scheduler.log", r"Scheduler at:\s+(\w+://\S+)")


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for loopback that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "zkm2m test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def test_a_cluster_over_tls(tmp_path: Path) -> None:
    venue = house(tmp_path)
    cert, key = certificate(tmp_path)
    tls = ("--tls-ca-file", str(cert), "--tls-cert", str(cert), "--tls-key", str(key))
    with ExitStack() as stack:
        address = stack.enter_context(scheduler(tmp_path, "--protocol", "tls", *tls))
        assert address.startswith("tls://")
        words = worker_words(address, "--resources", "zkm2m=1", *tls)
        stack.enter_context(program(tmp_path, "worker.log", *words))
        said(tmp_path / "scheduler.log", r"Register worker")
        workers = ClusterWorkers(address, tls_ca=cert, tls_cert=cert, tls_key=key)
        assert venue.prove(venue.book(3), workers).record.account_count == 3
        with pytest.raises(ToolError), ClusterWorkers(address.replace("tls://", "tcp://")):
            pass


def test_a52_a_cluster_worker_killed_in_mid_proof_is_replaced(tmp_path: Path) -> None:
    venue = house(tmp_path)
    book = venue.book(21)
    with ExitStack() as stack:
        address = stack.enter_context(scheduler(tmp_path))
        first, second = (
            stack.enter_context(program(tmp_path, f"worker{n}.log", *worker_words(address, "--resources", "zkm2m=1")))
            for n in range(2)
        )
        said(tmp_path / "scheduler.log", r"Register worker", 2)
        done: list[str] = []

        def kill_one(event: EpochEvent) -> None:
            if event.stage == "proving" and event.detail:
                done.append(event.detail)
                if len(done) == 1:
                    first.send_signal(signal.SIGKILL)  # it has the next job already

        result = venue.prove(book, ClusterWorkers(address), kill_one)
        assert second.poll() is None
    assert verify_epoch(EpochFolder(result.folder), keys=Keystore(build_folder() / "keys")).account_count == 21
    with Store.open(venue.store_url) as store:
        attempts = list(store.attempts(1))
    assert all(attempt.outcome == "proven" for attempt in attempts)


def test_a_worker_without_the_resource_is_never_asked(tmp_path: Path) -> None:
    with ExitStack() as stack:
        address = stack.enter_context(scheduler(tmp_path))
        stack.enter_context(program(tmp_path, "worker.log", *worker_words(address)))
        said(tmp_path / "scheduler.log", r"Register worker")
        with pytest.raises(ToolError, match="has no worker for proofs: start them with"), ClusterWorkers(address):
            pass


@pytest.mark.parametrize(
    "address",
    ["tcp://192.0.2.7:8786", "tcp://prover.example:8786", "tcp://[2001:db8::1]:8786", "tcp://0.0.0.0:8786"],
)
def test_a50_positions_do_not_travel_without_tls(address: str) -> None:
    with pytest.raises(InputError, match="jobs carry positions"):
        check_address(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8786", "http://127.0.0.1:8786", "tcp://127.0.0.1", "tls://", "tcp://x:y"]
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(InputError, match="must be tls://HOST:PORT"):
        check_address(address)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "tcp://[::1]:8786", "tcp://localhost:8786", "tls://10.0.0.1:8786"]
)
def test_an_address_that_may_be_used(address: str) -> None:
    assert check_address(address) == address


def test_a_scheduler_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prover.cluster._CONNECT_TIMEOUT_S", 1)
    with pytest.raises(ToolError, match="does not answer"), ClusterWorkers("tcp://127.0.0.1:9"):
        pass
