"""The commands that check an epoch, a chain and a customer's file: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.verify_epoch import amount
from tests.support.command_line import zkm2m, zkm2m_json
from tests.support.epoch_setting import BATCH, KEYS, MadeEpoch, keystore, reserves_of, sampled_chain, sampled_epoch
from tests.support.verifier_setting import encoded
from verifier import given
from verifier.keystore import key_id
from verifier.reserves import Liability


@pytest.fixture(autouse=True)
def no_locked_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated keys are of circuits that no lock file knows."""
    monkeypatch.setattr(given, "pinned_versions", dict)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    keystore(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def epochs(tmp_path: Path) -> Path:
    """Return a folder of two epochs of four accounts."""
    for made in sampled_chain(2):
        made.write(tmp_path / "epochs" / str(made.record.number))
    return tmp_path / "epochs"


def reserves_file(made: MadeEpoch, folder: Path, balance: int) -> Path:
    """Write a reserves file with one balance for every asset."""
    line = {"chain": "other", "address": "custodian:1", "balance": str(balance)}
    path = folder / "reserves.json"
    path.write_bytes(reserves_of(made, {symbol: [line] for symbol in ("USD", "USDC", "BTC")}).to_json_bytes())
    return path


def test_an_epoch_is_accepted_with_the_record_beside_it(epochs: Path, keys: Path) -> None:
    shown = zkm2m_json("verify", "epoch", epochs / "2", "--keys", keys)
    assert (shown["accepted"], shown["epoch"], shown["previous_checked"]) == (True, 2, True)
    assert zkm2m_json("verify", "epoch", epochs / "1", "--keys", keys)["previous_checked"] is False


def test_a_table_for_a_person(epochs: Path, keys: Path, tmp_path: Path) -> None:
    (epochs / "1" / "letter.txt").touch()
    result = zkm2m("verify", "epoch", epochs / "1", "--keys", keys)
    assert result.exit_code == 0
    for words in (
        "accepted: the book is proven as stated",
        "Example Exchange, epoch 1",
        "1 of batch-small",
        "zero in every instrument",
        "What the venue owes",
        "letter.txt",
        "development key",
        "venue key not given",
        "below 100.00 %",
    ):
        assert words in result.stdout, words


@pytest.mark.parametrize(("balance", "code"), [(10**12, 0), (5, 3)])
def test_reserves_decide_between_exit_codes_0_and_3(
    epochs: Path, keys: Path, tmp_path: Path, balance: int, code: int
) -> None:
    path = reserves_file(sampled_chain(1)[0], tmp_path, balance)
    words = ("verify", "epoch", epochs / "1", "--keys", keys, "--reserves", path)
    assert zkm2m_json(*words, exit_code=code)["covered"] is (code == 0)
    result = zkm2m(*words)
    assert result.exit_code == code
    assert "no chain was read here" in result.stdout
    assert ("the reserves do not cover" in result.stdout) is (code == 3)


def test_a_refusal_has_exit_code_1_and_names_the_proof(epochs: Path, keys: Path, tmp_path: Path) -> None:
    made = sampled_epoch(5)
    made.line_changed(1, proof=made.lines[0]["proof"]).write(tmp_path / "5")
    shown = zkm2m_json("verify", "epoch", tmp_path / "5", "--keys", keys, exit_code=1)
    assert (shown["accepted"], shown["reason"]) == (False, "proof_invalid")
    assert f"{BATCH} 1" in shown["message"]


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["--production"], 1, "venue_key_not_pinned"),
        (["--venue-key", "05" * 32], 1, "wrong_venue"),
        (["--max-age", "5"], 1, "stale"),
        (["--threshold-bps", "10001"], 1, "threshold_mismatch"),
        (["--vk-id", f"{BATCH}={'00' * 32}"], 1, "unknown_key"),
        (["--vk-id", "00" * 32], 2, "CIRCUIT=HEX"),
        (["--vk-id", f"{BATCH}=00"], 2, "64 lower-case"),
        (["--vk-id", f"batch-standard={'00' * 32}"], 2, "circuit of this epoch"),
        (["--venue-key", "XY"], 2, "64 lower-case"),
        (["--reserves", "nowhere.json"], 2, "nowhere.json"),
        (["--previous", "nowhere.json"], 2, "nowhere.json"),
    ],
)
def test_options_that_refuse(epochs: Path, keys: Path, words: list[str], code: int, reason: str) -> None:
    result = zkm2m("verify", "epoch", epochs / "2", "--keys", keys, *words)
    assert result.exit_code == code
    assert reason in result.stderr


def test_options_that_accept(epochs: Path, keys: Path) -> None:
    record = sampled_chain(1)[0].record
    result = zkm2m(
        "verify", "epoch", epochs / "1", "--keys", keys, "--venue-key", record.signature.public_key,
        "--vk-id", f"{BATCH}={key_id(KEYS[BATCH])}", "--threshold-bps", 10_000, "--backend", "auto",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "(pinned)" in result.stdout


def test_a31_a_previous_record_that_is_another_is_refused(epochs: Path, keys: Path) -> None:
    named = epochs / "2" / "record.json"
    assert "number_twice" in zkm2m("verify", "epoch", epochs / "2", "--keys", keys, "--previous", named).stderr
    neighbour = sampled_chain(1)[0].resigned(account_count=3).record
    (epochs / "1" / "record.json").write_bytes(neighbour.to_json_bytes())
    assert "chain_broken" in zkm2m("verify", "epoch", epochs / "2", "--keys", keys).stderr


def test_a_folder_that_is_no_epoch_is_bad_input(tmp_path: Path) -> None:
    result = zkm2m("verify", "epoch", tmp_path)
    assert (result.exit_code, "record.json" in result.stderr) == (2, True)


def test_a_chain(epochs: Path) -> None:
    shown = zkm2m_json("verify", "chain", epochs)
    assert (shown["first"], shown["last"], shown["proofs_checked"]) == (1, 2, False)
    result = zkm2m("verify", "chain", epochs)
    assert "2 records follow each other" in result.stdout
    assert "no proof" in result.stdout
    (epochs / "2").rename(epochs / "3")
    assert zkm2m_json("verify", "chain", epochs, exit_code=1)["reason"] == "number_mismatch"
    assert zkm2m("verify", "chain", epochs / "1").exit_code == 2


def test_an_inclusion_file(epochs: Path, tmp_path: Path) -> None:
    made = sampled_chain(1)[0]
    mine = tmp_path / "mine.json"
    mine.write_bytes(encoded(made.inclusion(3)))
    shown = zkm2m_json("verify", "inclusion", mine, "--epoch", epochs / "1")
    assert shown["account"]["id"] == "customer-3"
    result = zkm2m("verify", "inclusion", mine, "--epoch", epochs / "1")
    assert result.exit_code == 0
    for words in ("with these numbers", "customer-3", "BTC-PERPETUAL", "proofs were not checked here"):
        assert words in result.stdout
    assert zkm2m_json("verify", "inclusion", mine, "--epoch", epochs / "2", exit_code=1)["reason"] == (
        "inclusion_mismatch"
    )
    mine.write_bytes(b"{}")
    assert zkm2m("verify", "inclusion", mine, "--epoch", epochs / "1").exit_code == 2


@pytest.mark.parametrize(
    ("owed", "number", "shown"),
    [
        (Liability("USD", "0.000001 USD", 0, True), -1_234_567_890, "-1,234.57"),
        (Liability("BTC", "0.00000001 BTC", 0, False), 123_456_789_012, "1,234.56789012"),
        (Liability("USDC", "1 USDC", 0, False), (1 << 60) - 1, "1,152,921,504,606,846,975"),
    ],
)
def test_amounts_for_a_person(owed: Liability, number: int, shown: str) -> None:
    assert amount(number, owed) == shown


def test_a_venues_name_cannot_style_the_output(tmp_path: Path, keys: Path) -> None:
    made: Any = sampled_epoch(1).resigned(venue="[red]Bank[/red]")
    result = zkm2m("verify", "chain", made.write(tmp_path / "epochs" / "1").parent)
    assert "[red]Bank[/red]" in result.stdout
    assert json.loads((tmp_path / "epochs" / "1" / "record.json").read_text())["venue"] == "[red]Bank[/red]"


def test_full_reports_what_was_computed_again_with_what_it_rests_on(epochs: Path, keys: Path) -> None:
    shown = zkm2m_json("verify", "epoch", epochs / "2", "--keys", keys, "--full", "--chain")["report"]
    assert shown["summary"]["critical"] == 0
    assert "records 1 to 2 follow" in next(check["text"] for check in shown["checks"] if check["subject"] == "chain")
    result = zkm2m("verify", "epoch", epochs / "2", "--keys", keys, "--full")
    assert result.exit_code == 0
    for words in ("Risk array, ticks a lot", "Findings", "rests on", "no critical finding"):
        assert words in result.stdout, words


def test_full_keeps_the_exit_code_of_reserves_and_a_broken_chain_refuses(
    epochs: Path, keys: Path, tmp_path: Path
) -> None:
    path = reserves_file(sampled_chain(1)[0], tmp_path, 5)
    words = ("verify", "epoch", epochs / "1", "--keys", keys, "--full")
    assert zkm2m_json(*words, "--reserves", path, exit_code=3)["report"]["summary"]["critical"] == 3
    (epochs / "1").rename(epochs / "3")
    words = ("verify", "epoch", epochs / "2", "--keys", keys, "--full", "--chain")
    assert zkm2m_json(*words, exit_code=1)["reason"] == "number_mismatch"


def test_an_age_limit_is_not_for_the_epochs_before(epochs: Path, keys: Path) -> None:
    age_ms = zkm2m_json("verify", "epoch", epochs / "2", "--keys", keys)["age_ms"]
    words = ("verify", "epoch", epochs / "2", "--keys", keys, "--full", "--chain", "--max-age", age_ms // 1000 + 600)
    assert zkm2m_json(*words)["accepted"] is True


def test_chain_is_a_part_of_full(epochs: Path, keys: Path) -> None:
    result = zkm2m("verify", "epoch", epochs / "2", "--keys", keys, "--chain")
    assert result.exit_code == 2
    assert "--full" in result.stderr
