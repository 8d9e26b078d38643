"""The margin rule in NumPy float64, vectorised over accounts × instruments: for real time and for making samples.

It follows the exact engine's definitions term by term; only the exact engine is proven. Money is in ticks as float64,
so a figure is good to about 2^-45 of the gross sums that it nets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtnet_core.account import Account, amounts, quantities
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, PROFILES
from rtnet_core.params import Params
from rtnet_core.pricing_fast import fast_rows
from rtnet_core.snapshot import Snapshot

if TYPE_CHECKING:
    from rtnet_core.risk_array import RiskArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FastMarket:
    """What the fast rule needs of snapshot and parameters, padded to the profile: K slots, U underlyings, A assets.

    Attributes
    ----------
    changes
        Shape (U, K/U, S), ticks per lot.
    mark, delta, gamma, is_option
        Shape (U, K/U).
    index_ticks, short_option_rate, delta_rate, gamma_rate
        Shape (U,); rates are fractions.
    size_kinks, size_rises
        Shape (U, 2), lots and fractions.
    price_ticks, collateral_rate
        Shape (A,).
    kinks, drops
        Shape (A, 2), units and fractions.
    """

    changes: Floats
    mark: Floats
    delta: Floats
    gamma: Floats
    is_option: Floats
    index_ticks: Floats
    short_option_rate: Floats
    delta_rate: Floats
    gamma_rate: Floats
    size_kinks: Floats
    size_rises: Floats
    price_ticks: Floats
    collateral_rate: Floats
    kinks: Floats
    drops: Floats

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot, params: Params) -> Self:
        """Return the market priced by the fast engine.

        Raises
        ------
        InputError
            `params` lacks an underlying or an asset of the snapshot.
        """
        rows = fast_rows(snapshot, params)
        return cls._assemble(snapshot, params, rows.changes, rows.mark, rows.delta, rows.gamma, rows.is_option)

    @classmethod
    def from_risk_array(cls, array: RiskArray, snapshot: Snapshot, params: Params) -> Self:
        """Return the market of an exact risk array: only the margin sums are in float64 then.

        Raises
        ------
        InputError
            The array is of another profile than the snapshot, or `params` lacks a symbol of it.
        """
        if array.profile != snapshot.profile:
            raise InputError("risk array", f"must be of the snapshot's profile {snapshot.profile}", array.profile)
        return cls._assemble(snapshot, params, array.rows, array.marks, array.deltas, array.gammas, array.is_option)

    @classmethod
    def _assemble(
        cls,
        snapshot: Snapshot,
        params: Params,
        changes: ArrayLike,
        mark: ArrayLike,
        delta: ArrayLike,
        gamma: ArrayLike,
        is_option: ArrayLike,
    ) -> Self:
        sizes = PROFILES[snapshot.profile]
        grid = (sizes.underlyings, sizes.slots)
        underlyings, assets = params.of_underlyings(snapshot), params.of_assets(snapshot)
        count, asset_count = sizes.underlyings, sizes.assets
        return cls(
            changes=np.asarray(changes, dtype=np.float64).reshape(*grid, -1),
            mark=np.asarray(mark, dtype=np.float64).reshape(grid),
            delta=np.asarray(delta, dtype=np.float64).reshape(grid),
            gamma=np.asarray(gamma, dtype=np.float64).reshape(grid),
            is_option=np.asarray(is_option, dtype=np.float64).reshape(grid),
            index_ticks=_padded([entry.index_ticks for entry in snapshot.underlyings], count),
            short_option_rate=_padded([entry.short_option_bps for entry in underlyings], count) / BPS,
            delta_rate=_padded([entry.delta_rate_bps for entry in underlyings], count) / BPS,
            gamma_rate=_padded([entry.gamma_rate_bps for entry in underlyings], count) / BPS,
            size_kinks=_padded([entry.size_kinks_lots for entry in underlyings], count, 2),
            size_rises=_padded([entry.size_rises_bps for entry in underlyings], count, 2) / BPS,
            price_ticks=_padded([entry.price_ticks for entry in snapshot.assets], asset_count),
            collateral_rate=_padded([entry.rate_bps for entry in assets], asset_count) / BPS,
            kinks=_padded([entry.kinks for entry in assets], asset_count, 2),
            drops=_padded([entry.drops_bps for entry in assets], asset_count, 2) / BPS,
        )


@dataclass(frozen=True, slots=True)
class FastMargin:
    """The margin of N accounts, in ticks (shape (N,), or (N, U) for the parts of maintenance)."""

    credit: Floats
    nlv: Floats
    scan_risk: Floats
    size_add_on: Floats
    short_option_minimum: Floats
    delta_gamma_add_on: Floats

    @property
    def maintenance(self) -> Floats:
        """Maintenance margin, shape (N,)."""
        parts = self.scan_risk + self.size_add_on + self.short_option_minimum + self.delta_gamma_add_on
        return np.asarray(parts.sum(axis=1), dtype=np.float64)

    @property
    def ratio(self) -> Floats:
        """NLV / maintenance, shape (N,); without maintenance it is +inf for an NLV of at least zero, else -inf."""
        maintenance = self.maintenance
        unbounded = np.where(self.nlv >= 0, np.inf, -np.inf)
        return np.divide(self.nlv, maintenance, out=unbounded, where=maintenance > 0)


def fast_margin(market: FastMarket, q: ArrayLike, cash: ArrayLike, collateral: ArrayLike) -> FastMargin:
    """Return the margin of N accounts.

    Parameters
    ----------
    market
        Prices and rates.
    q
        Shape (N, K), signed lots in slot order.
    cash
        Shape (N,), signed ticks.
    collateral
        Shape (N, A), units of at least 0, in the order of the assets.

    Notes
    -----
    For each underlying, over its slots: pnl[s] = Σ q·row[s]; scan risk = max(0, max_s(-pnl[s])); size add-on =
    index·Σ_j rises[j]·max(0, Σ|q| - kinks[j]); short-option minimum = index·rate·Σ_options max(0, -q); delta/gamma
    add-on = delta_rate·|Σ q·delta| + gamma_rate·max(0, -Σ q·gamma). Credit of an asset =
    price·(rate·amount - Σ_j drops[j]·max(0, amount - kinks[j])).
    """
    count, slot_count = market.mark.shape
    lots = np.asarray(q, dtype=np.float64).reshape(-1, count, slot_count)
    held = np.asarray(collateral, dtype=np.float64)
    by_underlying = lots.transpose(1, 0, 2)

    pnl = by_underlying @ market.changes
    scan_risk = np.maximum(0.0, (-pnl).max(axis=2)).T

    gross = np.abs(lots).sum(axis=2)
    over = np.maximum(0.0, gross[:, :, None] - market.size_kinks)
    size_add_on = market.index_ticks * (over * market.size_rises).sum(axis=2)

    short = (np.maximum(0.0, -lots) * market.is_option).sum(axis=2)
    short_option_minimum = market.index_ticks * market.short_option_rate * short

    net_delta = (lots * market.delta).sum(axis=2)
    net_gamma = (lots * market.gamma).sum(axis=2)
    delta_gamma = market.delta_rate * np.abs(net_delta) + market.gamma_rate * np.maximum(0.0, -net_gamma)

    dropped = (np.maximum(0.0, held[:, :, None] - market.kinks) * market.drops).sum(axis=2)
    credit = (market.price_ticks * (market.collateral_rate * held - dropped)).sum(axis=1)
    nlv = np.asarray(cash, dtype=np.float64) + credit + (lots * market.mark).sum(axis=(1, 2))
    return FastMargin(credit, nlv, scan_risk, size_add_on, short_option_minimum, delta_gamma)


def margin_of_accounts(market: FastMarket, snapshot: Snapshot, accounts: Sequence[Account]) -> FastMargin:
    """Return the margin of `accounts`, row n for account n.

    Raises
    ------
    InputError
        An account names an instrument or an asset that the snapshot does not have.
    """
    return fast_margin(
        market,
        np.array([quantities(account, snapshot) for account in accounts], dtype=np.float64),
        np.array([account.cash_ticks for account in accounts], dtype=np.float64),
        np.array([amounts(account, snapshot) for account in accounts], dtype=np.float64),
    )


def _padded(entries: Sequence[int] | Sequence[tuple[int, ...]], count: int, width: int | None = None) -> Floats:
    """Return the entries as rows of float64, zeros below."""
    table = np.zeros(count if width is None else (count, width))
    table[: len(entries)] = entries
    return table
