"""Margins that are always current, and exactly the proven rule's.

What a decision hangs on - NLV and maintenance margin, in ticks * 10^-4 - is integers, equal to
`rtnet_core.margin_exact` to the last digit. Three steps keep that fast:

- Every account has a *floor*: its headroom over the initial level is known to be no less. A trade lowers it by what its
  lots can cost at the most (`Rates.steepest_e4`), O(1). While the floor is not below zero, the account clears.
- Where a floor would fall below zero, the account is margined in integers, O(K·S), and that is its new floor.
- New prices touch every account. They are margined together by one matrix product in float64, good to 2^-45 of the
  gross sums that are netted; an account closer than that to a level is margined in integers.

So the rows below each level are exact after every event.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtnet_core.engine.ledger import Entry, Integers, Ledger
from rtnet_core.engine.rates import DELTA, GAMMA, MARK, Rates
from rtnet_core.errors import InputError
from rtnet_core.extras import missing_extra
from rtnet_core.limits import BPS, THRESHOLD_BITS, check_unsigned
from rtnet_core.margin_exact import collateral_credit_e4, size_add_on_e4

Floats = NDArray[np.float64]

#: Accounts that are margined at a time: their sums stay in the processor's cache.
_BLOCK: Final = 2_048
#: Relative to the gross sums that a figure nets.
ERROR_BOUND: Final = 2.0**-45
_E8: Final = BPS * BPS


@dataclass(frozen=True, slots=True)
class Levels:
    """Margin levels in basis points of the proven rule's maintenance margin.

    Raises
    ------
    InputError
        They do not descend from initial to close-out, or one exceeds the width of a threshold.
    """

    initial_bps: int = 12_500
    maintenance_bps: int = 10_000
    close_out_bps: int = 8_000

    def __post_init__(self) -> None:
        check_unsigned("initial_bps", self.initial_bps, THRESHOLD_BITS)
        if not self.initial_bps >= self.maintenance_bps >= self.close_out_bps >= 1:
            raise InputError("levels", "must descend: initial, maintenance, close-out, and that at least 1")


class Margin(NamedTuple):
    """An account's NLV and maintenance margin, in ticks * 10^-4."""

    nlv_e4: int
    maintenance_e4: int

    def headroom_e8(self, level_bps: int) -> int:
        """Return the NLV beyond a level, in ticks * 10^-8; negative where the account falls short."""
        return BPS * self.nlv_e4 - level_bps * self.maintenance_e4


class Preview(NamedTuple):
    """What an account would be after an entry.

    Attributes
    ----------
    headroom_e8
        Its headroom over the initial level is no less, in ticks * 10^-8; below zero it is exact.
    margin
        Its exact margin, None where the floor was enough.
    """

    row: int
    headroom_e8: int
    margin: Margin | None


@dataclass(frozen=True, slots=True)
class MarginTable:
    """NLV and maintenance margin of all accounts in ticks, float64, and the error bound of either; shape (N,)."""

    nlv: Floats
    maintenance: Floats
    error: Floats


@lru_cache(maxsize=1)
def _libraries() -> Any:
    try:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it ships no types
    except ModuleNotFoundError:
        raise missing_extra("threadpoolctl", "venue") from None
    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[object]:
    """Keep matrix products in one thread: in blocks this small, threads wait for each other more than they work."""
    limited: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limited


class LiveMargins:
    """The margins of a ledger's accounts under the rates of the moment.

    Attributes
    ----------
    below_initial, below_maintenance, below_close_out
        Rows of the accounts whose NLV is below that level, always current.
    """

    def __init__(self, ledger: Ledger, rates: Rates, levels: Levels) -> None:
        self.ledger = ledger
        self.levels = levels
        self.below_initial: set[int] = set()
        self.below_maintenance: set[int] = set()
        self.below_close_out: set[int] = set()
        self._floor_e8: list[float] = []
        self.set_rates(rates)

    def set_rates(self, rates: Rates) -> None:
        """Margin every account anew under new prices, parameters or listings."""
        self.rates = rates
        self._index = [entry.index_ticks for entry in rates.snapshot.underlyings]
        self._price_ticks = [asset.price_ticks for asset in rates.snapshot.assets]
        self._marks: list[int] = rates.rows[:, MARK].tolist()
        self._steepest_e4 = rates.steepest_e4()
        self._width = rates.snapshot.sizes.slots
        self.refresh()

    def refresh(self) -> MarginTable:
        """Margin every account anew, and return the figures."""
        table = self._margin_all()
        weight = self.levels.initial_bps / BPS
        floor = table.nlv - weight * table.maintenance - 2 * (1 + weight) * table.error
        self._floor_e8 = (_E8 * floor).tolist()
        for level_bps, below in self._levels():
            headroom = table.nlv - level_bps / BPS * table.maintenance
            below.clear()
            below.update(np.flatnonzero(headroom < 0).tolist())
            doubtful = np.abs(headroom) < table.error * (1 + level_bps / BPS)
            for row in np.flatnonzero(doubtful).tolist():
                _keep(below, row, self.margin(row).headroom_e8(level_bps) < 0)
        return table

    # --- one account, exactly

    def opened(self) -> None:
        """Take in an account that the ledger has just opened."""
        self._floor_e8.append(0)

    def margin(self, row: int) -> Margin:
        """Return an account's margin."""
        ledger = self.ledger
        return self.margin_of(int(ledger.cash[row]), ledger.collateral[row].tolist(), ledger.lots[row])

    def preview(self, entry: Entry) -> list[Preview]:
        """Return what each account of an entry would be after it; `Ledger.check` has passed the entry."""
        places = entry.cash
        if entry.units:
            places = places | {place: 0 for changes in entry.units.values() for place in changes}
        return [self._preview(row, entry) for row in places if row >= 0]

    def book(self, previews: list[Preview]) -> None:
        """Take over what was previewed, once the ledger has posted it."""
        for row, headroom_e8, margin in previews:
            self._floor_e8[row] = headroom_e8
            if margin is not None:
                for level_bps, below in self._levels():
                    _keep(below, row, margin.headroom_e8(level_bps) < 0)

    def _preview(self, row: int, entry: Entry) -> Preview:
        if not entry.units and row not in self.below_initial:
            gain, cost_e4 = entry.cash[row], 0
            for slot, changes in entry.lots.items():
                if row in changes:
                    change = changes[row]
                    gain += change * self._marks[slot]
                    cost_e4 += abs(change) * self._steepest_e4[slot]
            floor_e8 = int(self._floor_e8[row]) + _E8 * gain - self.levels.initial_bps * cost_e4
            if floor_e8 >= 0:
                return Preview(row, floor_e8, None)
        margin = self._margin_after(row, entry)
        return Preview(row, margin.headroom_e8(self.levels.initial_bps), margin)

    def _margin_after(self, row: int, entry: Entry) -> Margin:
        cash = entry.cash_after[row] if row in entry.cash_after else self.ledger.cash.item(row)
        held = self.ledger.collateral[row].tolist()
        for asset, amounts in entry.units_after.items():
            held[asset] = amounts.get(row, held[asset])
        lots = self.ledger.lots[row]
        if entry.lots_after:
            lots = lots.copy()
            for slot, positions in entry.lots_after.items():
                lots[slot] = positions.get(row, lots[slot])
        return self.margin_of(cash, held, lots)

    def margin_of(self, cash: int, held: list[int], lots: Integers) -> Margin:
        """Return the margin of an account that has this, shapes (A,) and (K,)."""
        marked = maintenance_e4 = 0
        for u, (index, params) in enumerate(zip(self._index, self.rates.underlyings, strict=True)):
            place = slice(u * self._width, (u + 1) * self._width)
            here = lots[place]
            gross = int(np.abs(here).sum())
            if not gross:
                continue
            sums: list[int] = (here @ self.rates.rows[place]).tolist()
            short = -int(np.minimum(here, 0) @ self.rates.is_option[place])
            marked += sums[MARK]
            maintenance_e4 += BPS * max(0, -min(sums[:MARK])) + params.short_option_bps * index * short
            maintenance_e4 += size_add_on_e4(gross, index, params.size_kinks_lots, params.size_rises_bps)
            maintenance_e4 += params.delta_rate_bps * abs(sums[DELTA]) + params.gamma_rate_bps * max(0, -sums[GAMMA])
        return Margin(BPS * (cash + marked) + self._credit(held), maintenance_e4)

    def _credit(self, held: list[int]) -> int:
        return sum(
            collateral_credit_e4(amount, price, params.rate_bps, params.kinks, params.drops_bps)
            for amount, price, params in zip(held, self._price_ticks, self.rates.assets, strict=False)
            if amount
        )

    # --- all accounts at once

    def _margin_all(self) -> MarginTable:
        count = self.ledger.count
        table = MarginTable(np.empty(count), np.empty(count), np.empty(count))
        per_lot = self.rates.rows.T.astype(np.float64)
        with _one_thread():
            for start in range(0, count, _BLOCK):
                self._margin_block(slice(start, min(start + _BLOCK, count)), per_lot, table)
        return table

    def _margin_block(self, span: slice, per_lot: Floats, table: MarginTable) -> None:
        """Fill one block of a table.

        Notes
        -----
        Everything stands transposed, one row a figure and one column an account, so that a maximum over scenarios is
        taken along whole rows.
        """
        rates = self.rates
        nlv, error = self._cash_and_credit(span)
        maintenance = np.zeros(len(nlv))
        lots = self.ledger.lots[span].T.astype(np.float64)
        for u, (index, params) in enumerate(zip(self._index, rates.underlyings, strict=True)):
            place = slice(u * self._width, (u + 1) * self._width)
            sums = per_lot[:, place] @ lots[place]
            gross = np.abs(lots[place]).sum(axis=0)
            short = np.maximum(0.0, -lots[place])[rates.is_option[place]].sum(axis=0)
            maintenance += np.maximum(0.0, -sums[:MARK].min(axis=0))
            for kink, rise in zip(params.size_kinks_lots, params.size_rises_bps, strict=True):
                maintenance += index * rise / BPS * np.maximum(0.0, gross - kink)
            maintenance += params.short_option_bps * index / BPS * short
            maintenance += params.delta_rate_bps / BPS * np.abs(sums[DELTA])
            maintenance += params.gamma_rate_bps / BPS * np.maximum(0.0, -sums[GAMMA])
            nlv += sums[MARK]
            error += gross * (max(self._steepest_e4[place]) / BPS + max(self._marks[place]))
        table.nlv[span], table.maintenance[span], table.error[span] = nlv, maintenance, error * ERROR_BOUND

    def _cash_and_credit(self, span: slice) -> tuple[Floats, Floats]:
        """Return a block's cash and credit, and the gross sum that they net."""
        value = self.ledger.cash[span].astype(np.float64)
        gross = np.abs(value)
        for number, (price, params) in enumerate(zip(self._price_ticks, self.rates.assets, strict=True)):
            held = self.ledger.collateral[span, number]
            if held.any():
                amount = held.astype(np.float64)
                credit = params.rate_bps * amount
                for kink, drop in zip(params.kinks, params.drops_bps, strict=True):
                    credit -= drop * np.maximum(0.0, amount - kink)
                value += price / BPS * credit
                gross += price * amount
        return value, gross

    def _levels(self) -> Iterator[tuple[int, set[int]]]:
        yield self.levels.initial_bps, self.below_initial
        yield self.levels.maintenance_bps, self.below_maintenance
        yield self.levels.close_out_bps, self.below_close_out


def _keep(rows: set[int], row: int, belongs: bool) -> None:
    if belongs:
        rows.add(row)
    else:
        rows.discard(row)
