"""Closing just enough of an account that it clears a target health again, in whole lots.

For an account of NLV *n* and maintenance margin *M* of which the fraction *x* of every position is closed at cost
*C·x*, the target *t* is met from

    n - C·x = t · M · (1 - x)        x = (t·M - n) / (t·M - C)

on: the closed form, exact where margin is proportional to size and cost is linear. There is such an x up to 1 exactly
where n >= C: where the account can pay for its own closing. In the proven rule the size add-on is convex, and market
impact is too; both make the closed form close too much, never too little. It is then the upper end of a bisection over
whole lots, at whose end the target is looked at again, in integers.

References
----------
- Maia, *Liquidation math*: the same equation for a loan, collateral and debt in place of NLV and margin.
- Deribit, *Liquidations*: positions are closed in steps until maintenance margin is met; a fee on what was closed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.loss.impact import Depth
from rtnet_core.loss.search import least_step
from rtnet_core.margin_exact import underlying_margin

if TYPE_CHECKING:
    from rtnet_core.params_root import MarginParams
    from rtnet_core.risk_array import RiskArray

#: Maintenance margin of positions in slot order, in ticks * 10^-4; convex, and zero without positions.
Requirement = Callable[[Sequence[int]], int]


class Outcome(StrEnum):
    """How a liquidation ends."""

    NOT_NEEDED = "not_needed"
    CURED = "cured"
    CANNOT_CURE = "cannot_cure"


@dataclass(frozen=True, slots=True)
class LiquidationTerms:
    """What a liquidation aims at, and what it charges.

    Parameters
    ----------
    target_bps
        Margin ratio to reach; above the level of liquidation, so that the next tick does not start another.
    penalty_bps
        Charged on the notional closed, for the insurance fund.

    Raises
    ------
    InputError
        A target below 1, a penalty below 0.
    """

    target_bps: int = 12_500
    penalty_bps: int = 50

    def __post_init__(self) -> None:
        if self.target_bps < 1 or self.penalty_bps < 0:
            raise InputError("liquidation terms", "target must be at least 1, penalty at least 0")


DEFAULT_TERMS: Final = LiquidationTerms()


@dataclass(frozen=True, slots=True)
class LiquidationPlan:
    """What is closed and what it does; amounts in ticks * 10^-4.

    Attributes
    ----------
    closed_lots
        Shape (K,), with the sign of the position: the position afterwards is the one before less this.
    penalty_e4, cost_e4
        For the insurance fund, and what spread and impact take.
    nlv_before_e4, maintenance_before_e4, nlv_after_e4, maintenance_after_e4
        After closing, penalty and cost.
    """

    outcome: Outcome
    closed_lots: tuple[int, ...]
    penalty_e4: int
    cost_e4: int
    nlv_before_e4: int
    maintenance_before_e4: int
    nlv_after_e4: int
    maintenance_after_e4: int

    @property
    def worsens(self) -> bool:
        """Whether the margin ratio is lower afterwards; where there is no maintenance margin its sign is NLV's."""
        before, after = self.nlv_before_e4, self.nlv_after_e4
        if not self.maintenance_before_e4 or not self.maintenance_after_e4:
            return after < 0 and (before >= 0 or after < before)
        return after * self.maintenance_before_e4 < before * self.maintenance_after_e4

    @property
    def message(self) -> str:
        """The outcome in words."""
        if self.outcome is Outcome.NOT_NEEDED:
            return "the account meets the target: nothing is closed"
        if self.outcome is Outcome.CURED:
            return f"{sum(map(abs, self.closed_lots))} lots closed: the account meets the target"
        left = "something is left" if self.nlv_after_e4 > 0 else "nothing is left"
        if self.nlv_after_e4 < 0:
            left = "a deficit is left for the waterfall"
        return f"cannot cure: no closing reaches the target, so all is closed; {left}"


def proven_requirement(risk: RiskArray, params: MarginParams) -> Requirement:
    """Return the maintenance margin of the proven rule as a function of positions in slot order, shape (K,)."""
    slots, count = risk.sizes.slots, risk.sizes.underlyings

    def maintenance_e4(lots: Sequence[int]) -> int:
        return sum(
            underlying_margin(lots[slots * u : slots * (u + 1)], risk, params, u).maintenance_e4
            for u in range(count)
            if any(lots[slots * u : slots * (u + 1)])
        )

    return maintenance_e4


def closing_fraction(nlv: int, maintenance: int, cost: int, target_bps: int) -> Fraction | None:
    """Return the least fraction of every position that meets the target by the closed form, None where there is none.

    Parameters
    ----------
    nlv, maintenance, cost
        In one unit; `cost` is that of closing everything.

    Examples
    --------
    A loan of 0.50 on collateral that counts for 0.45, of which each unit repaid takes 0.525: for a health of 1.25,

    >>> closing_fraction(4_500, 5_000, 2_625, 12_500)
    Fraction(14, 29)
    >>> closing_fraction(2_000, 5_000, 2_625, 12_500) is None
    True
    """
    wanted = Fraction(target_bps * maintenance, BPS)
    if nlv >= wanted:
        return Fraction(0)
    return (wanted - nlv) / (wanted - cost) if nlv >= cost else None


def closing_fractions(nlv: ArrayLike, maintenance: ArrayLike, cost: ArrayLike, target_bps: int) -> NDArray[np.float64]:
    """Return `closing_fraction` for N accounts in float64, shape (N,); 1 where there is none."""
    have, closing = np.asarray(nlv, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    wanted = np.asarray(maintenance, dtype=np.float64) * (target_bps / BPS)
    curable = (have < wanted) & (have >= closing)
    fraction = np.divide(wanted - have, wanted - closing, out=np.ones_like(wanted), where=curable)
    return np.asarray(np.where(have >= wanted, 0.0, fraction), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class FailingAccount:
    """An account to be liquidated, and the market that it is closed in.

    Parameters
    ----------
    lots
        Shape (K,), signed.
    nlv_e4
        Net liquidation value in ticks * 10^-4.
    requirement
        The margin rule, from `proven_requirement` or any other that is convex.
    depth
        Shape (K,).
    """

    lots: tuple[int, ...]
    nlv_e4: int
    requirement: Requirement
    depth: Depth

    def plan(self, closed: Sequence[int], outcome: Outcome, terms: LiquidationTerms) -> LiquidationPlan:
        """Return what closing `closed` lots does; a penalty never takes more than the cost of closing has left."""
        cost, penalty = self._charges_e4(closed, terms)
        if outcome is Outcome.CANNOT_CURE:
            penalty = min(penalty, max(0, self.nlv_e4 - cost))
        return LiquidationPlan(
            outcome=outcome,
            closed_lots=tuple(closed),
            penalty_e4=penalty,
            cost_e4=cost,
            nlv_before_e4=self.nlv_e4,
            maintenance_before_e4=self.requirement(self.lots),
            nlv_after_e4=self.nlv_e4 - cost - penalty,
            maintenance_after_e4=self.requirement(self._left(closed)),
        )

    def headroom_e8(self, closed: Sequence[int], terms: LiquidationTerms) -> int:
        """Return NLV beyond the target once `closed` lots are closed, in ticks * 10^-8."""
        nlv = self.nlv_e4 - sum(self._charges_e4(closed, terms))
        return BPS * nlv - terms.target_bps * self.requirement(self._left(closed))

    def fraction(self, terms: LiquidationTerms) -> Fraction | None:
        """Return the closed form's fraction of all positions, None where they cannot pay for their own closing."""
        paid = sum(self._charges_e4(self.lots, terms))
        return closing_fraction(self.nlv_e4, self.requirement(self.lots), paid, terms.target_bps)

    def _charges_e4(self, closed: Sequence[int], terms: LiquidationTerms) -> tuple[int, int]:
        return self.depth.basket_cost_e4(closed), terms.penalty_bps * self.depth.notional_of(closed)

    def _left(self, closed: Sequence[int]) -> list[int]:
        return [have - less for have, less in zip(self.lots, closed, strict=True)]


def liquidate_pro_rata(account: FailingAccount, terms: LiquidationTerms = DEFAULT_TERMS) -> LiquidationPlan:
    """Return the least closing of all positions in one proportion that meets the target.

    Each position is closed in that proportion rounded up to whole lots, so hedges stay hedges.
    """
    nothing = [0] * len(account.lots)
    if account.headroom_e8(nothing, terms) >= 0:
        return account.plan(nothing, Outcome.NOT_NEEDED, terms)
    return _rest_pro_rata(account, nothing, terms, account.fraction(terms) or Fraction(1))


def liquidate_smallest_risk_first(account: FailingAccount, terms: LiquidationTerms = DEFAULT_TERMS) -> LiquidationPlan:
    """Return a closing of one position after the other that meets the target, those of least margin first.

    A position's margin is what the rule asks for it alone. One whose closing would not help, a hedge, is left where it
    is, or closed only as far as it helps; the last one is closed only as far as it takes. Where no single position
    helps any more, what is left is closed in proportion.
    """
    closed = [0] * len(account.lots)
    if account.headroom_e8(closed, terms) >= 0:
        return account.plan(closed, Outcome.NOT_NEEDED, terms)
    order, helped = _by_margin(account), True
    while helped:
        helped = False
        for slot in order:
            if account.lots[slot] == closed[slot]:
                continue
            reached, made = _close_one(account, closed, slot, terms)
            if reached:
                return account.plan(made, Outcome.CURED, terms)
            if account.headroom_e8(made, terms) > account.headroom_e8(closed, terms):
                closed, helped = made, True
    return _rest_pro_rata(account, closed, terms)


def _close_one(
    account: FailingAccount, closed: list[int], slot: int, terms: LiquidationTerms
) -> tuple[bool, list[int]]:
    """Return whether closing more of `slot` meets the target, and the closing that does or that comes nearest."""
    left = account.lots[slot] - closed[slot]

    def also(lots: int) -> list[int]:
        made = closed.copy()
        made[slot] += lots if left > 0 else -lots
        return made

    def headroom(lots: int) -> int:
        return account.headroom_e8(also(lots), terms)

    size = abs(left)
    whole = headroom(size)
    if whole < 0:
        # Concave in the lots of one position: what still rises at its end is highest there, what falls at once here.
        if headroom(size - 1) < whole:
            return False, also(size)
        if headroom(1) <= headroom(0):
            return False, closed
    reached, lots = least_step(headroom, size, size)
    return reached, also(lots)


def _by_margin(account: FailingAccount) -> list[int]:
    """Return the slots that hold something, the one of least margin first."""
    alone = {}
    for slot, lots in enumerate(account.lots):
        if lots:
            only = [0] * len(account.lots)
            only[slot] = lots
            alone[slot] = account.requirement(only)
    return sorted(alone, key=lambda slot: alone[slot])


def _rest_pro_rata(
    account: FailingAccount, closed: list[int], terms: LiquidationTerms, first: Fraction = Fraction(1)
) -> LiquidationPlan:
    """Return the plan that closes what `closed` leaves in one proportion, looked for below `first`, or everything."""
    rest = [have - less for have, less in zip(account.lots, closed, strict=True)]
    steps = max(map(abs, rest))

    def also(step: int) -> list[int]:
        more = [-(-abs(q) * step // steps) * (1 if q > 0 else -1) for q in rest]
        return [less + part for less, part in zip(closed, more, strict=True)]

    if steps:
        start = -(-first.numerator * steps // first.denominator)
        reached, step = least_step(lambda number: account.headroom_e8(also(number), terms), steps, start)
        if reached:
            return account.plan(also(step), Outcome.CURED, terms)
    return account.plan(account.lots, Outcome.CANNOT_CURE, terms)
