"""Forged witnesses of circuits whose checks stand in circomlib, beside `tests.support.forge`.

There only our own sources lose their ``===`` lines; a template of circomlib still stops its calculator. Here the
library is copied and loses them too. The witness is judged by the same two constraint systems, which have every check.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from prover.compiler import Circuit
from prover.formats.wtns import parse_wtns
from prover.paths import build_folder, circuit_sources, project_root
from prover.witness import InputValue
from tests.support.forge import (
    NO_REPLACEMENT,
    Bench,
    Forged,
    Replacements,
    bench,
    read_sym_cached,
    reduced,
    without_checks,
)
from tests.support.forge import _calculator as calculator
from tests.support.forge import _exclusive as exclusive
from tests.support.warm_compiler import compile_sources

_LIBRARY = "circomlib/circuits"


class LibraryBench(Bench):
    """A bench whose forged programs have no checks in circomlib either; nothing in the library is replaced."""

    def forge(self, inputs: Mapping[str, InputValue], replacements: Replacements = NO_REPLACEMENT) -> Forged:
        """Return the witness for any integers, no check in the calculator."""
        folder = _compiled(self.circuit, replacements)
        program = calculator(folder / "main_js" / "main.wasm", self.build.inputs)
        values = parse_wtns(program.calculate(reduced(inputs)))
        return self.judge(values, read_sym_cached(folder / "main.sym"))


@cache
def library_bench(file: str, call: str) -> LibraryBench:
    """Return the bench of one template, all of its inputs public."""
    return LibraryBench(bench(file, call).circuit)


def _compiled(circuit: Circuit, replacements: Replacements) -> Path:
    """Return the folder of a compiled copy of sources and library without checks, kept under the hash of both."""
    sources = {
        f"circuits/{path.relative_to(circuit_sources()).as_posix()}": path.read_text("utf-8")
        for path in sorted(circuit_sources().rglob("*.circom"))
    }
    for (file, anchor), forged in replacements.items():
        name = f"circuits/{file}"
        assert sources[name].count(anchor) == 1, f"{file} has {anchor!r} {sources[name].count(anchor)} times, not once"
        sources[name] = sources[name].replace(anchor, forged)
    for path in sorted((project_root() / "node_modules" / _LIBRARY).glob("*.circom")):
        sources[f"{_LIBRARY}/{path.name}"] = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    sources = {name: without_checks(text) for name, text in sources.items()}
    sources["main.circom"] = circuit.main_text.replace("../../circuits/", "circuits/")
    folder = build_folder() / "forge" / hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()[:32]
    if not folder.is_dir():
        with exclusive(folder.with_suffix(".lock")):
            if not folder.is_dir():
                compile_sources(folder, sources, ("--wasm", "--sym"), library=folder)
    return folder
