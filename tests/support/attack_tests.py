"""Which tests carry the id of an attack, and what each of them attacks: read from the tests' text, none is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from prover.circuit_headers import read_sources
from prover.paths import project_root

#: The circuits that are proven.
CIRCUITS: Final = ("account", "batch", "merge", "market")
#: What stands around them: the exact rules and their files, proving, verifying, the contract, and whole commands.
SURROUNDINGS: Final = ("core", "prover", "verifier", "contract", "commands")
PLACES: Final = (*CIRCUITS, *SURROUNDINGS)

_ID: Final = re.compile(r"(?<=_)a(\d\d)(?=_|$)")
#: Names that stand for a circuit, or for all of them, wherever a test uses them.
_TARGETS: Final = {
    **{f"{circuit}_bench": (circuit,) for circuit in CIRCUITS},
    **dict.fromkeys(("read_sources", "lint_source", "bit_budget", "artifact_lock"), CIRCUITS),
}
_BENCHES: Final = frozenset({"bench", "library_bench"})
#: What a test attacks where it attacks no circuit, by the beginning of its path; the first that fits counts.
_SURROUNDING_OF: Final = (
    ("tests/e2e/test_onchain.py", "contract"),
    ("tests/unit/verifier/onchain/", "contract"),
    ("tests/unit/verifier/", "verifier"),
    ("tests/unit/rtnet_core/", "core"),
    ("tests/property/", "core"),
    ("tests/unit/cli/", "commands"),
    ("tests/e2e/", "commands"),
    ("tests/unit/prover/", "prover"),
    ("tests/differential/", "prover"),
    ("tests/adversarial/test_epoch_prover.py", "prover"),
    ("tests/adversarial/test_prover_pipeline.py", "prover"),
    ("tests/adversarial/test_toolchain.py", "prover"),
    ("tests/adversarial/", "verifier"),
    ("tests/conformance/", "verifier"),
    ("tests/fuzz/", "verifier"),
    ("tests/", "core"),
)


@dataclass(frozen=True, slots=True, order=True)
class AttackTest:
    """One test: its file from the root, its name, the ids in the name, and the places that it attacks."""

    file: str
    name: str
    ids: tuple[str, ...]
    places: tuple[str, ...]


@cache
def attack_tests() -> tuple[AttackTest, ...]:
    """Return every test whose name holds an id, in the order of files and lines."""
    root = project_root()
    files = sorted((root / "tests").rglob("test_*.py"))
    return tuple(test for file in files for test in _tests_of(file.relative_to(root).as_posix()))


def _tests_of(file: str) -> Iterator[AttackTest]:
    module = _module(file)
    for name in module.definitions:
        ids = tuple(f"A{number}" for number in _ID.findall(name)) if name.startswith("test_") else ()
        if ids:
            circuits = _circuits_attacked(module, name, set())
            around = next(place for beginning, place in _SURROUNDING_OF if file.startswith(beginning))
            yield AttackTest(file, name, ids, tuple(c for c in CIRCUITS if c in circuits) or (around,))


@dataclass(frozen=True)
class _Module:
    """What a test file defines at its top, by name, and which of its names come from which file of the tests."""

    definitions: dict[str, ast.stmt]
    imported: dict[str, tuple[str, str]]


@cache
def _module(file: str) -> _Module:
    definitions: dict[str, ast.stmt] = {}
    imported: dict[str, tuple[str, str]] = {}
    for statement in ast.parse((project_root() / file).read_text("utf-8")).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            definitions[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            bound = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
            definitions.update(dict.fromkeys(bound, statement))
        elif isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("tests."):
            origin = (statement.module or "").replace(".", "/") + ".py"
            imported.update({alias.asname or alias.name: (origin, alias.name) for alias in statement.names})
    return _Module(definitions, imported)


def _circuits_attacked(module: _Module, name: str, seen: set[tuple[int, str]]) -> set[str]:
    """Return the circuits behind everything that a definition uses, through other definitions and files of the tests.

    A template stands for every circuit that is made of it.
    """
    if name in _TARGETS:
        return set(_TARGETS[name])
    if (id(module), name) in seen:
        return set()
    seen.add((id(module), name))
    if name in module.imported:
        file, original = module.imported[name]
        origin = _module(file)
        return set() if name in _BENCHES else _circuits_attacked(origin, original, seen)
    if name not in module.definitions:
        return set()
    statement = module.definitions[name]
    found = {circuit for file in _bench_files(module, statement) for circuit in _circuits_of_file(file)}
    for used in _names_in(statement):
        found |= _circuits_attacked(module, used, seen)
    return found


def _names_in(statement: ast.stmt) -> set[str]:
    """Return the names that a statement reads, and those of the fixtures that a test asks for."""
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    arguments = statement.args.args if isinstance(statement, ast.FunctionDef) else []
    return names | {argument.arg for argument in arguments}


def _bench_files(module: _Module, statement: ast.stmt) -> Iterator[str]:
    """Yield the circom files that a statement makes a bench of: ``bench("lib/hinge.circom", "Hinge(8)")``."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BENCHES and node.args:
            texts = [n.value for n in ast.walk(_value_of(module, node.args[0])) if isinstance(n, ast.Constant)]
            yield from (text for text in texts if isinstance(text, str) and text.endswith(".circom"))


def _value_of(module: _Module, expression: ast.expr) -> ast.AST:
    if isinstance(expression, ast.Name):
        return module.definitions.get(expression.id, expression)
    return expression


@cache
def _circuits_of_file(file: str) -> frozenset[str]:
    """Return the circuits that instantiate the template of a file below ``circuits/``, directly or through others."""
    return frozenset(circuit for circuit in CIRCUITS if file in _files_below(f"{circuit}.circom"))


@cache
def _files_below(file: str) -> frozenset[str]:
    code, home = _codes_and_homes()
    used = {home[name] for name in re.findall(r"\b[A-Z]\w*(?=\()", code[file]) if name in home} - {file}
    return frozenset({file}.union(*(_files_below(below) for below in used)))


@cache
def _codes_and_homes() -> tuple[dict[str, str], dict[str, str]]:
    """Return each circom file's code by its name, and the file of each template."""
    sources = read_sources()
    home = {header.template: source.name for source in sources for header in source.headers}
    return {source.name: source.code for source in sources}, home
