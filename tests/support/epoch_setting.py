"""Whole epochs as a venue publishes them, their proofs simulated with the keys' trapdoors: no circuit, no prover."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rtnet_core.account import Account
from rtnet_core.commitments import EMPTY_LEAF, leaf, node, user_id_field
from rtnet_core.epoch import (
    BatchStatement,
    MergeStatement,
    UpperTree,
    batch_sizes,
    epoch_context,
    level_sizes,
    merge_children,
)
from rtnet_core.epoch_record import CircuitVersion, Proven, PublishedTotals
from rtnet_core.margin_exact import AccountVector, account_vector
from rtnet_core.params import Params, default_params
from rtnet_core.params_root import MarginParams, margin_params
from rtnet_core.record import Record, RecordBody, sign_record
from rtnet_core.reserves import Reserves
from rtnet_core.risk_array import RiskArray, build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.totals import Totals, account_totals, sum_totals
from tests.support.simulated_groth16 import Trapdoor, scalar
from tests.support.verifier_keys import R1CS_SHA256, write_keys
from tests.support.verifier_setting import AS_OF_MS, VENUE_KEY, market, roots
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder
from verifier.epoch_verdict import EpochVerdict
from verifier.keystore import Keystore, key_id
from verifier.policy import Policy

BATCH, MERGE = "batch-small", "merge-small"
TRAPDOORS = {BATCH: Trapdoor.of(7, "batch"), MERGE: Trapdoor.of(6, "merge")}
KEYS = {name: trapdoor.key_json() for name, trapdoor in TRAPDOORS.items()}
B = 4
#: One batch not full, full, one account more, and more batches than a merge has children: two levels of merges.
SIZES = (1, B - 1, B, B + 1, 21)
HOUR_MS = 3_600_000
VENUE = "Example Exchange"
FUND_TICKS = 10**10


def epoch_market(time_ms: int = AS_OF_MS) -> Snapshot:
    """Return a market of the small profile with two assets."""
    assets = [
        {"symbol": "USDC", "unit": "1", "price_ticks": 1_000_000},
        {"symbol": "BTC", "unit": "0.0001", "price_ticks": 7_860_000},
    ]
    return market(time_ms=time_ms, assets=assets)


def sample_accounts(count: int) -> list[Account]:
    """Return accounts in which every long has its short; one of thin means, and one that owes more than it has."""
    accounts = []
    for i in range(count):
        paired = i < count - count % 2
        lots = (-1 if i % 2 else 1) * (10 + i // 2) * paired
        means = {"USDC": 5_000_000 + i, "BTC": 30 + i}
        thin = {"cash_ticks": -5_000_000_000, "collateral": {"USDC": 1}}
        content: dict[str, Any] = {"id": f"customer-{i}", "cash_ticks": 10**9 - i, "collateral": means}
        if i == 2:
            content |= thin
        content["positions"] = {"BTC-PERPETUAL": lots, "BTC-28AUG26-80000-C": -lots} if lots else {}
        accounts.append(Account.from_json(content))
    return accounts


@cache
def _market_parts(time_ms: int) -> tuple[Snapshot, Params, RiskArray, MarginParams]:
    snapshot = epoch_market(time_ms)
    params = default_params(snapshot)
    return snapshot, params, build_risk_array(snapshot, params), margin_params(params, snapshot)


@cache
def _proof(circuit: str, public: tuple[int, ...]) -> dict[str, Any]:
    return TRAPDOORS[circuit].proof_json(public)


@cache
def _leaf(user_id: str, salt: int, vector: AccountVector) -> int:
    return leaf(user_id_field(user_id), salt, vector)


@dataclass(frozen=True)
class MadeEpoch:
    """What a venue made: the public files, and the secrets from which customers get theirs."""

    snapshot: Snapshot
    params: Params
    record: Record
    lines: list[dict[str, Any]]
    accounts: list[Account]
    salts: list[int]
    leaves: list[int]

    def with_(self, **changes: Any) -> MadeEpoch:
        """Return a copy with some of it exchanged."""
        return replace(self, **changes)

    def resigned(self, key: Ed25519PrivateKey = VENUE_KEY, **changes: Any) -> MadeEpoch:
        """Return the epoch with fields of its record changed, and signed again."""
        return self.with_(record=resigned(self.record, key, **changes))

    def proven_changed(self, **changes: Any) -> MadeEpoch:
        """Return the epoch with fields of `record.proven` changed, and signed again."""
        proven = self.record.model_dump()["proven"] | changes
        return self.resigned(proven=Proven.model_validate(proven))

    def totals_changed(self, **changes: Any) -> MadeEpoch:
        """Return the epoch with published totals changed, and signed again."""
        return self.proven_changed(totals=self.record.model_dump()["proven"]["totals"] | changes)

    def line_changed(self, place: int, **changes: Any) -> MadeEpoch:
        """Return the epoch with members of one line changed."""
        lines = copy.deepcopy(self.lines)
        lines[place] |= changes
        return self.with_(lines=lines)

    def write(self, folder: Path) -> Path:
        """Write the epoch's folder and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "record.json").write_bytes(self.record.to_json_bytes())
        (folder / "market.json").write_bytes(self.snapshot.to_json_bytes())
        (folder / "params.json").write_bytes(self.params.to_json_bytes())
        (folder / "proofs.jsonl").write_bytes(b"".join(map(compact, self.lines)))
        return folder

    def inclusion(self, index: int, /, **changes: Any) -> dict[str, Any]:
        """Return one customer's file, with any of its members changed."""
        account = self.accounts[index]
        first = index // B * B
        levels = [padded(self.leaves[first : first + B])]
        while len(levels[-1]) > 1:
            levels.append([node(*levels[-1][i : i + 2]) for i in range(0, len(levels[-1]), 2)])
        siblings = [nodes[(index - first >> level) ^ 1] for level, nodes in enumerate(levels[:-1])]
        upper = UpperTree([line["batch_root"] for line in self._batches()], len(self.accounts), self.snapshot.sizes)
        return {
            "format": "zkm2m/inclusion/v1",
            "epoch": self.record.number,
            "record": self.record.digest().hex(),
            "account": account.model_dump(exclude={"format"}),
            "salt": str(self.salts[index]),
            "index": index,
            "siblings": [str(digest) for digest in siblings + upper.path(index // B)],
            **changes,
        }

    def _batches(self) -> list[dict[str, Any]]:
        return [line | {"batch_root": int(line["batch_root"])} for line in self.lines if line["level"] == 0]


def padded(leaves: Sequence[int]) -> list[int]:
    """Return the leaves of a batch with those of its empty slots."""
    return [*leaves, *[EMPTY_LEAF] * (B - len(leaves))]


def batch_root(leaves: Sequence[int]) -> int:
    """Return the Merkle root of a batch."""
    nodes = padded(leaves)
    while len(nodes) > 1:
        nodes = [node(*nodes[i : i + 2]) for i in range(0, len(nodes), 2)]
    return nodes[0]


def compact(value: object) -> bytes:
    """Return a line of ``proofs.jsonl``."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def resigned(record: Record, key: Ed25519PrivateKey = VENUE_KEY, **changes: Any) -> Record:
    """Return a record with fields changed, signed by `key`."""
    content = {name: getattr(record, name) for name in RecordBody.model_fields}
    return sign_record(RecordBody(**(content | changes)), key)


def make_epoch(
    accounts: Sequence[Account],
    *,
    number: int = 1,
    previous: Record | None = None,
    key: Ed25519PrivateKey = VENUE_KEY,
    threshold_bps: int = 10_000,
    fund_ticks: int = FUND_TICKS,
    refused_rows: int = 0,
    context_of: tuple[bytes, int, bytes | None] | None = None,
    **changes: Any,
) -> MadeEpoch:
    """Return the epoch of a book; `context_of` makes its proofs for another venue, number or predecessor."""
    snapshot, params, risk, rules = _market_parts(AS_OF_MS + number * HOUR_MS)
    sizes = snapshot.sizes
    vectors = [account_vector(account, snapshot) for account in accounts]
    salts = [scalar("salt", number, i) >> 8 for i in range(len(accounts))]
    leaves = [_leaf(account.id, salt, v) for account, salt, v in zip(accounts, salts, vectors, strict=True)]
    parts = [account_totals(vector, risk, rules, threshold_bps) for vector in vectors]
    previous_digest = None if previous is None else previous.digest()
    public_key = key.public_key().public_bytes_raw()
    context = epoch_context(*(context_of or (public_key, number, previous_digest)))
    counts = batch_sizes(len(accounts), sizes)
    # One level after the other: (totals, blinding) of each of its proofs.
    sums = [[(sum_totals(parts[B * i : B * i + n], sizes), scalar("b", number, 0, i)) for i, n in enumerate(counts)]]
    batch_roots = [batch_root(leaves[B * i : B * i + n]) for i, n in enumerate(counts)]
    lines = []
    for i, n in enumerate(counts):
        commitment = committed(*sums[0][i])
        statement = BatchStatement(
            batch_roots[i], commitment, risk.root(), rules.root(), threshold_bps, n, context
        ).public_signals()
        lines.append(
            {"circuit": BATCH, "level": 0, "number": i, "batch_root": str(batch_roots[i]), "totals": str(commitment)}
            | {"proof": copy.deepcopy(_proof(BATCH, tuple(statement)))}
        )
    for level, count in enumerate(level_sizes(len(counts), sizes)[1:], start=1):
        below = sums[-1]
        sums.append([])
        for i in range(count):
            total = sum_totals([totals for totals, _ in below[4 * i : 4 * i + 4]], sizes)
            sums[-1].append((total, scalar("b", number, level, i)))
            commitment = committed(*sums[-1][i])
            children = merge_children([committed(*child) for child in below], i, sizes)
            public = MergeStatement(commitment, children, context).public_signals()
            lines.append(
                {"circuit": MERGE, "level": level, "number": i, "totals": str(commitment)}
                | {"proof": copy.deepcopy(_proof(MERGE, tuple(public)))}
            )
    ((totals, blinding),) = sums[-1]
    content: dict[str, Any] = {
        "venue": VENUE,
        "number": number,
        "as_of_ms": snapshot.time_ms,
        "signed_at_ms": snapshot.time_ms + 10_000,
        "profile": snapshot.profile,
        **roots(snapshot.to_json_bytes(), params.to_json_bytes()),
        "book_root": str(UpperTree(batch_roots, len(accounts), sizes).book_root),
        "account_count": len(accounts),
        "previous": None if previous_digest is None else previous_digest.hex(),
        "proven": Proven(
            threshold_bps=threshold_bps,
            insurance_fund_ticks=str(fund_ticks),
            refused_rows=refused_rows,
            circuits=versions(BATCH, MERGE) if len(counts) > 1 else versions(BATCH),
            totals=PublishedTotals.of(totals, blinding, snapshot),
        ),
        **changes,
    }
    record = sign_record(RecordBody(**content), key)
    return MadeEpoch(snapshot, params, record, lines, list(accounts), salts, leaves)


@cache
def committed(totals: Totals, blinding: int) -> int:
    """Return the commitment to totals."""
    return totals.commitment(blinding)


def versions(*circuits: str) -> dict[str, CircuitVersion]:
    """Return what a record says of circuits."""
    return {name: CircuitVersion(r1cs_sha256=R1CS_SHA256, vk_id=key_id(KEYS[name])) for name in circuits}


@cache
def sampled_epoch(count: int) -> MadeEpoch:
    """Return the first epoch of a sampled book of `count` accounts; shared, so not to be changed."""
    return make_epoch(sample_accounts(count))


@cache
def sampled_chain(length: int) -> tuple[MadeEpoch, ...]:
    """Return epochs 1, 2, … of a sampled book, each with the record before it as its predecessor."""
    epochs: list[MadeEpoch] = []
    for number in range(1, length + 1):
        previous = epochs[-1].record if epochs else None
        epochs.append(make_epoch(sample_accounts(B), number=number, previous=previous))
    return tuple(epochs)


def keystore(root: Path, **lock: Any) -> Keystore:
    """Return a recipient's keys, written below `root`, with the lock files' entries as given."""
    for name, key in KEYS.items():
        write_keys(root, name, key, **lock)
    return Keystore(root)


def policy(**changes: Any) -> Policy:
    """Return a recipient's conditions, a day after the sampled epochs."""
    return Policy(**({"now_ms": AS_OF_MS + 24 * HOUR_MS} | changes))


def verdict_on(epoch: MadeEpoch, folder: Path, keys: Keystore, **options: Any) -> EpochVerdict:
    """Return the verdict on an epoch that is written into `folder` first."""
    return verify_epoch(EpochFolder(epoch.write(folder)), **({"keys": keys, "policy": policy()} | options))


def reserves_of(made: MadeEpoch, assets: dict[str, list[dict[str, Any]]], /, **changes: Any) -> Reserves:
    """Return a reserves file of an epoch."""
    record = made.record
    return Reserves.from_json(
        {
            "format": "zkm2m/reserves/v1",
            "venue": record.venue,
            "venue_public_key": record.signature.public_key,
            "epoch": record.number,
            "time_ms": record.as_of_ms,
            "assets": [{"symbol": symbol, "entries": entries} for symbol, entries in assets.items()],
            **changes,
        }
    )
