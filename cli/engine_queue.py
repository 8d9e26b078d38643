"""``zkm2m engine queue``: where an account's positions stand in the queue of auto-deleveraging."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cli.engine_replica import replica
from cli.options import JsonFlag
from cli.render import console, print_json, table
from rtnet_core.engine.queue import QueuePlace, queue_places
from rtnet_core.errors import InputError
from rtnet_core.loss.deleveraging import LIGHTS


def queue(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")],
    log: Annotated[str, typer.Option("--log", metavar="LOG", help="The event log that an engine writes.")],
    as_json: JsonFlag = False,
) -> None:
    """Show where each position of an account stands in the queue of auto-deleveraging.

    The queue ranks by profit since the last clear times effective leverage. Five lights: among the fifth of the lots
    that is closed first, should an account of the other side fail and nobody take its positions over.
    """
    with replica(log) as engine:
        if account not in engine.venue.ledger.row_of:
            raise InputError("ACCOUNT", "must be the id of an account of this venue")
        places = queue_places(engine.venue, account)
    if as_json:
        print_json({"account": account, "sequence": engine.sequence, "positions": [asdict(place) for place in places]})
        return
    columns = ("instrument", ">lots", ">place", ">lots before", ">of lots", "lights", ">score")
    title = f"{account}: places in the queue of auto-deleveraging"
    console().print(table(title, columns, [_shown(place) for place in places]))


def _shown(place: QueuePlace) -> tuple[object, ...]:
    if not place.place:
        return (place.instrument, f"{place.lots:,}", "none", "-", f"{place.lots_queued:,}", "-", "-")
    return (
        place.instrument,
        f"{place.lots:,}",
        f"{place.place:,} of {place.length:,}",
        f"{place.lots_before:,}",
        f"{place.lots_queued:,}",
        "●" * place.lights + "○" * (LIGHTS - place.lights),
        f"{place.score:.4f}",
    )
