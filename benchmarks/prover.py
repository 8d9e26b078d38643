"""The provers side by side in one run, process to process and warm, and the native one over the number of constraints.

The native prover also runs warm with its fixed-base tables.

Beside the native prover and snarkjs: ark-groth16 where a Rust toolchain is (``benchmarks/arkworks``), and rapidsnark
and snarkrs where their programs are on the PATH.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.account import account_witness
from benchmarks.chain import chain_r1cs, chain_witness
from benchmarks.measure import Measurement, median, run_process
from prover.batch_inputs import BatchAccount, batch_inputs, batch_statement
from prover.circuits import build
from prover.keys import development_keys
from prover.paths import build_folder
from prover.toolchain import node_program, tool_command
from prover.witness_cpp import open_calculator
from rtnet_core.book_sample import sample_book
from rtnet_core.commitments import fresh_salt, user_id_field
from rtnet_core.margin_exact import account_vector
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array

CIRCUITS = ("account-standard", "batch-standard")
SEED = 2026
COLD_RUNS = 3
WARM_RUNS = 5
#: The most memory of fixed-base tables, in MiB, and the mode of proofs with them.
TABLE_MIB = 1024
WARM_WITH_TABLES = "warm, with tables"
#: Sizes of the artificial circuit that the growth is measured on, as powers of two.
GROWTH = range(14, 21)
GROWTH_RUNS = 3
ARKWORKS = Path(__file__).with_name("arkworks")

Row = dict[str, Any]


def measure_prover(report: Any = print) -> list[Row]:
    """Return one row for each circuit, backend and mode: medians of runs that took turns; then the growth's rows."""
    rows: list[Row] = []
    arkworks = _arkworks_program(report)
    for circuit in CIRCUITS:
        report(f"prover: {circuit}")
        constraints, key = build(circuit).constraints, str(development_keys(circuit).proving_key)
        with tempfile.TemporaryDirectory() as folder:
            witness = Path(folder) / "witness.wtns"
            witness.write_bytes(_witness(circuit))
            cold_commands = _cold_commands(key, str(witness), folder, arkworks)
            cold: dict[str, list[Measurement]] = {backend: [] for backend in cold_commands}
            for _ in range(COLD_RUNS):
                for backend, command in cold_commands.items():
                    cold[backend].append(run_process(command))
            for backend, runs in cold.items():
                rows.append(_row(circuit, constraints, backend, "cold", median(runs)))
            for backend, command in _warm_commands(key, str(witness), arkworks).items():
                # A program that does not say how much memory it took did the same work in its cold run.
                run = _run_repeated(command, median(cold[backend]).peak_rss_bytes)
                rows.append(_row(circuit, constraints, backend, "warm", run))
            run = _run_repeated(_repeated_command(WARM_RUNS, TABLE_MIB, key, witness))
            rows.append(_row(circuit, constraints, "native", WARM_WITH_TABLES, run))
    return rows + measure_growth(report)


def measure_growth(report: Any = print) -> list[Row]:
    """Return the native prover's rows on circuits of 2^14 to 2^20 constraints, each with the exponent of all."""
    rows: list[Row] = []
    for power in GROWTH:
        report(f"prover: 2^{power} constraints")
        constraints = (1 << power) - 2  # the domain also has a row for the constant and the public wire
        with tempfile.TemporaryDirectory() as folder:
            r1cs, key, witness = (Path(folder) / name for name in ("chain.r1cs", "chain.zkey", "chain.wtns"))
            r1cs.write_bytes(chain_r1cs(constraints))
            witness.write_bytes(chain_witness(constraints))
            _native_module().dev_setup(r1cs, key)
            run = _run_repeated(_repeated_command(GROWTH_RUNS, 0, key, witness))
        rows.append(_row("chain", constraints, "native", "warm", run))
    exponent = fitted_exponent([(row["constraints"], row["seconds"]) for row in rows])
    return [row | {"growth_exponent": exponent} for row in rows]


def fitted_exponent(points: list[tuple[int, float]]) -> float:
    """Return the slope of the straight line through (log size, log seconds) by least squares.

    >>> fitted_exponent([(2, 3.0), (4, 12.0), (8, 48.0)])
    2.0
    """
    x, y = [math.log(size) for size, _ in points], [math.log(seconds) for _, seconds in points]
    return round(statistics.linear_regression(x, y).slope, 3)


def batch_witness(profile: str) -> bytes:
    """Return the witness of a sampled, full batch, in .wtns form."""
    snapshot = sample_market(SEED, profile)
    params = default_params(snapshot)
    risk, margin = build_risk_array(snapshot, params), margin_params(params, snapshot)
    accounts = [
        BatchAccount(user_id_field(account.id), fresh_salt(), account_vector(account, snapshot))
        for account in sample_book(snapshot, params, snapshot.sizes.batch, SEED)
    ]
    statement = batch_statement(accounts, 1, risk, margin, 10_000, 1)
    with open_calculator(build(f"batch-{profile}")) as calculator:
        return calculator.calculate(batch_inputs(accounts, 1, risk, margin, statement))


def _witness(circuit: str) -> bytes:
    kind, profile = circuit.split("-")
    return batch_witness(profile) if kind == "batch" else account_witness(profile)


def _native_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.prove_once", *arguments]


def _repeated_command(runs: int, table_mib: int, key: str | Path, witness: str | Path) -> list[str]:
    """Return the command that proves several times natively, with tables of so many MiB at most."""
    return _native_command("--repeat", str(runs), str(table_mib), str(key), str(witness))


def _run_repeated(command: Sequence[str], peak_rss_bytes: int = 0) -> Measurement:
    """Return the median of a program that proves several times, with its own peak memory where it says it."""
    figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return Measurement(statistics.median(figures["seconds"]), figures.get("peak_rss_bytes", peak_rss_bytes))


def _native_module() -> Any:
    import zkm2m_native

    return zkm2m_native


def _cold_commands(key: str, witness: str, folder: str, arkworks: str | None) -> dict[str, list[str]]:
    """Return the command of each backend that reads key and witness, proves, and ends."""
    outputs = [f"{folder}/proof.json", f"{folder}/public.json"]
    commands = {
        "native": _native_command(key, witness, *outputs),
        "snarkjs": [*tool_command("snarkjs"), "groth16", "prove", key, witness, *outputs],
    }
    if arkworks is not None:
        commands["ark-groth16"] = [arkworks, "1", key, witness]
    if (rapidsnark := shutil.which("rapidsnark") or shutil.which("prover")) is not None:
        commands["rapidsnark"] = [rapidsnark, key, witness, *outputs]
    if (snarkrs := shutil.which("snarkrs")) is not None:
        commands["snarkrs"] = [snarkrs, "groth16", "prove", key, witness, *outputs]
    return commands


def _warm_commands(key: str, witness: str, arkworks: str | None) -> dict[str, list[str]]:
    """Return the command of each backend that proves several times under a key that stays loaded."""
    runs = str(WARM_RUNS)
    commands = {
        "native": _repeated_command(WARM_RUNS, 0, key, witness),
        "snarkjs": [node_program(), "benchmarks/snarkjs_warm.mjs", runs, key, witness],
    }
    if arkworks is not None:
        commands["ark-groth16"] = [arkworks, runs, key, witness]
    return commands


def _arkworks_program(report: Any) -> str | None:
    """Return the program that proves by ark-groth16, built where a Rust toolchain is."""
    cargo = shutil.which("cargo")
    if cargo is None:
        report("prover: ark-groth16 is left out, there is no Rust toolchain")
        return None
    target = build_folder() / "arkworks"
    command = [cargo, "build", "--release", "--locked", "--quiet", "--target-dir", str(target)]
    subprocess.run(command, cwd=ARKWORKS, check=True)
    return str(target / "release" / "arkworks-bench")


def _row(circuit: str, constraints: int, backend: str, mode: str, run: Measurement) -> Row:
    return {
        "circuit": circuit,
        "constraints": constraints,
        "backend": backend,
        "mode": mode,
        "seconds": round(run.seconds, 4),
        "peak_rss_bytes": run.peak_rss_bytes,
    }
