"""Tokenised traditional assets: a price in a currency, a calendar, and a haircut for prices that have gone stale.

Outside trading hours the last price stays while the world goes on, and nothing can be sold. A price of time t₀ must
last until the market is open and the holding is sold:

    haircut = 1 - (1 - min(z·σ·√τ, 1))·(1 - min(z·σ_fx·√τ, 1)),   τ = (next open or now) + liquidation - t₀

in calendar years, currency risk beside the price's own. σ is a volatility of calendar time, closed hours included.

References
----------
K. French and R. Roll, *Stock return variances*, J. Financial Economics 17 (1986): the price moves when the market is
closed, if more slowly; charging it at the full rate is on the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from rtnet_core.errors import InputError
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.risk.ranges import whole, within

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: No market stays closed for longer.
_MOST_DAYS: Final = 30


@dataclass(frozen=True)
class TradingCalendar:
    """When a market trades.

    Attributes
    ----------
    zone
        Of its clock: ``America/New_York``.
    opens, closes
        Local times of day, the first before the second.
    weekdays
        Monday is 0.
    holidays
        Local dates on which it stays closed.
    """

    zone: str
    opens: time
    closes: time
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.opens < self.closes:
            raise InputError("calendar: opens", f"must be before {self.closes}", str(self.opens))
        if not self.weekdays or not self.weekdays <= set(range(7)):
            raise InputError("calendar: weekdays", "must be some of 0 to 6", sorted(self.weekdays))
        if self._zone.key != self.zone:
            raise InputError("calendar: zone", "must be a name of the time zone database", self.zone)

    @cached_property
    def _zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise InputError("calendar: zone", "must be a name of the time zone database", self.zone) from None

    def next_open_ms(self, now_ms: int) -> int:
        """Return the first time from `now_ms` on at which the market trades: `now_ms` itself while it does.

        Raises
        ------
        InputError
            It does not open within thirty days.

        Examples
        --------
        New York on Friday 2026-08-21 at 21:00 UTC: closed until Monday 13:30 UTC.

        >>> calendar = TradingCalendar("America/New_York", time(9, 30), time(16))
        >>> calendar.next_open_ms(1_787_346_000_000) - 1_787_346_000_000 == (64 * 60 + 30) * 60_000
        True
        """
        local = (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(self._zone)
        for ahead in range(_MOST_DAYS):
            day = local.date() + timedelta(days=ahead)
            if day.weekday() not in self.weekdays or day in self.holidays:
                continue
            opening, closing = (_milliseconds(day, clock, self._zone) for clock in (self.opens, self.closes))
            if now_ms < closing:
                return max(now_ms, opening)
        raise InputError("calendar", f"must open within {_MOST_DAYS} days", self.zone)

    def is_open(self, now_ms: int) -> bool:
        """Return whether the market trades at `now_ms`."""
        return self.next_open_ms(now_ms) == now_ms


@dataclass(frozen=True, slots=True)
class TraditionalAsset:
    """A tokenised traditional asset.

    Attributes
    ----------
    symbol, currency
        What it is, and what it is priced in.
    calendar
        When it trades.
    volatility, currency_volatility
        Yearly, 0 to 5; the second of its currency in USD, 0 for USD.
    liquidation_ms
        How long a sale takes once the market is open, up to thirty days.
    confidence
        Of the normal quantile, 0.5 to 0.99999.
    """

    symbol: str
    currency: str
    calendar: TradingCalendar
    volatility: float
    currency_volatility: float = 0.0
    liquidation_ms: int = 3_600_000
    confidence: float = 0.99

    def __post_init__(self) -> None:
        within("volatility", self.volatility, 0.0, 5.0)
        within("currency_volatility", self.currency_volatility, 0.0, 5.0)
        whole("liquidation_ms", self.liquidation_ms, 0, _MOST_DAYS * 86_400_000)
        within("confidence", self.confidence, 0.5, 0.99999)

    def stale_haircut(self, price_time_ms: int, now_ms: int) -> float:
        """Return the haircut of a price taken at `price_time_ms`, 0 to 1.

        Raises
        ------
        InputError
            The price is from the future.

        Examples
        --------
        A share of 25 % volatility, sold within an hour of its last price: 0.62 %. On Friday evening, 5.07 %.

        >>> calendar = TradingCalendar("America/New_York", time(9, 30), time(16))
        >>> share = TraditionalAsset("SPY", "USD", calendar, 0.25)
        >>> noon, close = 1_787_331_600_000, 1_787_342_400_000
        >>> [round(share.stale_haircut(noon, noon), 4), round(share.stale_haircut(close, close + 3_600_000), 4)]
        [0.0062, 0.0507]
        """
        if price_time_ms > now_ms:
            raise InputError("price_time_ms", f"must not be after {now_ms}", price_time_ms)
        years = (self.calendar.next_open_ms(now_ms) + self.liquidation_ms - price_time_ms) / MS_PER_YEAR
        spread = float(ndtri(self.confidence)) * float(years**0.5)
        kept, exchanged = (1 - min(share * spread, 1.0) for share in (self.volatility, self.currency_volatility))
        return 1 - kept * exchanged

    def value_ticks(self, price_ticks: int, usd_per_currency: float, price_time_ms: int, now_ms: int) -> int:
        """Return what one unit counts in ticks of USD, rounded down; `price_ticks` are 10^-6 of its currency."""
        within("usd_per_currency", usd_per_currency, 0.0, 1e6)
        return int(price_ticks * usd_per_currency * (1 - self.stale_haircut(price_time_ms, now_ms)))


def _milliseconds(day: date, clock: time, zone: ZoneInfo) -> int:
    return (datetime.combine(day, clock, zone).astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
