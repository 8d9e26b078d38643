"""Steps of margin parameters towards what is wanted, at a bounded speed, and the log of them: a chain of hashes.

    new = wanted held within [old·(1 - down), old·(1 + up)], then within [least, most]

All of it is whole basis points, so a step is the same on every machine. What is wanted, and why, comes from forecasts:
`rtnet_core.risk.parameter_moves`.

Each record names parameter, old, wanted and new value, and reason, and carries the hash of the one before it. Whoever
knows the last hash can check the whole log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Final, Literal

from pydantic import Field

from rtnet_core.document import Document, Hex32, TimeMs
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import BPS
from rtnet_core.params import AssetParams, Params
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
    """The changes so far, oldest first.

    Attributes
    ----------
    before
        Hash of the record before the first one here, where only the newest are held.
    """

    records: tuple[ParameterChange, ...] = ()
    before: str = NO_RECORD

    @property
    def head(self) -> str:
        """Hash of the last record; what the next one names."""
        return self.records[-1].hash if self.records else self.before

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
        return ParameterLog((*self.records, record), self.before)

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
class Wanted:
    """Where a parameter is wanted, in basis points, and where that comes from."""

    bps: int
    source: str


def parameter_names(params: Params) -> list[str]:
    """Return the names of all parameters that can be moved.

    ``haircut_bps`` is the haircut of an asset's first units, ``haircut_bps[1]`` and ``[2]`` of those beyond its kinks.

    Examples
    --------
    >>> from rtnet_core.market_sample import sample_market
    >>> from rtnet_core.params import default_params
    >>> parameter_names(default_params(sample_market(5, "small")))[1:4]
    ['ETH.scan_range_bps', 'USDC.haircut_bps', 'USDC.haircut_bps[1]']
    """
    ranges = [f"{entry.symbol}.scan_range_bps" for entry in params.underlyings]
    return ranges + [name for asset in params.assets for name in _bands(asset.symbol)]


def stepped_params(
    params: Params, log: ParameterLog, time_ms: int, wanted: Mapping[str, Wanted], limits: MoveLimits
) -> tuple[Params, ParameterLog]:
    """Return the parameters after one bounded step, and the log with every change.

    A haircut beyond a kink that is not named keeps its distance to the one before it, and none is below that.

    Parameters
    ----------
    params, log
        What applies, and how it came to be.
    time_ms
        Of the step.
    wanted
        By the names of `parameter_names`; what is not named stays.
    limits
        Speed and bounds, of scan ranges and haircuts (10^4 less a rate) alike.

    Raises
    ------
    InputError
        A name that `params` does not have, or a scan range that some scenario would make a price of zero with.

    Examples
    --------
    >>> from rtnet_core.market_sample import sample_market
    >>> from rtnet_core.params import default_params
    >>> params, log = stepped_params(default_params(sample_market(5, "small")), ParameterLog(), 0,
    ...     {"BTC.haircut_bps[1]": Wanted(3_000, "thin books")}, MoveLimits())
    >>> params.assets[2].drops_bps, log.records[0].old_bps, log.records[0].new_bps
    ((750, 1000), 1000, 1250)
    """
    if unknown := sorted(wanted.keys() - set(parameter_names(params))):
        raise InputError("parameter", "must be one that can be moved", unknown[0])
    underlyings = []
    for entry in params.underlyings:
        name = f"{entry.symbol}.scan_range_bps"
        new, log = _stepped(log, time_ms, name, entry.scan_range_bps, wanted, limits)
        underlyings.append(entry.model_copy(update={"scan_range_bps": new}))
    assets = []
    for asset in params.assets:
        stepped, log = _stepped_asset(asset, log, time_ms, wanted, limits)
        assets.append(stepped)
    content = params.model_dump() | {
        "underlyings": [entry.model_dump() for entry in underlyings],
        "assets": [asset.model_dump() for asset in assets],
    }
    return Params.from_json(content, "params"), log


def _bands(symbol: str) -> list[str]:
    return [f"{symbol}.haircut_bps", f"{symbol}.haircut_bps[1]", f"{symbol}.haircut_bps[2]"]


def _stepped(
    log: ParameterLog,
    time_ms: int,
    name: str,
    old: int,
    wanted: Mapping[str, Wanted],
    limits: MoveLimits,
    least: int = 0,
) -> tuple[int, ParameterLog]:
    if name not in wanted:
        return old, log
    new = max(least, limits.limited_bps(old, wanted[name].bps))
    if new == old:
        return old, log
    return new, log.appended(time_ms, name, old, wanted[name].bps, new, wanted[name].source)


def _stepped_asset(
    asset: AssetParams, log: ParameterLog, time_ms: int, wanted: Mapping[str, Wanted], limits: MoveLimits
) -> tuple[AssetParams, ParameterLog]:
    """Return an asset at its new haircuts; drops that would take a rate below zero are cut, and that is logged too."""
    first, *beyond = _bands(asset.symbol)
    old = BPS - asset.rate_bps
    band, log = _stepped(log, time_ms, first, old, wanted, limits)
    rate, drops = BPS - band, []
    for number, (name, drop) in enumerate(zip(beyond, asset.drops_bps, strict=True)):
        old += drop
        if name in wanted:
            following, log = _stepped(log, time_ms, name, old, wanted, limits, least=band)
            drops.append(following - band)
        else:
            drops.append(min(drop, BPS - band))
            if drops[-1] != drop:
                cut = f"{asset.symbol}.drops_bps[{number}]"
                log = log.appended(time_ms, cut, drop, drop, drops[-1], "a rate does not fall below zero")
        band += drops[-1]
    return asset.model_copy(update={"rate_bps": rate, "drops_bps": tuple(drops)}), log
