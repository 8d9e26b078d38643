"""Whole epochs at profile standard: loading, proving (killed once, and resumed), verifying, inclusion files.

Run by ``make bench-epoch``; it takes long, because ten thousand accounts are proven for real. Above `PROVEN_ACCOUNTS`
only loading is measured and proving is estimated from a sample of batches, which the result says.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.measure import machine, run_process, time_call
from benchmarks.tables import RESULTS
from prover.circuits import batch_cost, table
from prover.epoch_jobs import BatchPayload, EpochTask, Job
from prover.keys import development_keys
from prover.paths import build_folder
from prover.workers import LocalWorkers
from rtnet_core.account import write_book
from rtnet_core.batch_root import batch_root
from rtnet_core.book_sample import sample_book
from rtnet_core.book_source import open_book_source
from rtnet_core.commitments import fresh_salt, leaf, user_id_field
from rtnet_core.deribit import import_chains
from rtnet_core.epoch import MARKET_NAME, RECORD_NAME
from rtnet_core.margin_exact import account_vector
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash_hex
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder
from verifier.inclusion import verify_inclusion
from verifier.keystore import Keystore

SIZES = (1_000, 10_000, 50_000)
PROVEN_ACCOUNTS = 10_000
#: Batches proven of a book that is not proven whole.
SAMPLED_BATCHES = 4
SEED = 2026
#: The run is killed when this share of the batches is proven.
KILLED_AT = 0.3
_CHAINS = ("deribit_btc_chain_20260822T035045Z.csv", "deribit_eth_chain_20260822T035045Z.csv")

Row = dict[str, Any]


def market() -> tuple[Snapshot, str]:
    """Return the market that the books are sampled on, and where it is from."""
    named = os.environ.get("ZKM2M_MARKET_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    chains = [folder / name for name in _CHAINS]
    if all(chain.is_file() for chain in chains):
        return import_chains(chains, profile="standard")[0], "Deribit option chains of 2026-08-22"
    return sample_market(SEED, "standard"), "sampled"


def measure(accounts: int, folder: Path) -> Row:
    """Return the figures of one book size; `folder` is left with the epoch that was published."""
    snapshot, source = market()
    folder.mkdir(parents=True)
    (folder / MARKET_NAME).write_bytes(snapshot.to_json_bytes())
    seconds = time_call(
        lambda: write_book(
            folder / "book",
            sample_book(snapshot, default_params(snapshot), accounts, SEED),
            snapshot_hash_hex(snapshot),
        )
    )
    print(f"{accounts:,} accounts: book sampled in {seconds:.0f} s", flush=True)
    row: Row = {"accounts": accounts, "market": source, "proven": accounts <= PROVEN_ACCOUNTS}
    row |= _loading(folder)
    print(f"{accounts:,} accounts: loaded, {row['load_seconds']} s, {row['load_peak_rss_bytes'] >> 20} MiB", flush=True)
    if row["proven"]:
        row |= _proving(folder, accounts)
        row |= _checking(folder)
    else:
        row |= _sampled_proving(folder, snapshot, accounts)
    return row


def _loading(folder: Path) -> Row:
    """Measure the book's road into the store alone, in a process of its own."""
    shutil.rmtree(folder / "load", ignore_errors=True)
    (folder / "load").mkdir()
    measured = run_process([sys.executable, "-m", "benchmarks.epoch_load", str(folder)])
    shutil.rmtree(folder / "load")
    return {"load_seconds": round(measured.seconds, 2), "load_peak_rss_bytes": measured.peak_rss_bytes}


def _command() -> list[str]:
    words = ("--book", "book", "--market", MARKET_NAME, "--out", "epochs", "--json")
    return [sys.executable, "-m", "cli", "prove", "epoch", *words]


def _proving(folder: Path, accounts: int) -> Row:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    batches = -(-accounts // 64)
    runs: list[float] = []
    peak = 0
    for kill_at in (max(1, int(KILLED_AT * batches)), None):
        begun = time.monotonic()
        process = subprocess.Popen(
            _command(), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        for line in process.stdout or ():
            event = json.loads(line)
            peak = max(peak, _tree_rss_bytes(process.pid))
            if kill_at is not None and event["event"] == "proving" and event["done"] >= kill_at:
                os.kill(process.pid, signal.SIGKILL)
                break
        process.communicate()
        code = process.returncode
        runs.append(time.monotonic() - begun)
        print(f"{accounts:,} accounts: run of {runs[-1]:.0f} s ended with {code}", flush=True)
        if kill_at is None and code:
            raise RuntimeError(f"prove epoch ended with {code}")
    status = json.loads(
        subprocess.run(
            [sys.executable, "-m", "cli", "epoch", "status", "epochs/1", "--json"],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=True,
        ).stdout
    )
    published = sum(file.stat().st_size for file in (folder / "epochs" / "1").iterdir())
    return {
        "prove_seconds": round(sum(runs), 1),
        "runs_seconds": [round(run, 1) for run in runs],
        "accounts_per_second": round(accounts / sum(runs), 2),
        "attempts": status["attempts"],
        "proofs": status["batches_done"] + status["merges_done"],
        "prove_peak_rss_bytes": peak,
        "published_bytes": published,
        "published_bytes_per_account": round(published / accounts, 1),
    }


def _sampled_proving(folder: Path, snapshot: Snapshot, accounts: int) -> Row:
    """Measure the rate on the first batches of the book, proven as a book of their own shape by the same workers."""
    params = default_params(snapshot)
    head = list(islice(open_book_source(str(folder / "book")).rows(), SAMPLED_BATCHES * snapshot.sizes.batch))
    task = EpochTask(snapshot.to_json_bytes(), params.to_json_bytes(), 10_000, 1)
    jobs = []
    for number in range(SAMPLED_BATCHES):
        rows = head[number * snapshot.sizes.batch : (number + 1) * snapshot.sizes.batch]
        members = [row.account for row in rows if row.account is not None]
        salts = [fresh_salt() for _ in members]
        leaves = [
            leaf(user_id_field(member.id), salt, account_vector(member, snapshot))
            for member, salt in zip(members, salts, strict=True)
        ]
        payload = BatchPayload(tuple(members), tuple(salts), fresh_salt())
        jobs.append(Job(0, number, payload.to_bytes(), batch_root(leaves, snapshot.sizes)))
    with LocalWorkers() as workers:
        list(workers.do(task, jobs[: workers.count], lambda *_: None, lambda *_: None))  # circuits and keys loaded
        seconds = time_call(lambda: list(workers.do(task, jobs, lambda *_: None, lambda *_: None)))
    rate = len(head) / seconds
    return {
        "sampled_accounts": len(head),
        "accounts_per_second": round(rate, 2),
        "prove_seconds": round(accounts / rate, 1),
    }


def _checking(folder: Path) -> Row:
    epoch = folder / "epochs" / "1"
    keys = Keystore(build_folder() / "keys")
    verifying = [time_call(lambda: verify_epoch(EpochFolder(epoch), keys=keys)) for _ in range(3)]
    inclusions = folder / "inclusions"
    words = ("inclusion", "export", "--epoch", str(epoch), "--all", "--out", str(inclusions), "--json")
    exported = run_process([sys.executable, "-m", "cli", *words])
    record = Record.from_json((epoch / RECORD_NAME).read_bytes(), RECORD_NAME)
    snapshot = Snapshot.from_json((epoch / MARKET_NAME).read_bytes(), MARKET_NAME)
    files = sorted(inclusions.iterdir())[:: max(1, record.account_count // 20)]
    one = [
        time_call(lambda file=file: verify_inclusion(file.read_bytes(), record=record, snapshot=snapshot))
        for file in files
    ]
    return {
        "verify_seconds": round(statistics.median(verifying), 3),
        "inclusion_export_seconds": round(exported.seconds, 2),
        "inclusion_verify_seconds": round(statistics.median(one), 4),
    }


def _tree_rss_bytes(pid: int) -> int:
    """Return the resident memory of a process and everything below it, 0 where the system does not say."""
    total, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        try:
            fields = Path(f"/proc/{process}/statm").read_text().split()
            total += int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
            for task in Path(f"/proc/{process}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return total


def main() -> None:
    """Measure every size, and write ``benchmarks/results/epoch.json`` after each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--accounts", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--folder", type=Path, default=build_folder() / "bench-epoch")
    chosen = parser.parse_args()
    for circuit in ("batch-standard", "merge-standard"):
        development_keys(circuit)
    shutil.rmtree(chosen.folder, ignore_errors=True)
    rows: list[Row] = []
    for accounts in chosen.accounts:
        rows.append(measure(accounts, chosen.folder / str(accounts)))
        cost = batch_cost(table(["batch-standard"])[0])
        content = {"machine": machine(), "constraints": asdict(cost), "sizes": rows}
        (RESULTS / "epoch.json").write_text(json.dumps(content, indent=2) + "\n")
        print(json.dumps(rows[-1], indent=2), flush=True)


if __name__ == "__main__":
    main()
