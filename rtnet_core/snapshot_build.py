"""From quotes and trades to a snapshot: index, forwards and surface, each from inputs that are fresh, and a report.

What stands in the snapshot: the index of `rtnet_core.index_price`; per expiry the one forward of
`rtnet_core.forwards`; for every option the volatility that the surface of `rtnet_core.surface_fit` has at its strike
and that forward; the perpetual at index and average premium. Which instruments are listed is decided as in the import
of a chain. Surface and fit are floating point: they choose the volatilities, whole multiples of 2^-32, and from there
on everything is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log
from pathlib import Path

from rtnet_core.chain_quotes import Chain, Quote, read_chain
from rtnet_core.confidence import margin_scale_bps
from rtnet_core.deribit_choice import CURRENCIES, ChainRow, make_snapshot
from rtnet_core.errors import InputError, Refusal
from rtnet_core.fixed_point import round_half_even
from rtnet_core.forwards import Forward, forward_curve
from rtnet_core.funding import DEFAULT_FUNDING, FundingRules, perpetual_mark, premium_average
from rtnet_core.index_price import (
    DEFAULT_RULES,
    IndexPrice,
    IndexRules,
    check_jump,
    index_from_chain,
    index_from_trades,
)
from rtnet_core.limits import PROFILES, VOLATILITY_BITS, VOLATILITY_FRACTION_BITS
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot
from rtnet_core.staleness import AGE_LIMITS_MS, InputAge, check_age
from rtnet_core.surface_fit import FittedSurface, fit_surface
from rtnet_core.trades import Trade, read_trades


@dataclass(frozen=True, slots=True)
class BuildRules:
    """Every parameter of a build."""

    index: IndexRules = DEFAULT_RULES
    funding: FundingRules = DEFAULT_FUNDING


@dataclass(frozen=True, slots=True)
class CoinReport:
    """What one coin's part of the snapshot is made from.

    Attributes
    ----------
    symbol, index
        The coin and its index.
    margin_scale_bps
        What the index's confidence does to scan range and haircut.
    jump_bps
        Change since the previous snapshot's index; None without one.
    premium
        Average premium of the perpetual, a fraction, before its cap; None without trades.
    forwards
        By expiry.
    fitted
        The surface with its quality.
    """

    symbol: str
    index: IndexPrice
    margin_scale_bps: int
    jump_bps: float | None
    premium: Fraction | None
    forwards: tuple[Forward, ...]
    fitted: FittedSurface


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a snapshot was built from."""

    time_ms: int
    inputs: tuple[InputAge, ...]
    chain: Chain
    coins: tuple[CoinReport, ...]


def build_snapshot(
    chains: Sequence[Path],
    *,
    trades: Mapping[str | None, Path] | None = None,
    previous: Snapshot | None = None,
    profile: str = "standard",
    instruments: Sequence[str] | None = None,
    time_ms: int | None = None,
    rules: BuildRules | None = None,
    limits_ms: Mapping[str, int] = AGE_LIMITS_MS,
) -> tuple[Snapshot, BuildReport]:
    """Return the snapshot of option chains and trades, and the report of the build.

    Parameters
    ----------
    chains
        Deribit chain files of one time; their order decides the order of the underlyings.
    trades
        By coin, a file of trades at several venues; None is the coin of the first chain. A coin without one takes the
        index in its chain.
    previous
        The snapshot before, against which the index must not jump.
    profile, instruments
        Sizes of the snapshot; names to list instead of choosing by open interest.
    time_ms
        Time of the snapshot; None takes that of the newest input.
    rules, limits_ms
        Parameters; the greatest age of an input by kind.

    Raises
    ------
    InputError
        A file cannot be used; an input is older than its kind may be, or from the future; too few live venues; an index
        of too little confidence; an instrument that the chains do not offer.
    Refusal
        ``time_mismatch``: the chains are not all of one time. ``price_jump``: an index moved further than time
        explains. ``surface_arbitrage``: the surface could not be freed of it.
    ToolError
        The extra ``market`` is not installed.
    """
    if profile not in PROFILES:
        raise InputError("profile", f"must be one of {', '.join(PROFILES)}", profile)
    chosen = rules or BuildRules()
    chain = read_chain(chains)
    sources = {symbol or chain.currencies[0]: path for symbol, path in (trades or {}).items()}
    if len(sources) < len(trades or {}):
        raise InputError("trades", "must name a coin once", chain.currencies[0])
    for symbol in sources:
        if symbol not in chain.currencies:
            raise InputError("trades", f"must be of a coin of the chains, {', '.join(chain.currencies)}", symbol)
    traded = {symbol: read_trades(path) for symbol, path in sources.items()}
    newest = {symbol: max(trade.time_ms for trade in made) for symbol, made in traded.items()}
    now_ms = max([chain.time_ms, *newest.values()]) if time_ms is None else time_ms
    inputs = [check_age("chain", path.name, chain.time_ms, now_ms, limits_ms) for path in chains]
    inputs += [check_age("trades", path.name, newest[symbol], now_ms, limits_ms) for symbol, path in sources.items()]
    if previous is not None:
        inputs.append(check_age("previous", "snapshot", previous.time_ms, now_ms, limits_ms))

    coins, rows = [], []
    for symbol in chain.currencies:
        quotes = chain.of_currency(symbol)
        report = _coin(symbol, quotes, traded.get(symbol), previous, now_ms, chosen)
        coins.append(report)
        rows += _rows(quotes, report, now_ms)
    if not rows:
        raise InputError("chain files", "must hold an option that is alive at the snapshot's time")
    snapshot = _with_perpetual_marks(make_snapshot(rows, profile, instruments), coins, chosen.funding)
    return snapshot, BuildReport(now_ms, tuple(inputs), chain, tuple(coins))


def _coin(
    symbol: str,
    quotes: Sequence[Quote],
    trades: Sequence[Trade] | None,
    previous: Snapshot | None,
    now_ms: int,
    rules: BuildRules,
) -> CoinReport:
    chain_index = index_from_chain(quotes, rules.index)
    index, premium = chain_index, None
    if trades is not None:
        index = index_from_trades(trades, now_ms, rules.index)
        premium = premium_average(trades, now_ms, rules.index.window_ms, rules.funding)
    before = None if previous is None else _previous_usd(previous, symbol)
    jump = None
    if previous is not None and before is not None:
        jump = check_jump(symbol, index.usd, before, now_ms - previous.time_ms, rules.index)
    fitted = fit_surface(quotes)
    if fitted.after:
        worst = fitted.after[0]
        raise Refusal(
            "surface_arbitrage", f"{symbol}: {worst.kind} arbitrage at expiry {worst.expiry_ms} could not be repaired"
        )
    return CoinReport(
        symbol=symbol,
        index=index,
        margin_scale_bps=margin_scale_bps(index.confidence_bps),
        jump_bps=None if jump is None else float(jump),
        premium=premium,
        forwards=forward_curve(quotes, chain_index.usd, index.usd),
        fitted=fitted,
    )


def _previous_usd(previous: Snapshot, symbol: str) -> Fraction | None:
    for entry in previous.underlyings:
        if entry.symbol == symbol:
            return Fraction(entry.index_ticks) / TICKS_PER_USD / Fraction(entry.lot)
    return None


def _rows(quotes: Sequence[Quote], report: CoinReport, now_ms: int) -> list[ChainRow]:
    """Return the rows as the snapshot shall hold them: built forwards, volatilities of the surface, one time."""
    forwards = {entry.expiry_ms: entry.usd for entry in report.forwards}
    rows = []
    for quote in quotes:
        row = quote.row
        if row.expiry_ms <= now_ms:
            continue
        forward = forwards[row.expiry_ms] * Fraction(CURRENCIES[row.currency].lot) * TICKS_PER_USD
        ticks = round_half_even(forward.numerator, forward.denominator)
        k = log(row.strike_ticks / ticks)
        volatility = float(report.fitted.surface.volatility(k, row.expiry_ms))
        rows.append(
            replace(
                row,
                time_ms=now_ms,
                forward_ticks=ticks,
                volatility_q32=min(
                    max(round(volatility * (1 << VOLATILITY_FRACTION_BITS)), 1), (1 << VOLATILITY_BITS) - 1
                ),
                index_usd=report.index.usd,
            )
        )
    return rows


def _with_perpetual_marks(snapshot: Snapshot, coins: Sequence[CoinReport], rules: FundingRules) -> Snapshot:
    """Return the snapshot with each perpetual at its mark; without trades it stands at the index already."""
    marks = {}
    for coin in coins:
        if coin.premium is not None:
            usd = perpetual_mark(coin.index.usd, coin.premium, rules)
            ticks = usd * Fraction(CURRENCIES[coin.symbol].lot) * TICKS_PER_USD
            marks[coin.symbol] = round_half_even(ticks.numerator, ticks.denominator)
    instruments = tuple(
        entry.model_copy(update={"forward_ticks": marks[entry.underlying]})
        if entry.kind == "perpetual" and entry.underlying in marks
        else entry
        for entry in snapshot.instruments
    )
    return Snapshot.from_json(snapshot.model_dump(exclude_none=True) | {"instruments": instruments}, "build")
