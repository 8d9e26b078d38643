"""Option chains and trade files made from known surfaces and prices, in the formats that the software reads."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rtnet_core.deribit import COLUMNS
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.pricing_fast import option_values
from rtnet_core.svi import Svi

TIME_MS = 1_787_370_645_000  # 2026-08-22 03:50:45 UTC
INDEX_USD = 80_000.0
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
#: 08:00 UTC of 2026-08-28, 2026-09-25 and 2026-12-25.
EXPIRIES = (1_787_904_000_000, 1_790_323_200_000, 1_798_185_600_000)


def years_to(expiry_ms: int, time_ms: int = TIME_MS) -> float:
    return (expiry_ms - time_ms) / MS_PER_YEAR


def calm_slice(years: float) -> Svi:
    """Return a slice of a surface without arbitrage: about 40 % at the money, skewed."""
    root = years**0.5
    return Svi(0.12 * years, 0.12 * root, -0.2, 0.0, 0.3 * root)


def chain_rows(
    slices: Mapping[int, Svi],
    *,
    time_ms: int = TIME_MS,
    coin: str = "BTC",
    index: float = INDEX_USD,
    basis: float = 1.01,
    synthetic: Sequence[int] = (),
    spread: float = 0.0004,
) -> list[dict[str, str]]:
    """Return the rows of a chain whose marks are those of `slices`, with bid and ask half a `spread` to either side."""
    rows = []
    for expiry_ms, svi in slices.items():
        years = years_to(expiry_ms, time_ms)
        forward = round(index * basis**years, 2)
        moment = datetime.fromtimestamp(expiry_ms / 1000, UTC)
        day = f"{moment.day}{MONTHS[moment.month - 1]}{moment.year % 100:02d}"
        width = 3 * float(np.sqrt(svi.total_variance(0.0)))
        strikes = sorted({int(round(forward * float(np.exp(k)), -2)) for k in np.linspace(-width, width, 25)})
        for strike in strikes:
            volatility = float(np.sqrt(svi.total_variance(np.log(strike / forward)) / years))
            for kind in ("call", "put"):
                mark = float(option_values(kind == "call", 1.0, strike / forward, volatility, years))
                bid = mark - spread / 2
                rows.append(
                    dict.fromkeys(COLUMNS, "")
                    | {
                        "timestamp": datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(),
                        "instrument_name": f"{coin}-{day}-{strike}-{kind[0].upper()}",
                        "option_type": kind,
                        "strike": f"{strike}.0",
                        "expiry_datetime": moment.isoformat(),
                        "bid_price": f"{bid:.12f}" if bid > 0 else "",
                        "ask_price": f"{mark + spread / 2:.12f}",
                        "mark_price": f"{mark:.12f}",
                        "futures_price": f"{forward:.2f}",
                        "futures_instrument_name": f"{'SYN.' if expiry_ms in synthetic else ''}{coin}-{day}",
                        "implied_volatility": f"{volatility:.12f}",
                        "open_interest": "10.0",
                        "currency": coin,
                        "index_price": f"{index:.2f}",
                    }
                )
    return rows


def write_chain(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def calm_chain(path: Path, **options: object) -> Path:
    """Write a chain of three expiries of the calm surface."""
    time_ms = int(str(options.get("time_ms", TIME_MS)))
    slices = {expiry: calm_slice(years_to(expiry, time_ms)) for expiry in EXPIRIES}
    return write_chain(path, chain_rows(slices, **options))  # type: ignore[arg-type]


def write_trades(path: Path, trades: Sequence[tuple[int, str, str, str]]) -> Path:
    """Write trades of (time, venue, price, quantity)."""
    lines = [
        "ts_ms,venue,price,qty,buyer_is_maker",
        *(f"{t},{venue},{price},{qty},0" for t, venue, price, qty in trades),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def three_venues(end_ms: int, price: float = INDEX_USD) -> list[tuple[int, str, str, str]]:
    """Return a minute of trades at three venues, one a second each, the perpetuals 0.02 % above spot."""
    made = []
    for second in range(60):
        time_ms = end_ms - 1_000 * second
        made.append((time_ms, "binance_spot", f"{price:.2f}", "0.5"))
        made.append((time_ms, "binance_usdm_perp", f"{price * 1.0002:.2f}", "2"))
        made.append((time_ms, "binance_coinm_perp", f"{price * 1.0002:.2f}", "300"))
    return made
