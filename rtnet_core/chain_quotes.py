"""Quotes of an option chain: bid, ask and mark beside the checked row, in units of the row's own forward.

A Deribit option is quoted in coin, and a price in coin is the value in USD over the forward: ``price · F = value``. So
what this module calls a price has no unit, and Black-76 at forward 1 and strike K/F gives it back.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rtnet_core.deribit import FileReport, RefusedRow, _file_report, _optional, _read_file
from rtnet_core.deribit_choice import CURRENCIES, ChainRow
from rtnet_core.errors import InputError
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.snapshot import TICKS_PER_USD


@dataclass(frozen=True, slots=True)
class Quote:
    """One option's row and what the book held; a side without a quote is None.

    Attributes
    ----------
    row
        The checked row, in ticks.
    bid, ask, mark
        In units of the forward.
    """

    row: ChainRow
    bid: Fraction | None
    ask: Fraction | None
    mark: Fraction

    @property
    def forward_usd(self) -> Fraction:
        """The row's own forward, USD a coin."""
        return Fraction(self.row.forward_ticks) / TICKS_PER_USD / Fraction(CURRENCIES[self.row.currency].lot)

    @property
    def strike_over_forward(self) -> Fraction:
        """Forward moneyness K/F."""
        return Fraction(self.row.strike_ticks, self.row.forward_ticks)

    @property
    def years(self) -> float:
        """Time to expiry in years of 365 days."""
        return (self.row.expiry_ms - self.row.time_ms) / MS_PER_YEAR

    @property
    def is_call(self) -> bool:
        """Whether it is a call."""
        return self.row.kind == "call"

    @property
    def is_two_sided(self) -> bool:
        """Whether both sides are quoted and the bid is below the ask."""
        return self.bid is not None and self.ask is not None and self.bid < self.ask


@dataclass(frozen=True, slots=True)
class Chain:
    """The quotes of one or more chain files of one time, and what was refused in them."""

    quotes: tuple[Quote, ...]
    files: tuple[FileReport, ...]
    refused: tuple[RefusedRow, ...]

    @property
    def time_ms(self) -> int:
        """The time of the rows."""
        return self.quotes[0].row.time_ms

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies in the order of the files."""
        return tuple(dict.fromkeys(quote.row.currency for quote in self.quotes))

    def of_currency(self, currency: str) -> tuple[Quote, ...]:
        """Return the quotes of one currency."""
        return tuple(quote for quote in self.quotes if quote.row.currency == currency)


def by_expiry(quotes: Sequence[Quote]) -> dict[int, tuple[Quote, ...]]:
    """Return the quotes of each expiry, the nearest first; the keys are `expiry_ms`."""
    expiries: dict[int, list[Quote]] = {}
    for quote in quotes:
        expiries.setdefault(quote.row.expiry_ms, []).append(quote)
    return {expiry: tuple(expiries[expiry]) for expiry in sorted(expiries)}


def read_chain(paths: Sequence[Path]) -> Chain:
    """Return the quotes of Deribit chain files; each row passes the checks of `rtnet_core.deribit.import_chains`.

    Raises
    ------
    InputError
        No file, a file that is unreadable or has other columns, no usable row, or a currency without a lot.
    Refusal
        ``time_mismatch``: the rows are not all of one time.
    """
    if not paths:
        raise InputError("chain files", "must be at least one")
    names: set[str] = set()
    times: dict[str, str] = {}
    quotes: list[Quote] = []
    files: list[FileReport] = []
    refused: list[RefusedRow] = []
    for path in paths:
        rows, refusals = _read_file(path, names, times)
        quotes += _with_prices(path, rows)
        refused += refusals
        files.append(_file_report(path.name, rows, refusals))
    if not quotes:
        raise InputError("chain files", "must hold at least one usable row")
    return Chain(tuple(quotes), tuple(files), tuple(refused))


def _with_prices(path: Path, rows: Sequence[ChainRow]) -> list[Quote]:
    """Return the accepted rows with their prices; a price of 0 is no quote, an unreadable one neither."""
    wanted = {row.name: row for row in rows}
    quotes = []
    with path.open(encoding="utf-8", newline="") as stream:
        for cells in csv.DictReader(stream):
            row = wanted.pop(cells["instrument_name"], None)
            if row is not None:
                bid, ask = _side(cells["bid_price"]), _side(cells["ask_price"])
                quotes.append(Quote(row, bid, ask, _optional(cells["mark_price"])))
    return quotes


def _side(text: str) -> Fraction | None:
    try:
        return _optional(text) or None
    except Exception as error:
        if type(error).__name__ != "_RowRefused":
            raise
        return None
