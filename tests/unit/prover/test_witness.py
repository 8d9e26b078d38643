"""Witnesses: equal to snarkjs to the byte, checked before Node is started, silent about values."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from prover import witness as witness_module
from prover.compiler import Build
from prover.formats.wtns import parse_wtns
from prover.toolchain import run_tool
from prover.witness import WitnessCalculator, flatten_inputs
from rtnet_core.errors import InputError, Refusal, ToolError
from rtnet_core.limits import FIELD_MODULUS
from tests.support.toy_circuit import CANARIES, INPUTS, SOURCE


def changed(**changes: Any) -> dict[str, Any]:
    """INPUTS with some of them replaced."""
    return {**INPUTS, **changes}


def test_the_witness_is_that_of_snarkjs(toy_build: Build, toy_witness_file: bytes, tmp_path: Path) -> None:
    inputs, out = tmp_path / "input.json", tmp_path / "out.wtns"
    inputs.write_text(json.dumps(changed(total=str(INPUTS["total"]))))  # JavaScript's own numbers would round it
    run_tool("snarkjs", ["wtns", "calculate", toy_build.wasm, inputs, out], timeout_s=120, outputs=[out])
    assert out.read_bytes() == toy_witness_file


def test_one_process_serves_many_jobs_and_carries_nothing_over(toy_build: Build, toy_witness_file: bytes) -> None:
    with WitnessCalculator(toy_build.wasm) as calculator:
        for bound, verdict in ((2, 1), (910203041, 1), (910203042, 0)):
            assert parse_wtns(calculator.calculate(changed(bound=bound)))[1] == verdict
        with pytest.raises(Refusal):
            calculator.calculate(changed(total=1))
        assert calculator.calculate(INPUTS) == toy_witness_file


def line_of(code: str) -> int:
    """The line of the toy circuit on which `code` stands."""
    return next(number for number, line in enumerate(SOURCE.splitlines(), start=1) if code in line)


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        (changed(total=INPUTS["total"] + 1), f"Toy line {line_of('sum === total')}"),  # type: ignore[operator]
        (changed(bound=1 << 60), f"Num2Bits line .* in Toy line {line_of('bits.in <==')}"),
        (changed(grid=[[740404741, 6], [1480809482, 4]]), f"Toy line {line_of('product ===')}"),
    ],
)
def test_a_violated_circuit_is_a_refusal_that_names_the_line_only(
    toy_build: Build, inputs: dict[str, Any], place: str
) -> None:
    with WitnessCalculator(toy_build.wasm) as calculator, pytest.raises(Refusal, match=place) as caught:
        calculator.calculate(inputs)
    assert caught.value.code == "witness_failed"
    assert not any(canary in str(caught.value) for canary in CANARIES)


def test_inputs_are_flattened_in_row_major_order() -> None:
    shapes = {"a": (2, 2), "b": (), "c": (3,)}
    flat = flatten_inputs({"b": 5, "a": [[1, 2], (3, 4)], "c": [6, 7, 8]}, shapes)
    assert flat == {"a": [1, 2, 3, 4], "b": [5], "c": [6, 7, 8]}


def test_programs_of_another_circuit_and_other_files_are_tool_errors(toy_build: Build, tmp_path: Path) -> None:
    names = dict(toy_build.inputs)
    with pytest.raises(ToolError, match="has 10 inputs, not 9"):
        WitnessCalculator(toy_build.wasm, {k: v for k, v in names.items() if k != "unused"}).calculate(
            {k: v for k, v in INPUTS.items() if k != "unused"}
        )
    renamed = {("other" if name == "unused" else name): shape for name, shape in names.items()}
    with pytest.raises(ToolError, match=r"unknown_signal \(other\)"):
        WitnessCalculator(toy_build.wasm, renamed).calculate(
            {("other" if k == "unused" else k): v for k, v in INPUTS.items()}
        )
    for content in (b"", b"\0asm\1\0\0\0", b"no program"):
        program = tmp_path / "program.wasm"
        program.write_bytes(content)
        with pytest.raises(ToolError, match="no witness program"):
            WitnessCalculator(program, names).calculate(INPUTS)
    with pytest.raises(InputError, match="existing witness program"):
        WitnessCalculator(tmp_path / "none.wasm", names)


def test_a_killed_process_is_reported_and_replaced(toy_build: Build, toy_witness_file: bytes) -> None:
    with WitnessCalculator(toy_build.wasm) as calculator:
        calculator.calculate(INPUTS)
        process = calculator._process
        assert process is not None
        process.kill()
        process.wait()
        assert calculator.calculate(INPUTS) == toy_witness_file
    assert process.poll() is not None


def test_a_job_that_takes_too_long_is_stopped(
    toy_build: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    worker = tmp_path / "sleeping.mjs"
    worker.write_text(
        "const say = (v) => { const b = Buffer.from(JSON.stringify(v)); const n = Buffer.alloc(4);"
        "n.writeUInt32LE(b.length); process.stdout.write(n); process.stdout.write(b); };"
        "say({ok: true, inputs: 10, wires: 2}); setInterval(() => {}, 1000);"
    )
    monkeypatch.setattr(witness_module, "_WORKER", worker)
    with WitnessCalculator(toy_build.wasm, timeout_s=0.5) as calculator:
        with pytest.raises(ToolError, match="took longer than 0.5 seconds"):
            calculator.calculate(INPUTS)
        assert calculator._process is None


def test_inputs_reach_node_through_the_pipe_only(toy_build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    popen = subprocess.Popen

    def recording(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        seen.append(repr((command, options)))
        return popen(command, **options)

    monkeypatch.setattr(subprocess, "Popen", recording)
    with WitnessCalculator(toy_build.wasm) as calculator:
        calculator.calculate(INPUTS)
    assert len(seen) == 1
    assert not any(canary in seen[0] for canary in CANARIES)


@pytest.mark.parametrize("value", [FIELD_MODULUS, -1, True, 1.0, float("nan"), "5", None, [5], b"5"])
def test_a_value_that_is_no_field_element_is_not_shown(value: Any) -> None:
    with pytest.raises(InputError, match=r"inputs\.a\[1\]: must be an integer") as caught:
        flatten_inputs({"a": [1, value]}, {"a": (2,)})
    assert not caught.value.has_value
