"""The index: a volume-weighted average over venues that no single venue, stale feed or outlier can pull away.

For a window that ends at the snapshot's time:

1. a venue whose last trade is older than `stale_ms` is dropped; fewer than `min_venues` left is an error;
2. each venue's price is its VWAP over the window, moved to within `deviation_cap_bps` of the median of the venues;
3. each venue's weight is its share of the volume, at most `weight_cap_bps`; what is cut off goes to the others in
   proportion to their volume (with too few venues for the cap, they count alike);
4. index = Σ weight · price.

Everything is an exact fraction until the snapshot rounds to ticks.

The confidence is ``10^4 · coverage · agreement · freshness`` rounded down, each factor between 0 and 1:

    coverage  = live venues / expected venues
    agreement = 1 - Σ weight·min(|VWAP - median| / median, cap) / cap
    freshness = 1 - Σ weight·age of the last trade / (2 · stale_ms)

What it does to margin is in `rtnet_core.confidence`.

References
----------
Deribit, *Deribit indices*: prices of the constituents capped at ±0.5 % of their median.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from rtnet_core.chain_quotes import Quote
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import BPS
from rtnet_core.trades import Trade, by_venue, volume, vwap

_MS_PER_HOUR: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class IndexRules:
    """The parameters of the index, with their defaults; the reasons stand in docs/market.md.

    Attributes
    ----------
    window_ms, stale_ms
        Length of the averaging window; age of a venue's last trade from which on it is dropped.
    weight_cap_bps, deviation_cap_bps
        Largest weight of a venue; furthest that a venue's price counts from the median.
    min_venues, expected_venues
        Fewest live venues for an index; as many as full coverage has.
    jump_bps, jump_bps_per_hour, jump_most_bps
        A change since the previous index up to ``jump_bps + jump_bps_per_hour · hours``, at most `jump_most_bps`,
        passes.
    chain_confidence_bps
        Confidence of an index taken from an option chain, when its rows agree: one source, not several.
    """

    window_ms: int = 60_000
    stale_ms: int = 30_000
    weight_cap_bps: int = 5_000
    deviation_cap_bps: int = 50
    min_venues: int = 2
    expected_venues: int = 3
    jump_bps: int = 500
    jump_bps_per_hour: int = 100
    jump_most_bps: int = 3_000
    chain_confidence_bps: int = 9_000

    def __post_init__(self) -> None:
        for name in ("window_ms", "stale_ms", "weight_cap_bps", "deviation_cap_bps", "min_venues", "expected_venues"):
            if getattr(self, name) < 1:
                raise InputError(name, "must be at least 1", getattr(self, name))
        for name in ("weight_cap_bps", "chain_confidence_bps"):
            if getattr(self, name) > BPS:
                raise InputError(name, f"must be at most {BPS}", getattr(self, name))


DEFAULT_RULES: Final = IndexRules()


@dataclass(frozen=True, slots=True)
class VenuePrice:
    """A venue's part in the index; prices in USD, volume in coins, weights add up to 1."""

    venue: str
    vwap: Fraction
    counted: Fraction
    volume: Fraction
    weight: Fraction
    age_ms: int


@dataclass(frozen=True, slots=True)
class IndexPrice:
    """An index and what stands behind it.

    Attributes
    ----------
    usd
        USD a coin.
    confidence_bps
        0 to 10^4.
    source
        ``trades`` or ``chain``.
    venues, dropped
        The venues that count, and the stale ones; empty for a chain.
    """

    usd: Fraction
    confidence_bps: int
    source: str
    venues: tuple[VenuePrice, ...]
    dropped: tuple[str, ...]


def index_from_trades(trades: Iterable[Trade], time_ms: int, rules: IndexRules = DEFAULT_RULES) -> IndexPrice:
    """Return the index at `time_ms`; later trades are not looked at.

    Raises
    ------
    InputError
        Fewer than `min_venues` venues are live.
    """
    past = by_venue(trade for trade in trades if trade.time_ms <= time_ms)
    live = {name: [trade for trade in made if trade.time_ms > time_ms - rules.window_ms] for name, made in past.items()}
    ages = {name: time_ms - max(trade.time_ms for trade in made) for name, made in past.items()}
    dropped = tuple(name for name in past if not live[name] or ages[name] > rules.stale_ms)
    live = {name: made for name, made in live.items() if name not in dropped}
    if len(live) < rules.min_venues:
        rule = f"must have at least {rules.min_venues} venues with a trade in the last {rules.stale_ms / 1000:g} s"
        raise InputError("trades", rule, len(live))
    prices = {name: vwap(made) for name, made in live.items()}
    volumes = {name: volume(made) for name, made in live.items()}
    middle = median(prices.values())
    cap = middle * rules.deviation_cap_bps / BPS
    weights = capped_weights(list(volumes.values()), Fraction(rules.weight_cap_bps, BPS))
    venues = tuple(
        VenuePrice(
            venue=name,
            vwap=prices[name],
            counted=min(max(prices[name], middle - cap), middle + cap),
            volume=volumes[name],
            weight=weight,
            age_ms=ages[name],
        )
        for name, weight in zip(live, weights, strict=True)
    )
    coverage = min(Fraction(len(venues), rules.expected_venues), Fraction(1))
    agreement = 1 - sum((entry.weight * min(abs(entry.vwap - middle), cap) / cap for entry in venues), Fraction(0))
    freshness = 1 - sum((entry.weight * entry.age_ms for entry in venues), Fraction(0)) / (2 * rules.stale_ms)
    return IndexPrice(
        usd=sum((entry.weight * entry.counted for entry in venues), Fraction(0)),
        confidence_bps=int(BPS * coverage * agreement * freshness),
        source="trades",
        venues=venues,
        dropped=dropped,
    )


def index_from_chain(quotes: Sequence[Quote], rules: IndexRules = DEFAULT_RULES) -> IndexPrice:
    """Return the median of the index prices in the rows of one coin's chain.

    The confidence is ``chain_confidence_bps · (1 - median deviation of the rows / deviation cap)``, at least 0: rows
    collected while the market ran differ from each other, and then it falls.
    """
    prices = [quote.row.index_usd for quote in quotes]
    middle = median(prices)
    deviation = median(abs(price - middle) for price in prices) / middle
    agreement = max(1 - deviation * BPS / rules.deviation_cap_bps, Fraction(0))
    return IndexPrice(middle, int(rules.chain_confidence_bps * agreement), "chain", (), ())


def check_jump(
    symbol: str, usd: Fraction, previous_usd: Fraction, elapsed_ms: int, rules: IndexRules = DEFAULT_RULES
) -> Fraction:
    """Return the change since the previous index, in basis points of it.

    Raises
    ------
    Refusal
        ``price_jump``: it is larger than the time since then explains. Whoever knows that the market did move so
        builds without the previous snapshot.
    """
    change = (usd / previous_usd - 1) * BPS
    hours = Fraction(max(elapsed_ms, 0), _MS_PER_HOUR)
    allowed = min(rules.jump_bps + rules.jump_bps_per_hour * hours, Fraction(rules.jump_most_bps))
    if abs(change) > allowed:
        raise Refusal(
            "price_jump",
            f"{symbol} index {float(usd):.2f} is {float(change):+.0f} bps from the previous {float(previous_usd):.2f}, "
            f"more than the {float(allowed):.0f} bps that {float(hours):.2f} h allow",
        )
    return change


def capped_weights(volumes: Sequence[Fraction], cap: Fraction) -> list[Fraction]:
    """Return weights in proportion to volumes, none above `cap`, adding up to 1.

    Examples
    --------
    >>> [str(weight) for weight in capped_weights([Fraction(8), Fraction(1), Fraction(1)], Fraction(1, 2))]
    ['1/2', '1/4', '1/4']
    """
    count = len(volumes)
    if cap * count <= 1:
        return [Fraction(1, count)] * count
    weights: list[Fraction | None] = [None] * count
    while True:
        free = [index for index, weight in enumerate(weights) if weight is None]
        rest = 1 - cap * (count - len(free))
        total = sum((volumes[index] for index in free), Fraction(0))
        shares = {index: rest * volumes[index] / total for index in free}
        over = [index for index in free if shares[index] > cap]
        if not over:
            return [shares[index] if weight is None else weight for index, weight in enumerate(weights)]
        for index in over:
            weights[index] = cap


def median(numbers: Iterable[Fraction]) -> Fraction:
    """Return the median; of an even count the mean of the middle two, exactly."""
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
