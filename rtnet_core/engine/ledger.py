"""The double-entry ledger: exact integers, and nothing is ever made or lost.

Every account has cash (ticks, signed), collateral (units) and lots; beside the accounts stand the venue's four pools.
``external`` mirrors what customers and the venue have paid in, so it is never above zero, and the sum over all accounts
and pools is zero in every asset. Lots sum to zero over the accounts. Both hold after every event: an entry moves what
it moves *from* somewhere *to* somewhere, and is summed again before it is posted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.errors import Refusal, ZkM2mError
from rtnet_core.limits import AMOUNT_BITS, BOOK_BITS, CASH_BITS, QUANTITY_BITS

Integers = NDArray[np.int64]

#: Places below zero are pools; an account's place is its row.
POOLS: Final = ("external", "insurance_fund", "fees", "vault")
EXTERNAL, INSURANCE_FUND, FEES, VAULT = -1, -2, -3, -4
MAX_ACCOUNTS: Final = 1 << BOOK_BITS
_FIRST_CAPACITY: Final = 1_024
_CASH_END: Final = 1 << CASH_BITS
_AMOUNT_END: Final = 1 << AMOUNT_BITS
_LOTS_END: Final = 1 << QUANTITY_BITS


class BalanceError(ZkM2mError):
    """The books do not balance: a defect of this software, never the fault of an event."""


class Entry:
    """What one event posts, summed up per place: it is booked as a whole or not at all.

    Attributes
    ----------
    cash
        Ticks by place.
    units
        Units by asset number, then by place.
    lots
        Lots by slot, then by row.
    cash_after, units_after, lots_after
        What stands there once it is posted, by `Ledger.check`.
    """

    __slots__ = ("cash", "cash_after", "lots", "lots_after", "units", "units_after")

    def __init__(self) -> None:
        self.cash: dict[int, int] = {}
        self.units: dict[int, dict[int, int]] = {}
        self.lots: dict[int, dict[int, int]] = {}
        self.cash_after: dict[int, int] = {}
        self.units_after: dict[int, dict[int, int]] = {}
        self.lots_after: dict[int, dict[int, int]] = {}

    def pay(self, source: int, target: int, ticks: int) -> None:
        """Move cash from one place to another."""
        _move(self.cash, source, target, ticks)

    def hand_over(self, source: int, target: int, asset: int, amount: int) -> None:
        """Move units of an asset from one place to another."""
        _move(self.units.setdefault(asset, {}), source, target, amount)


class Ledger:
    """Accounts and pools. Arrays have spare rows at their end; `count` rows are in use.

    Parameters
    ----------
    slot_count, asset_count
        K and A of the profile.

    Attributes
    ----------
    cash, collateral, lots
        Shapes (capacity,), (capacity, A), (capacity, K).
    pool_cash, pool_units
        Ticks by pool, in the order of `POOLS`; units by pool and asset. Python integers: sums over a book may be wider
        than 64 bits.
    """

    def __init__(self, slot_count: int, asset_count: int) -> None:
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.owners: list[str] = []
        self.modes: list[str] = []
        self.scopes: list[str | None] = []
        self.cash: Integers = np.zeros(_FIRST_CAPACITY, dtype=np.int64)
        self.collateral: Integers = np.zeros((_FIRST_CAPACITY, asset_count), dtype=np.int64)
        self.lots: Integers = np.zeros((_FIRST_CAPACITY, slot_count), dtype=np.int64)
        self.pool_cash = [0] * len(POOLS)
        self.pool_units = [[0] * asset_count for _ in POOLS]

    @property
    def count(self) -> int:
        """Number of accounts."""
        return len(self.ids)

    def open(self, account: str, owner: str, mode: str, scope: str | None) -> int:
        """Add an empty account and return its row.

        Raises
        ------
        Refusal
            ``account_exists``, or ``out_of_range``: the book is full.
        """
        row = len(self.ids)
        if account in self.row_of:
            raise Refusal("account_exists", "there is an account of this id")
        if row == MAX_ACCOUNTS:
            raise Refusal("out_of_range", f"a book holds at most {MAX_ACCOUNTS} accounts")
        if row == len(self.cash):
            self.reserve(2 * row)
        self.ids.append(account)
        self.row_of[account] = row
        self.owners.append(owner)
        self.modes.append(mode)
        self.scopes.append(scope)
        return row

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` accounts."""
        missing = capacity - len(self.cash)
        if missing > 0:
            self.cash = np.pad(self.cash, (0, missing))
            self.collateral = np.pad(self.collateral, ((0, missing), (0, 0)))
            self.lots = np.pad(self.lots, ((0, missing), (0, 0)))

    def row(self, account: str) -> int:
        """Return an account's row.

        Raises
        ------
        Refusal
            ``unknown_account``.
        """
        try:
            return self.row_of[account]
        except KeyError:
            raise Refusal("unknown_account", "there is no account of this id") from None

    def check(self, entry: Entry) -> None:
        """See that an entry balances and leaves every number within its width; O(postings).

        Raises
        ------
        BalanceError
            Its sum over the places is not zero in some asset or instrument.
        Refusal
            ``insufficient``: more is taken from a place than it has. ``out_of_range``: a width is exceeded.
        """
        cash_after = entry.cash_after
        if sum(entry.cash.values()):
            raise BalanceError("an entry does not balance in cash")
        for place, change in entry.cash.items():
            if place < 0:
                cash_after[place] = _checked_pool(place, self.pool_cash[-place - 1] + change)
                continue
            cash_after[place] = cash = self.cash.item(place) + change
            if not -_CASH_END <= cash < _CASH_END:
                raise Refusal("out_of_range", f"an account's cash stays below 2^{CASH_BITS} ticks in magnitude")
        for asset, changes in entry.units.items():
            if sum(changes.values()):
                raise BalanceError("an entry does not balance in an asset")
            after = entry.units_after[asset] = {}
            for place, change in changes.items():
                if place < 0:
                    after[place] = _checked_pool(place, self.pool_units[-place - 1][asset] + change)
                else:
                    after[place] = _checked_amount(self.collateral.item(place, asset) + change)
        for slot, changes in entry.lots.items():
            if sum(changes.values()):
                raise BalanceError("an entry does not balance in an instrument")
            after = entry.lots_after[slot] = {}
            for row, change in changes.items():
                after[row] = lots = self.lots.item(row, slot) + change
                if not -_LOTS_END <= lots < _LOTS_END:
                    raise Refusal("out_of_range", f"a position stays below 2^{QUANTITY_BITS} lots in magnitude")

    def post(self, entry: Entry) -> None:
        """Book an entry that `check` has passed."""
        for place, ticks in entry.cash_after.items():
            if place < 0:
                self.pool_cash[-place - 1] = ticks
            else:
                self.cash[place] = ticks
        for asset, amounts in entry.units_after.items():
            for place, amount in amounts.items():
                if place < 0:
                    self.pool_units[-place - 1][asset] = amount
                else:
                    self.collateral[place, asset] = amount
        for slot, positions in entry.lots_after.items():
            for row, lots in positions.items():
                self.lots[row, slot] = lots

    def cash_after_paying(self, ticks_by_slot: Mapping[int, int]) -> Integers:
        """Return every account's cash once it is paid so many ticks (below 2^27 in magnitude) for each lot it is long.

        Money is conserved because the lots sum to zero, which is looked at here.

        Raises
        ------
        BalanceError
            The lots do not sum to zero.
        Refusal
            ``out_of_range``: some account's cash would exceed its width.
        """
        # 2^27 lots by 2^27 ticks in 2^8 slots beside 2^56: below the 64th bit.
        cash = self.cash[: self.count].copy()
        for slot, ticks in ticks_by_slot.items():
            held = self.lots[: self.count, slot]
            if int(held.sum()):
                raise BalanceError(f"the lots of slot {slot} do not sum to zero")
            cash += held * ticks
        if not bool(((cash >= -_CASH_END) & (cash < _CASH_END)).all()):
            raise Refusal("out_of_range", f"an account's cash stays below 2^{CASH_BITS} ticks in magnitude")
        return cash

    def pay_per_lot(self, slot: int, ticks: int, *, close: bool = False) -> None:
        """Pay `ticks` to every account for each lot it is long, and close the positions; see `cash_after_paying`."""
        self.cash[: self.count] = self.cash_after_paying({slot: ticks})
        if close:
            self.lots[: self.count, slot] = 0

    def relist(self, slots: Iterable[int | None], assets: Iterable[int | None]) -> None:
        """Rearrange the columns: new slot k holds what old slot ``slots[k]`` held, an empty one where that is None.

        Raises
        ------
        Refusal
            ``in_use``: an instrument or an asset that is left out is still held.
        """
        new_slots, new_assets = list(slots), list(assets)
        # Whatever is held of an asset came from outside, and everything else is at least zero.
        held_assets = [bool(total) for total in self.pool_units[-EXTERNAL - 1]]
        held_slots: list[bool] = np.any(self.lots[: self.count], axis=0).tolist()
        for kept, held in ((new_slots, held_slots), (new_assets, held_assets)):
            if any(is_held and number not in kept for number, is_held in enumerate(held)):
                raise Refusal("in_use", "an instrument or asset that is held cannot be delisted")
        self.lots = _rearranged(self.lots, new_slots)
        self.collateral = _rearranged(self.collateral, new_assets)
        self.pool_units = [[0 if a is None else row[a] for a in new_assets] for row in self.pool_units]

    def audit(self) -> None:
        """Sum everything up again; O(accounts · instruments).

        Raises
        ------
        BalanceError
            A sum over all accounts and pools is not zero, or the lots of a slot do not sum to zero.
        """
        count = self.count
        if _exact_sum(self.cash[:count]) + sum(self.pool_cash):
            raise BalanceError("cash does not sum to zero")
        held = zip(self.collateral[:count].sum(axis=0).tolist(), *self.pool_units, strict=True)
        if any(sum(amounts) for amounts in held):
            raise BalanceError("some asset does not sum to zero")
        if self.lots[:count].sum(axis=0).any():
            raise BalanceError("the lots of some slot do not sum to zero")


def _move(changes: dict[int, int], source: int, target: int, amount: int) -> None:
    changes[source] = changes.get(source, 0) - amount
    changes[target] = changes.get(target, 0) + amount


def _checked_amount(amount: int) -> int:
    if amount < 0:
        raise Refusal("insufficient", "the account does not hold that much of the asset")
    if amount >= _AMOUNT_END:
        raise Refusal("out_of_range", f"an account holds fewer than 2^{AMOUNT_BITS} units of an asset")
    return amount


def _checked_pool(pool: int, amount: int) -> int:
    if pool == EXTERNAL:
        if amount > 0:
            raise Refusal("insufficient", "no more can be paid out than was paid in")
    elif amount < 0:
        raise Refusal("insufficient", f"the pool {POOLS[-pool - 1]} does not hold that much of the asset")
    return amount


def _rearranged(table: Integers, columns: list[int | None]) -> Integers:
    made = np.zeros((len(table), len(columns)), dtype=np.int64)
    for new, old in enumerate(columns):
        if old is not None:
            made[:, new] = table[:, old]
    return made


def _exact_sum(numbers: Integers) -> int:
    """Return the sum of up to 2^24 numbers of 57 bits, in two halves that cannot overflow."""
    return (int((numbers >> 32).sum()) << 32) + int((numbers & 0xFFFFFFFF).sum())
