"""``zkm2m book`` and ``zkm2m margin``: a sampled book, its record, and an account's figures by the exact engine."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from rtnet_core.account import Account, Book
from rtnet_core.limits import PROFILES
from rtnet_core.margin_exact import account_margin, account_vector
from rtnet_core.params import default_params
from rtnet_core.params_root import margin_params
from rtnet_core.record import Record
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot
from tests.support.command_line import zkm2m, zkm2m_json

CANARY = 918_273_645


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market, a book of ten accounts and a venue's key."""
    made = tmp_path_factory.mktemp("book")
    zkm2m_json("market", "sample", "--seed", 5, "--profile", "small", "--out", made / "market.json")
    book = zkm2m_json(
        "book", "sample", "--market", made / "market.json", "--accounts", 10, "--seed", 3, "--out", made / "book"
    )
    assert book["accounts"] == 10
    zkm2m_json("keys", "venue", "--out", made / "venue.pem")
    return made


def _commit(folder: Path, out: str, *words: object, exit_code: int = 0) -> str:
    result = zkm2m(
        *("book", "commit", folder / "book", "--market", folder / "market.json", "--key", folder / "venue.pem"),
        *("--out", folder / out, *words),
    )
    assert result.exit_code == exit_code, result.output
    return result.output


def test_the_book_is_balanced_and_names_its_accounts(folder: Path) -> None:
    accounts = list(Book(folder / "book"))
    assert [account.id for account in accounts] == [f"acct-{number:06d}" for number in range(10)]
    net: Counter[str] = Counter()
    for account in accounts:
        net.update(account.positions)
    assert not any(net.values())


def test_a_book_is_replaced_only_with_force(folder: Path) -> None:
    words = ("book", "sample", "--market", folder / "market.json", "--accounts", 2, "--seed", 1, "--out", folder / "b2")
    assert zkm2m(*words).exit_code == 0
    again = zkm2m(*words)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert zkm2m(*words, "--force").exit_code == 0


def test_both_formats_hold_the_same_accounts(folder: Path) -> None:
    words = ("book", "sample", "--market", folder / "market.json", "--accounts", 10, "--seed", 3, "--format", "jsonl")
    zkm2m_json(*words, "--out", folder / "lines")
    assert (folder / "lines" / "accounts.jsonl").is_file()
    assert (folder / "book" / "accounts.parquet").is_file()
    assert list(Book(folder / "lines")) == list(Book(folder / "book"))
    assert zkm2m(*words[:-1], "csv", "--out", folder / "never").exit_code == 2


def test_a_book_above_the_profile_is_refused(folder: Path) -> None:
    most = PROFILES["small"].capacity
    result = zkm2m(
        *(
            "book",
            "sample",
            "--market",
            folder / "market.json",
            "--accounts",
            most + 1,
            "--seed",
            1,
            "--out",
            folder / "b3",
        )
    )
    assert result.exit_code == 2
    assert f"must be at most {most}" in result.stderr


def test_a_record_follows_the_one_before(folder: Path) -> None:
    _commit(folder, "first.json", "--venue", "Example Venue")
    first = Record.from_json((folder / "first.json").read_bytes())
    first.verify_signature()
    assert (first.number, first.account_count, first.venue) == (1, 10, "Example Venue")
    assert (folder / "book" / "openings.json").stat().st_mode & 0o077 == 0
    _commit(folder, "second.json", "--previous", folder / "first.json")
    second = Record.from_json((folder / "second.json").read_bytes())
    assert (second.number, second.previous) == (2, first.digest().hex())
    assert second.book_root != first.book_root
    output = _commit(folder, "third.json", "--previous", folder / "first.json", "--number", 3, exit_code=2)
    assert "must follow" in output


@pytest.mark.parametrize("venue", ["", "x" * 129])
def test_a_venue_without_a_proper_name_is_refused(folder: Path, venue: str) -> None:
    assert "--venue" in _commit(folder, "never.json", "--venue", venue, exit_code=2)
    assert not (folder / "never.json").exists()


def test_margin_shows_what_the_exact_engine_says(folder: Path) -> None:
    snapshot = Snapshot.from_json((folder / "market.json").read_bytes())
    params = default_params(snapshot)
    risk, rule = build_risk_array(snapshot, params), margin_params(params, snapshot)
    for account in Book(folder / "book"):
        expected = account_margin(account_vector(account, snapshot), risk, rule)
        shown = zkm2m_json(
            *("margin", account.id, "--book", folder / "book", "--market", folder / "market.json"),
            *("--threshold-bps", 12_000),
        )
        assert int(shown["nlv_e4"]) == expected.nlv_e4
        assert int(shown["maintenance_e4"]) == expected.maintenance_e4
        assert int(shown["headroom_e8"]) == expected.headroom_e8(12_000)
        assert shown["clears"] is expected.clears(12_000)
        for part, exact in zip(shown["underlyings"], expected.underlyings, strict=True):
            assert int(part["scan_risk_ticks"]) == exact.scan_risk
            assert part["worst_scenario"] == exact.worst_scenario
            assert int(part["delta_ticks"]) == exact.net_delta


def test_margin_reads_an_account_file_and_prints_a_table(folder: Path, tmp_path: Path) -> None:
    account = next(iter(Book(folder / "book")))
    path = tmp_path / "account.json"
    path.write_bytes(account.to_json_bytes())
    result = zkm2m("margin", path, "--market", folder / "market.json")
    assert result.exit_code == 0, result.output
    for words in ("NLV", "maintenance margin", "headroom at 100.00 %", "Worst scenario", "vega"):
        assert words in result.stdout


def test_greeks_of_one_future_are_those_of_its_price(folder: Path, tmp_path: Path) -> None:
    snapshot = Snapshot.from_json((folder / "market.json").read_bytes())
    path = tmp_path / "account.json"
    path.write_bytes(Account(id="a", cash_ticks=0, positions={"BTC-PERPETUAL": 100}).to_json_bytes())
    part = zkm2m_json("margin", path, "--market", folder / "market.json")["underlyings"][0]
    assert abs(int(part["delta_ticks"]) - snapshot.instruments[0].forward_ticks) <= 100
    assert (part["gamma_ticks"], part["vega_ticks"], part["theta_ticks"]) == ("0", 0.0, 0.0)


def test_a50_what_an_account_holds_is_in_no_error(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    content = {"format": "zkm2m/account/v1", "id": "a", "cash_ticks": 0, "positions": {"BTC-PERPETUAL": CANARY}}
    path.write_text(json.dumps(content))
    result = zkm2m("margin", path, "--market", folder / "market.json")
    assert result.exit_code == 2
    assert str(CANARY) not in result.output


def test_an_account_that_is_not_there_is_bad_input(folder: Path) -> None:
    result = zkm2m("margin", "acct-000099", "--book", folder / "book", "--market", folder / "market.json")
    assert result.exit_code == 2
    assert "is not an account of the book" in result.stderr
