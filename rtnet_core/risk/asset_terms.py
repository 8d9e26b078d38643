"""What collateral assets are to a margin model: which underlying they follow, what they may lose beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtnet_core.errors import InputError
from rtnet_core.risk.grid_params import GridScenario
from rtnet_core.risk.ranges import Floats, within
from rtnet_core.risk.risk_market import RiskMarket


@dataclass(frozen=True, slots=True)
class AssetTerms:
    """Terms of the A assets of a market.

    Attributes
    ----------
    underlying
        Shape (A,): the number of the underlying whose price the asset follows, -1 for none.
    depeg
        Shape (A,): share of its value lost beyond the underlying's move in a scenario of full stress.
    value_ticks
        Shape (A,): price less the haircut, ticks a unit.
    """

    underlying: NDArray[np.int64]
    depeg: Floats
    value_ticks: Floats

    @classmethod
    def of(
        cls,
        market: RiskMarket,
        *,
        follows: Mapping[str, str] | None = None,
        depeg: Mapping[str, float] | None = None,
        haircut: Mapping[str, float] | None = None,
    ) -> AssetTerms:
        """Return the terms of a market's assets.

        Parameters
        ----------
        market
            A coin that is an underlying follows itself.
        follows
            The underlying of an asset under another name: a staked token, say.
        depeg, haircut
            Shares from 0 to 1 by asset, 0 where not named.

        Raises
        ------
        InputError
            A symbol that the market does not have.
        RangeError
            A share outside 0 to 1.
        """
        underlying = market.asset_underlying.copy()
        for symbol, target in (follows or {}).items():
            if target not in market.symbols:
                raise InputError("follows", "must name an underlying of the market", target)
            underlying[_number(market, symbol)] = market.symbols.index(target)
        shares = [np.zeros(len(market.asset_price)) for _ in range(2)]
        for column, (field, given) in zip(shares, (("depeg", depeg), ("haircut", haircut)), strict=True):
            for symbol, share in (given or {}).items():
                column[_number(market, symbol)] = within(f"{field}: {symbol}", share, 0.0, 1.0)
        return cls(underlying, shares[0], market.asset_price * (1 - shares[1]))

    def check(self, market: RiskMarket) -> None:
        """Check that the terms are of the market's assets.

        Raises
        ------
        InputError
            They are of another number.
        """
        if self.value_ticks.shape != market.asset_price.shape:
            raise InputError("asset terms", "must have one entry for each asset of the market", len(self.value_ticks))

    def relative_change(self, scenario: GridScenario) -> Floats:
        """Return the assets' relative value changes in a scenario of the underlying they follow, shape (A,)."""
        return np.asarray((1 + scenario.price) * (1 - scenario.stress * self.depeg) - 1, dtype=np.float64)


def _number(market: RiskMarket, symbol: str) -> int:
    if not symbol or symbol not in market.asset_symbols:
        raise InputError("asset terms", "must name assets of the market", symbol)
    return market.asset_symbols.index(symbol)
