"""The table of circuits and the lock file; the compiler runs on the toy only."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from prover import circuits
from prover.circuits import CIRCUITS, PARTS, PINNED_CIRCUITS, build, find_circuit, read_lock, update_lock
from prover.compiler import Build
from prover.paths import circuit_sources, project_root
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import PROFILES
from tests.support.toy_circuit import toy

KINDS = ("account", "batch", "merge", "market")


@pytest.fixture
def lock(toy_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock file of a table that holds the toy only."""
    path = tmp_path / "artifacts.lock.json"
    monkeypatch.setattr(circuits, "artifact_lock", lambda: path)
    monkeypatch.setattr(circuits, "CIRCUITS", {toy_build.circuit: toy(toy_build.circuit)})
    monkeypatch.setattr(circuits, "PINNED_CIRCUITS", (toy_build.circuit,))
    return path


def test_every_profile_has_its_circuits() -> None:
    assert set(CIRCUITS) == {f"{kind}-{name}" for kind in KINDS for name in PROFILES}
    assert set(PINNED_CIRCUITS) < set(CIRCUITS)
    for profile in PROFILES.values():
        sizes = (profile.instruments, profile.underlyings, profile.assets, profile.scenarios)
        assert CIRCUITS[f"account-{profile.name}"].call == f"Account{(*sizes, profile.depth)}"
        assert CIRCUITS[f"batch-{profile.name}"].call == f"Batch{(*sizes, profile.batch)}"
        assert CIRCUITS[f"merge-{profile.name}"].call == f"Merge{(sizes[0], sizes[2], profile.merge)}"
        assert CIRCUITS[f"market-{profile.name}"].call == f"Market{(*sizes, profile.oracles, profile.quorum)}"
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
    rows = circuits.table(["account-small", "batch-small", "merge-small"])
    assert [(row.circuit, row.profile) for row in rows] == [(f"{kind}-small", "small") for kind in KINDS]
    assert {label for row in rows for label in row.parts} == set(PARTS)
    assert all(0 < count < row.constraints for row in rows for count in row.parts.values())


def test_a_standard_batch_costs_what_was_promised() -> None:
    """At most 7,000 constraints an account and 25,000 once, by the lock file and ``circuits/README.md``."""
    entry = read_lock()["batch-standard"]
    assert isinstance(entry["constraints"], int)
    printed = (circuit_sources() / "README.md").read_text("utf-8")
    found = re.search(r"^\| `batch-standard` \| 64 \| ([\d,]+) \| ([\d,]+) \|$", printed, re.MULTILINE)
    assert found is not None
    once, each = (int(number.replace(",", "")) for number in found.groups())
    assert once <= 25_000
    assert each <= 7_000
    assert once + 63 * each < entry["constraints"] <= once + 64 * each


def test_the_cost_of_a_batch_divides_by_its_accounts() -> None:
    parts = {"risk fields root": 100, "parameters root": 20, "totals commitment": 9, "leaf": 5}
    for constraints, each in ((150 + 40, 10), (150 + 41, 11), (150 + 44, 11)):
        row = circuits.CostRow("batch-small", "small", constraints, parts)
        assert circuits.batch_cost(row) == circuits.BatchCost(once=150, per_account=each)
