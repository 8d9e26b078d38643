"""Gas of every call of the exported contracts, by the receipts of a local node, with real proofs of profile standard.

``python -m benchmarks.onchain`` writes ``benchmarks/results/gas.json``. Gas is what a transaction uses in
all: its 21,000, its calldata and its execution, less refunds.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.local_node import LocalNode
from benchmarks.tables import RESULTS
from tests.support.evm import Receipt
from tests.support.onchain import (
    HOLDER,
    MAX_AGE_MS,
    OWNER,
    RECOVERING,
    SOLVENT,
    STRANGER,
    Registry,
    contracts,
    handle,
    proven_venue,
)
from verifier.onchain.contracts import EVM_VERSION

PROFILE = "standard"


def measure_gas(folder: Path, profile: str = PROFILE) -> dict[str, Any]:
    """Return the gas of every call, for a book of three batches and a merge, then for one of a single batch."""
    batch = {"small": 4, "standard": 64}[profile]
    now_ms = time.time_ns() // 1_000_000
    with proven_venue(folder, profile, 2 * batch + 2, now_ms) as proven:
        registry = Registry(proven, LocalNode(contracts(profile)))
        rows = _deployments(registry) + _verifiers(registry) + _calls(registry)
    return {"profile": profile, "evm": EVM_VERSION, "calls": rows}


def _row(call: str, what: str, gas: int) -> dict[str, Any]:
    return {"call": call, "what": what, "gas": gas}


def _deployments(registry: Registry) -> list[dict[str, Any]]:
    rows = [_row("deployment", f"{kind} verifier", made.deployment_gas) for kind, made in registry.verifiers.items()]
    return [*rows, _row("deployment", "registry", registry.contract.deployment_gas)]


def _verifiers(registry: Registry) -> list[dict[str, Any]]:
    epoch = registry.proven.epochs[0]
    shown = {
        "account": registry.account_proof(SOLVENT),
        "batch": (epoch.batch_signals(), epoch.batches()[0][2]),
        "merge": (epoch.merge_signals(), epoch.merges(1)[0][1]),
        "market": epoch.market,
    }
    rows = []
    for kind, (signals, proof) in shown.items():
        receipt = registry.verifiers[kind].call(STRANGER, "requireValid", proof, signals)
        rows.append(_row("requireValid", f"{kind}, {len(signals)} public signals", receipt.gas))
    return rows


def _calls(registry: Registry) -> list[dict[str, Any]]:
    key, (first, second) = registry.proven.key, registry.proven.epochs
    rows: list[dict[str, Any]] = []

    def note(call: str, what: str, receipt: Receipt) -> None:
        rows.append(_row(call, what, receipt.gas))

    note("postMarket", "the first of a venue", registry.post_market(1))
    note("openEpoch", "the first of a venue", registry.call(OWNER, "openEpoch", key, first.fields()))
    batches = first.batches()
    note("submitBatches", "one batch", registry.call(OWNER, "submitBatches", key, batches[:1]))
    note("submitBatches", "two batches", registry.call(OWNER, "submitBatches", key, batches[1:]))
    merged = registry.call(OWNER, "submitMerges", key, first.merges(1))
    note("submitMerges", "one merge, which ends the epoch", merged)
    listed = registry.call(OWNER, "listAccount", key, handle(SOLVENT), HOLDER, 10_000)
    note("listAccount", "", listed)
    note("submitAccountProof", "clears, the account's first", registry.submit(SOLVENT))
    registry.list_account(RECOVERING)
    note("submitAccountProof", "a breach: the flag is raised", registry.submit(RECOVERING))
    answer = registry.call(STRANGER, "isSolvent", registry.proven.commitment(SOLVENT), MAX_AGE_MS)
    note("isSolvent", "asked by a transaction of its own", answer)
    note("postMarket", "a later one", registry.post_market(2))
    note("openEpoch", "a later one", registry.call(OWNER, "openEpoch", key, second.fields()))
    note(
        "submitBatches",
        "one batch, which is the epoch",
        registry.call(OWNER, "submitBatches", key, second.batches()),
    )
    recovered = registry.submit(RECOVERING, epoch=2, nonce=1)
    note("submitAccountProof", "clears again: the flag is lowered", recovered)
    return rows


def main() -> None:
    """Measure, write, print."""
    with tempfile.TemporaryDirectory() as folder:
        found = measure_gas(Path(folder))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "gas.json").write_text(json.dumps(found, indent=2) + "\n")
    for row in found["calls"]:
        print(f"{row['call']:20} {row['what']:40} {row['gas']:>12,}")


if __name__ == "__main__":
    main()
