"""Implied volatilities, the SVI fit, the arbitrage checks and their repair, interpolation, and the quality figures."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from fractions import Fraction
from math import exp, isnan, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid  # type: ignore[import-untyped]

from rtnet_core import surface_repair
from rtnet_core.chain_quotes import by_expiry, read_chain
from rtnet_core.errors import InputError, ToolError
from rtnet_core.implied import QuoteColumns, implied_volatility, quote_columns
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.pricing_fast import option_values
from rtnet_core.surface import Slice, Surface, violations
from rtnet_core.surface_fit import MIN_QUOTES, fit_quality, fit_surface, fit_targets
from rtnet_core.surface_repair import repaired
from rtnet_core.svi import LEE_BOUND, Svi, Targets, decode, encode, fit_svi
from tests.support.chains import EXPIRIES, calm_chain, calm_slice, chain_rows, write_chain, years_to

K = np.linspace(-0.8, 0.8, 41)
#: Axel Vogt's slice: a textbook fit with a negative density (Gatheral and Jacquier, section 2.2).
VOGT = Svi(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)


def surface_of(*slices: tuple[float, Svi]) -> Surface:
    return Surface("BTC", 0, tuple(Slice(round(years * MS_PER_YEAR), years, svi, -0.8, 0.8) for years, svi in slices))


def targets_of(svi: Svi, years: float, k: np.ndarray = K) -> Targets:
    return Targets(k, np.sqrt(svi.total_variance(k) / years), np.ones_like(k), years)


# --- implied volatility


@settings(deadline=None)  # the first call imports the library
@given(
    st.floats(-0.5, 0.5),
    st.floats(0.1, 3.0),
    st.sampled_from([1 / 8760, 7 / 365, 0.25, 2.0]),
    st.booleans(),
)
def test_the_inversion_gives_the_volatility_back(
    deviations: float, volatility: float, years: float, call: bool
) -> None:
    strike = exp(deviations * volatility * years**0.5)
    price = float(option_values(call, 1.0, strike, volatility, years))
    assert implied_volatility(price, strike, years, is_call=call) == pytest.approx(volatility, rel=1e-9)


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("strike", [0.5, 0.8, 1.0, 1.25, 2.0])
def test_a_price_without_a_volatility_is_no_error(strike: float, call: bool) -> None:
    intrinsic = max(1 - strike if call else strike - 1, 0.0)
    highest = 1.0 if call else strike
    for price in (intrinsic, intrinsic - 0.01, -1.0, 0.0, highest, highest + 1, nan, float("inf"), -float("inf")):
        if price != 0.0 or intrinsic >= 0:
            assert isnan(implied_volatility(price, strike, 0.5, is_call=call))


@pytest.mark.parametrize(("strike", "years"), [(0.0, 1.0), (-1.0, 1.0), (nan, 1.0), (1.0, 0.0), (1.0, -1.0)])
def test_arguments_without_meaning_have_no_volatility(strike: float, years: float) -> None:
    assert isnan(implied_volatility(0.1, strike, years, is_call=True))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    quotes = read_chain([calm_chain(tmp_path / "c.csv")]).quotes
    monkeypatch.setitem(sys.modules, "lets_be_rational", None)
    with pytest.raises(ToolError, match=r"zk-m2m\[market\]"):
        implied_volatility(0.1, 1.0, 1.0, is_call=True)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(ToolError, match=r"zk-m2m\[market\]"):
        fit_surface(quotes)


def test_columns_hold_what_the_book_held(tmp_path: Path) -> None:
    quotes = [quote for quote in read_chain([calm_chain(tmp_path / "c.csv")]).quotes if quote.is_call]
    (members, *_) = by_expiry(quotes).values()
    columns = quote_columns(members)
    expected = calm_slice(years_to(EXPIRIES[0])).total_variance(columns.log_moneyness)
    assert np.allclose(columns.mark**2 * members[0].years, expected, rtol=1e-5)
    both = np.isfinite(columns.bid) & np.isfinite(columns.ask)
    assert both.sum() > 10
    assert (columns.bid[both] < columns.mark[both]).all() and (columns.mark[both] < columns.ask[both]).all()
    assert columns.is_call.all() and (columns.weight >= 0).all()


# --- one slice


@pytest.mark.parametrize(
    "svi",
    [
        calm_slice(0.02),
        calm_slice(0.5),
        Svi(0.01, 0.1, -0.5, 0.05, 0.1),
        Svi(0.04, 0.08, 0.3, -0.1, 0.3),
        Svi(0.1, 0.2, -0.2, 0.0, 0.5),
    ],
)
def test_an_exact_slice_is_recovered(svi: Svi) -> None:
    found = fit_svi(targets_of(svi, 0.25, K * float(np.sqrt(svi.total_variance(0.0))) * 4))
    inside = np.linspace(-2, 2, 50) * float(np.sqrt(svi.total_variance(0.0)))
    assert np.allclose(
        np.sqrt(found.total_variance(inside) / 0.25), np.sqrt(svi.total_variance(inside) / 0.25), atol=2e-5
    )


def test_one_bad_quote_bends_nothing() -> None:
    exact = targets_of(calm_slice(0.25), 0.25)
    volatility = exact.volatility.copy()
    volatility[30] += 3.0
    found = fit_svi(Targets(exact.k, volatility, exact.weight, 0.25))
    assert np.max(np.abs(np.sqrt(found.total_variance(K) / 0.25) - exact.volatility)) < 0.01


def test_free_parameters_and_slices_say_the_same() -> None:
    for svi in (VOGT, calm_slice(0.3)):
        again = decode(encode(svi))
        assert np.allclose(
            [again.a, again.b, again.rho, again.m, again.sigma], [svi.a, svi.b, svi.rho, svi.m, svi.sigma]
        )


def test_slopes_are_the_derivatives() -> None:
    step = 1e-4
    up, here, down = (VOGT.total_variance(K + shift) for shift in (step, 0.0, -step))
    first, second = VOGT.slopes(K)
    assert np.allclose(first, (up - down) / (2 * step), atol=1e-7)
    assert np.allclose(second, (up - 2 * here + down) / step**2, atol=1e-5)


def test_the_density_integrates_to_one_and_vogts_slice_is_negative() -> None:
    svi = calm_slice(0.5)
    k = np.linspace(-4, 4, 20_001)
    w = svi.total_variance(k)
    d2 = -k / np.sqrt(w) - np.sqrt(w) / 2
    density = svi.density(k) * np.exp(-d2 * d2 / 2) / np.sqrt(2 * np.pi * w)
    assert trapezoid(density, k) == pytest.approx(1.0, abs=1e-4)
    assert VOGT.density(np.linspace(0.5, 1.2, 50)).min() < 0
    assert Svi(0.04, 1e-12, 0.0, 0.0, 1.0).density(K) == pytest.approx(1.0)
    assert Svi(-0.5, 0.1, 0.0, 0.0, 0.1).density(0.0) == -1.0


# --- a surface


def test_a_surface_without_arbitrage_has_no_violations() -> None:
    assert violations(surface_of(*((years, calm_slice(years)) for years in (0.02, 0.1, 0.5, 2.0)))) == ()


def test_each_kind_of_arbitrage_is_found_where_it_is() -> None:
    flat = Svi(0.04, 1e-6, 0.0, 0.0, 0.5)
    butterfly = violations(surface_of((1.0, VOGT)))
    assert [(entry.kind, entry.expiry_ms) for entry in butterfly] == [("butterfly", MS_PER_YEAR)]
    assert 0.5 < butterfly[0].k < 1.3 and butterfly[0].size > 0.01
    falling = violations(surface_of((0.5, flat), (1.0, Svi(0.03, 1e-6, 0.0, 0.0, 0.5))))
    assert [(entry.kind, entry.expiry_ms) for entry in falling] == [("calendar", MS_PER_YEAR)]
    assert falling[0].size == pytest.approx(0.25, abs=1e-4)
    crossing = violations(surface_of((0.5, Svi(0.02, 0.1, 0.0, 0.0, 0.3)), (1.0, Svi(0.08, 0.09, 0.0, 0.0, 0.3))))
    assert {(entry.kind, entry.k) for entry in crossing} == {("wing", -1.0), ("wing", 1.0)}
    steep = violations(surface_of((1.0, Svi(0.5, 1.2, 0.9, 0.0, 1.0))))
    assert ("wing", 1.0) in {(entry.kind, entry.k) for entry in steep}


@pytest.mark.parametrize(
    ("slices", "most"),
    [
        ([(1.0, VOGT)], 0.01),
        ([(0.25, calm_slice(0.25)), (0.5, calm_slice(0.2)), (1.0, calm_slice(1.0))], 0.12),
        ([(0.25, Svi(0.05, 0.2, 0.0, 0.0, 0.2)), (0.5, VOGT), (1.0, calm_slice(1.0))], 0.25),
    ],
    ids=["butterfly", "calendar", "both"],
)
def test_arbitrage_is_repaired_and_the_rest_stays(slices: list[tuple[float, Svi]], most: float) -> None:
    broken = surface_of(*slices)
    assert violations(broken)
    mended = repaired(broken, [targets_of(svi, years) for years, svi in slices])
    assert violations(mended) == ()
    assert all(max(entry.svi.wings) <= LEE_BOUND for entry in mended.slices)
    for before, after in zip(broken.slices, mended.slices, strict=True):
        assert np.median(np.abs(before.volatility(K) - after.volatility(K))) < most


def test_what_the_fit_leaves_is_flattened_and_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface_repair, "_PENALTIES", ())
    slices = [(0.5, VOGT), (1.0, Svi(-0.045, 0.14, 0.3, 0.3, 0.4))]
    broken = surface_of(*slices)
    assert {entry.kind for entry in violations(broken)} >= {"butterfly", "calendar"}
    assert violations(repaired(broken, [targets_of(svi, years) for years, svi in slices])) == ()


def test_total_variance_is_linear_in_time_and_never_falls() -> None:
    surface = surface_of(*((years, calm_slice(years)) for years in (0.1, 0.5, 2.0)))
    near, far = (entry.svi.total_variance(K) for entry in surface.slices[:2])
    assert np.allclose(surface.total_variance(K, 0.3), (near + far) / 2)
    times = [0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0]
    table = np.array([surface.total_variance(K, time) for time in times])
    assert (np.diff(table, axis=0) > 0).all()
    assert np.allclose(table[0] / 0.01, table[2] / 0.1) and np.allclose(table[-1] / 3.0, table[-2] / 2.0)
    assert np.allclose(surface.volatility(K, MS_PER_YEAR // 2), surface.slices[1].volatility(K))
    with pytest.raises(InputError, match="years"):
        surface.total_variance(0.0, 0.0)


# --- from quotes


def test_a_known_surface_comes_back_from_its_quotes(tmp_path: Path) -> None:
    fitted = fit_surface(read_chain([calm_chain(tmp_path / "c.csv")]).quotes)
    assert [entry.expiry_ms for entry in fitted.surface.slices] == list(EXPIRIES)
    assert (fitted.after, fitted.skipped) == ((), ())
    assert fitted.quality.inside == fitted.quality.two_sided > 100
    assert fitted.quality.middle_median < 0.2
    for entry in fitted.surface.slices:
        k = np.linspace(-2, 2, 21) * float(np.sqrt(entry.svi.total_variance(0.0)))
        exact = np.sqrt(calm_slice(entry.years).total_variance(k) / entry.years)
        assert np.max(np.abs(entry.volatility(k) - exact)) < 0.01
    assert fitted.surface.at_the_money()[0][1] == pytest.approx(0.395, abs=0.01)


def test_an_inverted_term_structure_is_no_arbitrage_but_a_falling_variance_is_mended(tmp_path: Path) -> None:
    years = [years_to(expiry) for expiry in EXPIRIES]
    slices = {EXPIRIES[0]: calm_slice(years[0]), EXPIRIES[1]: calm_slice(years[2]), EXPIRIES[2]: calm_slice(years[1])}
    fitted = fit_surface(read_chain([write_chain(tmp_path / "c.csv", chain_rows(slices))]).quotes)
    assert "calendar" in {entry.kind for entry in fitted.before}
    assert fitted.after == ()


@pytest.mark.parametrize("seed", range(3))
def test_noisy_quotes_still_make_a_surface_without_arbitrage(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    quotes = [
        replace(
            quote,
            bid=None if quote.bid is None or draw.random() < 0.2 else quote.bid * Fraction(draw.randint(80, 120), 100),
            ask=None if quote.ask is None or draw.random() < 0.2 else quote.ask * Fraction(draw.randint(80, 120), 100),
        )
        for quote in read_chain([calm_chain(tmp_path / "c.csv")]).quotes
        if draw.random() < 0.6
    ]
    fitted = fit_surface(quotes)
    assert fitted.after == ()


def test_a_thin_expiry_is_interpolated(tmp_path: Path) -> None:
    rows = chain_rows({expiry: calm_slice(years_to(expiry)) for expiry in EXPIRIES})
    thin = [row for row in rows if "25SEP26" in row["instrument_name"]][: MIN_QUOTES - 1]
    kept = [row for row in rows if "25SEP26" not in row["instrument_name"]] + thin
    fitted = fit_surface(read_chain([write_chain(tmp_path / "c.csv", kept)]).quotes)
    assert fitted.skipped == (EXPIRIES[1],)
    assert 0.3 < float(fitted.surface.volatility(0.0, EXPIRIES[1])) < 0.5
    with pytest.raises(InputError, match="usable quotes"):
        fit_surface(read_chain([write_chain(tmp_path / "thin.csv", thin)]).quotes)


def test_targets_trust_tight_quotes_and_bound_marks_by_the_side_there_is() -> None:
    columns = QuoteColumns(
        log_moneyness=np.array([0.1, 0.2, 0.3, 0.4, -0.3]),
        bid=np.array([0.49, 0.40, nan, 0.60, 0.5]),
        ask=np.array([0.51, 0.60, 0.45, nan, 0.6]),
        mark=np.array([0.52, 0.5, 0.5, 0.5, 0.5]),
        weight=np.ones(5),
        is_call=np.ones(5, dtype=np.bool_),
    )
    targets = fit_targets(columns, 0.25)
    assert targets.k.tolist() == [0.1, 0.2, 0.3, 0.4]  # the call far in the money is left out
    assert targets.volatility.tolist() == [0.5, 0.5, 0.45, 0.6]
    assert targets.weight[0] > targets.weight[1] > targets.weight[2] == targets.weight[3]


def test_quality_counts_distances_from_the_spread() -> None:
    flat = Slice(MS_PER_YEAR, 1.0, Svi(0.25 - 1e-9, 1e-9, 0.0, 0.0, 1.0), -1.0, 1.0)
    columns = QuoteColumns(
        log_moneyness=np.zeros(4),
        bid=np.array([0.4, 0.51, 0.3, nan]),
        ask=np.array([0.6, 0.53, 0.4, 0.6]),
        mark=np.array([0.5, 0.52, 0.5, 0.5]),
        weight=np.ones(4),
        is_call=np.ones(4, dtype=np.bool_),
    )
    quality = fit_quality([(columns, flat)])
    assert (quality.quotes, quality.two_sided, quality.inside) == (4, 3, 1)
    assert (quality.outside_median, quality.outside_worst) == pytest.approx((1.0, 10.0))
    assert (quality.middle_median, quality.middle_worst, quality.mark_median) == pytest.approx(
        (2.0, 15.0, 0.0), abs=1e-9
    )
    assert quality.inside_share == pytest.approx(1 / 3)
