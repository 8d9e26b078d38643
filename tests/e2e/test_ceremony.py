"""A ceremony of three on a file of the public phase 1, from its first key to a proof that production accepts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prover.backends import NativeBackend, SnarkjsBackend, native_available
from prover.compiler import Build
from tests.support.ceremonies import BEACON, PUBLIC_8, PUBLIC_10, ran
from tests.support.toy_circuit import INPUTS, toy_build, toy_witness_file
from verifier.ceremony.phase_1 import Phase1
from verifier.groth16 import Proof, read_public, verify
from verifier.keystore import PinnedKey

__all__ = ["toy_build", "toy_witness_file"]

pytestmark = [
    pytest.mark.market_data,
    pytest.mark.skipif(not PUBLIC_8.exists(), reason="the public phase-1 files are not beside the repository"),
]


@pytest.mark.parametrize(("path", "power"), [(PUBLIC_8, 8), (PUBLIC_10, 10)])
def test_the_public_files_are_known(path: Path, power: int) -> None:
    opened = Phase1.open(path)
    assert (opened.power, opened.public) == (power, True)


def test_a_ceremony_of_three_gives_a_key_for_production(
    toy_build: Build, toy_witness_file: bytes, tmp_path: Path
) -> None:
    r1cs = tmp_path / "toy.r1cs"
    r1cs.write_bytes(toy_build.r1cs.read_bytes())
    folder, checks = tmp_path / "ceremony", ["--phase-1", PUBLIC_8, "--r1cs", r1cs]
    ran("new", r1cs, "--phase-1", PUBLIC_8, "--out", folder)
    for name, backend in (("Ada", "auto"), ("Bob", "snarkjs"), ("Cy", "auto")):
        ran("contribute", folder, "--name", name, "--entropy", "dice", "--backend", backend)
    ran("beacon", folder, "--beacon", BEACON, "--iterations", 10, "--source", "a test")
    checked = json.loads(ran("verify", folder, *checks, "--production", "--snarkjs", "--json").stdout)
    assert [entry["name"] for entry in checked["contributions"]] == ["Ada", "Bob", "Cy", "beacon"]
    ran("finish", folder, *checks, "--out", tmp_path / "keys")
    pinned = PinnedKey.load(tmp_path / "keys" / "toy")
    pinned.require_ceremonial()
    assert pinned.vk_id == checked["vk_id"]
    proving_key = tmp_path / "keys" / "toy" / "proving_key.zkey"
    backend = NativeBackend if native_available() else SnarkjsBackend
    proof, public = backend(proving_key, pinned.key.to_json()).prove(toy_witness_file)
    assert public == ["1", str(INPUTS["total"]), str(INPUTS["bound"])]
    assert verify(pinned.key, read_public(public, 3), Proof.from_json(proof))
