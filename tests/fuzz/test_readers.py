"""Fuzzing: whatever stands in a file from outside, its reader returns or refuses, in bounded time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prover.paths import project_root
from tests.fuzz.readers import Reader, python_readers, readers

READERS = python_readers()
NAMES = pytest.mark.parametrize("name", READERS)
#: Texts that a recursive or careless reader does not survive, as they are and as a value.
BOMBS = {
    "nested lists": b"[" * 200_000,
    "nested objects": b'{"a":' * 100_000,
    "a long number": b"9" * 100_000,
    "a long number as a value": b'{"format": ' + b"9" * 100_000 + b"}",
    "nested TOML": b"a = " + b"[" * 4_000,
    "dotted TOML": b"a" + b".a" * 3_000 + b" = 1\n",
    "a long number in TOML": b"a = " + b"9" * 6_000,
    "one open quote": b'"' + b"a" * 1_000_000,
    "backslashes": b'"' + b"\\" * 1_000_001,
    "zero bytes": bytes(1_000_000),
    "commas": b"," * 100_000,
    "line ends": b"\n" * 5_000,
    "half a surrogate": b'{"format": "\\ud800"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "nothing": b"",
}


def read_or_refuse(reader: Reader, data: bytes, folder: Path) -> None:
    with suppress(*reader.refusals):
        reader.read(data, folder)


def spoilt_examples(reader: Reader, circuit: Path, folder: Path, count: int) -> None:
    seeds = reader.seeds(circuit)

    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.randoms(use_true_random=False))
    def spoilt(random: Random) -> None:
        read_or_refuse(reader, reader.spoil(random, random.choice(seeds)), folder)

    spoilt()


@NAMES
def test_good_files_are_read(name: str, circuit_files: Path, tmp_path: Path) -> None:
    """The control: what is spoilt below was readable before."""
    for seed in READERS[name].seeds(circuit_files):
        READERS[name].read(seed, tmp_path)


@NAMES
def test_a35_a_spoilt_file_is_read_or_refused(name: str, circuit_files: Path, tmp_path: Path) -> None:
    spoilt_examples(READERS[name], circuit_files, tmp_path, 25)


@NAMES
def test_a35_a_bomb_is_refused(name: str, tmp_path: Path) -> None:
    for bomb in BOMBS.values():
        read_or_refuse(READERS[name], bomb, tmp_path)


@pytest.mark.slow
@NAMES
def test_a35_many_spoilt_files_are_read_or_refused(name: str, circuit_files: Path, tmp_path: Path) -> None:
    spoilt_examples(READERS[name], circuit_files, tmp_path, 1_000)


@pytest.mark.slow
@NAMES
def test_a35_a_file_that_takes_new_paths_is_read_or_refused(name: str, circuit_files: Path) -> None:
    """In a process of its own, which the fuzzer ends; ``FUZZ_SECONDS`` says how long."""
    pytest.importorskip("atheris", reason="atheris is not installed: it has wheels for Linux on x86-64")
    seconds = os.environ.get("FUZZ_SECONDS", "10")
    command = [sys.executable, "-m", "tests.fuzz.guided", str(circuit_files), name, seconds]
    done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr)[-3000:]
    assert done.returncode == 0, f"exit {done.returncode}, the file is in {circuit_files}: {said}"


def limited(circuit: Path, count: int, names: list[str]) -> None:
    command = [sys.executable, "-m", "tests.fuzz.limited", str(circuit), str(count), *names]
    done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-3000:]}"


@pytest.mark.native
def test_a35_a_spoilt_file_does_not_end_the_native_module(circuit_files: Path) -> None:
    """In a process of its own with limits: a native crash, a gigabyte or half a minute ends it."""
    pytest.importorskip("zkm2m_native", reason="the native prover is not installed")
    limited(circuit_files, 150, sorted(set(readers(circuit_files, native=True)) - set(READERS)))


@pytest.mark.slow
def test_a35_no_reader_takes_much_memory_or_time(circuit_files: Path) -> None:
    limited(circuit_files, 300, [])
