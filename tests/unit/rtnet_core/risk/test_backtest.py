"""The back-test on made series, where what must be found is known, and on the real one where it is there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rtnet_core.account import Account
from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, MS_PER_YEAR
from rtnet_core.margin_exact import account_margin, account_vector
from rtnet_core.market_sample import sample_market
from rtnet_core.params import DEFAULT_SCENARIOS, UnderlyingParams, default_params
from rtnet_core.params_root import margin_params
from rtnet_core.risk.backtest import HOUR_MS, PORTFOLIOS, Check, back_test, portfolio_margins
from rtnet_core.risk.index_series import IndexSeries, consecutive_windows, overlapping_windows, parse_index_series
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot

DATA = Path(os.environ.get("ZKM2M_MARKET_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
REAL = DATA / "deribit_index_atmiv_6h_20251230_20260822.csv"
PARAMS = [entry for entry in default_params(sample_market(0, "wide")).underlyings if entry.symbol in ("BTC", "ETH")]
STEP = 6 * HOUR_MS


def made(index: np.ndarray, volatility: np.ndarray | None = None) -> IndexSeries:
    times = 1_700_000_000_000 + STEP * np.arange(len(index))
    levels = np.full(len(index), 0.5) if volatility is None else volatility
    return IndexSeries(("BTC",), times, index[:, None], levels[:, None])


def check(series: IndexSeries, name: str, hours: int = 6, **options: str) -> Check:
    found = back_test(series, PARAMS[:1], DEFAULT_SCENARIOS, [hours * HOUR_MS], 0.99, **options)
    return next(entry for entry in found[0].checks if entry.name == name)


def test_a_crash_beyond_the_scan_range_is_a_breach_of_what_is_long() -> None:
    index = np.full(200, 80_000.0)
    index[150:] *= 0.80
    series = made(index)
    price = check(series, "price")
    assert price.coverage.breaches == price.overlapping_breaches == 1
    assert price.worst.time_ms == series.times_ms[149]
    assert price.worst.found == pytest.approx(0.20)
    assert price.worst.covered == pytest.approx(0.15)
    assert check(series, "long future").overlapping_breaches == 1
    assert check(series, "short future").overlapping_breaches == 0
    assert check(series, "short put").overlapping_breaches == 1
    assert check(series, "price", 24).overlapping_breaches == 4
    assert check(series, "price", 24).coverage.breaches == 1
    assert check(series, "price", 24).phase_breaches == (1, 1, 1, 1)


def test_a_jump_of_volatility_alone_breaches_its_edge() -> None:
    volatility = np.full(200, 0.4)
    volatility[150:] = 0.6
    volatility[180:] = 0.43
    found = check(made(np.full(200, 80_000.0), volatility), "volatility")
    assert found.overlapping_breaches == 1
    assert found.worst.found == pytest.approx(0.5)


def test_nothing_happens_and_nothing_is_breached() -> None:
    found = back_test(made(np.exp(0.001 * np.sin(np.arange(300)))), PARAMS[:1], DEFAULT_SCENARIOS, [STEP], 0.99)
    grid = [entry for entry in found[0].checks if " normal" not in entry.name and " Student" not in entry.name]
    assert [entry.name for entry in grid] == ["price", "volatility", *PORTFOLIOS]
    assert all(entry.overlapping_breaches == 0 for entry in grid)


def test_margins_are_the_exact_rules() -> None:
    """One row against the engine that is proven, with a market of the same terms."""
    time_ms = 1_700_000_000_000
    expiry_ms = time_ms + round(30 / 365 * MS_PER_YEAR)
    option = {"underlying": "BTC", "forward_ticks": 8_000_000, "expiry_ms": expiry_ms, "strike_ticks": 8_000_000}
    market = Snapshot.from_json(
        {
            "profile": "small",
            "time_ms": time_ms,
            "underlyings": [{"symbol": "BTC", "lot": "0.0001", "index_ticks": 8_000_000}],
            "assets": [{"symbol": "USDC", "unit": "1", "price_ticks": 1_000_000}],
            "instruments": [
                {"name": "F", "kind": "perpetual", "underlying": "BTC", "forward_ticks": 8_000_000},
                {"name": "C", "kind": "call", "volatility_q32": 1 << 31, **option},
                {"name": "P", "kind": "put", "volatility_q32": 1 << 31, **option},
            ],
        }
    )
    params = default_params(market)
    risk, published = build_risk_array(market, params), margin_params(params, market)
    found = portfolio_margins(PARAMS[0], DEFAULT_SCENARIOS, np.array([8e6]), np.array([0.5]))[:, 0]
    for margin, lots in zip(found, PORTFOLIOS.values(), strict=True):
        positions = {name: 100 * held for name, held in zip("FCP", lots, strict=True)}
        account = Account.from_json({"id": "a", "cash_ticks": 0, "positions": positions})
        exact = account_margin(account_vector(account, market), risk, published).maintenance_e4 / BPS
        assert 100 * margin == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("forecast", ["ewma", "garch"])
def test_a_forecast_of_gaussian_moves_is_covered_as_claimed(forecast: str) -> None:
    if forecast == "garch":
        pytest.importorskip("arch")
    rng = np.random.default_rng(4)
    series = made(80_000 * np.exp(np.cumsum(rng.normal(0, 0.01, 4_000))))
    normal = check(series, f"{forecast} normal", forecast=forecast).coverage
    assert normal.unconditional.p_value > 0.01
    assert normal.breaches > 0


def test_a_forecast_knows_nothing_of_what_comes() -> None:
    rng = np.random.default_rng(5)
    moves = rng.normal(0, 0.01, 600)
    calm = check(made(np.exp(np.cumsum(moves))), "ewma normal")
    moves[500:] *= 4
    wild = check(made(np.exp(np.cumsum(moves))), "ewma normal")
    np.testing.assert_array_equal(calm.use[:370], wild.use[:370])
    assert wild.use[379] == pytest.approx(4 * calm.use[379])  # the first wild move, judged by a calm forecast


def test_windows_follow_the_rows_there_are() -> None:
    hours = np.array([0, 5, 11, 23, 24, 40, 46]) * HOUR_MS
    every = overlapping_windows(hours, 6 * HOUR_MS)
    assert list(zip(every.starts.tolist(), every.ends.tolist(), strict=True)) == [(0, 1), (1, 2), (5, 6)]
    assert every.gaps == 3
    apart = consecutive_windows(hours, 12 * HOUR_MS)
    assert list(zip(apart.starts.tolist(), apart.ends.tolist(), strict=True)) == [(0, 2), (2, 4)]
    later = consecutive_windows(hours, 12 * HOUR_MS, 11 * HOUR_MS)
    assert list(zip(later.starts.tolist(), later.ends.tolist(), strict=True)) == [(2, 3)]
    assert later.gaps == 1


@pytest.mark.parametrize("offset", [0, 6, 18])
def test_windows_keep_their_length_and_do_not_overlap(offset: int) -> None:
    rng = np.random.default_rng(6)
    times = np.cumsum(rng.integers(HOUR_MS, 14 * HOUR_MS, 500))
    found = consecutive_windows(times, 24 * HOUR_MS, offset * HOUR_MS)
    for windows in (found, overlapping_windows(times, 24 * HOUR_MS)):
        lengths = times[windows.ends] - times[windows.starts]
        assert (np.abs(lengths - 24 * HOUR_MS) <= 6 * HOUR_MS).all()
    assert (found.starts[1:] >= found.ends[:-1]).all()
    assert len(found.starts) + found.gaps == (times[-1] - times[0] - offset * HOUR_MS) // (24 * HOUR_MS)


HEADER = "timestamp,btc_index,btc_atm_iv_30d,btc_n_options\n"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("time,btc_index\n", "timestamp"),
        ("timestamp,btc_index\n", "btc_atm_iv_30d"),
        (HEADER + "2026-01-01T00:00:00,1,1,1\n", "offset"),
        (HEADER + "yesterday,1,1,1\n", "ISO 8601"),
        (HEADER + "2026-01-01T00:00:00+00:00,x,1,1\n", "numbers"),
        (HEADER + "2026-01-01T00:00:00+00:00,-1,1,1\n", "above zero"),
        (HEADER + "2026-01-01T00:00:00+00:00,1\n", "numbers"),
        (HEADER + 2 * "2026-01-01T00:00:00+00:00,1,1,1\n", "after the one before"),
        (HEADER + "2026-01-01T00:00:00+00:00,1,1,1\n", "at least two rows"),
    ],
)
def test_a_bad_series_is_refused_by_line(text: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        parse_index_series(text, "s.csv")


def test_a_series_must_fit_its_parameters() -> None:
    series = made(np.full(200, 1.0))
    with pytest.raises(InputError, match="params"):
        back_test(series, PARAMS, DEFAULT_SCENARIOS, [STEP], 0.99)
    with pytest.raises(InputError, match="forecast"):
        back_test(series, PARAMS[:1], DEFAULT_SCENARIOS, [STEP], 0.99, forecast="tea leaves")
    with pytest.raises(InputError, match="rows"):
        back_test(made(np.full(50, 1.0)), PARAMS[:1], DEFAULT_SCENARIOS, [STEP], 0.99)


@pytest.mark.market_data
@pytest.mark.skipif(not REAL.is_file(), reason="needs the index series beside the repository")
def test_what_docs_backtest_reports() -> None:
    """Where the grid held in that series, and where it did not."""
    series = parse_index_series(REAL.read_text())
    params: list[UnderlyingParams] = [entry for entry in PARAMS if entry.symbol in series.symbols]
    results = back_test(series, params, DEFAULT_SCENARIOS, [hours * HOUR_MS for hours in (24, 48)], 0.99)
    assert len(series.times_ms) == 931
    found = {(entry.symbol, entry.horizon_ms // HOUR_MS): {c.name: c for c in entry.checks} for entry in results}
    breaches = {key: {name: c.overlapping_breaches for name, c in checks.items()} for key, checks in found.items()}
    assert breaches["BTC", 24]["price"] == breaches["ETH", 24]["price"] == 0
    assert breaches["BTC", 24]["volatility"] == 2
    assert sum(breaches["BTC", 24][name] + breaches["ETH", 24][name] for name in PORTFOLIOS) == 0
    assert breaches["BTC", 48]["price"] == breaches["ETH", 48]["price"] == 4
    assert breaches["ETH", 48]["short future"] == 4
    assert found["BTC", 24]["volatility"].worst.found == pytest.approx(0.549, abs=0.001)
    assert found["BTC", 24]["price"].coverage.observations == 233
    phases = found["BTC", 24]["volatility"].phase_breaches
    assert (min(phases), max(phases)) == (0, 2)
