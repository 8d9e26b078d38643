"""Membership in G2 by endomorphism: what it rests on, derived anew, and the same answer as r * P everywhere."""

from __future__ import annotations

from math import gcd
from typing import Any

import pytest
from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.optimized_bn128.optimized_curve import G2, add, b2, curve_order, field_modulus, is_inf, multiply, normalize

from tests.support.simulated_groth16 import _square_root, scalar
from verifier.subgroup import BN_U, in_subgroup

TRACE = field_modulus + 1 - curve_order
COFACTOR = 2 * field_modulus - curve_order
SMALL_PRIME = 10069  #: divides the cofactor


def affine(point: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    x, y = normalize(point)
    return tuple(int(part) for part in x.coeffs), tuple(int(part) for part in y.coeffs)  # type: ignore[return-value]


def twist_point(seed: int) -> Any:
    """Return some point of the twisted curve, which is nearly always outside the subgroup."""
    x0 = scalar("twist", seed) % field_modulus
    while True:
        x = FQ2([x0, seed])
        if (y := _square_root(x * x * x + b2)) is not None:
            return x, y, FQ2.one()
        x0 += 1


def test_the_constants_are_those_of_bn254() -> None:
    u = BN_U
    assert field_modulus == 36 * u**4 + 36 * u**3 + 24 * u**2 + 6 * u + 1
    assert curve_order == 36 * u**4 + 36 * u**3 + 18 * u**2 + 6 * u + 1
    assert is_inf(multiply(multiply(twist_point(1), curve_order), COFACTOR))


def test_only_the_subgroup_meets_the_equation() -> None:
    # psi^2 - t psi + q = 0. Reduced by it, (u+1) + u psi + u psi^2 - 2u psi^3 is a + b psi, and what this maps to
    # infinity has an order that divides its norm a^2 + a b t + b^2 q. Of the order of the twist, r * cofactor, the norm
    # shares r alone, and r does not divide the cofactor.
    power, coefficients = (1, 0), []
    for _ in range(4):
        coefficients.append(power)
        power = (-power[1] * field_modulus, power[0] + power[1] * TRACE)
    weights = (BN_U + 1, BN_U, BN_U, -2 * BN_U)
    a = sum(weight * row[0] for weight, row in zip(weights, coefficients, strict=True))
    b = sum(weight * row[1] for weight, row in zip(weights, coefficients, strict=True))
    assert gcd(a * a + a * b * TRACE + b * b * field_modulus, curve_order * COFACTOR) == curve_order
    assert COFACTOR % curve_order != 0


@pytest.mark.parametrize("factor", [1, 2, 3, curve_order - 1, scalar("factor")])
def test_points_of_the_subgroup(factor: int) -> None:
    assert in_subgroup(affine(multiply(G2, factor)))


@pytest.mark.parametrize("seed", range(1, 6))
def test_points_outside_the_subgroup(seed: int) -> None:
    point = twist_point(seed)
    assert not is_inf(multiply(point, curve_order))
    assert not in_subgroup(affine(point))
    assert in_subgroup(affine(multiply(point, COFACTOR)))


@pytest.mark.parametrize("seed", range(1, 4))
def test_a34_points_of_small_order_and_such_points_added_to_good_ones(seed: int) -> None:
    small = multiply(twist_point(seed), curve_order * (COFACTOR // SMALL_PRIME))
    assert not is_inf(small)
    assert is_inf(multiply(small, SMALL_PRIME))
    assert not in_subgroup(affine(small))
    assert not in_subgroup(affine(add(multiply(G2, seed + 7), small)))
