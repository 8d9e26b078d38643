"""Limits on what may be opened: size tiers that follow the depth of the market, and caps.

Each check answers with None, or with the `Refusal` to give: a code that programs read, and words.

========================  ===========================================================================================
code                      the order would
========================  ===========================================================================================
``size_tier``             need more initial margin, by its size in the market's depth, than the account's equity
``open_interest_cap``     bring the open interest of its instrument above the cap
``leverage_cap``          bring gross notional above the cap's multiple of equity
``counterparty_limit``    bring the exposure of one counterparty, over all its accounts, above its limit
``price_deviation``       trade further from the reference price than the guard allows
========================  ===========================================================================================

An order that only makes a position smaller is stopped by the price guard alone: who is over a limit can always get out.

References
----------
- WhiteBIT, *Collateral brackets*: tiers that are charged on the part of a position that lies in them.
- CFTC, 17 CFR 38.255; European Union, Regulation 2017/584 (RTS 7), articles 19 and 20: pre-trade controls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import BPS


@dataclass(frozen=True, slots=True)
class SizeTiers:
    """Initial margin by size: each part of a position at the rate of the tier that it lies in.

    The margin is a convex envelope, so no position is cheaper for being larger, and none jumps at a bound.

    Parameters
    ----------
    bounds_bps
        Where one tier ends and the next begins, in basis points of the market's depth; rising.
    rates_bps
        Of each tier, one more than bounds; rising. 10,000 over the rate is the tier's leverage.

    Raises
    ------
    InputError
        The numbers of bounds and rates do not fit, or they do not rise.
    """

    bounds_bps: tuple[int, ...]
    rates_bps: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.rates_bps) != len(self.bounds_bps) + 1:
            raise InputError("rates_bps", "must be one more than bounds_bps", len(self.rates_bps))
        for name, numbers in (("bounds_bps", (0, *self.bounds_bps)), ("rates_bps", self.rates_bps)):
            if numbers[0] < 0 or any(left >= right for left, right in pairwise(numbers)):
                raise InputError(name, "must rise from above 0", list(numbers))

    def margin_e4(self, notional_ticks: int, depth_ticks: int) -> int:
        """Return the initial margin of a notional in ticks * 10^-4; bounds are rounded down to whole ticks.

        Examples
        --------
        200,000 USD where 50,000 are one tenth of the depth: 50,000 / 100 and 150,000 / 10.

        >>> SizeTiers((1_000,), (100, 1_000)).margin_e4(200_000, 500_000) / BPS
        15500.0
        """
        margin = self.rates_bps[0] * notional_ticks
        for bound, (rate, following) in zip(self.bounds_bps, pairwise(self.rates_bps), strict=True):
            margin += (following - rate) * max(0, notional_ticks - bound * depth_ticks // BPS)
        return margin

    def largest_notional(self, equity_ticks: int, depth_ticks: int) -> int:
        """Return the largest notional in ticks that an equity may open."""
        low, high = 0, max(0, equity_ticks) * BPS // max(self.rates_bps[0], 1) + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.margin_e4(middle, depth_ticks) <= BPS * equity_ticks:
                low = middle
            else:
                high = middle
        return low


def followed_depth(previous_ticks: int, measured_ticks: int, rise_bps: int) -> int:
    """Return the depth to use: what is measured, but rising by at most `rise_bps` from one measurement to the next.

    A thin market tightens the tiers at once; a book that was filled up for a moment does not loosen them.

    Examples
    --------
    >>> followed_depth(1_000, 400, 500), followed_depth(1_000, 9_000, 500)
    (400, 1050)
    """
    return min(measured_ticks, previous_ticks + previous_ticks * rise_bps // BPS)


@dataclass(frozen=True, slots=True)
class VenueLimits:
    """The limits of one instrument.

    Attributes
    ----------
    tiers, depth_ticks
        Size tiers, and the depth that they are measured in.
    open_interest_bps
        Cap on the open interest as a share of the depth.
    leverage_bps
        Most gross notional over equity; 100,000 is ten times.
    counterparty_ticks
        Most exposure to one counterparty.
    deviation_bps
        Furthest that a price may be from the reference.
    """

    tiers: SizeTiers
    depth_ticks: int
    open_interest_bps: int
    leverage_bps: int
    counterparty_ticks: int
    deviation_bps: int


class Order(NamedTuple):
    """An order and what it meets; all amounts before the trade.

    Attributes
    ----------
    lots, price_ticks
        Signed lots, and ticks a lot.
    reference_ticks
        Reference price of the instrument, ticks a lot, above 0.
    held_lots
        The account's position in the instrument.
    other_gross_ticks
        Gross notional of the account's other positions.
    equity_ticks
        The account's equity.
    open_interest_lots
        Long lots of all accounts.
    counterparty_ticks
        Exposure of the account's owner over all their accounts.
    """

    lots: int
    price_ticks: int
    reference_ticks: int
    held_lots: int
    other_gross_ticks: int
    equity_ticks: int
    open_interest_lots: int
    counterparty_ticks: int


def check_order(order: Order, limits: VenueLimits) -> Refusal | None:
    """Return the first reason to refuse an order, None where there is none.

    Examples
    --------
    >>> limits = VenueLimits(SizeTiers((1_000,), (100, 1_000)), 500_000, 20_000, 100_000, 900_000, 500)
    >>> print(check_order(Order(10, 1_000, 1_000, 0, 0, 5_000, 0, 0), limits))
    None
    >>> check_order(Order(10, 1_100, 1_000, 0, 0, 5_000, 0, 0), limits).code
    'price_deviation'
    """
    return next(refusals(order, limits), None)


def refusals(order: Order, limits: VenueLimits) -> Iterator[Refusal]:
    """Yield every reason to refuse an order, the price first."""
    lots, price, reference, held, other_gross, equity, open_lots, counterparty = order
    if BPS * abs(price - reference) > limits.deviation_bps * reference:
        yield Refusal("price_deviation", f"the price must be within {limits.deviation_bps} bps of the reference")
    size = abs(held + lots)
    if lots * held < 0 and abs(lots) <= abs(held):
        return
    notional, added = size * reference, max(0, size - abs(held))
    tiers, depth = limits.tiers, limits.depth_ticks
    # No part of a position costs more than the last rate: where the equity carries that, the tiers need not be summed.
    if tiers.rates_bps[-1] * notional > BPS * equity and tiers.margin_e4(notional, depth) > BPS * equity:
        most = tiers.largest_notional(equity, depth)
        yield Refusal("size_tier", f"the equity carries a notional of at most {most} ticks at this depth")
    # The other side is taken to open as well.
    if BPS * (open_lots + added) * reference > limits.open_interest_bps * depth:
        words = f"open interest must stay within {limits.open_interest_bps} bps of the depth"
        yield Refusal("open_interest_cap", words)
    if BPS * (other_gross + notional) > limits.leverage_bps * equity:
        words = f"gross notional must stay within {limits.leverage_bps / BPS:g} times the equity"
        yield Refusal("leverage_cap", words)
    if counterparty + added * reference > limits.counterparty_ticks:
        words = f"the counterparty's exposure must stay within {limits.counterparty_ticks} ticks"
        yield Refusal("counterparty_limit", words)
