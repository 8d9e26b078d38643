"""``zkm2m keys`` and ``zkm2m doctor``."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import doctor
from cli.doctor import Finding
from prover.circuits import build
from rtnet_core.venue_key import public_hex, read_venue_key
from tests.support.command_line import zkm2m, zkm2m_json


def test_a_venue_key_is_private_and_replaced_only_with_force(tmp_path: Path) -> None:
    path = tmp_path / "venue.pem"
    made = zkm2m_json("keys", "venue", "--out", path)
    assert made["venue_public_key"] == public_hex(read_venue_key(path))
    assert path.stat().st_mode & 0o777 == 0o600
    again = zkm2m("keys", "venue", "--out", path)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert public_hex(read_venue_key(path)) == made["venue_public_key"]
    assert zkm2m_json("keys", "venue", "--out", path, "--force")["venue_public_key"] != made["venue_public_key"]


def test_keys_of_no_circuit_are_bad_input() -> None:
    result = zkm2m("keys", "dev", "account-huge")
    assert result.exit_code == 2
    assert "account-small, account-standard" in result.stderr


def test_a_folder_without_keys_says_how_to_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZKM2M_HOME", str(tmp_path))
    assert zkm2m_json("keys", "show") == []
    assert "zkm2m keys dev" in zkm2m("keys", "show").stdout


def test_a_broken_key_is_shown_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZKM2M_HOME", str(tmp_path))
    folder = tmp_path / "build" / "keys" / "account-small"
    folder.mkdir(parents=True)
    (folder / "keys.lock.json").write_text("{}")
    (folder.parent / "account-standard").mkdir()
    entry, empty = zkm2m_json("keys", "show")
    assert empty["reason"] == "unreadable"
    assert (entry["circuit"], entry["reason"]) == ("account-small", "key_lock_malformed")
    assert "not usable" in zkm2m("keys", "show").stdout


def test_the_doctor_names_what_is_missing_and_what_it_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZKM2M_HOME", str(tmp_path))
    report = zkm2m_json("doctor", exit_code=1)
    assert report["ready"] is False
    found = {finding["name"]: finding for finding in report["findings"]}
    assert found["Python"]["present"]
    for name, remedy in (
        ("npm circom2", "npm ci"),
        ("circuit account-standard", "zkm2m circuits build account-standard"),
        ("keys of account-standard", "zkm2m keys dev account-standard"),
    ):
        assert not found[name]["present"]
        assert found[name]["needed"]
        assert remedy in found[name]["remedy"]
    assert not found["keys of account-small"]["needed"]


def test_the_doctor_says_what_an_absent_node_and_rust_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {finding.name: finding for finding in doctor.examine()}
    assert not found["Node"].present
    assert found["Node"].needed
    assert "Node 20" in found["Node"].remedy
    assert not found["Rust toolchain"].present
    assert not found["Rust toolchain"].needed
    assert not found["C++ for witnesses"].present
    assert not found["C++ for witnesses"].needed
    assert "nasm" in found["C++ for witnesses"].remedy


def test_the_doctor_lists_the_circuits_with_a_witness_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_program", lambda _built: None)
    assert "--witness cpp" in doctor._witness_programs().remedy
    build("account-small")
    monkeypatch.setattr(doctor, "find_program", lambda built: built.wasm if built.circuit == "account-small" else None)
    finding = doctor._witness_programs()
    assert (finding.present, finding.detail, finding.needed) == (True, "account-small", False)


@pytest.mark.parametrize(("needed", "code", "words"), [(True, 1, "cannot run"), (False, 0, "can run")])
def test_only_what_the_main_job_needs_decides_the_exit_code(
    needed: bool, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [Finding("thing", False, "", needed, "get it")])
    result = zkm2m("doctor")
    assert result.exit_code == code
    assert words in result.stdout
    assert "get it" in result.stdout
