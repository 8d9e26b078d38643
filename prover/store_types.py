"""What the venue's store takes and gives: the identity of an epoch, its state, its progress, a recorded proof."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from rtnet_core.errors import InputError

#: An epoch's road: its book is being read, its proofs are being made, its record is out.
State = Literal["loading", "proving", "published"]


class DuplicateAccount(InputError):
    """An account of a batch is in the epoch already, or twice in the batch.

    Parameters
    ----------
    position
        Its place in the batch, counted from 0: the first that repeats another.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__("id", "must be unique within the book")


@dataclass(frozen=True, slots=True)
class EpochIdentity:
    """What an epoch is about: a run continues what another has begun only where all of it is the same.

    Attributes
    ----------
    venue_public_key, snapshot_hash, params_root
        Whose epoch, and what its accounts are marked to.
    book_fingerprint
        `BookSource.fingerprint`.
    threshold_bps
        The margin ratio that accounts are held to.
    previous
        Digest of the record before, in hex; empty for a first epoch.
    profile
        Name in `rtnet_core.limits.PROFILES`: it says how many accounts a batch has and how many children a merge.
    circuit_versions
        Whatever text names the circuits; compared as it stands.
    """

    venue_public_key: str
    snapshot_hash: str
    params_root: str
    book_fingerprint: str
    threshold_bps: int
    previous: str
    profile: str
    circuit_versions: str

    def differences(self, other: EpochIdentity) -> list[str]:
        """Return the names of the fields in which two identities differ."""
        names = (entry.name for entry in fields(self))
        return [name for name in names if getattr(self, name) != getattr(other, name)]


@dataclass(frozen=True, slots=True)
class EpochState:
    """Where an epoch stands as a run takes it up.

    Attributes
    ----------
    state
        ``loading``: read the book from its beginning; ``proving``: the book is in the store.
    resumed
        Whether an earlier run began it.
    account_count, refused_count
        Once the book is in the store.
    """

    number: int
    state: State
    resumed: bool
    started_ms: int
    account_count: int | None
    refused_count: int | None


@dataclass(frozen=True, slots=True)
class EpochProgress:
    """How far an epoch is, for people: counts of rows and proofs, and when proofs were recorded."""

    state: State
    accounts: int
    refused: int
    batches: int
    batches_done: int
    merges: int
    merges_done: int
    attempts: int
    started_ms: int
    first_proof_ms: int | None
    last_proof_ms: int | None


@dataclass(frozen=True, slots=True)
class StoredProof:
    """A recorded proof with its statement, and what the next level needs of it and nobody else may see."""

    proof: bytes
    statement: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a proof; without an outcome it is under way."""

    level: int
    index: int
    worker: str
    started_ms: int
    ended_ms: int | None
    outcome: str | None
