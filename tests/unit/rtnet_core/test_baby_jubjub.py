"""Baby Jubjub: the group, its subgroup, and one encoding for each point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.baby_jubjub import (
    BASE8,
    COFACTOR,
    IDENTITY,
    SUBGROUP_ORDER,
    A,
    D,
    Point,
    add,
    decode_point,
    encode_point,
    has_low_order,
    is_in_subgroup,
    is_on_curve,
    multiply,
    negate,
)
from rtnet_core.limits import FIELD_MODULUS
from tests.support.oracles import low_order_points

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "eddsa_poseidon.json").read_text("utf-8"))
EDGES = [0, 1, 2, SUBGROUP_ORDER - 1, SUBGROUP_ORDER, SUBGROUP_ORDER + 1, FIELD_MODULUS - 1, (1 << 254) + 1]
SCALARS = st.one_of(st.sampled_from(EDGES), st.integers(0, (1 << 256) - 1))
#: Generator of the whole curve, of eight times the subgroup's order (ERC-2494).
GENERATOR = Point(
    995203441582195749578291179787384436505546430278305826713579947235728471134,
    5472060717959818805561601436314318772137091100104008585924551046643952123905,
)


def test_parameters_are_those_of_circomlib() -> None:
    assert (A, D) == (168700, 168696)
    assert pow(A, (FIELD_MODULUS - 1) // 2, FIELD_MODULUS) == 1  # with the next line: addition has no exceptions
    assert pow(D, (FIELD_MODULUS - 1) // 2, FIELD_MODULUS) == FIELD_MODULUS - 1
    assert multiply(COFACTOR, GENERATOR) == BASE8
    assert multiply(SUBGROUP_ORDER, GENERATOR) in low_order_points()
    assert not is_in_subgroup(GENERATOR)


@pytest.mark.parametrize("vector", VECTORS["multiples_of_base8"], ids=lambda vector: vector["scalar"][:8])
def test_multiples_are_those_of_circomlibjs(vector: dict[str, object]) -> None:
    expected = Point(*(int(coordinate) for coordinate in vector["point"]))  # type: ignore[attr-defined]
    assert multiply(int(str(vector["scalar"])), BASE8) == expected


@settings(max_examples=25, deadline=None)
@given(SCALARS, SCALARS)
def test_multiples_add_up(left: int, right: int) -> None:
    first, second = multiply(left, GENERATOR), multiply(right, GENERATOR)
    assert is_on_curve(first)
    assert add(first, second) == add(second, first) == multiply(left + right, GENERATOR)
    assert add(first, IDENTITY) == first
    assert add(first, negate(first)) == IDENTITY
    assert multiply(left * COFACTOR % SUBGROUP_ORDER, BASE8) == multiply(left, multiply(COFACTOR, BASE8))


def test_a_negative_scalar_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        multiply(-1, BASE8)


def test_a27_points_of_low_order_are_known() -> None:
    points = low_order_points()
    assert len(points) == 8
    assert IDENTITY in points
    assert Point(0, FIELD_MODULUS - 1) in points
    for point in points:
        assert is_on_curve(point)
        assert has_low_order(point)
        assert is_in_subgroup(point) == (point == IDENTITY)
        assert not has_low_order(add(point, BASE8))
    assert not has_low_order(GENERATOR)


@settings(max_examples=25, deadline=None)
@given(SCALARS)
def test_a_point_has_one_encoding(scalar: int) -> None:
    point = multiply(scalar, GENERATOR)
    assert decode_point(encode_point(point)) == point
    assert encode_point(negate(point)) != encode_point(point) or point.x == 0


def test_low_order_points_have_one_encoding_each() -> None:
    encodings = [encode_point(point) for point in low_order_points()]
    assert len(set(encodings)) == 8
    assert tuple(map(decode_point, encodings)) == low_order_points()


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_what_decodes_encodes_to_the_same_bytes(encoded: bytes) -> None:
    try:
        point = decode_point(encoded)
    except ValueError:
        return
    assert is_on_curve(point)
    assert encode_point(point) == encoded


@pytest.mark.parametrize(
    ("encoded", "rule"),
    [
        (b"", "32 bytes"),
        (bytes(31), "32 bytes"),
        (bytes(33), "32 bytes"),
        ((FIELD_MODULUS + 1).to_bytes(32, "little"), "below the field order"),
        (FIELD_MODULUS.to_bytes(32, "little"), "below the field order"),
        ((1 | 1 << 255).to_bytes(32, "little"), "no sign"),
        ((FIELD_MODULUS - 1 | 1 << 255).to_bytes(32, "little"), "no sign"),
        (b"\xff" * 32, "below the field order"),
    ],
)
def test_a27_other_spellings_of_a_point_are_refused(encoded: bytes, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        decode_point(encoded)


def test_half_of_all_numbers_are_no_y() -> None:
    refused = 0
    for y in range(200):
        try:
            decode_point(y.to_bytes(32, "little"))
        except ValueError as error:
            assert str(error) == "must be a point of the curve"
            refused += 1
    assert 60 < refused < 140


@pytest.mark.parametrize(
    "point", [Point(0, 0), Point(1, 1), Point(FIELD_MODULUS, 1), Point(0, FIELD_MODULUS + 1), Point(0, -1)]
)
def test_what_is_not_on_the_curve_or_not_reduced_is_seen(point: Point) -> None:
    assert not is_on_curve(point)
    assert not is_in_subgroup(point)
