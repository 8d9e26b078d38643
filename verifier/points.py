"""Points of BN254 as snarkjs writes them, read strictly: one spelling, on the curve, in the group, never infinity."""

from __future__ import annotations

from typing import Final

from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.optimized_bn128.optimized_curve import b2, curve_order, field_modulus, is_on_curve
from py_ecc.typing import Optimized_Point3D

from verifier.canonical import decimal, exact_list
from verifier.reasons import refuse
from verifier.subgroup import in_subgroup

#: Order q of the base field, to which every coordinate belongs.
BASE_MODULUS: Final[int] = field_modulus
#: Order r of the scalar field, which is the order of both groups.
SCALAR_MODULUS: Final[int] = curve_order

#: Affine coordinates (x, y).
G1Point = tuple[int, int]
#: Affine coordinates ((x0, x1), (y0, y1)), where x = x0 + x1*i.
G2Point = tuple[tuple[int, int], tuple[int, int]]


def read_g1(value: object, where: str, shape_code: str) -> G1Point:
    """Return the point of ``["x", "y", "1"]``.

    Raises
    ------
    Refusal
        `shape_code`: no such array; ``point_at_infinity``: z is 0; ``coordinate_not_canonical`` and
        ``coordinate_out_of_range``: a coordinate misspelt or not below q; ``point_off_curve``: y^2 is not x^3 + 3.

    Notes
    -----
    G1 has cofactor 1: a point on the curve is in the group.
    """
    x_text, y_text, z = exact_list(value, where, 3, shape_code)
    _require_affine(z, "1", "0", where, shape_code)
    x, y = _coordinate(x_text, where), _coordinate(y_text, where)
    if (y * y - x * x * x - 3) % BASE_MODULUS:
        raise refuse("point_off_curve", where)
    return x, y


def read_g2(value: object, where: str, shape_code: str) -> G2Point:
    """Return the point of ``[["x0", "x1"], ["y0", "y1"], ["1", "0"]]``.

    Raises
    ------
    Refusal
        As `read_g1`; ``point_outside_subgroup``: on the twisted curve, yet r times the point is not infinity.
    """
    x_pair, y_pair, z = exact_list(value, where, 3, shape_code)
    _require_affine(z, ["1", "0"], ["0", "0"], where, shape_code)
    x0, x1 = (_coordinate(text, where) for text in exact_list(x_pair, where, 2, shape_code))
    y0, y1 = (_coordinate(text, where) for text in exact_list(y_pair, where, 2, shape_code))
    point: G2Point = ((x0, x1), (y0, y1))
    if not is_on_curve(lift_g2(point), b2):
        raise refuse("point_off_curve", where)
    if not in_subgroup(point):
        raise refuse("point_outside_subgroup", where)
    return point


def g1_json(point: G1Point) -> list[str]:
    """Return the snarkjs spelling of a point of G1."""
    return [str(point[0]), str(point[1]), "1"]


def g2_json(point: G2Point) -> list[list[str]]:
    """Return the snarkjs spelling of a point of G2."""
    return [[str(part) for part in coordinate] for coordinate in point] + [["1", "0"]]


def negated_g2(point: G2Point) -> G2Point:
    """Return the inverse of a point of G2, which has the same x."""
    x, (y0, y1) = point
    return x, (-y0 % BASE_MODULUS, -y1 % BASE_MODULUS)


def lift_g1(point: G1Point) -> Optimized_Point3D[FQ]:
    """Return a point of G1 in the projective form of py_ecc."""
    return FQ(point[0]), FQ(point[1]), FQ.one()


def lift_g2(point: G2Point) -> Optimized_Point3D[FQ2]:
    """Return a point of G2 in the projective form of py_ecc."""
    return FQ2(point[0]), FQ2(point[1]), FQ2.one()


def _require_affine(z: object, one: object, zero: object, where: str, shape_code: str) -> None:
    """Any other z would be a second spelling of the same point."""
    if z == zero:
        raise refuse("point_at_infinity", where)
    if z != one:
        raise refuse(shape_code, f"{where}: the last coordinate must be {one}")


def _coordinate(value: object, where: str) -> int:
    return decimal(value, where, BASE_MODULUS, "coordinate_not_canonical", "coordinate_out_of_range")
