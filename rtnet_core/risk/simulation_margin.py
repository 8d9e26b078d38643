"""Value at risk or expected shortfall as a margin model: positions and collateral revalued under the same moves.

Each move multiplies the forwards of an underlying with e^x and its volatilities with e^y, and takes the horizon off
every option's life; the loss of an account is what positions and collateral lose together. Maintenance margin is the
measure of that loss, at least zero; value is at market, since the collateral's risk is inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from rtnet_core.errors import InputError
from rtnet_core.risk.asset_terms import AssetTerms
from rtnet_core.risk.margin_models import DEFAULT_LEVEL_RATES, Holdings, LevelRates, Levels
from rtnet_core.risk.ranges import Floats, matrix, within
from rtnet_core.risk.risk_market import RiskMarket
from rtnet_core.risk.tail_risk import tail_risk

Measure = Literal["value at risk", "expected shortfall"]

#: Losses held at a time: 64 MiB.
_CHUNK: Final = 1 << 23


@dataclass(frozen=True, slots=True)
class FactorMoves:
    """S equally likely joint log moves.

    Attributes
    ----------
    price, volatility
        Shape (S, U).
    asset
        Shape (S, A): moves of assets beyond that of the underlying they follow (a peg's), 0 for none.
    """

    price: Floats
    volatility: Floats
    asset: Floats

    @classmethod
    def from_rows(cls, rows: Floats, underlyings: int, asset_columns: dict[int, int], assets: int) -> FactorMoves:
        """Return the moves in rows of U prices, U volatilities and further columns, by asset number.

        Parameters
        ----------
        rows
            Shape (S, F): prices, volatilities, then what else moves, from `rtnet_core.risk.simulated_moves`.
        underlyings
            U.
        asset_columns
            Column of the peg's move by asset number.
        assets
            A.

        Raises
        ------
        InputError
            Too few columns, or a column or asset that is not there.
        """
        moves = np.asarray(rows, dtype=np.float64)
        if moves.ndim != 2 or moves.shape[1] < 2 * underlyings:
            raise InputError("rows", f"must have at least {2 * underlyings} columns", moves.shape)
        extra = np.zeros((len(moves), assets))
        for asset, column in asset_columns.items():
            if not (0 <= asset < assets and 2 * underlyings <= column < moves.shape[1]):
                raise InputError("asset_columns", "must lead from assets to columns after the volatilities", column)
            extra[:, asset] = moves[:, column]
        return cls(moves[:, :underlyings], moves[:, underlyings : 2 * underlyings], extra)


@dataclass(frozen=True)
class SimulationMargin:
    """The model on one market.

    Attributes
    ----------
    market
        What is revalued.
    moves
        The simulated moves over the horizon.
    assets
        Which underlying each asset follows; haircuts count too.
    confidence
        0.5 to 0.9999.
    measure
        Which of the two.
    horizon_years
        Taken off every option's life.
    rates
        Initial and close-out level.
    """

    market: RiskMarket
    moves: FactorMoves
    assets: AssetTerms
    confidence: float = 0.99
    measure: Measure = "expected shortfall"
    horizon_years: float = 1 / 365
    rates: LevelRates = DEFAULT_LEVEL_RATES

    def __post_init__(self) -> None:
        self.assets.check(self.market)
        matrix("moves: price", self.moves.price, len(self.market.symbols))
        matrix("moves: volatility", self.moves.volatility, len(self.market.symbols))
        matrix("moves: asset", self.moves.asset, len(self.market.asset_price))
        within("horizon_years", self.horizon_years, 0.0, 1.0)
        if self.measure not in ("value at risk", "expected shortfall"):
            raise InputError("measure", "must be value at risk or expected shortfall", self.measure)

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.measure} at {self.confidence:.2%}"

    def levels(self, holdings: Holdings) -> Levels:
        """Return value and levels of every account.

        Raises
        ------
        InputError
            The holdings are of another market's shape, or there are too few moves for the confidence.
        """
        holdings.check(len(self.market.forward), len(self.market.asset_price))
        instruments, assets = self._changes
        measured = np.empty(len(holdings.cash))
        step = max(_CHUNK // len(instruments), 1)
        for first in range(0, len(measured), step):
            here = slice(first, first + step)
            losses = -(instruments @ holdings.lots[here].T + assets @ holdings.collateral[here].T)
            found = tail_risk(losses, self.confidence)
            chosen = found.value_at_risk if self.measure == "value at risk" else found.expected_shortfall
            measured[here] = np.maximum(chosen, 0.0)
        worth = holdings.collateral @ self.assets.value_ticks
        return self.rates.levels(holdings.cash + holdings.lots @ self.market.marks + worth, measured)

    @cached_property
    def _changes(self) -> tuple[Floats, Floats]:
        """Value changes of a lot and of a unit under each move, shapes (S, K) and (S, A)."""
        market, moves = self.market, self.moves
        prices = np.exp(moves.price[:, market.underlying])
        volatilities = np.exp(moves.volatility[:, market.underlying])
        follows = self.assets.underlying
        followed = np.where(follows >= 0, moves.price[:, follows], 0.0)
        return (
            market.changes(prices, volatilities, self.horizon_years),
            self.assets.value_ticks * np.expm1(followed + moves.asset),
        )
