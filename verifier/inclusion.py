"""The customer's check: their account, with these very numbers, is one of the accounts that the record counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from rtnet_core.inclusion import Inclusion
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from verifier.policy import Policy
from verifier.reasons import refuse
from verifier.verdict import Assurance, Label


@dataclass(frozen=True, slots=True)
class InclusionVerdict:
    """An account that is in the book. The account's part is secret: a repr does not show it."""

    accepted: bool
    venue: str
    venue_public_key: str  #: hexadecimal
    venue_pinned: bool
    epoch: int
    record: str  #: its digest, in hexadecimal
    as_of_ms: int
    age_ms: int
    account_count: int
    account_id: str = field(repr=False)
    cash_ticks: int = field(repr=False)
    collateral: dict[str, int] = field(repr=False)
    positions: dict[str, int] = field(repr=False)
    labels: tuple[Label, ...]
    proofs_checked: bool = False  #: that is `verifier.epoch.verify_epoch`

    def to_json(self) -> dict[str, object]:
        """Return the verdict as a JSON object."""
        return {
            "accepted": self.accepted,
            "venue": self.venue,
            "venue_public_key": self.venue_public_key,
            "venue_pinned": self.venue_pinned,
            "epoch": self.epoch,
            "record": self.record,
            "as_of_ms": self.as_of_ms,
            "age_ms": self.age_ms,
            "account_count": self.account_count,
            "account": {
                "id": self.account_id,
                "cash_ticks": self.cash_ticks,
                "collateral": self.collateral,
                "positions": self.positions,
            },
            "proofs_checked": self.proofs_checked,
            "labels": [asdict(label) for label in self.labels],
        }


def verify_inclusion(
    data: bytes, *, record: Record, snapshot: Snapshot, policy: Policy | None = None
) -> InclusionVerdict:
    """Return the verdict on an inclusion file, which is always an accepted one.

    That the numbers are the customer's own, only the customer can tell; that the whole book was proven is for
    `verifier.epoch.verify_epoch`.

    Parameters
    ----------
    data
        The file's bytes, as received.
    record, snapshot
        Of the epoch.
    policy
        The recipient's conditions; an age limit holds only where one is given.

    Raises
    ------
    Refusal
        ``wrong_venue``, ``venue_key_not_pinned``, ``record_signature_invalid``, ``from_the_future``, ``stale``;
        ``profile_mismatch``, ``time_mismatch``, ``snapshot_mismatch``: the market is not the record's;
        ``inclusion_mismatch``: the file is of another epoch; ``inclusion_outside_book``, ``inclusion_path_length``;
        ``not_included``: account and path do not lead to the book root.
    InputError
        The file is no inclusion file, or its account names what the market does not have.
    """
    policy = policy or Policy()
    inclusion = Inclusion.from_json(data, "inclusion")
    policy.require_venue(record.venue_public_key)
    record.verify_signature()
    timeless = policy.without_default_age()
    age_ms = timeless.require_fresh(record.as_of_ms, record.signed_at_ms, policy.clock_ms())
    digest = record.digest().hex()
    if inclusion.epoch != record.number:
        raise refuse("inclusion_mismatch", f"file of epoch {inclusion.epoch}, record of epoch {record.number}")
    if inclusion.record != digest:
        raise refuse("inclusion_mismatch", f"file of record {inclusion.record[:16]}, this is {digest[:16]}")
    if snapshot.profile != record.profile:
        raise refuse("profile_mismatch", f"market {snapshot.profile}, record {record.profile}")
    if snapshot.time_ms != record.as_of_ms:
        raise refuse("time_mismatch", f"market {snapshot.time_ms} ms, record {record.as_of_ms} ms")
    if len(inclusion.siblings) != snapshot.sizes.depth:
        raise refuse("inclusion_path_length", f"depth {snapshot.sizes.depth}")
    if inclusion.index >= record.account_count:
        raise refuse("inclusion_outside_book", f"the book has {record.account_count} accounts")
    account = inclusion.holder
    if inclusion.book_root(snapshot, record.account_count) != int(record.book_root):
        raise refuse("not_included")
    if snapshot_hash(snapshot) != int(record.snapshot_hash):
        raise refuse("snapshot_mismatch")
    venue_pinned = policy.venue_public_key is not None
    return InclusionVerdict(
        accepted=True,
        venue=record.venue,
        venue_public_key=record.venue_public_key.hex(),
        venue_pinned=venue_pinned,
        epoch=record.number,
        record=digest,
        as_of_ms=record.as_of_ms,
        age_ms=age_ms,
        account_count=record.account_count,
        account_id=account.id,
        cash_ticks=account.cash_ticks,
        collateral=account.collateral,
        positions=account.positions,
        labels=inclusion_labels(venue_pinned=venue_pinned),
    )


def inclusion_labels(*, venue_pinned: bool) -> tuple[Label, ...]:
    """Return what each figure of an inclusion's verdict rests on.

    The leaf is recomputed from the account, and the book root from leaf and path: the account's figures are as good as
    the root that the venue signed.
    """
    by_venue: Assurance = "signed" if venue_pinned else "stated"
    return (
        Label("account", "recomputed"),
        Label("snapshot_hash", "recomputed"),
        Label("book_root", by_venue),
        Label("account_count", by_venue),
        Label("epoch", by_venue),
        Label("as_of_ms", by_venue),
        Label("venue", by_venue),
    )
