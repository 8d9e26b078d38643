"""Compiling a circuit: its five-line main file, the compiler run, and the build, kept under the hash of its sources."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from prover.atomic import TEMPORARY_SUFFIX, atomic_folder, write_atomically
from prover.formats.r1cs import R1csHeader, read_r1cs_header
from prover.formats.sym import read_sym
from prover.paths import build_folder, built_circuit_folder, project_root
from prover.toolchain import run_tool
from rtnet_core.errors import InputError, ToolError

#: Compiler options; with the sources and versions they decide every byte of a build.
FLAGS: Final = ("--r1cs", "--wasm", "--sym", "--O2", "-l", "node_modules")
#: Options for the same circuit as a C++ program that computes its witnesses (`prover.witness_cpp`).
CPP_FLAGS: Final = ("--c", *(flag for flag in FLAGS if flag not in ("--r1cs", "--wasm", "--sym")))
BUILD_FORMAT: Final = "zkm2m/build/v1"
_COMPILE_TIMEOUT_S: Final = 1_800.0
_INCLUDE: Final = re.compile(r'^\s*include\s+"([^"]+)"\s*;', re.MULTILINE)
_PRAGMA: Final = "pragma circom 2.1.6;"


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit to compile: the main component `call` of the file `include`, a path from the project's root.

    `public` names its public inputs. Only a circuit that is proven needs `witness_program`.
    """

    name: str
    include: str
    call: str
    public: tuple[str, ...] = ()
    profile: str = ""
    witness_program: bool = True

    @property
    def main_text(self) -> str:
        """The main file: it stands two folders below the root, in ``build/main``."""
        public = f" {{public [{', '.join(self.public)}]}}" if self.public else ""
        return f'{_PRAGMA}\n\ninclude "../../{self.include}";\n\ncomponent main{public} = {self.call};\n'

    @property
    def flags(self) -> tuple[str, ...]:
        """The compiler options of this circuit."""
        return FLAGS if self.witness_program else tuple(flag for flag in FLAGS if flag != "--wasm")


@dataclass(frozen=True, slots=True)
class Build:
    """A built circuit.

    `public` lists the public signals in the order of snarkjs, outputs first; `inputs` gives every input of the main
    component with its shape, ``()`` for a single number.
    """

    circuit: str
    folder: Path
    constraints: int
    wires: int
    public: tuple[str, ...]
    inputs: Mapping[str, tuple[int, ...]]
    r1cs_sha256: str
    wasm_sha256: str
    seconds: float

    @property
    def r1cs(self) -> Path:
        """The constraint system."""
        return self.folder / f"{self.circuit}.r1cs"

    @property
    def wasm(self) -> Path:
        """The witness program."""
        return self.folder / f"{self.circuit}.wasm"

    @property
    def sym(self) -> Path:
        """The signal names."""
        return self.folder / f"{self.circuit}.sym"


def compile_circuit(circuit: Circuit) -> Build:
    """Return the build of `circuit`, made now unless one of the same sources, compiler and options exists.

    Two calls at once do not disturb each other: the second waits and takes what the first made.

    Raises
    ------
    ToolError
        The compiler is missing, refuses the sources, or leaves a result that cannot be right.
    """
    folder = built_circuit_folder(circuit.name) / content_hash(circuit)
    if not (folder / "build.json").is_file():
        with exclusive(built_circuit_folder(circuit.name) / ".lock"):
            if not (folder / "build.json").is_file():
                _compile_into(circuit, folder)
    return _read_build(circuit, folder)


def content_hash(circuit: Circuit) -> str:
    """Return the SHA-256 (hex) over everything that decides a build: sources, main file, versions and options."""
    digest = hashlib.sha256()

    def add(*parts: bytes) -> None:
        for part in parts:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)

    root = project_root()
    for path in sorted(_sources(root / circuit.include)):
        add(path.relative_to(root).as_posix().encode(), path.read_bytes())
    add(circuit.main_text.encode(), package_version("circom2").encode(), package_version("circomlib").encode())
    add(*(flag.encode() for flag in circuit.flags))
    return digest.hexdigest()


def _sources(start: Path) -> set[Path]:
    """Return the files that a source takes in, itself included; circomlib's come with its version.

    Raises
    ------
    ToolError
        A file is missing.
    """
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        path = Path(os.path.normpath(waiting.pop()))
        if path in found:
            continue
        found.add(path)
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            raise ToolError(f"{path} cannot be read: {error.strerror or error}") from error
        waiting += [path.parent / name for name in _INCLUDE.findall(text) if not name.startswith("circomlib/")]
    return found


def package_version(package: str) -> str:
    """Return the version of an installed npm package.

    Raises
    ------
    ToolError
        It is not installed.
    """
    try:
        described = json.loads((project_root() / "node_modules" / package / "package.json").read_text("utf-8"))
        return str(described["version"])
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"{package} was not found in {project_root()}: run `npm ci` there") from error


@lru_cache(maxsize=1)
def compiler_version() -> str:
    """Return the compiler as the lock file names it: ``circom2 0.2.23 (circom 2.2.3)``."""
    printed = run_tool("circom2", ["--version"], timeout_s=60, show_output=True).stdout
    found = re.search(r"circom compiler (\d+\.\d+\.\d+)", printed)
    if found is None:
        raise ToolError(f"circom2 --version printed no version: {printed.strip()}")
    return f"circom2 {package_version('circom2')} (circom {found[1]})"


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; the system drops it when the process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a")
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}") from error
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _compile_into(circuit: Circuit, folder: Path) -> None:
    remove_abandoned(folder.parent)
    started = time.monotonic()
    with atomic_folder(folder) as temporary:
        made = {".r1cs": temporary / f"{circuit.name}.r1cs", ".sym": temporary / f"{circuit.name}.sym"}
        if circuit.witness_program:
            made[".wasm"] = temporary / f"{circuit.name}_js" / f"{circuit.name}.wasm"
        printed = run_tool(
            "circom2",
            [_main_file(circuit), *circuit.flags, "-o", temporary],
            timeout_s=_COMPILE_TIMEOUT_S,
            outputs=list(made.values()),
            show_output=True,
        ).stdout
        if circuit.witness_program:
            made[".wasm"].rename(temporary / f"{circuit.name}.wasm")
            for file in (temporary / f"{circuit.name}_js").iterdir():
                file.unlink()
            (temporary / f"{circuit.name}_js").rmdir()
        header = read_r1cs_header(made[".r1cs"])
        build = replace(
            _describe(circuit, temporary, header, printed), folder=folder, seconds=round(time.monotonic() - started, 3)
        )
        described = {"format": BUILD_FORMAT, **asdict(build)}
        del described["folder"]
        (temporary / "build.json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")


def remove_abandoned(folder: Path) -> None:
    """Remove what builds that were killed left in a folder; the caller holds its lock."""
    for abandoned in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        shutil.rmtree(abandoned, ignore_errors=True)


def _main_file(circuit: Circuit) -> Path:
    main = build_folder() / "main" / f"{circuit.name}.circom"
    write_atomically(main, circuit.main_text)
    return main


def write_cpp(circuit: Circuit, into: Path) -> Path:
    """Return the folder in `into` that now holds the circuit as C++: NAME.cpp, NAME.dat, and what circom adds to them.

    Raises
    ------
    ToolError
        The compiler is missing, or refuses the sources.
    """
    folder = into / f"{circuit.name}_cpp"
    run_tool(
        "circom2",
        [_main_file(circuit), *CPP_FLAGS, "-o", into],
        timeout_s=_COMPILE_TIMEOUT_S,
        outputs=[folder / f"{circuit.name}.cpp", folder / f"{circuit.name}.dat"],
        show_output=True,
    )
    return folder


def _describe(circuit: Circuit, folder: Path, header: R1csHeader, printed: str) -> Build:
    counts = {kind: int(n) for kind, n in re.findall(r"^(public inputs|private inputs): (\d+)", printed, re.MULTILINE)}
    if counts.get("public inputs") != header.n_pub_in or "private inputs" not in counts:
        raise ToolError(f"circom2 did not report the inputs of {circuit.name} as its r1cs has them:\n{printed}")
    symbols = read_sym(folder / f"{circuit.name}.sym")
    public = tuple(symbols.name_of(wire).removeprefix("main.") for wire in range(1, header.n_public + 1))
    wasm = folder / f"{circuit.name}.wasm"
    return Build(
        circuit=circuit.name,
        folder=folder,
        constraints=header.n_constraints,
        wires=header.n_wires,
        public=public,
        inputs=symbols.main_signals(1 + header.n_pub_out, header.n_pub_in + counts["private inputs"]),
        r1cs_sha256=file_sha256(folder / f"{circuit.name}.r1cs"),
        wasm_sha256=file_sha256(wasm) if circuit.witness_program else "",
        seconds=0.0,
    )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_build(folder: Path) -> Build:
    """Return the build that stands in a folder, as its ``build.json`` describes it.

    Raises
    ------
    InputError
        There is no ``build.json``, or it is none of this format.
    """
    try:
        described = json.loads((folder / "build.json").read_text("utf-8"))
        if described.pop("format") != BUILD_FORMAT:
            raise ValueError("another format")
        described["public"] = tuple(described["public"])
        described["inputs"] = {name: tuple(shape) for name, shape in described["inputs"].items()}
        return Build(folder=folder, **described)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(str(folder / "build.json"), "must describe a built circuit: build it again") from error


def _read_build(circuit: Circuit, folder: Path) -> Build:
    build = read_build(folder)
    wanted = {build.r1cs: build.r1cs_sha256} | ({build.wasm: build.wasm_sha256} if circuit.witness_program else {})
    for path, expected in wanted.items():
        if not path.is_file() or file_sha256(path) != expected:
            raise ToolError(f"{path} is missing or was changed after it was built: remove {folder} and build again")
    return build
