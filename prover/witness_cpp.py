"""Witnesses by the C++ program that circom makes of a circuit (``circom2 --c``): the fast way, where it was compiled.

The program is compiled on the user's machine and runs as a process of its own, one for each witness: inputs go in
through a pipe, the witness comes back through one, and with the process everything that it knew is gone. circom's C++
runtime is under the GPL 3.0, so that it is never a part of this package nor of its process; the package brings the
program's `main` only (``witness_program.cpp``). That the program is right need not be believed: every witness is held
to the constraint system before it is proven.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from prover.atomic import atomic_folder
from prover.compiler import CPP_FLAGS, Build, Circuit, exclusive, file_sha256, remove_abandoned, write_cpp
from prover.paths import build_folder
from prover.toolchain import run_to_end, tool_environment
from prover.witness import FIELD_BYTES, Calculator, InputValue, WitnessCalculator, encode_inputs, flatten_inputs
from rtnet_core.errors import InputError, Refusal, ToolError

#: The ways to compute a witness, the preferred one first.
GENERATORS: Final = ("cpp", "wasm")
#: What the program's compilation needs, and Debian's names of all that brings it.
CPP_TOOLS: Final = ("g++", "nasm")
CPP_PACKAGES: Final = "g++ nasm libgmp-dev"

_FORMAT: Final = "zkm2m/witness-program/v1"
_MAIN: Final = Path(__file__).with_name("witness_program.cpp")
# -O2 takes twice as long to compile for a program that is no faster. NDEBUG would turn the checks of constraints off.
_COMPILER_FLAGS: Final = ("-std=c++17", "-O1", "-w", "-UNDEBUG", "-Wl,-z,noexecstack")
_COMPILE_TIMEOUT_S: Final = 3_600.0
_PIPE_BYTES: Final = 1 << 20
_HEADER_BYTES: Final = 76
_VIOLATED: Final = 3
_UNUSABLE: Final = 4
_PLACE: Final = re.compile(rb"(\w+) (\d+)")


def open_calculator(built: Build, generator: str = "auto") -> Calculator:
    """Return a calculator of witnesses; ``auto`` is cpp where its program was compiled, wasm elsewhere.

    Raises
    ------
    InputError
        There is no generator of that name.
    ToolError
        The program was not compiled, or was changed since.
    """
    if generator == "auto":
        generator = "cpp" if find_program(built) is not None else "wasm"
    if generator == "cpp":
        return CppWitnessCalculator(built)
    if generator == "wasm":
        return WitnessCalculator(built.wasm)
    raise InputError("generator", f"must be auto, {' or '.join(GENERATORS)}", generator)


def find_program(built: Build) -> Path | None:
    """Return the compiled program of a build, None where there is none."""
    program = _program_folder(built) / built.circuit
    return program if program.is_file() else None


def compile_program(circuit: Circuit, built: Build) -> Path:
    """Return the program that computes the witnesses of `built`, compiled now unless it exists.

    Parameters
    ----------
    circuit
        What `built` was built from.

    Raises
    ------
    ToolError
        This is no Linux on x86-64, a tool is missing, or a compiler refuses the sources.
    """
    folder = _program_folder(built)
    if not folder.is_dir():
        require_cpp_tools()
        with exclusive(folder.parent / ".lock"):
            if not folder.is_dir():
                remove_abandoned(folder.parent)
                with atomic_folder(folder) as temporary:
                    _compile_into(circuit, temporary)
    return folder / built.circuit


def require_cpp_tools() -> None:
    """Raise ToolError where a program cannot be compiled, naming what is missing."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ToolError("circom's C++ is for Linux on x86-64: elsewhere witnesses are computed by WebAssembly")
    missing = [program for program in CPP_TOOLS if shutil.which(program) is None]
    if missing:
        raise ToolError(f"{missing[0]} was not found: install {CPP_PACKAGES} (Debian's names)")


def _program_folder(built: Build) -> Path:
    """Return where the program stands: under the hash of everything that decides it but the compiler's version."""
    flags = " ".join((*CPP_FLAGS, *_COMPILER_FLAGS)).encode()
    digest = hashlib.sha256()
    for part in (built.r1cs_sha256.encode(), built.wasm_sha256.encode(), flags, _MAIN.read_bytes()):
        digest.update(len(part).to_bytes(8, "little") + part)
    return build_folder() / "witness" / built.circuit / digest.hexdigest()


def _compile_into(circuit: Circuit, folder: Path) -> None:
    sources = write_cpp(circuit, folder)
    program, data, assembled = folder / circuit.name, folder / f"{circuit.name}.dat", sources / "fr_asm.o"
    _run("nasm", ["-felf64", str(sources / "fr.asm"), "-o", str(assembled)])
    written = [str(sources / name) for name in (f"{circuit.name}.cpp", "calcwit.cpp", "fr.cpp")]
    _run(
        "g++",
        [*_COMPILER_FLAGS, f"-I{sources}", "-o", str(program), str(_MAIN), *written, str(assembled), "-lgmp"],
    )
    (sources / data.name).rename(data)
    shutil.rmtree(sources)
    described = {"format": _FORMAT, "sha256": {file.name: file_sha256(file) for file in (program, data)}}
    (folder / "program.json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")


def _run(tool: str, arguments: list[str]) -> None:
    code, _, errors = run_to_end(tool, [tool, *arguments], _COMPILE_TIMEOUT_S)
    if code != 0:
        first = next((line for line in errors.splitlines() if "error" in line), "")
        raise ToolError(f"{tool} failed with exit code {code}; it needs {CPP_PACKAGES} (Debian's names). {first}")


class CppWitnessCalculator(Calculator):
    """Computes witnesses of one circuit by its compiled program; a context manager. Serves one thread at a time.

    Parameters
    ----------
    built
        The circuit.
    timeout_s
        Most seconds for one job.

    Attributes
    ----------
    generator
        ``cpp``.

    Raises
    ------
    ToolError
        The program was not compiled, or was changed since.
    """

    generator = "cpp"

    def __init__(self, built: Build, *, timeout_s: float = 600.0) -> None:
        folder = _program_folder(built)
        self._program, self._data = folder / built.circuit, folder / f"{built.circuit}.dat"
        self._built = built
        self._timeout_s = timeout_s
        if not self._program.is_file():
            raise ToolError(
                f"{built.circuit} has no C++ program: run `zkm2m circuits build {built.circuit} --witness cpp`"
            )
        if _described(folder) != {file.name: file_sha256(file) for file in (self._program, self._data)}:
            raise ToolError(f"{folder} was changed after it was built: remove it and build again")

    def calculate(self, inputs: Mapping[str, InputValue]) -> bytes:
        """Return the witness for `inputs` as the bytes of a ``.wtns`` file; see `Calculator.calculate`."""
        content = encode_inputs(flatten_inputs(inputs, self._built.inputs))
        try:
            self._process = subprocess.Popen(
                [str(self._program), str(self._data)],
                env=tool_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pipesize=_PIPE_BYTES,
            )
            answer, _ = self._process.communicate(content, self._timeout_s)
            code = self._process.returncode
        except OSError as error:
            raise ToolError(f"the C++ program could not be started: {error.strerror or error}") from error
        except subprocess.TimeoutExpired:
            raise ToolError(f"the witness took longer than {self._timeout_s:g} seconds and was stopped") from None
        finally:
            self.close()
        if code == 0 and len(answer) == _HEADER_BYTES + FIELD_BYTES * self._built.wires:
            return answer
        raise self._failure(code, answer)

    def _failure(self, code: int, answer: bytes) -> Refusal | ToolError:
        if code == _VIOLATED:
            found = _PLACE.fullmatch(answer)
            place = f"{found[1].decode()} line {found[2].decode()}" if found else "an unnamed place"
            return Refusal("witness_failed", f"the inputs violate the circuit at {place}")
        if code == _UNUSABLE and re.fullmatch(rb"[a-z_]{1,40}", answer):
            reason = answer.decode()
        else:  # what it left could be a part of a witness
            reason = f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"
        return ToolError(
            f"the C++ program of {self._built.circuit} could not compute a witness: {reason}; "
            f"without {self._program.parent} WebAssembly does it"
        )


def _described(folder: Path) -> object:
    try:
        described = json.loads((folder / "program.json").read_text("utf-8"))
        return described["sha256"] if described["format"] == _FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
