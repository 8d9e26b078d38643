"""Strict JSON: one reading or none."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtnet_core.errors import InputError, Refusal
from verifier.strict_json import parse_json, read_bounded

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def refused(data: bytes, **options: object) -> str:
    """Return the message of the refusal, which must be ``malformed_json``."""
    with pytest.raises(Refusal) as caught:
        parse_json(data, "text", **options)  # type: ignore[arg-type]
    assert caught.value.code == "malformed_json"
    return caught.value.message


@given(VALUES)
def test_what_json_writes_is_read_back(value: object) -> None:
    for data in (json.dumps(value).encode(), json.dumps(value, ensure_ascii=False, indent=1).encode()):
        assert parse_json(data, "text", max_depth=64) == value


@given(st.binary(max_size=64))
def test_any_bytes_give_a_value_or_a_refusal(data: bytes) -> None:
    try:
        parse_json(data, "text")
    except Refusal as refusal:
        assert refusal.code == "malformed_json"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "Expecting value"),
        (b"   ", "Expecting value"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a": 1, "a": 1}', "duplicate key"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate key"),
        (b'[{"x": {"a": 1, "a": 2}}]', "duplicate key"),
        (b"NaN", "the number NaN"),
        (b"[Infinity]", "the number Infinity"),
        (b"[-Infinity]", "the number -Infinity"),
        (b"[1.0]", "fraction"),
        (b"[1e3]", "exponent"),
        (b"[-0]", "integer -0"),
        (b"[01]", "delimiter"),
        (b"[+1]", "Expecting value"),
        (b"[0x10]", "delimiter"),
        (b"{} x", "Extra data"),
        (b"{}{}", "Extra data"),
        (b"{}\x00", "Extra data"),
        (b"{}\xc2\xa0", "Extra data"),
        (b"[1,]", ""),  # the parser's words for these two changed with Python 3.13
        (b'{"a": 1,}', ""),
        (b"{'a': 1}", "property name"),
        (b'["\t"]', "control character"),
        (b'["\\ud800"]', "lone surrogate"),
        (b'{"\\udfff": 1}', "lone surrogate"),
        (b'["\\ud83d\\ud83d\\ude00"]', "lone surrogate"),
        (b'["open', "Unterminated"),
        (b'["open\\', "Unterminated"),
        (b"[" + b"9" * 81 + b"]", "more than 80 digits"),
        (b"[-" + b"9" * 81 + b"]", "more than 80 digits"),
        (b"[" * 17 + b"]" * 17, "nested deeper than 16 at byte 16"),
        (b'{"a":' * 17, "nested deeper than 16"),
    ],
)
def test_a_second_reading_is_refused(data: bytes, rule: str) -> None:
    assert rule in refused(data)


def test_a_number_of_the_longest_length_and_the_deepest_nesting_are_read() -> None:
    assert parse_json(b"9" * 80, "text") == int("9" * 80)
    assert parse_json(b"[" * 16 + b"]" * 16, "text") is not None


def test_brackets_within_strings_do_not_count_as_depth() -> None:
    assert parse_json(b'["' + b"[" * 100 + b'\\"[[[", "]"]', "text") == ["[" * 100 + '"[[[', "]"]


def test_a_pair_of_surrogate_escapes_is_one_character() -> None:
    assert parse_json(b'["\\ud83d\\ude00", "\\\\ud800"]', "text") == ["\U0001f600", "\\ud800"]


def test_floats_are_read_where_allowed_and_only_finite_ones() -> None:
    assert parse_json(b"[0.5, 1e3]", "text", allow_floats=True) == [0.5, 1000.0]
    assert "beyond the range" in refused(b"[1e999]", allow_floats=True)
    assert "the number NaN" in refused(b"[NaN]", allow_floats=True)
    value = parse_json(b"1.7976931348623157e308", "text", allow_floats=True)
    assert isinstance(value, float) and math.isfinite(value)


def test_the_size_cap_is_exact() -> None:
    assert parse_json(b" " * 7 + b"1", "text", max_bytes=8) == 1
    assert "larger than 8 bytes" in refused(b" " * 8 + b"1", max_bytes=8)


def test_a_file_is_read_up_to_its_cap(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"12345678")
    assert read_bounded(path, 8) == b"12345678"
    with pytest.raises(Refusal, match="larger than 7 bytes"):
        read_bounded(path, 7)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.json: must be a readable file: No such file"):
        read_bounded(tmp_path / "nothing.json")
