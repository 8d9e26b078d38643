"""Funding that accrues all the time through one index, paid in whole ticks without a tick made or lost.

    premium index = (max(0, impact bid - index) - max(0, index - impact ask)) / index
    funding index grows by rate · price · elapsed / 8 h                     ticks a lot
    an account pays lots · (index now - index when it last paid)

The rate that a premium calls for, with interest, clamp and cap, is `rtnet_core.funding.funding_rate`. Here the index is
kept in units of 1 / (10^8 · 28,800,000) tick a lot: a rate in parts of 10^-8 times ticks times milliseconds is a whole
number of them, so it never drifts. Since positions add up to zero, so does what is owed, to the last unit. A payment is
what is owed in whole ticks; the rest of a tick is carried by the account.

References
----------
- Binance, *Introduction to funding rates*: impact prices, premium index, premiums weighted by their number.
- BitMEX, *Perpetual contracts guide*: premium index, interest, clamp of ±0.05 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from rtnet_core.errors import InputError
from rtnet_core.funding import FUNDING_PERIOD_MS

#: A funding rate is a whole number of these parts: the venues publish eight decimals.
RATE_PARTS: Final = 10**8
#: Units of the funding index in one tick a lot.
INDEX_UNITS: Final = RATE_PARTS * FUNDING_PERIOD_MS


def impact_price(levels: Sequence[tuple[Fraction, Fraction]], notional: Fraction) -> Fraction | None:
    """Return the average price at which an order of `notional` fills, None where the levels do not hold that much.

    Parameters
    ----------
    levels
        Price and quantity from the best on, each above 0.
    notional
        Price times quantity to fill, above 0.

    Examples
    --------
    >>> impact_price([(Fraction(100), Fraction(1)), (Fraction(99), Fraction(2))], Fraction(199))
    Fraction(199, 2)
    """
    left, bought = notional, Fraction(0)
    for price, quantity in levels:
        taken = min(quantity, left / price)
        bought += taken
        left -= taken * price
        if not left:
            return notional / bought
    return None


def premium_index(impact_bid: Fraction, impact_ask: Fraction, index: Fraction) -> Fraction:
    """Return by how much a fill on either side misses the index, zero where the index lies between.

    Examples
    --------
    >>> str(premium_index(Fraction(99), Fraction(101), Fraction(100)))
    '0'
    >>> str(premium_index(Fraction(96), Fraction(97), Fraction(100)))
    '-3/100'
    """
    return (max(Fraction(0), impact_bid - index) - max(Fraction(0), index - impact_ask)) / index


def weighted_premium(premiums: Sequence[Fraction]) -> Fraction:
    """Return the average of a period's premiums, the first with weight 1, the n-th with weight n.

    Raises
    ------
    InputError
        There is none.

    Examples
    --------
    >>> weighted_premium([Fraction(0), Fraction(3, 1_000)])
    Fraction(1, 500)
    """
    if not premiums:
        raise InputError("premiums", "must hold at least one")
    weighted = sum((number * premium for number, premium in enumerate(premiums, start=1)), Fraction(0))
    return weighted / (len(premiums) * (len(premiums) + 1) // 2)


def rate_parts(rate: Fraction) -> int:
    """Return a rate per eight hours in parts of 10^-8, to the nearest, ties to even.

    Examples
    --------
    >>> rate_parts(Fraction(1, 10_000))
    10000
    """
    return round(rate * RATE_PARTS)


def accrued(index_units: int, rate: int, price_ticks: int, elapsed_ms: int) -> int:
    """Return the funding index after `elapsed_ms` at a rate in parts of 10^-8 and a price in ticks a lot.

    Raises
    ------
    InputError
        Time runs backwards, or the price is negative.

    Examples
    --------
    A position of 0.0001 BTC at 80,000 USD and 0.01 % pays 800 ticks in eight hours:

    >>> accrued(0, 10_000, 8_000_000, FUNDING_PERIOD_MS) // INDEX_UNITS
    800
    """
    if elapsed_ms < 0 or price_ticks < 0:
        raise InputError("funding", "elapsed time and price must be at least 0", (elapsed_ms, price_ticks))
    return index_units + rate * price_ticks * elapsed_ms


@dataclass(frozen=True, slots=True)
class FundingClaim:
    """What one account owes: its signed lots, the index up to which it has paid, and the part of a tick it carries."""

    lots: int
    since_units: int
    carried_units: int = 0

    def owed_units(self, index_units: int) -> int:
        """Return what it owes at an index, negative where it is owed."""
        return self.lots * (index_units - self.since_units) + self.carried_units

    def traded(self, index_units: int, lots: int) -> tuple[int, FundingClaim]:
        """Return what it pays now in whole ticks, rounded down, and its claim with `lots` more.

        Examples
        --------
        >>> FundingClaim(lots=-3, since_units=0).traded(INDEX_UNITS // 2, 5)[0]
        -2
        """
        ticks, rest = divmod(self.owed_units(index_units), INDEX_UNITS)
        return ticks, FundingClaim(self.lots + lots, index_units, rest)


def settle_all(claims: Sequence[FundingClaim], index_units: int) -> tuple[list[int], list[FundingClaim]]:
    """Return what every account pays in whole ticks, and the claims afterwards.

    The payments add up to exactly what earlier payments left over, zero where there were none: parts of a tick are
    rounded down, and what is missing is paid, one tick each, by those who owe the largest parts.

    Raises
    ------
    InputError
        What is owed is no whole number of ticks: the positions did not add up to zero all the time.
    """
    parts = [divmod(claim.owed_units(index_units), INDEX_UNITS) for claim in claims]
    missing, rest = divmod(sum(part for _, part in parts), INDEX_UNITS)
    if rest:
        raise InputError("funding claims", "must come from positions that add up to zero")
    by_part = sorted(range(len(claims)), key=lambda number: -parts[number][1])
    extra = frozenset(by_part[:missing])
    payments, after = [], []
    for number, (ticks, part) in enumerate(parts):
        more = number in extra
        payments.append(ticks + more)
        after.append(FundingClaim(claims[number].lots, index_units, part - more * INDEX_UNITS))
    return payments, after
