"""Perpetuals: the mark from the average premium, the funding rate that the premium calls for, and the funding index.

    premium      = perpetual / spot - 1, averaged over the buckets of the window
    mark         = index · (1 + premium), the premium at most `premium_cap_bps`
    rate per 8 h = premium + clamp(interest - premium, ±clamp), at most `rate_cap_bps`
    funding      = Σ rate · index · elapsed / 8 h       USD a coin, paid by who is long

The clamp is why two fifths of all published rates are exactly the interest of 1 bps: a premium within 5 bps of it
calls for nothing else. A position of q coins owes ``q · (funding now - funding at entry)``, which its cash carries; the
margin rule never sees a funding rate.

References
----------
Binance, *Introduction to funding rates*: interest of 0.01 % and clamp of ±0.05 % per eight hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.trades import VENUES, Trade, vwap

FUNDING_PERIOD_MS: Final = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class FundingRules:
    """The parameters of mark and funding.

    Attributes
    ----------
    bucket_ms
        Length of the buckets over which perpetual and spot are compared.
    premium_cap_bps
        Furthest that a mark stands from the index.
    interest, clamp_bps, rate_cap_bps
        Interest per eight hours in basis points, the clamp about it, and the largest rate.
    """

    bucket_ms: int = 10_000
    premium_cap_bps: int = 50
    interest_bps: int = 1
    clamp_bps: int = 5
    rate_cap_bps: int = 75


DEFAULT_FUNDING: Final = FundingRules()


@dataclass(frozen=True, slots=True)
class FundingStep:
    """From `time_ms` on, the rate per eight hours (a fraction) and the index in USD apply, until the next step."""

    time_ms: int
    rate: Fraction
    index_usd: Fraction


def premium_average(
    trades: Iterable[Trade], time_ms: int, window_ms: int, rules: FundingRules = DEFAULT_FUNDING
) -> Fraction | None:
    """Return the average premium of the perpetuals over spot in the window that ends at `time_ms`.

    Perpetuals and spot are compared bucket by bucket, so a market that moves within the window shows as no premium;
    every bucket in which both traded counts alike. None where there is no such bucket.
    """
    buckets: dict[int, tuple[list[Trade], list[Trade]]] = {}
    for trade in trades:
        age = time_ms - trade.time_ms
        if 0 <= age < window_ms:
            sides = buckets.setdefault(age // rules.bucket_ms, ([], []))
            sides[VENUES[trade.venue].is_perpetual].append(trade)
    premiums = [vwap(perpetual) / vwap(spot) - 1 for spot, perpetual in buckets.values() if spot and perpetual]
    return sum(premiums, Fraction(0)) / len(premiums) if premiums else None


def perpetual_mark(index_usd: Fraction, premium: Fraction, rules: FundingRules = DEFAULT_FUNDING) -> Fraction:
    """Return ``index · (1 + premium)`` with the premium held within its cap.

    Examples
    --------
    >>> perpetual_mark(Fraction(80_000), Fraction(1, 1_000)), perpetual_mark(Fraction(80_000), Fraction(1))
    (Fraction(80080, 1), Fraction(80400, 1))
    """
    return index_usd * (1 + _held(premium, Fraction(rules.premium_cap_bps, BPS)))


def funding_rate(premium: Fraction, rules: FundingRules = DEFAULT_FUNDING) -> Fraction:
    """Return the rate per eight hours that an average premium calls for.

    Examples
    --------
    >>> [str(funding_rate(Fraction(bps, 10_000))) for bps in (0, 3, 20, -20)]
    ['1/10000', '1/10000', '3/2000', '-3/2000']
    """
    clamp = Fraction(rules.clamp_bps, BPS)
    rate = premium + _held(Fraction(rules.interest_bps, BPS) - premium, clamp)
    return _held(rate, Fraction(rules.rate_cap_bps, BPS))


def funding_index(steps: Sequence[FundingStep], time_ms: int, start_usd: Fraction = Fraction(0)) -> Fraction:
    """Return the accumulated funding in USD a coin at `time_ms`, begun at `start_usd` with the first step.

    Raises
    ------
    InputError
        The steps do not ascend in time, or `time_ms` is before the last one.
    """
    ends = [*(step.time_ms for step in steps[1:]), time_ms]
    if any(later.time_ms <= step.time_ms for step, later in pairwise(steps)):
        raise InputError("funding steps", "must ascend in time")
    if steps and time_ms < steps[-1].time_ms:
        raise InputError("time_ms", "must not be before the last funding step", time_ms)
    paid = (
        (
            step.rate * step.index_usd * Fraction(end - step.time_ms, FUNDING_PERIOD_MS)
            for step, end in zip(steps, ends, strict=True)
        )
        if steps
        else ()
    )
    return start_usd + sum(paid, Fraction(0))


def _held(number: Fraction, most: Fraction) -> Fraction:
    return min(max(number, -most), most)
