"""The market proof: constraints by part, time of every stage, and recomputing the risk array beside it."""

from __future__ import annotations

import statistics
from typing import Any, Literal

from benchmarks.measure import own_peak_rss_bytes, time_call
from prover.backends import native_available
from prover.circuit_proof import CircuitProver
from prover.circuits import find_circuit, parts_of
from prover.compiler import compile_circuit
from prover.market_inputs import market_inputs
from prover.market_proof import BUNDLE_FORMAT
from prover.paths import build_folder
from prover.proof_bundle import prove_bundle
from rtnet_core.baby_jubjub import encode_point
from rtnet_core.eddsa_poseidon import PrivateKey
from rtnet_core.limits import PROFILES
from rtnet_core.market_sample import sample_market
from rtnet_core.market_statement import market_statement
from rtnet_core.oracle import Oracle, OracleSet, SignedSnapshot, check_quorum, combine, sign_snapshot
from rtnet_core.params import default_params
from rtnet_core.risk_array import build_risk_array, risk_root
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from verifier.groth16 import Backend
from verifier.keystore import Keystore
from verifier.market import verify_market

SEED = 2026
RUNS = 5

Row = dict[str, Any]


def signed_market(profile: str) -> tuple[SignedSnapshot, OracleSet]:
    """Return a sampled market that a quorum of the profile's oracles signed."""
    sizes = PROFILES[profile]
    keys = [PrivateKey(bytes([number]) * 32) for number in range(1, sizes.oracles + 1)]
    oracles = OracleSet(
        quorum=sizes.quorum,
        oracles=tuple(
            Oracle(name=f"oracle-{number}", public_key=encode_point(key.public_key()).hex())
            for number, key in enumerate(keys, 1)
        ),
    )
    snapshot = sample_market(SEED, profile)
    signatures = [sign_snapshot(snapshot, oracles, key) for key in keys[: sizes.quorum]]
    return combine(snapshot, oracles, signatures), oracles


def constraints_by_part(profile: str) -> dict[str, int]:
    """Return what the whole circuit has, what its parts have together, and what is left: glue less simplification."""
    sizes, name = PROFILES[profile], f"market-{profile}"
    whole, parts = compile_circuit(find_circuit(name)).constraints, parts_of(name)
    often = {
        "one instrument row": (f"{sizes.instruments} instrument rows", sizes.instruments),
        "one scenario shock": ("scenario shocks", sizes.underlyings * sizes.scenarios),
    }
    table = {}
    for label, count in parts.items():
        shown, times = often.get(label, (label, 1))
        table[shown] = count * times
    table["time, kinds, expiries"] = whole - sum(table.values())
    return {**table, "market circuit": whole}


def measure_market(report: Any = print, profile: str = "standard") -> dict[str, Any]:
    """Return constraints by part, medians of each stage in seconds, and the peak memory of proving."""
    report(f"market: {profile}")
    signed, oracles = signed_market(profile)
    snapshot = signed.snapshot
    params = default_params(snapshot)
    rows: list[Row] = []

    def fresh() -> None:
        """Forget what a process of its own would not know."""
        snapshot_hash.cache_clear()
        risk_root.cache_clear()

    def recompute() -> None:
        fresh()
        build_risk_array(snapshot, params).root()

    rows.append(_row("risk array recomputed and hashed, exact engine", _median(recompute)))
    rows.append(_row("of which: the rows", _median(lambda: build_risk_array(snapshot, params))))
    rows.append(_row("quorum of signatures checked", _median(lambda: check_quorum(signed, oracles))))
    statement = market_statement(snapshot, oracles, params, build_risk_array(snapshot, params).root())
    inputs = market_inputs(signed, oracles, params, statement)
    with CircuitProver(f"market-{profile}") as prover:
        bundles = [prove_bundle(BUNDLE_FORMAT, prover, inputs, statement) for _ in range(RUNS)]
    for stage in ("witness", "check", "proof"):
        label = f"{stage} ({bundles[0].backend})" if stage == "proof" else stage
        rows.append(_row(f"warm prover: {label}", statistics.median(bundle.seconds[stage] for bundle in bundles)))
    peak = own_peak_rss_bytes()
    verifications: list[tuple[str, Literal["proof", "recomputing"], Backend]] = [
        ("verified by recomputing", "recomputing", "auto"),
        *([("verified by the proof (native)", "proof", "native")] if native_available() else []),
        ("verified by the proof (py_ecc)", "proof", "reference"),
    ]
    for label, ground, backend in verifications:

        def verify(ground: Literal["proof", "recomputing"] = ground, backend: Backend = backend) -> None:
            fresh()
            verify_market(
                bundles[0].to_json_bytes(),
                signed=signed.to_json_bytes(),
                oracles=oracles,
                params=params,
                keys=Keystore(build_folder() / "keys"),
                ground=ground,
                backend=backend,
            )

        rows.append(_row(f"market {label}, signatures included", _median(verify)))
    return {
        "profile": profile,
        "market": _described(snapshot, oracles),
        "constraints": constraints_by_part(profile),
        "stages": rows,
        "peak_rss_bytes": peak,
    }


def _described(snapshot: Snapshot, oracles: OracleSet) -> str:
    options = sum(entry.is_option for entry in snapshot.instruments)
    return (
        f"{len(snapshot.instruments)} instruments, {options} of them options; "
        f"{oracles.quorum} of {len(oracles.oracles)} oracles"
    )


def _median(call: Any) -> float:
    return statistics.median(time_call(call) for _ in range(RUNS))


def _row(stage: str, seconds: float) -> Row:
    return {"stage": stage, "seconds": round(seconds, 4)}
