"""What the keeper speaks of: a breach and its way, a signed transaction, and what a registry answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from rtnet_core.errors import ToolError


class State(StrEnum):
    """How far a breach has come; the first three are open, the others an end."""

    BREACH = "breach"
    PROVED = "proved"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    ALREADY_FLAGGED = "already_flagged"
    CURED = "cured"
    REFUSED = "refused"


OPEN: Final = (State.BREACH, State.PROVED, State.SUBMITTED)
#: Ends in which the flag was up.
FLAG_UP: Final = (State.CONFIRMED, State.ALREADY_FLAGGED)


class NodeFailure(ToolError):
    """The node did not answer, or not in a form that can be read: nothing is known of what it did."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A proof as the registry takes it.

    Attributes
    ----------
    epoch
        Number of the epoch that it is about.
    turn
        How many proofs of the account the registry had accepted: the nonce in the challenge.
    statement
        Shape (6,), the account circuit's public signals.
    words
        Shape (8,), the proof.
    """

    epoch: int
    turn: int
    statement: tuple[int, ...]
    words: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Breach:
    """One breach of one account, from when it was noticed to its end.

    Attributes
    ----------
    sequence
        Number of the last event in the engine's log when it was noticed.
    epoch
        Of the newest epoch in which the account was looked at for it; 0 before the first.
    reason
        Why it stands where it stands, in words.
    """

    id: int
    account: str
    commitment: bytes
    threshold_bps: int
    sequence: int
    seen_ms: int
    state: State
    reason: str
    epoch: int
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers for a unit of gas, in wei (EIP-1559)."""

    max_wei: int
    priority_wei: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction of a breach; all of one breach that could still be mined have the same nonce.

    Attributes
    ----------
    block
        The chain's newest block when it was signed.
    """

    hash: str
    breach: int
    nonce: int
    fees: Fees
    block: int
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """The chain's newest block."""

    number: int
    time_ms: int
    base_fee_wei: int


@dataclass(frozen=True, slots=True)
class VenueEntry:
    """What the registry says of the venue."""

    owner: str
    max_age_ms: int
    last_epoch: int


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """What the registry says of an account; a venue of zeros where it lists none."""

    venue: bytes
    threshold_bps: int
    epoch: int
    turn: int
    flagged: bool


@dataclass(frozen=True, slots=True)
class EpochEntry:
    """What the registry says of an epoch of the venue."""

    number: int
    digest: bytes
    as_of_ms: int


@dataclass(frozen=True, slots=True)
class Mined:
    """The block of the canonical chain that holds a transaction, and whether the call did not revert."""

    block: int
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Revert:
    """How the registry, or its verifier, refuses a call: the name of its error and the arguments."""

    name: str
    values: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.values))})" if self.values else self.name
