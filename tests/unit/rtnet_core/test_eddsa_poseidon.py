"""EdDSA with Poseidon: the signatures of circomlibjs, ours, and what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.baby_jubjub import BASE8, IDENTITY, SUBGROUP_ORDER, Point, add, encode_point, multiply, negate
from rtnet_core.eddsa_poseidon import (
    PrivateKey,
    Signature,
    challenge_of,
    decode_signature,
    encode_signature,
    new_private_key,
    public_key_fault,
    verify,
)
from rtnet_core.limits import FIELD_MODULUS
from tests.support.oracles import key, low_order_points

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "eddsa_poseidon.json").read_text("utf-8"))
MESSAGES = [0, 1, 1 << 128, FIELD_MODULUS - 1]


def point(coordinates: list[str]) -> Point:
    return Point(*map(int, coordinates))


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=lambda vector: vector["message"][:8])
def test_signatures_of_circomlibjs_are_accepted(vector: dict[str, Any]) -> None:
    public_key, message = point(vector["key"]), int(vector["message"])
    signature = Signature(point(vector["nonce_point"]), int(vector["scalar"]))
    assert verify(public_key, message, signature)
    assert not verify(public_key, (message + 1) % FIELD_MODULUS, signature)
    assert encode_signature(signature).hex() == vector["encoded"]
    assert decode_signature(bytes.fromhex(vector["encoded"])) == signature
    assert encode_point(public_key).hex() == vector["key_encoded"]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_signature_serves_its_message_and_key_alone(message: int) -> None:
    signature = key(0).sign(message)
    assert signature == key(0).sign(message)
    assert verify(key(0).public_key(), message, signature)
    assert not verify(key(1).public_key(), message, signature)
    assert not verify(key(0).public_key(), (message + 1) % FIELD_MODULUS, signature)


def test_two_messages_have_two_nonces() -> None:
    assert key(0).sign(1).nonce_point != key(0).sign(2).nonce_point != key(1).sign(2).nonce_point


def test_a_derivation_that_is_fixed() -> None:
    """Computed once, when circomlibjs accepted its signatures: another derivation would lock keys out."""
    public_key = PrivateKey(bytes(32)).public_key()
    assert encode_point(public_key).hex() == "22abdbf7a201ba1560df6e4f1bfe742297d7a7b77a30affd5b740977924ad38c"


def test_fresh_keys_differ_and_show_nothing() -> None:
    first, second = new_private_key(), new_private_key()
    assert first != second
    assert public_key_fault(first.public_key()) is None
    assert first.seed.hex() not in repr(first)
    assert repr(first.seed) not in repr(first)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PrivateKey(seed)


@pytest.mark.parametrize("message", [-1, FIELD_MODULUS, FIELD_MODULUS + 1])
def test_a_message_is_a_reduced_field_element(message: int) -> None:
    with pytest.raises(ValueError, match="field element"):
        key(0).sign(message)
    with pytest.raises(ValueError, match="field element"):
        verify(key(0).public_key(), message, key(0).sign(1))


@pytest.mark.parametrize("shift", [SUBGROUP_ORDER, 2 * SUBGROUP_ORDER, -SUBGROUP_ORDER])
def test_a27_a_scalar_has_one_value(shift: int) -> None:
    signature = key(0).sign(7)
    shifted = Signature(signature.nonce_point, signature.scalar + shift)
    assert not verify(key(0).public_key(), 7, shifted)
    if shift > 0:
        with pytest.raises(ValueError, match="below the order"):
            decode_signature(encode_signature(shifted))


@pytest.mark.parametrize("number", range(1, 8))
def test_a27_a_nonce_point_of_the_subgroup_is_asked_for(number: int) -> None:
    """With R8 + T the signer can make both sides agree up to T; no multiple of eight is taken, so it is refused."""
    torsion = low_order_points()[number]
    public_key, nonce = key(0).public_key(), 12345
    nonce_point = add(multiply(nonce, BASE8), torsion)
    secret = key(0)._expanded()[0]
    scalar = (nonce + challenge_of(nonce_point, public_key, 7) * secret) % SUBGROUP_ORDER
    assert not verify(public_key, 7, Signature(nonce_point, scalar))
    honest = multiply(nonce, BASE8)
    scalar = (nonce + challenge_of(honest, public_key, 7) * secret) % SUBGROUP_ORDER
    assert verify(public_key, 7, Signature(honest, scalar))  # the control: the same signing, without the torsion


@pytest.mark.parametrize("number", range(8))
def test_a27_anyone_signs_under_a_key_of_low_order(number: int) -> None:
    """The equation of circomlib holds for S * BASE8 and S, whoever chose S: the key itself is refused."""
    public_key, scalar = low_order_points()[number], 99
    signature = Signature(multiply(scalar, BASE8), scalar)
    assert multiply(8, public_key) == IDENTITY
    assert not verify(public_key, 7, signature)
    assert "identity" in (public_key_fault(public_key) or "") or "subgroup" in (public_key_fault(public_key) or "")


@pytest.mark.parametrize("number", range(1, 8))
def test_a27_a_key_beside_the_subgroup_is_refused(number: int) -> None:
    """A + T has the multiple 8A of A, so the holder of A signs under eight keys."""
    twin = add(key(0).public_key(), low_order_points()[number])
    secret, _ = key(0)._expanded()
    nonce_point = multiply(5, BASE8)
    scalar = (5 + challenge_of(nonce_point, twin, 7) * secret) % SUBGROUP_ORDER
    right = add(nonce_point, multiply(challenge_of(nonce_point, twin, 7), multiply(8, twin)))
    assert multiply(scalar, BASE8) == right  # circomlib's equation holds
    assert public_key_fault(twin) == "must lie in the subgroup of prime order"
    assert not verify(twin, 7, Signature(nonce_point, scalar))


def test_a27_points_off_the_curve_are_refused() -> None:
    signature = key(0).sign(7)
    x, y = signature.nonce_point
    for forged in (Point(x, y + 1), Point(y, x), Point(x + FIELD_MODULUS, y), Point(0, 0), Point(1, 1)):
        assert not verify(key(0).public_key(), 7, Signature(forged, signature.scalar))
        assert public_key_fault(forged) == "must be a point of the curve"
        assert not verify(forged, 7, signature)
    assert not verify(negate(key(0).public_key()), 7, signature)
    assert not verify(key(0).public_key(), 7, Signature(negate(signature.nonce_point), signature.scalar))


@pytest.mark.parametrize("encoded", [b"", bytes(63), bytes(65)])
def test_a_signature_has_64_bytes(encoded: bytes) -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        decode_signature(encoded)
