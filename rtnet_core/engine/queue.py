"""What an account is shown of the queue of auto-deleveraging: its place in it, position by position.

Every position stands in the queue of its instrument and side (`rtnet_core.loss.deleveraging`). It is closed against a
bankrupt account of the other side once all lots before it are, and only where the backstop takes nothing over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtnet_core.engine.default import clearing_state
from rtnet_core.engine.settle import Venue
from rtnet_core.loss.deleveraging import deleveraging_queue


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where one position stands.

    Attributes
    ----------
    lots
        Signed.
    place, length
        The position's number from 1 on, and how many stand in the queue; 0 and the length where the account's equity is
        not above zero: it has no place, for it would be bankrupt itself.
    lots_before, lots_queued
        Lots that are closed before the first one of this position, and all lots of the queue.
    lights
        5 for the first fifth of the lots to 1 for the last; 0 without a place.
    score
        Profit since the last ``clear`` times effective leverage; 0 without a place.
    """

    instrument: str
    lots: int
    place: int
    length: int
    lots_before: int
    lots_queued: int
    lights: int
    score: float


def queue_places(venue: Venue, account: str) -> list[QueuePlace]:
    """Return the places of an account's positions, in the order of the slots.

    Raises
    ------
    Refusal
        ``unknown_account``.

    Examples
    --------
    >>> from rtnet_core.engine.live import Levels
    >>> from rtnet_core.market_sample import sample_market
    >>> from rtnet_core.params import default_params
    >>> market = sample_market(5, "small")
    >>> venue = Venue.empty(market, default_params(market), Levels())
    >>> row = venue.ledger.open("ada", "ada", "unified", None)
    >>> queue_places(venue, "ada")
    []
    """
    ledger, table = venue.ledger, venue.live.rates.table
    row = ledger.row(account)
    places = []
    for slot in np.flatnonzero(ledger.lots[row]).tolist():
        held, entry = int(ledger.lots[row, slot]), table[slot]
        rows = np.flatnonzero(ledger.lots[: ledger.count, slot] * held > 0)
        queue = deleveraging_queue(clearing_state(venue, rows), slot, 1 if held > 0 else -1)
        sizes = np.abs(ledger.lots[rows[queue.accounts], slot])
        found = np.flatnonzero(rows[queue.accounts] == row).tolist()
        at = found[0] if found else None
        places.append(
            QueuePlace(
                instrument="" if entry is None else entry.name,
                lots=held,
                place=0 if at is None else at + 1,
                length=len(sizes),
                lots_before=0 if at is None else int(sizes[:at].sum()),
                lots_queued=int(sizes.sum()),
                lights=0 if at is None else int(queue.lights[at]),
                score=0.0 if at is None else float(queue.scores[at]),
            )
        )
    return places
