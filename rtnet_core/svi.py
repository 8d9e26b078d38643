"""One expiry's smile: Gatheral's raw SVI, its derivatives, its two arbitrage measures, and the fit to quotes.

    w(k) = a + b·(ρ·(k - m) + √((k - m)² + σ²))        total variance w = volatility²·T, k = ln(K/F)

A slice is free of butterfly arbitrage where the density that it implies is not negative:

    g(k) = (1 - k·w'/(2w))² - w'²/4·(1/w + 1/4) + w''/2 >= 0

and its wings, of slopes b(1 - ρ) and b(1 + ρ), must not rise faster than Lee's bound of 2.

References
----------
J. Gatheral, A. Jacquier, *Arbitrage-free SVI volatility surfaces*, Quantitative Finance 14 (2014): raw parameters
(3.1), butterfly condition (2.1), calendar condition (2.2).
Zeliade Systems, *Quasi-explicit calibration of Gatheral's SVI model* (2009): linear in (a, d, c) at fixed (m, σ).
R. Lee, *The moment formula for implied volatility at extreme strikes*, Mathematical Finance 14 (2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Lee: total variance grows at most like 2·|k|; kept a little below, so that rounding cannot reach it.
LEE_BOUND: Final = 2.0
_WING_LIMIT: Final = 1.999
#: A wing rises by at most this many standard deviations per unit of log-moneyness: more is a guess far from any quote.
_WING_DEVIATIONS: Final = 4.0
#: A bend is no narrower than this share of a standard deviation: narrower is noise between two strikes.
_LEAST_CURVE: Final = 0.1
#: The least total variance of a slice, as a share of its median.
_FLOOR_SHARE: Final = 1e-3
_MAX_STEPS: Final = 300


@dataclass(frozen=True, slots=True)
class Svi:
    """Raw SVI parameters of one expiry."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def total_variance(self, k: ArrayLike) -> Floats:
        """Return w(k)."""
        y = np.asarray(k, dtype=np.float64) - self.m
        made: Floats = self.a + self.b * (self.rho * y + np.sqrt(y * y + self.sigma * self.sigma))
        return made

    def slopes(self, k: ArrayLike) -> tuple[Floats, Floats]:
        """Return w'(k) and w''(k)."""
        y = np.asarray(k, dtype=np.float64) - self.m
        root = np.sqrt(y * y + self.sigma * self.sigma)
        return self.b * (self.rho + y / root), self.b * self.sigma * self.sigma / root**3

    def density(self, k: ArrayLike) -> Floats:
        """Return Gatheral's g(k); negative is butterfly arbitrage, and so is a total variance that is not positive."""
        at = np.asarray(k, dtype=np.float64)
        w = self.total_variance(at)
        first, second = self.slopes(at)
        positive = np.maximum(w, 1e-300)
        g = (1 - at * first / (2 * positive)) ** 2 - first**2 / 4 * (1 / positive + 0.25) + second / 2
        return np.where(w > 0, g, -1.0)

    @property
    def least(self) -> float:
        """The minimum of w over all k."""
        return self.a + self.b * self.sigma * float(np.sqrt(1 - self.rho**2))

    @property
    def wings(self) -> tuple[float, float]:
        """The slopes of the left and the right wing, in total variance per unit of |k|."""
        return self.b * (1 - self.rho), self.b * (1 + self.rho)


@dataclass(frozen=True, slots=True)
class Targets:
    """What a slice is fitted to: arrays of one length.

    Attributes
    ----------
    k
        Log-moneyness.
    volatility
        Implied volatilities to hit.
    weight
        Above zero; scaled to a mean square of 1 by the fit.
    years
        Time to expiry.
    """

    k: Floats
    volatility: Floats
    weight: Floats
    years: float


def fit_svi(targets: Targets) -> Svi:
    """Return the raw SVI slice that fits `targets` best by weighted least squares in volatility points.

    Notes
    -----
    Start: for each (m, σ) of a grid the weighted linear least squares in (a, d, c) of w = a + d·y + c·√(y² + 1) with
    y = (k - m)/σ. The three best starts are refined over all five parameters under bounds, with a soft-L1 loss, so that
    a single bad quote bends nothing.
    """
    return _refine(targets, quasi_explicit_starts(targets))


def quasi_explicit_starts(targets: Targets, keep: int = 3) -> list[Svi]:
    """Return the best slices of a grid in (m, σ), each the closed solution of its linear problem."""
    k, w = targets.k, targets.volatility**2 * targets.years
    slope = targets.weight / (2 * np.sqrt(w * targets.years))  # to residuals in volatility
    width = max(float(np.ptp(k)), 0.02)
    found: list[tuple[float, Svi]] = []
    for m in np.quantile(k, (0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9)):
        for sigma in width * np.array([0.01, 0.03, 0.1, 0.2, 0.4, 1.0]):
            y = (k - m) / sigma
            system = np.stack([np.ones_like(y), y, np.sqrt(y * y + 1)], axis=1)
            a, d, c = np.linalg.lstsq(system * slope[:, None], w * slope, rcond=None)[0]
            c = max(c, 1e-8)
            d = float(np.clip(d, -0.99 * c, 0.99 * c))
            b = min(c / sigma, _WING_LIMIT / (1 + abs(d / c)))
            slice_ = Svi(float(a), float(b), float(d / c), float(m), float(sigma))
            error = float(np.sum((targets.weight * volatility_errors(slice_, targets)) ** 2))
            found.append((error, slice_))
    found.sort(key=lambda pair: pair[0])
    return [slice_ for _, slice_ in found[:keep]]


def volatility_errors(slice_: Svi, targets: Targets) -> Floats:
    """Return fitted less target volatility."""
    w = np.maximum(slice_.total_variance(targets.k), 1e-12)
    made: Floats = np.sqrt(w / targets.years) - targets.volatility
    return made


def encode(slice_: Svi) -> Floats:
    """Return the free parameters of a slice: least, left wing, right wing, m, ln σ.

    In these coordinates positivity (least > 0) and Lee's bound (wings below 2) are plain bounds.
    """
    return np.array([slice_.least, *slice_.wings, slice_.m, np.log(slice_.sigma)])


def decode(x: Floats) -> Svi:
    """Return the slice of free parameters."""
    least, left, right, m, log_sigma = (float(entry) for entry in x)
    b, rho, sigma = (left + right) / 2, (right - left) / (left + right), float(np.exp(log_sigma))
    return Svi(least - b * sigma * float(np.sqrt(1 - rho * rho)), b, rho, m, sigma)


def bounds(targets: Targets) -> tuple[Floats, Floats, Floats]:
    """Return the least and the greatest free parameters for `targets`, and their scales."""
    level = float(np.median(targets.volatility**2 * targets.years))
    deviation = float(np.sqrt(level))
    width = max(float(np.ptp(targets.k)), deviation)
    wing = min(_WING_LIMIT, _WING_DEVIATIONS * deviation)
    middle = float(np.median(targets.k))
    lowest = np.array([_FLOOR_SHARE * level, 1e-6, 1e-6, middle - width, np.log(_LEAST_CURVE * deviation)])
    highest = np.array([10 * level, wing, wing, middle + width, np.log(width)])
    return lowest, highest, np.array([level, deviation, deviation, deviation, 1.0])


def clipped(x: Floats, lowest: Floats, highest: Floats) -> Floats:
    """Return parameters strictly inside their bounds."""
    inset = 1e-9 * (highest - lowest)
    made: Floats = np.clip(x, lowest + inset, highest - inset)
    return made


def _refine(targets: Targets, starts: list[Svi]) -> Svi:
    from scipy.optimize import least_squares  # type: ignore[import-untyped]  # SciPy ships no types

    weight = targets.weight / np.sqrt(np.mean(targets.weight**2))
    lowest, highest, scale = bounds(targets)

    def residuals(x: Floats) -> Floats:
        made: Floats = weight * volatility_errors(decode(x), targets) * 100
        return made

    best: tuple[float, Svi] | None = None
    for start in starts:
        x = clipped(encode(start), lowest, highest)
        found = least_squares(
            residuals, x, bounds=(lowest, highest), x_scale=scale, loss="soft_l1", max_nfev=_MAX_STEPS
        )
        if best is None or found.cost < best[0]:
            best = (float(found.cost), decode(found.x))
    if best is None:
        raise AssertionError("no start")
    return best[1]
