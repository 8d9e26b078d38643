"""The wheel of the native prover (`make wheel`) where nothing else is: no Rust, no other package, no index."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from prover.compiler import Build
from prover.keys import Keys
from prover.paths import build_folder
from tests.support.toy_circuit import toy_build, toy_keys, toy_witness_file

__all__ = ["toy_build", "toy_keys", "toy_witness_file"]

pytestmark = pytest.mark.slow

_PROOF = """
import json, pathlib, sys, zkm2m_native
key, witness, verification_key = sys.argv[1:]
made = zkm2m_native.Prover(key).prove(pathlib.Path(witness).read_bytes())
public = list(made["public"])
checked = [
    zkm2m_native.verify(pathlib.Path(verification_key).read_text(), signals, json.dumps(made["proof"]))
    for signals in (public, [str(int(public[0]) ^ 1), *public[1:]])
]
print(json.dumps({"public": public, "checked": checked, "from": zkm2m_native.__file__}))
"""


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The wheel that `make wheel` built."""
    wheels = sorted((build_folder() / "wheels").glob("zkm2m_native-*.whl"))
    if not wheels:
        pytest.skip("there is no wheel: `make wheel` builds one")
    assert len(wheels) == 1
    return wheels[0]


def test_the_wheel_is_for_every_python_from_3_11_on(wheel: Path) -> None:
    assert "-cp311-abi3-" in wheel.name


def test_it_proves_where_nothing_else_is_installed(
    wheel: Path, tmp_path: Path, toy_build: Build, toy_keys: Keys, toy_witness_file: bytes
) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    nothing = {"PATH": str(tmp_path / "no programs"), "LANG": "C.UTF-8"}

    def run(*words: str | Path) -> str:
        done = subprocess.run([python, *words], env=nothing, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", wheel)
    witness, verification_key = tmp_path / "toy.wtns", tmp_path / "vk.json"
    witness.write_bytes(toy_witness_file)
    verification_key.write_text(json.dumps(toy_keys.verification_key))
    answer = json.loads(run("-c", _PROOF, toy_keys.proving_key, witness, verification_key))
    assert answer["checked"] == [True, False]
    assert len(answer["public"]) == len(toy_build.public)
    assert Path(answer["from"]).is_relative_to(environment)
    assert not Path(answer["from"]).is_relative_to(sys.prefix)
