"""The key folder: the lock file holds the key, and is itself read strictly."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.errors import InputError, Refusal
from tests.support.simulated_groth16 import Trapdoor
from tests.support.verifier_keys import R1CS_SHA256, lock_of, write_keys
from verifier.keystore import Keystore, PinnedKey, key_id

KEY = Trapdoor.of(2).key_json()


def load_refusal(folder: Path) -> str:
    """Return the code with which the folder's key is refused."""
    with pytest.raises(Refusal) as caught:
        PinnedKey.load(folder)
    return caught.value.code


def test_a_key_folder_is_read(tmp_path: Path) -> None:
    folder = write_keys(tmp_path, "account-small", KEY, contributions=3, beacon="00ff", development=False)
    pinned = PinnedKey.load(folder)
    assert pinned.circuit == "account-small"
    assert (pinned.contributions, pinned.beacon, pinned.development) == (3, "00ff", False)
    assert pinned.key.to_json() == KEY
    pinned.require_ceremonial()


def test_the_key_id_is_the_hash_of_the_canonical_json() -> None:
    assert key_id({"b": [1], "a": "x"}) == hashlib.sha256(b'{"a":"x","b":[1]}').hexdigest()


def test_the_spelling_of_the_key_file_does_not_matter(tmp_path: Path) -> None:
    folder = write_keys(tmp_path, "account-small", KEY)
    (folder / "verification_key.json").write_text(json.dumps(dict(reversed(KEY.items())), indent=4) + "\n")
    assert PinnedKey.load(folder).vk_id == key_id(KEY)


def test_the_proving_key_is_never_read(tmp_path: Path) -> None:
    folder = write_keys(tmp_path, "account-small", KEY)
    (folder / "proving_key.zkey").mkdir()
    PinnedKey.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "zkm2m/keys/v2"},
        {"circuit": "Account"},
        {"circuit": None},
        {"development": 0},
        {"development": "false"},
        {"r1cs_sha256": "0" * 63},
        {"zkey_sha256": None},
        {"vk_id": "F" * 64},
        {"contributions": -1},
        {"contributions": True},
        {"contributions": "1"},
        {"created_ms": 1 << 64},
        {"beacon": ""},
        {"beacon": 7},
        {"extra": 1},
    ],
)
def test_a_lock_file_of_another_form_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = write_keys(tmp_path, "account-small", KEY)
    (folder / "keys.lock.json").write_text(json.dumps({**lock_of("account-small", KEY), **change}))
    assert load_refusal(folder) == "key_lock_malformed"


def test_a_lock_file_with_a_key_missing_is_refused(tmp_path: Path) -> None:
    folder = write_keys(tmp_path, "account-small", KEY)
    lock = lock_of("account-small", KEY)
    del lock["contributions"]
    (folder / "keys.lock.json").write_text(json.dumps(lock))
    assert load_refusal(folder) == "key_lock_malformed"


@pytest.mark.parametrize("name", ["keys.lock.json", "verification_key.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_keys(tmp_path, "account-small", KEY)
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        PinnedKey.load(folder)


def test_the_keystore_finds_keys_by_circuit(tmp_path: Path) -> None:
    write_keys(tmp_path, "account-small", KEY)
    store = Keystore(tmp_path)
    assert store.key("account-small") is store.key("account-small")


@pytest.mark.parametrize("circuit", ["account-standard", "..", "../x", "/etc", "", "a/b"])
def test_a_circuit_without_a_key_folder_is_unknown(tmp_path: Path, circuit: str) -> None:
    with pytest.raises(Refusal) as caught:
        Keystore(tmp_path).key(circuit)
    assert caught.value.code == "unknown_key"


def test_a_key_folder_of_another_circuit_is_refused(tmp_path: Path) -> None:
    write_keys(tmp_path, "account-small", KEY).rename(tmp_path / "account-standard")
    with pytest.raises(Refusal) as caught:
        Keystore(tmp_path).key("account-standard")
    assert caught.value.code == "wrong_circuit"


def test_a_pin_from_elsewhere_outweighs_the_lock_file(tmp_path: Path) -> None:
    write_keys(tmp_path, "account-small", KEY)
    assert Keystore(tmp_path, {"account-small": key_id(KEY)}).key("account-small")
    with pytest.raises(Refusal) as caught:
        Keystore(tmp_path, {"account-small": "0" * 64}).key("account-small")
    assert caught.value.code == "unknown_key"


def test_a_key_of_another_version_of_the_circuit_is_refused(tmp_path: Path) -> None:
    write_keys(tmp_path, "account-small", KEY)
    assert Keystore(tmp_path, versions={"account-small": R1CS_SHA256}).key("account-small")
    with pytest.raises(Refusal) as caught:
        Keystore(tmp_path, versions={"account-small": "0" * 64}).key("account-small")
    assert caught.value.code == "wrong_circuit_version"
