"""The table of circuits and the lock file; the compiler runs on the toy only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prover import circuits
from prover.circuits import CIRCUITS, PARTS, PINNED_CIRCUITS, build, find_circuit, read_lock, update_lock
from prover.compiler import Build
from prover.paths import project_root
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import PROFILES
from tests.support.toy_circuit import toy


@pytest.fixture
def lock(toy_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock file of a table that holds the toy only."""
    path = tmp_path / "artifacts.lock.json"
    monkeypatch.setattr(circuits, "artifact_lock", lambda: path)
    monkeypatch.setattr(circuits, "CIRCUITS", {toy_build.circuit: toy(toy_build.circuit)})
    monkeypatch.setattr(circuits, "PINNED_CIRCUITS", (toy_build.circuit,))
    return path


def test_every_profile_has_its_account_circuit() -> None:
    assert set(CIRCUITS) == {f"account-{name}" for name in PROFILES}
    assert set(PINNED_CIRCUITS) < set(CIRCUITS)
    for profile in PROFILES.values():
        sizes = (profile.instruments, profile.underlyings, profile.assets, profile.scenarios, profile.depth)
        assert CIRCUITS[f"account-{profile.name}"].call == f"Account{sizes}"
    with pytest.raises(InputError, match=r"must be one of account-small, .*found 'account-tiny'"):
        find_circuit("account-tiny")


def test_the_sources_that_the_table_names_exist() -> None:
    for include in {circuit.include for circuit in CIRCUITS.values()} | {part.include for part in PARTS.values()}:
        assert (project_root() / include).is_file(), include
    for part in PARTS.values():
        template = part.call.split("(")[0]
        assert f"template {template}(" in (project_root() / part.include).read_text()


def test_the_lock_file_has_its_format(lock: Path, toy_build: Build) -> None:
    assert update_lock([toy_build.circuit]) == [toy_build]
    assert json.loads(lock.read_text()) == {
        "format": "zkm2m/artifacts/v1",
        "compiler": "circom2 0.2.23 (circom 2.2.3)",
        "circomlib": "2.0.5",
        "flags": ["--r1cs", "--wasm", "--sym", "--O2", "-l", "node_modules"],
        "circuits": {
            toy_build.circuit: {
                "r1cs_sha256": toy_build.r1cs_sha256,
                "wasm_sha256": toy_build.wasm_sha256,
                "constraints": toy_build.constraints,
                "public": ["verdict", "total", "bound"],
            }
        },
    }
    assert build(toy_build.circuit) == toy_build


@pytest.mark.parametrize(
    ("key", "value"), [("r1cs_sha256", "00"), ("wasm_sha256", "00"), ("constraints", 1), ("public", ["verdict"])]
)
def test_a_build_that_differs_from_the_lock_is_refused(lock: Path, toy_build: Build, key: str, value: object) -> None:
    update_lock([toy_build.circuit])
    content = json.loads(lock.read_text())
    content["circuits"][toy_build.circuit][key] = value
    lock.write_text(json.dumps(content))
    with pytest.raises(ToolError, match=rf"differs from .* in {key}: run `npm ci` .* `zkm2m circuits lock`"):
        build(toy_build.circuit)
    assert build(toy_build.circuit, check_lock=False) == toy_build


def test_a_pinned_circuit_needs_an_entry_and_others_do_not(
    lock: Path, toy_build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_lock() == {}
    with pytest.raises(ToolError, match="has no entry for"):
        build(toy_build.circuit)
    monkeypatch.setattr(circuits, "PINNED_CIRCUITS", ())
    assert build(toy_build.circuit) == toy_build
    assert not lock.exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": "zkm2m/artifacts/v1"}',
        '{"format": "zkm2m/artifacts/v2", "compiler": "", "circomlib": "", "flags": [], "circuits": {}}',
        '{"format": "zkm2m/artifacts/v1", "compiler": "", "circomlib": "", "flags": [], "circuits": {"a": {}}}',
        '{"format": "zkm2m/artifacts/v1", "compiler": "", "circomlib": "", "flags": [], "circuits": []}',
    ],
)
def test_a_malformed_lock_file_is_refused(lock: Path, content: str) -> None:
    lock.write_text(content)
    with pytest.raises(InputError, match=r"artifacts\.lock\.json"):
        read_lock()


def test_parts_and_profiles_are_looked_up_by_name() -> None:
    with pytest.raises(InputError, match="profile: must be one of small"):
        circuits.part_constraints("tiny", "leaf")
    with pytest.raises(InputError, match="part: must be one of"):
        circuits.part_constraints("small", "roof")


@pytest.mark.slow
def test_the_cost_table_measures_every_part() -> None:
    (row,) = circuits.table(["account-small"])
    assert (row.circuit, row.profile) == ("account-small", "small")
    assert list(row.parts) == list(PARTS)
    assert all(0 < count < row.constraints for count in row.parts.values())
