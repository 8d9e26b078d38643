"""How an epoch's proofs hang together: batches, levels, the tree above the batches, the context."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rtnet_core.batch_root import batch_root
from rtnet_core.commitments import BookTree
from rtnet_core.epoch import UpperTree, batch_sizes, epoch_context, level_sizes, merge_children
from rtnet_core.errors import InputError
from rtnet_core.limits import PROFILES
from rtnet_core.totals import empty_commitment

SMALL = PROFILES["small"]


@pytest.mark.parametrize("accounts", [1, 3, 4, 5, 16, 17, 257])
def test_a16_every_account_is_in_one_batch_and_every_proof_below_one_top(accounts: int) -> None:
    sizes = batch_sizes(accounts, SMALL)
    assert sum(sizes) == accounts
    assert set(sizes[:-1]) <= {SMALL.batch}
    assert 1 <= sizes[-1] <= SMALL.batch
    levels = level_sizes(len(sizes), SMALL)
    assert levels[0] == len(sizes)
    assert levels[-1] == 1
    for below, above in pairwise(levels):
        children = [child for number in range(above) for child in merge_children(range(1, below + 1), number, SMALL)]
        assert children[:below] == list(range(1, below + 1))
        assert set(children[below:]) <= {empty_commitment(SMALL)}


@pytest.mark.parametrize("accounts", [0, -1, SMALL.capacity + 1])
def test_a_book_that_no_profile_holds(accounts: int) -> None:
    with pytest.raises(InputError, match="accounts"):
        batch_sizes(accounts, SMALL)


@pytest.mark.parametrize("accounts", [1, 4, 5, 21])
def test_the_tree_above_the_batches_is_that_of_the_book(accounts: int) -> None:
    leaves = [pow(5, number + 1, 2**200) for number in range(accounts)]
    book = BookTree(leaves, SMALL.depth)
    roots = [
        batch_root(leaves[SMALL.batch * number :][:count], SMALL)
        for number, count in enumerate(batch_sizes(accounts, SMALL))
    ]
    upper = UpperTree(roots, accounts, SMALL)
    assert upper.book_root == book.root
    for index in range(accounts):
        assert book.path(index)[SMALL.batch_depth :] == upper.path(index // SMALL.batch)


def test_a29_a_context_is_of_one_venue_number_and_predecessor() -> None:
    one, other = bytes(32), bytes([1]) * 32
    contexts = {
        epoch_context(venue, number, previous)
        for venue in (one, other)
        for number in (1, 2)
        for previous in (None, one, other)
    }
    assert len(contexts) == 12
