"""Building a snapshot: what stands in it, and a refusal for every input that is too old, too early or too far off."""

from __future__ import annotations

from fractions import Fraction
from math import log
from pathlib import Path

import pytest

from rtnet_core.chain_quotes import read_chain
from rtnet_core.deribit import import_chains
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.params import default_params
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_build import build_snapshot
from rtnet_core.staleness import AGE_LIMITS_MS, SKEW_MS, check_age
from tests.support.chains import (
    EXPIRIES,
    TIME_MS,
    calm_chain,
    calm_slice,
    chain_rows,
    three_venues,
    write_chain,
    write_trades,
    years_to,
)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return calm_chain(tmp_path / "chain.csv", synthetic=EXPIRIES[1:2])


def test_options_carry_the_surfaces_volatility_at_the_built_forward(chain: Path) -> None:
    snapshot, report = build_snapshot([chain], profile="standard")
    (coin,) = report.coins
    assert (snapshot.time_ms, report.time_ms) == (TIME_MS, TIME_MS)
    assert snapshot.underlyings[0].index_ticks == 8_000_000
    forwards = {entry.expiry_ms: entry.usd for entry in coin.forwards}
    options = [entry for entry in snapshot.instruments if entry.is_option]
    assert len(options) == 29
    for entry in options:
        assert entry.forward_ticks == round(forwards[entry.expiry_ms or 0] * 100)
        years = years_to(entry.expiry_ms or 0)
        k = log((entry.strike_ticks or 0) / entry.forward_ticks)
        exact = (float(calm_slice(years).total_variance(k)) / years) ** 0.5
        assert (entry.volatility_q32 or 0) / 2**32 == pytest.approx(exact, abs=0.02)
    assert [entry.kind for entry in snapshot.instruments[:3]] == ["perpetual", "future", "future"]
    assert Snapshot.from_json(snapshot.to_json_bytes()) == snapshot
    assert build_risk_array(snapshot, default_params(snapshot)).is_option.count(1) == 29


def test_the_same_files_build_the_same_bytes(chain: Path) -> None:
    assert build_snapshot([chain])[0].to_json_bytes() == build_snapshot([chain])[0].to_json_bytes()


def test_the_instruments_are_those_of_the_import(chain: Path) -> None:
    imported, _ = import_chains([chain], profile="small")
    built, _ = build_snapshot([chain], profile="small")
    assert [entry.name for entry in built.instruments] == [entry.name for entry in imported.instruments]
    names = ["BTC-PERPETUAL", imported.instruments[-1].name]
    chosen, _ = build_snapshot([chain], profile="small", instruments=names)
    assert sorted(entry.name for entry in chosen.instruments) == sorted(names)


def test_trades_make_the_index_and_the_perpetuals_mark(chain: Path, tmp_path: Path) -> None:
    trades = write_trades(tmp_path / "trades.csv", three_venues(TIME_MS, 80_800.0))
    snapshot, report = build_snapshot([chain], trades={None: trades})
    (coin,) = report.coins
    assert coin.index.source == "trades"
    assert coin.premium == Fraction(2, 10_000)
    assert snapshot.underlyings[0].index_ticks == round(coin.index.usd * 100)
    assert 80_800 < coin.index.usd < 80_817
    assert snapshot.instruments[0].forward_ticks == round(coin.index.usd * (1 + coin.premium) * 100)
    scale = coin.index.usd / 80_000
    plain = build_snapshot([chain])[1].coins[0]
    assert [entry.usd for entry in coin.forwards] == [entry.usd * scale for entry in plain.forwards]


# --- age


@pytest.mark.parametrize("kind", AGE_LIMITS_MS)
def test_a28_each_kind_has_its_own_limit_and_none_is_from_the_future(kind: str) -> None:
    limit, now = AGE_LIMITS_MS[kind], 10**12
    assert check_age(kind, "it", now - limit, now).age_ms == limit
    assert check_age(kind, "it", now + SKEW_MS, now).age_ms == -SKEW_MS
    with pytest.raises(InputError, match=f"{kind} it: must be at most .* old, is .* old"):
        check_age(kind, "it", now - limit - 1, now)
    with pytest.raises(InputError, match="from the future"):
        check_age(kind, "it", now + SKEW_MS + 1, now)


def test_a28_an_old_chain_is_refused_by_kind_and_age(chain: Path) -> None:
    build_snapshot([chain], time_ms=TIME_MS + 300_000)
    with pytest.raises(InputError, match=r"chain chain.csv: must be at most 5.0 min old, is 5.0 min old"):
        build_snapshot([chain], time_ms=TIME_MS + 300_001)
    with pytest.raises(InputError, match="from the future"):
        build_snapshot([chain], time_ms=TIME_MS - 2_001)


def test_a28_trades_of_another_time_are_refused(chain: Path, tmp_path: Path) -> None:
    for shift, words in ((-10_001, "trades t.csv: must be at most 10 s old"), (400_000, "chain chain.csv: must be")):
        trades = write_trades(tmp_path / "t.csv", three_venues(TIME_MS + shift))
        with pytest.raises(InputError, match=words):
            build_snapshot([chain], trades={"BTC": trades})


def test_a28_an_old_or_later_previous_snapshot_is_refused(chain: Path, tmp_path: Path) -> None:
    day = 86_400_000
    for shift, words in ((-day - 1, "previous snapshot: must be at most 24.0 h old"), (10_000, "from the future")):
        other, _ = build_snapshot([calm_chain(tmp_path / "other.csv", time_ms=TIME_MS + shift)])
        with pytest.raises(InputError, match=words):
            build_snapshot([chain], previous=other)


def test_a28_chains_of_two_times_are_refused(chain: Path, tmp_path: Path) -> None:
    other = calm_chain(tmp_path / "other.csv", time_ms=TIME_MS + 1_000, coin="ETH")
    with pytest.raises(Refusal) as caught:
        build_snapshot([chain, other])
    assert caught.value.code == "time_mismatch"


def test_a_later_snapshot_time_shortens_the_options_and_drops_the_expired(tmp_path: Path) -> None:
    time_ms = EXPIRIES[0] - 60_000
    slices = {expiry: calm_slice(years_to(expiry, time_ms)) for expiry in EXPIRIES}
    path = write_chain(tmp_path / "chain.csv", chain_rows(slices, time_ms=time_ms))
    snapshot, _ = build_snapshot([path], time_ms=time_ms + 120_000)
    assert snapshot.time_ms == time_ms + 120_000
    assert min(entry.expiry_ms or MS_PER_YEAR * 100 for entry in snapshot.instruments) == EXPIRIES[1]


# --- sanity


def test_a_jump_against_the_previous_snapshot_is_refused(chain: Path, tmp_path: Path) -> None:
    before, _ = build_snapshot([calm_chain(tmp_path / "before.csv", time_ms=TIME_MS - 60_000, index=79_000.0)])
    _, report = build_snapshot([chain], previous=before)
    assert report.coins[0].jump_bps == pytest.approx(126.58, abs=0.01)
    far, _ = build_snapshot([calm_chain(tmp_path / "far.csv", time_ms=TIME_MS - 60_000, index=76_000.0)])
    with pytest.raises(Refusal, match="BTC index 80000.00 is \\+526 bps") as caught:
        build_snapshot([chain], previous=far)
    assert caught.value.code == "price_jump"


def test_rows_that_disagree_about_the_index_cost_confidence_and_then_the_snapshot(tmp_path: Path) -> None:
    rows = chain_rows({expiry: calm_slice(years_to(expiry)) for expiry in EXPIRIES})
    for number, row in enumerate(rows):
        row["index_price"] = f"{80_000 + 60 * (number % 3 - 1):.2f}"
    _, report = build_snapshot([write_chain(tmp_path / "c.csv", rows)])
    assert report.coins[0].index.confidence_bps == 7_650
    assert report.coins[0].margin_scale_bps == 13_375
    for number, row in enumerate(rows):
        row["index_price"] = f"{80_000 + 300 * (number % 3 - 1):.2f}"
    with pytest.raises(InputError, match="index confidence"):
        build_snapshot([write_chain(tmp_path / "c.csv", rows)])


def test_words_that_fit_nothing_are_refused(chain: Path, tmp_path: Path) -> None:
    trades = write_trades(tmp_path / "t.csv", three_venues(TIME_MS))
    with pytest.raises(InputError, match="profile"):
        build_snapshot([chain], profile="huge")
    with pytest.raises(InputError, match="at least one"):
        build_snapshot([])
    with pytest.raises(InputError, match="coin of the chains, BTC"):
        build_snapshot([chain], trades={"ETH": trades})
    with pytest.raises(InputError, match="a coin once"):
        build_snapshot([chain], trades={"BTC": trades, None: trades})


def test_a_chain_without_a_usable_row_or_with_other_columns_is_refused(tmp_path: Path) -> None:
    rows = chain_rows({EXPIRIES[0]: calm_slice(years_to(EXPIRIES[0]))})
    for row in rows:
        row["mark_price"] = ""
    with pytest.raises(InputError, match="usable row"):
        read_chain([write_chain(tmp_path / "c.csv", rows)])
    for text in ("a,b\n", "", "\xff\xfe"):
        (tmp_path / "d.csv").write_bytes(text.encode("latin-1"))
        with pytest.raises(InputError):
            read_chain([tmp_path / "d.csv"])
    with pytest.raises(InputError):
        read_chain([tmp_path / "absent.csv"])
