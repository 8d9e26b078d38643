"""Key folders: made whole, reused while they fit, refused when anything in them does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from prover import keys as keys_module
from prover.compiler import Build
from prover.formats.zkey import read_zkey, verification_key, vk_id
from prover.keys import Keys, development_keys, load_keys, make_development_keys, read_keys
from rtnet_core.errors import InputError, ToolError
from tests.support.toy_circuit import SEED


@pytest.fixture
def folder(toy_keys: Keys, tmp_path: Path) -> Path:
    """A copy of the toy's key folder that a test may damage."""
    return Path(shutil.copytree(toy_keys.proving_key.parent, tmp_path / "keys"))


@pytest.fixture
def at_home(toy_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key folder that `development_keys` uses for the toy."""
    monkeypatch.setattr(keys_module, "build", lambda _name: toy_build)
    monkeypatch.setattr(keys_module, "key_folder", lambda _name: tmp_path / "home")
    return tmp_path / "home"


def edit_lock(folder: Path, **changes: Any) -> None:
    """Change entries of a lock file."""
    path = folder / "keys.lock.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_key_folder_holds_three_files_that_agree(toy_keys: Keys, toy_build: Build) -> None:
    folder = toy_keys.proving_key.parent
    assert sorted(file.name for file in folder.iterdir()) == [
        "keys.lock.json",
        "proving_key.zkey",
        "verification_key.json",
    ]
    lock = json.loads((folder / "keys.lock.json").read_text())
    key = read_zkey(toy_keys.proving_key)
    assert lock | {"created_ms": 0} == {
        "format": "zkm2m/keys/v1",
        "circuit": toy_build.circuit,
        "development": True,
        "r1cs_sha256": toy_build.r1cs_sha256,
        "zkey_sha256": key.sha256,
        "vk_id": vk_id(verification_key(key)),
        "contributions": 0,
        "beacon": None,
        "created_ms": 0,
    }
    assert {name: value for name, value in asdict(toy_keys).items() if name in lock} == {
        name: value for name, value in lock.items() if name != "format"
    }
    assert toy_keys.verification_key == verification_key(key)


def test_development_keys_are_made_once_and_made_again_when_they_do_not_fit(at_home: Path, toy_build: Build) -> None:
    first = development_keys(toy_build.circuit)
    assert development_keys(toy_build.circuit) == first == load_keys(toy_build.circuit)
    edit_lock(at_home, r1cs_sha256="0" * 64)
    second = development_keys(toy_build.circuit)
    assert second.vk_id != first.vk_id
    assert list(at_home.parent.iterdir()) == [at_home]


def test_keys_of_a_ceremony_are_never_replaced(at_home: Path, toy_build: Build) -> None:
    development_keys(toy_build.circuit)
    edit_lock(at_home, development=False, r1cs_sha256="0" * 64)
    before = (at_home / "proving_key.zkey").read_bytes()
    with pytest.raises(InputError, match="must be for the constraint system"):
        development_keys(toy_build.circuit)
    assert (at_home / "proving_key.zkey").read_bytes() == before


def test_missing_keys_say_so(at_home: Path, toy_build: Build) -> None:
    with pytest.raises(InputError, match=r"keys\.lock\.json: is missing: run"):
        load_keys(toy_build.circuit)


def test_a_failed_set_up_keeps_the_old_keys(folder: Path, toy_build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise ToolError("the native set-up failed: no space")

    before = read_keys(folder, toy_build)
    monkeypatch.setattr(keys_module, "_set_up", failing)
    with pytest.raises(ToolError, match="no space"):
        make_development_keys(folder, toy_build, seed=SEED)
    assert read_keys(folder, toy_build) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_the_verifying_key_may_carry_the_pairing_that_snarkjs_adds(folder: Path, toy_build: Build) -> None:
    path = folder / "verification_key.json"
    exported = json.loads(path.read_text()) | {"vk_alphabeta_12": [[["1", "2"]]]}
    path.write_text(json.dumps(exported))
    edit_lock(folder, vk_id=vk_id(exported))
    assert read_keys(folder, toy_build).verification_key == exported


def _other_circuit(folder: Path) -> None:
    edit_lock(folder, circuit="account-small")


def _unknown_member(folder: Path) -> None:
    edit_lock(folder, comment="")


def _wrong_type(folder: Path) -> None:
    edit_lock(folder, contributions=True)


def _contributions(folder: Path) -> None:
    edit_lock(folder, contributions=3)


def _verifying_key(folder: Path) -> None:
    path = folder / "verification_key.json"
    exported = json.loads(path.read_text())
    exported["IC"][1], exported["IC"][2] = exported["IC"][2], exported["IC"][1]
    path.write_text(json.dumps(exported))


def _verifying_key_and_its_id(folder: Path) -> None:
    _verifying_key(folder)
    edit_lock(folder, vk_id=vk_id(json.loads((folder / "verification_key.json").read_text())))


def _no_json(folder: Path) -> None:
    (folder / "verification_key.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (_other_circuit, "must be of the circuit"),
        (_unknown_member, "must be a zkm2m/keys/v1 file"),
        (_wrong_type, "contributions: must have the type"),
        (_contributions, "must count the contributions"),
        (_verifying_key, "must have the id that its lock file names"),
        (_verifying_key_and_its_id, "must be the verifying key inside the proving key"),
        (_no_json, "must be JSON"),
    ],
)
def test_a_folder_that_contradicts_itself_is_refused(
    folder: Path, toy_build: Build, damage: Callable[[Path], None], rule: str
) -> None:
    damage(folder)
    with pytest.raises(InputError, match=rule):
        read_keys(folder, toy_build)
