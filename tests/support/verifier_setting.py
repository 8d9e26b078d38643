"""A venue, its published data, a recipient's keys, and bundles simulated for them with the key's trapdoor."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rtnet_core.params import Params, default_params
from rtnet_core.params_root import margin_params
from rtnet_core.record import Record, RecordBody, sign_record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from rtnet_core.statement import Statement, context_field
from tests.support.simulated_groth16 import Trapdoor
from tests.support.verifier_keys import R1CS_SHA256, write_keys
from verifier.account import verify_account
from verifier.bundle import ACCOUNT_FORMAT
from verifier.keystore import Keystore, key_id
from verifier.policy import Policy
from verifier.replay import SeenRegister
from verifier.verdict import Verdict

AS_OF_MS = 1_785_000_000_000
NOW_MS = AS_OF_MS + 60_000
CHALLENGE = "lender.example 2026-07-25T12:00Z 6f1c"
CIRCUIT = "account-small"
TRAPDOOR = Trapdoor.of(6)
KEY_JSON = TRAPDOOR.key_json()
VK_ID = key_id(KEY_JSON)
POLICY = Policy(now_ms=NOW_MS)
VENUE_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
OTHER_VENUE_KEY = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)


def market(**changes: Any) -> Snapshot:
    """Return a market of the small profile with one option."""
    content: dict[str, Any] = {
        "profile": "small",
        "time_ms": AS_OF_MS,
        "underlyings": [{"symbol": "BTC", "lot": "0.0001", "index_ticks": 7_860_554}],
        "assets": [{"symbol": "USDC", "unit": "1", "price_ticks": 1_000_000}],
        "instruments": [
            {"name": "BTC-PERPETUAL", "kind": "perpetual", "underlying": "BTC", "forward_ticks": 7_860_554},
            {
                "name": "BTC-28AUG26-80000-C",
                "kind": "call",
                "underlying": "BTC",
                "expiry_ms": AS_OF_MS + 34 * 86_400_000,
                "strike_ticks": 8_000_000,
                "forward_ticks": 7_880_000,
                "volatility_q32": 2_147_483_648,
            },
        ],
    }
    return Snapshot.from_json({"format": "zkm2m/market/v1", "quote": "USD", "tick": "0.000001", **content, **changes})


@cache
def roots(snapshot_json: bytes, params_json: bytes) -> dict[str, str]:
    """Return what a record states about a market and parameters."""
    snapshot, params = Snapshot.from_json(snapshot_json), Params.from_json(params_json)
    return {
        "snapshot_hash": str(snapshot_hash(snapshot)),
        "params_root": str(margin_params(params, snapshot).root()),
        "risk_root": str(build_risk_array(snapshot, params).root()),
    }


def record_of(snapshot: Snapshot, params: Params, key: Ed25519PrivateKey = VENUE_KEY, **changes: Any) -> Record:
    """Return the record that a venue signs, with any of its fields changed before signing."""
    content: dict[str, Any] = {
        "venue": "Example Exchange",
        "number": 4,
        "as_of_ms": snapshot.time_ms,
        "signed_at_ms": snapshot.time_ms + 10_000,
        "profile": snapshot.profile,
        **roots(snapshot.to_json_bytes(), params.to_json_bytes()),
        "book_root": "123456789",
        "account_count": 3,
        "previous": "11" * 32,
        **changes,
    }
    return sign_record(RecordBody(**content), key)


@dataclass(frozen=True)
class Setting:
    """Everything a recipient holds; `with_` changes one thing at a time."""

    keys: Keystore
    snapshot: Snapshot
    params: Params
    record: Record
    challenge: str = CHALLENGE
    policy: Policy = POLICY
    seen: SeenRegister | None = None

    def with_(self, **changes: Any) -> Setting:
        """Return a copy with some of it exchanged."""
        return replace(self, **changes)

    def statement(self, verdict: int = 1, threshold_bps: int = 10_000) -> Statement:
        """Return the statement that an honest prover would prove in this setting."""
        context = context_field(self.record.venue_public_key, self.record.digest(), self.challenge)
        return Statement(
            verdict=verdict,
            risk_root=int(self.record.risk_root),
            params_root=int(self.record.params_root),
            book_root=int(self.record.book_root),
            threshold_bps=threshold_bps,
            context=context,
        )

    def verify(self, data: bytes) -> Verdict:
        """Return the recipient's verdict on a bundle."""
        return verify_account(
            data,
            snapshot=self.snapshot,
            params=self.params,
            record=self.record,
            challenge=self.challenge,
            keys=self.keys,
            policy=self.policy,
            seen=self.seen,
        )


def setting(keys_root: Path, **lock: Any) -> Setting:
    """Return an honest setting whose keys are written below `keys_root`, with the lock file's entries as given."""
    write_keys(keys_root, CIRCUIT, KEY_JSON, **lock)
    snapshot = market()
    params = default_params(snapshot)
    return Setting(Keystore(keys_root), snapshot, params, record_of(snapshot, params))


def bundle_of(statement: Statement, trapdoor: Trapdoor = TRAPDOOR, **changes: Any) -> dict[str, Any]:
    """Return a bundle with a valid proof of `statement` under the key of `trapdoor`."""
    return {
        "format": ACCOUNT_FORMAT,
        "circuit": CIRCUIT,
        "circuit_version": R1CS_SHA256,
        "vk_id": VK_ID,
        "statement": {name: str(getattr(statement, name)) for name in Statement.names()},
        "proof": copy.deepcopy(_proof(trapdoor, tuple(statement.public_signals()))),
        **changes,
    }


@cache
def _proof(trapdoor: Trapdoor, public: tuple[int, ...]) -> dict[str, Any]:
    return trapdoor.proof_json(public)


def encoded(value: object) -> bytes:
    """Return the JSON bytes of a value."""
    return json.dumps(value).encode()
