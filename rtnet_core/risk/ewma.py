"""Exponentially weighted variance and covariance: σ²(t+1) = λ·σ²(t) + (1 - λ)·r(t)², mean zero.

References
----------
J.P. Morgan/Reuters, *RiskMetrics technical document* (1996), section 5.2: λ = 0.94 for daily data.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.signal import lfilter  # type: ignore[import-untyped]  # SciPy ships no types

from rtnet_core.errors import InputError
from rtnet_core.risk.ranges import Floats, within

RISKMETRICS_DECAY: Final = 0.94
#: Rows whose mean square starts the recursion.
_START_ROWS: Final = 20


def ewma_variances(returns: Floats, decay: float = RISKMETRICS_DECAY, start: float | None = None) -> Floats:
    """Return the variance forecast before each row and, last, the one after all: shape (T + 1, ...).

    Entry t uses rows before t only, but for the start.

    Parameters
    ----------
    returns
        Shape (T, ...), T at least 1.
    decay
        λ, 0.5 to 0.9999.
    start
        The variance before the first row; left out, the mean square of the first 20 rows.

    Raises
    ------
    InputError
        There is no row.
    RangeError
        `decay` out of range.

    Examples
    --------
    Hull, *Options, futures, and other derivatives*, chapter "Estimating volatilities and correlations": λ = 0.90, a
    volatility of 1 % and a move of 2 % make a volatility of 1.14 %.

    >>> round(float(ewma_variances(np.array([0.02]), 0.90, start=0.01**2)[-1]) ** 0.5, 4)
    0.0114
    """
    within("decay", decay, 0.5, 0.9999)
    squares = np.asarray(returns, dtype=np.float64) ** 2
    if not len(squares):
        raise InputError("returns", "must have at least one row")
    first = squares[:_START_ROWS].mean(axis=0) if start is None else np.broadcast_to(start, squares.shape[1:])
    later, _ = lfilter([1 - decay], [1.0, -decay], squares, axis=0, zi=(decay * first)[None, ...])
    return np.concatenate([first[None, ...], later])


def ewma_covariance(returns: Floats, decay: float = RISKMETRICS_DECAY) -> Floats:
    """Return the covariance forecast after the last row, shape (F, F); weights λ^age, added up to 1.

    Raises
    ------
    RangeError
        `decay` out of range.
    """
    within("decay", decay, 0.5, 0.9999)
    weights = decay ** np.arange(len(returns) - 1, -1, -1.0)
    return np.asarray((returns * (weights / weights.sum())[:, None]).T @ returns, dtype=np.float64)
