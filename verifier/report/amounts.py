"""Amounts, counts and times as a person reads them: no digit is rounded away."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, localcontext

from rtnet_core.snapshot import TICK
from verifier.reserves import Liability

#: More digits than any amount has.
_DIGITS = 80
_TICK = Decimal(TICK)


def usd_of_ticks(ticks: int) -> str:
    """Return ticks as USD.

    Examples
    --------
    >>> usd_of_ticks(-75_089_000_000), usd_of_ticks(1)
    ('-75,089.00 USD', '0.000001 USD')
    """
    return f"{_grouped(ticks, _TICK)} USD"


def usd_of_e8(amount: int) -> str:
    """Return ticks * 10^-8 as USD.

    Examples
    --------
    >>> usd_of_e8(10**14 + 1)
    '1.00000000000001 USD'
    """
    return f"{_grouped(amount, _TICK.scaleb(-8))} USD"


def owed(liability: Liability) -> str:
    """Return what is owed in one asset."""
    return amount_of(liability.amount, liability)


def amount_of(number: int, liability: Liability) -> str:
    """Return `number` units of a liability's asset."""
    if liability.is_quote:
        return usd_of_ticks(number)
    unit, symbol = liability.unit.split()
    return f"{_grouped(number, Decimal(unit), 0)} {symbol}"


def how_many(count: int, noun: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> how_many(1, "batch root"), how_many(1_024, "account")
    ('1 batch root', '1,024 accounts')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def utc_of(time_ms: int) -> str:
    """Return a time in milliseconds as UTC to the millisecond.

    Examples
    --------
    >>> utc_of(1_785_000_000_001)
    '2026-07-25 17:20:00.001 UTC'
    """
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{time_ms % 1000:03d} UTC"


def _grouped(number: int, unit: Decimal, least_places: int = 2) -> str:
    """Return number * unit with thousands grouped, without trailing zeros beyond `least_places` decimals."""
    with localcontext(prec=_DIGITS):
        whole, _, places = f"{unit * number:,f}".partition(".")
    kept = places.rstrip("0").ljust(least_places, "0")
    return f"{whole}.{kept}" if kept else whole
