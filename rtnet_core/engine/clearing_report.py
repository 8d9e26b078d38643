"""What a ``clear`` did to whom: a function of the state before it, so a replay gives the same report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rtnet_core.loss.waterfall import Stage


class Standing(StrEnum):
    """How an account stands after a ``clear``."""

    CURED = "cured"  #: it meets the target again
    IMPROVED = "improved"  #: a part was closed: the backstop took no more
    CLOSED = "closed"  #: it cannot be cured: all its positions are closed, and it owes nothing
    RESOLVED = "resolved"  #: it was bankrupt, and others bore its deficit
    WAITING = "waiting"  #: no taker for its positions or its collateral, or nobody to bear its deficit


@dataclass(frozen=True, slots=True)
class Borne:
    """What one account bore of another's failure: lots closed against it (with the failing side's sign), ticks paid."""

    stage: Stage
    account: str
    instrument: str | None
    lots: int
    ticks: int


@dataclass(frozen=True, slots=True)
class ClearedAccount:
    """What was done to one account; money in ticks.

    Attributes
    ----------
    closed_lots
        By instrument, with the sign of the position: taken over by the backstop.
    closed_ticks
        Their notional.
    penalty_ticks, cost_ticks
        To the insurance fund; to the backstop, for spread and impact.
    worsened
        The margin ratio is lower after closing: the plan's own word.
    sold_units, sold_ticks
        Collateral sold, by asset, and what was paid for it.
    deficit_ticks
        What the account was bankrupt by when it came to the waterfall.
    fund_ticks, vault_ticks
        What insurance fund and vault paid of it.
    borne
        What other accounts bore.
    """

    account: str
    standing: Standing
    closed_lots: dict[str, int]
    closed_ticks: int
    penalty_ticks: int
    cost_ticks: int
    worsened: bool
    sold_units: dict[str, int]
    sold_ticks: int
    deficit_ticks: int
    fund_ticks: int
    vault_ticks: int
    borne: tuple[Borne, ...]

    def borne_ticks(self, stage: Stage) -> int:
        """Return what other accounts paid in a stage."""
        return sum(entry.ticks for entry in self.borne if entry.stage is stage)


@dataclass(frozen=True, slots=True)
class ClearReport:
    """One ``clear``: accounts in the order in which they were taken, the worst first."""

    time_ms: int
    accounts: tuple[ClearedAccount, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {"type": "clear", **asdict(self)}
