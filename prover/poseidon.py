"""Poseidon digests of many lists and whole subtrees: natively where the module is installed, else by `rtnet_core`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from prover.backends import native_available
from rtnet_core.hashing import Tag, hash_fields
from rtnet_core.limits import FIELD_MODULUS

_BYTES: Final = 32


def hash_many(tag: Tag, lists: Sequence[Sequence[int]]) -> list[int]:
    """Return the digest of each list under `tag`.

    Parameters
    ----------
    tag
        The use.
    lists
        Lists of one length, of at least one field element each; elements are in [0, r).

    Raises
    ------
    ValueError
        Lists of different lengths, an empty one, or an element that is not reduced.

    Notes
    -----
    Equal to `rtnet_core.hashing.hash_fields` of every list.
    """
    if not lists:
        return []
    width = len(lists[0])
    if any(len(elements) != width for elements in lists):
        raise ValueError("lists that are hashed together have one length")
    if not width:
        raise ValueError("a hash needs at least one element")
    if not native_available():
        return [hash_fields(tag, elements) for elements in lists]
    import zkm2m_native

    encoded = b"".join(_encoded(elements) for elements in lists)
    return _decoded(zkm2m_native.hash_fields_many(int(tag), width, encoded))


def subtree_levels(leaves: Sequence[int], depth: int) -> list[list[int]]:
    """Return the levels above the leaves of a complete subtree of the book, the lowest first.

    Parameters
    ----------
    leaves
        Exactly 2^depth field elements; `rtnet_core.commitments.EMPTY_LEAF` behind the last account.
    depth
        At least 0, at most 32.

    Returns
    -------
    list[list[int]]
        `depth` levels; the last one holds the root alone. Empty where `depth` is 0: the leaf is the root.

    Raises
    ------
    ValueError
        Another number of leaves, or one that is not reduced.
    """
    if not 0 <= depth <= 32 or len(leaves) != 1 << depth:
        raise ValueError(f"a subtree of depth {depth} does not have {len(leaves)} leaves")
    if not native_available():
        return _levels_by_rtnet_core(leaves, depth)
    import zkm2m_native

    digests = _decoded(zkm2m_native.merkle_levels(int(Tag.NODE), _encoded(leaves), depth))
    levels, start = [], 0
    for level in reversed(range(depth)):
        levels.append(digests[start : start + (1 << level)])
        start += 1 << level
    return levels


def _levels_by_rtnet_core(leaves: Sequence[int], depth: int) -> list[list[int]]:
    _require_reduced(leaves)
    levels: list[list[int]] = []
    below = leaves
    for _ in range(depth):
        below = [hash_fields(Tag.NODE, below[i : i + 2]) for i in range(0, len(below), 2)]
        levels.append(below)
    return levels


def _require_reduced(elements: Iterable[int]) -> None:
    if any(not 0 <= element < FIELD_MODULUS for element in elements):
        raise ValueError("a hash takes reduced field elements only")


def _encoded(elements: Sequence[int]) -> bytes:
    _require_reduced(elements)
    return b"".join(element.to_bytes(_BYTES, "little") for element in elements)


def _decoded(encoded: bytes) -> list[int]:
    return [int.from_bytes(encoded[i : i + _BYTES], "little") for i in range(0, len(encoded), _BYTES)]
