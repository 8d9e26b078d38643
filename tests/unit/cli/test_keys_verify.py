"""``zkm2m keys verify``: development keys, a ceremony's keys, and what does not hold of them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.keys_verify import check_key
from prover.circuits import CIRCUITS, build
from prover.compiler import file_sha256
from prover.keys import LOCK, PROVING_KEY, development_keys
from prover.paths import key_folder
from prover.rebuild import require_reproducible
from rtnet_core.errors import ToolError
from tests.support.ceremonies import Finished, as_public, edited, finished_ceremony, flipped, ran
from tests.support.command_line import zkm2m, zkm2m_json
from tests.support.toy_circuit import remove, toy
from verifier.ceremony.phase_1 import Phase1

__all__ = ["as_public", "finished_ceremony"]


@pytest.fixture
def merge_keys(tmp_path: Path) -> Path:
    """A copy of the development keys of the smallest circuit, in a folder of keys."""
    development_keys("merge-small")
    return Path(shutil.copytree(key_folder("merge-small"), tmp_path / "keys" / "merge-small"))


def relock(folder: Path, **values: object) -> None:
    path = folder / LOCK
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refusals(folder: Path, phase_1: Phase1 | None = None) -> dict[str, str]:
    return {check.check: check.refused for check in check_key(folder, rebuild=False, phase_1=phase_1) if check.refused}


def test_development_keys_hold_and_are_called_so(merge_keys: Path) -> None:
    found = zkm2m_json("keys", "verify", "--keys", merge_keys.parent)
    assert found["holds"] is True
    checks = {check["check"]: check["found"] for check in found["checks"]}
    assert list(checks) == ["lock file", "circuit", "ceremony"]
    assert f"{build('merge-small').constraints:,} constraints" in checks["circuit"]
    assert "whose maker can forge" in checks["ceremony"]
    assert "whose maker can forge" in zkm2m("keys", "verify", "--keys", merge_keys.parent).stdout


def test_a44_a_key_whose_matrices_are_of_another_circuit_is_refused(merge_keys: Path) -> None:
    edited(merge_keys / PROVING_KEY, 4, flipped(4 + 4))  # the constraint of the first entry
    relock(merge_keys, zkey_sha256=file_sha256(merge_keys / PROVING_KEY))
    found = zkm2m_json("keys", "verify", "--keys", merge_keys.parent, exit_code=1)
    assert found["holds"] is False
    assert ["wrong_key" in check["refused"] for check in found["checks"]] == [False, True, False]


def test_a42_a_key_that_is_not_the_locked_one_ends_its_checks(merge_keys: Path) -> None:
    edited(merge_keys / PROVING_KEY, 9, lambda points: points[64:128] + points[:64] + points[128:])
    (check,) = check_key(merge_keys, rebuild=False, phase_1=None)
    assert (check.check, "lock file names" in check.refused) == ("lock file", True)


def test_folders_of_no_circuit_and_of_no_keys_are_told(tmp_path: Path) -> None:
    assert zkm2m("keys", "verify", "--keys", tmp_path).exit_code == 2
    (tmp_path / "account-huge").mkdir()
    (check,) = zkm2m_json("keys", "verify", "--keys", tmp_path, exit_code=1)["checks"]
    assert check["circuit"] == "account-huge"
    assert check["refused"]


@pytest.fixture
def known_toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The toy circuit as one of the table, under a name of this process."""
    name = f"toy-known-{os.getpid()}"
    monkeypatch.setitem(CIRCUITS, name, toy(name))  # type: ignore[misc]
    yield name
    remove(name)


def test_keys_of_a_ceremony_are_held_to_its_chain_phase_1_and_sources(
    finished_ceremony: Finished, as_public: None, known_toy: str, tmp_path: Path
) -> None:
    words: list[Any] = ["finish", finished_ceremony.folder, "--phase-1", finished_ceremony.phase_1]
    ran(*words, "--r1cs", finished_ceremony.r1cs, "--out", tmp_path)
    folder = (tmp_path / "toy").rename(tmp_path / known_toy)
    relock(folder, circuit=known_toy)
    opened = Phase1.open(finished_ceremony.phase_1)
    checks = {check.check: check for check in check_key(folder, rebuild=True, phase_1=opened)}
    assert list(checks) == ["lock file", "sources", "circuit", "ceremony", "phase 1"]
    assert not any(check.refused for check in checks.values())
    assert "3 contributions" in checks["ceremony"].found
    assert "public file of power 6" in checks["phase 1"].found
    relock(folder, beacon="00")
    assert "must be the one in the key" in refusals(folder)["ceremony"]


def test_a_build_that_its_sources_do_not_give_is_refused(known_toy: str) -> None:
    built = build(known_toy)
    require_reproducible(built)
    with pytest.raises(ToolError, match="the wasm of"):
        require_reproducible(replace(built, wasm_sha256="0" * 64))
