"""Attacks on signed snapshots: A27 with every field of a snapshot, keys and signatures that are none, A28, A35."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from rtnet_core.baby_jubjub import BASE8, ENCODED_BYTES, SUBGROUP_ORDER, add, decode_point, encode_point, multiply
from rtnet_core.eddsa_poseidon import Signature, challenge_of, decode_signature, encode_signature
from rtnet_core.eddsa_poseidon import verify as holds
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.oracle import OracleSet, oracle_message
from rtnet_core.snapshot_hash import snapshot_hash
from tests.support.oracles import TIME_MS, key, low_order_points, market, oracle_set, signed_by
from verifier.oracle import SnapshotVerdict, verify_signed_snapshot
from verifier.policy import Policy
from verifier.reasons import REASONS

ORACLES = oracle_set(5, 3)


def _is_y(y: int) -> bool:
    try:
        decode_point(y.to_bytes(32, "little"))
    except ValueError:
        return False
    return True


def content(numbers: tuple[int, ...] = (0, 2, 4)) -> dict[str, Any]:
    """Return a snapshot that these oracles signed, as JSON."""
    return dict(json.loads(signed_by(numbers, ORACLES, market()).to_json_bytes()))


def verify(
    signed: dict[str, Any], oracles: OracleSet = ORACLES, *, now_ms: int = TIME_MS, **limits: int
) -> SnapshotVerdict:
    """Return the verdict at a time."""
    policy = Policy(now_ms=now_ms, **limits)  # type: ignore[arg-type]
    return verify_signed_snapshot(json.dumps(signed).encode(), oracles=oracles, policy=policy)


def refused(signed: dict[str, Any], oracles: OracleSet = ORACLES, **options: Any) -> tuple[str, str]:
    """Return code and message of the refusal."""
    with pytest.raises(Refusal) as caught:
        verify(signed, oracles, **options)
    assert caught.value.code in REASONS
    return caught.value.code, caught.value.message


def test_the_control() -> None:
    verdict = verify(content(), now_ms=TIME_MS + 1000)
    assert verdict.signers == ("oracle-0", "oracle-2", "oracle-4")
    assert (verdict.quorum, verdict.oracle_count, verdict.age_ms) == (3, 5, 1000)
    assert verdict.to_json()["snapshot_hash"] == str(verdict.snapshot_hash)
    assert verdict.snapshot == market()


def _an_option(snapshot: dict[str, Any]) -> dict[str, Any]:
    return next(entry for entry in snapshot["instruments"] if entry["kind"] == "call")


def _one_up(part: Callable[[dict[str, Any]], dict[str, Any]], field: str) -> Callable[[dict[str, Any]], None]:
    def change(snapshot: dict[str, Any]) -> None:
        part(snapshot)[field] += 1

    return change


def _put(
    part: Callable[[dict[str, Any]], dict[str, Any]], field: str, value: object
) -> Callable[[dict[str, Any]], None]:
    def change(snapshot: dict[str, Any]) -> None:
        assert part(snapshot)[field] != value
        part(snapshot)[field] = value

    return change


def _swap_instruments(snapshot: dict[str, Any]) -> None:
    first, second, *others = snapshot["instruments"]
    snapshot["instruments"] = [second, first, *others]


def _drop_instrument(snapshot: dict[str, Any]) -> None:
    snapshot["instruments"].pop()


def _underlying(snapshot: dict[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", snapshot["underlyings"][0])


def _asset(snapshot: dict[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", snapshot["assets"][0])


def _itself(snapshot: dict[str, Any]) -> dict[str, Any]:
    return snapshot


CHANGES = {
    "time": _one_up(_itself, "time_ms"),
    "index": _one_up(_underlying, "index_ticks"),
    "lot": _put(_underlying, "lot", "0.001"),
    "asset price": _one_up(_asset, "price_ticks"),
    "asset unit": _put(_asset, "unit", "0.001"),
    "asset name": _put(_asset, "symbol", "EVIL"),
    "forward": _one_up(_an_option, "forward_ticks"),
    "strike": _one_up(_an_option, "strike_ticks"),
    "volatility": _one_up(_an_option, "volatility_q32"),
    "expiry": _one_up(_an_option, "expiry_ms"),
    "kind": _put(_an_option, "kind", "put"),
    "instrument name": _put(_an_option, "name", "EVIL"),
    "instruments exchanged": _swap_instruments,
    "instrument left out": _drop_instrument,
    "profile": _put(_itself, "profile", "standard"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a27_signatures_serve_no_other_price_instrument_scale_or_time(change: Callable[[dict[str, Any]], None]) -> None:
    signed = content()
    change(signed["snapshot"])
    code, message = refused(signed)
    assert code == "oracle_signature_invalid"
    assert "oracle-0" in message


@pytest.mark.parametrize(("field", "value"), [("tick", "0.0001"), ("quote", "EUR"), ("format", "zkm2m/market/v2")])
def test_a27_the_unit_of_money_is_fixed(field: str, value: str) -> None:
    signed = content()
    signed["snapshot"][field] = value
    with pytest.raises(InputError, match=rf"snapshot\.{field}"):
        verify(signed)


def test_a27_scalar_plus_the_order() -> None:
    for multiple in (1, 2, 8):
        signed = content()
        encoded = bytes.fromhex(signed["signatures"][1]["value"])
        scalar = int.from_bytes(encoded[ENCODED_BYTES:], "little") + multiple * SUBGROUP_ORDER
        signed["signatures"][1]["value"] = (encoded[:ENCODED_BYTES] + scalar.to_bytes(32, "little")).hex()
        code, message = refused(signed)
        assert code == "oracle_signature_invalid"
        assert message == "the signature of oracle-2 must have a scalar below the order of the subgroup"


def test_a27_nonce_points_in_other_spellings() -> None:
    encoded = bytes.fromhex(content()["signatures"][0]["value"])
    y = int.from_bytes(encoded[:32], "little")
    for forged in ((y & (1 << 255) - 1) + FIELD_MODULUS, y ^ 1 << 255, 1 | 1 << 255, FIELD_MODULUS - 1):
        signed = content()
        signed["signatures"][0]["value"] = (forged % (1 << 256)).to_bytes(32, "little").hex() + encoded[32:].hex()
        code, message = refused(signed)
        assert code == "oracle_signature_invalid"
        assert "oracle-0" in message


@pytest.mark.parametrize("number", range(1, 8))
def test_a27_nonce_point_moved_by_low_order(number: int) -> None:
    signed = content()
    signature = decode_signature(bytes.fromhex(signed["signatures"][2]["value"]))
    moved = Signature(add(signature.nonce_point, low_order_points()[number]), signature.scalar)
    signed["signatures"][2]["value"] = encode_signature(moved).hex()
    code, message = refused(signed)
    assert code == "oracle_signature_invalid"
    assert "oracle-4" in message


@pytest.mark.parametrize("number", range(8))
def test_a27_keys_of_low_order_are_in_no_set(number: int) -> None:
    with pytest.raises(InputError, match=r"oracles\[1\]\.public_key: must (not be the identity|lie in the subgroup)"):
        _set_with(encode_point(low_order_points()[number]).hex())


@pytest.mark.parametrize("number", range(1, 8))
def test_a27_the_seven_twins_of_a_key_are_in_no_set(number: int) -> None:
    """Who holds a key could else stand eight times in a set and be a quorum alone."""
    twin = add(key(0).public_key(), low_order_points()[number])
    with pytest.raises(InputError, match=r"oracles\[1\]\.public_key: must lie in the subgroup"):
        _set_with(encode_point(twin).hex())


@pytest.mark.parametrize(
    "encoded",
    [
        (1 | 1 << 255).to_bytes(32, "little"),
        (FIELD_MODULUS + 1).to_bytes(32, "little"),
        b"\xff" * 32,
        next(y for y in range(2, 99) if not _is_y(y)).to_bytes(32, "little"),
    ],
)
def test_a27_keys_in_other_spellings_are_in_no_set(encoded: bytes) -> None:
    with pytest.raises(InputError, match=r"oracles\[1\]\.public_key"):
        _set_with(encoded.hex())


def _set_with(public_key: str) -> OracleSet:
    described = ORACLES.model_dump(mode="json")
    described["oracles"][1]["public_key"] = public_key
    return OracleSet.from_json(described)


def test_a27_a_quorum_of_one_key() -> None:
    signed = content()
    signed["signatures"] = [signed["signatures"][0]] * 3
    assert refused(signed) == ("oracle_twice", "oracle-0 signs twice and counts once: quorum needs different oracles")


def test_a27_a_second_signature_of_one_key() -> None:
    """Deterministic nonces are the signer's promise: whoever holds the key can make as many signatures as they like."""
    signed = content()
    public_key, message = key(0).public_key(), oracle_message(snapshot_hash(market()), ORACLES.root())
    nonce_point, secret = multiply(777, BASE8), key(0)._expanded()[0]
    scalar = (777 + challenge_of(nonce_point, public_key, message) * secret) % SUBGROUP_ORDER
    second = Signature(nonce_point, scalar)
    assert holds(public_key, message, second)
    signed["signatures"][1] = signed["signatures"][0] | {"value": encode_signature(second).hex()}
    assert refused(signed)[0] == "oracle_twice"


def test_a27_too_few_and_none() -> None:
    for count in (0, 1, 2):
        signed = content()
        signed["signatures"] = signed["signatures"][:count]
        assert refused(signed) == ("oracle_quorum_not_met", f"{count} of 5 oracles signed, 3 must")


def test_a27_a_signature_under_anothers_name() -> None:
    signed = content()
    first, second = signed["signatures"][:2]
    first["value"], second["value"] = second["value"], first["value"]
    assert refused(signed)[0] == "oracle_signature_invalid"


def test_a27_an_unknown_key_beside_a_quorum() -> None:
    signed = content()
    stranger = json.loads(signed_by((5,), oracle_set(1, 1, first=5), market()).to_json_bytes())
    signed["signatures"].append(stranger["signatures"][0])
    code, message = refused(signed)
    assert code == "oracle_unknown"
    assert stranger["signatures"][0]["public_key"] in message


def test_a27_a_broken_signature_beside_a_quorum() -> None:
    signed = content((0, 1, 2, 3))
    signed["signatures"][3]["value"] = "00" * 64
    assert refused(signed)[0] == "oracle_signature_invalid"


def test_a27_signatures_for_a_set_with_another_quorum_or_other_keys() -> None:
    """An oracle signs for one set: its signatures are no quorum in a set that asks for fewer, or has other members."""
    for others in (oracle_set(5, 2), oracle_set(5, 4), oracle_set(4, 3), oracle_set(6, 3)):
        assert refused(content(), others)[0] == "oracle_set_mismatch"
        signed = content() | {"oracles_root": str(others.root())}  # the carrier claims the other set
        assert refused(signed, others)[0] in {"oracle_signature_invalid", "oracle_unknown"}
        assert refused(signed)[0] == "oracle_set_mismatch"


def test_a28_too_old_and_of_the_future() -> None:
    assert verify(content(), now_ms=TIME_MS + 60_000, max_age_ms=60_000).age_ms == 60_000
    assert refused(content(), now_ms=TIME_MS + 60_001, max_age_ms=60_000)[0] == "stale"
    assert verify(content(), now_ms=TIME_MS - 5_000, skew_ms=5_000).age_ms == 0
    assert refused(content(), now_ms=TIME_MS - 5_001, skew_ms=5_000)[0] == "from_the_future"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        b'{"format":"zkm2m/signed-snapshot/v1","format":"zkm2m/signed-snapshot/v1"}',
        b'{"oracles_root":NaN}',
        b"{" + b" " * (17 << 20),
    ],
)
def test_a35_hostile_bytes_are_bad_input(data: bytes) -> None:
    with pytest.raises(InputError):
        verify_signed_snapshot(data, oracles=ORACLES)


@pytest.mark.parametrize(
    "change",
    [
        {"signatures": "x"},
        {"signatures": [{}]},
        {"signatures": [{"public_key": "00" * 32, "value": "0x" + "00" * 63}]},
        {"signatures": [{"public_key": "AB" * 32, "value": "00" * 64}]},
        {"signatures": [{"public_key": "00" * 32, "value": "00" * 64}] * 33},
        {"oracles_root": "-1"},
        {"oracles_root": "01"},
        {"extra": 1},
    ],
)
def test_a35_other_forms_are_bad_input(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        verify(content() | change)


def test_a_root_beyond_the_field_is_another_set() -> None:
    assert refused(content() | {"oracles_root": str(ORACLES.root() + FIELD_MODULUS)})[0] == "oracle_set_mismatch"
