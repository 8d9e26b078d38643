"""Cases of signed snapshots and of market proofs."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

from rtnet_core.baby_jubjub import SUBGROUP_ORDER
from rtnet_core.oracle import KeySignature, SignedSnapshot, sign_snapshot
from tests.conformance.corpus_files import BAD_INPUT, Corpus, accepted, refused
from tests.conformance.world import MARKET, bundle, edited, true_market_statement
from tests.support.oracles import TIME_MS, key, market, oracle_set, signed_by
from tests.support.verifier_setting import encoded

SET = oracle_set(3, 2)
NOW_MS = TIME_MS + 60_000


def add_market_cases(corpus: Corpus) -> None:
    """Put every case of a signed snapshot and of a market proof into the corpus."""
    corpus.put("oracles/signed.json", signed_by([0, 2], SET, market()).to_json_bytes())
    _snapshots(corpus)
    _proofs(corpus)


def _snapshots(corpus: Corpus) -> None:
    def add(
        name: str, expected: dict[str, Any], why: str, data: bytes | None = None, policy: dict[str, Any] | None = None
    ) -> None:
        path = "oracles/signed.json" if data is None else corpus.put(f"oracles/{name}.json", data)
        given = {"signed": path, "oracles": "oracles/oracles.json", "policy": {"now_ms": NOW_MS, **(policy or {})}}
        corpus.add(f"snapshot-{name}", "snapshot", given, expected, why)

    honest = json.loads(signed_by([0, 2], SET, market()).to_json_bytes())
    first, second = honest["signatures"]

    def signatures(*entries: dict[str, Any]) -> bytes:
        return encoded(honest | {"signatures": list(entries)})

    add("honest", accepted(signers=["oracle-0", "oracle-2"]), "Two of three signed.")
    add(
        "another-order",
        accepted(signers=["oracle-0", "oracle-2"]),
        "The order in the file is no matter.",
        signatures(second, first),
    )
    everyone = signed_by([0, 1, 2], SET, market()).to_json_bytes()
    add("everyone", accepted(signers=["oracle-0", "oracle-1", "oracle-2"]), "More than a quorum.", everyone)
    add("too-few", refused("oracle_quorum_not_met"), "One of three signed.", signatures(first))
    add("nobody", refused("oracle_quorum_not_met"), "No signature at all.", signatures())
    add("twice", refused("oracle_twice"), "One oracle counts once.", signatures(first, first))
    wider = oracle_set(4, 2)
    stranger = sign_snapshot(market(), wider, key(3)).signature.model_dump()
    add("unknown-oracle", refused("oracle_unknown"), "A key outside the set.", signatures(first, second, stranger))
    for_another = signed_by([0, 1], oracle_set(3, 1), market())
    add("another-quorum", refused("oracle_set_mismatch"), "Signed for another quorum.", for_another.to_json_bytes())
    price = honest["snapshot"]["underlyings"][0]["index_ticks"] + 1
    moved = edited(honest, ("snapshot", "underlyings", 0, "index_ticks"), price)
    add("price-changed", refused("oracle_signature_invalid"), "A price was changed after signing.", moved)
    third = sign_snapshot(market(2), SET, key(1)).signature.model_dump()
    why = "A quorum is there, and a third signature that does not hold: somebody tampered with the file."
    add("one-bad-of-three", refused("oracle_signature_invalid"), why, signatures(first, second, third))
    scalar = int.from_bytes(bytes.fromhex(first["value"])[32:], "little") + SUBGROUP_ORDER
    malleated = first | {"value": first["value"][:64] + scalar.to_bytes(32, "little").hex()}
    add(
        "scalar-plus-order",
        refused("oracle_signature_invalid"),
        "A second spelling of S.",
        signatures(malleated, second),
    )
    add("stale", refused("stale"), "A millisecond too old.", policy={"max_age_ms": 59_999})
    add("just-fresh", accepted(age_ms=60_000), "As old as permitted.", policy={"max_age_ms": 60_000})
    add("future", refused("from_the_future"), "Ahead of the clock and its skew.", policy={"now_ms": TIME_MS - 300_001})
    add("unknown-key", BAD_INPUT, "No signed snapshot: a key that none has.", encoded(honest | {"note": ""}))
    add(
        "short-signature",
        BAD_INPUT,
        "No signed snapshot: 63 bytes.",
        edited(honest, ("signatures", 0, "value"), first["value"][2:]),
    )


def _proofs(corpus: Corpus) -> None:
    true = true_market_statement()
    honest = bundle(true)
    corpus.put("oracles/proof.json", encoded(honest))

    def add(
        name: str, expected: dict[str, Any], why: str, data: bytes | None = None, ground: str = "proof", **given: Any
    ) -> None:
        path = "oracles/proof.json" if data is None else corpus.put(f"oracles/{name}.proof.json", data)
        usual = {
            "bundle": path,
            "signed": "oracles/signed.json",
            "oracles": "oracles/oracles.json",
            "params": "oracles/params.json",
            "keys": "keys/development",
            "ground": ground,
            "policy": {"now_ms": NOW_MS},
        }
        corpus.add(f"market-{name}", "market", usual | given, expected, why)

    risk_root = str(true.risk_root)
    for ground in ("proof", "recomputing", "both"):
        add(f"honest-by-{ground}", accepted(risk_root=risk_root), "An honest proof.", ground=ground)
    false = bundle(replace(true, risk_root=true.risk_root ^ 1))
    why = "A proof forged with the key's trapdoor: only computing the array again shows it."
    add("forged-by-proof", accepted(risk_root=str(true.risk_root ^ 1)), why, encoded(false))
    for ground in ("recomputing", "both"):
        add(f"forged-by-{ground}", refused("risk_array_mismatch"), why, encoded(false), ground=ground)
    for name in ("oracles_root", "snapshot_hash", "time_ms", "params_root"):
        data = encoded(bundle(replace(true, **{name: getattr(true, name) ^ 1})))
        why = "A valid proof of a statement that the signed snapshot does not make."
        add(f"other-{name.replace('_', '-')}", refused("statement_mismatch"), why, data)
    claimed = edited(honest, ("statement", "risk_root"), str(true.risk_root ^ 1))
    add("risk-root-claimed", refused("proof_invalid"), "Another array than the proof is about.", claimed)
    why = "Where the array is computed again, the proof is not looked at."
    broken = copy.deepcopy(honest)
    broken["proof"] = bundle(replace(true, risk_root=1))["proof"]
    add("proof-not-looked-at", accepted(risk_root=risk_root), why, encoded(broken), ground="recomputing")
    add("late-time", refused("signal_out_of_range"), "No time.", edited(honest, ("statement", "time_ms"), str(1 << 42)))
    add(
        "account-format",
        refused("malformed_bundle"),
        "Another kind of bundle.",
        encoded(honest | {"format": "zkm2m/account-proof/v1"}),
    )
    renamed = encoded(honest | {"circuit": "market-wide"})
    for ground in ("proof", "recomputing"):
        why = "Another circuit than the snapshot calls for."
        add(f"other-circuit-by-{ground}", refused("wrong_circuit"), why, renamed, ground=ground)
    add(
        "other-vk-id",
        refused("unknown_key"),
        "The bundle has no say in the key.",
        encoded(honest | {"vk_id": "00" * 32}),
    )
    two = SignedSnapshot(snapshot=market(2), oracles_root=str(SET.root()), signatures=_signatures(2))
    other = corpus.put("oracles/other-signed.json", two.to_json_bytes())
    add(
        "another-snapshot",
        refused("statement_mismatch"),
        "The proof of other prices than the ones signed.",
        signed=other,
    )
    add("no-such-key", refused("unknown_key"), f"No key of {MARKET}.", keys="keys/ceremonial")


def _signatures(seed: int) -> tuple[KeySignature, ...]:
    return signed_by([0, 1], SET, market(seed)).signatures
