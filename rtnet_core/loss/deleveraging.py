"""The queue of auto-deleveraging: whose position is closed against that of a bankrupt account, in which order.

    profit    = (mark value - entry value) / |entry value|
    leverage  = |mark value| / (mark value - bankruptcy value)
    score     = profit · leverage  where profit is positive, else profit / leverage

Longs and shorts of an instrument are queued apart, the highest score first. In a cross-margined account every position
stands on the same equity, so its leverage is gross mark value over equity; for an account with one position that is the
quotient above.

References
----------
BitMEX, *Auto-deleveraging* and its worked example: ranking, percentiles by size, filling in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtnet_core.loss.clearing_state import ClearingState, Integers

#: Lights of the indicator that an account sees; all of them for the fifth of the lots that is closed first.
LIGHTS: Final = 5


@dataclass(frozen=True, slots=True)
class Queue:
    """One side of one slot: accounts from the first to be deleveraged to the last.

    Attributes
    ----------
    accounts
        Their numbers.
    scores
        Profit times leverage, falling.
    lights
        5 for the first fifth of the lots in the queue to 1 for the last.
    """

    accounts: Integers
    scores: NDArray[np.float64]
    lights: Integers


def deleveraging_queue(state: ClearingState, slot: int, side: int) -> Queue:
    """Return the queue of the accounts that are long (`side` 1) or short (-1) in `slot` and solvent.

    Equal scores stand in the order of the accounts. Scores are float64; the queue is the same on every machine, since
    they come from single IEEE divisions and products.
    """
    equity = state.equity_ticks()
    accounts = np.flatnonzero((state.lots[:, slot] * side > 0) & (equity > 0))
    entry = np.maximum(state.entry_ticks[accounts, slot], 1).astype(np.float64)
    profit = side * (state.marks_ticks[slot] - state.entry_ticks[accounts, slot]) / entry
    gross = np.abs(state.lots[accounts] * state.marks_ticks).sum(axis=1)
    leverage = np.maximum(gross, 1) / equity[accounts]
    scores = np.where(profit > 0, profit * leverage, profit / leverage)
    order = np.argsort(-scores, kind="stable")
    sizes = np.abs(state.lots[accounts[order], slot])
    return Queue(accounts[order].astype(np.int64), scores[order], queue_lights(sizes))


def queue_lights(sizes: ArrayLike) -> Integers:
    """Return the lights of a queue whose positions have these sizes, first in the queue first.

    A position's place is where its last lot stands, as a share of all lots, rounded up to whole fifths.

    Examples
    --------
    >>> queue_lights([10, 20, 30, 10, 10, 20]).tolist()
    [5, 4, 3, 2, 2, 1]
    """
    lots = np.asarray(sizes, dtype=np.int64)
    upto = np.cumsum(lots)
    total = int(upto[-1]) if len(upto) else 1
    fifth = -(-upto * LIGHTS // total)
    return np.asarray(LIGHTS + 1 - fifth, dtype=np.int64)


def all_lights(state: ClearingState) -> Integers:
    """Return what every account is shown, shape (N, K): lights of each position, 0 where it has none or no equity."""
    shown = np.zeros_like(state.lots)
    for slot in range(state.lots.shape[1]):
        for side in (1, -1):
            queue = deleveraging_queue(state, slot, side)
            shown[queue.accounts, slot] = queue.lights
    return shown
