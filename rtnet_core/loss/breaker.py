"""The circuit breaker of one market: when it halts, for how long, and how trading comes back.

    open ──price at the band──> limit ──still there after 15 s──> halted ──5 min──> auction
     ^                            │ back inside                                       │
     └────────────────────────────┘        price outside the collar: halted again, the collar wider
     ^                                                                                │ price inside
     └───────────── 1 min ───────── limited: only orders that make positions smaller <┘

The band lies around the average trade price of the last five minutes. While the market stands in limit, a trade beyond
the band is refused and does not move the average. The collar of the auction lies around the reference at the halt and
grows by a step with every extension, so each halt ends.

References
----------
*Plan to Address Extraordinary Market Volatility* (Limit Up-Limit Down, 2012, permanent 2019): bands of 5 % around the
mean price of five minutes, limit state of 15 seconds, pause of five minutes, extensions of five minutes with collars
that widen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import BPS

#: The window of the average consists of so many buckets; the oldest leaves it as a whole.
_BUCKETS: Final = 30


class Phase(StrEnum):
    """What a market allows."""

    OPEN = "open"
    LIMIT = "limit"
    HALTED = "halted"
    AUCTION = "auction"
    LIMITED = "limited"


#: Named here because every order asks, and an enumeration looks its members up each time.
_STOPPED: Final = (Phase.HALTED, Phase.AUCTION)
_LIMITED: Final = Phase.LIMITED
#: Above every price.
NO_PRICE: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """Bands and times; the defaults are those of Limit Up-Limit Down for large stocks, with a minute of cooldown.

    Raises
    ------
    InputError
        A number below 1.
    """

    window_ms: int = 300_000
    band_bps: int = 500
    limit_ms: int = 15_000
    halt_ms: int = 300_000
    auction_ms: int = 30_000
    collar_step_bps: int = 500
    cooldown_ms: int = 60_000

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise InputError(name, "must be at least 1", getattr(self, name))


@dataclass(frozen=True, slots=True)
class _Bucket:
    number: int
    total_ticks: int
    count: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """A market's breaker at one time; every event gives a new one, so it can be replayed.

    Attributes
    ----------
    rules
        Bands and times.
    reference_ticks
        Price that the band, or in a halt the collar, lies around.
    phase, since_ms
        What the market allows, and since when.
    extensions
        How often the present halt was extended.
    price_ticks
        The last price seen.
    """

    rules: BreakerRules
    reference_ticks: int
    phase: Phase = Phase.OPEN
    since_ms: int = 0
    extensions: int = 0
    price_ticks: int = 0
    buckets: tuple[_Bucket, ...] = field(default=(), repr=False)

    @property
    def collar_bps(self) -> int:
        """How far from the reference an auction may end."""
        return self.rules.band_bps + self.extensions * self.rules.collar_step_bps

    def seen(self, time_ms: int, price_ticks: int) -> Breaker:
        """Return the breaker after a price: of a trade, or in a halt the price at which an auction would clear.

        Raises
        ------
        InputError
            The price is below 1, or the time before the phase began.

        Examples
        --------
        >>> market = Breaker(BreakerRules(), reference_ticks=10_000)
        >>> [str((market := market.seen(time, price)).phase) for time, price in
        ...  ((0, 10_000), (1_000, 9_400), (16_000, 9_400), (316_000, 9_600), (346_000, 9_600), (406_000, 9_600))]
        ['open', 'limit', 'halted', 'auction', 'limited', 'open']
        """
        if price_ticks < 1 or time_ms < self.since_ms:
            raise InputError(
                "breaker", f"must see prices of at least 1, from {self.since_ms} on", (time_ms, price_ticks)
            )
        at = self.at(time_ms)
        outside = at._is_outside(price_ticks, at.rules.band_bps)
        if at.phase in (Phase.OPEN, Phase.LIMITED) and outside:
            return replace(at, phase=Phase.LIMIT, since_ms=time_ms, price_ticks=price_ticks)
        if at.phase is Phase.LIMIT and not outside:
            at = replace(at, phase=Phase.OPEN, since_ms=time_ms)
        if at.phase in (Phase.OPEN, Phase.LIMITED):
            return at._traded(time_ms, price_ticks)
        return replace(at, price_ticks=price_ticks)

    def at(self, time_ms: int) -> Breaker:
        """Return the breaker at a later time at which nothing was seen."""
        now = self
        while (following := now._following(time_ms)) is not None:
            now = following
        return now

    def refuse(self, lots: int, held_lots: int, price_ticks: int) -> Refusal | None:
        """Return the reason to refuse an order of `lots` at a price, None where the market takes it."""
        if self.phase in _STOPPED:
            return Refusal("market_halted", f"trading is halted ({self.phase}) since {self.since_ms}")
        if self._is_outside(price_ticks, self.rules.band_bps):
            return Refusal(
                "price_band", f"the price must be within {self.rules.band_bps} bps of {self.reference_ticks}"
            )
        if self.looks_at_positions and not (lots * held_lots < 0 and abs(lots) <= abs(held_lots)):
            return Refusal("reduce_only", "after a halt only orders that make a position smaller are taken for a while")
        return None

    def open_prices(self) -> tuple[int, int]:
        """Return the least and the most at which every order is taken, whoever sends it; none: the least is above.

        Examples
        --------
        >>> Breaker(BreakerRules(band_bps=500), reference_ticks=10_000).open_prices()
        (9501, 10499)
        """
        if self.phase in _STOPPED or self.phase is _LIMITED:
            return NO_PRICE, 0
        inside = -(-self.rules.band_bps * self.reference_ticks // BPS) - 1
        return self.reference_ticks - inside, self.reference_ticks + inside

    @property
    def looks_at_positions(self) -> bool:
        """Whether it matters what an order does to its account's position: after a halt, for a while."""
        return self.phase is _LIMITED

    def _is_outside(self, price_ticks: int, bps: int) -> bool:
        return BPS * abs(price_ticks - self.reference_ticks) >= bps * self.reference_ticks

    def _following(self, time_ms: int) -> Breaker | None:
        """Return the next phase if its time has come by `time_ms`."""
        rules = self.rules
        lasts = {
            Phase.LIMIT: rules.limit_ms,
            Phase.HALTED: rules.halt_ms,
            Phase.AUCTION: rules.auction_ms,
            Phase.LIMITED: rules.cooldown_ms,
        }
        if self.phase is Phase.OPEN or time_ms < self.since_ms + lasts[self.phase]:
            return None
        since = self.since_ms + lasts[self.phase]
        if self.phase is Phase.LIMIT:
            return replace(self, phase=Phase.HALTED, since_ms=since, extensions=0)
        if self.phase is Phase.HALTED:
            return replace(self, phase=Phase.AUCTION, since_ms=since)
        if self.phase is Phase.LIMITED:
            return replace(self, phase=Phase.OPEN, since_ms=since)
        if self._is_outside(self.price_ticks, self.collar_bps):
            return replace(self, phase=Phase.HALTED, since_ms=since, extensions=self.extensions + 1)
        return replace(
            self, phase=Phase.LIMITED, since_ms=since, reference_ticks=self.price_ticks, extensions=0, buckets=()
        )

    def _traded(self, time_ms: int, price_ticks: int) -> Breaker:
        """Return the breaker with a trade in its average."""
        number = time_ms * _BUCKETS // self.rules.window_ms
        kept = tuple(bucket for bucket in self.buckets if bucket.number > number - _BUCKETS)
        if kept and kept[-1].number == number:
            last = kept[-1]
            kept = (*kept[:-1], _Bucket(number, last.total_ticks + price_ticks, last.count + 1))
        else:
            kept = (*kept, _Bucket(number, price_ticks, 1))
        average = sum(bucket.total_ticks for bucket in kept) // sum(bucket.count for bucket in kept)
        return replace(self, price_ticks=price_ticks, reference_ticks=max(1, average), buckets=kept)
