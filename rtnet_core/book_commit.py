"""Committing to a book: fresh salts, leaves, the book root, and the record that the venue signs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rtnet_core.account import Account, Book
from rtnet_core.commitments import BookTree
from rtnet_core.errors import InputError
from rtnet_core.openings import Openings, commit_accounts
from rtnet_core.params import Params
from rtnet_core.params_root import margin_params
from rtnet_core.record import Record, RecordBody, sign_record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot


def commit_book(
    folder: Path,
    snapshot: Snapshot,
    params: Params,
    key: Ed25519PrivateKey,
    *,
    venue: str,
    number: int = 1,
    previous: Record | None = None,
    signed_at_ms: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Record:
    """Commit to the book in `folder` and return the signed record.

    Parameters
    ----------
    folder
        A book folder; ``openings.json`` is written into it, for its owner only.
    snapshot, params
        What the book is marked to.
    key
        The venue's.
    venue
        Its name.
    number, previous
        Epoch number, and the record before this one; with `previous`, the number must be the next one.
    signed_at_ms
        Time of signing; now if left out.
    progress
        Called with (accounts done, accounts).

    Raises
    ------
    InputError
        The book breaks a rule, an account names what the snapshot does not have, or the number does not follow.
    """
    if previous is not None and number != previous.number + 1:
        raise InputError("number", f"must follow the previous record's {previous.number}", number)
    book = Book(folder)
    if len(book) > snapshot.sizes.capacity:
        raise InputError("accounts", f"must be at most {snapshot.sizes.capacity} in this profile", len(book))
    risk = build_risk_array(snapshot, params)
    salts, leaves = commit_accounts(_counted(book, progress), snapshot)
    content: dict[str, object] = {
        "venue": venue,
        "number": number,
        "as_of_ms": snapshot.time_ms,
        "signed_at_ms": time.time_ns() // 1_000_000 if signed_at_ms is None else signed_at_ms,
        "profile": snapshot.profile,
        "snapshot_hash": str(risk.snapshot_hash),
        "params_root": str(margin_params(params, snapshot).root()),
        "risk_root": str(risk.root()),
        "book_root": str(BookTree(leaves, snapshot.sizes.depth).root),
        "account_count": len(leaves),
    }
    if previous:
        content["previous"] = previous.digest().hex()
    body = RecordBody.from_json(content, "record")
    record = sign_record(body, key)
    Openings(
        record=record,
        salts=tuple(str(salt) for salt in salts),
        leaves=tuple(str(digest) for digest in leaves),
    ).write(folder)
    return record


def _counted(book: Book, progress: Callable[[int, int], None] | None) -> Iterator[Account]:
    for done, account in enumerate(book, start=1):
        yield account
        if progress:
            progress(done, len(book))
