"""One interface to every margin model: holdings in, the account's value and its three levels out.

A model is built on a market and its parameters; `levels` then margins any number of accounts against them. Below
*initial* nothing may be opened or withdrawn, below *maintenance* a margin call or liquidation begins, below *close-out*
positions are closed without further notice.

References
----------
ESMA, *Decision (EU) 2018/796*, article 2: margin close-out at 50 % of the initial margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.margin_fast import FastMarket, fast_margin
from rtnet_core.risk.ranges import Floats, matrix


@dataclass(frozen=True, slots=True)
class Holdings:
    """What N accounts hold.

    Attributes
    ----------
    lots
        Shape (N, K), signed, in slot order.
    cash
        Shape (N,), signed ticks.
    collateral
        Shape (N, A), units of at least 0.
    """

    lots: Floats
    cash: Floats
    collateral: Floats

    @classmethod
    def of(cls, lots: ArrayLike, cash: ArrayLike, collateral: ArrayLike) -> Holdings:
        """Return holdings from what NumPy makes arrays of.

        Raises
        ------
        InputError
            The shapes do not fit together, or an entry is not finite.
        """
        held, money = np.asarray(lots, dtype=np.float64), np.asarray(cash, dtype=np.float64)
        assets = np.asarray(collateral, dtype=np.float64)
        if held.ndim != 2 or assets.ndim != 2 or not held.shape[:1] == money.shape == assets.shape[:1]:
            raise InputError("holdings", "must have the shapes (N, K), (N,) and (N, A)", (held.shape, assets.shape))
        if not (np.isfinite(money).all() and (assets >= 0).all()):
            raise InputError("holdings", "must have finite cash and no negative collateral")
        return cls(matrix("lots", held, held.shape[1]), money, matrix("collateral", assets, assets.shape[1]))

    def check(self, instruments: int, assets: int) -> None:
        """Check that the holdings are of a market of K instruments and A assets.

        Raises
        ------
        InputError
            They are not.
        """
        matrix("lots", self.lots, instruments)
        matrix("collateral", self.collateral, assets)


@dataclass(frozen=True, slots=True)
class Levels:
    """Value and levels of N accounts, ticks, shape (N,): close_out <= maintenance <= initial.

    What counts as value is the model's: with haircuts where collateral is taken at a discount, without where the
    model's scenarios move the collateral too.
    """

    value: Floats
    initial: Floats
    maintenance: Floats
    close_out: Floats

    @property
    def ratio(self) -> Floats:
        """Value / maintenance; without maintenance +inf for a value of at least zero, else -inf."""
        unbounded = np.where(self.value >= 0, np.inf, -np.inf)
        return np.divide(self.value, self.maintenance, out=unbounded, where=self.maintenance > 0)


@dataclass(frozen=True, slots=True)
class LevelRates:
    """Initial and close-out level in basis points of maintenance; initial at least 10^4, close-out at most."""

    initial_bps: int = 12_500
    close_out_bps: int = 6_250

    def __post_init__(self) -> None:
        if not 0 <= self.close_out_bps <= BPS <= self.initial_bps:
            raise InputError("level rates", "must have close_out_bps <= 10000 <= initial_bps", self)

    def levels(self, value: Floats, maintenance: Floats) -> Levels:
        """Return the three levels of a maintenance margin."""
        return Levels(
            value, maintenance * (self.initial_bps / BPS), maintenance, maintenance * (self.close_out_bps / BPS)
        )


DEFAULT_LEVEL_RATES: Final = LevelRates()


class MarginModel(Protocol):
    """A margin model on one market."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def levels(self, holdings: Holdings) -> Levels:
        """Return value and levels of every account.

        Raises
        ------
        InputError
            The holdings are of another market's shape.
        """


@dataclass(frozen=True, slots=True)
class ProvenRule:
    """The rule that is proven, sixteen scenarios and add-ons, by the fast engine; collateral at its haircut."""

    market: FastMarket
    rates: LevelRates = DEFAULT_LEVEL_RATES
    name: str = "proven rule"

    def levels(self, holdings: Holdings) -> Levels:
        """Return value and levels of every account.

        Raises
        ------
        InputError
            The holdings are of another market's shape.
        """
        holdings.check(self.market.mark.size, len(self.market.price_ticks))
        margin = fast_margin(self.market, holdings.lots, holdings.cash, holdings.collateral)
        return self.rates.levels(margin.nlv, margin.maintenance)
