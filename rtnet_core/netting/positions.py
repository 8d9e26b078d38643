"""Compression of positions: fewer lots for everyone, every account's risk as it was within a tolerance.

Accounts hold lots in instruments that are near to each other in risk - strikes, expiries. Every position is reduced or
left, never turned around or grown, so that

    Σ over accounts of the reductions = 0                    in every instrument: longs and shorts go together
    |Σ reductions · value change| <= tolerance               of every account, in every scenario

and the lots that are left are as few as they can be: a linear program (HiGHS). What an account gives up is paid to it
at mark, so NLV does not change at all.

The solution is rounded to whole lots, each reduction to one of its neighbours. That changes an account's scenario P&L
by no more than the sum of its rows; the program therefore keeps this much less than the tolerance, and what comes out
is held to it exactly, in integers.

References
----------
O'Kane, *Optimising the multilateral netting of fungible OTC derivatives*, Quantitative Finance 17 (2017): the least
total as a linear program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog  # type: ignore[import-untyped]  # SciPy ships no types
from scipy.sparse import coo_array, vstack  # type: ignore[import-untyped]

from rtnet_core.errors import InputError, ToolError

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Parts of a lot that a reduction of the floating-point solution is read to.
_PARTS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class PositionCompression:
    """Positions before and after, shape (N, K), and what the change does to each account.

    Attributes
    ----------
    risk_change_ticks
        Shape (N, S): by how much each scenario's P&L changes.
    paid_ticks
        Shape (N,): cash each account gets for the lots it gives up at mark; adds up to zero.
    """

    before: Integers
    after: Integers
    risk_change_ticks: Integers
    paid_ticks: Integers

    @property
    def gross_before_lots(self) -> int:
        """Lots of all accounts before, long and short added up."""
        return int(np.abs(self.before).sum())

    @property
    def gross_after_lots(self) -> int:
        """Lots of all accounts afterwards."""
        return int(np.abs(self.after).sum())


def compress_positions(lots: ArrayLike, rows: ArrayLike, marks: ArrayLike, tolerance_ticks: int) -> PositionCompression:
    """Return the positions with the fewest lots that keep every account's scenario P&L within the tolerance.

    Parameters
    ----------
    lots
        Shape (N, K), whole, each column adding up to zero.
    rows
        Shape (K, S), whole ticks per lot in each scenario.
    marks
        Shape (K,), whole ticks per lot.
    tolerance_ticks
        Most that any scenario's P&L of any account may change, either way. Accounts whose rounding alone could exceed
        it are left as they are.

    Raises
    ------
    InputError
        Shapes that do not fit, columns that do not add up to zero, or a negative tolerance.
    ToolError
        The solver gives up, or its solution breaks its bounds by more than rounding.

    Examples
    --------
    Two dealers hold the same spread against each other; the two instruments move alike.

    >>> found = compress_positions([[500, -500], [-500, 500]], [[-90], [-90]], [700, 700], 1_000)
    >>> found.after.tolist(), found.risk_change_ticks.tolist()
    ([[0, 0], [0, 0]], [[0], [0]])
    """
    held, changes, prices = (np.asarray(table, dtype=np.int64) for table in (lots, rows, marks))
    if held.ndim != 2 or changes.ndim != 2 or changes.shape[0] != held.shape[1] or prices.shape != held.shape[1:]:
        raise InputError("positions", "must be (N, K) beside rows (K, S) and marks (K,)", held.shape)
    if held.sum(axis=0).any():
        raise InputError("lots", "must add up to zero in every instrument", held.sum(axis=0).tolist())
    if tolerance_ticks < 0:
        raise InputError("tolerance_ticks", "must be at least 0", tolerance_ticks)
    rounding = (held != 0).astype(np.int64) @ np.abs(changes)
    room = tolerance_ticks - rounding - rounding // (_PARTS // 2) - 1
    free = (held != 0) & (room >= 0).all(axis=1)[:, None]
    reduced = _whole(held, _solved(held, changes, room, free), free)
    found = PositionCompression(held, held - reduced, -(reduced @ changes), reduced @ prices)
    if np.abs(found.risk_change_ticks).max(initial=0) > tolerance_ticks:
        raise ToolError("the solver of the linear program does not hold its own bounds")
    return found


def _solved(held: Integers, changes: Integers, room: Integers, free: NDArray[np.bool_]) -> Floats:
    """Return the reductions in lots, with the sign of the position, shape (N, K), as floating-point numbers."""
    reductions = np.zeros(held.shape)
    accounts, slots = np.nonzero(free)
    count = len(accounts)
    if not count:
        return reductions
    signs, most = np.sign(held[accounts, slots]), np.abs(held[accounts, slots]).astype(np.float64)
    variables = np.arange(count)
    balance = coo_array((signs.astype(np.float64), (slots, variables)), shape=(held.shape[1], count)).tocsr()
    scenarios = changes.shape[1]
    by_scenario = (signs[:, None] * changes[slots]).astype(np.float64)
    lines = accounts[:, None] * scenarios + np.arange(scenarios)
    spread = np.broadcast_to(variables[:, None], lines.shape)
    shape = (held.shape[0] * scenarios, count)
    risk = coo_array((by_scenario.ravel(), (lines.ravel(), spread.ravel())), shape=shape).tocsr()
    bound = np.maximum(room, 0).ravel().astype(np.float64)
    found = linprog(
        -np.ones(count),
        A_eq=balance,
        b_eq=np.zeros(held.shape[1]),
        A_ub=vstack([risk, -risk], format="csr"),
        b_ub=np.concatenate([bound, bound]),
        bounds=np.column_stack([np.zeros(count), most]),
        method="highs",
    )
    if found.status != 0:
        raise ToolError(f"the solver of the linear program gives up: {found.message}")
    reductions[accounts, slots] = np.clip(found.x, 0.0, most)
    return reductions


def _whole(held: Integers, reductions: Floats, free: NDArray[np.bool_]) -> Integers:
    """Return signed whole reductions that add up to zero in every instrument, each within a lot of its own."""
    whole = np.zeros_like(held)
    parts = np.floor(reductions * _PARTS + 0.5).astype(np.int64)
    for slot in range(held.shape[1]):
        sides = [np.flatnonzero(free[:, slot] & (np.sign(held[:, slot]) == side)) for side in (1, -1)]
        total = max(int(parts[side, slot].sum()) for side in sides) // _PARTS
        for sign, side in zip((1, -1), sides, strict=True):
            shares = _rounded(parts[side, slot].tolist(), total)
            whole[side, slot] = sign * np.array(shares, dtype=np.int64)
    return whole


def _rounded(parts: list[int], total: int) -> list[int]:
    """Return `total` lots as numbers of parts, each rounded down or, those with the largest rests, up."""
    floors = [part // _PARTS for part in parts]
    by_rest = sorted(range(len(parts)), key=lambda number: -(parts[number] % _PARTS))
    for number in by_rest[: total - sum(floors)]:
        floors[number] += 1
    return floors
