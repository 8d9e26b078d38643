"""Joint moves of prices, volatilities and collateral: from history, filtered history, or a fitted covariance.

Every source gives S equally likely rows of log moves of all factors together, so collateral and positions move as they
did, or as their covariance says - not each on its own.

- **historical**: overlapping sums of h successive rows of history;
- **filtered**: rows divided by the EWMA volatility forecast for them (z = r/σ), drawn with replacement - a whole row at
  a time - and multiplied with a volatility that starts at today's and is updated along each path;
- **Monte Carlo**: multivariate normal or Student t with the EWMA covariance, times the horizon.

References
----------
- G. Barone-Adesi, K. Giannopoulos and L. Vosper, *VaR without correlations for portfolios of derivative securities*,
  J. Futures Markets 19 (1999): filtered historical simulation.
- J.P. Morgan/Reuters, *RiskMetrics technical document* (1996), section 5: the EWMA covariance, zero mean.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types
from scipy.stats import chi2  # type: ignore[import-untyped]  # SciPy ships no types

from rtnet_core.draws import Draws
from rtnet_core.errors import InputError
from rtnet_core.risk.ewma import RISKMETRICS_DECAY, ewma_covariance, ewma_variances
from rtnet_core.risk.ranges import Floats, whole, within

_FILTERED_PURPOSE: Final = 42
_NORMAL_PURPOSE: Final = 43
_LEAST_ROWS: Final = 20


def historical_moves(returns: Floats, horizon_steps: int = 1) -> Floats:
    """Return the overlapping sums of `horizon_steps` rows, shape (T - horizon_steps + 1, F).

    Parameters
    ----------
    returns
        Shape (T, F): log moves of F factors over successive steps.
    horizon_steps
        1 to T.

    Raises
    ------
    InputError
        Too few rows, or an entry that is not finite.

    Examples
    --------
    >>> historical_moves(np.arange(1.0, 23)[:, None], 3)[:2, 0].tolist()
    [6.0, 9.0]
    """
    history = _checked(returns)
    whole("horizon_steps", horizon_steps, 1, len(history))
    sums = np.concatenate([np.zeros((1, history.shape[1])), np.cumsum(history, axis=0)])
    return np.asarray(sums[horizon_steps:] - sums[:-horizon_steps], dtype=np.float64)


def filtered_moves(
    returns: Floats,
    *,
    horizon_steps: int = 1,
    paths: int = 2_000,
    seed: int = 0,
    decay: float = RISKMETRICS_DECAY,
) -> Floats:
    """Return `paths` filtered historical moves over `horizon_steps`, shape (paths, F).

    Parameters
    ----------
    returns
        Shape (T, F), T at least 20.
    horizon_steps
        1 to 1,000.
    paths
        100 to 10^7.
    seed
        The same seed, the same moves.
    decay
        Of the EWMA variance, 0.5 to 0.9999.

    Raises
    ------
    InputError
        Too few rows, an entry that is not finite, or a factor that stood still and then moved: no forecast fits it.
    RangeError
        A number out of range.
    """
    history = _checked(returns)
    whole("horizon_steps", horizon_steps, 1, 1_000)
    whole("paths", paths, 100, 10**7)
    variances = ewma_variances(history, decay)
    forecast = np.sqrt(variances[:-1])
    if (history[forecast == 0] != 0).any():
        raise InputError("returns", "must not move for the first time after the first 20 rows")
    standardised = np.divide(history, forecast, out=np.zeros_like(history), where=forecast > 0)
    draws = Draws(seed, _FILTERED_PURPOSE)
    variance = np.broadcast_to(variances[-1], (paths, history.shape[1]))
    total = np.zeros((paths, history.shape[1]))
    for _ in range(horizon_steps):
        move = standardised[draws.integers(paths, len(history))] * np.sqrt(variance)
        total += move
        variance = decay * variance + (1 - decay) * move**2
    return total


def monte_carlo_moves(
    covariance: Floats,
    *,
    horizon_steps: float = 1.0,
    paths: int = 10_000,
    seed: int = 0,
    degrees_of_freedom: float | None = None,
) -> Floats:
    """Return `paths` draws of a normal or Student t distribution, shape (paths, F); half mirror the other half.

    Parameters
    ----------
    covariance
        Shape (F, F), of one step; symmetric and positive semidefinite.
    horizon_steps
        By which it is multiplied.
    paths
        An even number, 100 to 10^7.
    seed
        The same seed, the same moves.
    degrees_of_freedom
        Of the Student t, above 2, scaled to the same covariance; left out for a normal distribution.

    Raises
    ------
    InputError
        No covariance matrix, or an odd number of paths.
    RangeError
        A number out of range.
    """
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix, matrix.T, rtol=1e-9):
        raise InputError("covariance", "must be a symmetric matrix", matrix.shape)
    within("horizon_steps", horizon_steps, 1e-6, 1e6)
    if whole("paths", paths, 100, 10**7) % 2:
        raise InputError("paths", "must be even", paths)
    values, vectors = np.linalg.eigh(matrix * horizon_steps)
    if values.min() < -1e-9 * max(values.max(), 0.0):
        raise InputError("covariance", "must be positive semidefinite", float(values.min()))
    factor = vectors * np.sqrt(np.maximum(values, 0.0))
    half, width = paths // 2, len(matrix)
    draws = Draws(seed, _NORMAL_PURPOSE)
    normal = ndtri(np.clip(draws.fractions(half * width), 2.0**-54, 1 - 2.0**-53)).reshape(half, width)
    if degrees_of_freedom is not None:
        within("degrees_of_freedom", degrees_of_freedom, 2.01, 1e6)
        spread = chi2.ppf(np.clip(draws.fractions(half), 2.0**-54, 1 - 2.0**-53), degrees_of_freedom)
        normal *= np.sqrt((degrees_of_freedom - 2) / spread)[:, None]
    moves = normal @ factor.T
    return np.concatenate([moves, -moves])


def covariance_of(returns: Floats, decay: float = RISKMETRICS_DECAY) -> Floats:
    """Return today's EWMA covariance of the factors, shape (F, F).

    Raises
    ------
    InputError
        Too few rows, or an entry that is not finite.
    """
    return ewma_covariance(_checked(returns), decay)


def _checked(returns: Floats) -> Floats:
    history = np.asarray(returns, dtype=np.float64)
    if history.ndim != 2 or len(history) < _LEAST_ROWS or not history.shape[1]:
        raise InputError("returns", f"must have at least {_LEAST_ROWS} rows of one factor or more", history.shape)
    if not np.isfinite(history).all():
        raise InputError("returns", "must be finite")
    return history
