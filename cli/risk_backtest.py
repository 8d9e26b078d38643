"""What ``zkm2m risk backtest`` reads, tests and prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from cli.files import read_bytes
from cli.render import console, table, utc
from rtnet_core.errors import InputError
from rtnet_core.params import Params, default_params
from rtnet_core.risk.backtest import HOUR_MS, Check, HorizonResult, back_test
from rtnet_core.risk.coverage import breach_rate_interval, unconditional_test
from rtnet_core.risk.index_series import IndexSeries, parse_index_series
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot

#: A test below this rejects what was claimed.
_SIGNIFICANCE: Final = 0.05


def read_series(path: Path) -> IndexSeries:
    """Return the series in a CSV file.

    Raises
    ------
    InputError
        It cannot be read, or is no such series.
    """
    try:
        return parse_index_series(read_bytes(path).decode(), str(path))
    except UnicodeDecodeError:
        raise InputError(str(path), "must be UTF-8 text") from None


def results_of(
    history: IndexSeries, params: Path | None, hours: list[int], confidence: float, forecast: str
) -> list[HorizonResult]:
    """Return the back-test of a file's parameters, or the published defaults where none is named."""
    chosen = _params(params, history)
    by_symbol = {entry.symbol: entry for entry in chosen.underlyings}
    grid = [by_symbol[symbol] for symbol in history.symbols]
    horizons = [count * HOUR_MS for count in hours]
    return back_test(history, grid, chosen.scenarios, horizons, confidence, forecast=forecast)


def _params(path: Path | None, history: IndexSeries) -> Params:
    """Return the parameters in a file, or the published defaults for the series' coins."""
    if path is None:
        return default_params(
            Snapshot.from_json(
                {
                    "profile": "wide",
                    "time_ms": int(history.times_ms[0]),
                    "underlyings": [{"symbol": symbol, "lot": "1", "index_ticks": 1} for symbol in history.symbols],
                    "assets": [{"symbol": "USDC", "unit": "1", "price_ticks": TICKS_PER_USD}],
                    "instruments": [
                        {
                            "name": f"{symbol}-PERPETUAL",
                            "kind": "perpetual",
                            "underlying": symbol,
                            "forward_ticks": 1,
                        }
                        for symbol in history.symbols
                    ],
                },
                "series",
            )
        )
    found = Params.from_json(read_bytes(path), str(path))
    known = {entry.symbol for entry in found.underlyings}
    for symbol in history.symbols:
        if symbol not in known:
            raise InputError(f"{path}: underlyings", "must have every coin of the series", symbol)
    return found


def _verdict(check: Check, probability: float) -> str:
    """Return in words what the tests say; of the windows' beginnings the one with most breaches decides."""
    coverage = check.coverage
    most = min(max(check.phase_breaches), coverage.observations)
    words = []
    if unconditional_test(coverage.observations, most, probability).p_value < _SIGNIFICANCE:
        words.append("too narrow" if most > probability * coverage.observations else "wider")
    if coverage.independence.p_value < _SIGNIFICANCE:
        words.append("clustered")
    return ", ".join(words) or "not rejected"


def print_results(results: list[HorizonResult], confidence: float) -> None:
    """Print a table for each coin and horizon, then where the grid failed."""
    out = console()
    columns = ("what", ">windows", ">breaches", ">expected", ">p coverage", ">p clustering", ">overlapping", "verdict")
    for result in results:
        rows = [
            (
                check.name,
                check.coverage.observations,
                f"{check.coverage.breaches} ({min(check.phase_breaches)}-{max(check.phase_breaches)})",
                f"{check.coverage.observations * (1 - confidence):.1f}",
                f"{check.coverage.unconditional.p_value:.3f}",
                f"{check.coverage.independence.p_value:.3f}",
                f"{check.overlapping_breaches} of {len(check.use)}",
                _verdict(check, 1 - confidence),
            )
            for check in result.checks
        ]
        title = f"{result.symbol}, {result.horizon_ms // HOUR_MS} h, claimed {confidence:.2%}"
        out.print(table(f"{title}; {result.gaps} starts without a row near the horizon", columns, rows))
    out.print(
        "Breaches in brackets: fewest and most, wherever the windows begin; the verdict takes the most.", markup=False
    )
    out.print(_failures(results))


def _failures(results: list[HorizonResult]) -> Any:
    rows = [
        (
            result.symbol,
            f"{result.horizon_ms // HOUR_MS} h",
            check.name,
            check.overlapping_breaches,
            utc(check.worst.time_ms),
            f"{check.worst.found:.1%}",
            f"{check.worst.covered:.1%}",
        )
        for result in results
        for check in result.checks
        if check.overlapping_breaches
    ]
    columns = ("coin", ">horizon", "what", ">breaches", "worst window from", ">it took", ">covered")
    return table("Where it failed, all overlapping windows", columns, rows)


def as_json(
    path: Path, history: IndexSeries, confidence: float, plot: Path | None, results: list[HorizonResult]
) -> dict[str, Any]:
    """Return the results for a program."""
    return {
        "series": str(path),
        "rows": len(history.times_ms),
        "from_ms": int(history.times_ms[0]),
        "to_ms": int(history.times_ms[-1]),
        "confidence": confidence,
        "plot": None if plot is None else str(plot),
        "results": [
            {
                "coin": result.symbol,
                "horizon_hours": result.horizon_ms // HOUR_MS,
                "starts_without_end": result.gaps,
                "checks": [_check_json(check, 1 - confidence) for check in result.checks],
            }
            for result in results
        ],
    }


def _check_json(check: Check, probability: float) -> dict[str, Any]:
    coverage = check.coverage
    tests = {
        name: {"statistic": test.statistic, "p_value": test.p_value}
        for name, test in (
            ("kupiec", coverage.unconditional),
            ("christoffersen_independence", coverage.independence),
            ("christoffersen_conditional", coverage.conditional),
        )
    }
    return {
        "what": check.name,
        "windows": coverage.observations,
        "breaches": coverage.breaches,
        "breaches_by_phase": check.phase_breaches,
        "expected": coverage.observations * probability,
        "breach_rate_interval": breach_rate_interval(coverage.observations, coverage.breaches),
        **tests,
        "verdict": _verdict(check, probability),
        "overlapping_windows": len(check.use),
        "overlapping_breaches": check.overlapping_breaches,
        "worst": {
            "from_ms": check.worst.time_ms,
            "found": check.worst.found,
            "covered": check.worst.covered,
        },
    }
