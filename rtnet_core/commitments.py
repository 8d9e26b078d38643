"""Leaves, the Merkle tree of a book, and its root.

A leaf is salted afresh for every epoch and carries the user's id: two users never share a leaf, and an unchanged
account is not recognisable in the next epoch. Leaves, nodes and roots carry different tags, all paths have the
profile's depth, and the root commits to the number of accounts.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from rtnet_core.errors import InputError
from rtnet_core.hashing import Tag, hash_fields, pack, text_digest
from rtnet_core.limits import AMOUNT_BITS, CASH_BITS, IDENTITY_BITS, QUANTITY_BITS
from rtnet_core.margin_exact import AccountVector

#: What stands behind the last account: no leaf hashes to it.
EMPTY_LEAF: Final = 0


def user_id_field(user_id: str) -> int:
    """Return the 248-bit digest of an id that goes into a leaf; ids are compared byte for byte."""
    return text_digest("user-id", user_id.encode())


def fresh_salt() -> int:
    """Return 248 random bits from the operating system."""
    return secrets.randbits(IDENTITY_BITS)


def leaf(user_id: int, salt: int, account: AccountVector) -> int:
    """Return the commitment to an account.

    Parameters
    ----------
    user_id
        See `user_id_field`.
    salt
        See `fresh_salt`; secret, used once.
    account
        In slot order.

    Notes
    -----
    Circuit twin: circuits/commitments/leaf.circom:Leaf
    """
    return hash_fields(Tag.LEAF, leaf_elements(user_id, salt, account))


def leaf_elements(user_id: int, salt: int, account: AccountVector) -> list[int]:
    """Return the field elements that a leaf is the hash of, as many for every account of a profile."""
    shifted = [q + (1 << QUANTITY_BITS) for q in account.quantities]
    elements = [user_id, salt, account.cash_ticks + (1 << CASH_BITS)]
    return elements + pack(account.amounts, AMOUNT_BITS) + pack(shifted, QUANTITY_BITS + 1)


def node(left: int, right: int) -> int:
    """Return the parent of two nodes."""
    return hash_fields(Tag.NODE, (left, right))


def book_root(tree_root: int, account_count: int) -> int:
    """Return the book root: the tree's root together with the number of accounts."""
    return hash_fields(Tag.BOOK, (tree_root, account_count))


class BookTree:
    """The Merkle tree of a book's leaves; subtrees without accounts are not stored.

    Parameters
    ----------
    leaves
        At least one and at most 2^depth commitments, in account order.
    depth
        Of the profile.

    Raises
    ------
    InputError
        No leaf, or more than the tree holds.
    """

    def __init__(self, leaves: Sequence[int], depth: int) -> None:
        if not 1 <= len(leaves) <= 1 << depth:
            raise InputError("accounts", f"a book of this profile holds 1 to {1 << depth} accounts", len(leaves))
        self.depth = depth
        self.account_count = len(leaves)
        self._levels: list[list[int]] = [list(leaves)]
        self._empty = [EMPTY_LEAF]
        for level in range(depth):
            below, empty = self._levels[level], self._empty[level]
            padded = [*below, empty] if len(below) % 2 else below
            self._levels.append([node(*padded[i : i + 2]) for i in range(0, len(padded), 2)])
            self._empty.append(node(empty, empty))

    @property
    def root(self) -> int:
        """The book root, which commits to the account count."""
        return book_root(self._levels[self.depth][0], self.account_count)

    def path(self, index: int) -> list[int]:
        """Return the siblings of leaf `index`, lowest level first, shape (depth,).

        Raises
        ------
        InputError
            No account has this index.
        """
        if not 0 <= index < self.account_count:
            raise InputError("index", f"must be at least 0 and below {self.account_count}", index)
        siblings = []
        for level in range(self.depth):
            sibling = (index >> level) ^ 1
            nodes = self._levels[level]
            siblings.append(nodes[sibling] if sibling < len(nodes) else self._empty[level])
        return siblings


def book_root_of_path(leaf_digest: int, index: int, siblings: Sequence[int], account_count: int) -> int:
    """Return the book root that a leaf and its path lead to.

    Raises
    ------
    InputError
        The index is not one of `account_count` accounts.

    Notes
    -----
    Circuit twin: circuits/commitments/book_membership.circom:BookMembership
    """
    if not 0 <= index < account_count <= 1 << len(siblings):
        raise InputError("index", "must belong to an account of the book", index)
    digest = leaf_digest
    for level, sibling in enumerate(siblings):
        digest = node(sibling, digest) if index >> level & 1 else node(digest, sibling)
    return book_root(digest, account_count)
