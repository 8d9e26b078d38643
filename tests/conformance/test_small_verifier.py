"""A verifier that is small: py_ecc and pydantic, and what they need."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("py-ecc", "pydantic")

#: Accepted cases without a pairing, which takes a while in pure Python, and with one.
UNPAIRED = ("snapshot-honest", "market-honest-by-recomputing", "chain-honest", "inclusion-honest-0")
PAIRED = ("account-honest", "market-honest-by-proof", "epoch-one-batch")

#: Runs in a process of its own: forbids packages, imports all of the verifier, and runs cases.
SCRIPT = """
import importlib, pkgutil, sys, tempfile
from pathlib import Path

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FORBIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

FORBIDDEN = set(sys.argv[1].split(",")) - sys.modules.keys()
sys.meta_path.insert(0, Forbidden())
import verifier
for module in pkgutil.walk_packages(verifier.__path__, "verifier."):
    importlib.import_module(module.name)
from tests.conformance.runner import cases, outcome
wanted = sys.argv[2].split(",")
for case in cases():
    if case["id"] in wanted:
        with tempfile.TemporaryDirectory() as scratch:
            found = outcome(case, "auto", Path(scratch))
        assert all(found.get(name) == part for name, part in case["expected"].items()), (case["id"], found)
assert not FORBIDDEN & {name.split(".")[0] for name in sys.modules}
print("done")
"""


def closure(*names: str) -> set[str]:
    """Return distributions with all that they require without extras, names normalised."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub("[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # required on another platform only
            continue
        waiting += [re.split("[^A-Za-z0-9._-]", entry, maxsplit=1)[0] for entry in requirements if "extra" not in entry]
    return found


def without(modules: Iterable[str], wanted: Iterable[str] = ()) -> subprocess.CompletedProcess[str]:
    """Return how the script ends where these modules cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, ",".join(sorted(modules)), ",".join(wanted)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("wanted", [UNPAIRED, pytest.param(PAIRED, marks=pytest.mark.slow)])
def test_the_verifier_runs_with_two_packages(wanted: tuple[str, ...]) -> None:
    needed = closure(*NEEDED)
    forbidden = {
        module
        for module, owners in metadata.packages_distributions().items()
        if not any(re.sub("[-_.]+", "-", owner).lower() in needed for owner in owners)
    } - {"verifier", "rtnet_core"}
    assert {"numpy", "scipy", "typer", "rich", "cryptography", "prover", "cli"} <= forbidden
    result = without(forbidden, wanted)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "done\n"


@pytest.mark.parametrize("module", ["py_ecc", "pydantic"])
def test_both_are_needed(module: str) -> None:
    """So that the list above is no longer than it must be."""
    assert f"No module named '{module}'" in without({module}).stderr
