"""Checks of the numbers that risk models take: each is finite and inside the range that its formula allows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtnet_core.errors import InputError, RangeError

Floats = NDArray[np.float64]


def positive(field: str, values: ArrayLike) -> Floats:
    """Return `values` as float64 if all are finite and above zero.

    Raises
    ------
    RangeError
        One is not.
    """
    array = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise RangeError(field, "must be finite and above zero")
    return array


def within(field: str, value: float, low: float, high: float) -> float:
    """Return `value` if it is finite and ``low <= value <= high``.

    Raises
    ------
    RangeError
        It is not.

    Examples
    --------
    >>> within("confidence", 0.99, 0.5, 1.0)
    0.99
    """
    if not (math.isfinite(value) and low <= value <= high):
        raise RangeError(field, f"must be {low:g} to {high:g}", value)
    return value


def whole(field: str, value: int, low: int, high: int) -> int:
    """Return `value` if it is an integer with ``low <= value <= high``.

    Raises
    ------
    RangeError
        It is no integer (a bool is none), or outside.
    """
    if type(value) is not int or not low <= value <= high:
        raise RangeError(field, f"must be an integer from {low} to {high}", value)
    return value


def matrix(field: str, values: ArrayLike, columns: int) -> Floats:
    """Return `values` as a finite float64 matrix of `columns` columns.

    Raises
    ------
    InputError
        It has another shape, or an entry that is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != columns:
        raise InputError(field, f"must have the shape (rows, {columns})", array.shape)
    if not np.isfinite(array).all():
        raise InputError(field, "must hold finite numbers only")
    return array
