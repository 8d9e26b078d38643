"""``clear``: what happens to the accounts below maintenance, the worst first, as a function of the state alone.

1. Of the account's positions just enough is closed to reach the target (`rtnet_core.loss.liquidation`): the backstop
   takes them at mark and is paid spread and impact, the insurance fund a penalty. The backstop is an account like any
   other: what would bring it below its initial level stays where it is.
2. An account that is worth less than nothing sells collateral below its price: to the vault, the backstop, the
   insurance fund.
3. What is missing then is borne by others (`rtnet_core.engine.default`).

All of it is booked in balanced entries, or none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from rtnet_core.engine.clearing_report import ClearedAccount, ClearReport, Standing
from rtnet_core.engine.controls import DEFAULT_LIQUIDITY, Controls
from rtnet_core.engine.default import Default, resolve
from rtnet_core.engine.ledger import INSURANCE_FUND, VAULT, Entry
from rtnet_core.engine.live import Preview
from rtnet_core.engine.rates import DELTA, MARK, Rates
from rtnet_core.engine.safeguards import bare_equity_ticks, collateral_ticks, marks
from rtnet_core.errors import Refusal
from rtnet_core.limits import BPS
from rtnet_core.loss.impact import Depth
from rtnet_core.loss.liquidation import (
    FailingAccount,
    LiquidationPlan,
    LiquidationTerms,
    Outcome,
    liquidate_pro_rata,
    liquidate_smallest_risk_first,
)

if TYPE_CHECKING:
    from rtnet_core.engine.settle import Venue

#: Less than this part of what a plan closes is not worth handing over.
_PARTS: Final = 64


def clear(venue: Venue) -> ClearReport:
    """Deal with every account below maintenance, and return what was done.

    An account that falls below maintenance by what is done here waits for the next ``clear``.

    Raises
    ------
    ZkM2mError
        A number would exceed its width: nothing is done.
    """
    ledger, count = venue.ledger, venue.ledger.count
    arrays = [(array, array[:count].copy()) for array in (ledger.cash, ledger.collateral, ledger.lots)]
    pools = list(ledger.pool_cash), [list(units) for units in ledger.pool_units]
    try:
        done = _Clearing(venue).run()
    except BaseException:
        for array, before in arrays:
            array[:count] = before
        ledger.pool_cash, ledger.pool_units = pools
        venue.live.refresh()
        venue.safeguards.forget_exposures()
        raise
    venue.safeguards.cleared_marks = marks(venue.live.rates)
    return ClearReport(venue.live.rates.snapshot.time_ms, done)


def market_depth(rates: Rates, controls: Controls) -> Depth:
    """Return the depth that liquidations meet in every slot: a lot stands for its delta, or its mark if that is more.

    The row's delta is the P&L of a move of 1 %.
    """
    index = {entry.symbol: entry.index_ticks for entry in rates.snapshot.underlyings}
    notional, volume, volatility, spread = [], [], [], []
    for entry, row in zip(rates.table, rates.rows.tolist(), strict=True):
        symbol = "" if entry is None else entry.underlying
        liquidity = controls.liquidity.get(symbol, DEFAULT_LIQUIDITY)
        notional.append(max(100 * abs(row[DELTA]), row[MARK]))
        volume.append(max(1, liquidity.volume_ticks // index.get(symbol, 1)))
        volatility.append(liquidity.volatility_bps)
        spread.append(liquidity.half_spread_bps)
    return Depth(tuple(notional), tuple(volume), tuple(volatility), tuple(spread))


@dataclass(frozen=True, slots=True)
class _Closing:
    """What the backstop took of a plan."""

    plan: LiquidationPlan
    is_whole: bool
    cost_ticks: int
    penalty_ticks: int


class _Clearing:
    """One run over the accounts."""

    def __init__(self, venue: Venue) -> None:
        self.venue, self.ledger, self.live = venue, venue.ledger, venue.live
        self.controls = venue.safeguards.controls
        # A target below the level that was missed would cure nobody.
        target_bps = max(self.controls.target_bps, self.live.levels.maintenance_bps)
        self.terms = LiquidationTerms(target_bps, self.controls.penalty_bps)
        self.depth = market_depth(venue.live.rates, self.controls)
        name = self.controls.backstop
        self.backstop = None if name is None else venue.ledger.row(name)

    def run(self) -> tuple[ClearedAccount, ...]:
        """Take the accounts that are below maintenance now, the lowest margin ratio first."""
        rows = sorted(self.live.below_maintenance, key=self._by_ratio)
        # Whom the accounts before have lifted above the level, by trading with it, is let alone.
        return tuple(self._account(row) for row in rows if row in self.live.below_maintenance)

    def _by_ratio(self, row: int) -> tuple[bool, Fraction, int]:
        margin = self.live.margin(row)
        return margin.maintenance_e4 > 0, Fraction(margin.nlv_e4, margin.maintenance_e4 or 1), row

    def _account(self, row: int) -> ClearedAccount:
        closing = self._close(row)
        sold, sold_ticks = self._sell(row)
        default = Default()
        if bare_equity_ticks(self.venue, row) < 0 and not self.ledger.collateral[row].any():
            default = resolve(self.venue, row)
        closed = () if closing is None else closing.plan.closed_lots
        table = self.live.rates.table
        return ClearedAccount(
            account=self.ledger.ids[row],
            standing=self._standing(row, closing, default),
            closed_lots={
                entry.name: lots for entry, lots in zip(table, closed, strict=False) if lots and entry is not None
            },
            closed_ticks=self.depth.notional_of(closed) if closed else 0,
            penalty_ticks=0 if closing is None else closing.penalty_ticks,
            cost_ticks=0 if closing is None else closing.cost_ticks,
            worsened=closing is not None and closing.plan.worsens,
            sold_units=sold,
            sold_ticks=sold_ticks,
            deficit_ticks=default.deficit_ticks,
            fund_ticks=default.fund_ticks,
            vault_ticks=default.vault_ticks,
            borne=default.borne,
        )

    def _standing(self, row: int, closing: _Closing | None, default: Default) -> Standing:
        left = bool(self.ledger.lots[row].any())
        if default.deficit_ticks:
            return Standing.WAITING if left or bare_equity_ticks(self.venue, row) < 0 else Standing.RESOLVED
        if closing is not None and closing.is_whole and closing.plan.outcome is Outcome.CURED:
            return Standing.CURED
        if left and closing is not None:
            return Standing.IMPROVED
        return Standing.WAITING if left or self.live.margin(row).nlv_e4 < 0 else Standing.CLOSED

    # --- positions

    def _close(self, row: int) -> _Closing | None:
        """Hand positions over to the backstop: what the plan asks for, or as much of it as the backstop can carry."""
        lots: list[int] = self.ledger.lots[row].tolist()
        if self.backstop is None or row == self.backstop or not any(lots):
            return None
        account = FailingAccount(
            tuple(lots),
            # Costs are booked in whole ticks, rounded up: one tick is set aside for that.
            self.live.margin(row).nlv_e4 - BPS,
            lambda left: self.live.margin_of(0, [], np.array(left, dtype=np.int64)).maintenance_e4,
            self.depth,
        )
        plan_of = liquidate_pro_rata if self.controls.order == "pro_rata" else liquidate_smallest_risk_first
        whole = plan_of(account, self.terms)
        steps = max(map(abs, whole.closed_lots))

        def part(step: int) -> LiquidationPlan:
            if step == steps:
                return whole
            closed = [abs(q) * step // steps * (1 if q > 0 else -1) for q in whole.closed_lots]
            return account.plan(closed, whole.outcome, self.terms)

        def entry(step: int) -> Entry | None:
            plan = part(step)
            # Only a whole plan may leave an account worse off, and says so; half of one must not.
            return None if plan.worsens and step < steps else self._hand_over(row, plan)

        step = self._most(steps, entry, -(-steps // _PARTS))
        if step == 0:
            return None
        return _Closing(part(step), step == steps, *_charges(part(step)))

    def _hand_over(self, row: int, plan: LiquidationPlan) -> Entry:
        """Return the entry of a plan: positions at mark, and what closing them costs."""
        entry, backstop = Entry(), self._taker()
        cost, penalty = _charges(plan)
        for slot, lots in enumerate(plan.closed_lots):
            if lots:
                entry.lots[slot] = {row: -lots, backstop: lots}
                entry.pay(backstop, row, lots * int(self.live.rates.rows[slot, MARK]))
        entry.pay(row, backstop, cost)
        entry.pay(row, INSURANCE_FUND, penalty)
        return entry

    def _taker(self) -> int:
        if self.backstop is None:
            raise Refusal("unknown_account", "there is no backstop")
        return self.backstop

    # --- collateral

    def _sell(self, row: int) -> tuple[dict[str, int], int]:
        """Sell collateral of an account that is worth less than nothing, until it is not, or nothing is left.

        One that still holds positions sells only where it is bankrupt: its prices may come back.
        """
        sold: dict[str, int] = {}
        before = int(self.ledger.cash[row])
        bare = bare_equity_ticks(self.venue, row)
        is_bankrupt = bare + collateral_ticks(self.venue, row) < 0
        if is_bankrupt or (self.live.margin(row).nlv_e4 < 0 and not self.ledger.lots[row].any()):
            buyers = [VAULT, *([] if self.backstop in (None, row) else [self._taker()]), INSURANCE_FUND]
            for number, asset in enumerate(self.live.rates.snapshot.assets):
                units = sum(self._sell_to(buyer, row, number, asset.price_ticks) for buyer in buyers)
                if units:
                    sold[asset.symbol] = units
        return sold, int(self.ledger.cash[row]) - before

    def _sell_to(self, buyer: int, row: int, number: int, price_ticks: int) -> int:
        """Sell to one buyer what is needed and can be paid, and return the units."""
        missing, paid_e4 = -bare_equity_ticks(self.venue, row), price_ticks * (BPS - self.controls.sale_bps)

        def sale(units: int) -> Entry:
            entry = Entry()
            entry.hand_over(row, buyer, number, units)
            entry.pay(buyer, row, units * paid_e4 // BPS)
            return entry

        wanted = min(int(self.ledger.collateral[row, number]), -(-missing * BPS // paid_e4))
        return self._most(wanted, sale) if wanted > 0 else 0

    # --- both

    def _most(self, most: int, make: Callable[[int], Entry | None], least: int = 1) -> int:
        """Book `make` of the largest number up to `most` that its taker carries, and return it.

        It is 0 where not even `least` is carried. Between the two a bisection: what a taker carries more of, it carries
        less of. What is booked was looked at itself.
        """
        carried, beyond = 0, most + 1
        found: tuple[Entry, list[Preview]] | None = None
        number = most
        while beyond - carried > 1:
            entry = make(number)
            previews = None if entry is None else self._carried(entry)
            if entry is not None and previews is not None:
                carried, found = number, (entry, previews)
            elif number <= least:
                break
            else:
                beyond = number
            number = (carried + beyond) // 2 if carried else least
        if found is not None:
            self.venue.book(*found)
        return carried

    def _carried(self, entry: Entry) -> list[Preview] | None:
        """Return an entry's previews, None where it breaks a width, a pool lacks money, or the backstop margin."""
        try:
            self.ledger.check(entry)
        except Refusal:
            return None
        previews = self.live.preview(entry)
        level = self.live.levels.initial_bps
        for preview in previews:
            after = preview.headroom_e8
            # As in a trade: who is below the level already may take what improves it.
            if preview.row == self.backstop and after < 0 and after < self.live.margin(preview.row).headroom_e8(level):
                return None
        return previews


def _charges(plan: LiquidationPlan) -> tuple[int, int]:
    """Return cost and penalty of a plan in whole ticks: rounded up for the taker, down for the fund."""
    return -(-plan.cost_e4 // BPS), plan.penalty_e4 // BPS
