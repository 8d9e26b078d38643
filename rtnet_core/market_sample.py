"""Sample snapshots that look like a market: term structures, smiles with skew, round strikes around the money.

A sample is a function of its seed alone, on every platform: draws are raw PCG64 words (`rtnet_core.draws`), and what
follows uses only additions, products, quotients and square roots, which IEEE 754 fixes to the last bit; then prices are
put on a grid of `PRICE_GRID_TICKS` and volatilities on one of 0.0001.

References
----------
J. Gatheral and A. Jacquier, *Arbitrage-free SVI volatility surfaces*, Quantitative Finance 14 (2014), section 4: the
surface w(k, θ) = θ/2·(1 + ρφk + √((φk + ρ)² + 1 - ρ²)) with φ = η/√θ, free of butterfly arbitrage for η²(1 + |ρ|) <= 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import sqrt
from typing import Final

from rtnet_core.draws import Draws
from rtnet_core.errors import InputError
from rtnet_core.fixed_point import round_half_even
from rtnet_core.limits import MS_PER_YEAR, PROFILES, VOLATILITY_FRACTION_BITS
from rtnet_core.snapshot import TICKS_PER_USD, Asset, Instrument, Snapshot, Underlying

#: 2026-09-01 12:00 UTC, the time of a sample unless another is given.
DEFAULT_TIME_MS: Final = 1_788_264_000_000
#: Forwards and indices of a sample are multiples of this.
PRICE_GRID_TICKS: Final = 100
VOLATILITY_GRID: Final = 10_000

_PURPOSE: Final = 1
#: Option expiries: weeks after the first Friday 08:00 UTC that is at least a day away.
_EXPIRY_WEEKS: Final = (0, 3, 8, 17, 30, 43)
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class _Coin:
    """Lot and collateral unit in coins, and the ranges that index (USD) and long-run volatility are drawn from."""

    lot: str
    unit: str
    usd: tuple[float, float]
    volatility: tuple[float, float]


_COINS: Final = {
    "BTC": _Coin("0.0001", "0.0001", (60_000.0, 110_000.0), (0.40, 0.60)),
    "ETH": _Coin("0.01", "0.001", (1_800.0, 4_200.0), (0.55, 0.80)),
    "SOL": _Coin("0.1", "0.01", (90.0, 240.0), (0.70, 1.00)),
    "XRP": _Coin("10", "1", (1.2, 3.2), (0.65, 0.95)),
}
_STABLECOINS: Final = {"USDC": (999_900, 1_000_100), "USDT": (999_300, 1_000_500)}


@dataclass(frozen=True, slots=True)
class _Surface:
    """Term structure of forward and volatility, and the smile, of one underlying."""

    index_ticks: int
    basis: float
    long_run: float
    spot_excess: float
    skew: float
    wing: float

    def forward(self, years: float) -> int:
        """Return the forward in ticks per lot, on the grid."""
        return _on_grid(self.index_ticks * (1.0 + self.basis * years))

    def at_the_money(self, years: float) -> float:
        """Return the at-the-money volatility: the excess of the short end dies off with a time scale of four months."""
        return self.long_run + self.spot_excess / (1.0 + 3.0 * years)

    def volatility(self, strike: int, forward: int, years: float) -> float:
        """Return the smile's volatility; log-moneyness is taken as 2(K - F)/(K + F), its first term."""
        log = 2.0 * (strike - forward) / (strike + forward)
        theta = self.at_the_money(years) ** 2 * years
        phi = self.wing / sqrt(theta)
        bend = phi * log + self.skew
        total = theta / 2.0 * (1.0 + self.skew * phi * log + sqrt(bend * bend + 1.0 - self.skew * self.skew))
        return sqrt(total / years)


def sample_market(seed: int, profile: str = "standard", time_ms: int = DEFAULT_TIME_MS) -> Snapshot:
    """Return a sample snapshot that fills every slot of its profile.

    Each underlying has a perpetual, up to three futures (at most a quarter of its slots), and options on several
    Fridays with round strikes about half a standard deviation apart: puts below the forward, calls from it on.

    Parameters
    ----------
    seed
        0 to 2^64 - 1.
    profile
        Decides how many underlyings, assets and instruments.
    time_ms
        The snapshot's time, milliseconds UTC.

    Raises
    ------
    InputError
        Unknown profile, seed or time out of range.
    """
    if profile not in PROFILES:
        raise InputError("profile", f"must be one of {', '.join(PROFILES)}", profile)
    if type(time_ms) is not int or not 0 <= time_ms < 100 * MS_PER_YEAR:
        raise InputError("time_ms", "must be milliseconds UTC from 1970 to 2069", time_ms)
    sizes = PROFILES[profile]
    draws = Draws(seed, _PURPOSE)
    underlyings: list[Underlying] = []
    instruments: list[Instrument] = []
    prices: dict[str, Fraction] = {}
    for symbol in list(_COINS)[: sizes.underlyings]:
        coin = _COINS[symbol]
        surface = _draw_surface(coin, draws)
        underlyings.append(Underlying(symbol=symbol, lot=coin.lot, index_ticks=surface.index_ticks))
        instruments += _instruments(symbol, surface, sizes.slots, time_ms, draws)
        prices[symbol] = Fraction(surface.index_ticks) / Fraction(coin.lot)
    return Snapshot(
        profile=profile,
        time_ms=time_ms,
        underlyings=tuple(underlyings),
        assets=tuple(_assets(prices, draws)[: sizes.assets]),
        instruments=tuple(instruments),
    )


def _draw_surface(coin: _Coin, draws: Draws) -> _Surface:
    ticks_per_usd = float(Fraction(coin.lot) * TICKS_PER_USD)
    return _Surface(
        index_ticks=_on_grid(draws.between(*coin.usd) * ticks_per_usd),
        basis=draws.between(0.01, 0.11),
        long_run=draws.between(*coin.volatility),
        spot_excess=draws.between(-0.10, 0.25),
        skew=draws.between(-0.35, -0.05),
        wing=draws.between(0.7, 1.2),
    )


def _instruments(symbol: str, surface: _Surface, slot_count: int, time_ms: int, draws: Draws) -> list[Instrument]:
    """Return the instruments that fill one underlying's slots."""
    future_count = min(3, slot_count // 4)
    option_count = slot_count - 1 - future_count
    expiry_count = min(len(_EXPIRY_WEEKS), max(1, option_count // 7))
    expiries = [_first_friday(time_ms) + timedelta(weeks=weeks) for weeks in _EXPIRY_WEEKS[:expiry_count]]
    premium = draws.between(-0.0004, 0.0006)
    listed = [
        Instrument(
            name=f"{symbol}-PERPETUAL",
            kind="perpetual",
            underlying=symbol,
            forward_ticks=_on_grid(surface.index_ticks * (1.0 + premium)),
        )
    ]
    for expiry in expiries[-future_count:]:
        listed.append(
            Instrument(
                name=f"{symbol}-{_day(expiry)}",
                kind="future",
                underlying=symbol,
                expiry_ms=_milliseconds(expiry),
                forward_ticks=surface.forward(_years(expiry, time_ms)),
            )
        )
    for number, expiry in enumerate(expiries):
        share = option_count // expiry_count + (number < option_count % expiry_count)
        listed += _options(symbol, surface, expiry, share, time_ms)
    return listed


def _options(symbol: str, surface: _Surface, expiry: datetime, count: int, time_ms: int) -> list[Instrument]:
    """Return `count` options of one expiry at neighbouring round strikes; the middle strike has a put and a call."""
    years = _years(expiry, time_ms)
    forward = surface.forward(years)
    step = _round_step(0.5 * surface.at_the_money(years) * sqrt(years) * forward)
    middle = round(forward / step)
    # The lowest strike stays positive and the highest below the width of a strike, four forwards in any profile.
    first = max(middle - (count - 1) // 2, 1)
    lot = Fraction(_COINS[symbol].lot) * TICKS_PER_USD
    options = []
    for number in range(count):
        is_call = first + number > middle
        strike = (first + number - is_call) * step
        volatility = round(surface.volatility(strike, forward, years) * VOLATILITY_GRID)
        options.append(
            Instrument(
                name=f"{symbol}-{_day(expiry)}-{_plain(strike / lot)}-{'C' if is_call else 'P'}",
                kind="call" if is_call else "put",
                underlying=symbol,
                expiry_ms=_milliseconds(expiry),
                strike_ticks=strike,
                forward_ticks=forward,
                volatility_q32=round_half_even(volatility << VOLATILITY_FRACTION_BITS, VOLATILITY_GRID),
            )
        )
    return options


def _assets(prices: dict[str, Fraction], draws: Draws) -> list[Asset]:
    """Return stablecoins near 1 USD and the coins at their index."""
    assets = [
        Asset(symbol=symbol, unit="1", price_ticks=_on_grid(draws.between(*span)))
        for symbol, span in _STABLECOINS.items()
    ]
    for symbol, price in prices.items():
        ticks = price * Fraction(_COINS[symbol].unit)
        assets.append(
            Asset(
                symbol=symbol,
                unit=_COINS[symbol].unit,
                price_ticks=round_half_even(ticks.numerator, ticks.denominator),
            )
        )
    return assets


def _on_grid(ticks: float) -> int:
    return round(ticks / PRICE_GRID_TICKS) * PRICE_GRID_TICKS


def _round_step(wanted: float) -> int:
    """Return the largest 1, 2 or 5 times a power of ten that is at most `wanted` (and at least the price grid)."""
    power = PRICE_GRID_TICKS
    while power * 10 <= wanted:
        power *= 10
    return next((power * factor for factor in (5, 2) if power * factor <= wanted), power)


def _first_friday(time_ms: int) -> datetime:
    """Return the first Friday 08:00 UTC that is at least a day away."""
    day = datetime(1970, 1, 1, 8, tzinfo=UTC) + timedelta(milliseconds=time_ms + 86_400_000)
    friday = day.replace(hour=8, minute=0, second=0, microsecond=0)
    while friday.weekday() != 4 or _milliseconds(friday) < time_ms + 86_400_000:
        friday += timedelta(days=1)
    return friday


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _years(expiry: datetime, time_ms: int) -> float:
    return (_milliseconds(expiry) - time_ms) / MS_PER_YEAR


def _day(moment: datetime) -> str:
    return f"{moment.day}{_MONTHS[moment.month - 1]}{moment.year % 100:02d}"


def _plain(number: Fraction) -> str:
    """Spell a round price as Deribit does: ``80000``, or ``2d4`` for 2.4."""
    whole, rest = divmod(number, 1)
    if not rest:
        return str(whole)
    digits = str(round(rest * 10**9)).rjust(9, "0").rstrip("0")
    return f"{whole}d{digits}"
