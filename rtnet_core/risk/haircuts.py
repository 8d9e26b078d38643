"""Haircuts that follow volatility and liquidity: what a holding may lose while it is sold, and what selling it costs.

A holding of x units, sold at the share ρ of a daily volume V after a delay of h days, with daily volatility σ:

    haircut(x) = z·σ·√(h + x/(3ρV)) + Y·σ·√(x/V)
    credit(x)  = price·x·(1 - haircut(x)), from its maximum on constant

The first term is the risk of the delay and of a sale at constant speed, whose variance is a third of holding it all for
as long; the second is the square-root law of impact. x·haircut(x) is convex, so credit is concave and never falls:
twice the holding never counts for more than twice, and more never for less.

References
----------
- R. Almgren and N. Chriss, *Optimal execution of portfolio transactions*, J. Risk 3 (2001), section 2: the third.
- B. Tóth et al., *Anomalous price impact and the critical nature of liquidity in financial markets*, Physical Review X
  1 (2011): impact Y·σ·√(x/V) with Y of order one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq  # type: ignore[import-untyped]  # SciPy ships no types
from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from rtnet_core.errors import InputError
from rtnet_core.limits import AMOUNT_BITS, BPS, ENVELOPE_KINKS
from rtnet_core.params import AssetParams
from rtnet_core.risk.ranges import Floats, positive, within

_MOST_UNITS: Final = float(1 << AMOUNT_BITS)


@dataclass(frozen=True, slots=True)
class LiquidityHaircut:
    """The haircut of one asset.

    Attributes
    ----------
    daily_volatility
        σ, above 0 and at most 1: a forecast, so that haircuts follow it.
    daily_volume
        V in units, above zero.
    confidence
        Of the normal quantile z, 0.5 to 0.99999.
    delay_days
        h: from default to the first sale, 0 to 30.
    participation
        ρ, above 0 and at most 1.
    impact
        Y, 0 to 10.
    """

    daily_volatility: float
    daily_volume: float
    confidence: float = 0.99
    delay_days: float = 1.0
    participation: float = 0.1
    impact: float = 1.0

    def __post_init__(self) -> None:
        within("daily_volatility", self.daily_volatility, 1e-6, 1.0)
        positive("daily_volume", self.daily_volume)
        within("confidence", self.confidence, 0.5, 0.99999)
        within("delay_days", self.delay_days, 0.0, 30.0)
        within("participation", self.participation, 1e-6, 1.0)
        within("impact", self.impact, 0.0, 10.0)

    def haircut(self, units: ArrayLike) -> Floats:
        """Return the share of a holding's value that does not count, at most 1; the arguments' shape.

        Examples
        --------
        A volatility of 3 % a day and a delay of a day cost 2.326·3 % = 6.98 % of the first unit.

        >>> rule = LiquidityHaircut(0.03, 1_000)
        >>> rule.haircut([0, 100, 1_000]).round(4).tolist()
        [0.0698, 0.0901, 0.1753]
        """
        share = np.asarray(units, dtype=np.float64) / self.daily_volume
        held = self.daily_volatility * float(ndtri(self.confidence)) * np.sqrt(self._days(share))
        return np.minimum(held + self.impact * self.daily_volatility * np.sqrt(share), 1.0)

    def credit(self, units: ArrayLike, price_ticks: float) -> Floats:
        """Return what holdings count, in ticks: concave in the units, never falling."""
        counted = np.minimum(np.asarray(units, dtype=np.float64), self.most_units())
        return np.asarray(price_ticks * counted * (1 - self.haircut(counted)), dtype=np.float64)

    def most_units(self) -> float:
        """Return the holding beyond which more units add no credit, at most 2^36."""
        if self._marginal(_MOST_UNITS) >= 0:
            return _MOST_UNITS
        return 0.0 if self._marginal(0.0) <= 0 else float(brentq(self._marginal, 0.0, _MOST_UNITS))

    def asset_params(self, symbol: str, kinks_units: tuple[int, ...]) -> AssetParams:
        """Return the envelope of three lines for the proven rule; nowhere above `credit`.

        Its lines are the chords from 0 to the first kink and on to the second, rates rounded down to whole basis
        points, and nothing beyond: a chord of a concave function stays below it.

        Raises
        ------
        InputError
            Not two ascending kinks above zero.
        """
        if len(kinks_units) != ENVELOPE_KINKS or not 0 < kinks_units[0] < kinks_units[1]:
            raise InputError("kinks_units", "must be two ascending numbers above zero", kinks_units)
        first, second = (float(entry) for entry in self.credit(kinks_units, 1.0))
        near = int(BPS * first / kinks_units[0])
        far = min(int(BPS * (second - first) / (kinks_units[1] - kinks_units[0])), near)
        return AssetParams(symbol=symbol, rate_bps=near, kinks=kinks_units, drops_bps=(near - far, far))

    def _days(self, share: Floats) -> Floats:
        return np.asarray(self.delay_days + share / (3 * self.participation), dtype=np.float64)

    def _marginal(self, units: float) -> float:
        """Return the derivative of units·(1 - haircut) by units, without the haircut's cap."""
        share = units / self.daily_volume
        days = self.delay_days + share / (3 * self.participation)
        z = float(ndtri(self.confidence))
        held = sqrt(days) + (share / (6 * self.participation * sqrt(days)) if share else 0.0)
        return 1 - self.daily_volatility * (z * held + 1.5 * self.impact * sqrt(share))
