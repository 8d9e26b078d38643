"""Digests of many lists and whole subtrees: natively and without the native module, equal to `rtnet_core`."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from prover.backends import native_available
from prover.poseidon import hash_many, subtree_levels
from rtnet_core.commitments import BookTree, book_root
from rtnet_core.hashing import Tag, hash_fields
from rtnet_core.limits import FIELD_MODULUS

EDGES = [0, 1, 2, FIELD_MODULUS - 2, FIELD_MODULUS - 1, (FIELD_MODULUS - 1) // 2, 1 << 253, (1 << 64) - 1, 1 << 128]

needs_native = pytest.mark.skipif(not native_available(), reason="the native module is not installed")


@pytest.fixture(params=[pytest.param("native", marks=needs_native), "without"], autouse=True)
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test goes both roads."""
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "zkm2m_native", None)
    assert native_available() == (request.param == "native")
    return str(request.param)


def _elements(count: int, seed: object) -> list[int]:
    source = random.Random(repr(seed))
    return [source.choice(EDGES) if source.random() < 0.3 else source.randrange(FIELD_MODULUS) for _ in range(count)]


@pytest.mark.parametrize("length", range(1, 41))
def test_digests_are_those_of_the_reference(length: int) -> None:
    lists = [_elements(length, (length, i)) for i in range(3)]
    for tag in (Tag.SNAPSHOT, Tag.LEAF):
        assert hash_many(tag, lists) == [hash_fields(tag, elements) for elements in lists]


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 32, 33])
@pytest.mark.parametrize("edge", EDGES)
def test_lists_of_one_edge_value_agree(edge: int, length: int) -> None:
    assert hash_many(Tag.NODE, [[edge] * length]) == [hash_fields(Tag.NODE, [edge] * length)]


def test_many_lists_keep_their_order() -> None:
    lists = [[i, i + 1] for i in range(100)]
    assert hash_many(Tag.NODE, lists) == [hash_fields(Tag.NODE, elements) for elements in lists]
    assert hash_many(Tag.NODE, []) == []


@pytest.mark.parametrize("depth", range(6))
def test_levels_are_those_of_the_book_tree(depth: int) -> None:
    leaves = _elements(1 << depth, depth)
    levels = subtree_levels(leaves, depth)
    assert [len(level) for level in levels] == [1 << level for level in reversed(range(depth))]
    below = leaves
    for level in levels:
        assert level == [hash_fields(Tag.NODE, below[i : i + 2]) for i in range(0, len(below), 2)]
        below = level
    assert book_root(below[0], len(leaves)) == BookTree(leaves, depth).root


@pytest.mark.parametrize("wrong", [FIELD_MODULUS, FIELD_MODULUS + 1, -1, 1 << 256, 1 << 300])
def test_an_element_that_is_not_reduced_is_refused(wrong: int) -> None:
    for place in range(3):
        elements = [1, 2, 3]
        elements[place] = wrong
        with pytest.raises(ValueError, match="reduced field elements only") as refusal:
            hash_many(Tag.LEAF, [[1, 2, 3], elements])
        assert str(wrong) not in str(refusal.value)
        with pytest.raises(ValueError, match="reduced field elements only"):
            subtree_levels([*elements, 4], 2)
    with pytest.raises(ValueError, match="reduced field elements only"):
        subtree_levels([wrong], 0)


@pytest.mark.parametrize(("lists", "rule"), [([[1], [1, 2]], "have one length"), ([[]], "at least one element")])
def test_lists_that_cannot_be_hashed_together_are_refused(lists: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        hash_many(Tag.LEAF, lists)


@pytest.mark.parametrize(("count", "depth"), [(0, 0), (2, 0), (1, 1), (3, 2), (4, 3), (1, -1), (0, 33)])
def test_a_subtree_has_all_its_leaves(count: int, depth: int) -> None:
    with pytest.raises(ValueError, match=f"of depth {depth} does not have {count} leaves"):
        subtree_levels([1] * count, depth)
