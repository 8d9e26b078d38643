"""A cascade: liquidations move the price, and the price liquidates the next.

In rounds, from a first shock on:

1. the book is marked to the prices of the round by the fast margin rule;
2. of every account below the level of liquidation the closed form closes a fraction, or all where it cannot be cured;
3. what was closed is an order in its underlying, of its delta; the price moves by the square-root law of all orders so
   far, and the accounts that closed pay the average of the round's move along its way;
4. an account that was closed out below zero leaves its deficit as bad debt, which is paid for it;

until nobody is liquidated any more. Recovery takes back a share of the standing orders' impact after each round; noise
adds a normal move of its own. All of it is analysis in float64 but for the lots: whoever takes the other side holds
exactly what was closed.

References
----------
- Tóth et al., *Anomalous price impact and the critical nature of liquidity in financial markets* (2011).
- Cont and Wagalath, *Fire sales forensics: measuring endogenous risk* (2016): liquidations that feed on themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri  # type: ignore[import-untyped]

from rtnet_core.draws import Draws
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, PRICE_BITS, ROW_BITS
from rtnet_core.loss.liquidation import closing_fractions
from rtnet_core.margin_fast import FastMargin, FastMarket, fast_margin
from rtnet_core.params import Params
from rtnet_core.snapshot import Snapshot

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PURPOSE: Final = 11


@dataclass(frozen=True, slots=True)
class CascadeRules:
    """The market that liquidations meet; tuples have one entry for each underlying of the snapshot.

    Parameters
    ----------
    volume_lots, volatility_bps
        Lots traded and volatility in a day.
    impact_bps
        The factor Y of the square-root law, 10,000 for 1.
    recovery_bps
        Share of the standing orders that the market has absorbed after each round.
    noise_bps
        Standard deviation of a further normal move in each round.
    liquidate_bps, target_bps, penalty_bps
        Level of liquidation, ratio that it aims at, penalty on the delta closed.
    rounds
        At most so many.

    Raises
    ------
    InputError
        A number outside its range.
    """

    volume_lots: tuple[int, ...]
    volatility_bps: tuple[int, ...]
    impact_bps: int = BPS
    recovery_bps: int = 0
    noise_bps: int = 0
    liquidate_bps: int = BPS
    target_bps: int = 12_500
    penalty_bps: int = 50
    rounds: int = 100

    def __post_init__(self) -> None:
        if any(lots < 1 for lots in self.volume_lots) or any(number < 0 for number in self.volatility_bps):
            raise InputError("cascade rules", "volumes must be at least 1, volatilities at least 0")
        if not 0 <= self.recovery_bps <= BPS:
            raise InputError("recovery_bps", f"must be 0 to {BPS}", self.recovery_bps)
        if min(self.impact_bps, self.noise_bps, self.penalty_bps) < 0 or self.rounds < 1:
            raise InputError("cascade rules", "impact, noise and penalty must be at least 0, rounds at least 1")
        if not 1 <= self.liquidate_bps <= self.target_bps:
            raise InputError("liquidate_bps", "must be at least 1 and not above target_bps", self.liquidate_bps)


@dataclass(frozen=True, slots=True)
class CascadeBook:
    """Accounts in slot order: lots (N, K), cash in ticks (N,), collateral in units (N, A)."""

    lots: Integers
    cash_ticks: Floats
    collateral: Integers


@dataclass(frozen=True, slots=True)
class CascadeRound:
    """One round.

    Attributes
    ----------
    price_factors
        Index of each underlying over its start, by which the round was marked.
    liquidated, closed_out
        Accounts of which something was closed, and everything.
    closed_ticks
        Delta closed, valued at the index.
    penalty_ticks, cost_ticks, bad_debt_ticks
        Taken from the accounts, and paid for those left below zero.
    """

    price_factors: tuple[float, ...]
    liquidated: int
    closed_out: int
    closed_ticks: float
    penalty_ticks: float
    cost_ticks: float
    bad_debt_ticks: float


@dataclass(frozen=True, slots=True)
class Cascade:
    """What happened: the rounds, the book afterwards, and lots (K,) and cash of whoever took the other side."""

    rounds: tuple[CascadeRound, ...]
    book: CascadeBook
    taken_lots: Integers
    taker_cash_ticks: float

    @property
    def bad_debt_ticks(self) -> float:
        """Deficits of all rounds."""
        return sum(entry.bad_debt_ticks for entry in self.rounds)


def simulate_cascade(
    snapshot: Snapshot,
    params: Params,
    book: CascadeBook,
    shock_bps: Mapping[str, int],
    rules: CascadeRules,
    seed: int = 0,
) -> Cascade:
    """Return what a shock does to a book; the last round is the first in which nobody is liquidated, or the limit.

    Parameters
    ----------
    snapshot, params
        Prices before the shock, and the margin rule.
    shock_bps
        First move of an index by its symbol, above -10,000; forwards and collateral of that coin move along.
    seed
        Of the noise.

    Raises
    ------
    InputError
        A shock of a coin that the snapshot does not have, or rules for another number of underlyings.
    """
    symbols = [entry.symbol for entry in snapshot.underlyings]
    if len(rules.volume_lots) != len(symbols) or len(rules.volatility_bps) != len(symbols):
        raise InputError("cascade rules", f"must have {len(symbols)} volumes and volatilities", len(rules.volume_lots))
    for symbol, move in shock_bps.items():
        if symbol not in symbols or move <= -BPS:
            raise InputError(f"shock_bps[{symbol}]", f"must be of {', '.join(symbols)} and above -{BPS}", move)
    first = np.array([1 + shock_bps.get(symbol, 0) / BPS for symbol in symbols])
    return _Simulation(snapshot, params, book, rules, Draws(seed, _PURPOSE)).run(first)


def moved_snapshot(snapshot: Snapshot, factors: Mapping[str, float]) -> Snapshot:
    """Return the snapshot with index, forwards and collateral price of each coin times its factor, in whole ticks."""

    def moved(ticks: int, symbol: str, bits: int) -> int:
        return min(max(1, round(ticks * factors.get(symbol, 1.0))), (1 << bits) - 1)

    return snapshot.model_copy(
        update={
            "underlyings": tuple(
                entry.model_copy(update={"index_ticks": moved(entry.index_ticks, entry.symbol, ROW_BITS)})
                for entry in snapshot.underlyings
            ),
            "assets": tuple(
                entry.model_copy(update={"price_ticks": moved(entry.price_ticks, entry.symbol, PRICE_BITS)})
                for entry in snapshot.assets
            ),
            "instruments": tuple(
                entry.model_copy(update={"forward_ticks": moved(entry.forward_ticks, entry.underlying, ROW_BITS)})
                for entry in snapshot.instruments
            ),
        }
    )


class _Simulation:
    def __init__(
        self, snapshot: Snapshot, params: Params, book: CascadeBook, rules: CascadeRules, draws: Draws
    ) -> None:
        self.snapshot, self.params, self.rules, self.draws = snapshot, params, rules, draws
        self.symbols = [entry.symbol for entry in snapshot.underlyings]
        self.lots = book.lots.astype(np.int64)
        self.cash = book.cash_ticks.astype(np.float64)
        self.collateral = book.collateral
        self.taken = np.zeros(self.lots.shape[1], dtype=np.int64)
        self.taker_cash = 0.0
        #: Signed lots of delta that the market has not absorbed, by underlying.
        self.standing = np.zeros(len(self.symbols))
        self.market = FastMarket.from_snapshot(snapshot, params)

    def run(self, exogenous: Floats) -> Cascade:
        rounds: list[CascadeRound] = []
        while len(rounds) < self.rules.rounds:
            factors = exogenous * (1 + self._impact(self.standing))
            rounds.append(self._round(factors))
            if not rounds[-1].liquidated:
                break
            self.standing *= 1 - self.rules.recovery_bps / BPS
            uniform = np.clip(self.draws.fractions(len(self.symbols)), 2.0**-53, None)
            exogenous = exogenous * np.maximum(1 + ndtri(uniform) * self.rules.noise_bps / BPS, 1e-3)
        after = CascadeBook(self.lots, self.cash, self.collateral)
        return Cascade(tuple(rounds), after, self.taken, self.taker_cash)

    def _impact(self, flow: Floats) -> Floats:
        """Return the relative move of standing orders by the square-root law; a thousandth of the price stays."""
        share = np.abs(flow) / np.array(self.rules.volume_lots)
        volatility = np.array(self.rules.volatility_bps) / BPS
        move = np.sign(flow) * (self.rules.impact_bps / BPS) * volatility * np.sqrt(share)
        return np.asarray(np.maximum(move, -0.999), dtype=np.float64)

    def _average_move(self, flow: Floats) -> Floats:
        """Return the size of the move that a new flow pays on average: from the standing orders on, along its way."""

        def integral(orders: Floats) -> Floats:  # of the square-root law, from zero on
            return np.asarray(2 / 3 * np.abs(orders * self._impact(orders)), dtype=np.float64)

        along = integral(self.standing + flow) - integral(self.standing)
        average = np.divide(along, flow, out=np.zeros_like(flow), where=flow != 0)
        return np.asarray(np.where(flow != 0, np.abs(average - self._impact(self.standing)), 0.0), dtype=np.float64)

    def _round(self, factors: Floats) -> CascadeRound:
        moved = moved_snapshot(self.snapshot, dict(zip(self.symbols, factors.tolist(), strict=True)))
        self.market = FastMarket.from_snapshot(moved, self.params)
        margin = fast_margin(self.market, self.lots, self.cash, self.collateral)
        failing = np.flatnonzero(
            (BPS * margin.nlv < self.rules.liquidate_bps * margin.maintenance) & self.lots.any(axis=1)
        )
        if not len(failing):
            return CascadeRound(tuple(factors.tolist()), 0, 0, 0.0, 0.0, 0.0, 0.0)
        closed = self._closed(failing, margin)
        orders = -self._delta_lots(closed)
        paid = self._average_move(orders.sum(axis=0))
        self.standing = self.standing + orders.sum(axis=0)
        value = np.abs(orders) * self.market.index_ticks[: len(self.symbols)]
        cost, penalty = (value * paid).sum(axis=1), value.sum(axis=1) * self.rules.penalty_bps / BPS
        return self._book(factors, failing, closed, value.sum(axis=1), cost, penalty)

    def _closed(self, failing: Integers, margin: FastMargin) -> Integers:
        """Return the lots that are closed, shape (F, K): the closed form's fraction at the account's own impact."""
        lots = self.lots[failing]
        own = self._delta_lots(lots)
        value = np.abs(own) * self.market.index_ticks[: len(self.symbols)]
        cost = (value * (2 / 3 * np.abs(self._impact(own)) + self.rules.penalty_bps / BPS)).sum(axis=1)
        fraction = closing_fractions(margin.nlv[failing], margin.maintenance[failing], cost, self.rules.target_bps)
        whole = np.ceil(np.abs(lots) * fraction[:, None]).astype(np.int64)
        return np.asarray(np.sign(lots) * np.minimum(whole, np.abs(lots)), dtype=np.int64)

    def _delta_lots(self, lots: Integers) -> Floats:
        """Return the delta of positions (F, K) in lots of each underlying, shape (F, U)."""
        count, slots = self.market.mark.shape
        per_lot = 100 * self.market.delta / np.maximum(self.market.index_ticks, 1.0)[:, None]
        delta = (lots.reshape(-1, count, slots) * per_lot).sum(axis=2)
        return np.asarray(delta[:, : len(self.symbols)], dtype=np.float64)

    def _book(
        self, factors: Floats, failing: Integers, closed: Integers, value: Floats, cost: Floats, penalty: Floats
    ) -> CascadeRound:
        marks = self.market.mark.reshape(-1)
        proceeds = closed @ marks
        self.lots[failing] -= closed
        self.taken += closed.sum(axis=0)
        full = self.cash[failing] + proceeds - cost + self.collateral[failing] @ self.market.price_ticks
        # A penalty takes no more than what is left once all is closed.
        out = ~self.lots[failing].any(axis=1)
        penalty = np.where(out, np.clip(full, 0.0, penalty), penalty)
        debt = np.where(out, np.maximum(0.0, penalty - full), 0.0)
        self.cash[failing] += proceeds - cost - penalty + debt
        self.taker_cash -= float((proceeds - cost).sum())
        return CascadeRound(
            price_factors=tuple(factors.tolist()),
            liquidated=len(failing),
            closed_out=int(out.sum()),
            closed_ticks=float(value.sum()),
            penalty_ticks=float(penalty.sum()),
            cost_ticks=float(cost.sum()),
            bad_debt_ticks=float(debt.sum()),
        )
