"""Cases of account proofs: what the file says, what was published, and what the recipient asks for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from py_ecc.optimized_bn128.optimized_curve import curve_order, field_modulus

from rtnet_core.record import Record
from rtnet_core.statement import Statement
from tests.conformance.corpus_files import BAD_INPUT, Corpus, accepted, refused
from tests.conformance.world import (
    ACCOUNT,
    CHALLENGE,
    EPOCH,
    NOW_MS,
    account_statement,
    bundle,
    edited,
    key_json,
    put_key,
)
from tests.support.epoch_setting import BATCH, resigned
from tests.support.simulated_groth16 import Trapdoor, rerandomised, twist_point_outside_subgroup
from tests.support.verifier_keys import lock_of
from tests.support.verifier_setting import OTHER_VENUE_KEY, TRAPDOOR, encoded, market
from verifier.bundle import MAX_BUNDLE_BYTES
from verifier.replay import statement_digest

TRUE = account_statement(0)
HONEST = bundle(TRUE)
VENUE_KEY_HEX = EPOCH.record.signature.public_key
PRODUCTION = {"production": True, "venue_public_key": VENUE_KEY_HEX}


class _Cases:
    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def put(self, name: str, content: bytes) -> str:
        """Put a file of one case."""
        return self._corpus.put(f"account/{name}", content)

    def keys(self, folder: str, key: dict[str, Any] | None = None, **lock: Any) -> str:
        """Put the recipient's key of the account circuit in another form."""
        return put_key(self._corpus, folder, ACCOUNT, key, lock)

    def add(
        self,
        name: str,
        expected: dict[str, Any],
        why: str,
        data: bytes | None = None,
        policy: dict[str, Any] | None = None,
        **given: Any,
    ) -> None:
        """Take a case that differs from the honest one in what is named."""
        path = "account/honest.json" if data is None else self.put(f"{name}.json", data)
        usual = {
            "bundle": path,
            "market": "published/market.json",
            "params": "published/params.json",
            "record": "published/record.json",
            "keys": "keys/development",
            "challenge": CHALLENGE,
            "policy": {"now_ms": NOW_MS, **(policy or {})},
        }
        self._corpus.add(f"account-{name}", "account", usual | given, expected, why)


def add_account_cases(corpus: Corpus) -> None:
    """Put every case of an account proof into the corpus."""
    cases = _Cases(corpus)
    cases.put("honest.json", encoded(HONEST))
    _accepted(cases)
    _spellings(cases)
    _points(cases)
    _false_claims(cases)
    _keys(cases)
    _published(cases)
    _policy(cases)


def _accepted(cases: _Cases) -> None:
    short = bundle(account_statement(2))
    again = HONEST | {"proof": rerandomised(HONEST["proof"], key_json(ACCOUNT), 7, 11)}
    redundant = key_json(ACCOUNT) | {"vk_alphabeta_12": []}
    named = bundle(TRUE, vk_id=lock_of(ACCOUNT, redundant)["vk_id"])
    ceremonial = cases.keys("ceremonial", development=False, contributions=3, beacon="00" * 32)
    cases.add("honest", accepted(clears=True), "An honest proof of an account that clears.")
    cases.add(
        "falls-short", accepted(clears=False), "An honest proof of an account below the threshold.", encoded(short)
    )
    cases.add("rerandomised", accepted(clears=True), "Other bytes, the same statement: as valid.", encoded(again))
    cases.add("spaced", accepted(clears=True), "White space is no difference.", json.dumps(HONEST, indent=3).encode())
    cases.add(
        "production",
        accepted(clears=True),
        "Production: a ceremonial key, a pinned venue, data of today.",
        policy=PRODUCTION,
        keys=ceremonial,
    )
    cases.add(
        "redundant-key-part",
        accepted(clears=True),
        "vk_alphabeta_12 is not used, but is part of the key's id.",
        encoded(named),
        keys=cases.keys("redundant", redundant),
    )


def _spellings(cases: _Cases) -> None:
    text = encoded(HONEST)
    json_faults = {
        "byte-order-mark": b"\xef\xbb\xbf" + text,
        "not-utf8": text.replace(b"account-small", b"account-sm\xe4ll"),
        "repeated-key": text.replace(b"{", b'{"format": "zkm2m/account-proof/v1", ', 1),
        "fraction": text.replace(b'"verdict": "1"', b'"verdict": 1.0'),
        "not-a-number": text.replace(b'"verdict": "1"', b'"verdict": NaN'),
        "huge-integer": text.replace(b'"verdict": "1"', b'"verdict": ' + b"1" * 81),
        "minus-zero": text.replace(b'"verdict": "1"', b'"verdict": -0'),
        "too-long": text + b" " * (MAX_BUNDLE_BYTES + 1 - len(text)),
        "too-deep": text.replace(b'"verdict": "1"', b'"verdict": ' + b"[" * 40 + b"]" * 40),
        "goes-on": text + b"{}",
        "lone-surrogate": text.replace(b"account-small", rb"account-\ud800"),
        "truncated": text[:-2],
        "empty": b"",
    }
    for name, data in json_faults.items():
        cases.add(name, refused("malformed_json"), "No strict JSON.", data)
    without = {name: part for name, part in HONEST.items() if name != "vk_id"}
    forms = {
        "key-missing": encoded(without),
        "key-unknown": encoded(HONEST | {"note": ""}),
        "other-format": encoded(HONEST | {"format": "zkm2m/account-proof/v2"}),
        "upper-case-hash": encoded(HONEST | {"circuit_version": "AB" * 32}),
        "circuit-is-a-path": encoded(HONEST | {"circuit": "../account-small"}),
        "signal-missing": edited(HONEST, ("statement",), dict(list(HONEST["statement"].items())[:-1])),
        "statement-as-list": edited(HONEST, ("statement",), list(HONEST["statement"].values())),
        "array": encoded([HONEST]),
    }
    for name, data in forms.items():
        cases.add(name, refused("malformed_bundle"), "Not the form of a bundle.", data)
    context = int(HONEST["statement"]["context"])
    spellings: dict[str, object] = {
        "leading-zero": f"0{context}",
        "hexadecimal": hex(context),
        "plus-sign": f"+{context}",
        "minus-r": str(context - curve_order),
        "number": context,
        "other-digits": str(context).translate({48 + d: 0x660 + d for d in range(10)}),
        "newline": f"{context}\n",
    }
    for name, spelling in spellings.items():
        data = edited(HONEST, ("statement", "context"), spelling)
        cases.add(f"signal-{name}", refused("signal_not_canonical"), "A signal has one spelling.", data)
    ranges = {
        "context-plus-r": ("context", str(context + curve_order)),
        "verdict-2": ("verdict", "2"),
        "threshold-0": ("threshold_bps", "0"),
        "threshold-2-20": ("threshold_bps", str(1 << 20)),
    }
    for name, (signal, spelling) in ranges.items():
        data = edited(HONEST, ("statement", signal), spelling)
        cases.add(f"signal-{name}", refused("signal_out_of_range"), "A signal beyond its range.", data)


def _points(cases: _Cases) -> None:
    proof = HONEST["proof"]
    x = int(proof["pi_a"][0])
    faults: list[tuple[str, str, tuple[str | int, ...], object]] = [
        ("protocol", "proof_malformed", ("protocol",), "plonk"),
        ("curve", "proof_malformed", ("curve",), "bls12381"),
        ("last-coordinate-two", "proof_malformed", ("pi_a", 2), "2"),
        ("last-coordinate-number", "proof_malformed", ("pi_a", 2), 1),
        ("two-coordinates", "proof_malformed", ("pi_c",), proof["pi_c"][:2]),
        ("x-leading-zero", "coordinate_not_canonical", ("pi_a", 0), f"0{x}"),
        ("x-plus-q", "coordinate_out_of_range", ("pi_a", 0), str(x + field_modulus)),
        ("x-equal-q", "coordinate_out_of_range", ("pi_b", 0, 0), str(field_modulus)),
        ("a-at-infinity", "point_at_infinity", ("pi_a",), ["0", "1", "0"]),
        ("b-at-infinity", "point_at_infinity", ("pi_b",), [["0", "0"], ["1", "0"], ["0", "0"]]),
        ("c-off-curve", "point_off_curve", ("pi_c", 0), str((int(proof["pi_c"][0]) + 1) % field_modulus)),
        ("a-zero-zero", "point_off_curve", ("pi_a",), ["0", "0", "1"]),
        ("b-off-curve", "point_off_curve", ("pi_b", 1, 1), str((int(proof["pi_b"][1][1]) + 1) % field_modulus)),
        ("b-coordinates-swapped", "point_off_curve", ("pi_b", 0), proof["pi_b"][0][::-1]),
        ("b-outside-subgroup", "point_outside_subgroup", ("pi_b",), twist_point_outside_subgroup()),
    ]
    for name, code, path, new in faults:
        data = edited(HONEST, ("proof", *path), new)
        cases.add(f"proof-{name}", refused(code), "A proof whose points or form are not those of an honest one.", data)


def _false_claims(cases: _Cases) -> None:
    flipped = edited(bundle(account_statement(2)), ("statement", "verdict"), "1")
    cases.add("verdict-flipped", refused("proof_invalid"), "The proof of a breach, shown as one that clears.", flipped)
    raised = edited(HONEST, ("statement", "threshold_bps"), "10001")
    cases.add("threshold-raised", refused("proof_invalid"), "The proof of another threshold.", raised)
    negated = str(-int(HONEST["proof"]["pi_a"][1]) % field_modulus)
    cases.add(
        "a-negated", refused("proof_invalid"), "Valid points, no proof.", edited(HONEST, ("proof", "pi_a", 1), negated)
    )
    forged = bundle(TRUE, proof=Trapdoor.of(6, "another key").proof_json(TRUE.public_signals()))
    cases.add("another-key", refused("proof_invalid"), "A proof under a key that says it is this one.", encoded(forged))
    for name in ("risk_root", "params_root", "book_root"):
        data = encoded(bundle(replace(TRUE, **{name: getattr(TRUE, name) ^ 1})))
        why = "A valid proof of a statement that published data do not make."
        cases.add(f"other-{name.replace('_', '-')}", refused("statement_mismatch"), why, data)
    other: Statement = replace(TRUE, context=TRUE.context ^ 1)
    cases.add("other-context", refused("wrong_challenge"), "A valid proof for someone else.", encoded(bundle(other)))
    cases.add(
        "other-challenge", refused("wrong_challenge"), "The recipient asked something else.", challenge="another nonce"
    )
    cases.add("challenge-empty", BAD_INPUT, "A challenge has at least one byte.", challenge="")
    cases.add(
        "other-circuit",
        refused("wrong_circuit"),
        "Another circuit than the market calls for.",
        encoded(HONEST | {"circuit": "account-standard"}),
    )
    cases.add(
        "other-version",
        refused("wrong_circuit_version"),
        "Another r1cs than the key's.",
        encoded(HONEST | {"circuit_version": "00" * 32}),
    )
    cases.add(
        "other-vk-id",
        refused("unknown_key"),
        "The bundle has no say in the key.",
        encoded(HONEST | {"vk_id": "00" * 32}),
    )


def _keys(cases: _Cases) -> None:
    key = key_json(ACCOUNT)
    negated_delta = [key["vk_delta_2"][0], [str(-int(y) % field_modulus) for y in key["vk_delta_2"][1]], ["1", "0"]]
    faults = {
        "key_malformed": key | {"protocol": "plonk"},
        "key_public_count": key | {"IC": key["IC"][:-1]},
        "key_repeated_point": key | {"IC": [*key["IC"][:-1], key["IC"][0]]},
        "key_gamma_equals_delta": TRAPDOOR.with_(delta=TRAPDOOR.gamma).key_json(),
        "key_degenerate": TRAPDOOR.with_(beta=TRAPDOOR.delta).key_json(),
        "point_off_curve": key | {"vk_alpha_1": ["1", "3", "1"]},
        "point_outside_subgroup": key | {"vk_beta_2": twist_point_outside_subgroup()},
        "wrong_public_count": Trapdoor.of(5).key_json(),
    }
    for code, faulty in faults.items():
        name = f"key-{code.removeprefix('key_').replace('_', '-')}"
        # What the bundle names is the key's true id, so that nothing but the key's fault refuses it.
        data = encoded(bundle(TRUE, vk_id=lock_of(ACCOUNT, faulty)["vk_id"]))
        cases.add(name, refused(code), "A recipient's key that must not be used.", data, keys=cases.keys(name, faulty))
    counted = key | {"nPublic": str(key["nPublic"])}
    data = encoded(bundle(TRUE, vk_id=lock_of(ACCOUNT, counted)["vk_id"]))
    keys = cases.keys("key-count-as-text", counted)
    cases.add("key-count-as-text", refused("key_malformed"), "A count is an integer.", data, keys=keys)
    turned = key | {"vk_gamma_2": negated_delta}
    cases.add(
        "key-gamma-minus-delta",
        refused("key_gamma_equals_delta"),
        "As bad as gamma = delta.",
        keys=cases.keys("key-gamma-minus-delta", turned),
    )
    locks: dict[str, tuple[str, dict[str, Any]]] = {
        "lock-malformed": ("key_lock_malformed", {"development": 1}),
        "lock-contributions-negative": ("key_lock_malformed", {"contributions": -1}),
        "lock-beacon-empty": ("key_lock_malformed", {"beacon": ""}),
        "lock-mismatch": ("key_lock_mismatch", {"vk_id": "00" * 32}),
        "lock-of-another-circuit": ("wrong_circuit", {"circuit": BATCH}),
    }
    for name, (code, changes) in locks.items():
        why = "The lock file and the key must belong together."
        cases.add(name, refused(code), why, keys=cases.keys(name, **changes))
    cases.add("no-such-key", refused("unknown_key"), "The recipient has no key of this circuit.", keys="keys/none")
    cases.add(
        "key-not-the-pinned",
        refused("unknown_key"),
        "A key of the folder that is not the pinned one.",
        pins={ACCOUNT: "00" * 32},
    )
    cases.add(
        "version-not-the-pinned",
        refused("wrong_circuit_version"),
        "A key of another version than pinned.",
        versions={ACCOUNT: "00" * 32},
    )
    cases.add("development-key", refused("development_key"), "Production refuses it.", policy=PRODUCTION)
    no_beacon = cases.keys("no-beacon", development=False, contributions=3)
    cases.add(
        "no-beacon", refused("key_not_ceremonial"), "A ceremony ends with a beacon.", policy=PRODUCTION, keys=no_beacon
    )


def _published(cases: _Cases) -> None:
    record = EPOCH.record

    def changed(name: str, code: str, why: str, **changes: Any) -> None:
        signed = resigned(record, **changes)
        path = cases.put(f"{name}.record.json", signed.to_json_bytes())
        cases.add(name, refused(code), why, encoded(bundle(account_statement(0, record=signed))), record=path)

    why = "A record that the venue signed, about something else than what is given."
    changed("record-other-profile", "profile_mismatch", why, profile="standard")
    changed("record-other-time", "time_mismatch", why, as_of_ms=record.as_of_ms + 1)
    changed("record-other-snapshot", "snapshot_mismatch", why, snapshot_hash="1")
    changed("record-other-params", "params_mismatch", why, params_root="1")
    changed("record-other-risk", "risk_root_mismatch", why, risk_root="1")
    content = json.loads(record.to_json_bytes())
    small_order = content | {
        "signature": content["signature"] | {"public_key": "01" + "00" * 31, "value": "01" + "00" * 63}
    }
    edits: dict[str, tuple[dict[str, Any], str]] = {
        "record-edited": (content | {"account_count": 6}, "Changed after it was signed."),
        "record-key-of-small-order": (small_order, "A key under which anyone can sign."),
    }
    for name, (edited_record, reason) in edits.items():
        path = cases.put(f"{name}.record.json", encoded(edited_record))
        cases.add(name, refused("record_signature_invalid"), reason, record=path)
    unknown = cases.put("record-unknown-key.record.json", encoded(content | {"note": ""}))
    cases.add("record-unknown-key", BAD_INPUT, "No record: a key that none has.", record=unknown)
    other_price = market(
        time_ms=EPOCH.snapshot.time_ms, assets=[{"symbol": "USDC", "unit": "1", "price_ticks": 999_999}]
    )
    path = cases.put("market-other-price.market.json", other_price.to_json_bytes())
    cases.add("market-other-price", refused("snapshot_mismatch"), "A market file with another price.", market=path)
    flawed = json.loads(EPOCH.snapshot.to_json_bytes()) | {"time_ms": float(EPOCH.snapshot.time_ms)}
    cases.add(
        "market-float",
        BAD_INPUT,
        "No market file: a float.",
        market=cases.put("market-float.market.json", encoded(flawed)),
    )


def _policy(cases: _Cases) -> None:
    record: Record = EPOCH.record
    cases.add("venue-pinned", accepted(clears=True), "By the pinned venue.", policy={"venue_public_key": VENUE_KEY_HEX})
    other = OTHER_VENUE_KEY.public_key().public_bytes_raw().hex()
    cases.add(
        "other-venue",
        refused("wrong_venue"),
        "Signed by another key than the pinned one.",
        policy={"venue_public_key": other},
    )
    cases.add(
        "venue-not-pinned",
        refused("venue_key_not_pinned"),
        "Production asks for the venue's key.",
        policy={"production": True},
        keys="keys/ceremonial",
    )
    age = NOW_MS - record.as_of_ms
    cases.add("just-fresh", accepted(clears=True), "As old as permitted.", policy={"max_age_ms": age})
    cases.add("stale", refused("stale"), "A millisecond too old.", policy={"max_age_ms": age - 1})
    day_later = record.as_of_ms + 86_400_001
    cases.add(
        "stale-in-production",
        refused("stale"),
        "Production permits a day.",
        policy={**PRODUCTION, "now_ms": day_later},
        keys="keys/ceremonial",
    )
    earliest = record.signed_at_ms - 300_000
    cases.add(
        "just-not-future", accepted(clears=True), "As far ahead as clocks may differ.", policy={"now_ms": earliest}
    )
    cases.add("future", refused("from_the_future"), "A millisecond further ahead.", policy={"now_ms": earliest - 1})
    cases.add("threshold-asked", accepted(clears=True), "The threshold asked for.", policy={"threshold_bps": 10_000})
    cases.add(
        "threshold-not-asked",
        refused("threshold_mismatch"),
        "Another one was asked for.",
        policy={"threshold_bps": 12_000},
    )
    digest = statement_digest(TRUE.public_signals()).hex()
    seen = cases.put("seen.jsonl", encoded({"statement": digest, "accepted_ms": NOW_MS - 1}) + b"\n")
    cases.add("seen-before", refused("replayed"), "Accepted before.", seen=seen)
    again = HONEST | {"proof": rerandomised(HONEST["proof"], key_json(ACCOUNT), 3, 5)}
    cases.add(
        "seen-before-rerandomised", refused("replayed"), "Other bytes, the same statement.", encoded(again), seen=seen
    )
