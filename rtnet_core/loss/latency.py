"""What delay costs: the bad debt that a market can make between two looks at an account, and idle collateral.

An account at its level of liquidation has a buffer of ``maintenance share / leverage`` of its notional. Until it is
looked at again and closed, the price moves on, by X with standard deviation ``s = volatility · √(time / year)``; what
the move takes beyond the buffer b is bad debt, a put on the account:

    normal       E[(X - b)⁺] = s·φ(b/s) - b·N(-b/s)
    lognormal    Black's put on a forward of 1, struck at 1 - b
    Student t    c · [ f(z)·(ν + z²)/(ν - 1) - z·(1 - F(z)) ],   c = s·√((ν - 2)/ν),  z = b/c

with density f and distribution F of Student's t with ν degrees of freedom. Returns over minutes are found to have tails
of about ν = 3; a gap of five standard deviations is then five thousand times as likely as under the normal one.

Collateral that waits for settlement works for nobody: a stock S that turns over F a day with a delay d has F·d in
transit, and a unit that is idle for i between two uses can be used 1 / (d + i) times.

All figures are analysis in float64, as shares of the notional where nothing else is said.

References
----------
- Merton, *On the pricing of corporate debt* (1974): what equity cannot cover is a put.
- McNeil, Frey and Embrechts, *Quantitative Risk Management* (2015), chapter 2: expected shortfall of Student's t.
- Cont, *Empirical properties of asset returns* (2001): tail indices of three to five.
- Little, *A proof for the queuing formula L = λW* (1961).
- Singh, *Velocity of pledged collateral*, IMF working paper 11/256 (2011): volume received over its source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import scipy  # type: ignore[import-untyped]  # SciPy ships no types; its parts are loaded when they are first used
from numpy.typing import NDArray

from rtnet_core.draws import Draws
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, MS_PER_YEAR

DAY_MS: Final = 86_400_000
_PURPOSE: Final = 12


class Gap(StrEnum):
    """The distribution of a move."""

    NORMAL = "normal"
    LOGNORMAL = "lognormal"
    STUDENT = "student"


@dataclass(frozen=True, slots=True)
class Move:
    """A price move over some time.

    Parameters
    ----------
    deviation
        Its standard deviation, above 0; of the logarithm where it is lognormal.
    gap, freedom
        Its distribution, and the degrees of freedom, above 2, that only Student's t has.

    Raises
    ------
    InputError
        A number outside its range.
    """

    deviation: float
    gap: Gap = Gap.NORMAL
    freedom: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.deviation < np.inf:
            raise InputError("deviation", "must be above 0", self.deviation)
        if not 2 < self.freedom < np.inf:
            raise InputError("freedom", "must be above 2: the variance of Student's t is infinite below", self.freedom)

    @property
    def scale(self) -> float:
        """What Student's t is multiplied by to have the standard deviation."""
        return float(self.deviation * ((self.freedom - 2) / self.freedom) ** 0.5)

    def beyond(self, buffer: float) -> float:
        """Return the probability that the price falls by more than a buffer of at least 0.

        Examples
        --------
        >>> round(Move(0.01).beyond(0.02), 6), round(Move(0.01, Gap.STUDENT).beyond(0.02), 6)
        (0.02275, 0.02026)
        """
        if self.gap is Gap.STUDENT:
            return float(scipy.special.stdtr(self.freedom, -buffer / self.scale))
        if self.gap is Gap.NORMAL:
            return float(scipy.special.ndtr(-buffer / self.deviation))
        return float(scipy.special.ndtr(self._lognormal_distance(buffer))) if buffer < 1 else 0.0

    def bad_debt(self, buffer: float) -> float:
        """Return the expected loss beyond a buffer of at least 0, as a share of the notional.

        Examples
        --------
        >>> round(BPS * Move(0.01).bad_debt(0.02), 4), round(BPS * Move(0.01, Gap.STUDENT).bad_debt(0.02), 4)
        (0.8491, 2.3143)
        """
        normal = scipy.special.ndtr
        if self.gap is Gap.STUDENT:
            z, freedom = buffer / self.scale, self.freedom
            log_gammas = scipy.special.gammaln((freedom + 1) / 2) - scipy.special.gammaln(freedom / 2)
            density = np.exp(log_gammas - (freedom + 1) / 2 * np.log1p(z * z / freedom)) / (freedom * np.pi) ** 0.5
            tail = density * (freedom + z * z) / (freedom - 1) - z * scipy.special.stdtr(freedom, -z)
            return float(self.scale * tail)
        if self.gap is Gap.NORMAL:
            z = buffer / self.deviation
            return float(self.deviation * (np.exp(-z * z / 2) / (2 * np.pi) ** 0.5 - z * normal(-z)))
        if buffer >= 1:
            return 0.0
        distance = self._lognormal_distance(buffer)
        return float((1 - buffer) * normal(distance) - normal(distance - self.deviation))

    def _lognormal_distance(self, buffer: float) -> float:
        """Return -d2 of a put on a forward of 1, struck at 1 - buffer."""
        return float((np.log1p(-buffer) + self.deviation**2 / 2) / self.deviation)

    def simulated(self, buffer: float, draws: int, seed: int) -> tuple[float, float]:
        """Return the expected loss beyond a buffer by Monte Carlo, and its standard error.

        Raises
        ------
        InputError
            Fewer than 2 draws.
        """
        if draws < 2:
            raise InputError("draws", "must be at least 2", draws)
        uniform = np.clip(Draws(seed, _PURPOSE).fractions(draws), 2.0**-54, None)
        moves: NDArray[np.float64]
        if self.gap is Gap.STUDENT:
            moves = self.scale * scipy.special.stdtrit(self.freedom, uniform)
        elif self.gap is Gap.NORMAL:
            moves = self.deviation * scipy.special.ndtri(uniform)
        else:
            moves = np.expm1(self.deviation * scipy.special.ndtri(uniform) - self.deviation**2 / 2)
        loss = np.maximum(0.0, -moves - buffer)
        return float(loss.mean()), float(loss.std(ddof=1) / draws**0.5)


def move_over(volatility: float, exposed_ms: float, gap: Gap = Gap.NORMAL, freedom: float = 3.0) -> Move:
    """Return the move over a time at a volatility of a year of 365 days.

    Raises
    ------
    InputError
        A volatility or time that is not above 0.

    Examples
    --------
    >>> round(BPS * move_over(0.6, 12_000).deviation, 3)
    3.701
    """
    if not volatility > 0 or not exposed_ms > 0:
        raise InputError("move", "must have a volatility and a time above 0", (volatility, exposed_ms))
    return Move(volatility * (exposed_ms / MS_PER_YEAR) ** 0.5, gap, freedom)


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """What one interval does to an account of one leverage at its level of liquidation.

    Attributes
    ----------
    interval_ms, leverage
        What the row is for.
    buffer_bps, deviation_bps
        Buffer and standard deviation of the move, of the notional.
    probability
        That an interval makes bad debt.
    bad_debt_bps
        Expected bad debt of an interval, of the notional.
    bad_debt_bps_a_day
        The same times the intervals of a day: what it comes to if some account stands there at every one of them.
    """

    interval_ms: int
    leverage: float
    buffer_bps: float
    deviation_bps: float
    probability: float
    bad_debt_bps: float
    bad_debt_bps_a_day: float


def latency_row(
    volatility: float,
    interval_ms: int,
    leverage: float,
    *,
    maintenance_share: float = 0.5,
    delay_ms: int = 0,
    gap: Gap = Gap.NORMAL,
    freedom: float = 3.0,
) -> LatencyRow:
    """Return the expected bad debt of an interval.

    Parameters
    ----------
    volatility
        A year's, a fraction.
    interval_ms, delay_ms
        Between two looks, a block or a batch; and from the look until the account is closed.
    leverage
        Notional over initial margin, at least 1.
    maintenance_share
        Maintenance over initial margin, above 0 and at most 1.

    Raises
    ------
    InputError
        A number outside its range.
    """
    if not leverage >= 1 or not 0 < maintenance_share <= 1 or delay_ms < 0:
        rule = "leverage must be at least 1, maintenance share above 0 and at most 1, delay at least 0"
        raise InputError("latency", rule, (leverage, maintenance_share, delay_ms))
    move, buffer = move_over(volatility, interval_ms + delay_ms, gap, freedom), maintenance_share / leverage
    expected = BPS * move.bad_debt(buffer)
    return LatencyRow(
        interval_ms=interval_ms,
        leverage=leverage,
        buffer_bps=BPS * buffer,
        deviation_bps=BPS * move.deviation,
        probability=move.beyond(buffer),
        bad_debt_bps=expected,
        bad_debt_bps_a_day=expected * DAY_MS / interval_ms,
    )


def largest_leverage(move: Move, budget_bps: float, maintenance_share: float = 0.5) -> float:
    """Return the largest leverage, at least 1, whose expected bad debt stays within a budget; 0 where even 1 breaks it.

    Parameters
    ----------
    move
        Of the time that an account is exposed.
    budget_bps
        Of the notional in each interval, above 0.

    Raises
    ------
    InputError
        The budget is not above 0.
    """
    if not budget_bps > 0:
        raise InputError("budget_bps", "must be above 0", budget_bps)
    budget = budget_bps / BPS
    if move.bad_debt(maintenance_share) > budget:
        return 0.0
    if move.bad_debt(0.0) <= budget:
        return float("inf")
    buffer = scipy.optimize.brentq(lambda share: move.bad_debt(share) - budget, 0.0, maintenance_share, xtol=1e-15)
    return float(maintenance_share / buffer)


def velocity(volume: float, stock: float) -> float:
    """Return how often collateral was used: what was received over what there is, in one unit.

    Examples
    --------
    >>> velocity(10_000, 4_000)
    2.5
    """
    if not stock > 0 or volume < 0:
        raise InputError("velocity", "must have a stock above 0 and a volume of at least 0", (volume, stock))
    return volume / stock


@dataclass(frozen=True, slots=True)
class CollateralTurnover:
    """How fast collateral can go round with a settlement delay.

    Attributes
    ----------
    settlement_ms, idle_ms
        From giving collateral to having it elsewhere, and from having it to giving it again.
    uses_a_day
        The highest velocity, per day.
    in_transit
        Share of the stock that is on its way at that velocity.
    """

    settlement_ms: int
    idle_ms: int
    uses_a_day: float
    in_transit: float

    def stock_for(self, flow_a_day: float) -> float:
        """Return the stock that a daily flow needs: what is in transit, and what is idle."""
        return flow_a_day / self.uses_a_day


def collateral_turnover(settlement_ms: int, idle_ms: int) -> CollateralTurnover:
    """Return the turnover of collateral with a settlement delay and an idle time between two uses.

    Raises
    ------
    InputError
        A negative time, or both are zero.

    Examples
    --------
    >>> found = collateral_turnover(2 * DAY_MS, DAY_MS // 2)
    >>> found.uses_a_day, found.in_transit, found.stock_for(100.0)
    (0.4, 0.8, 250.0)
    """
    whole = settlement_ms + idle_ms
    if settlement_ms < 0 or idle_ms < 0 or whole == 0:
        raise InputError("turnover", "must have times of at least 0, not both 0", (settlement_ms, idle_ms))
    return CollateralTurnover(settlement_ms, idle_ms, DAY_MS / whole, settlement_ms / whole)
