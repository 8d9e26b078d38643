"""The snapshot: signed market data at one time, in ticks per lot, in the slots that a profile's circuits have.

Format ``zkm2m/market/v1``. Money is in ticks of 10^-6 USD, so a forward of 78,605.54 USD and a lot of 0.0001 BTC make
7,860,554 ticks per lot. Volatilities are ``round(sigma * 2^32)``; times are milliseconds UTC.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.document import (
    DecimalText,
    Document,
    InstrumentName,
    Part,
    PositivePrice,
    PositiveTicks,
    Symbol,
    TimeMs,
    broken_rule,
)
from rtnet_core.limits import PROFILES, VOLATILITY_BITS, Profile

#: One tick, the unit of money, in USD.
TICK: Final = "0.000001"
TICKS_PER_USD: Final = 10**6

#: The code of a kind inside commitments; an empty slot has code 0.
KIND_CODES: Final[dict[str, int]] = {"perpetual": 1, "future": 2, "call": 3, "put": 4}
OPTION_KINDS: Final = frozenset({"call", "put"})

Kind = Literal["perpetual", "future", "call", "put"]
VolatilityQ32 = Annotated[int, Field(ge=1, lt=1 << VOLATILITY_BITS)]


class Underlying(Part):
    """A coin, its lot in coins (decimal text), and its index in ticks per lot."""

    symbol: Symbol
    lot: DecimalText
    index_ticks: PositiveTicks


class Asset(Part):
    """A collateral asset, its unit in coins (decimal text), and its price in ticks per unit."""

    symbol: Symbol
    unit: DecimalText
    price_ticks: PositivePrice


class Instrument(Part):
    """A listed instrument; what it has depends on its kind.

    Attributes
    ----------
    forward_ticks
        Forward of its expiry (a perpetual's mark) in ticks per lot.
    expiry_ms
        Futures and options only.
    strike_ticks, volatility_q32
        Options only: strike in ticks per lot, mark volatility times 2^32.
    """

    name: InstrumentName
    kind: Kind
    underlying: Symbol
    expiry_ms: TimeMs | None = None
    strike_ticks: PositiveTicks | None = None
    forward_ticks: PositiveTicks
    volatility_q32: VolatilityQ32 | None = None

    @property
    def code(self) -> int:
        """The kind's code, 1 to 4."""
        return KIND_CODES[self.kind]

    @property
    def is_option(self) -> bool:
        """Whether it is a call or a put."""
        return self.kind in OPTION_KINDS

    @model_validator(mode="after")
    def _fields_of_the_kind(self) -> Self:
        needed = {"expiry_ms": self.kind != "perpetual", "strike_ticks": self.is_option}
        needed["volatility_q32"] = self.is_option
        for field, is_needed in needed.items():
            given = getattr(self, field)
            if is_needed and given is None:
                raise broken_rule(field, f"is missing: a {self.kind} needs it")
            if not is_needed and given is not None:
                raise broken_rule(field, f"must be left out: a {self.kind} has none", given)
        return self


class Snapshot(Document):
    """Signed market data at one time (format ``zkm2m/market/v1``).

    The order of `underlyings`, `assets` and, within an underlying, of `instruments` is part of the data: it decides the
    slots (see `slots`).

    Examples
    --------
    >>> market = Snapshot.from_json({
    ...     "format": "zkm2m/market/v1", "profile": "small", "time_ms": 0, "quote": "USD", "tick": "0.000001",
    ...     "underlyings": [{"symbol": "BTC", "lot": "0.0001", "index_ticks": 7_860_554}],
    ...     "assets": [{"symbol": "USDC", "unit": "1", "price_ticks": 1_000_000}],
    ...     "instruments": [{"name": "BTC-PERPETUAL", "kind": "perpetual", "underlying": "BTC",
    ...                      "forward_ticks": 7_860_554}]})
    >>> [None if instrument is None else instrument.name for instrument in slots(market)][:3]
    ['BTC-PERPETUAL', None, None]
    """

    format: Literal["zkm2m/market/v1"] = "zkm2m/market/v1"
    profile: str
    time_ms: TimeMs
    quote: Literal["USD"] = "USD"
    tick: Literal["0.000001"] = TICK
    underlyings: Annotated[tuple[Underlying, ...], Field(strict=False, min_length=1)]
    assets: Annotated[tuple[Asset, ...], Field(strict=False, min_length=1)]
    instruments: Annotated[tuple[Instrument, ...], Field(strict=False, min_length=1)]

    @property
    def sizes(self) -> Profile:
        """The sizes of the snapshot's profile."""
        return PROFILES[self.profile]

    @model_validator(mode="after")
    def _fits_the_profile(self) -> Self:
        if self.profile not in PROFILES:
            raise broken_rule("profile", f"must be one of {', '.join(PROFILES)}", self.profile)
        sizes = self.sizes
        for field, count, most in (
            ("underlyings", len(self.underlyings), sizes.underlyings),
            ("assets", len(self.assets), sizes.assets),
        ):
            if count > most:
                raise broken_rule(field, f"must have at most {most} entries in profile {self.profile}", count)
        for symbol, count in Counter(instrument.underlying for instrument in self.instruments).items():
            if count > sizes.slots:
                rule = f"must have at most {sizes.slots} of {symbol} in profile {self.profile}"
                raise broken_rule("instruments", rule, count)
        return self

    @model_validator(mode="after")
    def _each_named_once(self) -> Self:
        for field, key, names in (
            ("underlyings", "symbol", [entry.symbol for entry in self.underlyings]),
            ("assets", "symbol", [entry.symbol for entry in self.assets]),
            ("instruments", "name", [entry.name for entry in self.instruments]),
        ):
            seen: dict[str, int] = {}
            for index, name in enumerate(names):
                if name in seen:
                    rule = f"must be unique: {field}[{seen[name]}] has it too"
                    raise broken_rule(f"{field}[{index}].{key}", rule, name)
                seen[name] = index
        return self

    @model_validator(mode="after")
    def _instruments_are_alive(self) -> Self:
        symbols = {entry.symbol for entry in self.underlyings}
        for index, instrument in enumerate(self.instruments):
            if instrument.underlying not in symbols:
                rule = "must be one of the snapshot's underlyings"
                raise broken_rule(f"instruments[{index}].underlying", rule, instrument.underlying)
            if instrument.expiry_ms is not None and instrument.expiry_ms <= self.time_ms:
                rule = f"must be after the snapshot's time_ms {self.time_ms}"
                raise broken_rule(f"instruments[{index}].expiry_ms", rule, instrument.expiry_ms)
        return self


def slots(snapshot: Snapshot) -> list[Instrument | None]:
    """Return what stands in each of the profile's K slots; None is an empty slot.

    Underlying number u of the snapshot owns the K/U slots from ``u * K/U`` on. Its instruments fill them in the order
    of the file; the rest stay empty, as do the slots of underlyings that the snapshot does not have.
    """
    sizes = snapshot.sizes
    table: list[Instrument | None] = [None] * sizes.instruments
    following = {entry.symbol: number * sizes.slots for number, entry in enumerate(snapshot.underlyings)}
    for instrument in snapshot.instruments:
        table[following[instrument.underlying]] = instrument
        following[instrument.underlying] += 1
    return table


def slot_numbers(snapshot: Snapshot) -> dict[str, int]:
    """Return the slot of each instrument by its name."""
    return {instrument.name: number for number, instrument in enumerate(slots(snapshot)) if instrument is not None}
