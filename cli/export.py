"""``zkm2m export``: what others check proofs with - the contracts of a chain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import verifier.onchain
from cli.files import write_public
from cli.options import JsonFlag
from cli.progress import stages
from cli.render import console, print_json, table
from cli.verify_options import KeysOption, own_keys
from prover.circuits import find_circuit
from prover.toolchain import run_tool
from rtnet_core.errors import InputError
from verifier.onchain.contracts import COMPILER_INPUT_NAME, compiler_input, contract_sources, registry_circuits

#: ABI, bytecode and selectors of each contract, where they were compiled.
CONTRACTS_NAME = "contracts.json"
_COMPILE_SECONDS = 300

app = typer.Typer(help="Contracts that check proofs on a chain.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `solidity` a command of its own while it is the only one."""


@app.command("solidity", epilog="Example: zkm2m export solidity --out contracts")
def solidity(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder for the sources; made if missing.")],
    circuits: Annotated[
        list[str] | None,
        typer.Argument(metavar="CIRCUIT", help="Circuits; left out: the four of profile standard, with the registry."),
    ] = None,
    keys: KeysOption = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help=f"Also compile them with npm solc into {CONTRACTS_NAME}.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a verifier contract for each circuit, from your pinned keys; with all four of a profile, the registry too.

    The verifiers have the keys as constants. A contract of a development key says so, and guards nothing.
    """
    chosen = [find_circuit(name).name for name in circuits] if circuits else registry_circuits("standard")
    keystore = own_keys(keys)
    sources = contract_sources(chosen, keystore)
    files = {**sources, COMPILER_INPUT_NAME: compiler_input(sources)}
    _make_folder(out)
    for name, text in files.items():
        write_public(out / name, text.encode())
    if compiled:
        with stages("compiling the contracts"):
            compile_contracts(out)
    written = [*files, CONTRACTS_NAME] if compiled else list(files)
    development = [name for name in chosen if keystore.key(name).development]
    if as_json:
        print_json({"folder": str(out), "files": written, "development_keys": development})
        return
    console().print(table(f"Written to {out}", ("file",), [(name,) for name in written]))
    if development:
        console().print(f"development keys: {', '.join(development)}: whoever made them can forge proofs")


def compile_contracts(folder: Path) -> Path:
    """Compile the compiler's input in `folder` and return the file of ABIs and bytecode beside it.

    Raises
    ------
    ToolError
        Node or solc is missing, or the compiler has anything to say about the sources.
    """
    script = Path(verifier.onchain.__file__).with_name("compile.mjs")
    output = folder / CONTRACTS_NAME
    arguments = [script, folder / COMPILER_INPUT_NAME, output]
    run_tool("node", arguments, timeout_s=_COMPILE_SECONDS, outputs=[output], show_output=True)
    return output


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(str(folder), f"cannot be made: {error.strerror or error}") from None
