"""Which listed accounts are below their threshold now: from a replica that follows the engine's log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.document import Document, Hex32, Part, broken_rule
from rtnet_core.engine.core import Engine
from rtnet_core.limits import THRESHOLD_BITS
from rtnet_core.venue import DEFAULT_THRESHOLD_BPS


class Listing(Part):
    """An account that the venue has listed at the registry.

    Attributes
    ----------
    id
        As the engine names it.
    handle
        The 32 bytes that venue and holder agreed on, 64 hex digits.
    threshold_bps
        That it was listed with.
    """

    id: str = Field(min_length=1, repr=False)
    handle: Hex32 = Field(repr=False)
    threshold_bps: Annotated[int, Field(ge=1, lt=1 << THRESHOLD_BITS)] = DEFAULT_THRESHOLD_BPS


class Listings(Document):
    """The accounts that a keeper watches (format ``zkm2m/keeper-accounts/v1``).

    Secret: it says which account stands behind which commitment.
    """

    secret: ClassVar[bool] = True

    format: Literal["zkm2m/keeper-accounts/v1"] = "zkm2m/keeper-accounts/v1"
    accounts: Annotated[tuple[Listing, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for field in ("id", "handle"):
            if len({getattr(entry, field) for entry in self.accounts}) != len(self.accounts):
                raise broken_rule("accounts", f"must not name one {field} twice")
        return self


@dataclass(frozen=True, slots=True)
class Standing:
    """The accounts below their thresholds after event number `sequence`."""

    sequence: int
    below: tuple[Listing, ...]
    #: Accounts below the engine's maintenance level that are not listed: nothing can be brought to the registry.
    unlisted: int


class EngineWatch:
    """Follows an engine through its log, as `zkm2m engine top` does.

    Parameters
    ----------
    engine
        A replica, opened from the log; it applies nothing of its own.
    listings
        The accounts that are watched.
    """

    def __init__(self, engine: Engine, listings: Listings) -> None:
        self._engine = engine
        self._listings = listings
        self._listed = {entry.id for entry in listings.accounts}

    def look(self) -> Standing:
        """Return who is below now, by the exact margins of the last event committed.

        Raises
        ------
        ToolError
            The log is broken, or cannot be read.
        """
        self._engine.catch_up()
        ledger, live = self._engine.venue.ledger, self._engine.venue.live
        below = [
            entry
            for entry in self._listings.accounts
            if entry.id in ledger.row_of and live.margin(ledger.row_of[entry.id]).headroom_e8(entry.threshold_bps) < 0
        ]
        named = {ledger.ids[row] for row in live.below_maintenance}
        return Standing(self._engine.sequence, tuple(below), len(named - self._listed))
