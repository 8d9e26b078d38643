"""Real market data of a calm and of a crash day: index, forwards, surfaces and snapshots, with the measured quality.

The bounds stand a little above what docs/market.md reports.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from rtnet_core.account import quantities
from rtnet_core.book_sample import sample_book
from rtnet_core.chain_quotes import read_chain
from rtnet_core.errors import InputError
from rtnet_core.funding import FundingStep, funding_index, funding_rate, premium_average
from rtnet_core.index_price import index_from_trades
from rtnet_core.params import default_params
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_build import BuildReport, build_snapshot
from rtnet_core.surface import DENSITY_TOLERANCE, common_grid
from rtnet_core.surface_fit import FittedSurface, fit_surface
from rtnet_core.trades import Trade, by_venue, read_trades, volume, vwap
from tests.support.command_line import zkm2m, zkm2m_json

DATA = Path(os.environ.get("ZKM2M_MARKET_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
CALM, CRASH = "20260822T035045Z", "20260205T155132Z"
TRADES = DATA / "binance_btc_trades_20240808_3venues.csv"
CHAINS = [(coin, moment) for moment in (CALM, CRASH) for coin in ("btc", "eth")]

pytestmark = [
    pytest.mark.market_data,
    pytest.mark.skipif(not TRADES.exists(), reason="the real market data are not beside the repository"),
]


def chain_file(coin: str, moment: str) -> Path:
    return DATA / f"deribit_{coin}_chain_{moment}.csv"


@cache
def trades() -> tuple[Trade, ...]:
    return read_trades(TRADES)


@cache
def built(moment: str) -> tuple[Snapshot, BuildReport]:
    return build_snapshot([chain_file(coin, moment) for coin in ("btc", "eth")])


def fitted(coin: str, moment: str) -> FittedSurface:
    return next(entry.fitted for entry in built(moment)[1].coins if entry.symbol == coin.upper())


# --- trades


def test_the_whole_files_averages_are_those_of_its_readme() -> None:
    venues = by_venue(trades())
    assert {name: f"{float(vwap(made)):.6f}" for name, made in venues.items()} == {
        "binance_spot": "61707.681617",
        "binance_usdm_perp": "61680.982153",
        "binance_coinm_perp": "61685.576197",
    }
    assert f"{float(vwap(trades())):.6f}" == "61683.244521"
    assert f"{float(volume(venues['binance_coinm_perp'])):.6f}" == "134.944026"
    assert volume(venues["binance_spot"]) == Fraction("212.03315")
    assert len(trades()) == 33_356


def test_the_index_of_real_trades_stands_between_its_venues() -> None:
    now = max(trade.time_ms for trade in trades())
    index = index_from_trades(trades(), now)
    prices = [entry.vwap for entry in index.venues]
    assert min(prices) < index.usd < max(prices)
    assert max(entry.weight for entry in index.venues) == Fraction(1, 2)
    assert 9_400 < index.confidence_bps < 9_700
    premium = premium_average(trades(), now, 300_000)
    assert premium is not None and Fraction(-6, 10_000) < premium < Fraction(-2, 10_000)


def test_an_attacked_venue_moves_the_real_index_by_no_more_than_cap_and_weight() -> None:
    now = max(trade.time_ms for trade in trades())
    attacked = [
        Trade(
            trade.time_ms, trade.venue, trade.price * 2 if trade.venue == "binance_spot" else trade.price, trade.amount
        )
        for trade in trades()
    ]
    before, after = index_from_trades(trades(), now), index_from_trades(attacked, now)
    assert abs(after.usd / before.usd - 1) < Fraction(30, 10_000)
    assert after.confidence_bps < before.confidence_bps - 2_500


def test_a28_trades_of_2024_do_not_price_a_chain_of_2026(tmp_path: Path) -> None:
    chain = chain_file("btc", CALM)
    with pytest.raises(InputError, match=r"trades .*: must be at most 10 s old, is 743.2 d old"):
        build_snapshot([chain], trades={None: TRADES})
    out = tmp_path / "snapshot.json"
    result = zkm2m("snapshot", "build", "--trades", TRADES, "--chain", chain, "--out", out)
    assert result.exit_code == 2 and "743.2 d old" in result.stderr and not out.exists()


# --- funding


def funding_rows(venue: str, coin: str) -> Iterator[tuple[str, Fraction]]:
    with (DATA / "funding_8h_binance_bybit_2021_2023.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if (row["venue"], row["coin"]) == (venue, coin):
                yield row["utc"], Fraction(row["funding_rate_8h"])


def test_real_funding_accumulates_and_two_fifths_of_it_are_the_clamp() -> None:
    rates = [rate for venue in ("binance", "bybit") for coin in ("BTC", "ETH") for _, rate in funding_rows(venue, coin)]
    assert len(rates) == 13_140
    clamped = sum(rate == funding_rate(Fraction(0)) for rate in rates)
    assert clamped / len(rates) == pytest.approx(0.419, abs=0.0005)
    one = [rate for _, rate in funding_rows("binance", "BTC")]
    period = 8 * 3_600_000
    steps = [FundingStep(period * number, rate, Fraction(40_000)) for number, rate in enumerate(one)]
    assert funding_index(steps, period * len(one)) == 40_000 * sum(one)


# --- forwards


@pytest.mark.parametrize(("coin", "moment"), CHAINS)
def test_parity_agrees_with_the_futures(coin: str, moment: str) -> None:
    (report,) = (entry for entry in built(moment)[1].coins if entry.symbol == coin.upper())
    errors = [abs(entry.parity_error_bps) for entry in report.forwards if entry.parity_error_bps is not None]
    assert len(errors) >= len(report.forwards) - 2
    assert max(errors) < 15
    assert median(errors) < 6
    assert {entry.source for entry in report.forwards} == ({"future"} if moment == CALM else {"future", "parity"})
    assert all(Fraction(95, 100) < entry.discount < Fraction(101, 100) for entry in report.forwards)


# --- surfaces


@pytest.mark.parametrize(
    ("coin", "moment", "inside", "worst", "middle"),
    [
        ("btc", CALM, 0.97, 4.5, 0.25),
        ("eth", CALM, 0.97, 3.0, 0.35),
        ("btc", CRASH, 0.96, 5.0, 0.45),
        ("eth", CRASH, 0.98, 4.0, 0.75),
    ],
)
def test_the_fit_stands_inside_bid_and_ask(coin: str, moment: str, inside: float, worst: float, middle: float) -> None:
    quality = fitted(coin, moment).quality
    assert quality.two_sided > 480
    assert quality.inside_share > inside
    assert quality.outside_median == 0
    assert quality.outside_worst < worst
    assert quality.middle_median < middle


@pytest.mark.parametrize(("coin", "moment"), CHAINS)
def test_within_two_standard_deviations_nearly_every_quote_holds_the_fit(coin: str, moment: str) -> None:
    count = inside = 0
    for entry in fitted(coin, moment).expiries:
        columns = entry.columns
        made = entry.slice.volatility(columns.log_moneyness)
        reach = 2 * float(np.sqrt(entry.slice.svi.total_variance(0.0)))
        near = np.isfinite(columns.bid) & np.isfinite(columns.ask) & (np.abs(columns.log_moneyness) <= reach)
        count += np.count_nonzero(near)
        inside += np.count_nonzero(near & (columns.bid <= made) & (made <= columns.ask))
    assert count > 400
    assert inside / count > 0.99


@pytest.mark.parametrize(("coin", "moment"), CHAINS)
def test_real_surfaces_are_mended_and_hold_no_arbitrage(coin: str, moment: str) -> None:
    found = fitted(coin, moment)
    assert found.before
    assert found.after == () and found.skipped == ()
    surface = found.surface
    grid = common_grid(surface.slices)
    times = np.geomspace(surface.slices[0].years / 2, surface.slices[-1].years * 2, 60)
    table = np.array([surface.total_variance(grid, time) for time in times])
    assert (np.diff(table, axis=0) / table[:-1] > -1e-9).all()  # between the expiries too
    assert all(entry.svi.density(grid).min() >= -DENSITY_TOLERANCE for entry in surface.slices)


# --- snapshots


@pytest.mark.parametrize("moment", [CALM, CRASH])
def test_a_real_snapshot_is_full_and_carries_a_book(moment: str) -> None:
    snapshot, report = built(moment)
    assert len(snapshot.instruments) == snapshot.sizes.instruments == 64
    assert [coin.index.source for coin in report.coins] == ["chain", "chain"]
    assert all(7_000 < coin.index.confidence_bps < 9_000 for coin in report.coins)
    assert all(10_000 < coin.margin_scale_bps < 15_000 for coin in report.coins)
    accounts = list(sample_book(snapshot, default_params(snapshot), 50, 1))
    assert not np.array([quantities(account, snapshot) for account in accounts]).sum(axis=0).any()


@pytest.mark.parametrize("moment", [CALM, CRASH])
def test_fitted_volatilities_stay_near_the_venues_marks(moment: str) -> None:
    snapshot, report = built(moment)
    quotes = {quote.row.name: quote for quote in report.chain.quotes}
    errors = [
        abs((entry.volatility_q32 or 0) - quotes[entry.name].row.volatility_q32) / 2**32 * 100
        for entry in snapshot.instruments
        if entry.is_option and Fraction(1, 2) < quotes[entry.name].strike_over_forward < 2
    ]
    assert len(errors) > 40
    assert median(errors) < 1.2
    assert max(errors) < 5.0


def test_the_crash_raises_margin_more_than_the_calm_day() -> None:
    calm, crash = (built(moment)[1].coins for moment in (CALM, CRASH))
    assert all(left.margin_scale_bps < right.margin_scale_bps for left, right in zip(calm, crash, strict=True))


def test_a_chain_is_read_as_the_import_reads_it() -> None:
    _, report = built(CRASH)
    alone = read_chain([chain_file("eth", CRASH)])
    assert len(alone.quotes) == 872
    assert fit_surface(alone.quotes).surface == report.coins[1].fitted.surface


def test_the_command_line_builds_and_plots_the_crash_day(tmp_path: Path) -> None:
    chains = [word for coin in ("btc", "eth") for word in ("--chain", chain_file(coin, CRASH))]
    found = zkm2m_json("snapshot", "build", *chains, "--out", tmp_path / "snapshot.json")
    assert [coin["symbol"] for coin in found["coins"]] == ["BTC", "ETH"]
    assert Snapshot.from_json((tmp_path / "snapshot.json").read_bytes()) == built(CRASH)[0]
    picture = zkm2m_json("market", "plot", chain_file("btc", CRASH), "--out", tmp_path / "crash.png")
    assert picture["expiries"] == 12
