"""The answer to an accepted epoch: its figures, and what each of them rests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from verifier.reserves import Liability, ReservesReport
from verifier.verdict import Assurance, KeyLabel, Label


@dataclass(frozen=True, slots=True)
class CircuitLine:
    """A circuit, the key its proofs were checked under, and how many there were."""

    circuit: str
    version: str  #: SHA-256 of the r1cs, in hexadecimal
    key: KeyLabel
    proofs: int


@dataclass(frozen=True, slots=True)
class EpochVerdict:
    """An epoch that was accepted. What is not accepted is a `rtnet_core.errors.Refusal` instead."""

    accepted: bool  #: every proof holds, nets are zero, and the fund covers the deficit
    venue: str
    venue_public_key: str  #: hexadecimal
    venue_pinned: bool
    number: int
    digest: str  #: of the record, in hexadecimal: what an inclusion file and the next record name
    as_of_ms: int
    signed_at_ms: int
    age_ms: int
    profile: str
    account_count: int
    refused_rows: int
    threshold_bps: int
    below_threshold: int
    shortfall_e8: int
    deficit_accounts: int
    deficit_ticks: int
    insurance_fund_ticks: int
    cash_ticks: int
    liabilities: tuple[Liability, ...]
    previous: str | None  #: digest of the record before it, None in a first one
    previous_checked: bool  #: whether that record was at hand and is the one
    circuits: tuple[CircuitLine, ...]
    reserves: ReservesReport | None
    unchecked: tuple[str, ...]  #: other files in the folder
    backend: str
    seconds: float
    labels: tuple[Label, ...]

    @property
    def covered(self) -> bool | None:
        """Whether the reserves cover every liability; None where no reserves file was given."""
        return None if self.reserves is None else self.reserves.covered

    @property
    def development(self) -> bool:
        """Whether any key is a development key: whoever made it can forge proofs."""
        return any(line.key.development for line in self.circuits)

    def to_json(self) -> dict[str, object]:
        """Return the verdict as a JSON object; numbers that may exceed 2^53 are decimal strings."""
        return {
            "accepted": self.accepted,
            "covered": self.covered,
            "venue": self.venue,
            "venue_public_key": self.venue_public_key,
            "venue_pinned": self.venue_pinned,
            "epoch": self.number,
            "record": self.digest,
            "as_of_ms": self.as_of_ms,
            "signed_at_ms": self.signed_at_ms,
            "age_ms": self.age_ms,
            "profile": self.profile,
            "account_count": self.account_count,
            "refused_rows": self.refused_rows,
            "threshold_bps": self.threshold_bps,
            "below_threshold": self.below_threshold,
            "shortfall_e8": str(self.shortfall_e8),
            "deficit_accounts": self.deficit_accounts,
            "deficit_ticks": str(self.deficit_ticks),
            "insurance_fund_ticks": str(self.insurance_fund_ticks),
            "cash_ticks": str(self.cash_ticks),
            "liabilities": [
                {"symbol": liability.symbol, "unit": liability.unit, "amount": str(liability.amount)}
                for liability in self.liabilities
            ],
            "previous": self.previous,
            "previous_checked": self.previous_checked,
            "circuits": [
                {
                    "circuit": line.circuit,
                    "version": line.version,
                    **asdict(line.key),
                    "proofs": line.proofs,
                }
                for line in self.circuits
            ],
            "reserves": None if self.reserves is None else self.reserves.to_json(),
            "unchecked_files": list(self.unchecked),
            "backend": self.backend,
            "seconds": round(self.seconds, 3),
            "labels": [asdict(label) for label in self.labels],
        }


def epoch_labels(*, venue_pinned: bool) -> tuple[Label, ...]:
    """Return what each figure of an epoch's verdict rests on.

    A signature by a key that the recipient did not pin assures nothing: what it covers is then merely stated.
    """
    by_venue: Assurance = "signed" if venue_pinned else "stated"
    figures: tuple[tuple[Assurance, tuple[str, ...]], ...] = (
        (
            "proven",
            (
                "account_count",
                "below_threshold",
                "shortfall",
                "deficit_accounts",
                "deficit",
                "net_positions",
                "liabilities",
                "threshold_bps",
            ),
        ),
        ("recomputed", ("book_root", "risk_array", "snapshot_hash", "params_root")),
        (by_venue, ("market_data", "params", "refused_rows", "insurance_fund", "epoch", "as_of_ms", "venue")),
    )
    return tuple(Label(figure, assurance) for assurance, names in figures for figure in names)
