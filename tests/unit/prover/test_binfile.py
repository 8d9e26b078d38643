"""The section container: what is written is read, and whatever breaks a rule is an InputError."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from prover.formats.binfile import build_container, parse_container, read_file
from rtnet_core.errors import InputError

SECTIONS = [(2, b"second"), (1, b""), (7, bytes(40))]
FILE = build_container("r1cs", 1, SECTIONS)


def test_sections_come_back_in_any_order() -> None:
    container = parse_container(FILE, "r1cs", 1, "x")
    for number, content in SECTIONS:
        cursor = container.section(number, "title")
        assert bytes(cursor.take(len(content))) == content
        cursor.expect_end()
    assert container.length(7) == 40
    assert container.length(3) == 0


@pytest.mark.parametrize("length", range(len(FILE)))
def test_every_truncation_is_refused(length: int) -> None:
    with pytest.raises(InputError):
        parse_container(FILE[:length], "r1cs", 1, "x")


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"wtns" + FILE[4:], "must be a r1cs file"),
        (FILE[:4] + struct.pack("<I", 2) + FILE[8:], "must have version 1"),
        (FILE[:8] + struct.pack("<I", 65) + FILE[12:], "at most 64 sections"),
        (FILE + b"\0", "bytes after its last section"),
        (build_container("r1cs", 1, [(1, b"a"), (1, b"b")]), "must occur once"),
        (FILE[:16] + struct.pack("<Q", 1 << 63) + FILE[24:], "ends beyond the file"),
    ],
)
def test_each_broken_rule_is_named(data: bytes, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        parse_container(data, "r1cs", 1, "x")


def test_a_cursor_never_reads_beyond_its_section() -> None:
    container = parse_container(FILE, "r1cs", 1, "x")
    with pytest.raises(InputError, match=r"x section 2 \(greeting\): ends 2 bytes too early"):
        container.section(2, "greeting").u64()
    with pytest.raises(InputError, match="has bytes after its last field"):
        container.section(2, "greeting").expect_end()
    with pytest.raises(InputError, match=r"section 5 \(none\): is missing"):
        container.section(5, "none")


def test_files_are_read_whole_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert read_file(path, limit=3) == b"abc"
    with pytest.raises(InputError, match="at most 2 bytes"):
        read_file(path, limit=2)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="must not be empty"):
        read_file(path, limit=2)
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="must be an existing file"):
            read_file(missing, limit=2)
