"""The venue's file by the command line, and the text that the holder of an address signs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtnet_core.errors import InputError
from rtnet_core.reserves import ownership_message
from rtnet_core.venue import read_venue
from tests.support.command_line import zkm2m, zkm2m_json
from tests.support.epoch_setting import sampled_epoch


def test_a_venue_is_written_with_its_key_and_read_again(tmp_path: Path) -> None:
    out = tmp_path / "VENUE.toml"
    made = zkm2m_json("venue", "init", "--out", out, "--name", 'The "Venue" \\', "--insurance-fund", "2500000.000001")
    venue = read_venue(out)
    assert venue.public_key.hex() == made["venue_public_key"]
    assert (venue.file.name, venue.file.insurance_fund_ticks) == ('The "Venue" \\', 2_500_000_000_001)
    assert not venue.development
    assert (tmp_path / "VENUE.pem").stat().st_mode & 0o077 == 0


def test_a_venue_is_replaced_only_by_force_and_keeps_its_key(tmp_path: Path) -> None:
    out = tmp_path / "VENUE.toml"
    first = zkm2m_json("venue", "init", "--out", out)
    refused = zkm2m("venue", "init", "--out", out)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    again = zkm2m_json("venue", "init", "--out", out, "--threshold-bps", 11_000, "--force")
    assert again["venue_public_key"] == first["venue_public_key"]
    assert read_venue(out).file.threshold_bps == 11_000


@pytest.mark.parametrize("fund", ["-1", "1.0000001", "a lot", "NaN", "Infinity"])
def test_a_fund_that_is_no_amount(tmp_path: Path, fund: str) -> None:
    result = zkm2m("venue", "init", "--out", tmp_path / "VENUE.toml", "--insurance-fund", fund)
    assert result.exit_code == 2
    assert "--insurance-fund" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("name = ", "must be TOML"),
        ("name = " + "[" * 4_000, "must be TOML"),
        ("insurance_fund_ticks = " + "9" * 5_000, "must be TOML of few levels and short numbers"),
        ("# " + "x" * 8_192, "must not be longer than 8192 bytes"),
        ('format = "zkm2m/venue/v1"\nname = "x"\nkey_file = "k"\ninsurance_fund_ticks = 1.5\n', "insurance_fund_ticks"),
        ('name = "x"\nkey_file = "k"\ninsurance_fund_ticks = 1\nfunds = 2\n', "funds: is not a field"),
        ('name = "x"\nkey_file = "none.pem"\ninsurance_fund_ticks = 1\n', "none.pem: is missing"),
        ('name = "x"\nkey_file = "k"\ninsurance_fund_ticks = 1\nrefused_rows = "hide"\n', "refused_rows"),
    ],
)
def test_a_venue_file_that_breaks_a_rule_names_it(tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "VENUE.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=rule):
        read_venue(path)


def test_the_text_that_an_address_signs(tmp_path: Path) -> None:
    made = sampled_epoch(4)
    made.write(tmp_path / "epochs" / "1")
    words = ("--epoch", tmp_path / "epochs" / "1", "--chain", "ethereum", "--address", "0x" + "Ab" * 20)
    result = zkm2m("venue", "reserves-message", *words)
    record = made.record
    expected = ownership_message(
        record.venue, record.signature.public_key, record.number, record.as_of_ms, "ethereum", "0x" + "ab" * 20
    )
    assert result.stdout == expected + "\n"
