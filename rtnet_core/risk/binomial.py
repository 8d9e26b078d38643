"""The binomial tree of Cox, Ross and Rubinstein, for options that may be exercised early; vectorised over options.

With Δ = T/n, u = e^(σ√Δ), d = 1/u and carry b, the price rises with p = (e^(bΔ) - d)/(u - d), and
value = e^(-rΔ)·(p·up + (1 - p)·down), at least the exercise value where exercise is American.

References
----------
- J. Cox, S. Ross and M. Rubinstein, *Option pricing: a simplified approach*, J. Financial Economics 7 (1979).
- E. G. Haug, *The complete guide to option pricing formulas* (2007), section 7.1: the carry b.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from rtnet_core.errors import RangeError
from rtnet_core.risk.ranges import Floats, positive, whole

#: More steps than this cost seconds and bring nothing that float64 still shows.
MAX_STEPS: Final = 10_000


def binomial_values(
    is_call: ArrayLike,
    price_ticks: ArrayLike,
    strike_ticks: ArrayLike,
    volatility: ArrayLike,
    years: ArrayLike,
    *,
    american: bool = True,
    rate: float = 0.0,
    carry: float = 0.0,
    steps: int = 500,
) -> Floats:
    """Return option values in ticks per lot, in the broadcast shape of the arrays.

    Parameters
    ----------
    is_call
        True for calls, False for puts.
    price_ticks, strike_ticks
        Above zero: the underlying's price (a forward where `carry` is 0) and the strike.
    volatility, years
        Above zero.
    american
        Whether it may be exercised at any step.
    rate
        Interest for a year, continuously compounded.
    carry
        Cost of carry for a year: 0 for futures and forwards, `rate` for an asset that yields nothing, `rate` less the
        yield for one that does.
    steps
        1 to 10,000. The error falls with 1/`steps`; at the default it is below 10^-3 of a European value at the money.

    Raises
    ------
    RangeError
        A number out of range, or a volatility so low beside the carry that p leaves [0, 1]: take more steps.

    Examples
    --------
    Hull, *Options, futures, and other derivatives*, chapter "Basic numerical procedures": an American put on a stock
    at 50 struck at 50, five months, 10 % interest, 40 % volatility; five steps make 4.49.

    >>> round(float(binomial_values(False, 50, 50, 0.4, 5 / 12, rate=0.1, carry=0.1, steps=5)), 2)
    4.49
    """
    call, price, strike, sigma, time = np.broadcast_arrays(
        np.asarray(is_call, dtype=np.bool_),
        positive("price_ticks", price_ticks),
        positive("strike_ticks", strike_ticks),
        positive("volatility", volatility),
        positive("years", years),
    )
    shape = price.shape
    step = time.ravel() / whole("steps", steps, 1, MAX_STEPS)
    spread = sigma.ravel() * np.sqrt(step)
    if (np.abs(carry * step) > spread).any():
        raise RangeError("steps", "must be more, for a volatility this low beside the carry", steps)
    rise = np.exp(spread)
    up = (np.exp(carry * step) - 1 / rise) / (rise - 1 / rise)
    discount = np.exp(-rate * step)
    weight_up, weight_down = (discount * up)[:, None], (discount * (1 - up))[:, None]
    sign = np.where(call.ravel(), 1.0, -1.0)[:, None]

    # Level j of 2·steps + 1 stands for price·u^(j - steps); every second one belongs to a given time.
    levels = price.ravel()[:, None] * np.exp(spread[:, None] * np.arange(-steps, steps + 1))
    exercise = np.maximum(sign * (levels - strike.ravel()[:, None]), 0.0)
    values = exercise[:, ::2]
    for left in range(steps - 1, -1, -1):
        values = weight_up * values[:, 1:] + weight_down * values[:, :-1]
        if american:
            first = steps - left
            values = np.maximum(values, exercise[:, first : first + 2 * left + 1 : 2])
    return np.asarray(values[:, 0].reshape(shape), dtype=np.float64)
