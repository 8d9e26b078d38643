"""The arrows between packages run one way: cli → prover, verifier → rtnet_core."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    "rtnet_core": set(),
    "prover": {"rtnet_core"},
    "verifier": {"rtnet_core"},
    "cli": {"prover", "verifier", "rtnet_core"},
}


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    modules = [path for path in (ROOT / package).rglob("*.py") if "native" not in path.parts]
    assert modules
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            ours = {name.split(".")[0] for name in names} & set(ALLOWED) - {package}
            assert ours <= ALLOWED[package], f"{path.relative_to(ROOT)} imports {sorted(ours - ALLOWED[package])}"


def test_modules_stay_readable() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for package in ALLOWED
        for path in (ROOT / package).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert not long
