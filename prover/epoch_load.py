"""From the venue's book to the store: every row proven or refused, cut into batches, salted and hashed, as a stream.

No more than one batch is in memory at a time. What a book must fulfil as a whole - every long has its short, deficits
within the insurance fund - is known before the first proof is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from prover.epoch_jobs import BatchPayload
from prover.poseidon import hash_many, subtree_levels
from prover.store import DuplicateAccount, Store
from rtnet_core.account import Account
from rtnet_core.book_source import BookRow, BookSource
from rtnet_core.commitments import EMPTY_LEAF, fresh_salt, leaf_elements, user_id_field
from rtnet_core.errors import InputError
from rtnet_core.hashing import Tag
from rtnet_core.margin_exact import AccountVector, account_vector
from rtnet_core.risk_array import RiskArray
from rtnet_core.snapshot import Snapshot, slots
from rtnet_core.totals import unhaircut_nlv

DIGEST_BYTES = 32

#: Told (rows read so far, rows of the book if that is known).
LoadProgress = Callable[[int, int | None], None]


@dataclass(slots=True)
class LoadedBook:
    """What loading found."""

    accounts: int = 0
    refused: int = 0
    deficit_ticks: int = field(default=0, repr=False)
    net_lots: list[int] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A row that breaks no rule by itself; whether its id is the only one is for the store to say."""

    row: int
    account: Account = field(repr=False)
    vector: AccountVector = field(repr=False)


def id_digest(account_id: str) -> bytes:
    """Return what the store knows an account by: the digest of its id that goes into the leaf."""
    return user_id_field(account_id).to_bytes(DIGEST_BYTES, "big")


def load_book(
    source: BookSource, store: Store, number: int, snapshot: Snapshot, risk: RiskArray, progress: LoadProgress
) -> LoadedBook:
    """Read the whole book into the store and return what it comes to.

    Raises
    ------
    InputError
        The book cannot be read, is empty or too large, or belongs to another market.
    """
    loader = _Loader(store, number, snapshot, risk)
    for row in source.rows():
        loader.take(row)
        progress(row.number, source.expected)
    return loader.end()


class _Loader:
    """Fills batches with the rows of a book and hands each full one to the store."""

    def __init__(self, store: Store, number: int, snapshot: Snapshot, risk: RiskArray) -> None:
        self._store = store
        self._number = number
        self._snapshot = snapshot
        self._risk = risk
        self._waiting: list[_Candidate] = []
        self._batches = 0
        self._found = LoadedBook(net_lots=[0] * snapshot.sizes.instruments)

    def take(self, row: BookRow) -> None:
        """Take the next row: into the batch, or to the refused ones with the rule that it breaks."""
        if row.account is None:
            self._refuse(row.number, row.reason or "is no account")
            return
        try:
            vector = account_vector(row.account, self._snapshot)
        except InputError as error:  # names field and rule, no value
            self._refuse(row.number, str(error))
            return
        self._waiting.append(_Candidate(row.number, row.account, vector))
        if len(self._waiting) == self._snapshot.sizes.batch:
            self._hand_over()

    def end(self) -> LoadedBook:
        """Hand over the last batch and return what was found."""
        while self._waiting:
            self._hand_over()
        if not self._found.accounts:
            raise InputError("book", "must have at least one account that breaks no rule")
        return self._found

    def _hand_over(self) -> None:
        """Put the waiting accounts into the store; one whose id is taken is refused instead, and the others wait."""
        found, sizes = self._found, self._snapshot.sizes
        if found.accounts + len(self._waiting) > sizes.capacity:
            raise InputError("accounts", f"must be at most {sizes.capacity} in profile {sizes.name}")
        try:
            _store_batch(self._store, self._number, self._batches, self._waiting, self._snapshot)
        except DuplicateAccount as error:
            self._refuse(self._waiting.pop(error.position).row, str(error))
            return
        for candidate in self._waiting:
            found.deficit_ticks += max(0, -unhaircut_nlv(candidate.vector, self._risk))
            found.net_lots = list(map(int.__add__, found.net_lots, candidate.vector.quantities))
        found.accounts += len(self._waiting)
        self._batches += 1
        self._waiting.clear()

    def _refuse(self, row: int, reason: str) -> None:
        self._found.refused += 1
        self._store.refuse_row(self._number, row, reason)


def require_matched(found: LoadedBook, snapshot: Snapshot) -> None:
    """Refuse a book in which a long has no short; its proofs would be refused by everyone.

    Raises
    ------
    InputError
        Naming the instruments.
    """
    table = slots(snapshot)
    unmatched = [table[slot] for slot, lots in enumerate(found.net_lots) if lots]
    if unmatched:
        names = ", ".join(instrument.name for instrument in unmatched[:5] if instrument is not None)
        more = f" and {len(unmatched) - 5} more" if len(unmatched) > 5 else ""
        raise InputError("book", f"must have a short for every long: the net position is not zero in {names}{more}")


def _store_batch(store: Store, number: int, batch: int, members: list[_Candidate], snapshot: Snapshot) -> None:
    sizes = snapshot.sizes
    salts = [fresh_salt() for _ in members]
    lists = [
        leaf_elements(user_id_field(member.account.id), salt, member.vector)
        for member, salt in zip(members, salts, strict=True)
    ]
    leaves = hash_many(Tag.LEAF, lists) + [EMPTY_LEAF] * (sizes.batch - len(members))
    levels = [leaves, *subtree_levels(leaves, sizes.batch_depth)]
    payload = BatchPayload(tuple(member.account for member in members), tuple(salts), fresh_salt())
    store.add_batch(
        number,
        batch,
        payload.to_bytes(),
        [id_digest(member.account.id) for member in members],
        b"".join(digest.to_bytes(DIGEST_BYTES, "big") for level in levels for digest in level),
    )


def batch_levels(nodes: bytes) -> list[list[int]]:
    """Return the levels of a batch's subtree from its stored nodes, leaves first, the root alone at the end."""
    digests = [int.from_bytes(nodes[at : at + DIGEST_BYTES], "big") for at in range(0, len(nodes), DIGEST_BYTES)]
    width, levels = (len(digests) + 1) // 2, []
    while width:
        levels.append(digests[:width])
        digests = digests[width:]
        width //= 2
    return levels
