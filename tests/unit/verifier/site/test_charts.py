"""Charts: round numbers on the axis, gaps where nothing is known, words for who does not see them."""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.site.charts import Series, line_chart, short

VALUES = st.lists(st.none() | st.decimals(-(10**30), 10**30, places=8), min_size=1, max_size=70)


def picture(*values: Decimal | None, numbers: list[int] | None = None) -> ElementTree.Element:
    """Return the SVG element of a chart with one line."""
    text = line_chart("Owed", numbers or list(range(1, len(values) + 1)), [Series("owed", list(values))], "owed")
    found = ElementTree.fromstring(text).find("svg")  # noqa: S314 - made here
    assert found is not None
    return found


@settings(max_examples=40)
@given(VALUES)
def test_every_value_lies_within_the_picture(values: list[Decimal | None]) -> None:
    svg = picture(*values)
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    for dot in svg.findall("circle"):
        assert 0 <= float(dot.attrib["cx"]) <= width
        assert 0 <= float(dot.attrib["cy"]) <= height
    for path in svg.findall("path")[:-1]:
        assert all(0 <= float(y) <= height for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path.attrib["d"]))


@settings(max_examples=40)
@given(VALUES)
def test_the_axis_has_a_few_round_numbers(values: list[Decimal | None]) -> None:
    lines = picture(*values).findall("line")
    assert 2 <= len(lines) <= 7


def test_a_gap_parts_the_line_and_a_value_alone_has_a_dot() -> None:
    values = [Decimal(n) for n in range(60)]
    svg = picture(*values[:20], None, values[21], None, *values[23:])
    (path, _legend) = svg.findall("path")
    assert path.attrib["d"].count("M") == 3
    assert len(svg.findall("circle")) == 1
    assert len(picture(*values[:3]).findall("circle")) == 3


def test_it_says_in_words_what_it_shows() -> None:
    svg = picture(Decimal("1.5"), Decimal(2500))
    words = svg.find("desc")
    assert words is not None
    assert words.text == "owed: from 1.5 in the first epoch to 2500 in the last"
    assert svg.attrib["role"] == "img"
    assert set(svg.attrib["aria-labelledby"].split()) == {
        element.attrib["id"] for element in svg if "id" in element.attrib
    }


@pytest.mark.parametrize(("value", "text"), [("0", "0"), ("999", "999"), ("1000", "1k"), ("-2500000", "-2.5M")])
def test_short_numbers(value: str, text: str) -> None:
    assert short(Decimal(value)) == text
