"""From the venue's book to the store: every row proven or refused, cut into batches, salted and hashed, as a stream.

No more than one batch is in memory at a time. What a book must fulfil as a whole - every long has its short, deficits
within the insurance fund - is known before the first proof is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prover.epoch_jobs import BatchPayload
from prover.poseidon import hash_many, subtree_levels
from prover.store import Store
from rtnet_core.account import Account
from rtnet_core.book_source import BookSource
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
        The book cannot be read, is empty or too large, belongs to another market, or a long has no short.
    """
    sizes = snapshot.sizes
    found = LoadedBook(net_lots=[0] * sizes.instruments)
    batch: list[tuple[Account, AccountVector]] = []
    batches = 0
    for account, vector in _accepted(source, store, number, snapshot, found, progress):
        if found.accounts == sizes.capacity:
            raise InputError("accounts", f"must be at most {sizes.capacity} in profile {sizes.name}")
        found.accounts += 1
        found.deficit_ticks += max(0, -unhaircut_nlv(vector, risk))
        found.net_lots = list(map(int.__add__, found.net_lots, vector.quantities))
        batch.append((account, vector))
        if len(batch) == sizes.batch:
            _store_batch(store, number, batches, batch, snapshot)
            batches += 1
            batch.clear()
    if batch:
        _store_batch(store, number, batches, batch, snapshot)
    if not found.accounts:
        raise InputError("book", "must have at least one account that breaks no rule")
    return found


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


def _accepted(
    source: BookSource, store: Store, number: int, snapshot: Snapshot, found: LoadedBook, progress: LoadProgress
) -> Iterator[tuple[Account, AccountVector]]:
    """Yield the accounts that break no rule; the other rows go to the store with the rule they break."""
    in_batch: set[bytes] = set()
    for row in source.rows():
        reason = row.reason
        if row.account is not None:
            digest = id_digest(row.account.id)
            if found.accounts % snapshot.sizes.batch == 0:
                in_batch.clear()
            if digest in in_batch or store.has_account(number, digest):
                reason = "id: must be unique within the book"
            else:
                try:
                    vector = account_vector(row.account, snapshot)
                except InputError as error:  # names field and rule, no value
                    reason = str(error)
                else:
                    in_batch.add(digest)
                    yield row.account, vector
        if reason is not None:
            found.refused += 1
            store.refuse_row(number, row.number, reason)
        progress(row.number, source.expected)


def _store_batch(
    store: Store, number: int, batch: int, accounts: list[tuple[Account, AccountVector]], snapshot: Snapshot
) -> None:
    sizes = snapshot.sizes
    salts = [fresh_salt() for _ in accounts]
    lists = [
        leaf_elements(user_id_field(account.id), salt, vector)
        for (account, vector), salt in zip(accounts, salts, strict=True)
    ]
    leaves = hash_many(Tag.LEAF, lists) + [EMPTY_LEAF] * (sizes.batch - len(accounts))
    levels = [leaves, *subtree_levels(leaves, sizes.batch_depth)]
    payload = BatchPayload(tuple(account for account, _ in accounts), tuple(salts), fresh_salt())
    store.add_batch(
        number,
        batch,
        payload.to_bytes(),
        [id_digest(account.id) for account, _ in accounts],
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
