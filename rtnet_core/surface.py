"""The volatility surface of one coin: an SVI slice per expiry, joined in total variance, and its arbitrage checks.

Between two expiries total variance is linear in time at fixed log-moneyness k = ln(K/F); before the first and after the
last the volatility at fixed k stays what it is there. Beyond the quoted strikes a slice goes on as SVI does: total
variance linear in k with a slope below Lee's bound of 2.

Calendar arbitrage is a total variance that falls with time at some k; butterfly arbitrage is a negative density (see
`rtnet_core.svi`). `rtnet_core.surface_fit` repairs both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtnet_core.errors import InputError
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.svi import LEE_BOUND, Svi

Floats = NDArray[np.float64]

#: Points of a slice's own grid, and of the common one over all expiries' strikes.
_OWN_POINTS: Final = 161
_COMMON_POINTS: Final = 201
#: How far the checks go beyond the strikes that are quoted, as a share of their width.
_BEYOND: Final = 0.25
#: What rounding may leave: of g, and of total variance relative to itself.
DENSITY_TOLERANCE: Final = 1e-9
CALENDAR_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Slice:
    """One expiry of a surface.

    Attributes
    ----------
    expiry_ms, years
        When it expires, and the time until then from the surface's time.
    lowest_k, highest_k
        The log-moneyness of the outermost quotes.
    """

    expiry_ms: int
    years: float
    svi: Svi
    lowest_k: float
    highest_k: float

    @property
    def grid(self) -> Floats:
        """The points at which the slice itself is checked."""
        beyond = _BEYOND * (self.highest_k - self.lowest_k) + 0.01
        return np.linspace(self.lowest_k - beyond, self.highest_k + beyond, _OWN_POINTS)

    def volatility(self, k: ArrayLike) -> Floats:
        """Return the volatility at log-moneyness k."""
        made: Floats = np.sqrt(np.maximum(self.svi.total_variance(k), 0.0) / self.years)
        return made


@dataclass(frozen=True, slots=True)
class Violation:
    """Arbitrage in a surface.

    Attributes
    ----------
    kind
        ``butterfly`` or ``calendar``; ``wing``: a slope that is above Lee's bound or falls from one expiry to the next,
        which is arbitrage far outside.
    expiry_ms
        The expiry; of two, the later one.
    k
        Where it is worst; of a wing its sign.
    size
        How far g is below zero, how far total variance falls as a share of itself, by how much the slope is too big.
    """

    kind: str
    expiry_ms: int
    k: float
    size: float


@dataclass(frozen=True, slots=True)
class Surface:
    """The slices of one coin, the nearest expiry first."""

    currency: str
    time_ms: int
    slices: tuple[Slice, ...]

    def total_variance(self, k: ArrayLike, years: float) -> Floats:
        """Return total variance at log-moneyness k and `years` to expiry.

        Raises
        ------
        InputError
            `years` is not above zero.
        """
        if not years > 0:
            raise InputError("years", "must be above zero", years)
        first, last = self.slices[0], self.slices[-1]
        if years <= first.years:
            return first.svi.total_variance(k) * (years / first.years)
        if years >= last.years:
            return last.svi.total_variance(k) * (years / last.years)
        for near, far in pairwise(self.slices):
            if years <= far.years:
                share = (years - near.years) / (far.years - near.years)
                made: Floats = (1 - share) * near.svi.total_variance(k) + share * far.svi.total_variance(k)
                return made
        raise AssertionError("the expiries ascend")

    def volatility(self, k: ArrayLike, expiry_ms: int) -> Floats:
        """Return the volatility at log-moneyness k of options that expire at `expiry_ms`."""
        years = (expiry_ms - self.time_ms) / MS_PER_YEAR
        made: Floats = np.sqrt(np.maximum(self.total_variance(k, years), 0.0) / years)
        return made

    def at_the_money(self) -> tuple[tuple[float, float], ...]:
        """Return (years, volatility at the forward) of every expiry."""
        return tuple((entry.years, float(entry.volatility(0.0))) for entry in self.slices)


def common_grid(slices: Sequence[Slice]) -> Floats:
    """Return the points at which neighbouring expiries are compared: all strikes, and each slice's own grid."""
    grids = [entry.grid for entry in slices]
    lowest, highest = min(grid[0] for grid in grids), max(grid[-1] for grid in grids)
    return np.unique(np.concatenate([np.linspace(lowest, highest, _COMMON_POINTS), *grids]))


def violations(surface: Surface) -> tuple[Violation, ...]:
    """Return the arbitrage in a surface, the worst place of each kind for every expiry; none is what one wants."""
    grid = common_grid(surface.slices)
    found = []
    for entry in surface.slices:
        density = entry.svi.density(grid)
        worst = int(np.argmin(density))
        if density[worst] < -DENSITY_TOLERANCE:
            found.append(Violation("butterfly", entry.expiry_ms, float(grid[worst]), float(-density[worst])))
        for sign, slope in zip((-1.0, 1.0), entry.svi.wings, strict=True):
            if slope > LEE_BOUND:
                found.append(Violation("wing", entry.expiry_ms, sign, slope - LEE_BOUND))
    for near, far in pairwise(surface.slices):
        under, over = near.svi.total_variance(grid), far.svi.total_variance(grid)
        fall = (under - over) / under
        worst = int(np.argmax(fall))
        if fall[worst] > CALENDAR_TOLERANCE:
            found.append(Violation("calendar", far.expiry_ms, float(grid[worst]), float(fall[worst])))
        for sign, before, after in zip((-1.0, 1.0), near.svi.wings, far.svi.wings, strict=True):
            if before > after + CALENDAR_TOLERANCE:
                found.append(Violation("wing", far.expiry_ms, sign, before - after))
    return tuple(found)
