"""The library templates as they ship give what their Python twins give, at the ends of their ranges and between."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtnet_core.errors import RangeError, Refusal
from rtnet_core.hashing import Tag, hash_fields, limbs_per_field, pack
from rtnet_core.limits import (
    AMOUNT_BITS,
    FIELD_MODULUS,
    GREEK_OFFSET_BITS,
    LANE_BITS,
    PRICE_BITS,
    QUANTITY_BITS,
    ROW_BITS,
    check_signed,
    check_unsigned,
)
from rtnet_core.margin_exact import hinge
from rtnet_core.risk_array import lanes_of
from tests.support.forge import bench

#: Node answers in milliseconds, but its first job compiles: no deadline.
SAMPLED = settings(
    deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def edges(bits: int, *, signed: bool = False) -> list[int]:
    """Powers of two and their neighbours, zero, and both ends."""
    powers = [(1 << power) + step for power in range(bits) for step in (-1, 0, 1)]
    found = {number for number in [0, (1 << bits) - 1, *powers] if number < 1 << bits}
    return sorted(found | {-number for number in found} | {-(1 << bits)}) if signed else sorted(found)


def edge_numbers(bits: int, *, signed: bool = False) -> st.SearchStrategy[int]:
    """Numbers of the width, edges more often than chance would have it."""
    lowest = -(1 << bits) if signed else 0
    return st.sampled_from(edges(bits, signed=signed)) | st.integers(lowest, (1 << bits) - 1)


@pytest.mark.parametrize("bits", [1, 20, 62, 253])
def test_unsigned_bits(bits: int) -> None:
    template = bench("lib/unsigned_bits.circom", f"UnsignedBits({bits})")
    for number in (*edges(bits)[:: max(1, bits // 40)], (1 << bits) - 1):
        assert check_unsigned("in", number, bits) == number
        digits = template.compute({"in": number})
        assert [digits[f"bits[{i}]"] for i in range(bits)] == [number >> i & 1 for i in range(bits)]
    for number in (1 << bits, -1):
        with pytest.raises(RangeError):
            check_unsigned("in", number, bits)
        with pytest.raises(Refusal, match="UnsignedBits"):
            template.compute({"in": number})


@pytest.mark.parametrize("bits", [1, 27, 56, 106, 252])
def test_signed_bits(bits: int) -> None:
    template = bench("lib/signed_bits.circom", f"SignedBits({bits})")
    for number in (*edges(bits, signed=True)[:: max(1, bits // 20)], -1, 0, 1, (1 << bits) - 1, -(1 << bits)):
        assert template.compute({"in": number})["nonNegative"] == int(check_signed("in", number, bits) >= 0)
    for number in (1 << bits, -(1 << bits) - 1):
        with pytest.raises(RangeError):
            check_signed("in", number, bits)
        with pytest.raises(Refusal, match="UnsignedBits"):
            template.compute({"in": number})


@SAMPLED
@given(amount=edge_numbers(AMOUNT_BITS), kink=edge_numbers(AMOUNT_BITS), near=st.integers(-1, 1))
def test_hinge(amount: int, kink: int, near: int) -> None:
    template = bench("lib/hinge.circom", f"Hinge({AMOUNT_BITS})")
    for number in (amount, min(max(kink + near, 0), (1 << AMOUNT_BITS) - 1)):
        assert template.compute({"in": number, "kink": kink})["out"] == hinge(number, kink)


@pytest.mark.parametrize(
    ("count", "bits"),
    [(1, 1), (8, 1), (254, 1), (3, AMOUNT_BITS), (8, PRICE_BITS), (10, QUANTITY_BITS + 1), (2, ROW_BITS)],
)
def test_pack(count: int, bits: int) -> None:
    template = bench("lib/pack.circom", f"Pack({count}, {bits})")
    choices = edges(bits)
    assert limbs_per_field(bits) * bits <= 253
    for start in range(min(12, len(choices))):
        limbs = [choices[(start + 7 * i) % len(choices)] for i in range(count)]
        packed = template.compute({"in": limbs})
        assert [value % FIELD_MODULUS for value in packed.values()] == pack(limbs, bits)


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 33])
def test_hash_fields(length: int) -> None:
    template = bench("lib/hash_fields.circom", f"HashFields({int(Tag.LEAF)}, {length})")
    for elements in (
        [0] * length,
        list(range(length)),
        [FIELD_MODULUS - 1 - i for i in range(length)],
        [pow(7, i + 1, FIELD_MODULUS) for i in range(length)],
    ):
        assert template.compute({"in": elements})["digest"] % FIELD_MODULUS == hash_fields(Tag.LEAF, elements)


def test_hash_fields_separates_tag_and_length() -> None:
    """Tags and lengths are template parameters; digests of one text under each differ, as in Python."""
    digests = set()
    for tag, length in ((Tag.LEAF, 2), (Tag.NODE, 2), (Tag.NODE, 3)):
        template = bench("lib/hash_fields.circom", f"HashFields({int(tag)}, {length})")
        digests.add(template.compute({"in": [1, 2, 0][:length]})["digest"] % FIELD_MODULUS)
        assert hash_fields(tag, [1, 2, 0][:length]) in digests
    assert len(digests) == 3


@SAMPLED
@given(lanes=st.lists(edge_numbers(LANE_BITS), min_size=4, max_size=4))
def test_lanes(lanes: list[int]) -> None:
    unpacked = bench("lib/lanes.circom", "Lanes(4)").compute({"in": lanes_of(lanes)})
    assert [unpacked[f"lane[{lane}]"] for lane in range(4)] == lanes
    assert [unpacked[f"topBit[{lane}]"] for lane in range(4)] == [number >> LANE_BITS - 1 for number in lanes]


@SAMPLED
@given(sums=st.lists(st.integers(-(1 << GREEK_OFFSET_BITS), (1 << GREEK_OFFSET_BITS) - 1), min_size=3, max_size=3))
def test_lanes_of_signed_sums(sums: list[int]) -> None:
    """With the offset that NetExposure adds, a lane's top digit is the sign of its sum."""
    offset = 1 << GREEK_OFFSET_BITS
    unpacked = bench("lib/lanes.circom", "Lanes(3)").compute({"in": lanes_of([s + offset for s in sums])})
    assert [unpacked[f"lane[{lane}]"] - offset for lane in range(3)] == sums
    assert [unpacked[f"topBit[{lane}]"] for lane in range(3)] == [int(s >= 0) for s in sums]
