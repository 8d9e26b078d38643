"""Files of the toy circuit, to be spoilt."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from prover.compiler import Build
from prover.keys import Keys
from tests.support.toy_circuit import toy_build, toy_keys, toy_witness_file

__all__ = ["circuit_files", "toy_build", "toy_keys", "toy_witness_file"]


@pytest.fixture(scope="session")
def circuit_files(
    toy_build: Build, toy_keys: Keys, toy_witness_file: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a folder with `tests.fuzz.readers.CIRCUIT_FILES`."""
    folder = tmp_path_factory.mktemp("circuit")
    shutil.copy(toy_build.r1cs, folder / "toy.r1cs")
    shutil.copy(toy_build.sym, folder / "toy.sym")
    shutil.copy(toy_keys.proving_key, folder / "toy.zkey")
    (folder / "toy.wtns").write_bytes(toy_witness_file)
    (folder / "toy.json").write_text(json.dumps(toy_keys.verification_key))
    if importlib.util.find_spec("zkm2m_native"):
        import zkm2m_native

        proven = zkm2m_native.Prover(folder / "toy.zkey").prove(toy_witness_file)
        (folder / "toy.proof.json").write_text(json.dumps(proven["proof"]))
        (folder / "toy.public.json").write_text(json.dumps(proven["public"]))
    return folder
