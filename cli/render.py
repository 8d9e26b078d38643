"""How numbers and tables look to a person: ticks as USD, basis points as per cent, times as UTC."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rtnet_core.limits import BPS
from rtnet_core.params import Scenario, UnderlyingParams
from rtnet_core.snapshot import TICKS_PER_USD

Side = Literal["left", "right"]
#: Width of tables where the output is no terminal.
_PLAIN_WIDTH: Final = 110


def console() -> Console:
    """Return the console of standard output; where that is no terminal, tables keep a width that holds them."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


def print_json(content: object) -> None:
    """Print `content` as JSON, two spaces of indent."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def usd(amount: int | Fraction, per_usd: int = TICKS_PER_USD) -> str:
    """Return an amount as USD to the nearest cent, ties to even; for the eye only.

    Examples
    --------
    >>> usd(-78_605_540_000)
    '-78,605.54'
    """
    cents = round(Fraction(amount) * 100 / per_usd)
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole:,}.{rest:02d}"


def usd_e4(amount: int) -> str:
    """Return an amount in ticks * 10^-4 as USD."""
    return usd(amount, TICKS_PER_USD * BPS)


def per_coin(ticks: int, lot: str) -> str:
    """Return ticks per lot as USD a coin."""
    return usd(ticks / Fraction(lot))


def percent(bps: int | Fraction) -> str:
    """Return basis points as per cent.

    Examples
    --------
    >>> percent(10_000), percent(Fraction(-500))
    ('100.00 %', '-5.00 %')
    """
    hundredths = round(Fraction(bps))
    whole, rest = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else ''}{whole:,}.{rest:02d} %"


def utc(time_ms: int) -> str:
    """Return a time as UTC to the second."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(time_ms: int) -> str:
    """Return a span of time in words a person reads at a glance.

    Examples
    --------
    >>> duration(90_000), duration(200_000_000)
    ('1 min 30 s', '2 d 7 h')
    """
    seconds = time_ms // 1000
    for size, name, below, below_name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{seconds // size} {name} {seconds % size // below} {below_name}"
    return f"{seconds} s"


def scenario_name(scenario: Scenario, params: UnderlyingParams) -> str:
    """Return a scenario in words.

    Examples
    --------
    >>> entry = UnderlyingParams(symbol="BTC", scan_range_bps=1500, volatility_up_bps=4500, volatility_down_bps=3000,
    ...     size_kinks_lots=(0, 0), size_rises_bps=(0, 0), short_option_bps=0, delta_rate_bps=0, gamma_rate_bps=0)
    >>> scenario_name(Scenario(price_thirds=-2, volatility=1, cover_bps=10_000), entry)
    'price -10.00 %, volatility +45.00 %'
    """
    price = Fraction(scenario.price_thirds * params.scan_range_bps, 3)
    moves = {1: params.volatility_up_bps, 0: 0, -1: -params.volatility_down_bps}
    name = f"price {signed_percent(price)}, volatility {signed_percent(moves[scenario.volatility])}"
    return name if scenario.cover_bps == BPS else f"{name}, {percent(scenario.cover_bps)} of the loss"


def signed_percent(bps: int | Fraction) -> str:
    """Return basis points as per cent with its sign."""
    return f"{'+' if bps > 0 else ''}{percent(bps)}"


def visible(text: str) -> str:
    r"""Return `text` with every control character replaced, so that no file can steer the terminal.

    Examples
    --------
    >>> visible("venue\x1b[2J")
    'venue\ufffd[2J'
    """
    return "".join("\ufffd" if unicodedata.category(character) == "Cc" else character for character in text)


def table(title: str, headings: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """Return a table; a heading that begins with ``>`` stands above numbers, which end at the right.

    A cell is shown as it is; a styled one is a Text.
    """
    made = Table(title=Text(visible(title), style="bold"), title_justify="left", header_style="bold")
    for heading in headings:
        made.add_column(heading.removeprefix(">"), justify="right" if heading[0] == ">" else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(_cell, row))
    return made


def facts(title: str, rows: Mapping[str, object], *, side: Side = "left") -> Table:
    """Return a table of two columns without headings: what, and how much - the latter on its `side`."""
    made = Table(title=Text(visible(title), style="bold"), title_justify="left", show_header=False)
    made.add_column(style="cyan", no_wrap=True)
    made.add_column(overflow="fold", justify=side)
    for name, content in rows.items():
        made.add_row(name, _cell(content))
    return made


def _cell(content: object) -> Text:
    return content if isinstance(content, Text) else Text(visible(str(content)))
