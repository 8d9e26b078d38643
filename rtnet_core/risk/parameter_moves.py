"""Margin parameters that follow forecasts, at a bounded speed, every change in a log that is a chain of hashes.

A forecast is first blended with a stressed level, so that calm never brings margins down all the way; the parameter
then moves towards it by at most a share of itself at a time - up faster than down - and stays within fixed bounds:

    wanted = ⌈(1 - w)·forecast + w·stressed⌉
    new    = wanted held within [old·(1 - down), old·(1 + up)], then within [least, most]

Each record names parameter, old, wanted and new value, and reason, and carries the hash of the one before it. Whoever
knows the last hash can check the whole log.

References
----------
Commission Delegated Regulation (EU) 153/2013, article 28: margins weigh stressed observations with at least 25 %.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, expm1
from typing import Annotated, Final, Literal

from pydantic import Field

from rtnet_core.document import Document, Hex32, TimeMs
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import BPS
from rtnet_core.params import AssetParams, Params
from rtnet_core.risk.forecast import move_quantile
from rtnet_core.risk.haircuts import LiquidityHaircut
from rtnet_core.risk.ranges import whole, within

#: What the first record of a log names as the one before it.
NO_RECORD: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class MoveLimits:
    """How fast and how far a parameter moves.

    Attributes
    ----------
    up_bps, down_bps
        Most change at a time, of the parameter itself.
    least_bps, most_bps
        Bounds of the parameter.
    stress_weight
        w above, 0 to 1.
    """

    up_bps: int = 2_500
    down_bps: int = 500
    least_bps: int = 100
    most_bps: int = 4_900
    stress_weight: float = 0.25

    def __post_init__(self) -> None:
        whole("up_bps", self.up_bps, 1, 100 * BPS)
        whole("down_bps", self.down_bps, 1, BPS)
        whole("most_bps", self.most_bps, 1, BPS)
        whole("least_bps", self.least_bps, 0, self.most_bps)
        within("stress_weight", self.stress_weight, 0.0, 1.0)

    def wanted_bps(self, forecast: float, stressed: float) -> int:
        """Return the blend of two fractions in basis points, rounded up.

        Examples
        --------
        >>> MoveLimits().wanted_bps(0.08, 0.20)
        1100
        """
        blend = (1 - self.stress_weight) * forecast + self.stress_weight * stressed
        return ceil(within("forecast", blend, 0.0, 100.0) * BPS - 1e-9)

    def limited_bps(self, old_bps: int, wanted_bps: int) -> int:
        """Return where the parameter moves from `old_bps`; a basis point is always allowed.

        Examples
        --------
        >>> [MoveLimits().limited_bps(1_500, wanted) for wanted in (1_450, 1_600, 3_000, 500)]
        [1450, 1600, 1875, 1425]
        """
        up, down = (max(old_bps * share // BPS, 1) for share in (self.up_bps, self.down_bps))
        near = min(max(wanted_bps, old_bps - down), old_bps + up)
        return min(max(near, self.least_bps), self.most_bps)


class ParameterChange(Document):
    """One change of one parameter (format ``zkm2m/parameter-change/v1``); its hash is SHA-256 of its canonical JSON."""

    format: Literal["zkm2m/parameter-change/v1"] = "zkm2m/parameter-change/v1"
    time_ms: TimeMs
    parameter: Annotated[str, Field(min_length=1, max_length=80)]
    old_bps: Annotated[int, Field(ge=0, le=100 * BPS)]
    wanted_bps: Annotated[int, Field(ge=0)]
    new_bps: Annotated[int, Field(ge=0, le=100 * BPS)]
    reason: Annotated[str, Field(min_length=1, max_length=400)]
    previous: Hex32

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.to_json_bytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class ParameterLog:
    """The changes so far, oldest first."""

    records: tuple[ParameterChange, ...] = ()

    @property
    def head(self) -> str:
        """Hash of the last record; what the next one names."""
        return self.records[-1].hash if self.records else NO_RECORD

    def appended(
        self, time_ms: int, parameter: str, old_bps: int, wanted_bps: int, new_bps: int, reason: str
    ) -> ParameterLog:
        """Return the log with one more record.

        Raises
        ------
        InputError
            Its time is before the last record's, or a field breaks a rule.
        """
        if self.records and time_ms < self.records[-1].time_ms:
            raise InputError("time_ms", f"must not be before {self.records[-1].time_ms}", time_ms)
        record = ParameterChange.from_json(
            {
                "time_ms": time_ms,
                "parameter": parameter,
                "old_bps": old_bps,
                "wanted_bps": wanted_bps,
                "new_bps": new_bps,
                "reason": reason,
                "previous": self.head,
            },
            "parameter change",
        )
        return ParameterLog((*self.records, record))

    def to_lines(self) -> bytes:
        """Return the log as JSON lines, oldest first: keys sorted, no spaces."""
        return b"".join(
            json.dumps(record.model_dump(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
            for record in self.records
        )

    @classmethod
    def from_lines(cls, data: bytes, source: str) -> ParameterLog:
        """Return the log that JSON lines spell, each record checked against the one before it.

        The last record is only as good as where its hash is known from: compare `head`.

        Raises
        ------
        InputError
            A line is no record.
        Refusal
            A record does not follow the one before it (``parameter_log_broken``).
        """
        lines = enumerate(data.splitlines(), start=1)
        records = [ParameterChange.from_json(line, f"{source} line {number}") for number, line in lines]
        return cls.checked(records, records[-1].hash if records else NO_RECORD)

    @classmethod
    def checked(cls, records: Iterable[ParameterChange], head: str) -> ParameterLog:
        """Return the log of `records` if each names the one before it and the last one hashes to `head`.

        Raises
        ------
        Refusal
            A record was changed, left out or put in (``parameter_log_broken``).
        """
        log = cls()
        for number, record in enumerate(records):
            if record.previous != log.head:
                raise Refusal("parameter_log_broken", f"record {number} does not follow the one before it")
            log = cls((*log.records, record))
        if log.head != head:
            raise Refusal("parameter_log_broken", "the last record is not the one that was published")
        return log


@dataclass(frozen=True, slots=True)
class Target:
    """What a forecast calls for: a fraction, the stressed fraction to blend it with, and where it comes from."""

    forecast: float
    stressed: float
    source: str


def scan_range_target(
    volatility: float, confidence: float, stressed: float, source: str, degrees_of_freedom: float | None = None
) -> Target:
    """Return the scan range that a forecast of the volatility over the margin's horizon calls for.

    The upward move that the quantile makes of a log move is the larger one: e^(q·σ) - 1.

    Examples
    --------
    >>> round(scan_range_target(0.03, 0.99, 0.15, "EWMA, 24 h").forecast, 4)
    0.0803
    """
    move = move_quantile(confidence, degrees_of_freedom) * within("volatility", volatility, 0.0, 4.0)
    return Target(expm1(move), stressed, source)


def haircut_target(rule: LiquidityHaircut, units: int, stressed: float, source: str) -> Target:
    """Return the haircut that `rule`, which carries a forecast, calls for up to a holding of `units`."""
    return Target(float(rule.haircut(units)), stressed, source)


def moved_params(
    params: Params,
    log: ParameterLog,
    time_ms: int,
    *,
    scan_ranges: Mapping[str, Target],
    haircuts: Mapping[str, Target],
    limits: MoveLimits,
) -> tuple[Params, ParameterLog]:
    """Return the parameters after one bounded step towards the forecasts, and the log with every change.

    Parameters
    ----------
    params, log
        What applies, and how it came to be.
    time_ms
        Of the step.
    scan_ranges, haircuts
        Targets by underlying and by asset; what is not named stays.
    limits
        Speed and bounds, of scan ranges and haircuts (10^4 less the first rate) alike.

    Raises
    ------
    InputError
        A symbol that `params` does not have, or a scan range that some scenario would make a price of zero with.
    """
    for field, named, known in (
        ("scan_ranges", scan_ranges, {entry.symbol for entry in params.underlyings}),
        ("haircuts", haircuts, {asset.symbol for asset in params.assets}),
    ):
        if unknown := sorted(set(named) - known):
            raise InputError(field, "must name symbols of the parameters", unknown[0])
    underlyings = []
    for entry in params.underlyings:
        if entry.symbol in scan_ranges:
            name = f"{entry.symbol}.scan_range_bps"
            new, log = _moved(log, time_ms, name, entry.scan_range_bps, scan_ranges[entry.symbol], limits)
            entry = entry.model_copy(update={"scan_range_bps": new})
        underlyings.append(entry)
    assets = []
    for asset in params.assets:
        if asset.symbol in haircuts:
            name = f"{asset.symbol}.haircut_bps"
            new, log = _moved(log, time_ms, name, BPS - asset.rate_bps, haircuts[asset.symbol], limits)
            asset, log = _with_haircut(asset, new, log, time_ms)
        assets.append(asset)
    content = params.model_dump() | {
        "underlyings": [entry.model_dump() for entry in underlyings],
        "assets": [asset.model_dump() for asset in assets],
    }
    return Params.from_json(content, "params"), log


def _moved(
    log: ParameterLog, time_ms: int, parameter: str, old: int, target: Target, limits: MoveLimits
) -> tuple[int, ParameterLog]:
    wanted = limits.wanted_bps(target.forecast, target.stressed)
    new = limits.limited_bps(old, wanted)
    return new, log if new == old else log.appended(time_ms, parameter, old, wanted, new, target.source)


def _with_haircut(
    asset: AssetParams, haircut_bps: int, log: ParameterLog, time_ms: int
) -> tuple[AssetParams, ParameterLog]:
    """Return the asset at a new first rate; drops that would take it below zero are cut, and that is logged too."""
    left, drops = BPS - haircut_bps, []
    for number, drop in enumerate(asset.drops_bps):
        drops.append(min(drop, left))
        left -= drops[-1]
        if drops[-1] != drop:
            name = f"{asset.symbol}.drops_bps[{number}]"
            log = log.appended(time_ms, name, drop, drop, drops[-1], "a rate does not fall below zero")
    return asset.model_copy(update={"rate_bps": BPS - haircut_bps, "drops_bps": tuple(drops)}), log
