"""Sample books: accounts of several kinds that trade with each other, so that every long has its short.

Accounts come in blocks, each balanced in itself, so a book of any size is made as a stream. Within a block the
customers draw their positions; the hedged accounts - market makers - take the other side of what is left in every
instrument, and trade delta-neutral packages among themselves. Cash and collateral follow from the fast margin and a
drawn ratio.

Positions depend on seed, snapshot and sizes through integers and IEEE 754's exact operations only. Cash is put on a
grid of one USD, far above the last bits in which the fast margin may differ from platform to platform.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.account import Account
from rtnet_core.draws import Draws
from rtnet_core.errors import InputError
from rtnet_core.limits import QUANTITY_BITS
from rtnet_core.margin_fast import FastMarket, fast_margin
from rtnet_core.params import Params
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot, slots

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

BLOCK_ACCOUNTS: Final = 2_048
#: Cash of a sample is a multiple of this: one USD.
CASH_GRID_TICKS: Final = TICKS_PER_USD
MAX_ACCOUNTS: Final = 1 << 24

_PURPOSE: Final = 2
#: Notional of one position: a smallest size in USD times 2^0 to 2^6, times 1 to 2; small ones are more frequent.
_SMALLEST_USD: Final = 2_000
_DOUBLINGS: Final = (0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6)
#: From this many directional accounts in a block on, they lean against the delta of all customers.
_LEANING: Final = 8
_PACKAGES_PER_MAKER: Final = 3
#: One customer in this many trades this many times the size: size add-ons and collateral tiers begin to bind.
_LARGE_ONE_IN: Final = 64
_LARGE_FACTOR: Final = 256


@dataclass(frozen=True, slots=True)
class Archetype:
    """A kind of account.

    Attributes
    ----------
    name
        For reports and tests.
    share
        Of the accounts, in per cent.
    linear, options
        Fewest and most positions of each sort that it draws; none for market makers, who take what is left.
    ratio
        Range of the margin ratio that its cash is set for.
    """

    name: str
    share: int
    linear: tuple[int, int]
    options: tuple[int, int]
    ratio: tuple[float, float]


ARCHETYPES: Final = (
    Archetype("hedged", 35, (0, 0), (0, 0), (1.4, 5.0)),
    Archetype("directional", 30, (1, 3), (0, 1), (1.2, 4.0)),
    Archetype("option-heavy", 20, (0, 2), (4, 10), (1.15, 2.5)),
    Archetype("thin", 10, (1, 2), (0, 4), (1.01, 1.12)),
    Archetype("under-margined", 5, (1, 2), (1, 5), (0.3, 0.97)),
)
_HEDGED, _DIRECTIONAL, _UNDER_MARGINED = 0, 1, 4
#: One in this many under-margined accounts has lost more than it had: its NLV is negative.
_BANKRUPT_ONE_IN: Final = 8
_BANKRUPT_RATIO: Final = -0.2


def sample_book(snapshot: Snapshot, params: Params, accounts: int, seed: int) -> Iterator[Account]:
    """Return a stream of `accounts` accounts whose net position is exactly zero in every instrument.

    The shares of `ARCHETYPES` hold in every block, by largest remainder, and at least one account of a block is hedged;
    so a book of fewer than ten accounts may lack the rarer kinds. A book of one account has cash and no position.

    Parameters
    ----------
    snapshot, params
        What the accounts hold and how it is margined.
    accounts
        1 to 2^24.
    seed
        0 to 2^64 - 1.

    Raises
    ------
    InputError
        A number out of range, `params` lacks a symbol, or an underlying has no perpetual to hedge with.
    """
    if type(accounts) is not int or not 1 <= accounts <= MAX_ACCOUNTS:
        raise InputError("accounts", f"must be an integer from 1 to {MAX_ACCOUNTS}", accounts)
    return _Sampler(snapshot, params, Draws(seed, _PURPOSE)).stream(accounts)


def archetype_counts(accounts: int) -> list[int]:
    """Return how many accounts of each archetype a block of `accounts` has: largest remainder, at least one hedged."""
    counts = [accounts * kind.share // 100 for kind in ARCHETYPES]
    by_remainder = sorted(
        range(len(ARCHETYPES)), key=lambda number: (-(accounts * ARCHETYPES[number].share % 100), number)
    )
    for number in by_remainder[: accounts - sum(counts)]:
        counts[number] += 1
    if counts[_HEDGED] == 0:
        counts[counts.index(max(counts))] -= 1
        counts[_HEDGED] = 1
    return counts


class _Sampler:
    def __init__(self, snapshot: Snapshot, params: Params, draws: Draws) -> None:
        self.snapshot = snapshot
        self.draws = draws
        self.market = FastMarket.from_snapshot(snapshot, params)
        self.table = slots(snapshot)
        self.width = snapshot.sizes.slots
        self.linear = [n for n, entry in enumerate(self.table) if entry is not None and not entry.is_option]
        self.options = [n for n, entry in enumerate(self.table) if entry is not None and entry.is_option]
        self.perpetuals: list[int] = []
        for entry in snapshot.underlyings:
            name = next((n for n in self.linear if self._is_perpetual(n, entry.symbol)), None)
            if name is None:
                raise InputError("instruments", "must have a perpetual of each underlying to hedge with", entry.symbol)
            self.perpetuals.append(name)
        self.index = np.array([entry.index_ticks for entry in snapshot.underlyings], dtype=np.int64)
        # Deltas in whole ticks, so that hedges are integers however the fast engine rounds its last bit.
        self.delta = np.rint(self.market.delta.reshape(-1)).astype(np.int64)

    def _is_perpetual(self, slot: int, symbol: str) -> bool:
        entry = self.table[slot]
        return entry is not None and entry.kind == "perpetual" and entry.underlying == symbol

    def stream(self, accounts: int) -> Iterator[Account]:
        """Yield the accounts block by block; a last block of one account is joined to the one before."""
        made = 0
        while made < accounts:
            left = accounts - made
            size = left if left <= BLOCK_ACCOUNTS + 1 else BLOCK_ACCOUNTS
            yield from self._block(made, size)
            made += size

    def _block(self, first: int, size: int) -> Iterator[Account]:
        kinds = np.repeat(np.arange(len(ARCHETYPES)), archetype_counts(size))[self.draws.order(size)]
        positions = np.zeros((size, len(self.table)), dtype=np.int64)
        if size > 1:
            for row in range(size):
                if kinds[row] != _HEDGED:
                    self._draw_customer(positions[row], ARCHETYPES[kinds[row]])
            self._lean(positions, np.flatnonzero(kinds == _DIRECTIONAL))
            makers = np.flatnonzero(kinds == _HEDGED)
            self._take_the_rest(positions, makers)
            self._trade_packages(positions, makers)
        if np.abs(positions).max() >= 1 << QUANTITY_BITS:
            raise InputError("accounts", "must leave positions within their width: the lots are too small")
        cash, collateral = self._fund(positions, kinds)
        names = [entry.name if entry is not None else "" for entry in self.table]
        symbols = [asset.symbol for asset in self.snapshot.assets]
        for row in range(size):
            held = np.flatnonzero(positions[row])
            yield Account(
                id=f"acct-{first + row:06d}",
                cash_ticks=int(cash[row]),
                collateral={symbols[a]: int(collateral[row, a]) for a in np.flatnonzero(collateral[row])},
                positions={names[slot]: int(positions[row, slot]) for slot in held},
            )

    def _draw_customer(self, row: Integers, kind: Archetype) -> None:
        """Draw positions into one account's row: linear ones on one side, options more often sold than bought."""
        side = 1 if self.draws.fraction() < 0.5 else -1
        factor = _LARGE_FACTOR if self.draws.fraction() * _LARGE_ONE_IN < 1.0 else 1
        for slot in self._choose(self.linear, kind.linear):
            row[slot] = side * factor * self._size(slot)
        for slot in self._choose(self.options, kind.options):
            row[slot] = factor * self._size(slot) * (1 if self.draws.fraction() < 0.45 else -1)

    def _choose(self, among: list[int], span: tuple[int, int]) -> list[int]:
        low, high = span
        count = min(len(among), low + int(self.draws.fraction() * (high - low + 1)))
        return [among[number] for number in self.draws.order(len(among))[:count]] if count else []

    def _size(self, slot: int) -> int:
        """Return a position's lots, at least one."""
        doublings = _DOUBLINGS[int(self.draws.fraction() * len(_DOUBLINGS))]
        ticks = int(self.draws.between(1.0, 2.0) * (_SMALLEST_USD << doublings)) * TICKS_PER_USD
        return max(ticks // int(self.index[slot // self.width]), 1)

    def _lean(self, positions: Integers, directional: Integers) -> None:
        """Let directional accounts take perpetuals until the customers' delta is about zero in each underlying."""
        if len(directional) < _LEANING:
            return
        for number, slot in enumerate(self.perpetuals):
            span = slice(number * self.width, (number + 1) * self.width)
            net = int((positions[:, span] @ self.delta[span]).sum())
            lots = -net // max(int(self.delta[slot]), 1)
            positions[directional, slot] += _split(lots, np.ones(len(directional), dtype=np.int64))

    def _take_the_rest(self, positions: Integers, makers: Integers) -> None:
        """Give the other side of every instrument's sum to the makers, each with one weight for all instruments."""
        weights = 1 + self.draws.integers(len(makers), 16)
        for slot, net in enumerate(positions.sum(axis=0)):
            positions[makers, slot] += _split(-int(net), weights)

    def _trade_packages(self, positions: Integers, makers: Integers) -> None:
        """Let pairs of makers trade an option against its delta in perpetuals."""
        if len(makers) < 2 or not self.options:
            return
        for _ in range(_PACKAGES_PER_MAKER):
            order = makers[self.draws.order(len(makers))]
            for buyer, seller in zip(order[0::2], order[1::2], strict=False):
                option = self.options[int(self.draws.fraction() * len(self.options))]
                perpetual = self.perpetuals[option // self.width]
                lots = self._size(option)
                hedge = -lots * int(self.delta[option]) // max(int(self.delta[perpetual]), 1)
                positions[buyer, [option, perpetual]] += (lots, hedge)
                positions[seller, [option, perpetual]] -= (lots, hedge)

    def _fund(self, positions: Integers, kinds: Integers) -> tuple[Integers, Integers]:
        """Return cash and collateral that bring each account to a ratio drawn from its archetype's range."""
        size, asset_count = len(kinds), len(self.snapshot.assets)
        width = self.snapshot.sizes.assets
        low, high = (np.array([kind.ratio[side] for kind in ARCHETYPES])[kinds] for side in (0, 1))
        ratio = low + (high - low) * self.draws.fractions(size)
        bankrupt = (kinds == _UNDER_MARGINED) & (self.draws.integers(size, _BANKRUPT_ONE_IN) == 0)
        ratio[bankrupt] = _BANKRUPT_RATIO
        empty = np.zeros((size, width))
        bare = fast_margin(self.market, positions, np.zeros(size), empty)
        # An account without a maintenance margin holds some cash, between 1,000 and 100,000 USD.
        idle = (1_000 + self.draws.integers(size, 99_000)).astype(np.float64) * TICKS_PER_USD
        goal = np.where(bare.maintenance > 0, ratio * bare.maintenance, idle)

        collateral = np.zeros((size, width), dtype=np.int64)
        share = 0.8 * self.draws.fractions(size)
        chosen = self.draws.integers(size, asset_count)
        # What the asset should be worth is put on a coarse grid first, so that amounts do not hang on a last bit.
        worth = np.rint(np.maximum(goal, 0.0) * share / CASH_GRID_TICKS) * CASH_GRID_TICKS
        collateral[np.arange(size), chosen] = (worth // self.market.price_ticks[chosen]).astype(np.int64)

        funded = fast_margin(self.market, positions, np.zeros(size), collateral)
        cash = np.rint((goal - funded.nlv) / CASH_GRID_TICKS).astype(np.int64) * CASH_GRID_TICKS
        return cash, collateral


def _split(lots: int, weights: Integers) -> Integers:
    """Return `lots` split in proportion to the weights, exactly: what rounding leaves goes one by one to the first."""
    sign, magnitude = (1, lots) if lots >= 0 else (-1, -lots)
    total = int(weights.sum())
    shares = magnitude * weights // total
    shares[: magnitude - int(shares.sum())] += 1
    return sign * shares
