"""Draws for samples that come out the same on every platform and NumPy version.

Only the raw 64-bit words of PCG64 are used: NumPy guarantees those, while its distributions may change between versions
and go through the platform's mathematical library.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtnet_core.errors import InputError


class Draws:
    """A stream of uniform draws.

    Parameters
    ----------
    seed
        A non-negative integer; with the same `purpose` it gives the same stream everywhere.
    purpose
        Keeps streams of one seed apart: a small number.

    Raises
    ------
    InputError
        `seed` is no integer of at least 0 and below 2^64.
    """

    def __init__(self, seed: int, purpose: int) -> None:
        if type(seed) is not int or not 0 <= seed < 1 << 64:
            raise InputError("seed", "must be an integer of at least 0 and below 2^64", seed)
        self._words = np.random.PCG64(np.random.SeedSequence([seed, purpose]))

    def fractions(self, count: int) -> NDArray[np.float64]:
        """Return `count` multiples of 2^-53 in [0, 1)."""
        words = np.asarray(self._words.random_raw(count), dtype=np.uint64)
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def fraction(self) -> float:
        """Return one multiple of 2^-53 in [0, 1)."""
        return float(self.fractions(1)[0])

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self.fraction()

    def integers(self, count: int, bound: int) -> NDArray[np.int64]:
        """Return `count` integers in [0, bound), for bounds far below 2^53."""
        return (self.fractions(count) * bound).astype(np.int64)

    def order(self, count: int) -> NDArray[np.int64]:
        """Return the numbers below `count` in a random order."""
        return np.argsort(self.fractions(count), kind="stable").astype(np.int64)
