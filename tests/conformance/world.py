"""What the cases are made from: a venue's epoch of five accounts, recipients' keys, oracles; all from fixed seeds."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any, Final

from rtnet_core.margin_exact import account_margin, account_vector
from rtnet_core.market_statement import MarketStatement, market_statement
from rtnet_core.params import default_params
from rtnet_core.params_root import margin_params
from rtnet_core.record import Record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.statement import Statement, context_field
from tests.conformance.corpus_files import Corpus
from tests.support.epoch_setting import KEYS, sampled_epoch
from tests.support.oracles import market, oracle_set
from tests.support.simulated_groth16 import Trapdoor
from tests.support.verifier_keys import R1CS_SHA256, lock_of
from tests.support.verifier_setting import AS_OF_MS, TRAPDOOR, encoded
from verifier.bundle import ACCOUNT_FORMAT, MARKET_FORMAT
from verifier.keystore import key_id

ACCOUNT: Final = "account-small"
MARKET: Final = "market-small"
CHALLENGE: Final = "lender.example 2026-07-25T12:00Z 6f1c"
#: Three hours after the first epoch.
NOW_MS: Final = AS_OF_MS + 4 * 3_600_000
MARKET_TRAPDOOR: Final = Trapdoor.of(5, "market")
TRAPDOORS: Final = {ACCOUNT: TRAPDOOR, MARKET: MARKET_TRAPDOOR}

#: A book of five: two batches and one merge. Customer 0 clears, customer 2 falls short.
EPOCH: Final = sampled_epoch(5)


@cache
def key_json(circuit: str) -> dict[str, Any]:
    """Return a circuit's verifying key."""
    return KEYS[circuit] if circuit in KEYS else TRAPDOORS[circuit].key_json()


def put_key(
    corpus: Corpus, folder: str, circuit: str, key: dict[str, Any] | None = None, lock: dict[str, Any] | None = None
) -> str:
    """Put the key folder of a circuit below ``keys/<folder>``, its lock file changed by `lock`; return that folder."""
    chosen = key_json(circuit) if key is None else key
    root = f"keys/{folder}"
    corpus.put(f"{root}/{circuit}/verification_key.json", json.dumps(chosen, indent=1).encode())
    corpus.put(
        f"{root}/{circuit}/keys.lock.json", json.dumps(lock_of(circuit, chosen) | (lock or {}), indent=1).encode()
    )
    return root


def put_common(corpus: Corpus) -> None:
    """Put what most cases share: the recipient's keys, the epoch's published files, the oracles' market and set."""
    for circuit in (ACCOUNT, MARKET, *KEYS):
        put_key(corpus, "development", circuit)
    corpus.put("published/market.json", EPOCH.snapshot.to_json_bytes())
    corpus.put("published/params.json", EPOCH.params.to_json_bytes())
    corpus.put("published/record.json", EPOCH.record.to_json_bytes())
    corpus.put("oracles/oracles.json", oracle_set(3, 2).to_json_bytes())
    corpus.put("oracles/params.json", default_params(market()).to_json_bytes())


def account_statement(customer: int, threshold_bps: int = 10_000, record: Record | None = None) -> Statement:
    """Return the true statement about a customer of the epoch, for the challenge of all cases."""
    chosen = EPOCH.record if record is None else record
    risk, rules = build_risk_array(EPOCH.snapshot, EPOCH.params), margin_params(EPOCH.params, EPOCH.snapshot)
    margin = account_margin(account_vector(EPOCH.accounts[customer], EPOCH.snapshot), risk, rules)
    return Statement(
        verdict=int(margin.clears(threshold_bps)),
        risk_root=risk.root(),
        params_root=rules.root(),
        book_root=int(chosen.book_root),
        threshold_bps=threshold_bps,
        context=context_field(chosen.venue_public_key, chosen.digest(), CHALLENGE),
    )


def bundle(statement: Statement | MarketStatement, **changes: Any) -> dict[str, Any]:
    """Return a bundle with a valid proof of `statement`, then changed."""
    circuit, form = (ACCOUNT, ACCOUNT_FORMAT) if isinstance(statement, Statement) else (MARKET, MARKET_FORMAT)
    public = tuple(statement.public_signals())
    return {
        "format": form,
        "circuit": circuit,
        "circuit_version": R1CS_SHA256,
        "vk_id": key_id(key_json(circuit)),
        "statement": {name: str(getattr(statement, name)) for name in type(statement).names()},
        "proof": copy.deepcopy(_proof(circuit, public)),
        **changes,
    }


@cache
def _proof(circuit: str, public: tuple[int, ...]) -> dict[str, Any]:
    return TRAPDOORS[circuit].proof_json(public)


def true_market_statement() -> MarketStatement:
    """Return the statement that follows from the oracles' market."""
    snapshot, params = market(), default_params(market())
    return market_statement(snapshot, oracle_set(3, 2), params, build_risk_array(snapshot, params).root())


def edited(value: dict[str, Any], path: tuple[str | int, ...], new: object) -> bytes:
    """Return JSON bytes of `value` with one place exchanged."""
    changed = copy.deepcopy(value)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return encoded(changed)
