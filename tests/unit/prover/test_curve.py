"""The plain-integer curve against py_ecc."""

from __future__ import annotations

import random

import pytest
from py_ecc.bn128 import G1 as ECC_G1
from py_ecc.bn128 import G2 as ECC_G2
from py_ecc.bn128 import b2, field_modulus, is_on_curve, multiply
from py_ecc.fields import bn128_FQ2 as FQ2

from prover.curve import BASE_MODULUS, G1, G2, GeneratorTable, double_g1, double_g2, on_g1, on_twist
from rtnet_core.limits import FIELD_MODULUS

SCALARS = [1, 2, 255, FIELD_MODULUS - 1, (1 << 253) - 1]
SCALARS += [random.Random(5).randrange(FIELD_MODULUS) for _ in range(2)]


def g1_of(scalar: int) -> tuple[int, int]:
    x, y = multiply(ECC_G1, scalar)
    return int(x), int(y)


def g2_of(scalar: int) -> tuple[tuple[int, int], tuple[int, int]]:
    x, y = multiply(ECC_G2, scalar)
    return (int(x.coeffs[0]), int(x.coeffs[1])), (int(y.coeffs[0]), int(y.coeffs[1]))


def test_the_constants_are_those_of_the_curve() -> None:
    assert field_modulus == BASE_MODULUS
    assert g1_of(1) == G1.generator
    assert g2_of(1) == G2.generator


@pytest.mark.parametrize("expected", [1, 3000])
def test_multiples_of_both_generators_agree(expected: int) -> None:
    assert GeneratorTable(G1, expected).multiples(SCALARS) == [g1_of(s) for s in SCALARS]
    if expected == 1:
        assert GeneratorTable(G2, expected).multiples(SCALARS) == [g2_of(s) for s in SCALARS]


def test_zero_gives_infinity_and_nothing_gives_nothing() -> None:
    table = GeneratorTable(G1, 1)
    assert table.multiples([0, 5, 0]) == [None, g1_of(5), None]
    assert table.multiples([]) == []


def test_doubling_agrees() -> None:
    assert double_g1(g1_of(77)) == g1_of(154)
    assert double_g2(g2_of(77)) == g2_of(154)


def test_points_off_the_curve_are_recognised() -> None:
    x, y = g1_of(9)
    assert on_g1((x, y)) and on_g1((x, BASE_MODULUS - y))
    assert not any(map(on_g1, [(x, y + 1), (x + BASE_MODULUS, y), (0, 0), (-x, y)]))
    point = g2_of(9)
    assert on_twist(point)
    assert is_on_curve((FQ2(point[0]), FQ2(point[1])), b2)
    assert not on_twist((point[0], (point[1][0], point[1][1] + 1)))
    assert not on_twist(((point[0][0] + BASE_MODULUS, point[0][1]), point[1]))
    assert not on_twist(((0, 0), (0, 0)))
