"""``zkm2m netting``: the report, the file it writes, and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtnet_core.netting.obligations import Obligations
from tests.support.command_line import zkm2m, zkm2m_json


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    path = tmp_path / "obligations.json"
    debts = [("A", "B", 5_000_000), ("B", "C", 10_000_000), ("C", "A", 20_000_000)]
    entries = [{"debtor": one, "creditor": other, "amount_ticks": ticks} for one, other, ticks in debts]
    path.write_text(json.dumps({"format": "zkm2m/obligations/v1", "obligations": entries}))
    return path


def test_a_report_for_programs(ring: Path) -> None:
    found = zkm2m_json("netting", "compress", ring, "--capital-bps", 800)
    assert found["gross_before_ticks"] == "35000000"
    assert found["gross_after_ticks"] == "20000000"
    assert found["efficiency"] == 0.75
    assert found["capital_freed_ticks"] == "2400000"
    assert found["nets"] == {"A": "15000000", "B": "-5000000", "C": "-10000000"}
    assert [entry["amount_ticks"] for entry in found["obligations"]] == ["5000000", "15000000"]


def test_a_report_for_people_and_a_file_that_can_be_compressed_again(ring: Path, tmp_path: Path) -> None:
    out = tmp_path / "less.json"
    result = zkm2m("netting", "compress", ring, "--method", "non_conservative", "--out", out)
    assert result.exit_code == 0
    assert "100.00 %" in result.stdout and "15.00" in result.stdout
    less = Obligations.from_json(out.read_bytes()).network()
    assert less.gross_ticks == 15_000_000
    assert zkm2m_json("netting", "compress", out)["efficiency"] == 1.0


def test_what_cancels_entirely_is_written_as_an_empty_list(tmp_path: Path) -> None:
    path, out = tmp_path / "both.json", tmp_path / "none.json"
    entries = [{"debtor": one, "creditor": other, "amount_ticks": 3} for one, other in ("AB", "BA")]
    path.write_text(json.dumps({"obligations": entries}))
    assert zkm2m("netting", "compress", path, "--out", out).exit_code == 0
    assert Obligations.from_json(out.read_bytes()).obligations == ()


def test_bad_files_are_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"obligations": [{"debtor": "A", "creditor": "A", "amount_ticks": 1}]}')
    result = zkm2m("netting", "compress", path)
    assert result.exit_code == 2
    assert "another party" in result.stderr
    assert zkm2m("netting", "compress", tmp_path / "absent.json").exit_code == 2
