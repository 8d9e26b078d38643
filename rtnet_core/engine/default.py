"""Who bears what a bankrupt account cannot pay, booked in the engine's ledger.

The stages are those of `rtnet_core.loss.waterfall`. Positions that the backstop could not take are closed against the
queue of auto-deleveraging, and the insurance fund, which comes first, pays for those who are deleveraged what is laid
on them, as far as it reaches. What is missing then is paid by fund, vault and, last, all who gained. Pools hold no
positions here, so neither fund nor vault takes any over.

Profits are those since the last ``clear``: the queue is ranked by them, and a socialised loss is first taken from them,
as in variation margin gains haircutting.

References
----------
CPMI-IOSCO, *Recovery of financial market infrastructures* (2014), section 4.2: allocating uncovered losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rtnet_core.engine.clearing_report import Borne
from rtnet_core.engine.ledger import INSURANCE_FUND, VAULT, Entry, Integers
from rtnet_core.engine.rates import MARK
from rtnet_core.engine.safeguards import bare_equity_ticks, collateral_ticks
from rtnet_core.loss.apportion import apportion
from rtnet_core.loss.clearing_state import ClearingState, Holder
from rtnet_core.loss.waterfall import Stage, WaterfallResult, WaterfallRules, run_waterfall

if TYPE_CHECKING:
    from rtnet_core.engine.settle import Venue

#: Collateral counts for no more than this in the queue: sums of it stay below 2^63.
_COLLATERAL_END: Final = 1 << 60


@dataclass(frozen=True, slots=True)
class Default:
    """What a bankrupt account was short of, and who paid it; ticks."""

    deficit_ticks: int = 0
    fund_ticks: int = 0
    vault_ticks: int = 0
    borne: tuple[Borne, ...] = ()


def resolve(venue: Venue, row: int) -> Default:
    """Take a bankrupt account whose collateral has been sold through the waterfall."""
    deficit = -bare_equity_ticks(venue, row)
    borne: list[Borne] = []
    fund = 0
    if venue.ledger.lots[row].any():
        fund = _deleverage(venue, row, borne)
    fund += _pay_from(venue, INSURANCE_FUND, row, None)
    vault = _pay_from(venue, VAULT, row, venue.safeguards.controls.vault_limit_ticks)
    if bare_equity_ticks(venue, row) < 0:
        everyone = np.arange(venue.ledger.count)
        result = _run(venue, row, everyone, Stage.SOCIALISED_LOSS)
        _post(venue, everyone, result, Entry())
        borne += _borne(venue, everyone, result)
    return Default(deficit, fund, vault, tuple(borne))


def _deleverage(venue: Venue, row: int, borne: list[Borne]) -> int:
    """Close an account's positions against the queue, and return what the fund pays of what that costs the others."""
    ledger = venue.ledger
    slots = np.flatnonzero(ledger.lots[row])
    rows = np.flatnonzero(ledger.lots[: ledger.count, slots].any(axis=1))
    result = _run(venue, row, rows, Stage.AUTO_DELEVERAGING)
    laid: dict[int, int] = {}
    for step in result.steps:
        if step.account is not None:
            laid[step.account] = laid.get(step.account, 0) + step.ticks
    paid = min(sum(laid.values()), ledger.pool_cash[-INSURANCE_FUND - 1])
    shares = dict(zip(laid, apportion(paid, list(laid.values())), strict=True))
    entry = Entry()
    for number, ticks in shares.items():
        entry.pay(INSURANCE_FUND, int(rows[number]), ticks)
    _post(venue, rows, result, entry)
    borne += _borne(venue, rows, result, dict(shares))
    return paid


def clearing_state(venue: Venue, rows: Integers) -> ClearingState:
    """Return the accounts `rows` as the waterfall and its queue look at them; profits count from the last ``clear``."""
    ledger, rates = venue.ledger, venue.live.rates
    marks = rates.rows[:, MARK]
    cleared = venue.safeguards.cleared_marks
    entries = np.array(
        [
            mark if entry is None else cleared.get(entry.name, mark)
            for entry, mark in zip(rates.table, marks.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    collateral = [
        min(collateral_ticks(venue, number), _COLLATERAL_END) if ledger.collateral[number].any() else 0
        for number in rows.tolist()
    ]
    nothing = np.zeros(len(marks), dtype=np.int64)
    return ClearingState(
        cash_ticks=ledger.cash[rows],
        collateral_ticks=np.array(collateral, dtype=np.int64),
        lots=ledger.lots[rows],
        entry_ticks=np.broadcast_to(entries, (len(rows), len(marks))),
        marks_ticks=marks,
        fund=Holder(0, nothing),
        vault=Holder(0, nothing),
    )


def _run(venue: Venue, row: int, rows: Integers, stage: Stage) -> WaterfallResult:
    """Return what one stage does, among the accounts `rows`."""
    account = int(np.searchsorted(rows, row))
    return run_waterfall(clearing_state(venue, rows), [account], WaterfallRules((stage,)))


def _post(venue: Venue, rows: Integers, result: WaterfallResult, entry: Entry) -> None:
    """Book what a stage has moved, and what `entry` moves beside it."""
    ledger, after = venue.ledger, result.state
    cash, lots = after.cash_ticks - ledger.cash[rows], after.lots - ledger.lots[rows]
    for number in np.flatnonzero((cash != 0) | (lots != 0).any(axis=1)).tolist():
        place = int(rows[number])
        entry.cash[place] = entry.cash.get(place, 0) + int(cash[number])
        for slot in np.flatnonzero(lots[number]).tolist():
            entry.lots.setdefault(slot, {})[place] = int(lots[number, slot])
    ledger.check(entry)
    venue.book(entry, venue.live.preview(entry))


def _borne(
    venue: Venue, rows: Sequence[int] | Integers, result: WaterfallResult, refunds: dict[int, int] | None = None
) -> list[Borne]:
    """Return what other accounts bore, less what the fund pays for them."""
    table, ids, left = venue.live.rates.table, venue.ledger.ids, refunds or {}
    made = []
    for step in result.steps:
        if step.account is not None:
            entry = None if step.slot is None else table[step.slot]
            refund = min(step.ticks, left.get(step.account, 0))
            if refund:
                left[step.account] -= refund
            name = None if entry is None else entry.name
            made.append(Borne(step.stage, ids[int(rows[step.account])], name, step.lots, step.ticks - refund))
    return made


def _pay_from(venue: Venue, pool: int, row: int, limit: int | None) -> int:
    """Let a pool pay what is missing, as far as it and its limit reach."""
    able = venue.ledger.pool_cash[-pool - 1]
    paid = min(max(0, -bare_equity_ticks(venue, row)), able if limit is None else min(able, limit))
    if paid:
        entry = Entry()
        entry.pay(pool, row, paid)
        venue.ledger.check(entry)
        venue.book(entry, venue.live.preview(entry))
    return paid
