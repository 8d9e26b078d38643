"""The margin parameters that a venue publishes: scenario grid, rates per underlying, haircuts per asset.

Format ``zkm2m/params/v1``. The published defaults are in `default_params`, with the reason for each number.

References
----------
- CME, *SPAN methodology*: sixteen scenarios, two of them extreme moves at partial cover; short option minimum.
- Deribit, *Portfolio margin*: price moves of ±10 % to ±16 %, volatility moves of 25 % to 50 % of itself at 30 days,
  1 % of the underlying for each net short option.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.document import Amount, Document, Part, RateBps, Symbol, broken_rule
from rtnet_core.errors import InputError
from rtnet_core.limits import AMOUNT_BITS, BPS, ENVELOPE_KINKS, GREEK_RATE_BITS, PRICE_THIRDS_MAX, RATE_BITS, SIZE_BITS
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot

SCENARIO_COUNT: Final = 16

SizeLots = Annotated[int, Field(ge=0, lt=1 << SIZE_BITS)]
GreekRateBps = Annotated[int, Field(ge=0, lt=1 << GREEK_RATE_BITS)]
ScanRangeBps = Annotated[int, Field(ge=1, lt=1 << RATE_BITS)]


class Scenario(Part):
    """One pair of shocks.

    Attributes
    ----------
    price_thirds
        Price shock in thirds of the underlying's scan range, -9 to 9.
    volatility
        1 up, -1 down, 0 unchanged.
    cover_bps
        Share of the value change that counts; below 10^4 for the extreme moves.
    """

    price_thirds: Annotated[int, Field(ge=-PRICE_THIRDS_MAX, le=PRICE_THIRDS_MAX)]
    volatility: Annotated[int, Field(ge=-1, le=1)]
    cover_bps: Annotated[int, Field(ge=1, le=BPS)]


class UnderlyingParams(Part):
    """Scan range, shocks and add-on rates of one underlying.

    Attributes
    ----------
    scan_range_bps
        Price move of three thirds, relative to the forward.
    volatility_up_bps, volatility_down_bps
        Volatility moves relative to the volatility itself; the one down stays below 10^4.
    size_kinks_lots, size_rises_bps
        From each kink on, gross lots cost that much more of the index: a convex envelope of three lines.
    short_option_bps
        Least charge for each short option lot, of the index.
    delta_rate_bps, gamma_rate_bps
        Charged on the P&L of a 1 % move and on its change for a further 1 % where that is against the account.
    """

    symbol: Symbol
    scan_range_bps: ScanRangeBps
    volatility_up_bps: RateBps
    volatility_down_bps: Annotated[int, Field(ge=0, lt=BPS)]
    size_kinks_lots: Annotated[
        tuple[SizeLots, ...], Field(strict=False, min_length=ENVELOPE_KINKS, max_length=ENVELOPE_KINKS)
    ]
    size_rises_bps: Annotated[
        tuple[RateBps, ...], Field(strict=False, min_length=ENVELOPE_KINKS, max_length=ENVELOPE_KINKS)
    ]
    short_option_bps: RateBps
    delta_rate_bps: GreekRateBps
    gamma_rate_bps: GreekRateBps

    @model_validator(mode="after")
    def _kinks_ascend(self) -> Self:
        _check_ascending("size_kinks_lots", self.size_kinks_lots)
        return self


class AssetParams(Part):
    """Haircut of one collateral asset.

    The first `kinks[0]` units count at `rate_bps`; from each kink on, the rate drops by the entry of `drops_bps`. It
    never falls below zero: a concave envelope of three lines.
    """

    symbol: Symbol
    rate_bps: Annotated[int, Field(ge=0, le=BPS)]
    kinks: Annotated[tuple[Amount, ...], Field(strict=False, min_length=ENVELOPE_KINKS, max_length=ENVELOPE_KINKS)]
    drops_bps: Annotated[tuple[RateBps, ...], Field(strict=False, min_length=ENVELOPE_KINKS, max_length=ENVELOPE_KINKS)]

    @model_validator(mode="after")
    def _stays_concave_and_positive(self) -> Self:
        _check_ascending("kinks", self.kinks)
        if sum(self.drops_bps) > self.rate_bps:
            raise broken_rule(
                "drops_bps", f"must not add up to more than rate_bps {self.rate_bps}", sum(self.drops_bps)
            )
        return self


class Params(Document):
    """The published margin parameters (format ``zkm2m/params/v1``)."""

    format: Literal["zkm2m/params/v1"] = "zkm2m/params/v1"
    scenarios: Annotated[
        tuple[Scenario, ...], Field(strict=False, min_length=SCENARIO_COUNT, max_length=SCENARIO_COUNT)
    ]
    underlyings: Annotated[tuple[UnderlyingParams, ...], Field(strict=False, min_length=1)]
    assets: Annotated[tuple[AssetParams, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _each_symbol_once(self) -> Self:
        for field, symbols in (
            ("underlyings", [entry.symbol for entry in self.underlyings]),
            ("assets", [entry.symbol for entry in self.assets]),
        ):
            for index, symbol in enumerate(symbols):
                if symbol in symbols[:index]:
                    raise broken_rule(f"{field}[{index}].symbol", "must be unique", symbol)
        return self

    @model_validator(mode="after")
    def _shocked_prices_stay_positive(self) -> Self:
        furthest = min(scenario.price_thirds for scenario in self.scenarios)
        for index, entry in enumerate(self.underlyings):
            if 3 * BPS + furthest * entry.scan_range_bps <= 0:
                rule = f"must leave the price positive at {furthest} thirds of it"
                raise broken_rule(f"underlyings[{index}].scan_range_bps", rule, entry.scan_range_bps)
        return self

    def of_underlyings(self, snapshot: Snapshot) -> tuple[UnderlyingParams, ...]:
        """Return the parameters of the snapshot's underlyings, in its order.

        Raises
        ------
        InputError
            One of them has none.
        """
        known = {entry.symbol: entry for entry in self.underlyings}
        for entry in snapshot.underlyings:
            if entry.symbol not in known:
                raise InputError("params: underlyings", "must have every underlying of the market", entry.symbol)
        return tuple(known[entry.symbol] for entry in snapshot.underlyings)

    def of_assets(self, snapshot: Snapshot) -> tuple[AssetParams, ...]:
        """Return the parameters of the snapshot's assets, in its order.

        Raises
        ------
        InputError
            One of them has none.
        """
        known = {entry.symbol: entry for entry in self.assets}
        for entry in snapshot.assets:
            if entry.symbol not in known:
                raise InputError("params: assets", "must have every asset of the market", entry.symbol)
        return tuple(known[entry.symbol] for entry in snapshot.assets)


def _check_ascending(field: str, kinks: tuple[int, ...]) -> None:
    if any(left > right for left, right in pairwise(kinks)):
        raise broken_rule(field, "must not descend", list(kinks))


#: SPAN's grid: seven price moves with volatility up and down, then two extreme moves counted at 35 %.
DEFAULT_SCENARIOS: Final = (
    *(
        Scenario(price_thirds=thirds, volatility=volatility, cover_bps=BPS)
        for thirds in (0, 1, -1, 2, -2, 3, -3)
        for volatility in (1, -1)
    ),
    Scenario(price_thirds=6, volatility=0, cover_bps=3_500),
    Scenario(price_thirds=-6, volatility=0, cover_bps=3_500),
)

_SCAN_RANGE_BPS: Final = {"BTC": 1_500, "ETH": 2_000}
_OTHER_SCAN_RANGE_BPS: Final = 2_500
#: Gross positions in USD from which closing out moves the market: the size add-on starts and steepens here.
_SIZE_KINKS_USD: Final = (10_000_000, 50_000_000)
#: Haircut rate, USD holdings at which it drops, and by how much.
_STABLE_HAIRCUTS: Final = {"USDC": (10_000, (100, 200)), "USDT": (9_900, (200, 300))}
_COIN_HAIRCUTS: Final = {"BTC": (9_500, (500, 1_000)), "ETH": (9_200, (700, 1_300))}
_OTHER_HAIRCUT: Final = (8_000, (1_500, 2_500))
_STABLE_KINKS_USD: Final = (50_000_000, 250_000_000)
_COIN_KINKS_USD: Final = (10_000_000, 50_000_000)


def default_params(snapshot: Snapshot) -> Params:
    """Return the published defaults for the snapshot's symbols.

    Kinks stand in USD and are converted once, at the snapshot's index or price, rounded down to whole lots or units
    (against the account: the envelope bends earlier).

    Notes
    -----
    Each number and its reason; the moves are the largest of Deribit's index and 30-day volatility, December 2025 to
    August 2026, in about a day:

    - scan range BTC 15 %, ETH 20 %: above the largest moves seen, −12.65 % and +19.37 %; 25 % for coins not measured;
    - volatility up 45 %, down 30 %, of itself: within Deribit's published 38 % to 50 %. The largest moves seen were
      +55 % (together with −12.65 %, inside the price range) and −34.7 %;
    - extreme moves of twice the scan range count at 35 %, as in SPAN;
    - short option minimum 1 % of the index, Deribit's contingency for net short options;
    - delta rate 0.5: half a per cent of net exposure, the price of crossing the book when it is closed out, one
      thirtieth of a BTC future's scan risk;
    - gamma rate 10: ½·x² = 10 makes it the loss of one unhedged move of x = 4.5 %, with the largest six-hour moves seen
      at 6.07 % and 9.52 %. An at-the-money option of 30 days at 50 % pays about 0.3 % of its forward;
    - size: 1 % of the index above 10 million USD gross, 3 % above 50 million;
    - haircuts: stablecoins 0 and 1 %, BTC 5 %, ETH 8 %, others 20 %, growing for holdings that take long to sell.
    """
    underlyings = tuple(
        UnderlyingParams(
            symbol=entry.symbol,
            scan_range_bps=_SCAN_RANGE_BPS.get(entry.symbol, _OTHER_SCAN_RANGE_BPS),
            volatility_up_bps=4_500,
            volatility_down_bps=3_000,
            size_kinks_lots=tuple(_whole(usd, entry.index_ticks, SIZE_BITS) for usd in _SIZE_KINKS_USD),
            size_rises_bps=(100, 200),
            short_option_bps=100,
            delta_rate_bps=5_000,
            gamma_rate_bps=100_000,
        )
        for entry in snapshot.underlyings
    )
    assets = []
    for asset in snapshot.assets:
        rate, drops = {**_STABLE_HAIRCUTS, **_COIN_HAIRCUTS}.get(asset.symbol, _OTHER_HAIRCUT)
        usd_kinks = _STABLE_KINKS_USD if asset.symbol in _STABLE_HAIRCUTS else _COIN_KINKS_USD
        kinks = tuple(_whole(usd, asset.price_ticks, AMOUNT_BITS) for usd in usd_kinks)
        assets.append(AssetParams(symbol=asset.symbol, rate_bps=rate, kinks=kinks, drops_bps=drops))
    return Params(scenarios=DEFAULT_SCENARIOS, underlyings=underlyings, assets=tuple(assets))


def _whole(usd: int, ticks_each: int, bits: int) -> int:
    """Convert USD to whole lots or units, rounded down, at most what `bits` hold."""
    return min(usd * TICKS_PER_USD // ticks_each, (1 << bits) - 1)
