"""``zkm2m latency``: tables, JSON, pictures, and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtnet_core.loss.latency import Gap, latency_row
from tests.support.command_line import zkm2m, zkm2m_json


def test_the_table_is_the_analysis() -> None:
    options = ("--volatility", 80, "--interval-ms", 12_000, "--leverage", 25, "--gap", "normal", "--delay-ms", 3_000)
    found = zkm2m_json("latency", "debt", *options)
    row = latency_row(0.8, 12_000, 25.0, delay_ms=3_000, gap=Gap.NORMAL)
    assert found["rows"][0]["bad_debt_bps"] == row.bad_debt_bps
    assert found["freedom"] is None
    assert len(found["largest_leverage"]) == len(found["rows"]) == 1
    shown = zkm2m("latency", "debt", *options).stdout
    assert "12 s" in shown and "25" in shown and "200.0" in shown


def test_fat_tails_are_worse() -> None:
    normal, fat = (
        zkm2m_json("latency", "debt", "--interval-ms", 60_000, "--leverage", 50, "--gap", gap)["rows"][0][
            "bad_debt_bps"
        ]
        for gap in ("normal", "student")
    )
    assert fat > 100 * normal


def test_velocity_shows_what_a_delay_costs() -> None:
    found = zkm2m_json(
        "latency",
        "velocity",
        "--settlement-ms",
        86_400_000,
        "--settlement-ms",
        0,
        "--idle-ms",
        86_400_000,
        "--flow",
        10,
    )
    assert [row["uses_a_day"] for row in found["rows"]] == [1.0, 0.5]
    assert [row["stock"] for row in found["rows"]] == [10.0, 20.0]
    assert "in transit" in zkm2m("latency", "velocity").stdout


def test_a_picture_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "one.svg", tmp_path / "two.svg"
    for path in (first, second):
        assert zkm2m("latency", "velocity", "--plot", path).exit_code == 0
    assert first.read_bytes() == second.read_bytes()


def test_a_picture_of_next_to_nothing_is_drawn(tmp_path: Path) -> None:
    options = ("--gap", "normal", "--interval-ms", 100, "--leverage", 10, "--plot", tmp_path / "one.png")
    assert zkm2m("latency", "debt", *options).exit_code == 0


@pytest.mark.parametrize("command", ["debt", "velocity"])
def test_another_kind_of_picture_is_bad_input(command: str, tmp_path: Path) -> None:
    result = zkm2m("latency", command, "--plot", tmp_path / "one.gif")
    assert result.exit_code == 2
    assert ".png or .svg" in result.stderr
