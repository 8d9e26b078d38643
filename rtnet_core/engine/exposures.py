"""What limits on trades look at: gross notional and equity of every account, and the open interest of every slot.

They are summed up once for a set of prices, exactly, and go along with every entry from then on, so that a trade is
checked without a sum over positions or accounts.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import numpy as np

from rtnet_core.engine.ledger import Entry, Ledger
from rtnet_core.engine.rates import MARK, Rates
from rtnet_core.limits import BPS
from rtnet_core.loss.breaker import NO_PRICE, Breaker
from rtnet_core.loss.controls import Order, VenueLimits

#: Amounts of collateral are valued in halves of so many bits: a price is below 2^34, so neither half's sum overflows.
_HALF_BITS: Final = 18


class Exposures:
    """The exposures of a ledger's accounts at the marks of `rates`; lists by row, or by slot.

    Attributes
    ----------
    gross_ticks
        Value of all positions at mark, each by its size.
    equity_ticks
        Cash, positions at mark, and collateral at full price.
    long_lots
        Lots of all accounts that are long, by slot.
    """

    def __init__(self, ledger: Ledger, rates: Rates) -> None:
        self.rates = rates
        self._marks: list[int] = rates.rows[:, MARK].tolist()
        self._prices = [asset.price_ticks for asset in rates.snapshot.assets]
        count, marks = ledger.count, rates.rows[:, MARK]
        lots, held = ledger.lots[:count], ledger.collateral[:count, : len(self._prices)]
        prices = np.array(self._prices, dtype=np.int64)
        # 2^27 lots at 2^27 ticks in 2^8 slots, beside cash of 2^56: below 2^63.
        bare: list[int] = (ledger.cash[:count] + lots @ marks).tolist()
        high: list[int] = ((held >> _HALF_BITS) @ prices).tolist()
        low: list[int] = ((held & ((1 << _HALF_BITS) - 1)) @ prices).tolist()
        self.equity_ticks = [a + (b << _HALF_BITS) + c for a, b, c in zip(bare, high, low, strict=True)]
        self.gross_ticks: list[int] = (np.abs(lots) @ marks).tolist()
        self.long_lots: list[int] = np.maximum(lots, 0).sum(axis=0).tolist()

    def opened(self) -> None:
        """Take in an account that the ledger has just opened."""
        self.gross_ticks.append(0)
        self.equity_ticks.append(0)

    def order(self, row: int, slot: int, rows: list[int], lots: int, price_ticks: int, held_lots: int) -> Order:
        """Return an order of the account `row`, whose owner has the accounts `rows`, as limits look at it."""
        mark, gross = self._marks[slot], self.gross_ticks
        return Order(
            lots,
            price_ticks,
            mark or 1,
            held_lots,
            gross[row] - abs(held_lots) * mark,
            self.equity_ticks[row],
            self.long_lots[slot],
            sum([gross[number] for number in rows]),
        )

    def booked(self, entry: Entry) -> None:
        """Take in an entry that the ledger has posted."""
        equity, gross = self.equity_ticks, self.gross_ticks
        for place, ticks in entry.cash.items():
            if place >= 0:
                equity[place] += ticks
        for asset, changes in entry.units.items():
            for place, units in changes.items():
                if place >= 0:
                    equity[place] += units * self._prices[asset]
        for slot, changes in entry.lots.items():
            mark, positions = self._marks[slot], entry.lots_after[slot]
            for row, lots in changes.items():
                after = positions[row]
                before = after - lots
                equity[row] += lots * mark
                gross[row] += (abs(after) - abs(before)) * mark
                if after > 0:
                    self.long_lots[slot] += after
                if before > 0:
                    self.long_lots[slot] -= before


class Screen(NamedTuple):
    """What no limit and no circuit breaker of one instrument stops, worked out once for a set of prices.

    Every limit is asked about positions that grow by all the lots, and nothing is added up but what is known already.
    Most trades pass here; the others are looked at one by one (`rtnet_core.loss.controls`, `rtnet_core.loss.breaker`).

    Attributes
    ----------
    least_price, most_price
        Prices within the breaker's band and near enough to the mark; none while it does not simply let trade.
    is_limited
        Whether there are limits; the rest is of them.
    most_long_lots
        Lots of open interest up to its cap.
    gross_bps
        A multiple of the equity: gross notional up to it passes the leverage cap, and the tiers as well, of which none
        has a higher rate than the last.
    """

    least_price: int
    most_price: int
    mark: int
    is_limited: bool
    most_long_lots: int
    gross_bps: int
    counterparty_ticks: int

    @classmethod
    def of(cls, mark_ticks: int, limits: VenueLimits | None, breaker: Breaker | None) -> Self:
        """Return the screen of an instrument with this mark."""
        mark = max(1, mark_ticks)
        least, most = (0, NO_PRICE) if breaker is None else breaker.open_prices()
        if limits is None:
            return cls(least, most, mark, False, 0, 0, 0)
        if not mark_ticks:
            # What is worth nothing counts as a tick a lot against limits, which gross notional does not have in it.
            least, most = NO_PRICE, 0
        apart = limits.deviation_bps * mark // BPS
        return cls(
            max(least, mark - apart),
            min(most, mark + apart),
            mark,
            True,
            limits.open_interest_bps * limits.depth_ticks // (BPS * mark),
            min(limits.leverage_bps, BPS * BPS // max(1, limits.tiers.rates_bps[-1])),
            limits.counterparty_ticks,
        )

    def passes(
        self, exposures: Exposures, slot: int, sides: tuple[int, int], lots: int, shared: dict[int, list[int]]
    ) -> bool:
        """Return whether the limits surely let a trade of `lots` pass.

        `shared` are the accounts of an account's owner, by row, where there are several.
        """
        if exposures.long_lots[slot] + lots > self.most_long_lots:
            return False
        value = lots * self.mark
        for row in sides:
            after = exposures.gross_ticks[row] + value
            if BPS * after > self.gross_bps * exposures.equity_ticks[row]:
                return False
            if row in shared:
                after = sum([exposures.gross_ticks[number] for number in shared[row]]) + value
            if after > self.counterparty_ticks:
                return False
        return True
