"""Tests of coverage: whether breaches are as frequent as claimed, and come one by one.

For n observations with x breaches, claimed with probability p, and n_ij transitions from state i to j:

    unconditional  LR = 2·ln[ (1 - x/n)^(n-x)·(x/n)^x / ((1 - p)^(n-x)·p^x) ]                       χ²(1)
    independence   LR = 2·ln[ (1 - π₀)^n₀₀·π₀^n₀₁·(1 - π₁)^n₁₀·π₁^n₁₁ / ((1 - π)^(n₀₀+n₁₀)·π^(n₀₁+n₁₁)) ]  χ²(1)
    conditional    the sum of both                                                                  χ²(2)

with π₀, π₁ the breach rates after none and after one, π over both. 0·ln 0 is 0.

References
----------
- P. Kupiec, *Techniques for verifying the accuracy of risk measurement models*, J. Derivatives 3 (1995).
- P. Christoffersen, *Evaluating interval forecasts*, International Economic Review 39 (1998).
- P. Jorion, *Value at risk* (3rd edition 2007), chapter 6: worked examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy  # type: ignore[import-untyped]  # SciPy ships no types
from scipy.stats import beta, chi2  # type: ignore[import-untyped]  # SciPy ships no types

from rtnet_core.errors import InputError
from rtnet_core.risk.ranges import whole, within


@dataclass(frozen=True, slots=True)
class RatioTest:
    """A likelihood-ratio statistic, and how likely one at least as large is where the claim holds."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """The three tests of one sequence of breaches."""

    observations: int
    breaches: int
    unconditional: RatioTest
    independence: RatioTest
    conditional: RatioTest


def unconditional_test(observations: int, breaches: int, probability: float) -> RatioTest:
    """Return Kupiec's test that breaches have the claimed probability.

    Raises
    ------
    RangeError
        No observation, more breaches than observations, or a probability outside 10^-6 to 0.5.

    Examples
    --------
    Jorion, section 6.2.2: J.P. Morgan had 20 exceptions to its 95 % value at risk in the 252 days of 1998.

    >>> round(unconditional_test(252, 20, 0.05).statistic, 2)
    3.91
    """
    whole("observations", observations, 1, 10**9)
    whole("breaches", breaches, 0, observations)
    within("probability", probability, 1e-6, 0.5)
    found = _log_likelihood(observations - breaches, breaches, breaches / observations)
    return _test(found - _log_likelihood(observations - breaches, breaches, probability), 1)


def independence_test(n00: int, n01: int, n10: int, n11: int) -> RatioTest:
    """Return Christoffersen's test that a breach is as likely after a breach as after none.

    Parameters
    ----------
    n00, n01, n10, n11
        Transitions from the first state to the second; 1 is a breach.

    Examples
    --------
    Jorion, chapter 6, question 10: six exceptions in 252 days, four of them after another.

    >>> round(independence_test(244, 2, 2, 4).statistic, 3)
    25.837
    """
    for name, count in (("n00", n00), ("n01", n01), ("n10", n10), ("n11", n11)):
        whole(name, count, 0, 10**9)
    after_none, after_one = (n01 / max(n00 + n01, 1), n11 / max(n10 + n11, 1))
    both = (n01 + n11) / max(n00 + n01 + n10 + n11, 1)
    apart = _log_likelihood(n00, n01, after_none) + _log_likelihood(n10, n11, after_one)
    return _test(apart - _log_likelihood(n00 + n10, n01 + n11, both), 1)


def coverage_of(breaches: ArrayLike, probability: float) -> Coverage:
    """Return the three tests of a sequence of breaches over windows that do not overlap.

    Raises
    ------
    InputError
        It is no sequence, or empty.
    RangeError
        A probability outside 10^-6 to 0.5.
    """
    hits = np.asarray(breaches, dtype=np.bool_)
    if hits.ndim != 1 or not hits.size:
        raise InputError("breaches", "must be a sequence of at least one", hits.shape)
    first, second = hits[:-1], hits[1:]
    counts = [int(((first == before) & (second == after)).sum()) for before in (False, True) for after in (False, True)]
    unconditional = unconditional_test(hits.size, int(hits.sum()), probability)
    independence = independence_test(*counts)
    together = unconditional.statistic + independence.statistic
    return Coverage(
        observations=int(hits.size),
        breaches=int(hits.sum()),
        unconditional=unconditional,
        independence=independence,
        conditional=RatioTest(together, float(chi2.sf(together, 2))),
    )


def breach_rate_interval(observations: int, breaches: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact (Clopper and Pearson) interval of the breach rate.

    Examples
    --------
    >>> [round(bound, 4) for bound in breach_rate_interval(100, 0)]
    [0.0, 0.0362]
    """
    whole("observations", observations, 1, 10**9)
    whole("breaches", breaches, 0, observations)
    tail = (1 - within("confidence", confidence, 0.5, 0.9999)) / 2
    low = float(beta.ppf(tail, breaches, observations - breaches + 1)) if breaches else 0.0
    high = float(beta.ppf(1 - tail, breaches + 1, observations - breaches)) if breaches < observations else 1.0
    return low, high


def _log_likelihood(without: int, with_breach: int, probability: float) -> float:
    return float(xlogy(without, 1 - probability) + xlogy(with_breach, probability))


def _test(log_ratio: float, degrees: int) -> RatioTest:
    statistic = max(2 * log_ratio, 0.0)
    return RatioTest(statistic, float(chi2.sf(statistic, degrees)))
