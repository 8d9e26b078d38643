"""``delivery``: a future or an option ends with the asset itself, against payment, all of it at once or not at all.

Every position is first worth what a cash settlement would pay. Upon that, whoever is due to receive buys the asset from
whoever is due to give it, at the settlement price: that is the same as delivery against the price once agreed, for the
engine pays entry prices when a trade is made. Of an option, only one in the money is delivered, and its holder's
exercise is taken for granted: a call's holder receives, a put's gives.

An account *fails* for the lots that it lacks units for, or whose payment or loss of credit would leave it below the
initial level (or worse against it than before). Those lots stay settled in cash, and it pays a penalty on their value:
to those of the other side who stood ready and got nothing for it, or else to the insurance fund.

References
----------
- CPMI-IOSCO, *Principles for financial market infrastructures* (2012), principles 10 and 12: physical deliveries,
  delivery versus payment.
- European Union, Regulation 909/2014 (CSDR), article 7: a failing participant pays a cash penalty, the one who suffers
  receives it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from rtnet_core.engine.events import Delivery
from rtnet_core.engine.ledger import INSURANCE_FUND, Entry
from rtnet_core.engine.rates import MARK
from rtnet_core.engine.safeguards import equity_ticks
from rtnet_core.errors import Refusal
from rtnet_core.limits import AMOUNT_BITS, BPS
from rtnet_core.loss.apportion import apportion
from rtnet_core.margin_exact import collateral_credit_e4
from rtnet_core.snapshot import Instrument

if TYPE_CHECKING:
    from rtnet_core.engine.settle import Venue


@dataclass(frozen=True, slots=True)
class DeliveredAccount:
    """What became of one position.

    Attributes
    ----------
    lots, delivered_lots
        The position, and how much of it ended with the asset, both with the position's sign; the rest ended in cash.
    units, cash_ticks
        What the account received, payment, penalty and compensation included; negative where it gave.
    penalty_ticks, compensation_ticks
        Paid for lots that it failed in; received for lots that the other side failed in.
    """

    account: str
    lots: int
    delivered_lots: int
    units: int
    cash_ticks: int
    penalty_ticks: int
    compensation_ticks: int


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One delivery: accounts in the order of the ledger."""

    time_ms: int
    instrument: str
    asset: str
    accounts: tuple[DeliveredAccount, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {"type": "delivery", **asdict(self)}


def payoff_ticks(instrument: Instrument, settlement_ticks: int) -> int:
    """Return what a long lot is paid at expiry, in cash."""
    strike = instrument.strike_ticks or 0
    if instrument.kind == "put":
        return max(0, strike - settlement_ticks)
    return max(0, settlement_ticks - strike)


@dataclass(slots=True)
class _Party:
    """One position: how many of its lots the account can settle with the asset, how many it does, what that costs."""

    row: int
    size: int
    able: int
    equity_ticks: int
    settled: int = 0
    penalty_ticks: int = 0
    compensation_ticks: int = 0


def deliver(venue: Venue, slot: int, instrument: Instrument, event: Delivery) -> DeliveryReport:
    """Settle every position of a slot, and return what was done; the positions are closed.

    Raises
    ------
    Refusal
        ``no_delivery``: the market prices no asset of the underlying, or a lot is no whole number of its units;
        ``out_of_range``: some number would exceed its width. Nothing is done.
    """
    ledger = venue.ledger
    asset, units = _deliverable(venue, instrument)
    held = ledger.lots[: ledger.count, slot]
    payoff = payoff_ticks(instrument, event.settlement_ticks)
    entry = Entry()
    entry.lots[slot] = {row: -int(held[row]) for row in np.flatnonzero(held).tolist()}
    entry.cash = {row: -change * payoff for row, change in entry.lots[slot].items()}
    # The side that receives the asset: of a future and a call the longs, of a put the shorts.
    receives = -1 if instrument.kind == "put" else 1
    parties: dict[int, list[_Party]] = {1: [], -1: []}
    for row, change in entry.lots[slot].items():
        side = receives if change < 0 else -receives
        parties[side].append(_party(venue, row, slot, side, asset, units, entry.cash[row], event.settlement_ticks))
    if payoff or instrument.kind == "future":
        _match(parties[1], parties[-1], event)
    fund = 0
    entry.units[asset] = {}
    for side, several in parties.items():
        for party in several:
            entry.units[asset][party.row] = side * party.settled * units
            paid = side * party.settled * event.settlement_ticks
            entry.cash[party.row] += party.compensation_ticks - party.penalty_ticks - paid
            fund += party.penalty_ticks - party.compensation_ticks
    entry.cash[INSURANCE_FUND] = fund
    ledger.check(entry)
    ledger.post(entry)
    both = sorted(parties[1] + parties[-1], key=lambda party: party.row)
    return DeliveryReport(
        event.time_ms,
        instrument.name,
        venue.live.rates.snapshot.assets[asset].symbol,
        tuple(_told(venue, party, entry, slot, asset) for party in both),
    )


def _deliverable(venue: Venue, instrument: Instrument) -> tuple[int, int]:
    """Return the number of the asset that an instrument is settled with, and its units in a lot."""
    snapshot = venue.live.rates.snapshot
    lot = next(entry.lot for entry in snapshot.underlyings if entry.symbol == instrument.underlying)
    for number, asset in enumerate(snapshot.assets):
        if asset.symbol == instrument.underlying:
            units = Fraction(lot) / Fraction(asset.unit)
            if units.denominator == 1:
                return number, int(units)
    raise Refusal("no_delivery", "a lot must be a whole number of units of an asset that the market prices")


def _party(
    venue: Venue, row: int, slot: int, side: int, asset: int, units: int, cash: int, settlement_ticks: int
) -> _Party:
    """Return a position, of which so many lots can be settled that the account does not break the initial level.

    Credit is concave in the units, and payment linear: what can be said of so many lots can be said of fewer.
    """
    ledger, live = venue.ledger, venue.live
    lots, size = ledger.lots[row].copy(), abs(int(ledger.lots[row, slot]))
    equity = equity_ticks(venue, row) + cash - int(lots[slot]) * int(live.rates.rows[slot, MARK])
    lots[slot] = 0
    amounts: list[int] = ledger.collateral[row].tolist()
    params, price = live.rates.assets[asset], live.rates.snapshot.assets[asset].price_ticks
    level = live.levels.initial_bps
    margin = live.margin_of(ledger.cash.item(row) + cash, amounts, lots)

    def credit_e4(amount: int) -> int:
        return collateral_credit_e4(amount, price, params.rate_bps, params.kinks, params.drops_bps)

    before = credit_e4(amounts[asset])
    floor = min(0, margin.headroom_e8(level))

    def stands(settled: int) -> bool:
        gained = credit_e4(amounts[asset] + side * settled * units) - before - side * settled * settlement_ticks * BPS
        return margin._replace(nlv_e4=margin.nlv_e4 + gained).headroom_e8(level) >= floor

    room = amounts[asset] if side < 0 else (1 << AMOUNT_BITS) - 1 - amounts[asset]
    return _Party(row, size, _largest(min(size, room // units), stands), equity)


def _largest(most: int, holds: Callable[[int], bool]) -> int:
    """Return the largest number up to `most` for which something holds that holds for 0 and all below it."""
    low, high = 0, most + 1
    if holds(most):
        return most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _match(takers: list[_Party], givers: list[_Party], event: Delivery) -> None:
    """Settle as many lots as both sides can, each side's in proportion to what its accounts can, and charge fails."""
    settled = min(sum(party.able for party in takers), sum(party.able for party in givers))
    for side in (takers, givers):
        for party, lots in zip(side, apportion(settled, [party.able for party in side]), strict=True):
            party.settled = lots
    for failing, waiting in ((takers, givers), (givers, takers)):
        for party in failing:
            due = event.penalty_bps * (party.size - party.able) * event.settlement_ticks // BPS
            party.penalty_ticks = min(due, max(0, party.equity_ticks))
        unmet = [party.able - party.settled for party in waiting]
        if any(unmet):
            total = sum(party.penalty_ticks for party in failing)
            for party, ticks in zip(waiting, apportion(total, unmet), strict=True):
                party.compensation_ticks = ticks


def _told(venue: Venue, party: _Party, entry: Entry, slot: int, asset: int) -> DeliveredAccount:
    lots = -entry.lots[slot][party.row]
    return DeliveredAccount(
        account=venue.ledger.ids[party.row],
        lots=lots,
        delivered_lots=party.settled if lots > 0 else -party.settled,
        units=entry.units[asset][party.row],
        cash_ticks=entry.cash[party.row],
        penalty_ticks=party.penalty_ticks,
        compensation_ticks=party.compensation_ticks,
    )
