"""``zkm2m circuits`` on the small circuit."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import circuits
from prover.circuit_limits import limits_circom
from prover.circuit_lint import Finding
from prover.circuits import PARTS, CostRow
from prover.paths import circuit_sources
from tests.support.command_line import zkm2m, zkm2m_json


def test_build_says_what_was_built() -> None:
    (built,) = zkm2m_json("circuits", "build", "account-small")
    assert built["circuit"] == "account-small"
    assert built["constraints"] > 0
    assert len(built["r1cs_sha256"]) == 64


def test_a_circuit_that_does_not_exist_is_bad_input() -> None:
    assert zkm2m("circuits", "build", "account-huge").exit_code == 2


def test_build_compiles_the_witness_program_on_request_only(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(circuits, "compile_program", lambda _circuit, built: compiled.append(built.circuit))
    zkm2m_json("circuits", "build", "account-small")
    assert compiled == []
    zkm2m_json("circuits", "build", "account-small", "--witness", "cpp")
    assert compiled == ["account-small"]
    assert zkm2m("circuits", "build", "account-small", "--witness", "go").exit_code == 2


def test_the_table_has_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    row = CostRow("account-small", "small", 9_876, dict.fromkeys(PARTS, 123))
    monkeypatch.setattr(circuits, "cost_table", lambda _names: [row])
    assert zkm2m_json("circuits", "table", "account-small") == [
        {"circuit": "account-small", "profile": "small", "constraints": 9_876, "parts": dict.fromkeys(PARTS, 123)}
    ]
    printed = zkm2m("circuits", "table", "account-small").stdout
    assert "9,876" in printed
    assert printed.count("123") == len(PARTS)


def test_lint_says_what_it_found_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = Finding("lib/pack.circom", 7, "comparator", "must not be used")
    monkeypatch.setattr(circuits, "lint_circuits", lambda: [finding])
    result = zkm2m("circuits", "lint")
    assert result.exit_code == 1
    assert str(finding) in result.stdout
    assert zkm2m_json("circuits", "lint", exit_code=1)[0]["line"] == 7
    monkeypatch.setattr(circuits, "lint_circuits", list)
    assert zkm2m("circuits", "lint").exit_code == 0


def test_the_generated_constants_are_written_only_when_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuits, "circuit_sources", lambda: tmp_path)
    monkeypatch.setattr(circuits, "update_lock", list)
    assert zkm2m("circuits", "lock").exit_code == 0
    path = tmp_path / "limits.circom"
    assert path.read_text() == limits_circom() == (circuit_sources() / "limits.circom").read_text()
    before = path.stat().st_ino
    assert zkm2m("circuits", "lock").exit_code == 0
    assert path.stat().st_ino == before
