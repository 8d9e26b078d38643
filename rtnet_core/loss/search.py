"""The least whole number at which a function that rises and then falls is no longer negative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: Points at which a function is looked at before its peak is narrowed down.
_GRID: Final = 32


def least_step(function: Callable[[int], int], steps: int, first: int) -> tuple[bool, int]:
    """Return (True, a step at which `function` is at least 0 and one before it negative), or (False, its best step).

    Parameters
    ----------
    function
        Of a whole number from 0 to `steps`; negative at 0, concave but for the rounding of lots.
    steps
        At least 1.
    first
        Where to look first: a step at which the function is thought to be at least 0.

    Notes
    -----
    Whatever the rounding does, the function was at least 0 at a step that is returned with True. That it is nowhere is
    said after a grid of 33 points and a narrowing around the best of them: certain for a concave function.

    Examples
    --------
    >>> least_step(lambda step: step - 7, 100, 100)
    (True, 7)
    >>> least_step(lambda step: 9 - (step - 40) ** 2, 100, 100)
    (True, 37)
    >>> least_step(lambda step: -1 - abs(step - 40), 100, 100)
    (False, 40)
    """
    if function(first) >= 0:
        return True, _crossing(function, 0, first)
    points = sorted({number * steps // _GRID for number in range(_GRID + 1)})
    heights = [function(point) for point in points]
    for number, height in enumerate(heights):
        if height >= 0:
            return True, _crossing(function, points[number - 1], points[number])
    best = max(range(len(points)), key=lambda number: heights[number])
    low, high = points[max(best - 1, 0)], points[min(best + 1, len(points) - 1)]
    while high - low > 2:
        third = (high - low) // 3
        if function(low + third) < function(high - third):
            low += third
        else:
            high -= third
    peak = max(range(low, high + 1), key=function)
    if function(peak) >= 0:
        return True, _crossing(function, 0, peak)
    return False, peak


def _crossing(function: Callable[[int], int], low: int, high: int) -> int:
    """Return a step at which the function is at least 0, the one before negative; it is negative at `low`."""
    while high - low > 1:
        middle = (low + high) // 2
        if function(middle) >= 0:
            high = middle
        else:
            low = middle
    return high
