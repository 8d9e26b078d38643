"""Who bears what a bankrupt account cannot pay: insurance fund, auto-deleveraging, vault, everyone - in that order.

The account's collateral has been sold: its equity, cash and positions at mark, is below zero, and that is the deficit.

1. The **insurance fund** takes over the account, positions at mark and deficit, if its equity covers the deficit. If
   not it pays what it has, and the rest goes on.
2. **Auto-deleveraging** closes the positions against the other side's queue at the bankruptcy price: mark, less the
   lot's part of the deficit. The deficit is laid on the positions in proportion to their value at mark. Nobody is
   deleveraged beyond their own equity.
3. The **vault** of the liquidity providers does as the fund does, up to its limit.
4. **Socialised loss**: what is left of the deficit is taken from unrealised profits in proportion to them, and beyond
   those from equity; what is left of the positions is closed at mark against all who hold the other side.

Every step moves whole ticks and lots between accounts, fund and vault, and makes or destroys none.

References
----------
- BitMEX, *Auto-deleveraging*; OKX, *Clawback*: losses in proportion to profits.
- CPMI-IOSCO, *Principles for financial market infrastructures* (2012), principle 4 and *Recovery* (2014), section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from rtnet_core.errors import InputError
from rtnet_core.loss.apportion import apportion
from rtnet_core.loss.clearing_state import ClearingState, Holder
from rtnet_core.loss.deleveraging import deleveraging_queue


class Stage(StrEnum):
    """A source from which a deficit is paid."""

    INSURANCE_FUND = "insurance_fund"
    AUTO_DELEVERAGING = "auto_deleveraging"
    VAULT = "vault"
    SOCIALISED_LOSS = "socialised_loss"


@dataclass(frozen=True, slots=True)
class WaterfallRules:
    """The order of the stages, and what the vault risks.

    Parameters
    ----------
    order
        Each stage at most once. Without socialised loss a deficit can remain.
    vault_limit_ticks
        Most that the vault pays for one account; None is all of its equity.

    Raises
    ------
    InputError
        A stage stands twice, or the limit is negative.
    """

    order: tuple[Stage, ...] = tuple(Stage)
    vault_limit_ticks: int | None = None

    def __post_init__(self) -> None:
        if len(set(self.order)) != len(self.order):
            raise InputError("order", "must name a stage once", [stage.value for stage in self.order])
        if self.vault_limit_ticks is not None and self.vault_limit_ticks < 0:
            raise InputError("vault_limit_ticks", "must be at least 0", self.vault_limit_ticks)


DEFAULT_RULES: Final = WaterfallRules()


@dataclass(frozen=True, slots=True)
class LossStep:
    """One movement: `ticks` of the deficit paid and `lots` of `slot` taken, by `account` or by the stage's own holder.

    `account` is None for the fund and the vault; `slot` is None where no position moved. `lots` has the sign of the
    bankrupt account's position.
    """

    stage: Stage
    bankrupt: int
    account: int | None
    slot: int | None
    lots: int
    ticks: int


@dataclass(frozen=True, slots=True)
class WaterfallResult:
    """The state afterwards, every movement in order, and what of the deficits nobody paid."""

    state: ClearingState
    steps: tuple[LossStep, ...]
    deficit_left_ticks: int

    def paid_ticks(self, stage: Stage) -> int:
        """Return what a stage paid in all."""
        return sum(step.ticks for step in self.steps if step.stage is stage)


def run_waterfall(
    state: ClearingState, bankrupt: Sequence[int], rules: WaterfallRules = DEFAULT_RULES
) -> WaterfallResult:
    """Return what becomes of the bankrupt accounts, one after the other, and of everyone else.

    Parameters
    ----------
    state
        Left as it is.
    bankrupt
        Numbers of accounts with negative equity whose collateral has been sold.

    Raises
    ------
    InputError
        An account is not bankrupt, or still holds collateral.
    """
    run = _Run(state.copy(), rules)
    for account in bankrupt:
        run.resolve(account)
    owed = np.minimum(run.state.equity_ticks(), 0)
    return WaterfallResult(run.state, tuple(run.steps), -sum(int(owed[account]) for account in set(bankrupt)))


class _Run:
    """One run over a state of its own: the deficit of the account at hand is always its negative equity."""

    def __init__(self, state: ClearingState, rules: WaterfallRules) -> None:
        self.state, self.rules = state, rules
        self.steps: list[LossStep] = []
        self.stages: dict[Stage, Callable[[int], None]] = {
            Stage.INSURANCE_FUND: lambda account: self._take_over(account, Stage.INSURANCE_FUND, state.fund, None),
            Stage.AUTO_DELEVERAGING: self._deleverage,
            Stage.VAULT: lambda account: self._take_over(account, Stage.VAULT, state.vault, rules.vault_limit_ticks),
            Stage.SOCIALISED_LOSS: self._socialise,
        }

    def resolve(self, account: int) -> None:
        """Take one account through the stages until it owes and holds nothing."""
        if self.state.collateral_ticks[account]:
            raise InputError("bankrupt", "must name accounts whose collateral has been sold", account)
        if self._deficit(account) <= 0:
            raise InputError("bankrupt", "must name accounts with negative equity", account)
        for stage in self.rules.order:
            if self._deficit(account) > 0 or self.state.lots[account].any():
                self.stages[stage](account)

    def _deficit(self, account: int) -> int:
        marked = int(self.state.lots[account] @ self.state.marks_ticks)
        return -int(self.state.cash_ticks[account]) - int(self.state.collateral_ticks[account]) - marked

    def _take_over(self, account: int, stage: Stage, holder: Holder, limit: int | None) -> None:
        """Let a holder pay the deficit, and take the positions at mark where it pays all of it."""
        deficit = self._deficit(account)
        able = max(0, holder.equity_ticks(self.state.marks_ticks))
        paid = min(deficit, able if limit is None else min(able, limit))
        holder.cash_ticks -= paid
        self.state.cash_ticks[account] += paid
        if paid:
            self.steps.append(LossStep(stage, account, None, None, 0, paid))
        if paid < deficit:
            return
        for slot in np.flatnonzero(self.state.lots[account]).tolist():
            self._trade(account, holder, slot, int(self.state.lots[account, slot]), 0, stage)

    def _deleverage(self, account: int) -> None:
        held = np.flatnonzero(self.state.lots[account])
        if not len(held):
            return
        values = [abs(int(self.state.lots[account, slot])) * int(self.state.marks_ticks[slot]) for slot in held]
        weights = values if any(values) else [1] * len(held)
        for slot, deficit in zip(held, apportion(self._deficit(account), weights), strict=True):
            self._deleverage_slot(account, int(slot), deficit)

    def _deleverage_slot(self, account: int, slot: int, deficit: int) -> None:
        """Close one position against the queue; `deficit` is its part, each lot's share of it is fixed."""
        whole = int(self.state.lots[account, slot])
        size, side = abs(whole), 1 if whole > 0 else -1
        equity = self.state.equity_ticks()
        closed = paid = 0
        for other in deleveraging_queue(self.state, slot, -side).accounts.tolist():
            able = size if not deficit else (int(equity[other]) + paid) * size // deficit - closed
            lots = min(size - closed, abs(int(self.state.lots[other, slot])), able)
            if lots <= 0:
                continue
            closed += lots
            ticks = deficit * closed // size - paid
            paid += ticks
            self._trade(account, other, slot, side * lots, ticks, Stage.AUTO_DELEVERAGING)
            if closed == size:
                return

    def _socialise(self, account: int) -> None:
        profits = np.maximum(self.state.profit_ticks(), 0).sum(axis=1)
        for profits_only in (True, False):
            deficit = self._deficit(account)
            if deficit <= 0:
                break
            able = np.maximum(self.state.equity_ticks(), 0)
            weights = np.minimum(able, profits) if profits_only else able
            shares = apportion(min(deficit, int(weights.sum())), weights.tolist())
            for other, ticks in enumerate(shares):
                if ticks:
                    self.state.cash_ticks[other] -= ticks
                    self.state.cash_ticks[account] += ticks
                    self.steps.append(LossStep(Stage.SOCIALISED_LOSS, account, other, None, 0, ticks))
        for slot in np.flatnonzero(self.state.lots[account]).tolist():
            self._close_against_all(account, slot)

    def _close_against_all(self, account: int, slot: int) -> None:
        """Close a position at mark against everyone who holds the other side, in proportion to what they hold."""
        whole = int(self.state.lots[account, slot])
        side = 1 if whole > 0 else -1
        holders: list[Holder | int] = [*range(len(self.state.lots)), self.state.fund, self.state.vault]
        column = [*self.state.lots[:, slot].tolist(), int(self.state.fund.lots[slot]), int(self.state.vault.lots[slot])]
        shares = apportion(abs(whole), [max(0, -side * lots) for lots in column])
        for holder, lots in zip(holders, shares, strict=True):
            if lots:
                self._trade(account, holder, slot, side * lots, 0, Stage.SOCIALISED_LOSS)

    def _trade(self, account: int, other: Holder | int, slot: int, lots: int, ticks: int, stage: Stage) -> None:
        """Hand `lots` from `account` to another account or holder at mark, and `ticks` of the deficit with them."""
        paid = lots * int(self.state.marks_ticks[slot]) + ticks
        self.state.lots[account, slot] -= lots
        self.state.cash_ticks[account] += paid
        if isinstance(other, Holder):
            other.lots[slot] += lots
            other.cash_ticks -= paid
        else:
            self.state.lots[other, slot] += lots
            self.state.cash_ticks[other] -= paid
        number = None if isinstance(other, Holder) else other
        self.steps.append(LossStep(stage, account, number, slot, lots, ticks))
