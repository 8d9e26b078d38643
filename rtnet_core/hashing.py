"""Domain-separated Poseidon hashes of field elements, and the digests of texts that go into them.

A hash of n elements absorbs blocks of 16 (the last one may be shorter). The first block's capacity element is
``tag * 2^32 + n``; every later block's capacity element is the digest so far. Tag and length therefore separate all
uses, and no padding is needed. Collisions cost about 2^127 (half of the capacity of 254 bits).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from rtnet_core.errors import RangeError
from rtnet_core.limits import FIELD_MODULUS, IDENTITY_BITS, MAX_SAFE_BITS, check_unsigned
from rtnet_core.poseidon import MAX_INPUTS, compress_block

_LENGTH_BITS: Final = 32


class Tag(IntEnum):
    """What is hashed. One number per use, never used again for another."""

    SNAPSHOT = 1
    SCENARIOS = 2
    PARAMS = 3
    RISK_ARRAY = 4
    LEAF = 5
    NODE = 6
    BOOK = 7
    TOTALS = 8
    ORACLES = 9
    ORACLE_MESSAGE = 10


def hash_fields(tag: Tag, elements: Sequence[int]) -> int:
    """Return the digest of `elements` under `tag`.

    Parameters
    ----------
    tag
        The use.
    elements
        At least one field element, each in [0, r).

    Raises
    ------
    ValueError
        No element, or one that is not reduced.

    Notes
    -----
    Circuit twin: circuits/lib/hash_fields.circom:HashFields
    """
    if not elements:
        raise ValueError("a hash needs at least one element")
    if any(not 0 <= element < FIELD_MODULUS for element in elements):
        raise ValueError("a hash takes reduced field elements only")
    digest = int(tag) << _LENGTH_BITS | len(elements)
    for start in range(0, len(elements), MAX_INPUTS):
        digest = compress_block(digest, elements[start : start + MAX_INPUTS])
    return digest


def limbs_per_field(width: int) -> int:
    """Return how many limbs of `width` bits one field element carries."""
    return MAX_SAFE_BITS // width


def pack(limbs: Sequence[int], width: int) -> list[int]:
    """Return field elements that carry `limbs`, the first limb lowest.

    Parameters
    ----------
    limbs
        Integers in [0, 2^width).
    width
        Bits of a limb, 1 … 253.

    Raises
    ------
    RangeError
        A limb is outside its range: two different lists would pack alike.

    Notes
    -----
    Circuit twin: circuits/lib/pack.circom:Pack (which assumes ranges that its callers enforce).
    """
    if any(not 0 <= limb < 1 << width for limb in limbs):
        raise RangeError("packed limb", f"must be at least 0 and below 2^{width}")
    per_field = limbs_per_field(width)
    return [
        sum(limb << width * i for i, limb in enumerate(limbs[start : start + per_field]))
        for start in range(0, len(limbs), per_field)
    ]


def pack_mixed(limbs: Sequence[tuple[int, int]], field: str) -> int:
    """Return one field element that carries limbs of different widths, the first limb lowest.

    Parameters
    ----------
    limbs
        Pairs (number, bits), 253 bits at most in all.
    field
        What the numbers are, for the error.

    Raises
    ------
    RangeError
        A number is outside its width: two different lists would pack alike.
    """
    packed = shift = 0
    for number, bits in limbs:
        packed |= check_unsigned(field, number, bits) << shift
        shift += bits
    return packed


def padded(numbers: Sequence[int], count: int) -> list[int]:
    """Return `numbers` with zeros behind them, `count` in all."""
    return [*numbers, *[0] * (count - len(numbers))]


def text_digest(domain: str, *parts: bytes) -> int:
    """Return a 248-bit digest of `parts` (SHA-256, each part behind its length), as a field element.

    Texts are taken byte for byte, without normalisation: two spellings of one name are two names.
    """
    hasher = hashlib.sha256()
    for part in (b"zkm2m/" + domain.encode("ascii"), *parts):
        hasher.update(len(part).to_bytes(8, "big") + part)
    return int.from_bytes(hasher.digest(), "big") >> (256 - IDENTITY_BITS)
