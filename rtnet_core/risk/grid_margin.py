"""The generalised scenario grid as a margin model: any scenarios, collateral inside them, and contingency charges.

For underlying u, with w the scenario's weight and the collateral that is this underlying moving with it:

    loss_s      = -w_s·(Σ lots·change_s + Σ collateral·change_s);  a skew scenario: Σ over expiries of w_s·|P&L|
    forward     = Σ over expiries of max(0, -P&L at +move, -P&L at -move)·(base + per_year·T)
    maintenance = max(0, max_s loss_s) + forward + linear and short-option charges

and the same with the scenario part times `initial_factor` for initial margin. Underlyings are added up: no offset
between them. An asset that is none of them (a stablecoin) adds what it loses in the strongest stress.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.errors import InputError
from rtnet_core.risk.asset_terms import AssetTerms
from rtnet_core.risk.grid_params import GridParams, GridScenario
from rtnet_core.risk.margin_models import Holdings, Levels
from rtnet_core.risk.ranges import Floats, within
from rtnet_core.risk.risk_market import RiskMarket

_DAYS_PER_YEAR: Final = 365


@dataclass(frozen=True)
class GridMargin:
    """The grid on one market.

    Attributes
    ----------
    market
        What is revalued.
    params
        One grid for each underlying, in the market's order.
    assets
        What each collateral asset is and how it may fail.
    close_out_share
        The close-out level as a share of initial margin, at most what keeps it below maintenance.
    """

    market: RiskMarket
    params: tuple[GridParams, ...]
    assets: AssetTerms
    close_out_share: float = 0.5
    name: str = "scenario grid"

    def __post_init__(self) -> None:
        if len(self.params) != len(self.market.symbols):
            raise InputError("grid: params", "must have one entry for each underlying", len(self.params))
        self.assets.check(self.market)
        within("grid: close_out_share", self.close_out_share, 0.0, 1.0)

    def levels(self, holdings: Holdings) -> Levels:
        """Return value and levels of every account; value is at market prices less the assets' own haircuts.

        Raises
        ------
        InputError
            The holdings are of another market's shape.
        """
        holdings.check(len(self.market.forward), len(self.market.asset_price))
        scenario, charges, initial_charges = (np.zeros((len(holdings.cash), len(self.params))) for _ in range(3))
        for number, params in enumerate(self.params):
            scenario[:, number] = np.maximum(self.losses(holdings, number).max(axis=1), 0.0)
            charges[:, number] = self.forward_charge(holdings, number)
            maintenance, initial = self.position_charges(holdings, number)
            charges[:, number] += maintenance
            initial_charges[:, number] = initial + (params.initial_factor - 1) * scenario[:, number]
        maintenance_margin = scenario.sum(axis=1) + charges.sum(axis=1) + self._unlinked_losses(holdings)
        initial_margin = maintenance_margin + initial_charges.sum(axis=1)
        worth = holdings.collateral * self.assets.value_ticks
        return Levels(
            value=holdings.cash + holdings.lots @ self.market.marks + worth.sum(axis=1),
            initial=initial_margin,
            maintenance=maintenance_margin,
            close_out=np.minimum(self.close_out_share * initial_margin, maintenance_margin),
        )

    def losses(self, holdings: Holdings, number: int) -> Floats:
        """Return each account's weighted loss in every scenario of an underlying, shape (N, S)."""
        scenarios = self.params[number].scenarios
        chosen, changes = self._changes[number]
        lots = holdings.lots[:, chosen]
        profit = lots @ changes.T
        expiries = _memberships(self.market.years[chosen])
        for place, scenario in enumerate(scenarios):
            if scenario.is_skew:
                profit[:, place] = -np.abs(lots @ (changes[place][:, None] * expiries)).sum(axis=1)
        linked = self.assets.underlying == number
        worth = holdings.collateral[:, linked] * self.assets.value_ticks[linked]
        profit += worth @ np.array([self.assets.relative_change(scenario)[linked] for scenario in scenarios]).T
        return np.asarray(-profit * np.array([scenario.weight for scenario in scenarios]), dtype=np.float64)

    def forward_charge(self, holdings: Holdings, number: int) -> Floats:
        """Return what an underlying's forwards cost if they move apart, shape (N,)."""
        rule = self.params[number].forward
        chosen = np.flatnonzero((self.market.underlying == number) & (self.market.years > 0))
        years = self.market.years[chosen]
        moves = np.array([[1 + rule.move], [1 - rule.move]])
        changes = self.market.changes(moves, np.ones((1, 1)))[:, chosen] * (rule.base + rule.per_year * years)
        expiries = _memberships(years)
        lots = holdings.lots[:, chosen]
        up, down = (lots @ (change[:, None] * expiries) for change in changes)
        return np.asarray(np.maximum(-np.minimum(up, down), 0.0).sum(axis=1), dtype=np.float64)

    def position_charges(self, holdings: Holdings, number: int) -> tuple[Floats, Floats]:
        """Return the charges on linear positions and net short options, and what initial margin has on top."""
        params, market = self.params[number], self.market
        mine = (market.underlying == number) & market.is_listed
        gross = np.abs(holdings.lots[:, mine & ~market.is_option]).sum(axis=1)
        options = np.flatnonzero(mine & market.is_option)
        strikes = _memberships(np.stack([market.years[options], market.strike[options]], axis=1))
        short = np.maximum(-(holdings.lots[:, options] @ strikes), 0.0).sum(axis=1)
        index = market.index_ticks[number]
        return (
            index * (params.linear_rate * gross + params.short_option_rate * short),
            index * (params.linear_rate_initial * gross + params.short_option_rate_initial * short),
        )

    def _unlinked_losses(self, holdings: Holdings) -> Floats:
        """Return what assets that are no underlying lose in the strongest stress, shape (N,)."""
        stress = max(entry.stress * entry.weight for grid in self.params for entry in grid.scenarios)
        lost = np.where(self.assets.underlying < 0, self.assets.depeg * self.assets.value_ticks, 0.0)
        return np.asarray(stress * (holdings.collateral @ lost), dtype=np.float64)

    @cached_property
    def _changes(self) -> list[tuple[NDArray[np.intp], Floats]]:
        """Each underlying's slots and their value changes, shape (S, slots): what no account changes."""
        found = []
        for number, params in enumerate(self.params):
            chosen = np.flatnonzero(self.market.underlying == number)
            prices = np.array([[1 + scenario.price] for scenario in params.scenarios])
            factors = np.array([self._volatility_factors(params, scenario) for scenario in params.scenarios])
            found.append((chosen, self.market.changes(prices, factors)[:, chosen]))
        return found

    def _volatility_factors(self, params: GridParams, scenario: GridScenario) -> Floats:
        market = self.market
        if scenario.is_skew:
            log_moneyness = np.log(market.strike / market.forward)
            return params.skew.factors(scenario.volatility, log_moneyness, market.years)
        return params.volatility.factors(scenario.volatility, market.volatility, _DAYS_PER_YEAR * market.years)


def _memberships(labels: Floats) -> Floats:
    """Return which rows share a label, shape (rows, labels): what is multiplied with it is added up by label."""
    found, places = np.unique(labels, axis=0, return_inverse=True)
    return np.asarray(places.reshape(-1, 1) == np.arange(len(found)), dtype=np.float64)
