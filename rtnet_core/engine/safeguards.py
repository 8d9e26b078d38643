"""The venue's controls at work: which trades they stop, and where each circuit breaker stands.

The clock is the market's: time passes with price events, and the prices that a breaker sees are the marks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from pydantic import TypeAdapter

from rtnet_core.engine.controls import DEFAULT_CONTROLS, Controls
from rtnet_core.engine.rates import MARK, Rates
from rtnet_core.errors import Refusal
from rtnet_core.loss.breaker import Breaker
from rtnet_core.loss.controls import Order, VenueLimits, check_order

if TYPE_CHECKING:
    from rtnet_core.engine.settle import Venue

_BREAKERS: Final = TypeAdapter(dict[str, Breaker])


@dataclass
class Safeguards:
    """Controls and what follows from them.

    Attributes
    ----------
    controls
        As the last ``controls`` event set them.
    cleared_marks
        Mark of each instrument at the last ``clear``: profit and loss since then rank the queue of auto-deleveraging.
    breakers
        By instrument.
    """

    controls: Controls
    cleared_marks: dict[str, int]
    breakers: dict[str, Breaker] = field(default_factory=dict)
    _limits: dict[str, VenueLimits] = field(default_factory=dict, init=False, repr=False, compare=False)
    _rows_of: dict[str, list[int]] = field(default_factory=dict, repr=False, compare=False)
    _owners_known: int = field(default=0, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._limits = {name: limits.of_venue() for name, limits in self.controls.limits.items()}

    @classmethod
    def of(cls, rates: Rates) -> Self:
        """Return the safeguards of a new venue."""
        return cls(DEFAULT_CONTROLS, marks(rates))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "controls": self.controls.model_dump(mode="json"),
            "cleared_marks": self.cleared_marks,
            "breakers": _BREAKERS.dump_python(self.breakers, mode="json"),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Return the safeguards that `to_json` wrote."""
        return cls(
            Controls.model_validate(content["controls"]),
            dict(content["cleared_marks"]),
            _BREAKERS.validate_python(content["breakers"]),
        )

    def set_controls(self, controls: Controls, venue: Venue) -> None:
        """Take over new controls; a breaker whose rules stay goes on where it is.

        Raises
        ------
        Refusal
            ``unknown_account``, ``unknown_instrument``: they name what the venue does not have. ``out_of_scope``: the
            backstop is no unified account.
        """
        rates = venue.live.rates
        symbols = {entry.symbol for entry in rates.snapshot.underlyings}
        if controls.backstop is not None:
            row = venue.ledger.row(controls.backstop)
            if venue.ledger.modes[row] != "unified":
                raise Refusal("out_of_scope", "the backstop must be a unified account: it takes every instrument")
        known = controls.liquidity.keys() <= symbols and controls.breakers.keys() <= rates.slot_of.keys()
        if not known or not controls.limits.keys() <= rates.slot_of.keys() | symbols:
            raise Refusal("unknown_instrument", "the controls name what the market does not list")
        listed, made = marks(rates), {}
        for name, halts in controls.breakers.items():
            old, rules = self.breakers.get(name), halts.rules()
            fresh = Breaker(rules, max(1, listed[name]), since_ms=rates.snapshot.time_ms)
            made[name] = old if old is not None and old.rules == rules else fresh
        self.controls, self.breakers = controls, made
        self._limits = {name: limits.of_venue() for name, limits in controls.limits.items()}

    def repriced(self, rates: Rates) -> None:
        """Let the breakers see new marks, and forget those of what is no longer listed."""
        if self.breakers:
            listed, time_ms = marks(rates), rates.snapshot.time_ms
            self.breakers = {
                name: breaker.seen(time_ms, max(1, listed[name]))
                for name, breaker in self.breakers.items()
                if name in listed
            }

    def check_trade(self, venue: Venue, slot: int, sides: tuple[int, int], lots: int, price_ticks: int) -> None:
        """See that limits and breakers let a trade pass for its buyer and its seller.

        Raises
        ------
        Refusal
            With a code of `rtnet_core.loss.controls` or `rtnet_core.loss.breaker`.
        """
        if not self.breakers and not self.controls.limits:
            return
        rates, ledger = venue.live.rates, venue.ledger
        instrument = rates.table[slot]
        if instrument is None:
            return
        # Time passes with prices, which every breaker has seen: it stands where it is now.
        breaker = self.breakers.get(instrument.name)
        limits = self._limits.get(instrument.name) or self._limits.get(instrument.underlying)
        open_lots = 0 if limits is None else int(np.maximum(ledger.lots[: ledger.count, slot], 0).sum())
        for row, signed in zip(sides, (lots, -lots), strict=True):
            refusal = None
            if breaker is not None:
                refusal = breaker.refuse(signed, int(ledger.lots[row, slot]), price_ticks)
            if refusal is None and limits is not None:
                refusal = self._over_limit(venue, row, slot, signed, price_ticks, open_lots, limits)
            if refusal is not None:
                raise refusal

    def _over_limit(
        self, venue: Venue, row: int, slot: int, lots: int, price_ticks: int, open_lots: int, limits: VenueLimits
    ) -> Refusal | None:
        ledger, priced = venue.ledger, venue.live.rates.rows[:, MARK]
        held, mark = int(ledger.lots[row, slot]), int(priced[slot])
        rows = self._rows(venue, ledger.owners[row])
        gross: list[int] = (np.abs(ledger.lots[rows]) @ priced).tolist()
        order = Order(
            lots=lots,
            price_ticks=price_ticks,
            reference_ticks=max(1, mark),
            held_lots=held,
            other_gross_ticks=gross[rows.index(row)] - abs(held) * mark,
            equity_ticks=equity_ticks(venue, row),
            open_interest_lots=open_lots,
            counterparty_ticks=sum(gross),
        )
        return check_order(order, limits)

    def _rows(self, venue: Venue, owner: str) -> list[int]:
        """Return the accounts of an owner."""
        for row in range(self._owners_known, venue.ledger.count):
            self._rows_of.setdefault(venue.ledger.owners[row], []).append(row)
        self._owners_known = venue.ledger.count
        return self._rows_of[owner]


def marks(rates: Rates) -> dict[str, int]:
    """Return the mark of every instrument listed, ticks per lot."""
    return {name: int(rates.rows[slot, MARK]) for name, slot in rates.slot_of.items()}


def equity_ticks(venue: Venue, row: int) -> int:
    """Return an account's cash, positions at mark, and collateral at full price."""
    return bare_equity_ticks(venue, row) + collateral_ticks(venue, row)


def bare_equity_ticks(venue: Venue, row: int) -> int:
    """Return an account's cash and positions at mark; two products of 2^27 over 2^8 slots stay below 2^63."""
    ledger = venue.ledger
    return int(ledger.cash[row]) + int(ledger.lots[row] @ venue.live.rates.rows[:, MARK])


def collateral_ticks(venue: Venue, row: int) -> int:
    """Return the value of an account's collateral at full price."""
    held: list[int] = venue.ledger.collateral[row].tolist()
    assets = venue.live.rates.snapshot.assets
    return sum(units * asset.price_ticks for units, asset in zip(held, assets, strict=False))
