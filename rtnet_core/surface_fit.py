"""From the quotes of one coin to a surface without arbitrage, and how well it fits them.

What is fitted: a two-sided quote counts with the middle of its bid and ask volatilities, and the more the tighter it
is; a quote with one side or none counts a little, with the venue's mark moved inside the side that there is - enough to
hold a wing where nobody quotes both sides, too little to bend what the market says. Options in the money are left out:
the one out of the money at the same strike says the same with a smaller spread, and in a fast market their marks are of
another moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.chain_quotes import Quote, by_expiry
from rtnet_core.errors import InputError
from rtnet_core.extras import missing_extra
from rtnet_core.implied import QuoteColumns, quote_columns
from rtnet_core.surface import Slice, Surface, Violation, violations
from rtnet_core.surface_repair import repaired
from rtnet_core.svi import Targets, fit_svi

Floats = NDArray[np.float64]

#: An expiry with fewer usable quotes has no slice of its own; it is interpolated.
MIN_QUOTES: Final = 6
#: A spread of this volatility halves a quote's weight.
_SPREAD_SCALE: Final = 0.02
#: Weight of a quote without both sides, against a tight two-sided one.
_ONE_SIDED: Final = 0.05
#: Least weight as a share of the largest vega, so that wings count at all.
_LEAST_VEGA: Final = 0.05
#: Options this far in the money, in standard deviations, still count.
_IN_THE_MONEY: Final = 0.1


@dataclass(frozen=True, slots=True)
class Quality:
    """How well fitted volatilities agree with quotes; errors in volatility points (0.01).

    Attributes
    ----------
    quotes, two_sided
        Quotes; those whose bid and ask both have an implied volatility.
    inside
        Of the two-sided ones, how many have the fit between bid and ask.
    outside_median, outside_worst
        Distance of the fit from the interval of bid and ask, 0 inside it.
    middle_median, middle_worst
        Distance of the fit from the middle of bid and ask volatility.
    mark_median
        Distance from the volatility of the venue's mark, over the two-sided quotes.
    """

    quotes: int
    two_sided: int
    inside: int
    outside_median: float
    outside_worst: float
    middle_median: float
    middle_worst: float
    mark_median: float

    @property
    def inside_share(self) -> float:
        """Share of the two-sided quotes that have the fit inside; 1 where there are none."""
        return self.inside / self.two_sided if self.two_sided else 1.0


@dataclass(frozen=True, slots=True)
class FittedExpiry:
    """One expiry's arrays and its slice, for reports and plots."""

    slice: Slice
    columns: QuoteColumns
    quality: Quality


@dataclass(frozen=True, slots=True)
class FittedSurface:
    """A surface, its fit, the arbitrage before and after the repair, and the expiries too thin for a slice."""

    surface: Surface
    expiries: tuple[FittedExpiry, ...]
    quality: Quality
    before: tuple[Violation, ...]
    after: tuple[Violation, ...]
    skipped: tuple[int, ...]


def fit_surface(quotes: Sequence[Quote]) -> FittedSurface:
    """Return the surface of one coin's quotes, repaired where the plain fits hold arbitrage.

    Raises
    ------
    InputError
        No expiry has enough quotes.
    ToolError
        The extra ``market`` is not installed.

    Notes
    -----
    The linear algebra runs in one thread: the matrices are small, and so the same quotes give the same surface whatever
    the number of cores.
    """
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types
    except ImportError:
        raise missing_extra("threadpoolctl", "market") from None
    with threadpool_limits(limits=1, user_api="blas"):
        return _fit_surface(quotes)


def _fit_surface(quotes: Sequence[Quote]) -> FittedSurface:
    fits: list[tuple[Slice, QuoteColumns, Targets]] = []
    skipped = []
    for expiry_ms, members in by_expiry(quotes).items():
        columns = quote_columns(members)
        targets = fit_targets(columns, members[0].years)
        if targets.k.size < MIN_QUOTES:
            skipped.append(expiry_ms)
            continue
        k = columns.log_moneyness[np.isfinite(columns.mark)]
        fits.append(
            (Slice(expiry_ms, targets.years, fit_svi(targets), float(k.min()), float(k.max())), columns, targets)
        )
    if not fits:
        raise InputError("option chain", f"must hold an expiry with at least {MIN_QUOTES} usable quotes")
    currency, time_ms = quotes[0].row.currency, quotes[0].row.time_ms
    plain = Surface(currency, time_ms, tuple(entry for entry, _, _ in fits))
    before = violations(plain)
    surface = plain if not before else repaired(plain, [targets for _, _, targets in fits])
    expiries = tuple(
        FittedExpiry(entry, columns, fit_quality([(columns, entry)]))
        for entry, (_, columns, _) in zip(surface.slices, fits, strict=True)
    )
    return FittedSurface(
        surface=surface,
        expiries=expiries,
        quality=fit_quality([(entry.columns, entry.slice) for entry in expiries]),
        before=before,
        after=violations(surface),
        skipped=tuple(skipped),
    )


def fit_targets(columns: QuoteColumns, years: float) -> Targets:
    """Return what a slice is fitted to: volatilities and weights, see the module's head."""
    bid, ask, mark = columns.bid, columns.ask, columns.mark
    two_sided = np.isfinite(bid) & np.isfinite(ask) & (bid < ask)
    within = np.fmin(np.fmax(mark, bid), ask)
    volatility = np.where(two_sided, (bid + ask) / 2, within)
    spread = np.where(two_sided, ask - bid, 0.0)
    trust = np.where(two_sided, _SPREAD_SCALE / (_SPREAD_SCALE + spread), _ONE_SIDED)
    vega = np.maximum(columns.weight, _LEAST_VEGA * np.max(columns.weight, initial=0.0))
    signed = np.where(columns.is_call, columns.log_moneyness, -columns.log_moneyness)
    out_of_the_money = signed > -_IN_THE_MONEY * np.nan_to_num(volatility) * np.sqrt(years)
    usable = np.isfinite(volatility) & (columns.weight > 0) & out_of_the_money
    return Targets(columns.log_moneyness[usable], volatility[usable], (vega * trust)[usable], years)


def fit_quality(fits: Sequence[tuple[QuoteColumns, Slice]]) -> Quality:
    """Return how well slices agree with the quotes of their expiries, over all of them together."""
    count = 0
    parts: list[Floats] = []
    for columns, entry in fits:
        fitted = entry.volatility(columns.log_moneyness)
        count += fitted.size
        both = np.isfinite(columns.bid) & np.isfinite(columns.ask)
        bid, ask, made = columns.bid[both], columns.ask[both], fitted[both]
        outside = np.maximum(np.maximum(bid - made, made - ask), 0.0)
        parts.append(np.stack([outside, np.abs(made - (bid + ask) / 2), np.abs(made - columns.mark[both])]) * 100)
    errors = np.concatenate(parts, axis=1)
    if not errors.size:
        return Quality(count, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
    outside, middle, mark = errors
    return Quality(
        quotes=count,
        two_sided=outside.size,
        inside=int(np.count_nonzero(outside == 0)),
        outside_median=float(np.median(outside)),
        outside_worst=float(np.max(outside)),
        middle_median=float(np.median(middle)),
        middle_worst=float(np.max(middle)),
        mark_median=float(np.nanmedian(mark)),
    )
