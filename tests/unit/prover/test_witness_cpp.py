"""Witnesses by circom's C++: those of WebAssembly to the byte, the same refusals, and silence about values."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prover import witness_cpp
from prover.compiler import Build, compile_circuit
from prover.witness import WitnessCalculator, encode_inputs, flatten_inputs
from prover.witness_cpp import (
    CppWitnessCalculator,
    compile_program,
    find_program,
    open_calculator,
    require_cpp_tools,
)
from rtnet_core.errors import InputError, Refusal, ToolError
from rtnet_core.limits import FIELD_MODULUS
from tests.support.toy_circuit import CANARIES, INPUTS, toy

# The name is fixed, so that the program is compiled once for all runs of the tests.
NAME = "toy-cpp"


def _compilable() -> bool:
    try:
        require_cpp_tools()
    except ToolError:
        return False
    return Path("/usr/include/gmp.h").exists() or any(Path("/usr/include").glob("*/gmp.h"))


needs_cpp = pytest.mark.skipif(not _compilable(), reason="needs g++, nasm and libgmp-dev on Linux, x86-64")


@pytest.fixture(scope="module")
def cpp_build() -> Build:
    """The toy circuit with its C++ program."""
    built = compile_circuit(toy(NAME))
    compile_program(toy(NAME), built)
    return built


@pytest.fixture
def cpp(cpp_build: Build) -> Iterator[CppWitnessCalculator]:
    with CppWitnessCalculator(cpp_build, timeout_s=60) as calculator:
        yield calculator


def changed(**changes: Any) -> dict[str, Any]:
    """INPUTS with some of them replaced."""
    return {**INPUTS, **changes}


def honest(values: list[int], pair: tuple[int, int], unused: int) -> dict[str, Any]:
    """Inputs that satisfy the toy circuit: numbers below r, the last pair of factors swapped."""
    total = sum(value * value for value in values) % FIELD_MODULUS
    bound = values[0] % FIELD_MODULUS
    return {"total": total, "bound": bound, "values": values, "grid": [list(pair), list(pair[::-1])], "unused": unused}


EDGES = [0, 1, 2, 2**31 - 1, 2**31, 2**31 + 1, 2**32, 2**64 - 1, 2**253, FIELD_MODULUS - 2**31, FIELD_MODULUS - 1]


@needs_cpp
def test_both_programs_give_the_same_bytes(cpp: CppWitnessCalculator, cpp_build: Build) -> None:
    rng = random.Random(20_26)
    cases = [honest([edge] * 3, (edge, FIELD_MODULUS - 1), edge) for edge in EDGES]
    cases += [
        honest(
            [rng.randrange(FIELD_MODULUS) for _ in range(3)], (rng.choice(EDGES), rng.choice(EDGES)), rng.choice(EDGES)
        )
        for _ in range(20)
    ]
    with WitnessCalculator(cpp_build.wasm) as wasm:
        for inputs in [INPUTS, *cases]:
            assert cpp.calculate(inputs) == wasm.calculate(inputs)


@needs_cpp
@pytest.mark.parametrize(
    "inputs", [changed(total=1), changed(bound=1 << 60), changed(grid=[[740404741, 6], [1480809482, 4]])]
)
def test_a_violated_circuit_is_the_same_refusal(
    cpp: CppWitnessCalculator, cpp_build: Build, inputs: dict[str, Any]
) -> None:
    with pytest.raises(Refusal) as caught:
        cpp.calculate(inputs)
    with WitnessCalculator(cpp_build.wasm) as wasm, pytest.raises(Refusal) as expected:
        wasm.calculate(inputs)
    # WebAssembly goes on to name the templates around the one that failed.
    assert str(expected.value).startswith(str(caught.value))
    assert caught.value.code == "witness_failed"
    assert not any(canary in str(caught.value) for canary in CANARIES)
    assert cpp.calculate(INPUTS)


@needs_cpp
@pytest.mark.parametrize(
    ("inputs", "rule"),
    [
        ({k: v for k, v in INPUTS.items() if k != "bound"}, r"inputs\.bound: is missing"),
        (changed(extra=1), r"inputs\.extra: is no input"),
        (changed(total=FIELD_MODULUS), r"inputs\.total: must be an integer"),
        (changed(values=[1, 2]), r"inputs\.values: must be a list of 3"),
    ],
)
def test_a_bad_input_never_reaches_the_program(
    cpp: CppWitnessCalculator, monkeypatch: pytest.MonkeyPatch, inputs: dict[str, Any], rule: str
) -> None:
    monkeypatch.setattr(subprocess, "Popen", _never)
    with pytest.raises(InputError, match=rule) as caught:
        cpp.calculate(inputs)
    assert not caught.value.has_value


@needs_cpp
def test_the_preferred_generator_is_the_one_that_is_there(cpp_build: Build, toy_build: Build) -> None:
    assert find_program(toy_build) is None
    assert open_calculator(toy_build).generator == "wasm"
    assert open_calculator(cpp_build).generator == "cpp"
    assert open_calculator(cpp_build, "wasm").generator == "wasm"
    with pytest.raises(ToolError, match=f"zkm2m circuits build {toy_build.circuit} --witness cpp"):
        open_calculator(toy_build, "cpp")
    with pytest.raises(InputError, match="must be auto, cpp or wasm"):
        open_calculator(cpp_build, "go")


@needs_cpp
def test_a_compiled_program_is_kept(cpp_build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_cpp, "write_cpp", _never)
    program = compile_program(toy(NAME), cpp_build)
    assert sorted(file.name for file in program.parent.iterdir()) == ["program.json", NAME, f"{NAME}.dat"]
    assert program == find_program(cpp_build)


@needs_cpp
@pytest.mark.parametrize("file", ["program.json", NAME, f"{NAME}.dat"])
def test_a_changed_program_is_refused(
    cpp_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    original = witness_cpp._program_folder(cpp_build)
    folder = shutil.copytree(original, tmp_path / "copy")
    monkeypatch.setattr(witness_cpp, "_program_folder", lambda _: folder)
    CppWitnessCalculator(cpp_build)
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[:-2] + b"..")
    with pytest.raises(ToolError, match="was changed after it was built"):
        CppWitnessCalculator(cpp_build)


@needs_cpp
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("kill -SEGV $$", "ended by signal 11"),
        ("exit 127", "exit code 127"),
        ("exit 0", "exit code 0"),
        ("exit 4", "exit code 4"),
        ("printf 910203041; exit 4", "exit code 4"),
        ("cat; echo 910203041 >&2; exit 0", "exit code 0"),
    ],
)
def test_a_crash_is_an_error_that_shows_nothing(
    cpp: CppWitnessCalculator, tmp_path: Path, capfd: pytest.CaptureFixture[str], script: str, message: str
) -> None:
    cpp._program = _script(tmp_path, script)
    with pytest.raises(ToolError, match=message) as caught:
        cpp.calculate(INPUTS)
    shown = str(caught.value) + "".join(capfd.readouterr())
    assert not any(canary in shown for canary in CANARIES)
    assert list(tmp_path.iterdir()) == [cpp._program]  # no core file


@needs_cpp
def test_a_refusal_without_a_readable_place_names_none(cpp: CppWitnessCalculator, tmp_path: Path) -> None:
    cpp._program = _script(tmp_path, "printf '910203041'; exit 3")
    with pytest.raises(Refusal, match="at an unnamed place$"):
        cpp.calculate(INPUTS)


@needs_cpp
def test_a_job_that_takes_too_long_is_stopped_with_all_it_started(cpp: CppWitnessCalculator, tmp_path: Path) -> None:
    cpp._program = _script(tmp_path, f"(sleep 1; touch {tmp_path}/alive) & sleep 60")
    cpp._timeout_s = 0.3
    with pytest.raises(ToolError, match=r"took longer than 0\.3 seconds"):
        cpp.calculate(INPUTS)
    assert cpp._process is None
    time.sleep(1.2)
    assert not (tmp_path / "alive").exists()


@needs_cpp
def test_a_program_that_is_gone_is_an_error(cpp: CppWitnessCalculator, tmp_path: Path) -> None:
    cpp._program = tmp_path / "none"
    with pytest.raises(ToolError, match="could not be started: No such file"):
        cpp.calculate(INPUTS)


@needs_cpp
def test_inputs_reach_the_program_through_the_pipe_only(
    cpp: CppWitnessCalculator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    popen = subprocess.Popen

    def recording(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        seen.append(repr((command, options)))
        return popen(command, **options)

    monkeypatch.setattr(subprocess, "Popen", recording)
    cpp.calculate(INPUTS)
    assert len(seen) == 1
    assert not any(canary in seen[0] for canary in CANARIES)


GOOD = encode_inputs(flatten_inputs(INPUTS, {"total": (), "bound": (), "values": (3,), "grid": (2, 2), "unused": ()}))


@needs_cpp
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", b"signals_missing"),
        (GOOD[:-1], b"input_too_short"),
        (GOOD[:5], b"input_too_short"),
        (GOOD[:48], b"signals_missing"),
        (GOOD + GOOD[:48], b"signal_set_twice"),
        (encode_inputs({"other": [1]}), b"unknown_signal"),
        (encode_inputs({"values": [1, 2]}), b"signal_size"),
        (GOOD[:8] + b"\xff" * 8 + GOOD[16:], b"signal_size"),
        (bytes(16), b"unknown_signal"),
    ],
)
def test_the_program_refuses_what_is_no_input(cpp: CppWitnessCalculator, content: bytes, word: bytes) -> None:
    run = _run_program([str(cpp._program), str(cpp._data)], content)
    assert (run.returncode, run.stdout, run.stderr) == (4, word, b"")


@needs_cpp
def test_the_program_refuses_data_of_another_length(cpp: CppWitnessCalculator, tmp_path: Path) -> None:
    content = cpp._data.read_bytes()
    for number, (data, word) in enumerate([(content[:-1], b"data_too_short"), (b"", b"data_unreadable")]):
        file = tmp_path / str(number)
        file.write_bytes(data)
        assert _run_program([str(cpp._program), str(file)], GOOD).stdout == word
    assert _run_program([str(cpp._program), str(tmp_path / "none")], GOOD).stdout == b"data_unreadable"
    assert _run_program([str(cpp._program)], GOOD).stdout == b"arguments"


@needs_cpp
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_neither_program_may_leave_a_core_file(cpp: CppWitnessCalculator, cpp_build: Build) -> None:
    process = subprocess.Popen([cpp._program, cpp._data], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while not _leaves_no_core(process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert _leaves_no_core(process.pid)
    finally:
        process.communicate(b"")
    with WitnessCalculator(cpp_build.wasm) as wasm:
        wasm.calculate(INPUTS)
        assert wasm._process is not None
        assert _leaves_no_core(wasm._process.pid)


def test_what_is_missing_for_compiling_is_named(
    toy_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_cpp, "build_folder", lambda: tmp_path)
    monkeypatch.setattr(witness_cpp.platform, "system", lambda: "Linux")
    monkeypatch.setattr(witness_cpp.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(witness_cpp.shutil, "which", lambda name: None if name == "nasm" else name)
    with pytest.raises(ToolError, match=r"nasm was not found: install g\+\+ nasm libgmp-dev"):
        compile_program(toy(toy_build.circuit), toy_build)
    monkeypatch.setattr(witness_cpp.platform, "machine", lambda: "aarch64")
    with pytest.raises(ToolError, match="for Linux on x86-64"):
        compile_program(toy(toy_build.circuit), toy_build)


@needs_cpp
def test_a_compiler_that_fails_leaves_nothing_and_says_why(
    toy_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_cpp, "build_folder", lambda: tmp_path)
    broken = tmp_path / "main.cpp"
    broken.write_text("#error no main\n")
    monkeypatch.setattr(witness_cpp, "_MAIN", broken)
    killed = tmp_path / "witness" / toy_build.circuit / ".of-a-killed-run.partial"
    killed.mkdir(parents=True)
    with pytest.raises(ToolError, match=r"g\+\+ failed with exit code 1.*no main"):
        compile_program(toy(toy_build.circuit), toy_build)
    assert find_program(toy_build) is None
    assert [file.name for file in (tmp_path / "witness" / toy_build.circuit).iterdir()] == [".lock"]


def _script(folder: Path, command: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
    return path


def _run_program(command: list[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=content, capture_output=True, timeout=60, check=False)


def _leaves_no_core(pid: int) -> bool:
    (line,) = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file size" in line]
    return line.split()[4:6] == ["0", "0"]


def _never(*_arguments: object, **_options: object) -> None:
    raise AssertionError("a program was started")
