"""``zkm2m keys verify``: every key of a folder against its lock file, its circuit's sources and its ceremony."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli.errors import ExitCode
from cli.options import JsonFlag
from cli.progress import stages
from cli.render import console, print_json, table, visible
from prover.circuits import build, find_circuit
from prover.compiler import Build
from prover.keys import Keys, read_keys
from prover.paths import build_folder
from prover.rebuild import require_reproducible
from rtnet_core.errors import InputError, ZkM2mError
from verifier.ceremony.binary import BinaryFile
from verifier.ceremony.chain import Chain, read_chain, require_sound
from verifier.ceremony.circuit_key import Circuit, require_matches, require_matrices, require_points
from verifier.ceremony.phase_1 import Phase1
from verifier.keystore import PinnedKey


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """One thing that was looked at in one key folder; `refused` says why it does not hold, and is empty if it does."""

    circuit: str
    check: str
    found: str
    refused: str = ""


def verify_keys(
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="DIR", help="The folder of keys; left out: this project's.")
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Compile every circuit anew and compare; takes minutes.")
    ] = False,
    phase_1: Annotated[
        Path | None,
        typer.Option("--phase-1", metavar="FILE", help="Recompute keys of ceremonies from this phase-1 file."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check keys: against their lock files, against circuits built from source, and the ceremonies they come from.

    Exit code 0: every check of every key holds; 1: one does not.
    """
    folder = keys or build_folder() / "keys"
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not folders:
        raise InputError(str(folder), "must hold a folder of keys for each circuit")
    opened = None if phase_1 is None else Phase1.open(phase_1)
    checks: list[KeyCheck] = []
    for path in folders:
        with stages(f"checking {path.name}") as stage:
            checks += check_key(path, rebuild=rebuild, phase_1=opened, stage=stage)
    failed = any(check.refused for check in checks)
    if as_json:
        print_json({"holds": not failed, "checks": [asdict(check) for check in checks]})
    else:
        rows = []
        for check in checks:
            result = Text(visible(check.refused), style="red") if check.refused else check.found
            rows.append((check.circuit, check.check, result))
        console().print(table(f"Keys in {folder}", ("circuit", "check", "result"), rows))
    raise typer.Exit(ExitCode.FAILED if failed else ExitCode.DONE)


def check_key(
    folder: Path, *, rebuild: bool, phase_1: Phase1 | None, stage: Callable[[str], object] = lambda _name: None
) -> list[KeyCheck]:
    """Return what holds of the key in a folder named after its circuit, and what does not.

    A check that others build on ends the list where it fails.

    Parameters
    ----------
    folder
        The circuit's key folder.
    rebuild
        Whether to compile the circuit anew.
    phase_1
        What to recompute the points of a ceremony's key from; None leaves that out, and says so.
    stage
        Told the name of each check as it begins.
    """
    checks: list[KeyCheck] = []

    def holds(check: str, work: Callable[[], str]) -> bool:
        stage(check)
        try:
            checks.append(KeyCheck(folder.name, check, work()))
        except ZkM2mError as error:
            checks.append(KeyCheck(folder.name, check, "", str(error)))
        return not checks[-1].refused

    held: list[tuple[Build, Keys]] = []

    def locked() -> str:
        pinned, built = PinnedKey.load(folder), build(find_circuit(folder.name).name)
        read = read_keys(folder, built)
        held.append((built, read))
        return f"verifying key {pinned.vk_id[:16]}"

    if not holds("lock file", locked):
        return checks
    built, read = held[0]
    if rebuild:
        holds("sources", lambda: _rebuilt(built))
    chain, file, circuit = read_chain(read.proving_key), BinaryFile(read.proving_key, "zkey"), Circuit.open(built.r1cs)
    holds("circuit", lambda: _same_circuit(circuit, chain, file))
    if holds("ceremony", lambda: _ceremony(read, chain)) and not read.development:
        holds("phase 1", lambda: _phase_1(circuit, chain, file, phase_1))
    return checks


def _rebuilt(built: Build) -> str:
    require_reproducible(built)
    return f"r1cs {built.r1cs_sha256[:16]} and wasm {built.wasm_sha256[:16]} follow from them"


def _same_circuit(circuit: Circuit, chain: Chain, file: BinaryFile) -> str:
    require_matches(circuit, chain.header)
    require_matrices(circuit, file)
    return f"the key holds its {circuit.n_constraints:,} constraints"


def _ceremony(read: Keys, chain: Chain) -> str:
    """Hold the lock file's words about the key's making to the key."""
    if read.development:
        return "none: a development key, whose maker can forge"
    stated = chain.contributions[-1].beacon if chain.contributions else None
    if read.beacon != (None if stated is None else stated.value.hex()):
        raise InputError("keys.lock.json beacon", "must be the one in the key", read.beacon)
    require_sound(chain)
    people = sum(contribution.beacon is None for contribution in chain.contributions)
    ending = "no beacon" if stated is None else f"then the beacon {stated}"
    return f"{people} contributions that follow from each other, {ending}"


def _phase_1(circuit: Circuit, chain: Chain, file: BinaryFile, phase_1: Phase1 | None) -> str:
    if phase_1 is None:
        return "not looked at: name the file with --phase-1"
    require_points(circuit, phase_1, chain.header, file)
    return f"every point follows from the public file of power {phase_1.power}"
