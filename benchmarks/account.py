"""The account proof stage by stage: set-up, pricing, witness, check, proof, verification by both paths."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import time_call
from prover.account_proof import AccountProver, CommittedAccount, committed_account
from prover.backends import native_available
from prover.circuits import build
from prover.inputs import account_inputs, account_statement
from prover.keys import make_development_keys
from prover.witness_cpp import open_calculator
from rtnet_core.account import write_book
from rtnet_core.book_commit import commit_book
from rtnet_core.book_sample import sample_book
from rtnet_core.market_sample import sample_market
from rtnet_core.params import Params, default_params
from rtnet_core.record import Record
from rtnet_core.risk_array import build_risk_array, risk_root
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash, snapshot_hash_hex
from rtnet_core.venue_key import read_venue_key, write_venue_key
from verifier.account import verify_account
from verifier.keystore import Keystore

SEED = 2026
ACCOUNTS = 40
ACCOUNT = "acct-000005"
THRESHOLD_BPS = 10_000
CHALLENGE = "benchmark"
RUNS = 5

Row = dict[str, Any]


def sampled_account(profile: str, folder: Path) -> tuple[Snapshot, Params, Record, CommittedAccount]:
    """Return a sampled market with an account of a sampled, committed book, which is left in `folder`."""
    snapshot = sample_market(SEED, profile)
    params = default_params(snapshot)
    write_book(folder / "book", sample_book(snapshot, params, ACCOUNTS, SEED), snapshot_hash_hex(snapshot))
    write_venue_key(folder / "venue.pem")
    record = commit_book(folder / "book", snapshot, params, read_venue_key(folder / "venue.pem"), venue="Benchmark")
    return snapshot, params, record, committed_account(ACCOUNT, folder / "book", snapshot, params)


def account_witness(profile: str) -> bytes:
    """Return the witness of the benchmark's account, in .wtns form."""
    with tempfile.TemporaryDirectory() as name:
        *_, account = sampled_account(profile, Path(name))
    statement = account_statement(account.vector, account.place, account.risk, account.params, THRESHOLD_BPS, 1)
    with open_calculator(build(f"account-{profile}")) as calculator:
        return calculator.calculate(
            account_inputs(account.vector, account.place, account.risk, account.params, statement)
        )


def measure_account(report: Any = print, profile: str = "standard") -> list[Row]:
    """Return {stage, seconds} rows: medians, but for the set-up, which is made once."""
    report(f"account: {profile}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = build(f"account-{profile}")
        if native_available():
            seconds = time_call(lambda: make_development_keys(folder / "keys", built))
            rows.append(_row("development keys, native", seconds))
        snapshot, params, record, account = sampled_account(profile, folder)
        rows.append(
            _row("risk array from the market, exact engine", time_call(lambda: build_risk_array(snapshot, params)))
        )
        begun = time.perf_counter()
        with AccountProver(profile) as prover:
            rows.append(_row("prover loaded: circuit, checker, key", time.perf_counter() - begun))
            proofs = [account.prove(prover, THRESHOLD_BPS, CHALLENGE) for _ in range(RUNS + 1)][1:]
        for stage in ("witness", "check", "proof", "verification"):
            label = f"{stage} ({proofs[0].backend})" if stage in ("proof", "verification") else stage
            rows.append(_row(f"warm prover: {label}", statistics.median(proof.seconds[stage] for proof in proofs)))
        for backend in ("native", "reference") if native_available() else ("reference",):

            def verify(backend: Any = backend) -> None:
                snapshot_hash.cache_clear()  # a recipient's process has computed nothing yet
                risk_root.cache_clear()
                verify_account(
                    proofs[0].to_json_bytes(),
                    snapshot=snapshot,
                    params=params,
                    record=record,
                    challenge=CHALLENGE,
                    keys=Keystore(Path("build/keys")),
                    backend=backend,
                )

            seconds = [time_call(verify) for _ in range(RUNS)]
            path = "py_ecc" if backend == "reference" else backend
            rows.append(_row(f"verify a bundle, everything recomputed ({path})", statistics.median(seconds)))
    return rows


def _row(stage: str, seconds: float) -> Row:
    return {"stage": stage, "seconds": round(seconds, 4)}
