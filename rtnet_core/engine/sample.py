"""Seeded streams of events for trials: accounts open, pay in and trade, prices walk, funding is paid.

A stream is a function of its seed and market alone: draws are raw words (`rtnet_core.draws`), everything else integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtnet_core.draws import Draws
from rtnet_core.engine.events import (
    CASH,
    Deposit,
    Event,
    Funding,
    Leg,
    Open,
    PoolTransfer,
    Prices,
    Settlement,
    Trade,
    Transfer,
    Withdrawal,
)
from rtnet_core.engine.rates import MARK, Rates, repriced
from rtnet_core.errors import InputError
from rtnet_core.params import Params
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot

#: Between two price updates, and between two payments of funding.
PRICE_EVERY: Final = 10_000
FUNDING_EVERY: Final = 50_000

_PURPOSE: Final = 7
_MILLION: Final = 10**6
#: Everyone pays in this many USD, times 1 to 100.
_FIRST_DEPOSIT_USD: Final = 20_000
_INSURANCE_USD: Final = 1_000_000
#: One owner in this many has a sub-account for the first perpetual, kept apart from the rest.
_ISOLATED_ONE_IN: Final = 10
#: Largest move of a price between two updates, in millionths.
_PRICE_STEP: Final = 1_500
#: Times of price updates are this far apart, milliseconds.
_STEP_MS: Final = 100
#: Shares of what is no trade, per thousand.
_DEPOSITS, _WITHDRAWALS, _TRANSFERS, _SETTLEMENTS = 10, 10, 5, 5
_FEE_PER_MILLION: Final = 300
_DRAWS_AT_ONCE: Final = 4_096


def sample_events(snapshot: Snapshot, params: Params, accounts: int, count: int, seed: int) -> Iterator[Event]:
    """Yield what opens and funds `accounts` accounts, then `count` further events.

    Parameters
    ----------
    snapshot, params
        The market in which the stream begins.
    accounts
        At least 2.
    count
        At least 0; about 97 in 100 are trades.
    seed
        0 to 2^64 - 1.

    Raises
    ------
    InputError
        A number out of range, or the market lists no perpetual.
    """
    if accounts < 2:
        raise InputError("accounts", "must be at least 2", accounts)
    if count < 0:
        raise InputError("events", "must be at least 0", count)
    return _Stream(snapshot, params, accounts, seed).events(count)


class _Stream:
    def __init__(self, snapshot: Snapshot, params: Params, accounts: int, seed: int) -> None:
        self.rates = Rates.of(snapshot, params)
        self.draws = Draws(seed, _PURPOSE)
        self.accounts = accounts
        self.words: Iterator[int] = iter(())
        self.number = 0
        perpetuals = [entry.name for entry in snapshot.instruments if entry.kind == "perpetual"]
        if not perpetuals:
            raise InputError("instruments", "must have a perpetual")
        self.perpetuals = perpetuals
        self.listed = [slot for slot, entry in enumerate(self.rates.table) if entry is not None]

    def events(self, count: int) -> Iterator[Event]:
        """Yield the stream."""
        yield from self._beginning()
        for number in range(1, count + 1):
            if number % FUNDING_EVERY == 0:
                yield self._funding()
            elif number % PRICE_EVERY == 0:
                yield self._prices()
            else:
                yield self._event()

    def _below(self, bound: int) -> int:
        """Return an integer in [0, bound)."""
        word = next(self.words, None)
        if word is None:
            self.words = iter(self.draws.integers(_DRAWS_AT_ONCE, 1 << 40).tolist())
            word = next(self.words)
        return word * bound >> 40

    def _id(self) -> str:
        self.number += 1
        return f"event-{self.number:08d}"

    def _beginning(self) -> Iterator[Event]:
        for number in range(self.accounts):
            name = _account(number)
            yield Open(type="open", id=self._id(), account=name, owner=name)
            amount = _FIRST_DEPOSIT_USD * (1 + self._below(100)) * TICKS_PER_USD
            yield Deposit(type="deposit", id=self._id(), account=name, asset=CASH, amount=amount)
            if self._below(4) == 0:
                asset = self.rates.snapshot.assets[self._below(len(self.rates.snapshot.assets))]
                units = max(1, amount // asset.price_ticks)
                yield Deposit(type="deposit", id=self._id(), account=name, asset=asset.symbol, amount=units)
            if number % _ISOLATED_ONE_IN == 0:
                apart, scope = _apart(number), self.perpetuals[0]
                yield Open(type="open", id=self._id(), account=apart, owner=name, mode="isolated", scope=scope)
                half = amount // 2
                yield Transfer(type="transfer", id=self._id(), source=name, target=apart, asset=CASH, amount=half)
        yield PoolTransfer(
            type="pool_transfer",
            id=self._id(),
            source="external",
            target="insurance_fund",
            asset=CASH,
            amount=_INSURANCE_USD * TICKS_PER_USD,
        )

    def _event(self) -> Event:
        kind = self._below(1_000)
        first = self._below(self.accounts)
        name, usd = _account(first), (1 + self._below(1_000)) * TICKS_PER_USD
        if kind < _DEPOSITS:
            return Deposit(type="deposit", id=self._id(), account=name, asset=CASH, amount=usd)
        if kind < (bound := _DEPOSITS + _WITHDRAWALS):
            return Withdrawal(type="withdrawal", id=self._id(), account=name, asset=CASH, amount=usd)
        if kind < (bound := bound + _TRANSFERS):
            first -= first % _ISOLATED_ONE_IN
            return Transfer(
                type="transfer", id=self._id(), source=_apart(first), target=_account(first), asset=CASH, amount=usd
            )
        if kind < bound + _SETTLEMENTS:
            return self._settlement(name, first)
        return self._trade(first)

    def _settlement(self, name: str, first: int) -> Event:
        """Return a purchase of a collateral asset for cash at its price."""
        asset = self.rates.snapshot.assets[self._below(len(self.rates.snapshot.assets))]
        other = _account((first + 1 + self._below(self.accounts - 1)) % self.accounts)
        units = 1 + self._below(1_000)
        legs = (
            Leg(source=name, target=other, asset=asset.symbol, amount=units),
            Leg(source=other, target=name, asset=CASH, amount=units * asset.price_ticks),
        )
        return Settlement(type="settlement", id=self._id(), legs=legs)

    def _trade(self, first: int) -> Event:
        slot = self.listed[self._below(len(self.listed))]
        entry = self.rates.table[slot]
        buyer, seller = first, (first + 1 + self._below(self.accounts - 1)) % self.accounts
        names = [_account(buyer), _account(seller)]
        if entry is not None and entry.name == self.perpetuals[0]:
            names = [
                _apart(n) if n % _ISOLATED_ONE_IN == 0 and self._below(2) else _account(n) for n in (buyer, seller)
            ]
        index = self.rates.snapshot.underlyings[slot // self.rates.snapshot.sizes.slots].index_ticks
        lots = 1 + self._below(max(1, 5_000 * TICKS_PER_USD // index))
        mark = int(self.rates.rows[slot, MARK])
        fee = lots * index * _FEE_PER_MILLION // _MILLION
        return Trade(
            type="trade",
            id=self._id(),
            instrument="" if entry is None else entry.name,
            buyer=names[0],
            seller=names[1],
            lots=lots,
            price_ticks=mark * (_MILLION - 500 + self._below(1_001)) // _MILLION,
            buyer_fee_ticks=fee,
            seller_fee_ticks=fee,
        )

    def _funding(self) -> Event:
        name = self.perpetuals[self._below(len(self.perpetuals))]
        mark = int(self.rates.rows[self.rates.slot_of[name], MARK])
        move = mark * (self._below(201) - 100) // _MILLION
        return Funding(type="funding", id=self._id(), instrument=name, move_ticks=move)

    def _prices(self) -> Event:
        snapshot = self.rates.snapshot
        moves = {
            entry.symbol: _MILLION - _PRICE_STEP + self._below(2 * _PRICE_STEP + 1) for entry in snapshot.underlyings
        }
        event = Prices(
            type="prices",
            id=self._id(),
            time_ms=snapshot.time_ms + _STEP_MS,
            index_ticks={
                entry.symbol: entry.index_ticks * moves[entry.symbol] // _MILLION for entry in snapshot.underlyings
            },
            forward_ticks={
                entry.name: entry.forward_ticks * moves[entry.underlying] // _MILLION for entry in snapshot.instruments
            },
        )
        self.rates = Rates.of(repriced(snapshot, event), self.rates.params)
        return event


def _account(number: int) -> str:
    return f"acct-{number:06d}"


def _apart(number: int) -> str:
    return f"acct-{number:06d}/apart"
