"""What closing a position costs beside its mark: half the spread, and the square-root law of market impact.

    move of the price    I(Q) = Y · σ_day · √(Q / V_day)
    cost of closing Q    notional · (half spread + ⅔ · I(Q))

The order pays the average of the move along its way, ∫₀^Q I / Q = ⅔·I(Q). The cost grows with Q^1.5, so it is convex:
two halves closed at different times cost less than the whole at once.

References
----------
- Tóth, Lempérière, Deremble, de Lataillade, Kockelkoren and Bouchaud, *Anomalous price impact and the critical nature
  of liquidity in financial markets*, Physical Review X 1 (2011): the law, Y of order one.
- Bouchaud, Bonart, Donier and Gould, *Trades, Quotes and Prices* (2018), chapter 12.
- Donier and Bonart, *A million metaorder analysis of market impact on the Bitcoin* (2015): it holds there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS


def move_bps(lots: float, volume_lots: float, volatility_bps: float, impact_bps: float = BPS) -> float:
    """Return how far an order of `lots` moves the price, in basis points.

    Examples
    --------
    A hundredth of the day's volume, at 2 % a day:

    >>> move_bps(1_000, 100_000, 200)
    20.0
    """
    return float(impact_bps / BPS * volatility_bps * (lots / volume_lots) ** 0.5)


@dataclass(frozen=True, slots=True)
class Depth:
    """The depth of K markets, one entry a slot.

    Parameters
    ----------
    notional_ticks
        What a lot stands for in ticks, at least 0: the index of its underlying, or for an option its delta of it.
    volume_lots
        Lots traded in a day, at least 1.
    volatility_bps
        Volatility of a day, at least 0.
    half_spread_bps
        Half the distance of bid and ask, at least 0.
    impact_bps
        The factor Y of the law, 10,000 for 1.

    Raises
    ------
    InputError
        Columns of different lengths, or a number outside its range.
    """

    notional_ticks: tuple[int, ...]
    volume_lots: tuple[int, ...]
    volatility_bps: tuple[int, ...]
    half_spread_bps: tuple[int, ...]
    impact_bps: int = BPS

    def __post_init__(self) -> None:
        columns = (self.notional_ticks, self.volume_lots, self.volatility_bps, self.half_spread_bps)
        if len({len(column) for column in columns}) != 1:
            raise InputError("depth", "columns must have one length", [len(column) for column in columns])
        if self.impact_bps < 0 or any(number < 0 for column in columns for number in column):
            raise InputError("depth", "must hold no negative number")
        if 0 in self.volume_lots:
            raise InputError("depth: volume_lots", "must be at least 1", 0)

    def closing_cost_e4(self, slot: int, lots: int) -> int:
        """Return the cost of closing `lots` of one slot in ticks * 10^-4, rounded up, against the account.

        Notes
        -----
        Exact: the square root is taken of the squared cost, a fraction of integers.
        """
        notional = abs(lots) * self.notional_ticks[slot]
        root_squared = (2 * notional * self.impact_bps * self.volatility_bps[slot]) ** 2 * abs(lots)
        over = (3 * BPS) ** 2 * self.volume_lots[slot]
        squared = -(-root_squared // over)
        impact = isqrt(squared - 1) + 1 if squared else 0
        return notional * self.half_spread_bps[slot] + impact

    def basket_cost_e4(self, closed_lots: Sequence[int]) -> int:
        """Return the cost of closing a basket, shape (K,), in ticks * 10^-4."""
        return sum(self.closing_cost_e4(slot, lots) for slot, lots in enumerate(closed_lots) if lots)

    def notional_of(self, closed_lots: Sequence[int]) -> int:
        """Return the notional of a basket in ticks, long and short added up."""
        return sum(abs(lots) * ticks for lots, ticks in zip(closed_lots, self.notional_ticks, strict=True))
