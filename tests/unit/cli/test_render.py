"""Numbers as a person reads them."""

from __future__ import annotations

import doctest
import io

import pytest
from rich.console import Console
from rich.text import Text

from cli import render
from cli.render import duration, facts, percent, table, usd, usd_e4
from rtnet_core.limits import BPS
from rtnet_core.snapshot import TICKS_PER_USD


def test_the_docstrings_examples() -> None:
    assert doctest.testmod(render).failed == 0


@pytest.mark.parametrize(
    ("ticks", "text"),
    [
        (0, "0.00"),
        (4_999, "0.00"),
        (5_001, "0.01"),
        (-5_001, "-0.01"),
        (-4_999, "0.00"),
        (10**18, "1,000,000,000,000.00"),
    ],
)
def test_usd_to_the_nearest_cent(ticks: int, text: str) -> None:
    assert usd(ticks) == text
    assert usd_e4(ticks * BPS) == text


def test_usd_is_exact_beyond_the_range_of_floats() -> None:
    assert usd((10**30 + 1) * TICKS_PER_USD) == f"{10**30 + 1:,}.00"


def test_percent_and_duration() -> None:
    assert [percent(bps) for bps in (0, 1, -1, 10_001, 1_048_575)] == [
        "0.00 %",
        "0.01 %",
        "-0.01 %",
        "100.01 %",
        "10,485.75 %",
    ]
    assert [duration(ms) for ms in (0, 59_999, 60_000, 3_600_000, 86_400_000)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "1 h 0 min",
        "1 d 0 h",
    ]


def _printed(content: object) -> str:
    stream = io.StringIO()
    Console(file=stream, width=60, highlight=False).print(content)
    return stream.getvalue()


def test_what_a_file_says_is_shown_as_it_is_and_never_as_markup() -> None:
    printed = _printed(facts("[bold]title[/bold]", {"venue": "[red]x[/red] \x1b[2J"}))
    assert "[bold]title[/bold]" in printed
    assert "[red]x[/red] \ufffd[2J" in printed
    assert "\x1b[2J" not in printed


def test_numbers_stand_at_the_right() -> None:
    lines = _printed(table("t", ("name", ">number"), [("a", 1), ("b", Text("1000"))])).splitlines()
    assert [line.split("│")[2] for line in lines if "│" in line] == ["      1 ", "   1000 "]
