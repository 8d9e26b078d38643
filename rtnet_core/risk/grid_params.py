"""Parameters of the generalised scenario grid, and the sets that venues have published.

A grid is any list of price shocks with a volatility move and a weight (SPAN's cover, the "dampener" of others). A
volatility move of an option with d days to run is its range times (30/max(d, floor))^power: short options move more.

References
----------
- CME, *SPAN methodology*: sixteen scenarios, extreme moves at partial cover.
- Deribit, *Portfolio margin* (support article, segregated model; documents page): price moves in nine steps, range
  (30/days)^power, 1 % of the underlying for each net short option of a strike; numbers for BTC as Oreome, *Advanced
  risk scenarios*, lists them.
- Derive, repository v2-core: `PMRMLib.sol` and the deployed parameters; `PMRMLib_2.sol` for skew and weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.params import Scenario, UnderlyingParams
from rtnet_core.risk.ranges import Floats, within
from rtnet_core.shocks import PRICE_DENOMINATOR, price_factor

VolatilityMove = Literal["up", "same", "down", "linear", "absolute"]

_REFERENCE_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class VolatilityRange:
    """How far volatilities move.

    Attributes
    ----------
    up, down
        Relative move of an option with 30 days to run.
    short_power, long_power
        Power of 30/days up to and beyond 30 days.
    floor_days
        Shorter lives count as this.
    least_up
        An upward move leads at least to this volatility.
    most_up
        The relative move up is at most this, however short the life; one down is at most all of it.
    """

    up: float
    down: float
    short_power: float = 0.3
    long_power: float = 0.13
    floor_days: float = 1.0
    least_up: float = 0.0
    most_up: float = 10.0

    def __post_init__(self) -> None:
        for field in ("up", "down", "short_power", "long_power", "least_up", "most_up"):
            within(f"volatility range: {field}", getattr(self, field), 0.0, 16.0)
        within("volatility range: floor_days", self.floor_days, 1e-3, 365.0)

    def scale(self, days: Floats) -> Floats:
        """Return (30/max(days, floor))^power.

        Examples
        --------
        Deribit's own example: 38 % at 30 days is (30/15)^0.30 · 38 % = 46.78 % at fifteen.

        >>> bool(abs(0.38 * VolatilityRange(0.38, 0.38).scale(np.array(15.0)) - 0.4678) < 5e-5)
        True
        """
        power = np.where(days <= _REFERENCE_DAYS, self.short_power, self.long_power)
        return np.asarray((_REFERENCE_DAYS / np.maximum(days, self.floor_days)) ** power, dtype=np.float64)

    def factors(self, move: VolatilityMove, volatility: Floats, days: Floats) -> Floats:
        """Return by what the volatilities are multiplied under a move up, down or the same."""
        if move == "up":
            raised = 1 + np.minimum(self.up * self.scale(days), self.most_up)
            return np.asarray(np.maximum(raised, self.least_up / volatility), dtype=np.float64)
        if move == "down":
            return np.asarray(np.maximum(1 - self.down * self.scale(days), 0.0), dtype=np.float64)
        return np.ones_like(volatility)


@dataclass(frozen=True, slots=True)
class SkewRange:
    """How the smile turns (``linear``) or bends (``absolute``) in a skew scenario.

    With x = ln(K/F), or its magnitude where it bends, and √T the root of the life in years, the volatility is
    multiplied with 1 + x·cap/k*, held within ±cap, where cap = base + slope·√T and
    k* = max(least_width, √T·width·(level + level_slope·√T)).
    """

    linear_base: float = 0.25
    linear_slope: float = -0.1
    absolute_base: float = 0.25
    absolute_slope: float = -0.1
    least_width: float = 0.01
    width: float = 4.0
    level: float = 0.6
    level_slope: float = 0.0

    def factors(self, move: VolatilityMove, log_moneyness: Floats, years: Floats) -> Floats:
        """Return by what the volatilities are multiplied."""
        root = np.sqrt(years)
        base, slope = (
            (self.linear_base, self.linear_slope) if move == "linear" else (self.absolute_base, self.absolute_slope)
        )
        cap = np.maximum(base + slope * root, 0.0)
        reach = np.maximum(self.least_width, root * self.width * (self.level + self.level_slope * root))
        distance = log_moneyness if move == "linear" else np.abs(log_moneyness)
        return np.asarray(np.maximum(1 + np.clip(distance * cap / reach, -cap, cap), 0.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class GridScenario:
    """One scenario.

    Attributes
    ----------
    price
        Relative move of every forward of the underlying, above -1.
    volatility
        The move of volatilities; ``linear`` and ``absolute`` are skew scenarios, in which each expiry counts with the
        magnitude of its P&L as a loss: the smile may turn either way at each.
    weight
        Share of the P&L that counts, 0 to 1.
    stress
        Share of each asset's depeg that comes with it, 0 to 1.
    """

    price: float
    volatility: VolatilityMove = "same"
    weight: float = 1.0
    stress: float = 0.0

    def __post_init__(self) -> None:
        within("scenario: price", self.price, -0.999, 100.0)
        within("scenario: weight", self.weight, 0.0, 1.0)
        within("scenario: stress", self.stress, 0.0, 1.0)
        if self.volatility not in ("up", "same", "down", "linear", "absolute"):
            raise InputError("scenario: volatility", "must be up, same, down, linear or absolute", self.volatility)

    @property
    def is_skew(self) -> bool:
        """Whether the smile turns or bends."""
        return self.volatility in ("linear", "absolute")


@dataclass(frozen=True, slots=True)
class ForwardContingency:
    """Charge for forwards that move apart: worst P&L of each expiry at ±`move`, times base + per_year·T."""

    move: float = 0.05
    base: float = 0.0
    per_year: float = 0.0


@dataclass(frozen=True, slots=True)
class GridParams:
    """The grid of one underlying.

    Attributes
    ----------
    scenarios
        At least one.
    volatility, skew, forward
        Ranges, and the charge for forwards that move apart.
    linear_rate, linear_rate_initial
        Of the index, for each lot of futures and perpetuals held long or short; the second comes on top for initial.
    short_option_rate, short_option_rate_initial
        Of the index, for each lot by which puts and calls of one strike and expiry are net short.
    initial_factor
        Initial margin is this times the scenario loss, plus the charges; at least 1.
    """

    scenarios: tuple[GridScenario, ...]
    volatility: VolatilityRange
    skew: SkewRange = SkewRange()
    forward: ForwardContingency = ForwardContingency()
    linear_rate: float = 0.0
    linear_rate_initial: float = 0.0
    short_option_rate: float = 0.0
    short_option_rate_initial: float = 0.0
    initial_factor: float = 1.25

    def __post_init__(self) -> None:
        if not self.scenarios:
            raise InputError("grid: scenarios", "must not be empty")
        within("grid: initial_factor", self.initial_factor, 1.0, 10.0)
        for field in ("linear_rate", "linear_rate_initial", "short_option_rate", "short_option_rate_initial"):
            within(f"grid: {field}", getattr(self, field), 0.0, 1.0)


def product_grid(moves: Sequence[float], volatilities: Sequence[VolatilityMove]) -> tuple[GridScenario, ...]:
    """Return every price move with every volatility move; a fall brings its share of the furthest one as stress.

    Examples
    --------
    >>> [(scenario.price, scenario.stress) for scenario in product_grid((-0.1, -0.05, 0.1), ("same",))]
    [(-0.1, 1.0), (-0.05, 0.5), (0.1, 0.0)]
    """
    furthest = -min(moves)
    return tuple(
        GridScenario(price=move, volatility=volatility, stress=max(-move, 0.0) / furthest if furthest > 0 else 0.0)
        for move in moves
        for volatility in volatilities
    )


def from_proven(params: UnderlyingParams, scenarios: Sequence[Scenario]) -> GridParams:
    """Return the proven rule's scenarios as a grid of the same scan risk: its volatility moves hang on no life."""
    moves: dict[int, VolatilityMove] = {1: "up", 0: "same", -1: "down"}
    return GridParams(
        scenarios=tuple(
            GridScenario(
                price=price_factor(params, scenario) / PRICE_DENOMINATOR - 1,
                volatility=moves[scenario.volatility],
                weight=scenario.cover_bps / BPS,
            )
            for scenario in scenarios
        ),
        volatility=VolatilityRange(
            up=params.volatility_up_bps / BPS, down=params.volatility_down_bps / BPS, short_power=0.0, long_power=0.0
        ),
    )


#: Deribit's portfolio margin for BTC: ±16 % in nine steps, three volatilities each, 1 % for net short options. Its
#: extended table (−66 % to +500 %, a part of the P&L, dampened) is left out: its dampener is not published.
DERIBIT_BTC: Final = GridParams(
    scenarios=product_grid([step * 0.04 for step in range(-4, 5)], ("up", "same", "down")),
    volatility=VolatilityRange(up=0.50, down=0.25, least_up=0.50),
    short_option_rate=0.01,
)

#: Derive's first portfolio margin as deployed: ±15 % in steps of 5 %, and ±20 % with volatility up.
DERIVE_PMRM: Final = GridParams(
    scenarios=(
        *product_grid([step * 0.05 for step in range(-3, 4)], ("up", "same", "down")),
        GridScenario(price=0.20, volatility="up"),
        GridScenario(price=-0.20, volatility="up", stress=1.0),
    ),
    volatility=VolatilityRange(up=0.60, down=0.30),
    forward=ForwardContingency(move=0.05, base=1.0, per_year=1.2),
    linear_rate=0.03,
    short_option_rate=0.02,
    initial_factor=1.25,
)
