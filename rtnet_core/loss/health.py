"""How far an account is from its margin, and what that calls for: nothing, a margin call, liquidation, the waterfall.

    health            = NLV / maintenance margin
    collateral health = credit / (maintenance margin - (NLV - credit))

The first is the margin ratio. The second reads the same account as a loan: what its collateral counts for, over what
the rest of it needs; one is at least 1 exactly where the other is, and 1 - 1/x is the fall of all collateral that
brings the account to its margin.

References
----------
Aave, *Health factor*: collateral at its liquidation thresholds over debt, liquidation below 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS

Floats = NDArray[np.float64]


class AccountState(IntEnum):
    """What an account's health calls for; a larger number is worse."""

    HEALTHY = 0
    CALL = 1
    LIQUIDATE = 2
    BANKRUPT = 3


@dataclass(frozen=True, slots=True)
class HealthLevels:
    """Margin ratios at which the state changes, in basis points.

    Parameters
    ----------
    call_bps
        Below it the holder is asked for more.
    liquidate_bps
        Below it positions are closed; 10,000 is NLV = maintenance margin.

    Raises
    ------
    InputError
        Not 1 <= liquidate_bps <= call_bps.
    """

    call_bps: int = 12_500
    liquidate_bps: int = BPS

    def __post_init__(self) -> None:
        if not 1 <= self.liquidate_bps <= self.call_bps:
            rule = "must be at least 1 and not above call_bps"
            raise InputError("liquidate_bps", rule, self.liquidate_bps)


DEFAULT_LEVELS: Final = HealthLevels()


@dataclass(frozen=True, slots=True)
class Health:
    """The health of N accounts, each column of shape (N,).

    Attributes
    ----------
    ratio
        NLV / maintenance margin; without maintenance margin +inf for an NLV of at least zero, else -inf.
    collateral_ratio
        Credit over what the rest of the account needs; +inf where it needs none.
    state
        Numbers of `AccountState`.
    called_ticks
        What brings the account to the call level, at least 0.
    """

    ratio: Floats
    collateral_ratio: Floats
    state: NDArray[np.int8]
    called_ticks: Floats

    def count(self, state: AccountState) -> int:
        """Return how many accounts are in `state`."""
        return int(np.count_nonzero(self.state == state))


def account_health(
    nlv_ticks: ArrayLike,
    maintenance_ticks: ArrayLike,
    credit_ticks: ArrayLike,
    equity_ticks: ArrayLike,
    levels: HealthLevels = DEFAULT_LEVELS,
) -> Health:
    """Return the health of N accounts from figures in ticks, each of shape (N,).

    Float64, good to about 2^-45 of the gross sums that an account nets: for finding the accounts to look at. What is
    done to one of them is decided by `account_state`, in integers.

    Parameters
    ----------
    nlv_ticks, maintenance_ticks
        From the margin rule; maintenance margin at least 0.
    credit_ticks
        What the collateral counts for in `nlv_ticks`, at least 0.
    equity_ticks
        NLV with collateral at its full price: below zero the account cannot pay what it owes.

    Raises
    ------
    InputError
        The columns differ in length.

    Examples
    --------
    >>> found = account_health([150, 110, 90, -20], [100] * 4, [0] * 4, [150, 110, 90, -5])
    >>> [AccountState(number).name for number in found.state], found.called_ticks.tolist()
    (['HEALTHY', 'CALL', 'LIQUIDATE', 'BANKRUPT'], [0.0, 15.0, 35.0, 145.0])
    """
    columns = [np.asarray(c, dtype=np.float64) for c in (nlv_ticks, maintenance_ticks, credit_ticks, equity_ticks)]
    nlv, maintenance, credit, equity = columns
    if any(column.shape != nlv.shape for column in columns):
        raise InputError("health", "columns must have one length", [column.shape for column in columns])
    unbounded = np.where(nlv >= 0, np.inf, -np.inf)
    ratio = np.divide(nlv, maintenance, out=unbounded, where=maintenance > 0)
    needed = maintenance - (nlv - credit)
    collateral_ratio = np.divide(credit, needed, out=np.full_like(nlv, np.inf), where=needed > 0)
    state = np.where(
        equity < 0,
        AccountState.BANKRUPT,
        np.where(
            BPS * nlv < levels.liquidate_bps * maintenance,
            AccountState.LIQUIDATE,
            np.where(BPS * nlv < levels.call_bps * maintenance, AccountState.CALL, AccountState.HEALTHY),
        ),
    ).astype(np.int8)
    called = np.maximum(0.0, levels.call_bps * maintenance / BPS - nlv)
    return Health(ratio, collateral_ratio, state, called)


def account_state(
    nlv_e4: int, maintenance_e4: int, equity_e4: int, levels: HealthLevels = DEFAULT_LEVELS
) -> AccountState:
    """Return the state of one account from exact figures in ticks * 10^-4.

    Examples
    --------
    >>> account_state(10_000, 10_000, 10_000).name, account_state(9_999, 10_000, 9_999).name
    ('CALL', 'LIQUIDATE')
    """
    if equity_e4 < 0:
        return AccountState.BANKRUPT
    if BPS * nlv_e4 < levels.liquidate_bps * maintenance_e4:
        return AccountState.LIQUIDATE
    return AccountState.CALL if BPS * nlv_e4 < levels.call_bps * maintenance_e4 else AccountState.HEALTHY
