"""Keys that the verifier must refuse, and proofs made for other keys: A37 and A40 to A43."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from py_ecc.optimized_bn128.optimized_curve import G1, add, curve_order, field_modulus, multiply, neg

from rtnet_core.errors import Refusal
from tests.support.simulated_groth16 import (
    Trapdoor,
    combined_input,
    g1_json,
    g1_point,
    g2_json,
    g2_point,
    proof_json,
    raw_equation_holds,
    twist_point_outside_subgroup,
)
from tests.support.verifier_keys import lock_of, write_keys
from tests.support.verifier_setting import (
    CIRCUIT,
    KEY_JSON,
    NOW_MS,
    TRAPDOOR,
    VK_ID,
    Setting,
    bundle_of,
    encoded,
    setting,
)
from verifier.groth16 import VerificationKey
from verifier.keystore import Keystore, PinnedKey, key_id
from verifier.policy import Policy

#: Made for another circuit with as many public signals.
OTHER = Trapdoor.of(6, "another circuit")
OTHER_KEY_JSON = OTHER.key_json()
OTHER_VK_ID = key_id(OTHER_KEY_JSON)
PUBLIC = (1, 20, 300, 4_000, 50_000, 600_000)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return setting(tmp_path_factory.mktemp("keys"))


def refusal_of(situation: Setting, bundle: dict[str, Any]) -> str:
    """Return the code with which the bundle is refused."""
    with pytest.raises(Refusal) as caught:
        situation.verify(encoded(bundle))
    return caught.value.code


def key_refusal(key: object) -> str:
    """Return the code with which the key is refused."""
    with pytest.raises(Refusal) as caught:
        VerificationKey.from_json(key)
    return caught.value.code


# A37: a valid proof of something else


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({"circuit": "account-standard"}, "wrong_circuit"),
        ({"circuit": "inclusion-small"}, "wrong_circuit"),
        ({"circuit_version": "00" * 32}, "wrong_circuit_version"),
        ({"vk_id": OTHER_VK_ID}, "unknown_key"),
        ({}, "proof_invalid"),
    ],
    ids=["size", "circuit", "version", "key", "lies_throughout"],
)
def test_a37_a_valid_proof_of_another_circuit_is_refused(honest: Setting, names: dict[str, str], code: str) -> None:
    assert refusal_of(honest, bundle_of(honest.statement(), OTHER, **names)) == code


def test_a37_a_key_pinned_under_another_circuits_name_is_refused(tmp_path: Path) -> None:
    situation = setting(tmp_path)
    lock = tmp_path / CIRCUIT / "keys.lock.json"
    lock.write_text(json.dumps(lock_of("account-standard", KEY_JSON)))
    assert refusal_of(situation, bundle_of(situation.statement())) == "wrong_circuit"


# A40: keys under which anyone can forge


def forged_gamma_delta(key: dict[str, Any], public: tuple[int, ...]) -> dict[str, Any]:
    """Gamma = delta: A = alpha, B = beta, C = -X."""
    return proof_json(g1_point(key["vk_alpha_1"]), g2_point(key["vk_beta_2"]), neg(combined_input(key, public)))


def forged_gamma_minus_delta(key: dict[str, Any], public: tuple[int, ...]) -> dict[str, Any]:
    """Gamma = -delta: A = alpha, B = beta, C = X."""
    return proof_json(g1_point(key["vk_alpha_1"]), g2_point(key["vk_beta_2"]), combined_input(key, public))


def forged_beta_delta(key: dict[str, Any], public: tuple[int, ...]) -> dict[str, Any]:
    """Beta = delta: A = X, B = gamma, C = -alpha."""
    return proof_json(combined_input(key, public), g2_point(key["vk_gamma_2"]), neg(g1_point(key["vk_alpha_1"])))


def forged_beta_minus_delta(key: dict[str, Any], public: tuple[int, ...]) -> dict[str, Any]:
    """Beta = -delta: A = X, B = gamma, C = alpha."""
    return proof_json(combined_input(key, public), g2_point(key["vk_gamma_2"]), g1_point(key["vk_alpha_1"]))


def forged_beta_gamma(key: dict[str, Any], public: tuple[int, ...]) -> dict[str, Any]:
    """Beta = gamma: A = alpha + X, B = gamma + delta, C = A."""
    a = add(g1_point(key["vk_alpha_1"]), combined_input(key, public))
    return proof_json(a, add(g2_point(key["vk_gamma_2"]), g2_point(key["vk_delta_2"])), a)


def forged_beta_minus_gamma(key: dict[str, Any], public: tuple[int, ...]) -> dict[str, Any]:
    """Beta = -gamma: A = X - alpha, B = gamma + delta, C = A."""
    a = add(combined_input(key, public), neg(g1_point(key["vk_alpha_1"])))
    return proof_json(a, add(g2_point(key["vk_gamma_2"]), g2_point(key["vk_delta_2"])), a)


FORGERIES = {
    "gamma_delta": (TRAPDOOR.with_(delta=TRAPDOOR.gamma), forged_gamma_delta, "key_gamma_equals_delta"),
    "gamma_minus_delta": (
        TRAPDOOR.with_(delta=curve_order - TRAPDOOR.gamma),
        forged_gamma_minus_delta,
        "key_gamma_equals_delta",
    ),
    "beta_delta": (TRAPDOOR.with_(delta=TRAPDOOR.beta), forged_beta_delta, "key_degenerate"),
    "beta_minus_delta": (TRAPDOOR.with_(delta=curve_order - TRAPDOOR.beta), forged_beta_minus_delta, "key_degenerate"),
    "beta_gamma": (TRAPDOOR.with_(gamma=TRAPDOOR.beta), forged_beta_gamma, "key_degenerate"),
    "beta_minus_gamma": (TRAPDOOR.with_(gamma=curve_order - TRAPDOOR.beta), forged_beta_minus_gamma, "key_degenerate"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a40_the_forged_proof_satisfies_the_equation_and_its_key_is_refused(name: str) -> None:
    trapdoor, forge, code = FORGERIES[name]
    key = trapdoor.key_json()
    assert raw_equation_holds(key, PUBLIC, forge(key, PUBLIC))
    assert key_refusal(key) == code


def test_a40_the_same_forgery_fails_under_a_key_with_gamma_other_than_delta() -> None:
    key = KEY_JSON
    assert not raw_equation_holds(key, PUBLIC, forged_gamma_delta(key, PUBLIC))


def test_a40_a_pinned_key_with_gamma_equal_to_delta_refuses_the_forged_bundle(tmp_path: Path) -> None:
    situation = setting(tmp_path / "sound")
    weak = TRAPDOOR.with_(delta=TRAPDOOR.gamma).key_json()
    write_keys(tmp_path / "weak", CIRCUIT, weak)
    statement = situation.statement()
    bundle = bundle_of(statement, vk_id=key_id(weak), proof=forged_gamma_delta(weak, tuple(statement.public_signals())))
    assert refusal_of(situation.with_(keys=Keystore(tmp_path / "weak")), bundle) == "key_gamma_equals_delta"


# A41: keys of another form


def spoilt(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return the key with one thing changed."""
    key: dict[str, Any] = json.loads(json.dumps(KEY_JSON))
    change(key)
    return key


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda key: key["IC"].__setitem__(3, ["0", "1", "0"]), "point_at_infinity"),
        (lambda key: key["IC"].__setitem__(0, ["0", "1", "0"]), "point_at_infinity"),
        (lambda key: key.update(vk_alpha_1=["0", "1", "0"]), "point_at_infinity"),
        (lambda key: key.update(vk_delta_2=[["0", "0"], ["1", "0"], ["0", "0"]]), "point_at_infinity"),
        (lambda key: key["IC"].__setitem__(3, key["IC"][5]), "key_repeated_point"),
        (lambda key: key["IC"].__setitem__(0, key["IC"][1]), "key_repeated_point"),
        (lambda key: key.update(nPublic=5), "key_public_count"),
        (lambda key: key.update(nPublic=7), "key_public_count"),
        (lambda key: key["IC"].pop(), "key_public_count"),
        (lambda key: key["IC"].append(g1_json(multiply(G1, 99))), "key_public_count"),
        (lambda key: key.update(IC={"length": 7}), "key_public_count"),
        (lambda key: key.update(nPublic="6"), "key_malformed"),
        (lambda key: key.update(nPublic=True, IC=key["IC"][:2]), "key_malformed"),
        (lambda key: key.update(nPublic=0, IC=key["IC"][:1]), "key_malformed"),
        (lambda key: key.update(nPublic=1 << 40), "key_malformed"),
        (lambda key: key.update(curve="bls12381"), "key_malformed"),
        (lambda key: key.update(protocol="plonk"), "key_malformed"),
        (lambda key: key.update(extra=1), "key_malformed"),
        (lambda key: key.pop("vk_beta_2"), "key_malformed"),
        (lambda key: key["vk_alpha_1"].__setitem__(2, "2"), "key_malformed"),
        (lambda key: key["IC"].__setitem__(2, ["1", "2"]), "key_malformed"),
        (lambda key: key["IC"].__setitem__(2, ["1", "3", "1"]), "point_off_curve"),
        (lambda key: key["IC"].__setitem__(2, [str(1 + field_modulus), "2", "1"]), "coordinate_out_of_range"),
        (lambda key: key["IC"].__setitem__(2, ["0x1", "2", "1"]), "coordinate_not_canonical"),
        (lambda key: key.update(vk_gamma_2=twist_point_outside_subgroup()), "point_outside_subgroup"),
        (lambda key: key.update(vk_delta_2=[["1", "2"], ["3", "4"], ["1", "0"]]), "point_off_curve"),
    ],
)
def test_a41_a_key_of_another_form_is_refused(change: Callable[[dict[str, Any]], object], code: str) -> None:
    assert key_refusal(spoilt(change)) == code


@pytest.mark.parametrize("value", [None, [], "key", 6])
def test_a41_no_key_at_all_is_refused(value: object) -> None:
    assert key_refusal(value) == "key_malformed"


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key["IC"].__setitem__(3, g1_json(multiply(G1, 99))),
        lambda key: key["IC"].reverse(),
        lambda key: key.update(vk_alpha_1=g1_json(multiply(G1, 99))),
        lambda key: key.update(vk_delta_2=g2_json(multiply(g2_point(key["vk_delta_2"]), 2))),
    ],
)
def test_a41_another_valid_point_in_place_of_one_breaks_the_lock(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    folder = write_keys(tmp_path, CIRCUIT, KEY_JSON)
    key = spoilt(change)
    VerificationKey.from_json(key)
    (folder / "verification_key.json").write_text(json.dumps(key))
    with pytest.raises(Refusal) as caught:
        PinnedKey.load(folder)
    assert caught.value.code == "key_lock_mismatch"


# A42: the pinned key


def test_a42_a_key_one_byte_off_its_lock_file_is_refused(tmp_path: Path) -> None:
    situation = setting(tmp_path)
    path = tmp_path / CIRCUIT / "verification_key.json"
    data = bytearray(path.read_bytes())
    at = data.rindex(b'"1"') - 10
    while not chr(data[at]).isdigit():
        at -= 1
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
    path.write_bytes(bytes(data))
    assert refusal_of(situation, bundle_of(situation.statement())) == "key_lock_mismatch"


def test_a42_every_changed_byte_of_the_key_file_is_refused(tmp_path: Path) -> None:
    folder = write_keys(tmp_path, CIRCUIT, KEY_JSON)
    path = folder / "verification_key.json"
    honest = path.read_bytes()
    digits = [at for at, byte in enumerate(honest) if chr(byte).isalnum()]
    for at in digits[::17]:
        path.write_bytes(honest[:at] + bytes([honest[at] ^ 1]) + honest[at + 1 :])
        with pytest.raises(Refusal) as caught:
            PinnedKey.load(folder)
        assert caught.value.code in ("key_lock_mismatch", "malformed_json")
    path.write_bytes(honest)
    assert PinnedKey.load(folder).vk_id == VK_ID


def test_a42_a_key_that_came_with_the_proof_is_not_used(honest: Setting) -> None:
    bundle = bundle_of(honest.statement(), OTHER)
    for name in ("vk", "verification_key", "vk_alpha_1"):
        assert refusal_of(honest, {**bundle, name: OTHER_KEY_JSON}) == "malformed_bundle"
    assert refusal_of(honest, {**bundle, "vk_id": OTHER_VK_ID}) == "unknown_key"
    assert refusal_of(honest, bundle) == "proof_invalid"


def test_a42_a_key_folder_exchanged_together_with_its_lock_is_refused_where_pinned(tmp_path: Path) -> None:
    situation = setting(tmp_path / "sound")
    write_keys(tmp_path / "other", CIRCUIT, OTHER_KEY_JSON)
    pinned = Keystore(tmp_path / "other", {CIRCUIT: VK_ID})
    assert refusal_of(situation.with_(keys=pinned), bundle_of(situation.statement())) == "unknown_key"


# What follows is about production, A43.


@pytest.mark.parametrize(
    ("lock", "code"),
    [
        ({"development": True, "contributions": 0, "beacon": None}, "development_key"),
        ({"development": True, "contributions": 3, "beacon": "00"}, "development_key"),
        ({"development": False, "contributions": 0, "beacon": "00"}, "key_not_ceremonial"),
        ({"development": False, "contributions": 1, "beacon": "00"}, "key_not_ceremonial"),
        ({"development": False, "contributions": 3, "beacon": None}, "key_not_ceremonial"),
    ],
    ids=["development", "development_with_contributions", "no_contribution", "beacon_alone", "no_beacon"],
)
def test_a43_production_refuses_a_key_of_no_ceremony(tmp_path: Path, lock: dict[str, Any], code: str) -> None:
    situation = setting(tmp_path, **lock)
    policy = Policy(production=True, now_ms=NOW_MS, venue_public_key=situation.record.venue_public_key)
    assert refusal_of(situation.with_(policy=policy), bundle_of(situation.statement())) == code


def test_a43_outside_production_a_development_key_is_named_in_the_verdict(honest: Setting) -> None:
    verdict = honest.verify(encoded(bundle_of(honest.statement())))
    assert verdict.key.development
    assert verdict.to_json()["key"] == {
        "vk_id": VK_ID,
        "development": True,
        "contributions": 0,
    }
