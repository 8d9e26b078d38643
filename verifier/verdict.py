"""The answer to an accepted proof, each figure with the assurance it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

#: ``proven`` by the proof; ``recomputed`` here; ``signed`` by the pinned venue; ``stated`` by someone, unchecked.
Assurance = Literal["proven", "recomputed", "signed", "stated"]


@dataclass(frozen=True, slots=True)
class Label:
    """What a figure rests on."""

    figure: str
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class KeyLabel:
    """The key the proof was checked under, as far as a reader of the verdict needs to know it."""

    vk_id: str
    development: bool  #: whoever made it can forge proofs
    contributions: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A proof that was accepted. What is not accepted is a `rtnet_core.errors.Refusal` instead."""

    accepted: bool  #: the proof holds for the published data and meets the policy
    clears: bool  #: what it proves: margin ratio at the threshold or above (true), or below it (false)
    threshold_bps: int
    venue: str
    venue_public_key: str  #: hexadecimal
    venue_pinned: bool
    epoch: int
    as_of_ms: int
    age_ms: int
    challenge: str
    statement: str  #: SHA-256 of the public signals in hexadecimal, the identity of what was accepted
    key: KeyLabel
    circuit: str
    backend: str
    labels: tuple[Label, ...]

    def to_json(self) -> dict[str, object]:
        """Return the verdict as a JSON object."""
        return {
            "accepted": self.accepted,
            "clears": self.clears,
            "threshold_bps": self.threshold_bps,
            "venue": self.venue,
            "venue_public_key": self.venue_public_key,
            "venue_pinned": self.venue_pinned,
            "epoch": self.epoch,
            "as_of_ms": self.as_of_ms,
            "age_ms": self.age_ms,
            "challenge": self.challenge,
            "statement": self.statement,
            "key": asdict(self.key),
            "circuit": self.circuit,
            "backend": self.backend,
            "labels": [asdict(label) for label in self.labels],
        }


def account_labels(*, venue_pinned: bool) -> tuple[Label, ...]:
    """Return what each figure of an account's verdict rests on.

    A signature by a key that the recipient did not pin assures nothing: what it covers is then merely stated.
    """
    by_venue: Assurance = "signed" if venue_pinned else "stated"
    return (
        Label("clears", "proven"),
        Label("threshold_bps", "proven"),
        Label("challenge", "proven"),
        Label("risk_array", "recomputed"),
        Label("snapshot_hash", "recomputed"),
        Label("params_root", "recomputed"),
        Label("market_data", by_venue),
        Label("params", by_venue),
        Label("book_root", by_venue),
        Label("epoch", by_venue),
        Label("as_of_ms", by_venue),
        Label("venue", by_venue),
    )
