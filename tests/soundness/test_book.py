"""Membership of a leaf in the book, at constraint level: A12, A18, A19."""

from __future__ import annotations

from functools import cache

import pytest

from prover.witness import InputValue
from rtnet_core.commitments import BookTree, book_root, book_root_of_path, node
from rtnet_core.errors import InputError
from rtnet_core.limits import FIELD_MODULUS
from tests.support.forge import bench, forge

DEPTH = 4
COUNT = 11
BOOK = bench("commitments/book_membership.circom", f"BookMembership({DEPTH})")
BITS_FILE, HINT = "lib/unsigned_bits.circom", "(in >> i) & 1"


@cache
def tree() -> BookTree:
    """A book of eleven accounts: some siblings are accounts, some are empty."""
    return BookTree([1_000 + i for i in range(COUNT)], DEPTH)


def book_inputs(index: int, **changes: InputValue) -> dict[str, InputValue]:
    """Inputs of `BOOK` for the leaf `index`."""
    path = tree().path(min(index, COUNT - 1))
    return {"leaf": 1_000 + index, "index": index, "sibling": list(path), "accountCount": COUNT} | changes


@pytest.mark.parametrize("index", range(COUNT))
def test_a18_every_account_leads_to_the_root(index: int) -> None:
    honest = BOOK.forge(book_inputs(index))
    honest.assert_accepted()
    assert honest.values["root"] == tree().root


@pytest.mark.parametrize("index", [3, 10])
@pytest.mark.parametrize("level", range(DEPTH))
def test_a18_sibling_on_the_other_side(index: int, level: int) -> None:
    """The digit of one level flipped: the index is no longer the sum of its digits."""
    flipped = {(BITS_FILE, HINT): f"in == {index} && i == {level} ? 1 - ({HINT}) : ({HINT})"}
    forged = forge(BOOK, flipped, inputs=book_inputs(index))
    assert forged.values["root"] != tree().root
    forged.assert_refused(r"^UnsignedBits\.bits")


def test_a18_path_digit_of_two() -> None:
    """Index 2 as the digits (2, 0, 0, 0): the sum is right, the digit is none."""
    two = {(BITS_FILE, HINT): f"in == 2 ? (i == 0 ? 2 : 0) : ({HINT})"}
    forged = forge(BOOK, two, inputs=book_inputs(2))
    assert forged.array("digit") == [2, 0, 0, 0]
    forged.assert_refused(r"^UnsignedBits\.bits\[0\]$")


def test_a12_path_digit_that_mixes_both_sides() -> None:
    """A digit of 1/2 hashes the mean of leaf and sibling on both sides: whatever root that is, the digit is refused."""
    half = pow(2, -1, FIELD_MODULUS)
    mixed = {
        (BITS_FILE, HINT): f"in == 1 && BITS == {DEPTH} ? (i == 0 ? {half} : (i == 1 ? {half * half} : 0)) : ({HINT})"
    }
    forge(BOOK, mixed, inputs=book_inputs(1)).assert_refused(r"^UnsignedBits\.bits\[[01]\]$")


def test_a18_order_of_a_pair_forged() -> None:
    """The digits are right but the pair is not swapped: refused where the swap is made."""
    anchor = "swap[i] <== digit[i] * (sibling[i] - node[i]);"
    straight = {("commitments/book_membership.circom", anchor): "swap[i] <-- 0;"}
    forged = forge(BOOK, straight, inputs=book_inputs(5))
    forged.assert_refused(r"^swap\[[0-3]\]$")


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (2, 3)])
def test_a18_siblings_swapped(pair: tuple[int, int]) -> None:
    """Two levels exchanged lead to another root; the root is public where a book is proven (see test_account_book)."""
    path = tree().path(5)
    path[pair[0]], path[pair[1]] = path[pair[1]], path[pair[0]]
    other = BOOK.forge(book_inputs(5, sibling=list(path)))
    other.assert_accepted()
    assert other.values["root"] != tree().root
    assert other.values["root"] == book_root_of_path(1_005, 5, path, COUNT)


def test_a18_paths_have_one_length() -> None:
    """A node shown as a leaf would need a path one level short, a leaf below another one a path one level long.

    The depth is part of the circuit, so what is left is to fill or drop a level: no filling leads to the root.
    """
    path, inner = tree().path(5), node(1_004, 1_005)
    digest = inner
    for level in range(1, DEPTH):
        digest = node(path[level], digest) if 5 >> level & 1 else node(digest, path[level])
    assert book_root(digest, COUNT) == tree().root  # a circuit without a fixed depth would accept the short path
    for filler in (0, inner, path[-1], path[0], node(0, 0)):
        for digit in (0, 1):
            short = BOOK.forge(
                book_inputs(5) | {"leaf": inner, "index": 2 | digit << 3, "sibling": [*path[1:], filler]}
            )
            assert short.values["root"] != tree().root
    longer = BOOK.forge(book_inputs(5) | {"leaf": 7, "sibling": [8, *path[:-1]], "index": 10})
    assert longer.values["root"] != tree().root


def test_a18_levels_and_book_are_told_apart_by_their_tags() -> None:
    """The book root is no node over the tree's root and the count, so a book is no subtree of a larger one."""
    assert tree().root != node(tree()._levels[DEPTH][0], COUNT)


@pytest.mark.parametrize(
    ("index", "count", "accepted"),
    [
        (COUNT - 1, COUNT, True),
        (COUNT, COUNT, False),
        (COUNT + 1, COUNT, False),
        (15, COUNT, False),
        (15, 16, True),
        (16, 17, False),
        (0, 1, True),
        (0, 0, False),
        (0, 16, True),
        (0, 17, False),
        (-1, 0, False),
        (-1, 1, False),
        (0, FIELD_MODULUS - 1, False),
    ],
)
@pytest.mark.parametrize("wide", [False, True], ids=["true-digits", "wide-top-digit"])
def test_a19_index_at_and_beyond_the_count(index: int, count: int, *, accepted: bool, wide: bool) -> None:
    """Leaves behind the count belong to nobody, and the root commits to the count."""
    inputs: dict[str, InputValue] = book_inputs(0) | {"index": index, "accountCount": count}
    replacements = {(BITS_FILE, HINT): f"i == BITS - 1 ? in >> i : ({HINT})"} if wide else {}
    judged = BOOK.forge(inputs, replacements)
    if accepted:
        judged.assert_accepted()
    else:
        judged.assert_refused(r"^UnsignedBits\.bits")
        with pytest.raises(InputError):
            book_root_of_path(0, index, tree().path(0), count)


def test_a19_root_commits_to_the_count() -> None:
    """One more or less account in the count, everything else alike: another root."""
    for count in (COUNT - 1, COUNT + 1):
        other = BOOK.forge(book_inputs(5, accountCount=count))
        other.assert_accepted()
        assert other.values["root"] != tree().root
