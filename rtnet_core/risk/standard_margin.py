"""Rule-based margin: each position on its own, by a published formula; no position offsets another.

    linear   max over the level of  rate + size_rate·|coins|   of notional
    short    mark + max(rate·base - out-of-the-money amount, floor·floor_base), at least `put_mark_rate`·mark for puts
    long     option: paid in full, neither value nor margin

`base` is the index. Value leaves options out: what a short costs to close is in its margin, and a long lends nothing.

References
----------
- Deribit, *Standard margin*: short options 15 % less the out-of-the-money amount, at least 10 %, maintenance 7.5 %;
  futures 2 % and 1 % plus 0.005 % for each coin.
- Cboe, *Margin manual* (April 2000): naked equity options 20 % less the out-of-the-money amount, at least 10 % of the
  index for calls and of the strike for puts, plus the premium.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rtnet_core.errors import InputError
from rtnet_core.risk.asset_terms import AssetTerms
from rtnet_core.risk.margin_models import Holdings, Levels
from rtnet_core.risk.ranges import Floats, within
from rtnet_core.risk.risk_market import RiskMarket


@dataclass(frozen=True, slots=True)
class PositionRates:
    """The rates of one level.

    Attributes
    ----------
    linear
        Share of a future's or perpetual's notional.
    linear_per_coin
        Added to it for each coin of the position.
    option
        Share of the index, from which the out-of-the-money amount is taken off.
    option_floor
        At least this share remains.
    put_floor_on_strike
        Whether a put's floor is a share of its strike instead of the index.
    put_mark_rate
        A put's margin beside its mark is at least this share of the mark.
    """

    linear: float
    linear_per_coin: float
    option: float
    option_floor: float
    put_floor_on_strike: bool = False
    put_mark_rate: float = 0.0

    def __post_init__(self) -> None:
        for field in ("linear", "linear_per_coin", "option", "option_floor", "put_mark_rate"):
            within(f"position rates: {field}", getattr(self, field), 0.0, 10.0)


@dataclass(frozen=True, slots=True)
class StandardRates:
    """The rates of initial and maintenance margin."""

    initial: PositionRates
    maintenance: PositionRates


DERIBIT_STANDARD: Final = StandardRates(
    initial=PositionRates(0.02, 0.00005, 0.15, 0.10, put_mark_rate=0.075),
    maintenance=PositionRates(0.01, 0.00005, 0.075, 0.075, put_mark_rate=0.075),
)
#: Naked options need the same initially and later; a short position in the asset itself 50 % and then 30 %.
CBOE_EQUITY: Final = StandardRates(
    initial=PositionRates(0.50, 0.0, 0.20, 0.10, put_floor_on_strike=True),
    maintenance=PositionRates(0.30, 0.0, 0.20, 0.10, put_floor_on_strike=True),
)


@dataclass(frozen=True)
class StandardMargin:
    """The rule on one market.

    Attributes
    ----------
    market
        Prices and terms.
    lot_coins
        Shape (U,): coins in a lot of each underlying.
    assets
        Haircuts of the collateral.
    rates
        A published set.
    close_out_share
        The close-out level as a share of initial margin, at most maintenance.
    """

    market: RiskMarket
    lot_coins: Floats
    assets: AssetTerms
    rates: StandardRates = DERIBIT_STANDARD
    close_out_share: float = 0.5
    name: str = "standard margin"

    def __post_init__(self) -> None:
        if self.lot_coins.shape != self.market.index_ticks.shape:
            raise InputError("lot_coins", "must have one entry for each underlying", self.lot_coins.shape)
        self.assets.check(self.market)
        within("close_out_share", self.close_out_share, 0.0, 1.0)

    def levels(self, holdings: Holdings) -> Levels:
        """Return value and levels of every account.

        Raises
        ------
        InputError
            The holdings are of another market's shape.
        """
        market = self.market
        holdings.check(len(market.forward), len(market.asset_price))
        maintenance = self.position_margins(holdings.lots, self.rates.maintenance).sum(axis=1)
        initial = np.maximum(self.position_margins(holdings.lots, self.rates.initial).sum(axis=1), maintenance)
        linear = holdings.lots @ np.where(market.is_option, 0.0, market.marks)
        return Levels(
            value=holdings.cash + linear + holdings.collateral @ self.assets.value_ticks,
            initial=initial,
            maintenance=maintenance,
            close_out=np.minimum(self.close_out_share * initial, maintenance),
        )

    def position_margins(self, lots: Floats, rates: PositionRates) -> Floats:
        """Return the margin of each position, shape (N, K), ticks."""
        market = self.market
        index = market.index_ticks[market.underlying]
        coins = np.abs(lots) * self.lot_coins[market.underlying]
        linear = np.abs(lots) * market.forward * (rates.linear + rates.linear_per_coin * coins)
        sign = np.where(market.is_call, 1.0, -1.0)
        out_of_the_money = np.maximum(sign * (market.strike - index), 0.0)
        floor_base = np.where(market.is_call | (not rates.put_floor_on_strike), index, market.strike)
        beside = np.maximum(rates.option * index - out_of_the_money, rates.option_floor * floor_base)
        beside = np.maximum(beside, np.where(market.is_call, 0.0, rates.put_mark_rate * market.marks))
        short = np.maximum(-lots, 0.0) * (market.marks + beside)
        return np.where(market.is_listed, np.where(market.is_option, short, linear), 0.0)
