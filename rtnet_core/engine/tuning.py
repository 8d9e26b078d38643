"""``tune``: margin parameters follow their models, as fast as the controls allow, and every change is logged.

Models speak in floats and run outside (`rtnet_core.risk`); what reaches the engine is whole basis points, and the step
from there on is exact, so a replay takes the same one. Each change is a record that carries the hash of the one before
it (`rtnet_core.risk.parameter_log`); the engine keeps the last hash, a replay gives the records. The parameters that
follow are committed to by their root, which every proof of a book has among its public signals.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rtnet_core.engine.rates import Rates
from rtnet_core.errors import Refusal
from rtnet_core.params_root import margin_params
from rtnet_core.risk.parameter_log import (
    NO_RECORD,
    ParameterChange,
    ParameterLog,
    Wanted,
    parameter_names,
    stepped_params,
)

if TYPE_CHECKING:
    from rtnet_core.engine.events import Tune
    from rtnet_core.engine.settle import Venue


@dataclass
class Tuning:
    """How far the log of parameters has come.

    Attributes
    ----------
    records, head
        How many records there are, and the hash of the last.
    moved_ms
        When each parameter last moved, by the market's clock.
    """

    records: int = 0
    head: str = NO_RECORD
    moved_ms: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything has moved."""
        return self.records > 0

    def to_json(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TuneReport:
    """One step: the changes in order, the hash of the last record, and the root of the parameters afterwards."""

    changes: tuple[ParameterChange, ...]
    head: str
    params_root: int

    def to_json(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {
            "type": "tune",
            "changes": [change.model_dump() for change in self.changes],
            "head": self.head,
            "params_root": str(self.params_root),
        }


def tune(venue: Venue, event: Tune) -> TuneReport:
    """Move the parameters one step, margin every account anew, and return what changed.

    Raises
    ------
    Refusal
        ``unknown_parameter``: one is not of this market's parameters. ``too_soon``: one moved less than the controls'
        pause ago.
    InputError
        The parameters would break a rule of theirs.
    """
    rates, tuning, moves = venue.live.rates, venue.tuning, venue.safeguards.controls.moves
    now = rates.snapshot.time_ms
    wanted = {change.parameter: Wanted(change.wanted_bps, change.source) for change in event.changes}
    if not wanted.keys() <= set(parameter_names(rates.params)):
        raise Refusal("unknown_parameter", "the parameters have none of this name")
    if any(now - tuning.moved_ms[name] < moves.pause_ms for name in wanted.keys() & tuning.moved_ms.keys()):
        raise Refusal("too_soon", f"a parameter moves again after {moves.pause_ms} ms")
    params, log = stepped_params(rates.params, ParameterLog(before=tuning.head), now, wanted, moves.limits())
    venue.live.set_rates(Rates.of(rates.snapshot, params))
    moved = {change.parameter: now for change in log.records if change.parameter in wanted}
    venue.tuning = Tuning(tuning.records + len(log.records), log.head, tuning.moved_ms | moved)
    return TuneReport(log.records, log.head, margin_params(params, rates.snapshot).root())
