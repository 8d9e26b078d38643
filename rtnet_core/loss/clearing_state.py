"""Cash and positions of accounts, insurance fund and vault at one time: what a loss can be taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtnet_core.errors import InputError

Integers = NDArray[np.int64]


@dataclass(slots=True)
class Holder:
    """The insurance fund or the vault of the liquidity providers: cash in ticks and lots by slot, shape (K,)."""

    cash_ticks: int
    lots: Integers

    def equity_ticks(self, marks: Integers) -> int:
        """Return cash and positions at mark."""
        return self.cash_ticks + int(self.lots @ marks)

    def copy(self) -> Holder:
        """Return a holder of its own with the same content."""
        return Holder(self.cash_ticks, self.lots.copy())


@dataclass(slots=True)
class ClearingState:
    """N accounts in K slots, the fund and the vault. All money is whole ticks.

    Attributes
    ----------
    cash_ticks
        Shape (N,), signed.
    collateral_ticks
        Shape (N,), value of collateral at full price, at least 0. It is looked at, never moved.
    lots, entry_ticks
        Shape (N, K): signed positions, and the average price per lot at which they were entered.
    marks_ticks
        Shape (K,), ticks per lot.
    fund, vault
        Whose lots, with those of the accounts, add up to zero in every slot.
    """

    cash_ticks: Integers
    collateral_ticks: Integers
    lots: Integers
    entry_ticks: Integers
    marks_ticks: Integers
    fund: Holder
    vault: Holder

    @classmethod
    def of(
        cls,
        *,
        cash_ticks: ArrayLike,
        lots: ArrayLike,
        entry_ticks: ArrayLike,
        marks_ticks: ArrayLike,
        collateral_ticks: ArrayLike | None = None,
        fund_ticks: int = 0,
        vault_ticks: int = 0,
    ) -> Self:
        """Return the state of a book, with a fund and a vault that hold cash only.

        Raises
        ------
        InputError
            Shapes that do not fit, negative collateral, or positions that do not add up to zero.
        """
        cash, positions, marks = (np.array(column, dtype=np.int64) for column in (cash_ticks, lots, marks_ticks))
        held = np.zeros_like(cash) if collateral_ticks is None else np.array(collateral_ticks, dtype=np.int64)
        entry = np.array(entry_ticks, dtype=np.int64)
        shape = (len(cash), len(marks))
        if positions.shape != shape or entry.shape != shape or held.shape != cash.shape:
            raise InputError("clearing state", f"must have positions and entries of shape {shape}", positions.shape)
        if (held < 0).any():
            raise InputError("collateral_ticks", "must be at least 0")
        if positions.sum(axis=0).any():
            raise InputError("lots", "must add up to zero in every slot", positions.sum(axis=0).tolist())
        empty = np.zeros(shape[1], dtype=np.int64)
        return cls(
            cash, held, positions, entry, marks, Holder(fund_ticks, empty.copy()), Holder(vault_ticks, empty.copy())
        )

    def copy(self) -> ClearingState:
        """Return a state of its own with the same content."""
        return ClearingState(
            self.cash_ticks.copy(),
            self.collateral_ticks.copy(),
            self.lots.copy(),
            self.entry_ticks.copy(),
            self.marks_ticks,
            self.fund.copy(),
            self.vault.copy(),
        )

    def equity_ticks(self) -> Integers:
        """Return cash, collateral at full price and positions at mark, shape (N,)."""
        return np.asarray(self.cash_ticks + self.collateral_ticks + self.lots @ self.marks_ticks, dtype=np.int64)

    def profit_ticks(self) -> Integers:
        """Return the unrealised profit of every position, shape (N, K)."""
        return np.asarray(self.lots * (self.marks_ticks - self.entry_ticks), dtype=np.int64)

    def total_cash_ticks(self) -> int:
        """Return the cash of accounts, fund and vault, which no stage of the waterfall changes."""
        return int(self.cash_ticks.sum()) + self.fund.cash_ticks + self.vault.cash_ticks

    def total_lots(self) -> Integers:
        """Return the lots of accounts, fund and vault by slot: zero."""
        return np.asarray(self.lots.sum(axis=0) + self.fund.lots + self.vault.lots, dtype=np.int64)
