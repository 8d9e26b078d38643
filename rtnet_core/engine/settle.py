"""What each event does: all of it is looked at first, then it is booked as a whole, or refused and nothing moves.

A trade's positions, payment and fees are one entry, and so are all legs of a settlement: no state between them exists.
Who must clear the initial level afterwards is said at each event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from rtnet_core.engine.accrual import Accrual, FundingPlan, book_funding, plan_funding, set_funding
from rtnet_core.engine.clearing import clear
from rtnet_core.engine.collateral import Collateral, book_final_deposits, note_deposit, reverse_deposit
from rtnet_core.engine.delivery import deliver, payoff_ticks
from rtnet_core.engine.events import (
    CASH,
    Clear,
    Delivery,
    Deposit,
    Depth,
    Event,
    Expiry,
    Funding,
    Market,
    Open,
    Parameters,
    PoolTransfer,
    Prices,
    Reversal,
    SetCollateral,
    SetControls,
    SetFunding,
    Settlement,
    Trade,
    Transfer,
    Tune,
    VaultDeposit,
    VaultWithdrawal,
    Withdrawal,
)
from rtnet_core.engine.ledger import EXTERNAL, FEES, POOLS, Entry, Ledger
from rtnet_core.engine.live import Levels, LiveMargins, Preview
from rtnet_core.engine.rates import Rates, repriced, without
from rtnet_core.engine.reports import Report
from rtnet_core.engine.safeguards import Safeguards
from rtnet_core.engine.tuning import Tuning, tune
from rtnet_core.engine.vault import VaultShares, join_vault, leave_vault
from rtnet_core.errors import Refusal
from rtnet_core.params import Params
from rtnet_core.snapshot import Instrument, Snapshot


@dataclass
class Venue:
    """Everything that a venue is: who has what, on which terms, and how far what accrues and moves has come.

    Attributes
    ----------
    funding_ticks
        Of each perpetual: ticks per lot since listing.
    report
        What the last event did, if it was one that tells.
    """

    ledger: Ledger
    live: LiveMargins
    safeguards: Safeguards
    funding_ticks: dict[str, int] = field(default_factory=dict)
    collateral: Collateral = field(default_factory=Collateral)
    tuning: Tuning = field(default_factory=Tuning)
    accrual: Accrual = field(default_factory=Accrual)
    vault: VaultShares = field(default_factory=VaultShares)
    report: Report | None = None

    @classmethod
    def empty(cls, snapshot: Snapshot, params: Params, levels: Levels) -> Venue:
        """Return a venue without accounts.

        Raises
        ------
        InputError
            `params` lacks a symbol of the snapshot.
        """
        ledger = Ledger(snapshot.sizes.instruments, snapshot.sizes.assets)
        rates = Rates.of(snapshot, params)
        return cls(ledger, LiveMargins(ledger, rates, levels), Safeguards.of(rates))

    def settle(self, event: Event) -> None:
        """Carry out an event, wholly or not at all.

        Raises
        ------
        Refusal
            The event is not carried out; its code says why.
        InputError
            Prices, a market or parameters break a rule of theirs.
        """
        self.report = None
        _HANDLERS[type(event)](self, event)

    # --- what the handlers share

    def book(self, entry: Entry, previews: list[Preview]) -> None:
        """Post an entry that was checked and previewed."""
        self.ledger.post(entry)
        self.live.book(previews)
        self.safeguards.booked(entry)

    def pass_on(self, entry: Entry, source: int, target: int, asset: str, amount: int) -> None:
        """Add a transfer of cash or units to an entry.

        Raises
        ------
        Refusal
            ``unknown_asset``.
        """
        if asset == CASH:
            entry.pay(source, target, amount)
            return
        number = self.live.rates.asset_of.get(asset)
        if number is None:
            raise Refusal("unknown_asset", "the market does not price this asset")
        entry.hand_over(source, target, number, amount)

    def slot(self, instrument: str) -> int:
        """Return the slot of an instrument.

        Raises
        ------
        Refusal
            ``unknown_instrument``.
        """
        slot = self.live.rates.slot_of.get(instrument)
        if slot is None:
            raise Refusal("unknown_instrument", "the market does not list this instrument")
        return slot

    def pay_out(self, entry: Entry, givers: set[int]) -> None:
        """Book an entry in which `givers` part with something: each must clear the initial level afterwards.

        Raises
        ------
        Refusal
            ``initial_margin``, or what `Ledger.check` refuses.
        """
        self.ledger.check(entry)
        previews = self.live.preview(entry)
        if any(preview.headroom_e8 < 0 and preview.row in givers for preview in previews):
            raise Refusal("initial_margin", "the account would be left below its initial margin")
        self.book(entry, previews)


def _open(venue: Venue, event: Open) -> None:
    rates = venue.live.rates
    symbols = {entry.symbol for entry in rates.snapshot.underlyings}
    if event.scope is not None and event.scope not in (symbols if event.mode == "cross" else rates.slot_of):
        raise Refusal("out_of_scope", "the market does not list the account's underlying or instrument")
    venue.ledger.open(event.account, event.owner, event.mode, event.scope)
    venue.live.opened()
    venue.safeguards.opened()


def _deposit(venue: Venue, event: Deposit) -> None:
    if note_deposit(venue, event):
        return
    entry = Entry()
    venue.pass_on(entry, EXTERNAL, venue.ledger.row(event.account), event.asset, event.amount)
    venue.pay_out(entry, set())


def _withdrawal(venue: Venue, event: Withdrawal) -> None:
    row, entry = venue.ledger.row(event.account), Entry()
    venue.pass_on(entry, row, EXTERNAL, event.asset, event.amount)
    venue.pay_out(entry, {row})


def _transfer(venue: Venue, event: Transfer) -> None:
    source, target = venue.ledger.row(event.source), venue.ledger.row(event.target)
    if venue.ledger.owners[source] != venue.ledger.owners[target]:
        raise Refusal("other_owner", "a transfer stays with one owner; a settlement goes between owners")
    entry = Entry()
    venue.pass_on(entry, source, target, event.asset, event.amount)
    venue.pay_out(entry, {source})


def _pool_transfer(venue: Venue, event: PoolTransfer) -> None:
    source, target = (-1 - POOLS.index(pool) for pool in (event.source, event.target))
    entry = Entry()
    venue.pass_on(entry, source, target, event.asset, event.amount)
    venue.pay_out(entry, set())


def _vault_deposit(venue: Venue, event: VaultDeposit) -> None:
    join_vault(venue, event.account, event.ticks)


def _vault_withdrawal(venue: Venue, event: VaultWithdrawal) -> None:
    leave_vault(venue, event.account, event.shares)


def _settlement(venue: Venue, event: Settlement) -> None:
    entry, givers = Entry(), set()
    for leg in event.legs:
        source = venue.ledger.row(leg.source)
        venue.pass_on(entry, source, venue.ledger.row(leg.target), leg.asset, leg.amount)
        givers.add(source)
    venue.pay_out(entry, givers)


def _trade(venue: Venue, event: Trade) -> None:
    """Book a trade if either side clears the initial level after it, or stands no worse against it than before.

    The second half lets an account that has fallen below the level trade its way out.
    """
    ledger, live = venue.ledger, venue.live
    slot, buyer, seller = venue.slot(event.instrument), ledger.row(event.buyer), ledger.row(event.seller)
    if buyer == seller:
        raise Refusal("self_trade", "buyer and seller must be two accounts")
    if event.buyer_fee_ticks + event.seller_fee_ticks < 0:
        raise Refusal("negative_fee", "the fees of both sides together must be at least zero")
    for row in (buyer, seller):
        if ledger.scopes[row] is not None:
            _require_scope(ledger, row, live.rates.table[slot])
    venue.safeguards.check_trade(venue, slot, (buyer, seller), event.lots, event.price_ticks)
    entry, lots, price = Entry(), event.lots, event.lots * event.price_ticks
    entry.lots[slot] = {buyer: lots, seller: -lots}
    entry.cash[buyer] = -price - event.buyer_fee_ticks
    entry.cash[seller] = price - event.seller_fee_ticks
    entry.cash[FEES] = event.buyer_fee_ticks + event.seller_fee_ticks
    ledger.check(entry)
    previews = live.preview(entry)
    for preview in previews:
        after = preview.headroom_e8
        if after < 0 and after < live.margin(preview.row).headroom_e8(live.levels.initial_bps):
            side = "buyer" if preview.row == buyer else "seller"
            raise Refusal("initial_margin", f"the {side} would fall below its initial margin")
    venue.book(entry, previews)


def _require_scope(ledger: Ledger, row: int, instrument: Instrument | None) -> None:
    """Refuse an instrument that a cross or isolated account does not hold."""
    if instrument is not None:
        allowed = instrument.underlying if ledger.modes[row] == "cross" else instrument.name
        if allowed != ledger.scopes[row]:
            raise Refusal("out_of_scope", "the account is opened for another underlying or instrument")


def _funding(venue: Venue, event: Funding) -> None:
    slot = venue.slot(event.instrument)
    instrument = venue.live.rates.table[slot]
    if instrument is None or instrument.kind != "perpetual":
        raise Refusal("wrong_kind", "only a perpetual has funding")
    venue.ledger.pay_per_lot(slot, -event.move_ticks)
    venue.funding_ticks[event.instrument] = venue.funding_ticks.get(event.instrument, 0) + event.move_ticks
    venue.live.refresh()
    venue.safeguards.forget_exposures()


def _set_funding(venue: Venue, event: SetFunding) -> None:
    set_funding(venue, event.terms)


def _expiry(venue: Venue, event: Expiry) -> None:
    slot, instrument, after = _ended(venue, event)
    venue.ledger.pay_per_lot(slot, payoff_ticks(instrument, event.settlement_ticks), close=True)
    _relist(venue, after)


def _delivery(venue: Venue, event: Delivery) -> None:
    slot, instrument, after = _ended(venue, event)
    venue.report = deliver(venue, slot, instrument, event)
    _relist(venue, after)


def _ended(venue: Venue, event: Expiry | Delivery) -> tuple[int, Instrument, Rates]:
    """Return what ends, its slot, and the rates without it."""
    rates = venue.live.rates
    slot = venue.slot(event.instrument)
    instrument = rates.table[slot]
    if instrument is None or instrument.expiry_ms is None:
        raise Refusal("wrong_kind", "a perpetual does not expire")
    if event.time_ms < instrument.expiry_ms:
        raise Refusal("not_expired", "the instrument expires later")
    return slot, instrument, Rates.of(without(rates.snapshot, event.instrument), rates.params)


def _prices(venue: Venue, event: Prices) -> None:
    old = venue.live.rates
    snapshot = repriced(old.snapshot, event)
    rates = Rates.of(venue.collateral.counted(snapshot, event.price_ticks), old.params)
    book_funding(venue, plan_funding(venue, event.time_ms))
    venue.collateral.priced(snapshot, event.price_ticks)
    venue.live.set_rates(rates)
    venue.safeguards.repriced(rates)
    book_final_deposits(venue)


def _market(venue: Venue, event: Market) -> None:
    old, new = venue.live.rates.snapshot, event.snapshot
    if new.profile != old.profile or new.time_ms < old.time_ms:
        raise Refusal("other_market", "a market keeps its profile and does not go back in time")
    if any(_terms(old).get(name, terms) != terms for name, terms in _terms(new).items()):
        raise Refusal("other_market", "what is listed keeps its kind, strike, expiry, lot and unit")
    paid = {asset.symbol: asset.price_ticks for asset in new.assets}
    rates = Rates.of(venue.collateral.counted(new, paid), venue.live.rates.params)
    _relist(venue, rates, plan_funding(venue, new.time_ms))
    venue.collateral.priced(new, paid)
    book_final_deposits(venue)


def _terms(snapshot: Snapshot) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Return what never changes of whatever a market lists."""
    terms: dict[tuple[str, str], tuple[Any, ...]] = {
        ("instrument", entry.name): (entry.kind, entry.underlying, entry.strike_ticks, entry.expiry_ms)
        for entry in snapshot.instruments
    }
    terms |= {("underlying", entry.symbol): (entry.lot,) for entry in snapshot.underlyings}
    return terms | {("asset", asset.symbol): (asset.unit,) for asset in snapshot.assets}


def _relist(venue: Venue, rates: Rates, plan: FundingPlan | None = None) -> None:
    """Go over to rates in which other things may be listed, in other slots, and pay the funding until then."""
    old = venue.live.rates
    names = [None if entry is None else entry.name for entry in rates.table]
    symbols: list[str | None] = [asset.symbol for asset in rates.snapshot.assets]
    symbols += [None] * (rates.snapshot.sizes.assets - len(symbols))
    venue.ledger.relist(
        [None if name is None else old.slot_of.get(name) for name in names],
        [None if symbol is None else old.asset_of.get(symbol) for symbol in symbols],
    )
    book_funding(venue, plan)
    venue.live.set_rates(rates)
    venue.safeguards.repriced(rates)


def _parameters(venue: Venue, event: Parameters) -> None:
    venue.live.set_rates(Rates.of(venue.live.rates.snapshot, event.params))


def _tune(venue: Venue, event: Tune) -> None:
    venue.report = tune(venue, event)


def _set_collateral(venue: Venue, event: SetCollateral) -> None:
    rates = venue.live.rates
    collateral, snapshot = venue.collateral.with_terms(event.terms, rates.snapshot)
    venue.live.set_rates(Rates.of(snapshot, rates.params))
    venue.collateral = collateral


def _reversal(venue: Venue, event: Reversal) -> None:
    reverse_deposit(venue, event.deposit)


def _set_controls(venue: Venue, event: SetControls) -> None:
    venue.safeguards.set_controls(event.controls, venue)


def _depth(venue: Venue, event: Depth) -> None:
    venue.safeguards.follow_depth(event.depth_ticks, venue.live.rates.snapshot.time_ms)


def _clear(venue: Venue, _event: Clear) -> None:
    venue.report = clear(venue)


_HANDLERS: Final[dict[type[Event], Callable[[Venue, Any], None]]] = {
    Open: _open,
    Deposit: _deposit,
    Withdrawal: _withdrawal,
    Transfer: _transfer,
    PoolTransfer: _pool_transfer,
    VaultDeposit: _vault_deposit,
    VaultWithdrawal: _vault_withdrawal,
    Settlement: _settlement,
    Trade: _trade,
    Funding: _funding,
    SetFunding: _set_funding,
    Expiry: _expiry,
    Delivery: _delivery,
    Prices: _prices,
    Market: _market,
    Parameters: _parameters,
    SetControls: _set_controls,
    SetCollateral: _set_collateral,
    Reversal: _reversal,
    Tune: _tune,
    Depth: _depth,
    Clear: _clear,
}
