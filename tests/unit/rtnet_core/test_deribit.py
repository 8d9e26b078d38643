"""Import of Deribit chains: a case for every refusal, the choice of instruments, and the real files."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rtnet_core.account import quantities
from rtnet_core.black76 import value_ticks
from rtnet_core.book_sample import sample_book
from rtnet_core.deribit import COLUMNS, REASONS, ImportReport, import_chains, read_instrument_names
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import MS_PER_YEAR
from rtnet_core.params import default_params
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot

STAMP = "2026-08-22T03:50:45.199229+00:00"
TIME_MS = 1_787_370_645_199
EXPIRY_MS = 1_787_904_000_000  # 2026-08-28 08:00 UTC


def _row(strike: int = 80_000, side: str = "C", **cells: str) -> dict[str, str]:
    """Return a row whose mark is the Black-76 price of its forward and volatility."""
    kind = "call" if side == "C" else "put"
    forward = 7_860_554
    value = value_ticks(kind, forward, strike * 100, 1 << 31, EXPIRY_MS - TIME_MS)
    row = dict.fromkeys(COLUMNS, "") | {
        "timestamp": STAMP,
        "instrument_name": f"BTC-28AUG26-{strike}-{side}",
        "option_type": kind,
        "strike": f"{strike}.0",
        "expiry_datetime": "2026-08-28T08:00:00+00:00",
        "mark_price": f"{value / forward:.8f}",
        "futures_price": "78605.54",
        "futures_instrument_name": "BTC-28AUG26",
        "implied_volatility": "0.5",
        "open_interest": "10.0",
        "currency": "BTC",
        "index_price": "78615.75",
    }
    return row | cells


def _write(path: Path, rows: Iterable[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _import(folder: Path, *rows: dict[str, str], profile: str = "small") -> tuple[Snapshot, ImportReport]:
    return import_chains([_write(folder / "chain.csv", rows)], profile=profile)


def test_a_row_is_converted_once_with_its_own_forward(tmp_path: Path) -> None:
    market, report = _import(tmp_path, _row(), _row(70_000, "P", futures_price="78605.555", index_price="78615.77"))
    call, put = (next(entry for entry in market.instruments if entry.kind == kind) for kind in ("call", "put"))
    assert (call.forward_ticks, call.strike_ticks, call.volatility_q32) == (7_860_554, 8_000_000, 1 << 31)
    assert put.forward_ticks == 7_860_556  # 7,860,555.5: the tie goes to the even tick
    assert (market.time_ms, call.expiry_ms) == (TIME_MS, EXPIRY_MS)
    assert market.underlyings[0].index_ticks == 7_861_576  # the median of two, 78,615.76
    perpetual, future = market.instruments[:2]
    assert (perpetual.name, perpetual.forward_ticks) == ("BTC-PERPETUAL", 7_861_576)
    assert (future.name, future.forward_ticks) == ("BTC-28AUG26", 7_860_555)
    assert [asset.symbol for asset in market.assets] == ["USDC", "USDT", "BTC"]
    assert (report.rows, report.accepted, report.refused, report.listed) == (2, 2, {}, 4)
    assert report.repriced_error_worst < 1e-7


@pytest.mark.parametrize(
    ("reason", "cells"),
    [
        ("no_mark", {"mark_price": ""}),
        ("no_mark", {"mark_price": "0.0"}),
        ("no_volatility", {"implied_volatility": ""}),
        ("no_volatility", {"implied_volatility": "0"}),
        ("malformed", {"futures_price": ""}),
        ("malformed", {"futures_price": "-1"}),
        ("malformed", {"mark_price": "nan"}),
        ("malformed", {"mark_price": "٣"}),
        ("malformed", {"strike": "80001.0"}),
        ("malformed", {"option_type": "put"}),
        ("malformed", {"currency": "ETH"}),
        ("malformed", {"expiry_datetime": "2026-08-29T08:00:00+00:00"}),
        ("malformed", {"expiry_datetime": "soon"}),
        ("malformed", {"futures_instrument_name": "BTC-25SEP26"}),
        ("malformed", {"instrument_name": "BTC-28AUG26-80000"}),
        ("out_of_range", {"implied_volatility": "16"}),
        ("out_of_range", {"futures_price": "9999999"}),
        ("out_of_range", {"index_price": "0"}),
        ("mark_inconsistent", {"mark_price": "0.2"}),
        ("mark_inconsistent", {"implied_volatility": "0.7"}),
        (
            "expired",
            {
                "instrument_name": "BTC-22AUG26-80000-C",
                "futures_instrument_name": "BTC-22AUG26",
                "expiry_datetime": "2026-08-22T03:50:45.199000+00:00",
            },
        ),
    ],
)
def test_a_row_is_refused_with_its_reason(tmp_path: Path, reason: str, cells: dict[str, str]) -> None:
    _, report = _import(tmp_path, _row(70_000), _row() | cells)
    assert report.refused == {reason: 1}
    assert reason in REASONS
    (row,) = report.refused_rows
    assert (row.file, row.line, row.reason) == ("chain.csv", 3, reason)
    assert report.rows == report.accepted + sum(report.refused.values())


def test_a_repeated_instrument_is_a_duplicate_also_across_files(tmp_path: Path) -> None:
    first, second = (_write(tmp_path / name, [_row()]) for name in ("a.csv", "b.csv"))
    _, report = import_chains([first, second], profile="small")
    assert [(entry.file, entry.accepted, entry.refused) for entry in report.files] == [
        ("a.csv", 1, {}),
        ("b.csv", 0, {"duplicate": 1}),
    ]


def test_a_row_with_a_cell_too_few_is_malformed(tmp_path: Path) -> None:
    path = _write(tmp_path / "chain.csv", [_row(), _row(70_000)])
    path.write_text(path.read_text(encoding="utf-8").rstrip().rsplit(",", 1)[0] + "\n", encoding="utf-8")
    _, report = import_chains([path], profile="small")
    assert report.refused == {"malformed": 1}


def test_a28_rows_of_different_times_are_refused(tmp_path: Path) -> None:
    other = _row(70_000, timestamp="2026-08-22T03:50:46.199229+00:00")
    with pytest.raises(Refusal, match="chain.csv line 3 is of .* collected together") as caught:
        _import(tmp_path, _row(), other)
    assert caught.value.code == "time_mismatch"


def test_a_file_that_is_no_chain_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    path.write_text("timestamp,strike\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1: must be the 23 columns"):
        import_chains([path])
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="must be a readable UTF-8 file"):
        import_chains([path])
    with pytest.raises(InputError, match="at least one usable row"):
        _import(tmp_path, _row(mark_price=""))
    with pytest.raises(InputError, match="currency: must be one of BTC, ETH"):
        _import(tmp_path, _row(instrument_name="SOL-28AUG26-80000-C", currency="SOL"))
    with pytest.raises(InputError, match="profile"):
        import_chains([path], profile="huge")
    with pytest.raises(InputError, match="at least one"):
        import_chains([])


def test_options_are_chosen_by_open_interest_and_ties_by_name(tmp_path: Path) -> None:
    interest = {70_000: "5", 75_000: "7", 80_000: "7", 85_000: "7", 90_000: ""}
    market, _ = _import(tmp_path, *(_row(strike, open_interest=text) for strike, text in interest.items()))
    assert [entry.name for entry in market.instruments] == [
        "BTC-PERPETUAL",
        "BTC-28AUG26",
        "BTC-28AUG26-75000-C",
        "BTC-28AUG26-80000-C",
    ]


def test_a_synthetic_forward_offers_no_future(tmp_path: Path) -> None:
    market, _ = _import(tmp_path, _row(futures_instrument_name="SYN.BTC-28AUG26"))
    assert [entry.kind for entry in market.instruments] == ["perpetual", "call"]


def test_a_list_of_names_decides_and_an_unknown_name_is_refused(tmp_path: Path) -> None:
    chain = _write(tmp_path / "chain.csv", [_row(), _row(70_000)])
    names = tmp_path / "names.txt"
    names.write_text("# mine\nBTC-28AUG26-70000-C\n\n BTC-PERPETUAL \n", encoding="utf-8")
    market, report = import_chains([chain], profile="small", instruments=read_instrument_names(names))
    assert [entry.name for entry in market.instruments] == ["BTC-PERPETUAL", "BTC-28AUG26-70000-C"]
    assert report.listed == 2
    with pytest.raises(InputError, match=r"instruments\[0\]: must be an instrument that the chain files offer"):
        import_chains([chain], profile="small", instruments=["BTC-1JAN30"])
    names.write_text("A\nA\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2: must not repeat a name"):
        read_instrument_names(names)


DATA = Path(os.environ.get("ZKM2M_MARKET_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "data"))
CALM, CRASH = "20260822T035045Z", "20260205T155132Z"


def _real(coin: str, moment: str) -> Path:
    path = DATA / f"deribit_{coin}_chain_{moment}.csv"
    if not path.is_file():
        pytest.skip(f"no market data at {DATA}: set ZKM2M_MARKET_DATA to its folder")
    return path


@pytest.mark.market_data
@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_calm_chains_reprice_to_their_marks(coin: str) -> None:
    _, report = import_chains([_real(coin, CALM)])
    assert report.repriced_error_median < 5e-5
    assert report.repriced_error_worst < 1e-3
    assert "mark_inconsistent" not in report.refused
    assert report.accepted > 0.9 * report.rows


@pytest.mark.market_data
@pytest.mark.parametrize("moment", [CALM, CRASH])
@pytest.mark.parametrize("profile", ["small", "standard", "wide"])
def test_both_chains_of_a_moment_make_one_full_snapshot(moment: str, profile: str) -> None:
    market, report = import_chains([_real("btc", moment), _real("eth", moment)], profile=profile)
    assert report.listed == len(market.instruments) == 2 * market.sizes.slots
    assert report.rows == report.accepted + sum(report.refused.values())
    assert report.accepted > 0.9 * report.rows
    assert [entry.kind for entry in market.instruments].count("perpetual") == 2
    assert Snapshot.from_json(market.to_json_bytes()) == market
    assert {Fraction(entry.lot) for entry in market.underlyings} == {Fraction(1, 10_000), Fraction(1, 100)}
    assert all((entry.expiry_ms or MS_PER_YEAR * 100) > market.time_ms for entry in market.instruments)


@pytest.mark.market_data
@pytest.mark.parametrize("moment", [CALM, CRASH])
def test_a_real_snapshot_has_a_risk_array_and_a_sample_book(moment: str) -> None:
    market, _ = import_chains([_real("btc", moment), _real("eth", moment)])
    params = default_params(market)
    assert build_risk_array(market, params).is_option.count(1) == 56
    accounts = list(sample_book(market, params, 50, 1))
    assert not np.array([quantities(account, market) for account in accounts]).sum(axis=0).any()


@pytest.mark.market_data
def test_a28_chains_of_two_moments_are_refused() -> None:
    with pytest.raises(Refusal) as caught:
        import_chains([_real("btc", CALM), _real("eth", CRASH)])
    assert caught.value.code == "time_mismatch"
