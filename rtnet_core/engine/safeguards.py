"""The venue's controls at work: which trades they stop, and where each circuit breaker stands.

The clock is the market's: time passes with price events, and the prices that a breaker sees are the marks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from pydantic import TypeAdapter

from rtnet_core.engine.controls import DEFAULT_CONTROLS, Controls
from rtnet_core.engine.exposures import Exposures, Screen
from rtnet_core.engine.ledger import Entry, Ledger
from rtnet_core.engine.rates import MARK, Rates
from rtnet_core.errors import Refusal
from rtnet_core.loss.breaker import Breaker
from rtnet_core.loss.controls import VenueLimits, check_order, followed_depth
from rtnet_core.snapshot import Instrument

if TYPE_CHECKING:
    from rtnet_core.engine.settle import Venue

_BREAKERS: Final = TypeAdapter(dict[str, Breaker])


class FollowedDepth(NamedTuple):
    """The depth that applies, and the market's time at which it was measured."""

    ticks: int
    time_ms: int


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
    depths
        By name of the limits: what ``depth`` events have made of the depth that the controls set.
    """

    controls: Controls
    cleared_marks: dict[str, int]
    breakers: dict[str, Breaker] = field(default_factory=dict)
    depths: dict[str, FollowedDepth] = field(default_factory=dict)
    _limits: dict[str, VenueLimits] = field(default_factory=dict, init=False, repr=False, compare=False)
    _screens: list[Screen] | None = field(default=None, init=False, repr=False, compare=False)
    _screens_of: Rates | None = field(default=None, init=False, repr=False, compare=False)
    _exposures: Exposures | None = field(default=None, init=False, repr=False, compare=False)
    _rows_of: dict[str, list[int]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _owners_known: int = field(default=0, init=False, repr=False, compare=False)
    _shared: dict[int, list[int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._make_limits()

    def _make_limits(self) -> None:
        """Derive the limits from the controls and the depths of the moment."""
        self._limits = {}
        for name, limits in self.controls.limits.items():
            followed = self.depths.get(name)
            made = limits.of_venue()
            self._limits[name] = made if followed is None else replace(made, depth_ticks=followed.ticks)
        self._screens = None

    @classmethod
    def of(cls, rates: Rates) -> Self:
        """Return the safeguards of a new venue."""
        return cls(DEFAULT_CONTROLS, marks(rates))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        content = {
            "controls": self.controls.model_dump(mode="json"),
            "cleared_marks": self.cleared_marks,
            "breakers": _BREAKERS.dump_python(self.breakers, mode="json"),
        }
        # Left out where there are none: logs from before there were any have states with these bytes.
        return content | ({"depths": self.depths} if self.depths else {})

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Return the safeguards that `to_json` wrote."""
        return cls(
            Controls.model_validate(content["controls"]),
            dict(content["cleared_marks"]),
            _BREAKERS.validate_python(content["breakers"]),
            {name: FollowedDepth(*followed) for name, followed in content.get("depths", {}).items()},
        )

    def set_controls(self, controls: Controls, venue: Venue) -> None:
        """Take over new controls; a breaker whose rules stay goes on where it is, and so does a depth of such limits.

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
        before = self.controls.limits
        self.depths = {
            name: followed for name, followed in self.depths.items() if controls.limits.get(name) == before[name]
        }
        self.controls, self.breakers = controls, made
        self._make_limits()

    def follow_depth(self, measured_ticks: dict[str, int], time_ms: int) -> None:
        """Take over measured depths: a fall at once, a rise as far as the limits allow, and once for each time.

        Raises
        ------
        Refusal
            ``unknown_instrument``: there are no limits of that name.
        """
        limits = self.controls.limits
        if not measured_ticks.keys() <= limits.keys():
            raise Refusal("unknown_instrument", "the controls have no limits of that name")
        for name, measured in measured_ticks.items():
            old = self.depths.get(name)
            before = limits[name].depth_ticks if old is None else old.ticks
            rise_bps = 0 if old is not None and old.time_ms == time_ms else limits[name].depth_rise_bps
            self.depths[name] = FollowedDepth(followed_depth(before, measured, rise_bps), time_ms)
        self._make_limits()

    def depth_of(self, name: str) -> int:
        """Return the depth that applies to the limits of this name."""
        return self._limits[name].depth_ticks

    def repriced(self, rates: Rates) -> None:
        """Let the breakers see new marks, and forget those of what is no longer listed."""
        self._screens = None
        self.forget_exposures()
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
        if not self._limits and not self.breakers:
            return
        rates = venue.live.rates
        screens = self._screens
        if screens is None or self._screens_of is not rates:
            screens = self._made_screens(rates)
        screen = screens[slot]
        if screen.least_price <= price_ticks <= screen.most_price:
            if not screen.is_limited:
                return
            exposures = self._exposures
            if exposures is None or exposures.rates is not rates or self._owners_known < venue.ledger.count:
                exposures = self._summed_up(venue)
            if screen.passes(exposures, slot, sides, lots, self._shared):
                return
        self._check_closely(venue, slot, sides, lots, price_ticks)

    def _check_closely(self, venue: Venue, slot: int, sides: tuple[int, int], lots: int, price_ticks: int) -> None:
        """See whether the breaker or a limit stops one of the sides."""
        instrument, held = venue.live.rates.table[slot], venue.ledger.lots
        if instrument is None:
            return
        # Time passes with prices, which every breaker has seen: it stands where it is now.
        breaker, limits = self.breakers.get(instrument.name), self._limits_of(instrument)
        exposures = self._summed_up(venue)
        for row, signed in zip(sides, (lots, -lots), strict=True):
            refusal = None if breaker is None else breaker.refuse(signed, held.item(row, slot), price_ticks)
            if refusal is None and limits is not None:
                rows = self._shared.get(row, [row])
                order = exposures.order(row, slot, rows, signed, price_ticks, held.item(row, slot))
                refusal = check_order(order, limits)
            if refusal is not None:
                raise refusal

    def _limits_of(self, instrument: Instrument) -> VenueLimits | None:
        """Return the limits of an instrument, or those of its underlying."""
        return self._limits.get(instrument.name) or self._limits.get(instrument.underlying)

    def _made_screens(self, rates: Rates) -> list[Screen]:
        """Return what surely passes at these prices, slot by slot."""
        marked: list[int] = rates.rows[:, MARK].tolist()
        screens = self._screens = [
            Screen.of(mark, None, None)
            if instrument is None
            else Screen.of(mark, self._limits_of(instrument), self.breakers.get(instrument.name))
            for mark, instrument in zip(marked, rates.table, strict=True)
        ]
        self._screens_of = rates
        return screens

    def _summed_up(self, venue: Venue) -> Exposures:
        """Return the exposures at the prices of the moment, and learn of new accounts' owners."""
        if self._owners_known < venue.ledger.count:
            self._learn_owners(venue.ledger)
        if self._exposures is None or self._exposures.rates is not venue.live.rates:
            self._exposures = Exposures(venue.ledger, venue.live.rates)
        return self._exposures

    def _learn_owners(self, ledger: Ledger) -> None:
        """Note which accounts have an owner in common."""
        for row in range(self._owners_known, ledger.count):
            rows = self._rows_of.setdefault(ledger.owners[row], [])
            rows.append(row)
            if len(rows) > 1:
                self._shared.update(dict.fromkeys(rows, rows))
        self._owners_known = ledger.count

    def opened(self) -> None:
        """Take in an account that the ledger has just opened."""
        if self._exposures is not None:
            self._exposures.opened()

    def booked(self, entry: Entry) -> None:
        """Take in an entry that the ledger has posted."""
        if self._exposures is not None:
            self._exposures.booked(entry)

    def forget_exposures(self) -> None:
        """Have exposures summed up anew: the ledger has changed otherwise than by entries."""
        self._exposures = None


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
