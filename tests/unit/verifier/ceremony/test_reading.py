"""Reading what came from outside: any bytes are read or refused, and every refusal has its code."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import verifier.ceremony
from prover.compiler import Build
from prover.setup_reference import dev_setup
from rtnet_core.errors import InputError, ZkM2mError
from tests.support.toy_circuit import toy_build
from verifier.ceremony.binary import BinaryFile, mapped
from verifier.ceremony.chain import read_chain
from verifier.ceremony.circuit_key import Circuit, require_matrices
from verifier.ceremony.documents import TITLE, Attestation
from verifier.ceremony.reasons import CEREMONY_REASONS, refuse

__all__ = ["toy_build"]

SOURCES = sorted(Path(verifier.ceremony.__path__[0]).glob("*.py"))


def test_the_codes_refused_with_are_those_of_the_table() -> None:
    text = "".join(path.read_text() for path in SOURCES if path.name != "reasons.py")
    text += (Path(verifier.__path__[0]).parent / "cli" / "ceremony.py").read_text()
    used = {
        call.args[0].value
        for call in ast.walk(ast.parse(text.replace("from __future__ import annotations", "")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "refuse"
        if isinstance(call.args[0], ast.Constant)
    }
    assert used == set(CEREMONY_REASONS)
    assert all(re.fullmatch(r"[A-Zs].*\.", sentence) for sentence in CEREMONY_REASONS.values())
    assert refuse("no_beacon", "none").message == f"{CEREMONY_REASONS['no_beacon']} (none)"


@pytest.fixture(scope="module")
def key(toy_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reading") / "toy.zkey"
    dev_setup(toy_build.r1cs, path, seed=bytes(range(32)))
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=4), cut=st.integers(0, 30_000))
def test_a_key_with_any_bytes_changed_is_read_or_refused(
    key: Path, tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(key.read_bytes())
    for at, value in changes:
        data[at] = value
    path = tmp_path / "changed.zkey"
    path.write_bytes(data if cut > len(data) else data[: cut + 1])
    try:
        read_chain(path)
    except InputError as error:
        assert "changed.zkey" in str(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 4_000), value=st.integers(0, 255))
def test_constraints_with_any_byte_changed_are_read_or_refused(
    toy_build: Build, key: Path, tmp_path: Path, at: int, value: int
) -> None:
    data = bytearray(toy_build.r1cs.read_bytes())
    data[at % len(data)] = value
    path = tmp_path / "changed.r1cs"
    path.write_bytes(data)
    with suppress(ZkM2mError):
        require_matrices(Circuit.open(path), BinaryFile(key, "zkey"))


@given(text=st.text())
def test_any_text_is_an_attestation_or_bad_input(text: str) -> None:
    for whole in (text, f"{TITLE}\n{text}"):
        with pytest.raises(InputError):
            Attestation.parse(whole, "text")


def test_what_is_no_file_of_sections_is_bad_input(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for path, rule in ((tmp_path, "existing file"), (tmp_path / "none", "existing file"), (empty, "not empty")):
        with pytest.raises(InputError, match=rule):
            mapped(path)
    for content, rule in (
        (b"zkey", "too early"),
        (b"wtns" + bytes(8), "must be a zkey file"),
        (b"zkey\2" + bytes(7), "version 1"),
        (b"zkey\1\0\0\0\xff\0\0\0", "at most 64 sections"),
        (b"zkey\1\0\0\0\2\0\0\0" + 2 * (b"\1\0\0\0" + bytes(8)), "must occur once"),
        (b"zkey\1\0\0\0\1\0\0\0\1\0\0\0" + b"\xff" * 8, "too early"),
        (b"zkey\1\0\0\0\0\0\0\0more", "0 more bytes"),
    ):
        empty.write_bytes(content)
        with pytest.raises(InputError, match=rule):
            BinaryFile(empty, "zkey")
