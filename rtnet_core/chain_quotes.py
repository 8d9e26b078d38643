"""Quotes of an option chain: bid, ask and mark beside the checked row, in units of the row's own forward.

A Deribit option is quoted in coin, and a price in coin is the value in USD over the forward: ``price · F = value``. So
what this module calls a price has no unit, and Black-76 at forward 1 and strike K/F gives it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rtnet_core.deribit import FileReport, RefusedRow, file_report, optional_number, read_file, read_row
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
        rows, refusals = read_file(path, lambda row, place: _quote(row, place, names, times))
        quotes += rows
        refused += refusals
        files.append(file_report(path.name, [quote.row for quote in rows], refusals))
    if not quotes:
        raise InputError("chain files", "must hold at least one usable row")
    return Chain(tuple(quotes), tuple(files), tuple(refused))


def _quote(row: dict[str, str], place: str, names: set[str], times: dict[str, str]) -> Quote:
    bid, ask, mark = (optional_number(row[column]) for column in ("bid_price", "ask_price", "mark_price"))
    return Quote(read_row(row, place, names, times), bid or None, ask or None, mark)
