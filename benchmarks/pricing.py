"""Black-76 values a second: our two engines beside QuantLib and vollib, on the same options in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.measure import time_call
from rtnet_core.black76 import value_ticks
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.pricing_fast import Floats, option_values

SEED = 2026
OPTIONS = 200_000
#: What prices one option a call is timed on fewer of the same options.
SINGLY = 5_000
RUNS = 5

Row = dict[str, Any]


def measure_pricing(report: Any = print) -> list[Row]:
    """Return {what, value, unit} rows: options a second, medians, and each library's worst difference from ours."""
    report(f"pricing: {OPTIONS:,} options")
    random = np.random.default_rng(SEED)
    call = random.random(OPTIONS) < 0.5
    forward = random.integers(1 << 22, 1 << 24, OPTIONS).astype(float)
    strike = np.floor(forward * np.exp(0.3 * random.standard_normal(OPTIONS)))
    sigma = np.floor(random.uniform(0.2, 1.5, OPTIONS) * 2**32) / 2**32
    time_ms = random.integers(86_400_000, MS_PER_YEAR, OPTIONS)
    years = time_ms / MS_PER_YEAR
    ours = option_values(call, forward, strike, sigma, years)
    rows = [_rate("fast engine, NumPy", OPTIONS, lambda: option_values(call, forward, strike, sigma, years))]

    def exact() -> Floats:
        return np.array(
            [
                value_ticks(
                    "call" if call[i] else "put",
                    int(forward[i]),
                    int(strike[i]),
                    int(sigma[i] * 2**32),
                    int(time_ms[i]),
                )
                for i in range(SINGLY)
            ],
            dtype=float,
        )

    rows += _beside("exact engine, integers that the circuit proves", exact, ours, forward)
    library = _optional("QuantLib")
    if library is not None:
        kinds = {True: library.Option.Call, False: library.Option.Put}

        def quantlib() -> Floats:
            deviation = sigma * np.sqrt(years)
            return np.array(
                [library.blackFormula(kinds[bool(call[i])], strike[i], forward[i], deviation[i]) for i in range(SINGLY)]
            )

        rows += _beside("QuantLib blackFormula", quantlib, ours, forward)
    vollib = _optional("vollib.black")
    if vollib is not None:

        def scalar() -> Floats:
            return np.array(
                [
                    vollib.black("c" if call[i] else "p", forward[i], strike[i], years[i], 0.0, sigma[i])
                    for i in range(SINGLY)
                ]
            )

        rows += _beside("vollib black", scalar, ours, forward)
    return rows


def _optional(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def _beside(what: str, price: Callable[[], Floats], ours: Floats, forward: Floats) -> list[Row]:
    worst = float(np.max(np.abs(price() - ours[:SINGLY]) / forward[:SINGLY]))
    return [_rate(what, SINGLY, price), {"what": f"{what}: worst difference", "value": worst, "unit": "of the forward"}]


def _rate(what: str, count: int, price: Callable[[], Floats]) -> Row:
    seconds = statistics.median(time_call(price) for _ in range(RUNS))
    return {"what": f"Black-76, {what}", "value": round(count / seconds), "unit": "1/s"}
