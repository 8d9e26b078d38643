"""The proofs of an epoch: how many there are, how they hang together, and what each one says.

A book of n accounts is cut into batches of B; batch i holds accounts B * i and on. Merges of M children each add up
their totals, level by level, until one commitment is left: the book's. Level 0 are the batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Final

from rtnet_core.commitments import EMPTY_LEAF, book_root, node
from rtnet_core.errors import InputError
from rtnet_core.hashing import text_digest
from rtnet_core.limits import Profile
from rtnet_core.totals import empty_commitment

#: Files of an epoch's public folder.
RECORD_NAME: Final = "record.json"
MARKET_NAME: Final = "market.json"
PARAMS_NAME: Final = "params.json"
PROOFS_NAME: Final = "proofs.jsonl"


@dataclass(frozen=True, slots=True)
class BatchStatement:
    """What a batch proof says, in the order of the circuit's public signals (the outputs first).

    Attributes
    ----------
    batch_root
        Merkle root of the batch's leaves, a node of the book's tree.
    totals
        Commitment to the batch's totals.
    risk_root, params_root
        As in `rtnet_core.statement.Statement`.
    threshold_bps
        The margin ratio by which accounts are counted as below threshold, in basis points.
    account_count
        Accounts of this batch: its first slots; the others are empty.
    context
        Venue, epoch and the record before it (`epoch_context`).

    Notes
    -----
    Circuit twin: circuits/batch.circom:Batch
    """

    batch_root: int
    totals: int
    risk_root: int
    params_root: int
    threshold_bps: int
    account_count: int
    context: int

    def public_signals(self) -> list[int]:
        """Return the public signals, shape (7,), as snarkjs orders them."""
        return list(astuple(self))


@dataclass(frozen=True, slots=True)
class MergeStatement:
    """What a merge proof says: `totals` commits to the sum of what the M `children` commit to.

    Notes
    -----
    Circuit twin: circuits/merge.circom:Merge
    """

    totals: int
    children: tuple[int, ...]
    context: int

    def public_signals(self) -> list[int]:
        """Return the public signals, shape (M + 2,), as snarkjs orders them."""
        return [self.totals, *self.children, self.context]


def epoch_context(venue_public_key: bytes, number: int, previous: bytes | None) -> int:
    """Return the context of an epoch's proofs: they are for no other venue, number or predecessor.

    Parameters
    ----------
    venue_public_key
        32 bytes, Ed25519.
    number
        Of the epoch, at least 1 and below 2^32.
    previous
        Digest of the record before it, 32 bytes; None for a first epoch.
    """
    return text_digest("epoch", venue_public_key, number.to_bytes(4, "big"), previous or b"")


def batch_sizes(account_count: int, sizes: Profile) -> list[int]:
    """Return how many accounts each batch of a book holds: B, but for the last.

    Raises
    ------
    InputError
        The book has no account, or more than the profile holds.
    """
    if not 1 <= account_count <= sizes.capacity:
        raise InputError("accounts", f"must be at least 1 and at most {sizes.capacity}", account_count)
    full, rest = divmod(account_count, sizes.batch)
    return [sizes.batch] * full + ([rest] if rest else [])


def level_sizes(batches: int, sizes: Profile) -> list[int]:
    """Return how many proofs each level has: the batches, then merges down to one.

    Examples
    --------
    >>> from rtnet_core.limits import PROFILES
    >>> level_sizes(157, PROFILES["standard"]), level_sizes(1, PROFILES["standard"])
    ([157, 10, 1], [1])
    """
    levels = [batches]
    while levels[-1] > 1:
        levels.append(-(-levels[-1] // sizes.merge))
    return levels


def merge_children(commitments: Sequence[int], number: int, sizes: Profile) -> tuple[int, ...]:
    """Return the M commitments that merge `number` adds, out of those of the level below it in order."""
    children = tuple(commitments[sizes.merge * number : sizes.merge * (number + 1)])
    return children + (empty_commitment(sizes),) * (sizes.merge - len(children))


class UpperTree:
    """The book's tree above its batch roots.

    Parameters
    ----------
    batch_roots
        In order, at least one and no more than the profile has batches.
    account_count
        Of the whole book.
    sizes
        The profile.
    """

    def __init__(self, batch_roots: Sequence[int], account_count: int, sizes: Profile) -> None:
        self._account_count = account_count
        self._empty = _empty_nodes(sizes.depth)[sizes.batch_depth :]
        self._levels: list[list[int]] = [list(batch_roots)]
        for empty in self._empty[:-1]:
            below = self._levels[-1]
            padded = [*below, empty] if len(below) % 2 else below
            self._levels.append([node(*padded[i : i + 2]) for i in range(0, len(padded), 2)])

    @property
    def book_root(self) -> int:
        """The book root, which commits to the account count."""
        return book_root(self._levels[-1][0], self._account_count)

    def path(self, batch: int) -> list[int]:
        """Return the siblings of a batch root, lowest level first, shape (D - log2 B,)."""
        siblings = []
        for level, nodes in enumerate(self._levels[:-1]):
            sibling = (batch >> level) ^ 1
            siblings.append(nodes[sibling] if sibling < len(nodes) else self._empty[level])
        return siblings


@lru_cache(maxsize=4)
def _empty_nodes(depth: int) -> tuple[int, ...]:
    """Return the root of an empty subtree of every depth from 0 to `depth`."""
    nodes = [EMPTY_LEAF]
    for _ in range(depth):
        nodes.append(node(nodes[-1], nodes[-1]))
    return tuple(nodes)
