"""Monte Carlo for options on the path: arithmetic Asian and barrier options, with standard errors.

Draws come in antithetic pairs (z, -z). The control variate is an option of closed form on the same path: the geometric
Asian for the arithmetic one, the European for a barrier. With X the discounted payoff and C the control's, each
averaged over a pair, the estimate is mean(X) - β·(mean(C) - E[C]) with β = cov(X, C)/var(C) from the same sample, a
bias of order 1/pairs, far below the standard error.

References
----------
- A. Kemna and A. Vorst, *A pricing method for options based on average asset values*, J. Banking & Finance 14 (1990).
- P. Glasserman, *Monte Carlo methods in financial engineering* (2003), sections 4.1, 4.2 and 6.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from rtnet_core.draws import Draws
from rtnet_core.errors import InputError
from rtnet_core.pricing_fast import option_values
from rtnet_core.risk.ranges import Floats, positive, whole

Monitoring = Literal["continuous", "discrete"]
BarrierKind = Literal["down-and-out", "down-and-in", "up-and-out", "up-and-in"]

_PURPOSE: Final = 41
_MOST_STEPS: Final = 100_000
#: Normal draws held at a time: 32 MiB.
_CHUNK: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value in ticks per lot, its standard error, and the number of antithetic pairs it comes from."""

    value: float
    standard_error: float
    pairs: int


@dataclass(frozen=True, slots=True)
class PathOption:
    """What every option on a path has.

    Attributes
    ----------
    is_call
        A put otherwise.
    price_ticks, strike_ticks
        The underlying's price (a forward where `carry` is 0) and the strike, above zero.
    volatility, years
        Above zero.
    rate, carry
        For a year, continuously compounded; see `rtnet_core.risk.binomial`.
    """

    is_call: bool
    price_ticks: float
    strike_ticks: float
    volatility: float
    years: float
    rate: float = 0.0
    carry: float = 0.0

    def __post_init__(self) -> None:
        for field in ("price_ticks", "strike_ticks", "volatility", "years"):
            positive(field, getattr(self, field))

    @property
    def forward_ticks(self) -> float:
        """Expected price at expiry."""
        return float(self.price_ticks * np.exp(self.carry * self.years))

    @property
    def discount(self) -> float:
        """Value today of one tick at expiry."""
        return float(np.exp(-self.rate * self.years))

    def payoff(self, prices: Floats) -> Floats:
        """Return what the option pays at `prices`."""
        return np.maximum(prices - self.strike_ticks if self.is_call else self.strike_ticks - prices, 0.0)

    def european_value(self) -> float:
        """Return the value of the European option of the same terms."""
        terms = (self.is_call, self.forward_ticks, self.strike_ticks, self.volatility, self.years)
        return self.discount * float(option_values(*terms))


def geometric_asian_value(option: PathOption, fixings: int) -> float:
    """Return the value of the option on the geometric mean of the prices at `fixings` equal steps, the last at expiry.

    Notes
    -----
    With m fixings ln G is normal, of mean ln S + (b - σ²/2)·T·(m + 1)/(2m) and variance
    σ²·T·(m + 1)(2m + 1)/(6m²) (Kemna and Vorst), so it is Black-76 with that variance.

    Examples
    --------
    Clewlow and Strickland, *Implementing derivatives models* (1998), pp. 118-123: 5.3425606635.

    >>> option = PathOption(True, 100, 100, 0.2, 1, rate=0.06, carry=0.03)
    >>> round(geometric_asian_value(option, 10), 6)
    5.342561
    """
    whole("fixings", fixings, 1, _MOST_STEPS)
    mean_time = option.years * (fixings + 1) / (2 * fixings)
    variance = option.volatility**2 * option.years * (fixings + 1) * (2 * fixings + 1) / (6 * fixings**2)
    growth = (option.carry - option.volatility**2 / 2) * mean_time + variance / 2
    forward = option.price_ticks * float(np.exp(growth))
    return option.discount * float(
        option_values(option.is_call, forward, option.strike_ticks, float(np.sqrt(variance)), 1.0)
    )


def asian_value(option: PathOption, fixings: int, *, pairs: int = 20_000, seed: int = 0) -> Estimate:
    """Return the value of the option on the arithmetic mean of the prices at `fixings` equal steps.

    Parameters
    ----------
    option
        Its terms.
    fixings
        1 to 100,000, at T/m, 2T/m, ..., T.
    pairs
        Antithetic pairs, 100 to 10^8.
    seed
        The same seed, the same value.

    Raises
    ------
    RangeError
        A number out of range.
    """
    expected = geometric_asian_value(option, fixings)

    def pay(logs: Floats) -> tuple[Floats, Floats]:
        arithmetic = option.price_ticks * np.exp(logs).mean(axis=1)
        geometric = option.price_ticks * np.exp(logs.mean(axis=1))
        return option.payoff(arithmetic), option.payoff(geometric)

    return _estimate(option, fixings, pay, expected, pairs, seed)


def barrier_value(
    option: PathOption,
    kind: BarrierKind,
    barrier_ticks: float,
    *,
    monitoring: Monitoring = "continuous",
    steps: int = 50,
    pairs: int = 20_000,
    seed: int = 0,
) -> Estimate:
    """Return the value of a barrier option without rebate.

    Parameters
    ----------
    option
        Its terms.
    kind
        On which side the barrier stands, and whether reaching it ends the option or begins it.
    barrier_ticks
        Above zero. An option whose price stands at or beyond it has reached it.
    monitoring
        ``continuous``, or ``discrete`` at the end of each step.
    steps
        1 to 100,000; continuous monitoring is exact for any number of them.
    pairs, seed
        As in `asian_value`.

    Raises
    ------
    InputError
        No such kind or monitoring.
    RangeError
        A number out of range.

    Notes
    -----
    Between two prices a and b on the safe side of H, a Brownian bridge over time Δ reaches H with probability
    exp(-2·ln(a/H)·ln(b/H)/(σ²Δ)) (Glasserman, section 6.4), which replaces the drawing of it: the payoff is weighted
    with the probability of survival.
    """
    if kind not in get_args(BarrierKind):
        raise InputError("kind", f"must be one of {', '.join(get_args(BarrierKind))}", kind)
    if monitoring not in get_args(Monitoring):
        raise InputError("monitoring", "must be continuous or discrete", monitoring)
    positive("barrier_ticks", barrier_ticks)
    sign = 1 if kind.startswith("down") else -1
    start = sign * float(np.log(option.price_ticks / barrier_ticks))
    variance = option.volatility**2 * option.years / whole("steps", steps, 1, _MOST_STEPS)

    def pay(logs: Floats) -> tuple[Floats, Floats]:
        distance = np.concatenate([np.full((len(logs), 1), start), start + sign * logs], axis=1)
        safe = np.asarray((distance > 0).all(axis=1))
        survival = np.asarray(safe, dtype=np.float64)
        if monitoring == "continuous":
            kept = distance[safe]
            survival[safe] = (-np.expm1(-2 * kept[:, :-1] * kept[:, 1:] / variance)).prod(axis=1)
        paid = option.payoff(option.price_ticks * np.exp(logs[:, -1]))
        return paid * (survival if kind.endswith("out") else 1 - survival), paid

    return _estimate(option, steps, pay, option.european_value(), pairs, seed)


def _estimate(
    option: PathOption,
    steps: int,
    pay: Callable[[Floats], tuple[Floats, Floats]],
    expected: float,
    pairs: int,
    seed: int,
) -> Estimate:
    """Return the estimate; `pay` gives payoff and control for log-prices relative to today's, shape (paths, steps)."""
    whole("pairs", pairs, 100, 10**8)
    draws = Draws(seed, _PURPOSE)
    drift = (option.carry - option.volatility**2 / 2) * option.years / steps
    spread = option.volatility * (option.years / steps) ** 0.5
    payoffs, controls = np.empty(pairs), np.empty(pairs)
    done = 0
    while done < pairs:
        count = min(pairs - done, max(_CHUNK // steps, 1))
        normal = _normal(draws, count * steps).reshape(count, steps)
        both = [pay(np.cumsum(drift + sign * spread * normal, axis=1)) for sign in (1, -1)]
        here = slice(done, done + count)
        payoffs[here], controls[here] = ((one + other) / 2 for one, other in zip(*both, strict=True))
        done += count
    payoffs, controls = option.discount * payoffs, option.discount * controls
    spreads = np.cov(payoffs, controls)
    slope = spreads[0, 1] / spreads[1, 1] if spreads[1, 1] > 0 else 0.0
    left = payoffs - slope * (controls - expected)
    return Estimate(float(left.mean()), float(left.std(ddof=2) / pairs**0.5), pairs)


def _normal(draws: Draws, count: int) -> Floats:
    """Return normal draws by inversion: the same on every platform but for the last bits of the quantile."""
    uniform = np.clip(draws.fractions(count), 2.0**-54, 1 - 2.0**-53)
    return np.asarray(ndtri(uniform), dtype=np.float64)
