"""``zkm2m engine tune``: the event that takes margin parameters a step towards what models want."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.engine_replica import replica
from cli.files import check_output, read_bytes, write_public
from cli.options import JsonFlag
from cli.render import console, percent, print_json, table
from rtnet_core.engine.core import Engine
from rtnet_core.engine.events import Tune, WantedLevel, event_line
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.risk.index_series import parse_index_series
from rtnet_core.risk.parameter_log import ParameterLog, Wanted, stepped_params


def tune(
    models: Annotated[Path, typer.Argument(metavar="MODELS.json", help="Models of the collateral assets.")],
    log: Annotated[str, typer.Option("--log", metavar="LOG", help="The event log of the venue.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Gets the event, a line for `engine run`.")],
    series: Annotated[
        Path | None,
        typer.Option("--series", metavar="FILE.csv", help="Index levels: coins' volatilities are forecast from them."),
    ] = None,
    scan_ranges: Annotated[
        bool, typer.Option("--scan-ranges", help="Move the scan ranges of the series' coins as well.")
    ] = False,
    event_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The event's; otherwise made of the market's time.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask models for the haircuts they want, and write the event that takes the parameters one step there.

    Models are run here, in floats; the event holds whole basis points, and the engine takes the step exactly, as far
    as its controls allow. Nothing is changed by this command itself: feed the file to `zkm2m engine run`.
    """
    # SciPy takes half a second to load: only the commands that use it pay.
    from rtnet_core.risk.collateral_models import CollateralModels
    from rtnet_core.risk.parameter_moves import day_volatilities, wanted_scan_ranges

    check_output(out)
    asked = CollateralModels.from_json(read_bytes(models), str(models))
    if scan_ranges and series is None:
        raise InputError("--scan-ranges", "needs --series")
    history = None if series is None else parse_index_series(read_bytes(series).decode("utf-8", "replace"), series.name)
    volatilities = {} if history is None else day_volatilities(history)
    with replica(log) as engine:
        rates = engine.venue.live.rates
        wanted = asked.wanted(rates.params, volatilities, rates.snapshot.time_ms)
        if scan_ranges and history is not None:
            listed = {f"{entry.symbol}.scan_range_bps" for entry in rates.params.underlyings}
            ranges = wanted_scan_ranges(history, asked.confidence_bps / BPS)
            wanted |= {name: level for name, level in ranges.items() if name in listed}
        preview = _steps(engine, wanted)
    event = Tune(
        type="tune",
        id=event_id or f"tune-{rates.snapshot.time_ms}",
        changes=tuple(
            WantedLevel(parameter=name, wanted_bps=level.bps, source=level.source) for name, level in wanted.items()
        ),
    )
    write_public(out, event_line(event) + b"\n")
    if as_json:
        print_json({"out": str(out), "event": event.model_dump(mode="json")})
        return
    rows = [(name, percent(old), percent(wanted[name].bps), percent(new)) for name, (old, new) in preview.items()]
    columns = ("parameter", ">old", ">wanted", ">new")
    console().print(table("What moves, if the event came now", columns, rows))
    console().print(f"event written to {out}", markup=False)


def _steps(engine: Engine, wanted: dict[str, Wanted]) -> dict[str, tuple[int, int]]:
    """Return old and new basis points of each parameter, if the event came now."""
    venue = engine.venue
    params, now_ms = venue.live.rates.params, venue.live.rates.snapshot.time_ms
    if len(wanted) > 64:
        raise InputError("models", "must move at most 64 parameters: an event holds no more", len(wanted))
    limits = venue.safeguards.controls.moves.limits()
    _, log = stepped_params(params, ParameterLog(), now_ms, wanted, limits)
    moved = {change.parameter: (change.old_bps, change.new_bps) for change in log.records}
    return {name: moved[name] for name in wanted if name in moved}
