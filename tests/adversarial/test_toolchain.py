"""ATTACKS A44 to A50 as far as tools, files and keys stand between the inputs and a proof."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prover import compiler
from prover import witness as witness_module
from prover.atomic import private_directory, write_atomically
from prover.checker import Checker
from prover.compiler import Build, Circuit, compile_circuit
from prover.formats.r1cs import R1cs
from prover.formats.sym import Symbols
from prover.formats.wtns import parse_wtns
from prover.keys import Keys, make_development_keys, read_keys
from prover.paths import built_circuit_folder
from prover.toolchain import run_tool
from prover.witness import WitnessCalculator
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import FIELD_MODULUS
from tests.support.toy_circuit import (
    CANARIES,
    INPUTS,
    SEED,
    other_build,
    toy_build,
    toy_keys,
    toy_symbols,
    toy_system,
    toy_witness,
    toy_witness_file,
)

__all__ = ["other_build", "toy_build", "toy_keys", "toy_symbols", "toy_system", "toy_witness", "toy_witness_file"]


def relabel(folder: Path, **changes: Any) -> None:
    """Change entries of a key folder's lock file, as someone would who mixes files up."""
    path = folder / "keys.lock.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# A44: keys of another constraint system


def test_a44_keys_of_another_constraint_system(toy_keys: Keys, other_build: Build) -> None:
    with pytest.raises(InputError, match="must be of the circuit"):
        read_keys(toy_keys.proving_key.parent, other_build)


def test_a44_keys_relabelled_as_those_of_another_constraint_system(
    toy_keys: Keys, other_build: Build, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(toy_keys.proving_key.parent, tmp_path / "keys"))
    relabel(folder, circuit=other_build.circuit)
    with pytest.raises(InputError, match="must be for the constraint system"):
        read_keys(folder, other_build)
    relabel(folder, r1cs_sha256=other_build.r1cs_sha256)
    with pytest.raises(InputError, match="wires: must be"):
        read_keys(folder, other_build)


def test_a44_a_proving_key_swapped_in_from_another_folder(
    toy_keys: Keys, toy_build: Build, other_build: Build, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(toy_keys.proving_key.parent, tmp_path / "keys"))
    other = make_development_keys(tmp_path / "other", other_build, seed=SEED)
    shutil.copy(other.proving_key, folder / "proving_key.zkey")
    with pytest.raises(InputError, match="must have the hash that its lock file names"):
        read_keys(folder, toy_build)


def test_a44_a_truncated_proving_key(toy_keys: Keys, toy_build: Build, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy_keys.proving_key.parent, tmp_path / "keys"))
    whole = (folder / "proving_key.zkey").read_bytes()
    for length in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        (folder / "proving_key.zkey").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"proving_key\.zkey"):
            read_keys(folder, toy_build)


def test_a40_a42_a_forgeable_or_edited_proving_key(toy_keys: Keys, toy_build: Build, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy_keys.proving_key.parent, tmp_path / "keys"))
    whole = bytearray((folder / "proving_key.zkey").read_bytes())
    edited = bytearray(whole)
    edited[-100] ^= 1  # inside the last point of H
    (folder / "proving_key.zkey").write_bytes(edited)
    with pytest.raises(InputError, match="must have the hash that its lock file names"):
        read_keys(folder, toy_build)

    header = 12 + 12 + 4 + 12 + 2 * 36 + 12  # up to alpha1: container, section 1, moduli and counts
    gamma2, delta2 = header + 2 * 64 + 128, header + 3 * 64 + 2 * 128
    forgeable = bytearray(whole)
    forgeable[delta2 : delta2 + 128] = whole[gamma2 : gamma2 + 128]
    (folder / "proving_key.zkey").write_bytes(forgeable)
    relabel(folder, zkey_sha256=compiler.file_sha256(folder / "proving_key.zkey"))
    with pytest.raises(InputError, match="gamma2 != delta2 up to sign: under this key anyone can forge"):
        read_keys(folder, toy_build)


# A45: inputs that are none


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"bound": FIELD_MODULUS}, r"inputs\.bound: must be an integer"),
        ({"bound": -1}, r"inputs\.bound: must be an integer"),
        ({"bound": 2.0}, r"inputs\.bound: must be an integer"),
        ({"bound": float("nan")}, r"inputs\.bound: must be an integer"),
        ({"bound": True}, r"inputs\.bound: must be an integer"),
        ({"bound": "2"}, r"inputs\.bound: must be an integer"),
        ({"values": [910203041, 5]}, r"inputs\.values: must be a list of 3"),
        ({"values": 910203041}, r"inputs\.values: must be a list of 3"),
        ({"grid": [[740404741, 6], [1480809482]]}, r"inputs\.grid\[1\]: must be a list of 2"),
        ({"verdict": 1}, r"inputs\.verdict: is no input of this circuit"),
        ({"unused": None}, r"inputs\.unused: must be an integer"),
    ],
)
def test_a45_inputs_are_refused_before_any_tool_starts(
    toy_build: Build, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], rule: str
) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("a tool was started")

    monkeypatch.setattr(witness_module.subprocess, "Popen", started)
    with WitnessCalculator(toy_build.wasm) as calculator, pytest.raises(InputError, match=rule) as caught:
        calculator.calculate({**INPUTS, **changes})
    assert not any(canary in str(caught.value) for canary in CANARIES)


def test_a45_a_missing_input_is_named(toy_build: Build) -> None:
    with WitnessCalculator(toy_build.wasm) as calculator, pytest.raises(InputError, match=r"inputs\.bound: is missing"):
        calculator.calculate({name: value for name, value in INPUTS.items() if name != "bound"})


# A46: an edited witness


@pytest.mark.parametrize("change", [1, -1, FIELD_MODULUS // 2])
def test_a46_every_edited_wire_is_found(
    toy_system: R1cs, toy_symbols: Symbols, toy_witness: list[int], change: int
) -> None:
    checker = Checker(toy_system, toy_symbols)
    for wire in range(1, len(toy_witness)):
        edited = list(toy_witness)
        edited[wire] = (edited[wire] + change) % FIELD_MODULUS
        found = checker.violations(edited)
        assert found, toy_symbols.name_of(wire)
        assert all(toy_symbols.name_of(wire) in violation.signals for violation in found)


def test_a46_a_verdict_turned_round_is_found(toy_system: R1cs, toy_symbols: Symbols, toy_witness: list[int]) -> None:
    edited = list(toy_witness)
    edited[1] = 1 - edited[1]
    (found,) = Checker(toy_system, toy_symbols).violations(edited)
    assert "main.verdict" in found.signals


# A47: tools that fail quietly


@pytest.fixture
def fake_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose circom2 is the script `compiler.js` of the test."""
    root = tmp_path / "project"
    for package in ("circom2", "circomlib"):
        (root / "node_modules" / package).mkdir(parents=True)
        (root / "node_modules" / package / "package.json").write_text('{"version": "1.0.0"}')
    (root / "circuits").mkdir()
    (root / "circuits" / "toy.circom").write_text("template Toy() {}")
    monkeypatch.setenv("ZKM2M_HOME", str(root))
    monkeypatch.setattr(compiler, "_COMPILE_TIMEOUT_S", 3.0)
    return root


FAKE_NAME = "fake"
#: What a broken compiler does, as the body of a script that knows the names of its outputs.
FAKES = {
    "leaves empty files": "fs.mkdirSync(js); [r1cs, sym, wasm].forEach((f) => fs.writeFileSync(f, ''));",
    "leaves nothing": "",
    "leaves one file": "fs.writeFileSync(r1cs, 'r1cs');",
    "is killed in the middle": "fs.writeFileSync(r1cs, 'r1cs'); process.kill(process.pid, 'SIGKILL');",
    "hangs": "fs.writeFileSync(r1cs, 'r1cs'); setInterval(() => {}, 1000);",
    "writes nonsense": "fs.mkdirSync(js); [r1cs, sym, wasm].forEach((f) => fs.writeFileSync(f, 'x'));",
    "finds the disk full": "throw Object.assign(new Error('ENOSPC: no space left on device'), {errno: -28});",
}
EXPECTED = {
    "leaves empty files": "reported success but left no fake.r1cs",
    "leaves nothing": "reported success but left no fake.r1cs",
    "leaves one file": "reported success but left no fake.sym",
    "is killed in the middle": "circom2 was killed by signal 9",
    "hangs": "circom2 took longer than 3 seconds and was stopped",
    "writes nonsense": "fake.r1cs: ends inside its header",
    "finds the disk full": "no space left on device",
}


@pytest.mark.parametrize("behaviour", list(FAKES))
def test_a47_nothing_stands_under_the_final_name(fake_root: Path, behaviour: str) -> None:
    (fake_root / "node_modules" / "circom2" / "cli.js").write_text(
        "const fs = require('fs'); const out = process.argv[process.argv.indexOf('-o') + 1];"
        "const [r1cs, sym, js] = ['.r1cs', '.sym', '_js'].map((end) => `${out}/fake${end}`);"
        "const wasm = `${js}/fake.wasm`;" + FAKES[behaviour]
    )
    circuit = Circuit(FAKE_NAME, "circuits/toy.circom", "Toy()")
    with pytest.raises((ToolError, InputError), match=EXPECTED[behaviour]):
        compile_circuit(circuit)
    assert [path.name for path in built_circuit_folder(FAKE_NAME).iterdir()] == [".lock"]


def test_a47_a_stale_file_is_no_result(tmp_path: Path) -> None:
    stale = tmp_path / "proof.json"
    stale.write_text("of yesterday")
    with pytest.raises(ToolError, match=r"reported success but left no proof\.json"):
        run_tool("node", ["-e", ""], timeout_s=60, outputs=[stale])
    assert not stale.exists()


# A48: parts of different versions


def test_a48_witness_of_one_version_under_the_system_of_another(other_build: Build, toy_system: R1cs) -> None:
    with WitnessCalculator(other_build.wasm) as calculator:
        values = [*INPUTS["values"], 0]  # type: ignore[misc]
        witness = parse_wtns(calculator.calculate({**INPUTS, "values": values}))
    with pytest.raises(InputError, match="witness: must have .* values"):
        Checker(toy_system).is_satisfied(witness)


def test_a48_wasm_of_one_version_in_the_build_of_another(toy_build: Build, other_build: Build, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy_build.folder, tmp_path / "build"))
    shutil.copy(other_build.wasm, folder / toy_build.wasm.name)
    with pytest.raises(ToolError, match="has 11 inputs, not 10"):
        WitnessCalculator(folder / toy_build.wasm.name).calculate(INPUTS)


def test_a48_keys_of_one_version_with_the_build_of_another(toy_keys: Keys, other_build: Build, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy_keys.proving_key.parent, tmp_path / "keys"))
    relabel(folder, circuit=other_build.circuit)
    with pytest.raises(InputError, match="must be for the constraint system"):
        read_keys(folder, other_build)


# A49: awkward paths


@pytest.mark.parametrize(
    "name", ["with blanks", "quo'te\"s", "semi;colon", "$(id)", "-dash", "new\nline", "ünïcode", "*"]
)
def test_a49_awkward_folder_names(
    toy_build: Build, toy_witness_file: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = Path(shutil.copytree(toy_build.folder, tmp_path / name))
    monkeypatch.chdir(folder)  # another working directory, and relative names
    with WitnessCalculator(Path(toy_build.wasm.name)) as calculator:
        assert calculator.calculate(INPUTS) == toy_witness_file
    write_atomically(folder / "w.wtns", toy_witness_file)
    run_tool(
        "node",
        ["-e", "require('fs').copyFileSync(...process.argv.slice(1))", folder / "w.wtns", folder / "copy"],
        timeout_s=60,
        outputs=[folder / "copy"],
    )
    assert (folder / "copy").read_bytes() == toy_witness_file


@pytest.mark.parametrize("name", ["-o", "--help", "-"])
def test_a49_a_file_name_is_never_an_option(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="must not begin with '-'"):
        run_tool("snarkjs", ["wtns", "check", Path(name)], timeout_s=60)


@pytest.mark.parametrize("folder", [Path("/proc/zkm2m"), Path("/dev/null/zkm2m")])
def test_a49_a_folder_that_cannot_be_written(toy_build: Build, folder: Path) -> None:
    with pytest.raises(ToolError, match="cannot write"):
        make_development_keys(folder / "keys", toy_build, seed=SEED)
    with pytest.raises(ToolError, match="cannot write"):
        write_atomically(folder / "file", "content")


def test_a49_two_runs_at_once(toy_build: Build, tmp_path: Path) -> None:
    folder, failures = tmp_path / "keys", []

    def make() -> None:
        try:
            make_development_keys(folder, toy_build)
        except (ToolError, InputError) as error:
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_keys(folder, toy_build).circuit == toy_build.circuit
    assert len(failures) < 2
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


# A50: secrets stay in memory


def test_a50_inputs_are_in_no_command_line_and_no_environment(toy_build: Build) -> None:
    with WitnessCalculator(toy_build.wasm) as calculator:
        calculator.calculate(INPUTS)
        process = calculator._process
        assert process is not None
        shown = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    assert b"witness_worker.mjs" in shown
    assert not any(canary.encode() in shown for canary in CANARIES)


def test_a50_a_witness_leaves_no_file(toy_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = set(Path("/dev/shm").iterdir()) if Path("/dev/shm").is_dir() else set()
    built = {path: path.stat().st_mtime_ns for path in toy_build.folder.rglob("*")}
    with private_directory() as folder, WitnessCalculator(toy_build.wasm) as calculator:
        (folder / "witness.wtns").write_bytes(calculator.calculate(INPUTS))
    assert list(tmp_path.iterdir()) == []
    assert not folder.exists()
    assert {path: path.stat().st_mtime_ns for path in toy_build.folder.rglob("*")} == built
    assert not [path for path in set(Path("/dev/shm").iterdir()) - before if path.name.startswith(folder.name)]
