"""The fast engine against the exact one, over a market's rows and a book's accounts, each with the bound it must keep.

Only the exact engine is proven. That another one, written otherwise and in floating point, comes to the same within its
own error is evidence that the numbers are the rule's, and not an accident of one program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rtnet_core.account import Account
from rtnet_core.limits import BPS, MS_PER_YEAR
from rtnet_core.margin_exact import AccountMargin, AccountVector
from rtnet_core.margin_fast import FastMarket, margin_of_accounts
from rtnet_core.params import Params
from rtnet_core.params_root import MarginParams, margin_params
from rtnet_core.pricing_fast import fast_rows
from rtnet_core.risk_array import RiskArray
from rtnet_core.snapshot import Instrument, Snapshot, slots

#: Error of the fixed-point price, as a share of the forward (docs/pricing.md).
PRICE_ERROR: Final = 1e-7
#: What float64 sums lose, as a share of the gross sums that they net (`rtnet_core.margin_fast`).
SUM_ERROR: Final = 2.0**-45


@dataclass(frozen=True, slots=True)
class RowDifferential:
    """One column of the risk array: the largest difference in ticks a lot, and how much of its bound that is.

    Attributes
    ----------
    largest_ticks
        Of all slots.
    share
        The largest difference over the bound of its own row; above 1 it is beyond it.
    bound
        The bound in words.
    """

    column: str
    largest_ticks: float
    share: float
    bound: str

    @property
    def beyond(self) -> bool:
        """Whether a difference is beyond its bound."""
        return self.share > 1


def compare_rows(risk: RiskArray, snapshot: Snapshot, params: Params) -> tuple[RowDifferential, ...]:
    """Return the fast engine's rows against those of `risk`, column by column."""
    rows = fast_rows(snapshot, params)
    listed = [(slot, instrument) for slot, instrument in enumerate(slots(snapshot)) if instrument is not None]
    places = [slot for slot, _ in listed]
    forwards = np.array([instrument.forward_ticks for _, instrument in listed], dtype=np.float64)
    # Gamma comes from a coarse density, good to 2e-4 (docs/pricing.md).
    bends = 2e-4 * forwards / np.array([_total_volatility(entry, snapshot) for _, entry in listed]) / BPS
    columns = (
        ("change", rows.changes, risk.rows, 4 * PRICE_ERROR * forwards, "0.5 + 4e-7 of the forward"),
        ("mark", rows.mark, risk.marks, PRICE_ERROR * forwards, "0.5 + 1e-7 of the forward"),
        ("delta", rows.delta, risk.deltas, 1e-8 * forwards, "0.5 + 1e-8 of the forward"),
        ("gamma", rows.gamma, risk.gammas, bends, "0.5 + 2e-8 of the forward over total volatility"),
    )
    compared = []
    for column, fast, exact, slack, bound in columns:
        apart = np.abs(np.asarray(fast)[places] - np.asarray(exact, dtype=np.float64)[places])
        worst = apart.reshape(len(places), -1).max(axis=1)
        compared.append(RowDifferential(column, float(worst.max()), float((worst / (0.5 + slack)).max()), bound))
    return tuple(compared)


def _total_volatility(instrument: Instrument, snapshot: Snapshot) -> float:
    """Return sigma * sqrt(T) of an option; 1 for what has no bend."""
    if not instrument.is_option or instrument.expiry_ms is None or instrument.volatility_q32 is None:
        return 1.0
    return float(instrument.volatility_q32 / 2**32 * ((instrument.expiry_ms - snapshot.time_ms) / MS_PER_YEAR) ** 0.5)


class AccountDifferential:
    """Margins of all accounts by both engines, from the exact risk array: only the sums are in float64.

    Parameters
    ----------
    risk, snapshot, params
        Of one profile.
    threshold_bps
        By which accounts are counted.

    Attributes
    ----------
    accounts
        Compared.
    largest_nlv_ticks, largest_maintenance_ticks
        Largest differences.
    nlv_share, maintenance_share
        The largest difference over the bound of its own account, `SUM_ERROR` of its gross sums; above 1 is beyond.
    beyond
        Accounts with a difference beyond the bound.
    other_verdicts
        Accounts that only one engine finds below the threshold: headroom so near to zero that float64 cannot tell.
    """

    def __init__(self, risk: RiskArray, snapshot: Snapshot, params: Params, threshold_bps: int) -> None:
        self._risk, self._snapshot, self._threshold_bps = risk, snapshot, threshold_bps
        self._market = FastMarket.from_risk_array(risk, snapshot, params)
        self._per_lot_e4 = maintenance_per_lot_e4(risk, margin_params(params, snapshot))
        self.accounts = 0
        self.largest_nlv_ticks = 0.0
        self.largest_maintenance_ticks = 0.0
        self.nlv_share = 0.0
        self.maintenance_share = 0.0
        self.beyond = 0
        self.other_verdicts = 0

    def add(
        self, accounts: Sequence[Account], vectors: Sequence[AccountVector], margins: Sequence[AccountMargin]
    ) -> None:
        """Take in at least one account, each with its vector and exact margin."""
        fast = margin_of_accounts(self._market, self._snapshot, accounts)
        maintenance = fast.maintenance
        for n, (vector, exact) in enumerate(zip(vectors, margins, strict=True)):
            nlv_apart = abs(float(fast.nlv[n]) - exact.nlv_e4 / BPS)
            maintenance_apart = abs(float(maintenance[n]) - exact.maintenance_e4 / BPS)
            gross, gross_e4 = self._gross(vector)
            nlv_share, maintenance_share = _share(nlv_apart, gross), _share(maintenance_apart, gross_e4 / BPS)
            self.largest_nlv_ticks = max(self.largest_nlv_ticks, nlv_apart)
            self.largest_maintenance_ticks = max(self.largest_maintenance_ticks, maintenance_apart)
            self.nlv_share = max(self.nlv_share, nlv_share)
            self.maintenance_share = max(self.maintenance_share, maintenance_share)
            self.beyond += max(nlv_share, maintenance_share) > 1
            below = bool(fast.nlv[n] * BPS < self._threshold_bps * maintenance[n])
            self.other_verdicts += below == exact.clears(self._threshold_bps)
        self.accounts += len(accounts)

    def _gross(self, vector: AccountVector) -> tuple[int, int]:
        """Return the gross sums behind NLV in ticks, and behind the maintenance margin in ticks * 10^-4."""
        held = abs(vector.cash_ticks) + sum(map(int.__mul__, vector.amounts, self._risk.price_ticks))
        sizes = [abs(lots) for lots in vector.quantities]
        marked = sum(map(int.__mul__, sizes, self._risk.marks))
        return held + marked, sum(map(int.__mul__, sizes, self._per_lot_e4))


def _share(apart: float, gross: float) -> float:
    """Return a difference as a share of its bound; without gross sums there must be none."""
    return apart / (SUM_ERROR * gross) if gross else apart and float("inf")


def maintenance_per_lot_e4(risk: RiskArray, rules: MarginParams) -> list[int]:
    """Return what one lot of each slot adds to the parts of the maintenance margin at most, ticks * 10^-4."""
    most = []
    for slot, row in enumerate(risk.rows):
        underlying = slot // risk.sizes.slots
        index_rates = rules.short_option_bps[underlying] + sum(rules.size_rises_bps[underlying])
        most.append(
            BPS * max(map(abs, row))
            + index_rates * risk.index_ticks[underlying]
            + rules.delta_rate_bps[underlying] * abs(risk.deltas[slot])
            + rules.gamma_rate_bps[underlying] * abs(risk.gammas[slot])
        )
    return most
