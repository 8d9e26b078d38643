"""``zkm2m circuits`` on the small circuit."""

from __future__ import annotations

import pytest

from cli import circuits
from prover.circuits import PARTS, CostRow
from tests.support.command_line import zkm2m, zkm2m_json


def test_build_says_what_was_built() -> None:
    (built,) = zkm2m_json("circuits", "build", "account-small")
    assert built["circuit"] == "account-small"
    assert built["constraints"] > 0
    assert len(built["r1cs_sha256"]) == 64


def test_a_circuit_that_does_not_exist_is_bad_input() -> None:
    assert zkm2m("circuits", "build", "account-huge").exit_code == 2


def test_the_table_has_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    row = CostRow("account-small", "small", 9_876, dict.fromkeys(PARTS, 123))
    monkeypatch.setattr(circuits, "cost_table", lambda names: [row])
    assert zkm2m_json("circuits", "table", "account-small") == [
        {"circuit": "account-small", "profile": "small", "constraints": 9_876, "parts": dict.fromkeys(PARTS, 123)}
    ]
    printed = zkm2m("circuits", "table", "account-small").stdout
    assert "9,876" in printed
    assert printed.count("123") == len(PARTS)
