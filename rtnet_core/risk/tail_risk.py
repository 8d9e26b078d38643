"""Value at risk and expected shortfall of a sample of losses.

With n losses in ascending order and tail (1 - c)·n, VaR is the ⌈c·n⌉-th loss; the expected shortfall is the mean of the
worst (1 - c)·n losses, the loss at the edge counted with the fraction that is left: so it is at least VaR, coherent,
and moves continuously with c.

References
----------
C. Acerbi and D. Tasche, *On the coherence of expected shortfall*, J. Banking & Finance 26 (2002), proposition 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from rtnet_core.errors import InputError
from rtnet_core.risk.ranges import Floats, within

#: c·n is a whole number where it should be one, in spite of float64: 0.99·200 is 198.00000000000003.
_SLACK: Final = 1e-9


@dataclass(frozen=True, slots=True)
class TailRisk:
    """Value at risk and expected shortfall; a loss is positive. Shape: that of the losses without their first axis."""

    value_at_risk: Floats
    expected_shortfall: Floats


def tail_risk(losses: ArrayLike, confidence: float) -> TailRisk:
    """Return value at risk and expected shortfall at `confidence`.

    Parameters
    ----------
    losses
        Shape (S,) or (S, ...): S equally likely losses, profits negative.
    confidence
        0.5 to 0.9999.

    Raises
    ------
    InputError
        There are so few losses that no whole one lies beyond the confidence.
    RangeError
        `confidence` out of range.

    Examples
    --------
    Hull, *Risk management and financial institutions*, chapter "Value at risk": a project that loses 2 million with
    98 %, 4 with 1.5 % and 10 with 0.5 % has at 99 % a value at risk of 4 and an expected shortfall of 7.

    >>> found = tail_risk([2] * 196 + [4] * 3 + [10], 0.99)
    >>> float(found.value_at_risk), round(float(found.expected_shortfall), 9)
    (4.0, 7.0)
    """
    sample = np.sort(np.asarray(losses, dtype=np.float64), axis=0)
    count = len(sample)
    tail = (1 - within("confidence", confidence, 0.5, 0.9999)) * count
    if tail < 1 - _SLACK:
        least = ceil(1 / (1 - confidence) - _SLACK)
        raise InputError("losses", f"must be at least {least} for a confidence of {confidence:g}", count)
    if not np.isfinite(sample).all():
        raise InputError("losses", "must be finite")
    whole = int(tail + _SLACK)
    fraction = max(tail - whole, 0.0)
    beyond = sample[count - whole :].sum(axis=0)
    edge = sample[max(count - whole - 1, 0)]
    rank = ceil(confidence * count - _SLACK)
    return TailRisk(sample[rank - 1], (beyond + fraction * edge) / tail)
