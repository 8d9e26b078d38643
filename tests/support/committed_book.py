"""A sampled market with a committed book on disk, and everything that a recipient gets of it."""

from __future__ import annotations

import atexit
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from prover.account_proof import AccountProver, CommittedAccount, committed_account
from prover.keys import development_keys
from prover.paths import build_folder
from prover.proof_bundle import ProofBundle
from rtnet_core.account import Account, Book, write_book
from rtnet_core.book_commit import commit_book
from rtnet_core.book_sample import sample_book
from rtnet_core.margin_exact import AccountMargin, account_margin, account_vector
from rtnet_core.market_sample import sample_market
from rtnet_core.params import Params, default_params
from rtnet_core.params_root import margin_params
from rtnet_core.record import Record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash_hex
from rtnet_core.statement import Statement
from rtnet_core.venue_key import read_venue_key, write_venue_key
from verifier.account import verify_account
from verifier.keystore import Keystore
from verifier.verdict import Verdict

CHALLENGE = "lender.example 2026-11-21 nonce 5f0c"


@dataclass(frozen=True)
class Committed:
    """A committed book: market, parameters, folder, record."""

    snapshot: Snapshot
    params: Params
    folder: Path
    record: Record

    def accounts(self) -> list[Account]:
        """Return the accounts in order."""
        return list(Book(self.folder))

    def margins(self) -> list[AccountMargin]:
        """Return every account's margin, by the exact engine."""
        risk, params = build_risk_array(self.snapshot, self.params), margin_params(self.params, self.snapshot)
        return [account_margin(account_vector(account, self.snapshot), risk, params) for account in self.accounts()]

    def account(self, account_id: str) -> CommittedAccount:
        """Return one account with its place."""
        return committed_account(account_id, self.folder, self.snapshot, self.params)

    def prove(self, account_id: str, threshold_bps: int, backend: str = "auto") -> ProofBundle[Statement]:
        """Return a proof about one account."""
        return self.account(account_id).prove(_prover(self.snapshot.profile, backend), threshold_bps, CHALLENGE)

    def verify(self, bundle: bytes, **options: Any) -> Verdict:
        """Return the recipient's verdict."""
        given = {
            "snapshot": self.snapshot,
            "params": self.params,
            "record": self.record,
            "challenge": CHALLENGE,
            "keys": Keystore(build_folder() / "keys"),
        }
        return verify_account(bundle, **(given | options))


@cache
def _prover(profile: str, backend: str) -> AccountProver:
    development_keys(f"account-{profile}")
    prover = AccountProver(profile, backend)
    atexit.register(prover.__exit__, None, None, None)
    return prover


def commit(folder: Path, snapshot: Snapshot, accounts: list[Account], params: Params | None = None) -> Committed:
    """Write a book of `accounts` into `folder` and commit to it."""
    params = params or default_params(snapshot)
    book = folder / "book"
    write_book(book, accounts, snapshot_hash_hex(snapshot))
    if not (folder / "venue.pem").exists():
        write_venue_key(folder / "venue.pem")
    record = commit_book(book, snapshot, params, read_venue_key(folder / "venue.pem"), venue="Test Venue")
    return Committed(snapshot, params, book, record)


def sampled(folder: Path, profile: str = "small", accounts: int = 24, seed: int = 11) -> Committed:
    """Sample a market and a book, and commit to it."""
    snapshot = sample_market(seed, profile)
    params = default_params(snapshot)
    return commit(folder, snapshot, list(sample_book(snapshot, params, accounts, seed)), params)
