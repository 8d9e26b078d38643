"""Pool markets: a price that leans with the skew of open positions, and a funding rate that drifts with it.

    premium        = skew / skew scale
    fill price     = oracle · (1 + (premium before + premium after) / 2)
    velocity       = max velocity · clamp(skew / skew scale, ±1)      the rate's change a day, per day
    funding owed   = lots · Σ oracle · (rate before + rate after) / 2 · days

The pool is the other side of every trade and holds the negative of the skew. The price is the average along a straight
line, so it does not matter in how many pieces a trade is made, and a round trip costs nothing; what grows the skew pays
what shrinking it earns. Everything is an exact fraction; money is rounded once, against the trader.

References
----------
Synthetix, *SIP-279: Perps v2* (2022), whose test cases are the tests of this module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Final

from rtnet_core.errors import InputError

DAY_MS: Final = 86_400_000


def fill_price(oracle: Fraction, skew_lots: int, lots: int, scale_lots: int) -> Fraction:
    """Return the price of a trade of `lots` (positive buys) where the skew before it is `skew_lots`.

    Raises
    ------
    InputError
        The scale is below 1, or the fill price would not be positive.

    Examples
    --------
    >>> float(fill_price(Fraction(2_000), 100, 100, 1_000_000))
    2000.3
    """
    if scale_lots < 1:
        raise InputError("scale_lots", "must be at least 1", scale_lots)
    price = oracle * (1 + Fraction(2 * skew_lots + lots, 2 * scale_lots))
    if price <= 0:
        raise InputError("skew", f"must leave a positive price with the scale {scale_lots}", skew_lots + lots)
    return price


def fill_cost_ticks(oracle_ticks: int, skew_lots: int, lots: int, scale_lots: int) -> int:
    """Return what a trade costs in whole ticks, rounded up; negative where it brings money.

    Examples
    --------
    >>> fill_cost_ticks(2_000, 0, 3, 1_000), fill_cost_ticks(2_000, 3, -3, 1_000)
    (6009, -6009)
    """
    return ceil(lots * fill_price(Fraction(oracle_ticks), skew_lots, lots, scale_lots))


@dataclass(frozen=True, slots=True)
class PoolFunding:
    """The funding of one pool market at one time.

    Attributes
    ----------
    scale_lots, max_velocity
        Skew scale, and the velocity at a skew of that scale, per day and day.
    time_ms, skew_lots
        Of the last change.
    rate
        Funding rate a day, a fraction; positive is paid by longs.
    index
        Funding accumulated a lot, in the oracle's money.
    """

    scale_lots: int
    max_velocity: Fraction
    time_ms: int
    skew_lots: int = 0
    rate: Fraction = Fraction(0)
    index: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.scale_lots < 1 or self.max_velocity < 0:
            raise InputError("pool funding", "scale must be at least 1, velocity at least 0")

    @property
    def velocity(self) -> Fraction:
        """Change of the rate, per day and day."""
        share = Fraction(self.skew_lots, self.scale_lots)
        return self.max_velocity * min(max(share, Fraction(-1)), Fraction(1))

    def after(self, time_ms: int, oracle: Fraction) -> PoolFunding:
        """Return the funding at a later time, with `oracle` as the price since the last change.

        Raises
        ------
        InputError
            The time is before the last change.
        """
        if time_ms < self.time_ms:
            raise InputError("time_ms", f"must not be before {self.time_ms}", time_ms)
        days = Fraction(time_ms - self.time_ms, DAY_MS)
        rate = self.rate + self.velocity * days
        index = self.index + oracle * (self.rate + rate) / 2 * days
        return replace(self, time_ms=time_ms, rate=rate, index=index)

    def traded(self, lots: int) -> PoolFunding:
        """Return the funding once a trade has moved the skew; call `after` with the time of the trade first."""
        return replace(self, skew_lots=self.skew_lots + lots)
