"""From accepted chain rows to a snapshot: which instruments are listed, and at which forward and index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from rtnet_core.errors import InputError
from rtnet_core.fixed_point import round_half_even
from rtnet_core.limits import PROFILES
from rtnet_core.snapshot import TICKS_PER_USD, Asset, Instrument, Snapshot, Underlying

#: Futures listed for an underlying: at most this many, and at most a quarter of its slots.
MAX_FUTURES: Final = 3


@dataclass(frozen=True, slots=True)
class Currency:
    """Lot of the underlying and unit of the collateral asset, in coins."""

    lot: str
    unit: str


CURRENCIES: Final = {"BTC": Currency(lot="0.0001", unit="0.0001"), "ETH": Currency(lot="0.01", unit="0.001")}
#: Collateral in the order of preference; a profile with fewer places takes the first ones that have a price.
ASSET_ORDER: Final = ("USDC", "USDT", "BTC", "ETH")


@dataclass(frozen=True, slots=True)
class ChainRow:
    """An accepted row: ticks per lot, volatility times 2^32, times in milliseconds; index and open interest as read."""

    name: str
    currency: str
    kind: str
    time_ms: int
    expiry_ms: int
    strike_ticks: int
    forward_ticks: int
    volatility_q32: int
    future_name: str
    index_usd: Fraction
    open_interest: Fraction
    repriced_error: float


def make_snapshot(rows: Sequence[ChainRow], profile: str, names: Sequence[str] | None) -> Snapshot:
    """Return the snapshot of accepted rows of one time.

    Parameters
    ----------
    rows
        At least one; their order decides the order of the underlyings.
    profile
        Sizes of the snapshot.
    names
        Instruments to list; None chooses by open interest.

    Raises
    ------
    InputError
        More underlyings than the profile has, a name that the rows do not offer, or more names than slots.
    """
    sizes = PROFILES[profile]
    currencies = list(dict.fromkeys(row.currency for row in rows))
    if len(currencies) > sizes.underlyings:
        raise InputError("chain files", f"must hold at most {sizes.underlyings} underlyings", len(currencies))
    index = {currency: _median(row.index_usd for row in rows if row.currency == currency) for currency in currencies}
    offers = {currency: _offers([row for row in rows if row.currency == currency], index) for currency in currencies}
    if names is None:
        listed = [entry for currency in currencies for entry in _by_interest(offers[currency], sizes.slots)]
    else:
        known = {entry.name: entry for offer in offers.values() for entry, _ in offer}
        for number, name in enumerate(names):
            if name not in known:
                raise InputError(f"instruments[{number}]", "must be an instrument that the chain files offer", name)
        listed = sorted((known[name] for name in names), key=_order)
    return Snapshot.from_json(
        {
            "profile": profile,
            "time_ms": rows[0].time_ms,
            "underlyings": [
                Underlying(symbol=currency, lot=CURRENCIES[currency].lot, index_ticks=_ticks(index[currency], currency))
                for currency in currencies
            ],
            "assets": _assets(index, sizes.assets),
            "instruments": listed,
        },
        "import",
    )


def _offers(rows: Sequence[ChainRow], index: dict[str, Fraction]) -> list[tuple[Instrument, Fraction]]:
    """Return every instrument of one currency that could be listed, with its open interest.

    A future counts the open interest of its expiry's options. The perpetual stands at the median index, a future at the
    median forward of its expiry. Expiries for which Deribit itself has only a synthetic forward (``SYN.``) offer no
    future.
    """
    currency = rows[0].currency
    spot = _ticks(index[currency], currency)
    perpetual = Instrument(name=f"{currency}-PERPETUAL", kind="perpetual", underlying=currency, forward_ticks=spot)
    offers = [(perpetual, Fraction(0))]
    for future_name in sorted({row.future_name for row in rows}):
        members = [row for row in rows if row.future_name == future_name]
        if not future_name.startswith(f"{currency}-"):
            continue
        forward = _median(Fraction(row.forward_ticks) for row in members)
        future = Instrument(
            name=future_name,
            kind="future",
            underlying=currency,
            expiry_ms=members[0].expiry_ms,
            forward_ticks=round_half_even(forward.numerator, forward.denominator),
        )
        offers.append((future, sum((row.open_interest for row in members), Fraction(0))))
    for row in rows:
        option = Instrument(
            name=row.name,
            kind="call" if row.kind == "call" else "put",
            underlying=currency,
            expiry_ms=row.expiry_ms,
            strike_ticks=row.strike_ticks,
            forward_ticks=row.forward_ticks,
            volatility_q32=row.volatility_q32,
        )
        offers.append((option, row.open_interest))
    return offers


def _by_interest(offers: Sequence[tuple[Instrument, Fraction]], slot_count: int) -> list[Instrument]:
    """Return the perpetual, the futures and the options with most open interest that fit, ties by name."""

    def leading(kinds: tuple[str, ...], count: int) -> list[Instrument]:
        ranked = sorted(
            ((entry, interest) for entry, interest in offers if entry.kind in kinds),
            key=lambda offer: (-offer[1], offer[0].name),
        )
        return [entry for entry, _ in ranked[:count]]

    chosen = leading(("perpetual",), 1) + leading(("future",), min(MAX_FUTURES, slot_count // 4))
    chosen += leading(("call", "put"), slot_count - len(chosen))
    return sorted(chosen, key=_order)


def _order(entry: Instrument) -> tuple[int, int, int, str]:
    """Perpetual, futures by expiry, options by expiry and strike."""
    return (min(entry.code, 3), entry.expiry_ms or 0, entry.strike_ticks or 0, entry.name)


def _assets(index: dict[str, Fraction], count: int) -> list[Asset]:
    """Return the collateral assets that have a price; stablecoins stand at 1 USD."""
    assets = []
    for symbol in ASSET_ORDER:
        if symbol in index:
            price = index[symbol] * Fraction(CURRENCIES[symbol].unit) * TICKS_PER_USD
            ticks = round_half_even(price.numerator, price.denominator)
            assets.append(Asset(symbol=symbol, unit=CURRENCIES[symbol].unit, price_ticks=ticks))
        elif symbol not in CURRENCIES:
            assets.append(Asset(symbol=symbol, unit="1", price_ticks=TICKS_PER_USD))
    return assets[:count]


def _ticks(usd: Fraction, currency: str) -> int:
    """Return USD a coin as ticks per lot, to the nearest, ties to even."""
    ticks = usd * Fraction(CURRENCIES[currency].lot) * TICKS_PER_USD
    return round_half_even(ticks.numerator, ticks.denominator)


def _median(numbers: Iterable[Fraction]) -> Fraction:
    """Return the median; of an even count the mean of the middle two, exactly."""
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
