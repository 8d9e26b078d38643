"""``zkm2m circuits``: build them, see what they cost, lint them, pin their hashes."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.options import JsonFlag
from cli.progress import counted, stages
from cli.render import console, print_json, table
from prover.atomic import write_atomically
from prover.circuit_limits import limits_circom
from prover.circuit_lint import lint as lint_circuits
from prover.circuits import PINNED_CIRCUITS, CostRow, build, find_circuit, update_lock
from prover.circuits import table as cost_table
from prover.paths import artifact_lock, circuit_sources
from prover.witness_cpp import CPP_PACKAGES, compile_program

app = typer.Typer(help="The circuits: build, cost, lint, lock.", no_args_is_help=True)

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help=f"Circuits; left out: {' and '.join(PINNED_CIRCUITS)}."),
]


def chosen_circuits(names: list[str] | None) -> list[str]:
    """Return the circuits that the user named, or the pinned ones; raises InputError for a name of none."""
    return [find_circuit(name).name for name in names] if names else list(PINNED_CIRCUITS)


class WitnessProgram(StrEnum):
    """What computes the witnesses of a circuit."""

    WASM = "wasm"
    CPP = "cpp"


WitnessOption = Annotated[
    WitnessProgram,
    typer.Option(
        "--witness",
        help="wasm: WebAssembly under Node. cpp: a C++ program too, several times as fast and used from then on; needs "
        f"Linux on x86-64 with Debian's {CPP_PACKAGES}, and minutes for a large circuit.",
    ),
]


@app.command("build", epilog="Example: zkm2m circuits build account-small")
def build_circuits(
    names: NamesArgument = None, witness: WitnessOption = WitnessProgram.WASM, as_json: JsonFlag = False
) -> None:
    """Compile circuits that are not built yet, and hold each to the hashes of the lock file."""
    chosen = chosen_circuits(names)
    _write_limits()
    builds = []
    for name in chosen:
        with stages(f"building {name}"):
            builds.append(build(name))
        if witness is WitnessProgram.CPP:
            with stages(f"compiling the witness program of {name}"):
                compile_program(find_circuit(name), builds[-1])
    if as_json:
        print_json(
            [
                {"circuit": made.circuit, "constraints": made.constraints, "r1cs_sha256": made.r1cs_sha256}
                for made in builds
            ]
        )
        return
    rows = [(made.circuit, f"{made.constraints:,}", made.r1cs_sha256[:16]) for made in builds]
    console().print(table("Built", ("circuit", ">constraints", "r1cs"), rows))


@app.command("table", epilog="Example: zkm2m circuits table --json")
def show_table(names: NamesArgument = None, as_json: JsonFlag = False) -> None:
    """Show how many constraints each circuit has, and each of its parts on its own."""
    chosen = chosen_circuits(names)
    rows: list[CostRow] = []
    with counted("measuring the parts") as progress:
        for done, name in enumerate(chosen):
            progress(done, len(chosen))
            rows += cost_table([name])
    if as_json:
        print_json(
            [
                {
                    "circuit": row.circuit,
                    "profile": row.profile,
                    "constraints": row.constraints,
                    "parts": dict(row.parts),
                }
                for row in rows
            ]
        )
        return
    cells = []
    for row in rows:
        cells.append((row.circuit, "", f"{row.constraints:,}"))
        cells += [("", part, f"{constraints:,}") for part, constraints in row.parts.items()]
    console().print(table("Constraints; a part is measured on its own", ("circuit", "part", ">constraints"), cells))


@app.command("lint", epilog="Example: zkm2m circuits lint")
def lint(as_json: JsonFlag = False) -> None:
    """Look for what a circuit must not have: unbound hints, asserts on signals, what circomspect and circom2 find.

    Exit code 0: nothing was found; 1: something was.
    """
    with stages("linting the circuits"):
        findings = lint_circuits()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(finding)
        console().print(f"{len(findings)} findings" if findings else "nothing found in the circuits")
    raise typer.Exit(ExitCode.FAILED if findings else ExitCode.DONE)


@app.command("lock", epilog="Example: zkm2m circuits lock")
def lock() -> None:
    """Pin the hashes of the circuits as they are now; for whoever changed a circuit on purpose."""
    _write_limits()
    with stages("building the circuits"):
        builds = update_lock()
    rows = [(made.circuit, f"{made.constraints:,}", made.r1cs_sha256[:16]) for made in builds]
    columns = ("circuit", ">constraints", "r1cs")
    console().print(table(f"Pinned in {artifact_lock().name}", columns, rows))


def _write_limits() -> None:
    """Bring the constants of the circuits up to date with `rtnet_core.limits`, from which they are generated."""
    path, text = circuit_sources() / "limits.circom", limits_circom()
    if not path.is_file() or path.read_text("utf-8") != text:
        write_atomically(path, text)
