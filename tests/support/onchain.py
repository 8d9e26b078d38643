"""A venue with real proofs, and the registry that it posts them to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cli.export import compile_contracts
from prover.account_proof import AccountProver, included_account
from prover.inclusions import InclusionExporter
from prover.keys import development_keys
from prover.market_proof import prove_market
from prover.paths import build_folder, project_root
from prover.store import Store
from rtnet_core.account import Account
from rtnet_core.book_sample import sample_book
from rtnet_core.epoch import epoch_context, merge_children
from rtnet_core.limits import PROFILES
from rtnet_core.market_sample import sample_market
from rtnet_core.oracle import OracleSet
from rtnet_core.params import default_params
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot
from rtnet_core.statement import context_field
from tests.support.epochs import House
from tests.support.evm import CHAIN_ID, DEPLOYER, Chain, Contract, Receipt
from tests.support.oracles import TIME_MS, oracle_set, signed_by
from verifier.groth16 import Proof
from verifier.keystore import Keystore
from verifier.onchain.calldata import account_commitment, challenge_text, proof_words
from verifier.onchain.contracts import (
    COMPILER_INPUT_NAME,
    KINDS,
    compiler_input,
    contract_name,
    contract_sources,
    registry_circuits,
)

#: The accounts of the private keys 1 to 4.
GOVERNOR, OWNER, HOLDER, STRANGER = (
    DEPLOYER,
    "0x2b5ad5c4795c026514f8317c7a215e218dccd6cf",
    "0x6813eb9362372eef6200f3b1dbc3f819671cba69",
    "0x1eff47bc3a10a45d4b230b5d10e37751fe6aa718",
)
MAX_AGE_MS = 3 * 3_600_000
THRESHOLD_BPS = 10_000
#: A sampled account that clears its threshold; one that does in the second epoch only; one that does in neither.
SOLVENT, RECOVERING, SUNK = "acct-000001", "recovering", "sunk"
#: Accounts of the first epoch: six batches, two merges, and one over them.
ACCOUNTS = 21


@cache
def contracts(profile: str) -> dict[str, Any]:
    """Return ABI, bytecode and selectors of the exported contracts; compiled when the sources have changed."""
    if not (project_root() / "node_modules" / "solc").is_dir():
        pytest.skip("npm solc is not installed: run `npm ci`")
    circuits = registry_circuits(profile)
    for circuit in circuits:
        development_keys(circuit)
    text = compiler_input(contract_sources(circuits, Keystore(build_folder() / "keys")))
    folder = build_folder() / "onchain" / hashlib.sha256(text.encode()).hexdigest()[:16]
    if not (folder / "contracts.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / COMPILER_INPUT_NAME).write_text(text)
        compile_contracts(folder)
    return dict(json.loads((folder / "contracts.json").read_text())["contracts"])


def shown(bundle: Any) -> tuple[list[int], list[int]]:
    """Return a bundle's public signals and its proof as words."""
    return bundle.statement.public_signals(), proof_words(Proof.from_json(bundle.proof))


@dataclass(frozen=True)
class ProvenEpoch:
    """An epoch and its market with their proofs, in the form that the registry takes."""

    record: Record
    snapshot: Snapshot
    market: tuple[list[int], list[int]]
    lines: list[dict[str, Any]]

    def fields(self, **changes: Any) -> tuple[Any, ...]:
        """Return the record as `openEpoch` takes it, with some fields changed."""
        record = self.record
        named = {
            "digest": record.digest(),
            "previous": record.previous_digest or bytes(32),
            "number": record.number,
            "account_count": record.account_count,
            "threshold_bps": record.require_proven().threshold_bps,
            "snapshot_hash": int(record.snapshot_hash),
            "params_root": int(record.params_root),
            "risk_root": int(record.risk_root),
            "book_root": int(record.book_root),
        }
        assert set(changes) <= set(named)
        return tuple((named | changes).values())

    def batches(self) -> list[tuple[int, int, list[int]]]:
        """Return the batch proofs in order."""
        return [(int(x["batch_root"]), int(x["totals"]), words(x)) for x in self.lines if x["level"] == 0]

    def merges(self, level: int) -> list[tuple[int, list[int]]]:
        """Return the merge proofs of one level in order."""
        return [(int(x["totals"]), words(x)) for x in self.lines if x["level"] == level]

    def merge_signals(self) -> list[int]:
        """Return the public signals of the first merge."""
        commitments = [totals for _, totals, _ in self.batches()]
        return [self.merges(1)[0][0], *merge_children(commitments, 0, self.snapshot.sizes), self.context()]

    def batch_signals(self) -> list[int]:
        """Return the public signals of the first batch."""
        root, totals, _ = self.batches()[0]
        threshold = self.record.require_proven().threshold_bps
        risk_root, params_root = int(self.record.risk_root), int(self.record.params_root)
        return [root, totals, risk_root, params_root, threshold, self.snapshot.sizes.batch, self.context()]

    def context(self) -> int:
        """Return the context of the epoch's proofs."""
        return epoch_context(self.record.venue_public_key, self.record.number, self.record.previous_digest)


def words(line: dict[str, Any]) -> list[int]:
    """Return the proof of a line of ``proofs.jsonl`` as words."""
    return proof_words(Proof.from_json(line["proof"]))


@dataclass
class Proven:
    """A venue with two epochs: a sampled book with two accounts in debt, then these two alone."""

    venue: House
    oracles: OracleSet
    epochs: list[ProvenEpoch]
    _prover: AccountProver
    _made: dict[tuple[Any, ...], tuple[list[int], list[int]]] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        """The venue's key, which is its identity."""
        return self.epochs[0].record.venue_public_key

    def commitment(self, account_id: str) -> bytes:
        """Return the commitment under which the registry lists an account."""
        return account_commitment(self.key, handle(account_id))

    def account_proof(
        self,
        account_id: str,
        contract: str,
        *,
        epoch: int = 1,
        nonce: int = 0,
        chain_id: int = CHAIN_ID,
        commitment: bytes | None = None,
        threshold_bps: int = THRESHOLD_BPS,
    ) -> tuple[list[int], list[int]]:
        """Return the statement and the proof of an account for a contract; made once for the same arguments."""
        named = commitment or self.commitment(account_id)
        asked = (account_id, contract, epoch, nonce, chain_id, named, threshold_bps)
        if asked not in self._made:
            made = self.epochs[epoch - 1]
            with Store.open(self.venue.store_url) as store:
                mine = InclusionExporter(store, made.record).one(account_id)
            found = included_account(mine, made.record, made.snapshot, default_params(made.snapshot))
            challenge = challenge_text(chain_id, contract, named, nonce)
            bundle = found.prove(self._prover, threshold_bps, challenge)
            assert bundle.statement.context == context_field(self.key, made.record.digest(), challenge)
            self._made[asked] = shown(bundle)
        return self._made[asked]


def handle(account_id: str) -> bytes:
    """Return the handle that venue and holder agreed on."""
    return hashlib.sha256(account_id.encode()).digest()


@contextmanager
def proven_venue(
    folder: Path, profile: str = "small", accounts: int = ACCOUNTS, time_ms: int = TIME_MS
) -> Iterator[Proven]:
    """Prove two epochs and their markets, for real, and keep a prover of accounts ready."""
    sizes = PROFILES[profile]
    for circuit in registry_circuits(profile):
        development_keys(circuit)
    venue, oracles = House(folder, sample_market(11, profile, time_ms)), oracle_set(sizes.oracles, sizes.quorum)
    sampled = list(sample_book(venue.snapshot, default_params(venue.snapshot), accounts - 2, 5))
    first = proven_epoch(venue, oracles, [*sampled, _with_cash(RECOVERING, -1), _with_cash(SUNK, -1)], None)
    venue.snapshot = venue.later()
    second = proven_epoch(venue, oracles, [_with_cash(RECOVERING, 1), _with_cash(SUNK, -1)], first.record)
    with AccountProver(profile) as prover:
        yield Proven(venue, oracles, [first, second], prover)


def _with_cash(account_id: str, cash_ticks: int) -> Account:
    return Account.from_json({"id": account_id, "cash_ticks": cash_ticks, "collateral": {}, "positions": {}})


def proven_epoch(venue: House, oracles: OracleSet, accounts: list[Account], previous: Record | None) -> ProvenEpoch:
    """Prove an epoch of these accounts and its market."""
    snapshot = venue.snapshot
    signed = signed_by(range(oracles.quorum), oracles, snapshot)
    market = prove_market(signed, oracles, default_params(snapshot))
    result = venue.prove(venue.book(accounts), previous=previous)
    lines = [json.loads(line) for line in (result.folder / "proofs.jsonl").read_text().splitlines()]
    return ProvenEpoch(result.record, snapshot, shown(market), lines)


class Registry:
    """A registry with its verifiers on a fresh chain, that knows the venue, its oracles and its parameters."""

    def __init__(self, proven: Proven, chain: Chain | None = None) -> None:
        profile = proven.venue.snapshot.profile
        self.proven, self.chain = proven, chain or Chain(contracts(profile))
        first = proven.epochs[0]
        self.chain.at(first.snapshot.time_ms + 60_000)
        self.verifiers = {kind: Contract(self.chain, contract_name(f"{kind}-{profile}")) for kind in KINDS}
        addresses = [verifier.address for verifier in self.verifiers.values()]
        self.contract = Contract(self.chain, "SolvencyRegistry", GOVERNOR, *addresses)
        self.call, self.reverted = self.contract.call, self.contract.reverted
        self.call(GOVERNOR, "addVenue", proven.key, OWNER, MAX_AGE_MS, 0, bytes(32))
        self.oracles_root, _, _, self.params_root, _ = first.market[0]
        self.set_validity("Oracles", 0, 1 << 42)
        self.set_validity("Params", 0, 1 << 42)

    def set_validity(self, kind: str, from_ms: int, until_ms: int) -> None:
        """Say from when until when the oracles' or the parameters' root is in force."""
        root = self.oracles_root if kind == "Oracles" else self.params_root
        self.call(GOVERNOR, f"set{kind}Root", self.proven.key, root, from_ms, until_ms)

    def at_epoch(self, number: int) -> ProvenEpoch:
        """Set the clock a minute behind an epoch's snapshot, and return the epoch."""
        epoch = self.proven.epochs[number - 1]
        self.chain.at(epoch.snapshot.time_ms + 60_000)
        return epoch

    def post_market(self, number: int) -> Receipt:
        """Post the market of an epoch."""
        return self.call(OWNER, "postMarket", self.proven.key, *self.at_epoch(number).market)

    def open_epoch(self, number: int) -> Receipt:
        """Open an epoch behind its market."""
        self.post_market(number)
        return self.call(OWNER, "openEpoch", self.proven.key, self.proven.epochs[number - 1].fields())

    def post_epoch(self, number: int) -> list[Receipt]:
        """Post an epoch with all of its proofs; level by level, the batches in two calls."""
        key, epoch = self.proven.key, self.proven.epochs[number - 1]
        receipts = [self.open_epoch(number)]
        batches = epoch.batches()
        parts = [part for part in (batches[:2], batches[2:]) if part]
        receipts += [self.call(OWNER, "submitBatches", key, part) for part in parts]
        levels = range(1, 1 + max(line["level"] for line in epoch.lines))
        return receipts + [self.call(OWNER, "submitMerges", key, epoch.merges(level)) for level in levels]

    def list_account(self, account_id: str, threshold_bps: int = THRESHOLD_BPS) -> bytes:
        """List an account and return its commitment."""
        receipt = self.call(OWNER, "listAccount", self.proven.key, handle(account_id), HOLDER, threshold_bps)
        return bytes(receipt.values[0])

    def account_proof(self, account_id: str, **options: Any) -> tuple[list[int], list[int]]:
        """Return statement and proof of an account for this contract, unless `options` say otherwise."""
        given = {"contract": self.contract.address, "chain_id": self.chain.chain_id}
        return self.proven.account_proof(account_id, **(given | options))

    def submit(self, account_id: str, *, epoch: int = 1, nonce: int = 0, caller: str = HOLDER) -> Receipt:
        """Submit the proof of an account that is listed."""
        shown = self.account_proof(account_id, epoch=epoch, nonce=nonce)
        return self.call(caller, "submitAccountProof", self.proven.commitment(account_id), epoch, *shown)

    def is_solvent(self, account_id: str, max_age_ms: int = MAX_AGE_MS) -> bool:
        """Return the registry's answer."""
        commitment = self.proven.commitment(account_id)
        return bool(self.call(STRANGER, "isSolvent", commitment, max_age_ms).values[0])
