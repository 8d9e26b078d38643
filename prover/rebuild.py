"""Building a circuit once more from its sources, to see that the files in use are what the sources give."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

from prover.circuits import find_circuit
from prover.compiler import Build, compile_circuit
from prover.paths import build_folder, built_circuit_folder
from rtnet_core.errors import ToolError


def require_reproducible(built: Build) -> None:
    """Refuse a build of a circuit whose r1cs or wasm differs from what the compiler makes of the sources now.

    The second build goes under a name of its own, which no byte of the result depends on, and is removed.

    Raises
    ------
    InputError
        There is no circuit of that name.
    ToolError
        The compiler failed, or made something else.
    """
    name = f"rebuild-{os.getpid()}-{built.circuit}"
    try:
        again = compile_circuit(replace(find_circuit(built.circuit), name=name))
    finally:
        shutil.rmtree(built_circuit_folder(name), ignore_errors=True)
        (build_folder() / "main" / f"{name}.circom").unlink(missing_ok=True)
    for kind, found, expected in (
        ("r1cs", built.r1cs_sha256, again.r1cs_sha256),
        ("wasm", built.wasm_sha256, again.wasm_sha256),
    ):
        if found != expected:
            raise ToolError(f"the {kind} of {built.circuit} is {found[:16]}, and its sources give {expected[:16]}")
