"""Sharing a whole amount in proportion to weights, so that the shares add up to it exactly."""

from __future__ import annotations

from collections.abc import Sequence

from rtnet_core.errors import InputError


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Return whole shares of `total` in proportion to `weights`, by largest remainder.

    Every share is its exact quota rounded down or up. What rounding down leaves goes, one each, to the largest
    remainders; of equal remainders the first in order.

    Parameters
    ----------
    total
        At least 0.
    weights
        Each at least 0; not all zero unless `total` is.

    Raises
    ------
    InputError
        `total` or a weight is negative, or there is something to share and nobody to bear it.

    References
    ----------
    Balinski and Young, *Fair Representation* (1982): Hamilton's method.

    Examples
    --------
    >>> apportion(10, [1, 1, 1]), apportion(7, [0, 3, 4])
    ([4, 3, 3], [0, 3, 4])
    """
    whole = sum(weights)
    if total < 0 or any(weight < 0 for weight in weights):
        raise InputError("apportion", "total and weights must be at least 0")
    if total == 0:
        return [0] * len(weights)
    if whole == 0:
        raise InputError("apportion: weights", "must not all be zero where there is something to share", total)
    quotas = [divmod(total * weight, whole) for weight in weights]
    shares = [share for share, _ in quotas]
    by_remainder = sorted(range(len(weights)), key=lambda number: -quotas[number][1])
    for number in by_remainder[: total - sum(shares)]:
        shares[number] += 1
    return shares
