"""Volatility forecasts over a horizon: EWMA, and GARCH(1,1) fitted by maximum likelihood.

    EWMA   σ²(t+1) = λ·σ²(t) + (1 - λ)·r²          over h steps: h·σ²(t+1)
    GARCH  σ²(t+1) = ω + α·r² + β·σ²(t)            over h steps: Σ_{k<h} V + (α + β)^k·(σ²(t+1) - V), V = ω/(1 - α - β)

Returns are log moves of one regular step; moves over irregular gaps are scaled to it with the root of time.

References
----------
- J.P. Morgan/Reuters, *RiskMetrics technical document* (1996), section 5.
- T. Bollerslev, *Generalized autoregressive conditional heteroskedasticity*, J. Econometrics 31 (1986).
- R. Engle and J. Mezrich, *GARCH for groups*, Risk 9 (1996): variance targeting.
- K. Sheppard, `arch` (package): the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import lfilter  # type: ignore[import-untyped]  # SciPy ships no types
from scipy.stats import norm, t  # type: ignore[import-untyped]  # SciPy ships no types

from rtnet_core.errors import InputError
from rtnet_core.extras import missing_extra
from rtnet_core.risk.ewma import RISKMETRICS_DECAY, ewma_variances
from rtnet_core.risk.ranges import Floats, positive, whole, within

#: Fewer returns do not hold three parameters.
_LEAST_FOR_FIT: Final = 100
#: The optimiser wants returns near one: it fits them in per cent.
_FIT_SCALE: Final = 100.0


def regular_returns(times_ms: ArrayLike, prices: ArrayLike, step_ms: int) -> Floats:
    """Return log moves between successive prices, each scaled by √(step/gap), shape (T - 1, ...).

    Raises
    ------
    InputError
        Times do not ascend.
    RangeError
        A price is not above zero.

    Examples
    --------
    >>> regular_returns([0, 4, 5], [1.0, np.e, np.e], 1).tolist()
    [0.5, 0.0]
    """
    moments = np.asarray(times_ms, dtype=np.int64)
    levels = positive("prices", prices)
    gaps = np.diff(moments)
    if len(moments) != len(levels) or len(moments) < 2 or (gaps <= 0).any():
        raise InputError("times_ms", "must ascend, one for each of at least two prices")
    scale = np.sqrt(whole("step_ms", step_ms, 1, 10**12) / gaps)
    return np.asarray((np.diff(np.log(levels), axis=0).T * scale).T, dtype=np.float64)


def ewma_volatility(returns: Floats, horizon_steps: float, decay: float = RISKMETRICS_DECAY) -> Floats:
    """Return the EWMA volatility over `horizon_steps` after the last return; the shape of one return."""
    within("horizon_steps", horizon_steps, 1e-6, 1e6)
    return np.asarray(np.sqrt(horizon_steps * ewma_variances(returns, decay)[-1]), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Garch:
    """A GARCH(1,1) process: ω above 0, α and β at least 0, α + β below 1."""

    omega: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        positive("omega", self.omega)
        within("alpha", self.alpha, 0.0, 1.0)
        within("beta", self.beta, 0.0, 1.0)
        if self.alpha + self.beta >= 1:
            raise InputError("alpha + beta", "must be below 1, or the variance has no mean", self.alpha + self.beta)

    @property
    def long_run_variance(self) -> float:
        """The variance that forecasts tend to."""
        return self.omega / (1 - self.alpha - self.beta)

    def next_variance(self, variance: float, move: float) -> float:
        """Return the variance of the next step.

        Examples
        --------
        Hull, *Options, futures, and other derivatives*, chapter "Estimating volatilities and correlations": a
        volatility of 1.6 % and a move of -1 % make one of 1.53 %; the long-run volatility is 1.41 %.

        >>> process = Garch(0.000002, 0.13, 0.86)
        >>> round(process.next_variance(0.016**2, -0.01) ** 0.5, 4), round(process.long_run_variance**0.5, 4)
        (0.0153, 0.0141)
        """
        return self.omega + self.alpha * move**2 + self.beta * variance

    def variances(self, returns: Floats, start: float | None = None) -> Floats:
        """Return the variance forecast before each return and, last, the one after all.

        Parameters
        ----------
        returns
            Shape (T,).
        start
            The variance before the first return; left out, the long run's.
        """
        moves = np.asarray(returns, dtype=np.float64)
        first = self.long_run_variance if start is None else start
        driven = self.omega + self.alpha * moves**2
        later, _ = lfilter([1.0], [1.0, -self.beta], driven, zi=[self.beta * first])
        return np.concatenate([[first], later])

    def horizon_variance(self, next_variance: float, horizon_steps: int) -> float:
        """Return the variance of the sum of the next `horizon_steps` moves, given that of the next one.

        Raises
        ------
        RangeError
            Not 1 to 10^6 steps.
        """
        steps = whole("horizon_steps", horizon_steps, 1, 10**6)
        persistence = self.alpha + self.beta
        excess = (1 - persistence**steps) / (1 - persistence) * (next_variance - self.long_run_variance)
        return steps * self.long_run_variance + excess

    def volatility(self, returns: Floats, horizon_steps: int) -> float:
        """Return the volatility over `horizon_steps` after the last return."""
        return sqrt(self.horizon_variance(float(self.variances(returns)[-1]), horizon_steps))


def fit_garch(returns: ArrayLike) -> Garch:
    """Return the GARCH(1,1) process of zero mean and normal innovations that makes the returns likeliest.

    α and β are those of the likelihood; ω is set so that the long-run variance is the sample's (variance targeting).
    The likelihood's own ω is worthless where α is near zero, and so would be every forecast further out.

    Raises
    ------
    InputError
        Fewer than a hundred returns, an entry that is not finite, or no fit with α + β below 1.
    ToolError
        The package arch is not installed.
    """
    moves = np.asarray(returns, dtype=np.float64)
    if moves.ndim != 1 or len(moves) < _LEAST_FOR_FIT or not np.isfinite(moves).all():
        raise InputError("returns", f"must be at least {_LEAST_FOR_FIT} finite numbers in a row", moves.shape)
    try:
        from arch import arch_model
    except ImportError:
        raise missing_extra("arch", "risk") from None
    model = arch_model(_FIT_SCALE * moves, mean="Zero", vol="GARCH", p=1, q=1, rescale=False)
    result = model.fit(disp="off", show_warning=False)
    if result.convergence_flag != 0:
        raise InputError("returns", "must let the likelihood reach a maximum", int(result.convergence_flag))
    alpha, beta = (float(result.params[name]) for name in ("alpha[1]", "beta[1]"))
    return Garch(float((moves**2).mean()) * (1 - alpha - beta), alpha, beta)


def move_quantile(confidence: float, degrees_of_freedom: float | None = None) -> float:
    """Return how many standard deviations a move stays within, to either side, with `confidence`.

    Parameters
    ----------
    confidence
        0.5 to 0.99999.
    degrees_of_freedom
        Of a Student t of unit variance, above 2; left out for a normal distribution.

    Examples
    --------
    >>> round(move_quantile(0.99), 3), round(move_quantile(0.99, 4), 3)
    (2.576, 3.256)
    """
    upper = (1 + within("confidence", confidence, 0.5, 0.99999)) / 2
    if degrees_of_freedom is None:
        return float(norm.ppf(upper))
    within("degrees_of_freedom", degrees_of_freedom, 2.01, 1e6)
    return float(t.ppf(upper, degrees_of_freedom)) * sqrt((degrees_of_freedom - 2) / degrees_of_freedom)
