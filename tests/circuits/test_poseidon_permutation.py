"""The permutation with the constants of each round on their own: circomlib's, to the byte of the constraint system."""

from __future__ import annotations

import pytest

from prover.compiler import Circuit, compile_circuit
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.poseidon import compress_block
from tests.support.forge import bench

FILE = "lib/poseidon_permutation.circom"


@pytest.mark.parametrize("length", [1, 2, 16])
def test_it_is_that_of_python(length: int) -> None:
    template = bench(FILE, f"PoseidonPermutation({length})")
    for capacity, first in ((0, 0), (1, 2), (FIELD_MODULUS - 1, FIELD_MODULUS - 1)):
        block = [(first + i) % FIELD_MODULUS for i in range(length)]
        made = template.compute({"initialState": capacity, "inputs": block})
        assert made["out[0]"] % FIELD_MODULUS == compress_block(capacity, block)


@pytest.mark.parametrize("length", [1, 2, 16])
def test_its_constraints_are_those_of_circomlib(length: int) -> None:
    calls = {"own": f"PoseidonPermutation({length})", "circomlib": f"PoseidonEx({length}, 1)"}
    builds = [
        compile_circuit(Circuit(f"bench-poseidon-{length}-{name}", f"circuits/{FILE}", call, witness_program=False))
        for name, call in calls.items()
    ]
    assert builds[0].r1cs_sha256 == builds[1].r1cs_sha256
