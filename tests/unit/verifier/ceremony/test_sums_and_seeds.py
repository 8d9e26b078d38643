"""Sums of multiples beside py_ecc, and what follows from a seed beside published vectors and the groups' rules."""

from __future__ import annotations

import random

import pytest
from py_ecc import optimized_bn128 as reference

from verifier.ceremony import seeded
from verifier.ceremony.chain import G1_GENERATOR, G2_GENERATOR
from verifier.ceremony.seeded import Seeded
from verifier.ceremony.sums import balanced, g1_sum, g2_sum, g2_sum_in_group, negated
from verifier.points import BASE_MODULUS, SCALAR_MODULUS, G2Point, lift_g1, lift_g2
from verifier.subgroup import in_subgroup

DRAW = random.Random(8)


def scalars(count: int, bits: int = 254) -> list[int]:
    return [DRAW.choice([0, 1, SCALAR_MODULUS - 1, DRAW.getrandbits(bits)]) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_sums_are_those_of_py_ecc(count: int) -> None:
    source = Seeded(bytes([count]) * 32)
    points = [source.g1() for _ in range(count)]
    weights = scalars(count)
    total = reference.Z1
    for weight, point in zip(weights, points, strict=True):
        total = reference.add(total, reference.multiply(lift_g1(point), weight))
    found = g1_sum(weights, points)
    assert (found is None) == reference.is_inf(total)
    if found is not None:
        assert reference.eq(lift_g1(found), total)


def test_sums_on_the_twist_are_those_of_py_ecc() -> None:
    points = [Seeded(bytes([n]) * 32).g2() for n in range(4)]
    weights = scalars(4)
    total = reference.Z2
    for weight, point in zip(weights, points, strict=True):
        total = reference.add(total, reference.multiply(lift_g2(point), weight))
    found = g2_sum(weights, points)
    assert found is not None
    assert reference.eq(lift_g2(found), total)


def test_sums_that_vanish_double_or_hold_infinity() -> None:
    point = Seeded(bytes(32)).g1()
    assert g1_sum([1, 1], [point, negated(point)]) is None
    assert g1_sum([SCALAR_MODULUS], [point]) is None
    assert g1_sum([1, 1], [point, point]) == g1_sum([2], [point])
    assert g1_sum([5, 1], [None, point]) == point
    assert g1_sum([], []) is None
    assert g1_sum([0, 0], [point, point]) is None
    assert g2_sum([1, SCALAR_MODULUS - 1], [G2_GENERATOR, G2_GENERATOR]) is None
    assert negated(None) is None


def _outside_the_group() -> G2Point:
    """Return a point of the twist whose order is not r: one that was not multiplied by the cofactor."""
    for x0 in range(1, 100):
        x = (x0, 1)
        cube = seeded._mul(seeded._mul(x, x), x)
        y = seeded._root_fq2(tuple((a + b) % BASE_MODULUS for a, b in zip(cube, seeded._TWIST_B, strict=True)))  # type: ignore[arg-type]
        if y is not None and not in_subgroup((x, y)):
            return x, y
    raise AssertionError


def test_a_point_outside_the_group_shows_in_a_sum_with_random_scalars() -> None:
    draw = random.Random(3)
    inside = [Seeded(bytes([n]) * 32).g2() for n in range(3)]
    weights = [draw.getrandbits(128) for _ in range(4)]
    assert g2_sum_in_group(weights[:3], inside) == (g2_sum(weights[:3], inside), True)
    assert g2_sum_in_group(weights, [*inside, _outside_the_group()])[1] is False


def test_pairings_balance_exactly_where_scalars_do() -> None:
    three, two = g1_sum([3], [G1_GENERATOR]), g2_sum([2], [G2_GENERATOR])
    assert two is not None
    assert balanced([(three, two), (g1_sum([SCALAR_MODULUS - 6], [G1_GENERATOR]), G2_GENERATOR)])
    assert not balanced([(three, two), (g1_sum([SCALAR_MODULUS - 5], [G1_GENERATOR]), G2_GENERATOR)])
    assert balanced([(None, two)])


def test_words_are_those_of_rfc_8439() -> None:
    # Appendix A.1, test vectors 1 and 2: key, nonce and counter 0, then counter 1.
    words = seeded._words(bytes(32))
    block = [next(words) for _ in range(32)]
    assert block[:2] == [0xADE0B876, 0x903DF1A0]
    assert block[16:18] == [0xBEE7079F, 0x7A385155]


def test_points_are_in_their_groups_and_repeat() -> None:
    first, second = Seeded(b"\x07" * 64), Seeded(b"\x07" * 32)
    point, twist = first.g1(), first.g2()
    assert (point[1] ** 2 - point[0] ** 3 - 3) % BASE_MODULUS == 0
    assert in_subgroup(twist)
    assert (second.g1(), second.g2(), second.scalar()) == (point, twist, first.scalar())


@pytest.mark.parametrize("value", [(5, 7), (4, 0), (BASE_MODULUS - 4, 0), (0, 9), (0, 0)])
def test_roots_in_the_extension_square_back(value: tuple[int, int]) -> None:
    square = seeded._mul(value, value)
    root = seeded._root_fq2(square)
    assert root in (value, (-value[0] % BASE_MODULUS, -value[1] % BASE_MODULUS))
    assert seeded._root_fq2(seeded._mul(square, (9, 1))) is None or square == (0, 0)
