"""Import of Deribit option chains: each row checked, refused with a reason or priced with its own forward.

Deribit quotes options in coin. The conversion to USD ticks per lot happens here, once: a price in coin times the row's
own ``futures_price``, since index and forward differ from row to row within one collection. Forward and volatility are
rounded to the nearest tick and 2^-32, ties to even; a strike must be a whole number of ticks already.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from rtnet_core.black76 import value_ticks
from rtnet_core.deribit_choice import CURRENCIES, ChainRow, make_snapshot
from rtnet_core.errors import InputError, RangeError, Refusal
from rtnet_core.fixed_point import round_half_even
from rtnet_core.limits import MS_PER_YEAR, PROFILES, ROW_BITS, VOLATILITY_BITS, VOLATILITY_FRACTION_BITS
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot

T = TypeVar("T")

COLUMNS: Final = [
    "timestamp",
    "instrument_name",
    "underlying",
    "underlying_name",
    "option_type",
    "strike",
    "expiry_datetime",
    "time_to_maturity",
    "bid_price",
    "ask_price",
    "mark_price",
    "mid_price",
    "futures_price",
    "futures_instrument_name",
    "implied_volatility",
    "delta",
    "vega",
    "open_interest",
    "volume",
    "bid_ask_spread",
    "currency",
    "index_price",
    "volume_usd",
]
#: A mark further than this from the repriced one, relative to the forward, is no mark of this forward and volatility.
MARK_TOLERANCE: Final = Fraction(1, 1_000)
MAX_FILE_BYTES: Final = 64 * 1024 * 1024

REASONS: Final = {
    "malformed": "cells missing or unreadable, or the name does not agree with them",
    "duplicate": "the instrument stands in an earlier row",
    "expired": "the expiry is not after the timestamp",
    "no_mark": "no mark price (empty or 0)",
    "no_volatility": "no mark volatility (empty or 0)",
    "out_of_range": "a number does not fit its width, or the strike is no whole number of ticks",
    "mark_inconsistent": "Black-76 at the row's forward and volatility is over 0.001 of the forward away from the mark",
}

_NAME: Final = re.compile(r"([A-Z]{2,8})-(\d{1,2}[A-Z]{3}\d{2})-(\d{1,9})-([CP])", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,15}(\.\d{1,25})?([eE]-\d{1,2})?", re.ASCII)
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken: its file, line, instrument and the reason, a key of `REASONS`."""

    file: str
    line: int
    instrument: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file's rows and what became of them; errors are relative to the forward."""

    file: str
    rows: int
    accepted: int
    refused: dict[str, int]
    repriced_error_median: float
    repriced_error_worst: float


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import read, took and refused.

    Attributes
    ----------
    rows, accepted
        Rows of all files; those that passed every check.
    refused
        Count by reason, a key of `REASONS`; ``rows = accepted + sum(refused.values())``.
    listed
        Instruments in the snapshot, perpetuals and futures included.
    repriced_error_median, repriced_error_worst
        Of ``|Black-76 / forward - mark_price|`` over all accepted rows.
    refused_rows
        Each refused row.
    files
        The same by file.
    """

    rows: int
    accepted: int
    refused: dict[str, int]
    listed: int
    repriced_error_median: float
    repriced_error_worst: float
    refused_rows: tuple[RefusedRow, ...]
    files: tuple[FileReport, ...]


class RowRefused(Exception):
    """A row is not taken, for a reason in one word."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def import_chains(
    paths: Sequence[Path], *, profile: str = "standard", instruments: Sequence[str] | None = None
) -> tuple[Snapshot, ImportReport]:
    """Return the snapshot of one or more Deribit chain files of one time, and the report of the import.

    The underlyings stand in the order of the files. Each gets one perpetual, whose mark is the median index since the
    files hold none; futures of the expiries with most open interest in options (up to three, and a quarter of its
    slots), at the median forward; then the options with most open interest. USDC and USDT are taken at 1 USD: the files
    price only the coins.

    Parameters
    ----------
    paths
        CSV files with exactly the columns `COLUMNS`.
    profile
        Sizes of the snapshot.
    instruments
        Names to list instead of choosing by open interest.

    Raises
    ------
    InputError
        A file is unreadable, has other columns or no usable row; a currency without a lot; too many underlyings; a name
        in `instruments` that the files do not offer.
    Refusal
        ``time_mismatch``: the rows are not all of one time.
    """
    if profile not in PROFILES:
        raise InputError("profile", f"must be one of {', '.join(PROFILES)}", profile)
    if not paths:
        raise InputError("chain files", "must be at least one")
    accepted: list[ChainRow] = []
    refused: list[RefusedRow] = []
    files: list[FileReport] = []
    names: set[str] = set()
    times: dict[str, str] = {}
    for path in paths:
        rows, row_refusals = read_file(path, lambda row, place: read_row(row, place, names, times))
        accepted += rows
        refused += row_refusals
        files.append(file_report(path.name, rows, row_refusals))
    if not accepted:
        raise InputError("chain files", "must hold at least one usable row")
    snapshot = make_snapshot(accepted, profile, instruments)
    middle, worst = _errors(accepted)
    report = ImportReport(
        rows=sum(entry.rows for entry in files),
        accepted=len(accepted),
        refused=_counts(refused),
        listed=len(snapshot.instruments),
        repriced_error_median=middle,
        repriced_error_worst=worst,
        refused_rows=tuple(refused),
        files=tuple(files),
    )
    return snapshot, report


def read_instrument_names(path: Path) -> list[str]:
    """Return the instrument names of a text file: one a line, blank lines and lines that begin with ``#`` skipped.

    Raises
    ------
    InputError
        The file is unreadable, or a name stands twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(str(path), "must be a readable UTF-8 text file") from None
    names: list[str] = []
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        if name in names:
            raise InputError(f"{path.name} line {number}", "must not repeat a name", name)
        names.append(name)
    return names


def read_file(path: Path, take: Callable[[dict[str, str], str], T]) -> tuple[list[T], list[RefusedRow]]:
    """Return what `take` makes of each row of a chain file, given its cells and its place, and the rows refused.

    Raises
    ------
    InputError
        The file is too long, unreadable, no CSV, or has other columns; and whatever `take` raises but `RowRefused`.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(str(path), f"must not be longer than {MAX_FILE_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(str(path), "must be a readable UTF-8 file") from None
    accepted: list[T] = []
    refused: list[RefusedRow] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if header != COLUMNS:
            raise InputError(f"{path.name} line 1", f"must be the {len(COLUMNS)} columns of a Deribit chain", header)
        for cells in reader:
            row = dict(zip(COLUMNS, cells, strict=False))
            try:
                if len(cells) != len(COLUMNS):
                    raise RowRefused("malformed")
                accepted.append(take(row, f"{path.name} line {reader.line_num}"))
            except RowRefused as refusal:
                name = row.get("instrument_name", "")
                refused.append(RefusedRow(path.name, reader.line_num, name, refusal.reason))
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num}", f"must be CSV: {error}") from None
    return accepted, refused


def read_row(row: dict[str, str], place: str, names: set[str], times: dict[str, str]) -> ChainRow:
    """Return the row in ticks, or raise `RowRefused` with the first reason that applies.

    `names` collects the instruments taken so far, `times` the timestamps seen and where.
    """
    stamp = row["timestamp"]
    time_ms = _milliseconds(stamp)
    times.setdefault(stamp, place)
    if len(times) > 1:
        (first, where), *_ = times.items()
        raise Refusal(
            "time_mismatch",
            f"{place} is of {stamp}, {where} of {first}: a snapshot is of one time, import files collected together",
        )
    name, expiry_ms, kind, strike_usd = _identity(row, place)
    if name in names:
        raise RowRefused("duplicate")
    if expiry_ms <= time_ms:
        raise RowRefused("expired")
    mark, volatility = optional_number(row["mark_price"]), optional_number(row["implied_volatility"])
    forward_usd, index_usd = _number(row["futures_price"]), _number(row["index_price"])
    open_interest = optional_number(row["open_interest"])
    if not mark:
        raise RowRefused("no_mark")
    if not volatility:
        raise RowRefused("no_volatility")
    lot = Fraction(CURRENCIES[row["currency"]].lot) * TICKS_PER_USD
    strike = strike_usd * lot
    forward_ticks = _nearest(forward_usd * lot, ROW_BITS)
    strike_ticks = _nearest(strike, ROW_BITS)
    volatility_q32 = _nearest(volatility * (1 << VOLATILITY_FRACTION_BITS), VOLATILITY_BITS)
    _nearest(index_usd * lot, ROW_BITS)
    if strike_ticks != strike:
        raise RowRefused("out_of_range")
    try:
        repriced = value_ticks(kind, forward_ticks, strike_ticks, volatility_q32, expiry_ms - time_ms)
    except RangeError:
        raise RowRefused("out_of_range") from None
    error = abs(Fraction(repriced, forward_ticks) - mark)
    if error > MARK_TOLERANCE:
        raise RowRefused("mark_inconsistent")
    names.add(name)
    return ChainRow(
        name=name,
        currency=row["currency"],
        kind=kind,
        time_ms=time_ms,
        expiry_ms=expiry_ms,
        strike_ticks=strike_ticks,
        forward_ticks=forward_ticks,
        volatility_q32=volatility_q32,
        future_name=row["futures_instrument_name"],
        index_usd=index_usd,
        open_interest=open_interest,
        repriced_error=float(error),
    )


def _identity(row: dict[str, str], place: str) -> tuple[str, int, str, Fraction]:
    """Return name, expiry, kind and strike, after checking that the name says the same as the cells."""
    name, currency = row["instrument_name"], row["currency"]
    match = _NAME.fullmatch(name)
    kind = row["option_type"]
    if match is None or kind not in ("call", "put") or match[1] != currency or match[4] != kind[0].upper():
        raise RowRefused("malformed")
    if currency not in CURRENCIES:
        raise InputError(
            f"{place}: currency", f"must be one of {', '.join(CURRENCIES)}: no lot is set for others", currency
        )
    strike = _number(row["strike"])
    expiry_ms = _milliseconds(row["expiry_datetime"])
    expiry = datetime.fromtimestamp(expiry_ms / 1000, UTC)
    day = f"{expiry.day}{_MONTHS[expiry.month - 1]}{expiry.year % 100:02d}"
    future = row["futures_instrument_name"].removeprefix("SYN.")
    if strike != int(match[3]) or match[2] != day or future != f"{currency}-{day}":
        raise RowRefused("malformed")
    return name, expiry_ms, kind, strike


def _milliseconds(text: str) -> int:
    """Return a UTC time in whole milliseconds, rounded down."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or moment.utcoffset():
            raise RowRefused("malformed")
        delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise RowRefused("malformed") from None
    milliseconds = (delta.days * 86_400 + delta.seconds) * 1_000 + delta.microseconds // 1_000
    if milliseconds < 0 or milliseconds > 200 * MS_PER_YEAR:
        raise RowRefused("malformed")
    return milliseconds


def _number(text: str) -> Fraction:
    """Return a plain decimal number of at least zero, exactly."""
    if _NUMBER.fullmatch(text) is None:
        raise RowRefused("malformed")
    return Fraction(text)


def optional_number(text: str) -> Fraction:
    """Return the number, zero for an empty cell."""
    return _number(text) if text else Fraction(0)


def _nearest(number: Fraction, bits: int) -> int:
    """Return the nearest integer, ties to even, if it is above zero and below 2^bits."""
    rounded = round_half_even(number.numerator, number.denominator)
    if not 0 < rounded < 1 << bits:
        raise RowRefused("out_of_range")
    return rounded


def _errors(rows: Sequence[ChainRow]) -> tuple[float, float]:
    errors = [row.repriced_error for row in rows]
    return (median(errors), max(errors)) if errors else (0.0, 0.0)


def _counts(refused: Sequence[RefusedRow]) -> dict[str, int]:
    return dict(sorted(Counter(row.reason for row in refused).items()))


def file_report(name: str, rows: Sequence[ChainRow], refused: Sequence[RefusedRow]) -> FileReport:
    """Return what became of the rows of one file."""
    middle, worst = _errors(rows)
    return FileReport(name, len(rows) + len(refused), len(rows), _counts(refused), middle, worst)
