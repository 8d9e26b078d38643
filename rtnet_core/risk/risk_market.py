"""A snapshot as arrays that can be revalued: what every model here starts from.

Shapes as in `rtnet_core.margin_fast`: K slots of U underlyings, A assets, S scenarios. An empty slot has no price and
never moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from rtnet_core.errors import InputError
from rtnet_core.limits import MS_PER_YEAR, VOLATILITY_FRACTION_BITS
from rtnet_core.pricing_fast import option_values
from rtnet_core.risk.ranges import Floats
from rtnet_core.snapshot import Snapshot, slots

#: What is left of an option's life when it has run out: half a second.
_LEAST_YEARS: Final = 500 / MS_PER_YEAR
#: Volatilities stay between these, whatever a scenario does to them.
_LEAST_VOLATILITY: Final = 1e-6
_MOST_VOLATILITY: Final = 16.0


@dataclass(frozen=True, slots=True)
class RiskMarket:
    """Prices and terms of a snapshot's instruments and assets.

    Attributes
    ----------
    symbols
        The U underlyings.
    instrument_names
        Of the K slots, empty where there is none.
    underlying
        Shape (K,), the number of each slot's underlying.
    is_listed, is_option, is_call
        Shape (K,), bool.
    forward, strike
        Shape (K,), ticks per lot; 1 where a slot has none.
    volatility, years
        Shape (K,); years also for futures, 0 for perpetuals. Volatility 1 where a slot has none.
    index_ticks
        Shape (U,), ticks per lot.
    asset_symbols
        The A assets.
    asset_price
        Shape (A,), ticks per unit.
    asset_underlying
        Shape (A,), the number of the underlying that an asset is, -1 where it is none of them.
    """

    symbols: tuple[str, ...]
    instrument_names: tuple[str, ...]
    underlying: NDArray[np.int64]
    is_listed: NDArray[np.bool_]
    is_option: NDArray[np.bool_]
    is_call: NDArray[np.bool_]
    forward: Floats
    strike: Floats
    volatility: Floats
    years: Floats
    index_ticks: Floats
    asset_symbols: tuple[str, ...]
    asset_price: Floats
    asset_underlying: NDArray[np.int64]

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot) -> Self:
        """Return the arrays of a snapshot; assets are padded with price 0 to the profile's A."""
        table = slots(snapshot)
        sizes = snapshot.sizes
        symbols = tuple(entry.symbol for entry in snapshot.underlyings)
        numbers = {symbol: number for number, symbol in enumerate(symbols)}
        padding = sizes.assets - len(snapshot.assets)
        prices = [asset.price_ticks for asset in snapshot.assets] + [0] * padding
        of_asset = [numbers.get(asset.symbol, -1) for asset in snapshot.assets] + [-1] * padding
        scale = 1 << VOLATILITY_FRACTION_BITS
        return cls(
            symbols=symbols,
            instrument_names=tuple("" if entry is None else entry.name for entry in table),
            underlying=np.minimum(np.arange(sizes.instruments) // sizes.slots, len(symbols) - 1),
            is_listed=np.array([entry is not None for entry in table]),
            is_option=np.array([entry is not None and entry.is_option for entry in table]),
            is_call=np.array([entry is not None and entry.kind == "call" for entry in table]),
            forward=np.array([1.0 if entry is None else float(entry.forward_ticks) for entry in table]),
            strike=np.array([1.0 if entry is None else float(entry.strike_ticks or 1) for entry in table]),
            volatility=np.array([1.0 if entry is None else (entry.volatility_q32 or scale) / scale for entry in table]),
            years=np.array(
                [
                    0.0
                    if entry is None or entry.expiry_ms is None
                    else (entry.expiry_ms - snapshot.time_ms) / MS_PER_YEAR
                    for entry in table
                ]
            ),
            index_ticks=np.array([float(entry.index_ticks) for entry in snapshot.underlyings]),
            asset_symbols=tuple(asset.symbol for asset in snapshot.assets) + ("",) * padding,
            asset_price=np.array(prices, dtype=np.float64),
            asset_underlying=np.array(of_asset, dtype=np.int64),
        )

    @property
    def marks(self) -> Floats:
        """Value of each slot's instrument, shape (K,), ticks per lot; a linear one is worth its forward."""
        unmoved = np.ones((1, len(self.forward)))
        return np.asarray(self.values(unmoved, unmoved)[0], dtype=np.float64)

    def values(self, price_factor: Floats, volatility_factor: Floats, elapsed_years: float = 0.0) -> Floats:
        """Return the instruments' values in S scenarios, shape (S, K), ticks per lot.

        Parameters
        ----------
        price_factor, volatility_factor
            Shape (S, K) or what broadcasts to it: by what forwards and volatilities are multiplied. Volatilities are
            then held between 10^-6 and 16.
        elapsed_years
            How much of every option's life is gone; an option that has run out is worth its payoff.
        """
        forward = self.forward * np.maximum(price_factor, 0.0)
        result = np.where(self.is_listed, forward, 0.0)
        chosen = np.flatnonzero(self.is_option)
        if chosen.size:
            sigma = np.clip(self.volatility * volatility_factor, _LEAST_VOLATILITY, _MOST_VOLATILITY)
            result[:, chosen] = option_values(
                self.is_call[chosen],
                np.maximum(forward[:, chosen], 1e-9),
                self.strike[chosen],
                np.broadcast_to(sigma, result.shape)[:, chosen],
                np.maximum(self.years[chosen] - elapsed_years, _LEAST_YEARS),
            )
        return result

    def changes(self, price_factor: Floats, volatility_factor: Floats, elapsed_years: float = 0.0) -> Floats:
        """Return `values` less the marks, shape (S, K)."""
        return self.values(price_factor, volatility_factor, elapsed_years) - self.marks

    def check_same_instruments(self, other: RiskMarket) -> None:
        """Check that both markets list the same in the same slots.

        Raises
        ------
        InputError
            They do not.
        """
        if (self.instrument_names, self.symbols) != (other.instrument_names, other.symbols):
            raise InputError("markets", "must list the same instruments in the same slots")
