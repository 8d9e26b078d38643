"""Native prover and snarkjs on the account circuits, side by side in one run, process to process and warm."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.account import account_witness
from benchmarks.measure import Measurement, median, run_process
from prover.circuits import build
from prover.keys import load_keys
from prover.toolchain import node_program, tool_command

CIRCUITS = ("account-small", "account-standard")
COLD_RUNS = 3
WARM_RUNS = 5

Row = dict[str, Any]


def measure_prover(report: Any = print) -> list[Row]:
    """Return one row for each circuit, backend and mode: medians of runs that took turns."""
    rows: list[Row] = []
    for circuit in CIRCUITS:
        report(f"prover: {circuit}")
        constraints, key = build(circuit).constraints, str(load_keys(circuit).proving_key)
        with tempfile.TemporaryDirectory() as folder:
            witness = Path(folder) / "witness.wtns"
            witness.write_bytes(account_witness(circuit.removeprefix("account-")))
            outputs = [f"{folder}/proof.json", f"{folder}/public.json"]
            commands = {
                "native": [sys.executable, "-m", "benchmarks.prove_once", key, str(witness), *outputs],
                "snarkjs": [*tool_command("snarkjs"), "groth16", "prove", key, str(witness), *outputs],
            }
            cold: dict[str, list[Measurement]] = {backend: [] for backend in commands}
            for _ in range(COLD_RUNS):
                for backend, command in commands.items():
                    cold[backend].append(run_process(command))
            warm = {
                "native": [
                    sys.executable,
                    "-m",
                    "benchmarks.prove_once",
                    "--repeat",
                    str(WARM_RUNS),
                    key,
                    str(witness),
                ],
                "snarkjs": [node_program(), "benchmarks/snarkjs_warm.mjs", str(WARM_RUNS), key, str(witness)],
            }
            for backend, command in warm.items():
                figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                run = Measurement(statistics.median(figures["seconds"]), figures["peak_rss_bytes"])
                rows.append(_row(circuit, constraints, backend, "cold", median(cold[backend])))
                rows.append(_row(circuit, constraints, backend, "warm", run))
    return rows


def _row(circuit: str, constraints: int, backend: str, mode: str, run: Measurement) -> Row:
    return {
        "circuit": circuit,
        "constraints": constraints,
        "backend": backend,
        "mode": mode,
        "seconds": round(run.seconds, 4),
        "peak_rss_bytes": run.peak_rss_bytes,
    }
