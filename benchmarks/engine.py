"""The engine: all accounts margined anew, events a second on disk, margin checks of trades, and pricing rates."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import own_peak_rss_bytes, time_call
from benchmarks.pricing import measure_pricing
from rtnet_core.engine.controls import Controls, Halts, Limits
from rtnet_core.engine.core import Engine
from rtnet_core.engine.events import SetControls, event_line
from rtnet_core.engine.ledger import Ledger
from rtnet_core.engine.live import Levels, LiveMargins
from rtnet_core.engine.log import SqlLog
from rtnet_core.engine.rates import Rates
from rtnet_core.engine.sample import sample_events
from rtnet_core.limits import BPS
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params

SEED = 2026
PROFILE = "standard"
MARGINED_ACCOUNTS = 100_000
TRADING_ACCOUNTS = 10_000
EVENTS = 200_000
#: Events that are committed together.
GROUP = 1_024
RUNS = 9

Row = dict[str, Any]


def measure_engine(report: Any = print) -> list[Row]:
    """Return {what, value, unit} rows: re-margining, throughput, the spread of margin checks, and pricing rates."""
    report(f"engine: {MARGINED_ACCOUNTS:,} accounts margined anew")
    rows = _remargining()
    report(f"engine: {EVENTS:,} events on {TRADING_ACCOUNTS:,} accounts")
    opening, stream = _lines()
    rows += _stream(opening, stream)
    report("engine: the same events under limits in every instrument, with a circuit breaker in each")
    return [*rows, *_limited_stream(opening, stream), *measure_pricing(report)]


def _remargining() -> list[Row]:
    """Measure what new prices cost: the risk array, and the margins of all accounts."""
    snapshot = sample_market(SEED, PROFILE)
    params = default_params(snapshot)
    live = LiveMargins(
        _random_ledger(snapshot.sizes.instruments, snapshot.sizes.assets), Rates.of(snapshot, params), Levels()
    )
    live.refresh()
    priced = [time_call(lambda: Rates.of(snapshot, params)) for _ in range(RUNS)]
    margined = [time_call(live.refresh) for _ in range(RUNS)]
    what = f"{MARGINED_ACCOUNTS:,} accounts × {snapshot.sizes.instruments} instruments × 17 evaluations"
    return [
        _row(f"{what}: margined anew, median", 1e3 * statistics.median(margined), "ms"),
        _row(f"{what}: margined anew, slowest of {RUNS}", 1e3 * max(margined), "ms"),
        _row("exact risk array from new prices, median", 1e3 * statistics.median(priced), "ms"),
    ]


def _random_ledger(slot_count: int, asset_count: int) -> Ledger:
    """Return accounts that hold about half of all instruments, and three assets, drawn from the seed."""
    random = np.random.default_rng(SEED)
    count = MARGINED_ACCOUNTS
    ledger = Ledger(slot_count, asset_count)
    ledger.reserve(count)
    for number in range(count):
        ledger.open(f"acct-{number:06d}", "benchmark", "unified", None)
    held = random.random((count, slot_count)) < 0.5
    ledger.lots[:count] = random.integers(-1_000, 1_001, (count, slot_count)) * held
    ledger.cash[:count] = random.integers(0, 10**13, count)
    ledger.collateral[:count, :3] = random.integers(0, 10**6, (count, 3))
    return ledger


def _lines() -> tuple[list[bytes], list[bytes]]:
    """Return the lines that open and fund the accounts, and the stream that is measured."""
    snapshot = sample_market(SEED, PROFILE)
    events = sample_events(snapshot, default_params(snapshot), TRADING_ACCOUNTS, EVENTS, SEED)
    lines = [event_line(event) for event in events]
    return lines[:-EVENTS], lines[-EVENTS:]


def _begun(folder: str, opening: list[bytes]) -> Engine:
    """Return an engine with a log of its own, in which the accounts are opened and funded."""
    snapshot = sample_market(SEED, PROFILE)
    log = SqlLog.open(str(Path(folder) / "venue.sqlite"), create=True)
    engine = Engine.create(log, snapshot, default_params(snapshot))
    _apply(engine, opening, engine.apply)
    return engine


def _timed(engine: Engine, stream: list[bytes]) -> tuple[float, float, float]:
    """Apply a stream; return seconds, seconds of processor time, and seconds spent in commits."""
    gc.collect()
    gc.freeze()
    begun, worked = time.perf_counter(), time.process_time()
    committing = _apply(engine, stream, engine.apply)
    return time.perf_counter() - begun, time.process_time() - worked, committing


def _limited_stream(opening: list[bytes], stream: list[bytes]) -> list[Row]:
    """Measure the same stream where every trade is checked against all limits and a circuit breaker.

    The limits are wide: what they cost is measured, not what they refuse.
    """
    with tempfile.TemporaryDirectory() as folder:
        engine = _begun(folder, opening)
        snapshot = engine.venue.live.rates.snapshot
        limits = Limits(
            tier_bounds_bps=(1_000, 5_000),
            tier_rates_bps=(100, 500, 1_000),
            depth_ticks=10**15,
            open_interest_bps=BPS,
            leverage_bps=50 * BPS,
            counterparty_ticks=10**15,
            deviation_bps=1_000,
        )
        controls = Controls(
            limits={entry.symbol: limits for entry in snapshot.underlyings},
            breakers={entry.name: Halts() for entry in snapshot.instruments},
        )
        event = SetControls(type="controls", id="controls", controls=controls)
        _apply(engine, [event_line(event)], engine.apply)
        before = engine.sequence
        seconds, worked, _ = _timed(engine, stream)
        applied = engine.sequence - before
        engine.log.close()
    return [
        _row("events applied and on disk under limits and breakers, a second", EVENTS / seconds, "1/s"),
        _row("processor time of one event under limits and breakers", 1e6 * worked / EVENTS, "µs"),
        _row("share of those events that pass", 100 * applied / EVENTS, "%"),
    ]


def _stream(opening: list[bytes], stream: list[bytes]) -> list[Row]:
    """Measure a stream of events from lines to a log that is synchronised after every group."""
    with tempfile.TemporaryDirectory() as folder:
        engine = _begun(folder, opening)
        seconds, worked, committing = _timed(engine, stream)
        live = engine.venue.live
        exact = [time_call(partial(live.margin, row)) for row in range(TRADING_ACCOUNTS)]
        checks = _timed_checks(engine, stream)
        reopened = time_call(lambda: Engine.open(engine.log))
        engine.log.close()
    ms = [1e3 * seconds for seconds in checks]
    return [
        _row("events applied and on disk, a second", EVENTS / seconds, "1/s"),
        _row("processor time of one event", 1e6 * worked / EVENTS, "µs"),
        _row(f"share of that time in commits of {GROUP:,} events", 100 * committing / seconds, "%"),
        _row("margin check of a trade, median", statistics.median(ms), "ms"),
        _row("margin check of a trade, 99th percentile", float(np.percentile(ms, 99)), "ms"),
        _row("margin check of a trade, slowest", max(ms), "ms"),
        _row("one account margined in integers, median", 1e3 * statistics.median(exact), "ms"),
        _row("one account margined in integers, 99th percentile", 1e3 * float(np.percentile(exact, 99)), "ms"),
        _row("engine opened again after the stream", reopened, "s"),
        _row("peak memory", own_peak_rss_bytes() / 2**20, "MiB"),
    ]


def _apply(engine: Engine, lines: list[bytes], apply: Callable[[bytes], object]) -> float:
    """Apply lines in groups and return the seconds spent in commits."""
    committing = 0.0
    for start in range(0, len(lines), GROUP):
        for line in lines[start : start + GROUP]:
            apply(line)
        committing += time_call(engine.commit)
    return committing


def _timed_checks(engine: Engine, stream: list[bytes]) -> list[float]:
    """Return the seconds that each preview of a trade's two accounts takes, when the trades come again under new ids.

    Measured apart, so that the clock is not part of the throughput.
    """
    live, seconds = engine.venue.live, []
    preview = live.preview

    def timed(entry: Any) -> Any:
        begun = time.perf_counter()
        result = preview(entry)
        if entry.lots:
            seconds.append(time.perf_counter() - begun)
        return result

    live.preview = timed  # type: ignore[method-assign]
    again = [line.replace(b'"id":"event-', b'"id":"again-') for line in stream[: EVENTS // 4] if b'"trade"' in line]
    _apply(engine, again, engine.apply)
    return seconds


def _row(what: str, value: float, unit: str) -> Row:
    return {"what": what, "value": round(value, 4), "unit": unit}
