"""Each backend proves under the other's keys, and every proof is accepted by native, snarkjs and py_ecc."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prover.backends import NativeBackend, SnarkjsBackend, native_available
from prover.circuits import build
from prover.formats.wtns import parse_wtns, serialize_wtns
from prover.formats.zkey import read_zkey, verification_key
from prover.inputs import account_inputs, account_statement
from prover.keys import Keys, development_keys, make_development_keys
from prover.setup_reference import dev_setup
from prover.toolchain import run_tool
from prover.witness import WitnessCalculator
from rtnet_core.errors import ToolError
from rtnet_core.limits import FIELD_MODULUS
from tests.support.committed_book import sampled
from verifier.groth16 import Proof, VerificationKey, verify

CIRCUIT = "account-small"
needs_native = pytest.mark.skipif(not native_available(), reason="the native prover is not installed")


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    account = sampled(tmp_path_factory.mktemp("book"), accounts=4).account("acct-000002")
    statement = account_statement(account.vector, account.place, account.risk, account.params, 10_000, 99)
    with WitnessCalculator(build(CIRCUIT).wasm) as calculator:
        inputs = account_inputs(account.vector, account.place, account.risk, account.params, statement)
        return calculator.calculate(inputs)


@pytest.fixture(scope="module")
def native_keys() -> Keys:
    return development_keys(CIRCUIT)


@needs_native
@pytest.mark.parametrize("maker", ["native", "snarkjs"])
def test_every_verifier_accepts_every_provers_proof(witness: bytes, native_keys: Keys, maker: str) -> None:
    backends = {
        "native": NativeBackend(native_keys.proving_key, native_keys.verification_key),
        "snarkjs": SnarkjsBackend(native_keys.proving_key, native_keys.verification_key),
    }
    proof, public = backends[maker].prove(witness)
    for backend in backends.values():
        backend.check(public, proof)
        wrong = [str(1 - int(public[0])), *public[1:]]
        with pytest.raises(ToolError):
            backend.check(wrong, proof)
    key = VerificationKey.from_json(dict(native_keys.verification_key))
    signals = [int(signal) for signal in public]
    assert verify(key, signals, Proof.from_json(proof), "reference")
    assert not verify(key, [1 - signals[0], *signals[1:]], Proof.from_json(proof), "reference")


@needs_native
def test_a46_the_native_prover_refuses_a_false_witness_by_itself(witness: bytes, native_keys: Keys) -> None:
    wires = parse_wtns(witness)
    wires[-1] = (wires[-1] + 1) % FIELD_MODULUS
    backend = NativeBackend(native_keys.proving_key, native_keys.verification_key)
    with pytest.raises(ToolError, match="refused the witness"):
        backend.prove(serialize_wtns(wires))


@needs_native
def test_the_native_prover_takes_a_key_that_snarkjs_contributed_to(
    witness: bytes, native_keys: Keys, tmp_path: Path
) -> None:
    contributed = tmp_path / "contributed.zkey"
    arguments = ["zkey", "contribute", native_keys.proving_key, contributed, "--name=test", "-e=entropy of a test"]
    run_tool("snarkjs", arguments, timeout_s=600, outputs=(contributed,))
    key = verification_key(read_zkey(contributed))
    assert key != native_keys.verification_key
    native = NativeBackend(contributed, key)
    proof, public = native.prove(witness)
    native.check(public, proof)
    SnarkjsBackend(contributed, key).check(public, proof)
    with pytest.raises(ToolError):
        NativeBackend(native_keys.proving_key, native_keys.verification_key).check(public, proof)


@needs_native
@pytest.mark.slow
def test_the_reference_setup_makes_the_native_keys_byte_for_byte(tmp_path: Path) -> None:
    seed = bytes(range(32))
    native = make_development_keys(tmp_path / "native", build(CIRCUIT), seed=seed)

    dev_setup(build(CIRCUIT).r1cs, tmp_path / "reference.zkey", seed)
    assert native.proving_key.read_bytes() == (tmp_path / "reference.zkey").read_bytes()


def test_snarkjs_exports_the_verifying_key_that_we_read(native_keys: Keys, tmp_path: Path) -> None:
    exported = tmp_path / "vk.json"
    arguments = ["zkey", "export", "verificationkey", native_keys.proving_key, exported]
    run_tool("snarkjs", arguments, timeout_s=600, outputs=(exported,))
    theirs = json.loads(exported.read_text())
    ours = dict(native_keys.verification_key)
    assert {name: theirs[name] for name in ours} == ours
