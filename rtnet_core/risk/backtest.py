"""The coverage back-test: what the margin grid would have covered of what the market then did.

For every horizon and coin, against the proven rule's parameters:

- **price**: the index moved further than the scan range, up or down;
- **volatility**: the 30-day volatility moved further than the grid's move up or down;
- **portfolios**: futures, and straddles and single options of 30 days at the money, lost more than their maintenance
  margin: scan risk, short-option minimum and delta/gamma add-on (no size add-on: one lot each);
- **forecast**: the index moved further than a quantile times a forecast that knew only what came before.

The tests run on windows that do not overlap; where these begin is chance, so the breaches of other beginnings are told
beside. Breaches of overlapping windows are counted too: they miss nothing, but come in clusters, so nothing is tested
on them.

Bounds: an option is revalued at the series' 30-day volatility although it is then shorter and no longer at the money;
skew and term structure are not in the data. The index stands for every forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, MS_PER_YEAR
from rtnet_core.margin_fast import FastMarket, fast_margin
from rtnet_core.params import Scenario, UnderlyingParams
from rtnet_core.pricing_fast import option_greeks, option_values
from rtnet_core.risk.coverage import Coverage, coverage_of
from rtnet_core.risk.ewma import RISKMETRICS_DECAY, ewma_variances
from rtnet_core.risk.forecast import Garch, fit_garch, move_quantile, regular_returns
from rtnet_core.risk.index_series import IndexSeries, Windows, consecutive_windows, overlapping_windows
from rtnet_core.risk.ranges import Floats, within
from rtnet_core.shocks import PRICE_DENOMINATOR, price_factor, volatility_factor

HOUR_MS: Final = 3_600_000
OPTION_YEARS: Final = 30 / 365
#: Lots of (future, call, put).
PORTFOLIOS: Final[dict[str, tuple[int, int, int]]] = {
    "long future": (1, 0, 0),
    "short future": (-1, 0, 0),
    "long straddle": (0, 1, 1),
    "short straddle": (0, -1, -1),
    "short call": (0, -1, 0),
    "short put": (0, 0, -1),
}
#: The regular step of forecasts; λ = 0.94 a day is 0.94^(1/4) of it.
STEP_MS: Final = 6 * HOUR_MS
STEP_DECAY: Final = RISKMETRICS_DECAY ** (STEP_MS / (24 * HOUR_MS))
#: Returns that a forecast must have seen.
_BURN_IN: Final = 120
#: Degrees of freedom of the Student t beside the normal.
TAIL_FREEDOM: Final = 4.0


@dataclass(frozen=True, slots=True)
class Window:
    """When a window began, what happened and what was covered: shares of index or volatility, logs in forecasts."""

    time_ms: int
    found: float
    covered: float


@dataclass(frozen=True, slots=True)
class Check:
    """One thing checked over one horizon.

    Attributes
    ----------
    name
        ``price``, ``volatility``, a portfolio, or a forecast.
    coverage
        The tests on windows that do not overlap, the first at the first row.
    phase_breaches
        Breaches of windows that do not overlap, begun at the first row, a median gap later, and so on up to a horizon.
    starts_ms, use
        Of every window from every row: when it began, and what happened over what was covered; above 1 is a breach.
    worst
        The window of the largest use.
    """

    name: str
    coverage: Coverage
    phase_breaches: tuple[int, ...]
    starts_ms: NDArray[np.int64]
    use: Floats
    worst: Window

    @property
    def overlapping_breaches(self) -> int:
        """How many of the overlapping windows were breached."""
        return int((self.use > 1).sum())


@dataclass(frozen=True, slots=True)
class HorizonResult:
    """All checks of one coin over one horizon; `gaps` starts had no row near the horizon."""

    symbol: str
    horizon_ms: int
    gaps: int
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class _Use:
    """Of each window: what happened, what was covered, and whether it counts."""

    name: str
    found: Floats
    covered: Floats
    counts: NDArray[np.bool_]

    def share(self) -> Floats:
        """Return what happened over what was covered, of the windows that count.

        Nothing covered covers no move at all, and is no breach where nothing moved.
        """
        share = np.where(self.found > 0, np.inf, 0.0)
        np.divide(self.found, self.covered, out=share, where=self.covered > 0)
        return np.asarray(share[self.counts], dtype=np.float64)


def back_test(
    series: IndexSeries,
    params: Sequence[UnderlyingParams],
    scenarios: Sequence[Scenario],
    horizons_ms: Sequence[int],
    confidence: float,
    *,
    forecast: str = "ewma",
) -> list[HorizonResult]:
    """Return the results, coin by coin and horizon by horizon.

    Parameters
    ----------
    series
        The market.
    params, scenarios
        The grid: one entry for each of the series' coins, in its order.
    horizons_ms
        Lengths of the windows.
    confidence
        What the grid is held to: a breach has the probability 1 - confidence, 0.5 to 0.9999.
    forecast
        ``ewma``, or ``garch`` fitted to the first half of the series and tested on the second.

    Raises
    ------
    InputError
        Parameters of other coins, an unknown forecast, or a series too short for a horizon or for the fit.
    RangeError
        A number out of range.
    ToolError
        ``garch`` without the package arch.
    """
    within("confidence", confidence, 0.5, 0.9999)
    if forecast not in ("ewma", "garch"):
        raise InputError("forecast", "must be ewma or garch", forecast)
    if tuple(entry.symbol for entry in params) != series.symbols:
        raise InputError("params", f"must be of {', '.join(series.symbols)}", [entry.symbol for entry in params])
    return [
        _tested(coin, horizon_ms, 1 - confidence)
        for coin in (
            _Coin.of(series, number, entry, scenarios, forecast, confidence) for number, entry in enumerate(params)
        )
        for horizon_ms in horizons_ms
    ]


def portfolio_margins(
    params: UnderlyingParams, scenarios: Sequence[Scenario], index: Floats, volatility: Floats
) -> Floats:
    """Return the maintenance margin of each portfolio at each row, shape (P, T), in the index's currency.

    The rows stand as so many underlyings of three slots - future, call, put - of the fast engine's rule.
    """
    count, width = len(index), len(index)
    prices = np.array([price_factor(params, scenario) / PRICE_DENOMINATOR for scenario in scenarios])
    factors = np.array([volatility_factor(params, scenario) / BPS for scenario in scenarios])
    cover = np.array([scenario.cover_bps / BPS for scenario in scenarios])
    marks, deltas, gammas = (np.zeros((count, 3)) for _ in range(3))
    changes = np.zeros((count, 3, len(scenarios)))
    marks[:, 0], deltas[:, 0] = index, index / 100
    changes[:, 0] = index[:, None] * (prices - 1)
    for slot, is_call in ((1, True), (2, False)):
        greeks = option_greeks(is_call, index, index, volatility, OPTION_YEARS)
        marks[:, slot] = option_values(is_call, index, index, volatility, OPTION_YEARS)
        deltas[:, slot], gammas[:, slot] = greeks.delta, greeks.gamma
        forward, sigma = index[:, None] * prices, volatility[:, None] * factors
        changes[:, slot] = option_values(is_call, forward, index[:, None], sigma, OPTION_YEARS) - marks[:, [slot]]
    market = FastMarket(
        changes=changes * cover,
        mark=marks,
        delta=deltas,
        gamma=gammas,
        is_option=np.tile([0.0, 1.0, 1.0], (count, 1)),
        index_ticks=index,
        short_option_rate=np.full(width, params.short_option_bps / BPS),
        delta_rate=np.full(width, params.delta_rate_bps / BPS),
        gamma_rate=np.full(width, params.gamma_rate_bps / BPS),
        size_kinks=np.zeros((count, 2)),
        size_rises=np.zeros((count, 2)),
        price_ticks=np.zeros(1),
        collateral_rate=np.zeros(1),
        kinks=np.zeros((1, 2)),
        drops=np.zeros((1, 2)),
    )
    lots = np.array([np.tile(held, count) for held in PORTFOLIOS.values()])
    margin = fast_margin(market, lots, np.zeros(len(lots)), np.zeros((len(lots), 1)))
    return np.asarray(margin.scan_risk + margin.short_option_minimum + margin.delta_gamma_add_on, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Coin:
    """One coin's history, and what covers it at each row: margins (P, T), forecast variance of the next step (T,)."""

    params: UnderlyingParams
    times_ms: NDArray[np.int64]
    index: Floats
    volatility: Floats
    margins: Floats
    variances: Floats
    process: Garch | None
    first_forecast: int
    confidence: float

    @classmethod
    def of(
        cls,
        series: IndexSeries,
        number: int,
        params: UnderlyingParams,
        scenarios: Sequence[Scenario],
        forecast: str,
        confidence: float,
    ) -> _Coin:
        """Return the coin with its margins and forecasts; a GARCH process knows the first half of the series."""
        index, volatility = series.index_usd[:, number], series.volatility[:, number]
        returns = regular_returns(series.times_ms, index, STEP_MS)
        if len(returns) <= _BURN_IN:
            raise InputError("series", f"must have more than {_BURN_IN + 1} rows", len(returns) + 1)
        first, process = _BURN_IN, None
        if forecast == "garch":
            first = len(returns) // 2
            process = fit_garch(returns[:first])
        variances = ewma_variances(returns, STEP_DECAY) if process is None else process.variances(returns)
        margins = portfolio_margins(params, scenarios, index, volatility)
        return cls(params, series.times_ms, index, volatility, margins, variances, process, first, confidence)

    def uses(self, windows: Windows) -> list[_Use]:
        """Return every use over some windows, always in the same order."""
        return [*self._grid_uses(windows), *self._portfolio_uses(windows), *self._forecast_uses(windows)]

    def _grid_uses(self, windows: Windows) -> list[_Use]:
        price = self.index[windows.ends] / self.index[windows.starts] - 1
        move = self.volatility[windows.ends] / self.volatility[windows.starts] - 1
        edges = np.where(move > 0, self.params.volatility_up_bps, self.params.volatility_down_bps) / BPS
        counts = np.ones(len(price), dtype=np.bool_)
        scan = np.full(len(price), self.params.scan_range_bps / BPS)
        return [
            _Use("price", np.abs(price), scan, counts),
            _Use("volatility", np.abs(move), edges, counts),
        ]

    def _portfolio_uses(self, windows: Windows) -> list[_Use]:
        """Return each portfolio's loss against its margin at the start, both as shares of the index then."""
        start, end = self.index[windows.starts], self.index[windows.ends]
        years = OPTION_YEARS - (self.times_ms[windows.ends] - self.times_ms[windows.starts]) / MS_PER_YEAR
        changes = [end - start]
        for is_call in (True, False):
            before = option_values(is_call, start, start, self.volatility[windows.starts], OPTION_YEARS)
            after = option_values(is_call, end, start, self.volatility[windows.ends], np.maximum(years, 1e-6))
            changes.append(after - before)
        counts = np.ones(len(start), dtype=np.bool_)
        return [
            _Use(
                name,
                -sum(held * change for held, change in zip(lots, changes, strict=True)) / start,
                margin[windows.starts] / start,
                counts,
            )
            for margin, (name, lots) in zip(self.margins, PORTFOLIOS.items(), strict=True)
        ]

    def _forecast_uses(self, windows: Windows) -> list[_Use]:
        steps = (self.times_ms[windows.ends] - self.times_ms[windows.starts]) / STEP_MS
        following = self.variances[windows.starts]
        if self.process is None:
            total = steps * following
        else:
            ahead = (max(round(count), 1) for count in steps)
            pairs = zip(following, ahead, strict=True)
            total = np.array([self.process.horizon_variance(float(variance), count) for variance, count in pairs])
        move = np.abs(np.log(self.index[windows.ends] / self.index[windows.starts]))
        counts = windows.starts >= self.first_forecast
        name = "ewma" if self.process is None else "garch"
        return [
            _Use(f"{name} {tail}", move, move_quantile(self.confidence, freedom) * np.sqrt(total), counts)
            for tail, freedom in (("normal", None), ("Student t", TAIL_FREEDOM))
        ]


def _tested(coin: _Coin, horizon_ms: int, probability: float) -> HorizonResult:
    every = overlapping_windows(coin.times_ms, horizon_ms)
    phases = max(round(horizon_ms / float(np.median(np.diff(coin.times_ms)))), 1)
    apart = [consecutive_windows(coin.times_ms, horizon_ms, phase * horizon_ms // phases) for phase in range(phases)]
    by_phase = zip(*(coin.uses(windows) for windows in apart), strict=True)
    checks = (
        _check(use, coin.times_ms[every.starts], list(phased), probability)
        for use, phased in zip(coin.uses(every), by_phase, strict=True)
    )
    return HorizonResult(coin.params.symbol, horizon_ms, every.gaps, tuple(checks))


def _check(use: _Use, starts_ms: NDArray[np.int64], phases: list[_Use], probability: float) -> Check:
    if not phases[0].counts.any():
        raise InputError("series", f"must have windows to test {use.name} on", len(starts_ms))
    share = use.share()
    worst = int(np.argmax(share))
    places = np.flatnonzero(use.counts)
    return Check(
        name=use.name,
        coverage=coverage_of(phases[0].share() > 1, probability),
        phase_breaches=tuple(int((phase.share() > 1).sum()) for phase in phases),
        starts_ms=starts_ms[places],
        use=share,
        worst=Window(int(starts_ms[places[worst]]), float(use.found[places[worst]]), float(use.covered[places[worst]])),
    )
