"""The development set-up in Python: accepted by snarkjs, bound to its seed, equal to the native one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from prover.compiler import Build
from prover.curve import G1, G2, GeneratorTable
from prover.formats.r1cs import R1cs
from prover.formats.wtns import serialize_wtns
from prover.formats.zkey import parse_zkey, read_zkey, verification_key
from prover.setup_reference import Trapdoor, _lagrange, build_key, dev_setup
from prover.toolchain import run_tool
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import FIELD_MODULUS
from tests.support.toy_circuit import SEED


@pytest.fixture(scope="module")
def key_file(toy_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy's key from SEED, made by the reference."""
    path = tmp_path_factory.mktemp("reference") / "reference.zkey"
    summary = dev_setup(toy_build.r1cs, path, SEED, processes=1)
    assert summary["r1cs_sha256"] == toy_build.r1cs_sha256
    assert summary["zkey_bytes"] == path.stat().st_size
    return path


def test_snarkjs_proves_and_verifies_under_the_key(key_file: Path, toy_witness: list[int], tmp_path: Path) -> None:
    witness, proof, public, key = (tmp_path / name for name in ("w.wtns", "proof.json", "public.json", "vk.json"))
    witness.write_bytes(serialize_wtns(toy_witness))
    key.write_text(json.dumps(verification_key(read_zkey(key_file))))
    run_tool("snarkjs", ["groth16", "prove", key_file, witness, proof, public], timeout_s=120, outputs=[proof, public])
    assert json.loads(public.read_text()) == [str(value) for value in toy_witness[1:4]]
    assert "OK!" in run_tool("snarkjs", ["groth16", "verify", key, public, proof], timeout_s=120).stdout
    public.write_text(json.dumps([str(toy_witness[1]), str(toy_witness[2]), str(toy_witness[3] + 1)]))
    with pytest.raises(ToolError, match="snarkjs failed with exit code 1"):
        run_tool("snarkjs", ["groth16", "verify", key, public, proof], timeout_s=120)


def test_the_exported_verifying_key_is_that_of_snarkjs(key_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "vk.json"
    run_tool("snarkjs", ["zkey", "export", "verificationkey", key_file, out], timeout_s=120, outputs=[out])
    exported = json.loads(out.read_text())
    del exported["vk_alphabeta_12"]
    assert exported == verification_key(read_zkey(key_file))


def test_the_header_carries_the_trapdoor(key_file: Path) -> None:
    key, trapdoor = read_zkey(key_file), Trapdoor.from_seed(SEED)
    g1, g2 = GeneratorTable(G1, 3), GeneratorTable(G2, 2)
    assert [key.alpha1, key.beta1, key.delta1] == g1.multiples([trapdoor.alpha, trapdoor.beta, trapdoor.delta])
    assert [key.beta2, key.delta2] == g2.multiples([trapdoor.beta, trapdoor.delta])
    assert key.gamma2 == G2.generator != key.delta2
    assert key.contributions == 0


def test_the_work_may_be_shared_without_changing_a_byte(toy_system: R1cs, key_file: Path) -> None:
    told: list[float] = []
    shared = build_key(toy_system, Trapdoor.from_seed(SEED), lambda _stage, share: told.append(share), processes=2)
    assert shared == key_file.read_bytes()
    assert told == sorted(told) and told[-1] == 1.0


def test_every_key_without_a_seed_is_another_one(toy_build: Build, tmp_path: Path, key_file: Path) -> None:
    paths = [tmp_path / name for name in ("a.zkey", "b.zkey")]
    for path in paths:
        dev_setup(toy_build.r1cs, path, processes=1)
    keys = [read_zkey(path) for path in (*paths, key_file)]
    assert len({key.delta2 for key in keys}) == len({key.alpha1 for key in keys}) == 3


@pytest.mark.parametrize("size", [2, 8, 64])
def test_lagrange_polynomials_interpolate(size: int) -> None:
    tau = 0xABCDEF
    root = pow(5, (FIELD_MODULUS - 1) // size, FIELD_MODULUS)
    values = _lagrange(tau, size)
    assert sum(values) % FIELD_MODULUS == 1
    points = [pow(root, i, FIELD_MODULUS) for i in range(size)]
    for degree in (1, size - 1):
        interpolated = sum(v * pow(x, degree, FIELD_MODULUS) for v, x in zip(values, points, strict=True))
        assert interpolated % FIELD_MODULUS == pow(tau, degree, FIELD_MODULUS)


def test_seeds_have_one_length() -> None:
    for seed in (b"", SEED[:-1], SEED + b"\0"):
        with pytest.raises(InputError, match="must be 32 bytes long"):
            Trapdoor.from_seed(seed)


def test_a_truncated_key_is_refused_wherever_it_ends(key_file: Path) -> None:
    whole = key_file.read_bytes()
    assert parse_zkey(whole).n_public == 3
    for length in [*range(0, 1000, 7), *range(1000, len(whole), 997), len(whole) - 1]:
        with pytest.raises(InputError):
            parse_zkey(whole[:length])


@pytest.mark.native
@pytest.mark.skipif(find_spec("zkm2m_native") is None, reason="the native prover is not installed")
def test_the_native_set_up_writes_the_same_bytes(toy_build: Build, key_file: Path, tmp_path: Path) -> None:
    import zkm2m_native

    native = tmp_path / "native.zkey"
    zkm2m_native.dev_setup(str(toy_build.r1cs), str(native), SEED)
    assert native.read_bytes() == key_file.read_bytes()
