"""Funding that accrues by itself: with the market's clock, through one index for each perpetual, in exact integers.

    ticks a lot = ⌊(rest + rate · mark · elapsed) / 8 h⌋          the rest of a tick goes on to the next time

`mark` is that of the time that has passed, and time passes with prices. The rate is one of three:

- as given;
- what an average premium calls for, with interest and clamp (`rtnet_core.funding.funding_rate`);
- of a pool market: it drifts by the pool's skew, and stays where it is without one (`rtnet_core.loss.skew`),

      rate ← rate + max velocity · clamp(skew / scale, ±1) · days        and the mean of before and after is paid

  where the pool is an account, and the skew what everyone else holds against it.

Since positions sum to zero, so does what is paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from rtnet_core.engine.funding_terms import FundingTerms
from rtnet_core.engine.ledger import Integers
from rtnet_core.engine.rates import MARK
from rtnet_core.errors import Refusal
from rtnet_core.limits import ROW_BITS
from rtnet_core.loss.funding_accrual import INDEX_UNITS

if TYPE_CHECKING:
    from rtnet_core.engine.settle import Venue


class FundingState(NamedTuple):
    """The rate, and what is left of a tick a lot, in the units of the terms."""

    rate: int
    rest: int = 0


@dataclass
class Accrual:
    """Funding terms by perpetual, and how far each has come."""

    terms: dict[str, FundingTerms] = field(default_factory=dict)
    states: dict[str, FundingState] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything accrues."""
        return bool(self.terms)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        terms = {name: terms.model_dump(mode="json") for name, terms in self.terms.items()}
        # Numbers wider than JSON's readers take stand as text.
        return {"terms": terms, "states": {name: list(map(str, state)) for name, state in self.states.items()}}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Accrual:
        """Return what `to_json` wrote."""
        return cls(
            {name: FundingTerms.model_validate(terms) for name, terms in content["terms"].items()},
            {name: FundingState(*map(int, state)) for name, state in content["states"].items()},
        )

    def rate_e8(self, name: str) -> Fraction:
        """Return a perpetual's rate, in parts of 10^-8 in eight hours."""
        return Fraction(self.states[name].rate, self.terms[name].rate_units)


class FundingPlan(NamedTuple):
    """What is paid at a time: cash of every account afterwards, ticks a lot, and how far each perpetual has come."""

    cash: Integers
    moves: dict[str, int]
    states: dict[str, FundingState]


def set_funding(venue: Venue, terms: Mapping[str, FundingTerms]) -> None:
    """Take over other terms; a perpetual whose pool stays goes on at its rate, and a rest of a tick is kept with it.

    Raises
    ------
    Refusal
        ``unknown_instrument``, ``unknown_account``; ``wrong_kind``: only a perpetual has funding.
    """
    table, accrual = venue.live.rates.table, venue.accrual
    for name, entry in terms.items():
        instrument = table[venue.slot(name)]
        if instrument is None or instrument.kind != "perpetual":
            raise Refusal("wrong_kind", "only a perpetual has funding")
        if entry.pool is not None:
            venue.ledger.row(entry.pool.account)
    states = {}
    for name, entry in terms.items():
        old, state = accrual.terms.get(name), accrual.states.get(name, FundingState(0))
        same_units = old is not None and old.rate_units == entry.rate_units
        goes_on = same_units and old is not None and old.pool is not None and entry.pool is not None
        states[name] = FundingState(state.rate if goes_on else entry.first_rate(), state.rest if same_units else 0)
    venue.accrual = Accrual(dict(terms), states)


def plan_funding(venue: Venue, time_ms: int) -> FundingPlan | None:
    """Return what accrues until `time_ms` is paid; None where nothing does.

    Raises
    ------
    Refusal
        ``out_of_range``: funding would exceed a price's width, or some account's cash its own.
    """
    rates, ledger, accrual = venue.live.rates, venue.ledger, venue.accrual
    elapsed_ms = time_ms - rates.snapshot.time_ms
    if not accrual or elapsed_ms <= 0:
        return None
    moves, states, by_slot = {}, dict(accrual.states), {}
    for name, terms in accrual.terms.items():
        slot = rates.slot_of.get(name)
        if slot is None:
            continue
        before = after = accrual.states[name].rate
        if terms.pool is not None:
            skew = -int(ledger.lots[ledger.row(terms.pool.account), slot])
            held = min(max(skew, -terms.pool.scale_lots), terms.pool.scale_lots)
            after = before + terms.pool.max_velocity_e8 * held * elapsed_ms
        # Twice the mean rate, over twice the units: no half is lost.
        owed = (before + after) * int(rates.rows[slot, MARK]) * elapsed_ms + accrual.states[name].rest
        ticks, rest = divmod(owed, 2 * terms.rate_units * INDEX_UNITS)
        if abs(ticks) >= 1 << ROW_BITS:
            raise Refusal("out_of_range", f"funding stays below 2^{ROW_BITS} ticks a lot from one time to the next")
        states[name] = FundingState(after, rest)
        if ticks:
            moves[name], by_slot[slot] = ticks, -ticks
    return FundingPlan(ledger.cash_after_paying(by_slot), moves, states)


def book_funding(venue: Venue, plan: FundingPlan | None) -> None:
    """Pay what was planned; margins are to be taken anew after it."""
    if plan is None:
        return
    venue.ledger.cash[: venue.ledger.count] = plan.cash
    for name, ticks in plan.moves.items():
        venue.funding_ticks[name] = venue.funding_ticks.get(name, 0) + ticks
    venue.accrual = Accrual(venue.accrual.terms, plan.states)
