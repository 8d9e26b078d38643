"""Trades of several venues in one file, as exact integers: prices in 10^-8 USD, amounts in 10^-18 coins.

A coin-margined contract is worth a fixed sum of USD, so its amount in coins is ``contracts · size / price``, rounded to
the nearest 10^-18 coin, ties to even: the one rounding here, and far below what any price could show.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from rtnet_core.errors import InputError
from rtnet_core.fixed_point import round_half_even
from rtnet_core.limits import TIME_BITS

COLUMNS: Final = ["ts_ms", "venue", "price", "qty", "buyer_is_maker"]
PRICE_DECIMALS: Final = 8
AMOUNT_DECIMALS: Final = 18
MAX_FILE_BYTES: Final = 256 * 1024 * 1024

_PRICE: Final = re.compile(r"\d{1,12}(\.\d{1,8})?", re.ASCII)
_QUANTITY: Final = re.compile(r"\d{1,12}(\.\d{1,18})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Venue:
    """What is traded at a venue.

    Attributes
    ----------
    is_perpetual
        A perpetual; spot if not.
    contract_usd
        USD of one contract of a coin-margined venue; None where the quantity is in coins.
    """

    is_perpetual: bool
    contract_usd: int | None = None


VENUES: Final = {
    "binance_spot": Venue(is_perpetual=False),
    "binance_usdm_perp": Venue(is_perpetual=True),
    "binance_coinm_perp": Venue(is_perpetual=True, contract_usd=100),
}


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade: `price` in 10^-8 USD, `amount` in 10^-18 coins."""

    time_ms: int
    venue: str
    price: int
    amount: int


def read_trades(path: Path) -> tuple[Trade, ...]:
    """Return the trades of a CSV file with exactly the columns `COLUMNS`, in the order of the file.

    Raises
    ------
    InputError
        The file is unreadable or has other columns, no row, a venue not in `VENUES`, or a cell that is no such number.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(str(path), f"must not be longer than {MAX_FILE_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(str(path), "must be a readable UTF-8 file") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if header != COLUMNS:
            raise InputError(f"{path.name} line 1", f"must be the columns {','.join(COLUMNS)}", header)
        trades = tuple(_trade(cells, f"{path.name} line {reader.line_num}") for cells in reader)
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num}", f"must be CSV: {error}") from None
    if not trades:
        raise InputError(str(path), "must hold at least one trade")
    return trades


def vwap(trades: Iterable[Trade]) -> Fraction:
    """Return the volume-weighted average price in USD, exactly.

    Raises
    ------
    InputError
        There is no trade.

    Examples
    --------
    >>> vwap([Trade(0, "binance_spot", 100 * 10**8, 10**18), Trade(0, "binance_spot", 103 * 10**8, 2 * 10**18)])
    Fraction(102, 1)
    """
    value = amount = 0
    for trade in trades:
        value += trade.price * trade.amount
        amount += trade.amount
    if not amount:
        raise InputError("trades", "must be at least one")
    return Fraction(value, amount * 10**PRICE_DECIMALS)


def volume(trades: Iterable[Trade]) -> Fraction:
    """Return the volume in coins."""
    return Fraction(sum(trade.amount for trade in trades), 10**AMOUNT_DECIMALS)


def by_venue(trades: Iterable[Trade]) -> dict[str, list[Trade]]:
    """Return the trades of each venue, the venues in alphabetical order."""
    venues: dict[str, list[Trade]] = {}
    for trade in trades:
        venues.setdefault(trade.venue, []).append(trade)
    return dict(sorted(venues.items()))


def _trade(cells: Sequence[str], place: str) -> Trade:
    if len(cells) != len(COLUMNS):
        raise InputError(place, f"must have {len(COLUMNS)} cells", len(cells))
    stamp, name, price_text, quantity_text, _ = cells
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 14 and int(stamp) < 1 << TIME_BITS):
        raise InputError(f"{place}: ts_ms", "must be milliseconds since 1970", stamp)
    if name not in VENUES:
        raise InputError(f"{place}: venue", f"must be one of {', '.join(VENUES)}", name)
    price = _scaled(_PRICE, price_text, PRICE_DECIMALS)
    if not price:
        raise InputError(f"{place}: price", "must be a decimal number above zero, at most 8 decimals", price_text)
    quantity = _scaled(_QUANTITY, quantity_text, AMOUNT_DECIMALS)
    if not quantity:
        raise InputError(f"{place}: qty", "must be a decimal number above zero, at most 18 decimals", quantity_text)
    contract_usd = VENUES[name].contract_usd
    if contract_usd is not None:
        quantity = round_half_even(quantity * contract_usd * 10**PRICE_DECIMALS, price)
    return Trade(int(stamp), name, price, quantity)


def _scaled(pattern: re.Pattern[str], text: str, decimals: int) -> int:
    """Return a decimal number times 10^decimals, 0 where it is none."""
    if pattern.fullmatch(text) is None:
        return 0
    whole, _, rest = text.partition(".")
    return int(whole + rest.ljust(decimals, "0"))
