"""Our field arithmetic on matrices and polynomials against galois, an independent finite-field library."""

from __future__ import annotations

from random import Random

import galois
import numpy as np
import pytest

from prover.setup_reference import _lagrange
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.poseidon import parameters, permute

# 5 generates the multiplicative group (circomlib and snarkjs use it too); galois need not factor r - 1 to find one.
FIELD = galois.GF(FIELD_MODULUS, primitive_element=5, verify=False)


def test_the_poseidon_matrix_is_invertible_in_every_square_part() -> None:
    _, rows = parameters(4)
    matrix = FIELD([list(row) for row in rows])
    for size in (1, 2, 3, 4):
        for first in range(5 - size):
            for second in range(5 - size):
                part = matrix[first : first + size, second : second + size]
                assert np.linalg.det(part) != 0
    assert np.array_equal(np.linalg.inv(matrix) @ matrix, FIELD.Identity(4))


def test_a_poseidon_permutation_step_by_step() -> None:
    rounds, rows = parameters(3)
    matrix = FIELD([list(row) for row in rows])
    state = FIELD([1, 2, 3])
    for number, constants in enumerate(rounds):
        state = state + FIELD(list(constants))
        if 4 <= number < len(rounds) - 4:
            state[0] = state[0] ** 5
        else:
            state = state**5
        state = matrix @ state
    assert permute([1, 2, 3]) == [int(element) for element in state]


@pytest.mark.parametrize("size", [2, 8, 16])
def test_the_set_ups_lagrange_values_interpolate(size: int) -> None:
    random = Random(size)
    root = pow(5, (FIELD_MODULUS - 1) // size, FIELD_MODULUS)
    nodes = FIELD([pow(root, i, FIELD_MODULUS) for i in range(size)])
    values = FIELD([random.randrange(FIELD_MODULUS) for _ in range(size)])
    tau = random.randrange(FIELD_MODULUS)
    expected = galois.lagrange_poly(nodes, values)(FIELD(tau))
    basis = FIELD(_lagrange(tau, size))
    assert int((basis * values).sum()) == int(expected)
