"""The native prover against snarkjs and py_ecc: each reads what the other wrote, and they agree."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from py_ecc.fields import optimized_bn128_FQ12 as FQ12
from py_ecc.optimized_bn128 import add, b, b2, curve_order, is_on_curve, multiply, neg, pairing

from prover.compiler import Build, Circuit, compile_circuit
from prover.formats.r1cs import read_r1cs_header
from prover.paths import build_folder
from prover.toolchain import run_tool
from prover.witness import WitnessCalculator
from rtnet_core.errors import ToolError
from tests.support.simulated_groth16 import g1_point, g2_point
from tests.support.toy_circuit import INPUTS, other_build, remove, toy_build, toy_witness_file

native = pytest.importorskip("zkm2m_native", reason="the native prover is not installed")
pytestmark = pytest.mark.native

__all__ = ["other_build", "toy_build", "toy_witness_file"]

#: A phase-1 file of the public ceremony, beside the repository.
PHASE_1 = Path(__file__).parents[3] / "shared" / "data" / "ptau" / "powersOfTau28_hez_final_08.ptau"
TIMEOUT_S = 600.0

LARGE_SOURCE = """pragma circom 2.1.6;

include "circomlib/circuits/bitify.circom";
include "circomlib/circuits/poseidon.circom";

// A chain of hashes and many range checks: about 61,000 constraints, of wires both full-sized and binary.
template Large(LINKS, CHECKS) {
    signal input label;
    signal input start;
    signal output digest;
    component link[LINKS];
    for (var i = 0; i < LINKS; i++) {
        link[i] = Poseidon(2);
        link[i].inputs[0] <== i == 0 ? start : link[i - 1].out;
        link[i].inputs[1] <== label + i;
    }
    component bits[CHECKS];
    for (var i = 0; i < CHECKS; i++) {
        bits[i] = Num2Bits(253);
        bits[i].in <== (start + i) * (label + i);
    }
    digest <== link[LINKS - 1].out;
}
"""


def _snarkjs(*arguments: object, outputs: tuple[Path, ...] = ()) -> str:
    said = run_tool("snarkjs", [str(part) for part in arguments], timeout_s=TIMEOUT_S, outputs=outputs)
    return str(said.stdout)


def _exported_key(zkey: Path, folder: Path) -> dict[str, Any]:
    file = folder / "verification_key.json"
    _snarkjs("zkey", "export", "verificationkey", zkey, file, outputs=(file,))
    return dict(json.loads(file.read_text()))


def _snarkjs_accepts(key: dict[str, Any], public: list[str], proof: dict[str, Any], folder: Path) -> bool:
    files = [folder / name for name in ("check_key.json", "check_public.json", "check_proof.json")]
    for file, content in zip(files, (key, public, proof), strict=True):
        file.write_text(json.dumps(content))
    try:
        run_tool("snarkjs", ["groth16", "verify", *files], timeout_s=TIMEOUT_S, show_output=True)
    except ToolError as error:
        if "Invalid proof" in str(error):
            return False
        raise
    return True


def _snarkjs_proof(zkey: Path, witness: bytes, folder: Path) -> tuple[list[str], str]:
    """Return the public signals and the text of a proof by snarkjs."""
    wtns, proof, public = (folder / name for name in ("witness.wtns", "their_proof.json", "their_public.json"))
    wtns.write_bytes(witness)
    _snarkjs("groth16", "prove", zkey, wtns, proof, public, outputs=(proof, public))
    return json.loads(public.read_text()), proof.read_text()


def _py_ecc_accepts(key: dict[str, Any], public: list[str], proof: dict[str, Any]) -> bool:
    """Return whether e(A, B) = e(alpha, beta) e(X, gamma) e(C, delta), computed by py_ecc."""
    a, c = g1_point(proof["pi_a"]), g1_point(proof["pi_c"])
    point_b = g2_point(proof["pi_b"])
    assert all((is_on_curve(a, b), is_on_curve(c, b), is_on_curve(point_b, b2)))
    combined = g1_point(key["IC"][0])
    for signal, point in zip(public, key["IC"][1:], strict=True):
        combined = add(combined, multiply(g1_point(point), int(signal)))
    factors = (
        pairing(point_b, neg(a)),
        pairing(g2_point(key["vk_beta_2"]), g1_point(key["vk_alpha_1"])),
        pairing(g2_point(key["vk_gamma_2"]), combined),
        pairing(g2_point(key["vk_delta_2"]), c),
    )
    return bool(math.prod(factors, start=FQ12.one()) == FQ12.one())


def _assert_agreement(zkey: Path, witness: bytes, folder: Path) -> list[str]:
    """Prove with both tools under one key, have every verifier accept both, and return the public signals."""
    key = _exported_key(zkey, folder)
    ours = native.Prover(zkey).prove(witness)
    public, their_proof = _snarkjs_proof(zkey, witness, folder)
    assert ours["public"] == public
    other = [*public]
    other[-1] = str((int(other[-1]) + 1) % curve_order)
    for proof in (ours["proof"], json.loads(their_proof)):
        text = json.dumps(proof)
        assert native.verify(json.dumps(key), public, text)
        assert not native.verify(json.dumps(key), other, text)
        assert _snarkjs_accepts(key, public, proof, folder)
        assert not _snarkjs_accepts(key, other, proof, folder)
    assert _py_ecc_accepts(key, public, ours["proof"])
    assert not _py_ecc_accepts(key, other, ours["proof"])
    return public


def test_a_native_key_serves_both_tools(toy_build: Build, toy_witness_file: bytes, tmp_path: Path) -> None:
    zkey = tmp_path / "toy.zkey"
    native.dev_setup(toy_build.r1cs, zkey)
    assert _assert_agreement(zkey, toy_witness_file, tmp_path) == ["1", str(INPUTS["total"]), str(INPUTS["bound"])]


def test_a_ceremony_key_serves_both_tools(toy_build: Build, toy_witness_file: bytes, tmp_path: Path) -> None:
    if not PHASE_1.exists():
        pytest.skip("the phase-1 file of power 8 is not beside the repository")
    first, zkey = tmp_path / "first.zkey", tmp_path / "final.zkey"
    _snarkjs("groth16", "setup", toy_build.r1cs, PHASE_1, first, outputs=(first,))
    with pytest.raises(ValueError, match="delta2: equals gamma2"):
        native.Prover(first)
    _snarkjs("zkey", "contribute", first, zkey, "--name=test", "-e=some entropy", outputs=(zkey,))
    _assert_agreement(zkey, toy_witness_file, tmp_path)


BEACON = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"


def test_contributions_of_both_tools_make_one_chain(toy_build: Build, toy_witness_file: bytes, tmp_path: Path) -> None:
    if not PHASE_1.exists():
        pytest.skip("the phase-1 file of power 8 is not beside the repository")
    zero, one, two, ours, theirs = (tmp_path / f"{name}.zkey" for name in ("zero", "one", "two", "ours", "theirs"))
    _snarkjs("groth16", "setup", toy_build.r1cs, PHASE_1, zero, outputs=(zero,))
    made = native.contribute(zero, one, name="Ada", entropy=b"dice")
    _snarkjs("zkey", "contribute", one, two, "--name=Bob", "-e=some entropy", outputs=(two,))
    _snarkjs("zkey", "beacon", two, theirs, BEACON, 10, "--name=beacon", outputs=(theirs,))
    native.apply_beacon(two, ours, bytes.fromhex(BEACON), 10, name="beacon")
    assert ours.read_bytes() == theirs.read_bytes()
    said = _snarkjs("zkey", "verify", toy_build.r1cs, PHASE_1, ours)
    assert "ZKey Ok!" in said
    assert made["contribution_hash"] in "".join(said.split())
    _assert_agreement(ours, toy_witness_file, tmp_path)


def test_a_contribution_that_was_changed_is_refused_by_snarkjs(toy_build: Build, tmp_path: Path) -> None:
    if not PHASE_1.exists():
        pytest.skip("the phase-1 file of power 8 is not beside the repository")
    zero, one, bad = (tmp_path / f"{name}.zkey" for name in ("zero", "one", "bad"))
    _snarkjs("groth16", "setup", toy_build.r1cs, PHASE_1, zero, outputs=(zero,))
    native.contribute(zero, one)
    changed = bytearray(one.read_bytes())
    changed[-9] ^= 1  # the last byte of the transcript: no name follows, so type and length are the last eight
    bad.write_bytes(changed)
    with pytest.raises(ToolError):
        _snarkjs("zkey", "verify", toy_build.r1cs, PHASE_1, bad)


def test_a44_a_key_of_another_circuit_gives_no_proof(
    toy_witness_file: bytes, other_build: Build, tmp_path: Path
) -> None:
    zkey = tmp_path / "other.zkey"
    native.dev_setup(other_build.r1cs, zkey)
    with pytest.raises(ValueError, match="the key is for"):
        native.Prover(zkey).prove(toy_witness_file)


@pytest.fixture(scope="module")
def large_build() -> Iterator[Build]:
    """A circuit of the size of the project's own."""
    name = "toy-large"
    folder = build_folder() / f"tmp-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "large.circom").write_text(LARGE_SOURCE)
    circuit = Circuit(name=name, include=f"build/tmp-{name}/large.circom", call="Large(170, 80)", public=("label",))
    yield compile_circuit(circuit)
    remove(name)


@pytest.mark.slow
def test_a_large_circuit_is_proven_alike(large_build: Build, tmp_path: Path) -> None:
    assert read_r1cs_header(large_build.r1cs).n_constraints > 60_000
    zkey = tmp_path / "large.zkey"
    assert native.dev_setup(large_build.r1cs, zkey)["domain_size"] == 1 << 16
    with WitnessCalculator(large_build.wasm) as calculator:
        witness = calculator.calculate({"label": 9, "start": 7})
    assert _assert_agreement(zkey, witness, tmp_path)[-1] == "9"
