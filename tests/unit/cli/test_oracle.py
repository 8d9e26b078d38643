"""``zkm2m oracle``: from keys to a signed snapshot that is checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash
from tests.support.command_line import zkm2m, zkm2m_json
from tests.support.oracles import market


class Desk:
    """A folder with three oracles, their set with a quorum of two, and a market."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = [zkm2m_json("oracle", "keygen", "--name", f"oracle-{i}", "--out", self.key(i)) for i in range(3)]
        self.entries = [f"{made['name']}={made['public_key']}" for made in self.made]
        self.market.write_bytes(market().to_json_bytes())
        self.set_made = zkm2m_json("oracle", "set", "--quorum", 2, "--out", self.oracles, *self.entries)

    @property
    def market(self) -> Path:
        return self.folder / "market.json"

    @property
    def oracles(self) -> Path:
        return self.folder / "oracles.json"

    @property
    def signed(self) -> Path:
        return self.folder / "signed.json"

    def key(self, number: int) -> Path:
        return self.folder / f"oracle-{number}.key.json"

    def signature(self, number: int) -> Path:
        """Return the file of a signature made now."""
        path = self.folder / f"oracle-{number}.json"
        zkm2m_json("oracle", "sign", self.market, "--oracles", self.oracles, "--key", self.key(number), "--out", path)
        return path

    def combine(self, *numbers: int, exit_code: int = 0) -> Any:
        """Return what combining these oracles' signatures prints."""
        files = [self.signature(number) for number in numbers]
        words = ("oracle", "combine", self.market, *files, "--oracles", self.oracles, "--out", self.signed)
        return zkm2m_json(*words, exit_code=exit_code)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk in a folder of its own."""
    return Desk(tmp_path)


def test_a_quorum_signs_and_anyone_checks(desk: Desk) -> None:
    combined = desk.combine(2, 0)
    assert combined["signers"] == ["oracle-0", "oracle-2"]
    out = desk.folder / "checked.json"
    verdict = zkm2m_json("oracle", "check", desk.signed, "--oracles", desk.oracles, "--market", out)
    assert verdict["accepted"] is True
    assert verdict["signers"] == ["oracle-0", "oracle-2"]
    assert (verdict["quorum"], verdict["oracle_count"]) == (2, 3)
    assert verdict["oracles_root"] == desk.set_made["root"]
    assert verdict["snapshot_hash"] == combined["snapshot_hash"] == str(snapshot_hash(market()))
    assert out.read_bytes() == desk.market.read_bytes()
    assert Snapshot.from_json(out.read_bytes()) == market()


def test_private_files_are_private_and_public_ones_show_no_seed(desk: Desk) -> None:
    desk.combine(0, 1)
    seeds = [json.loads(desk.key(i).read_text())["seed"] for i in range(3)]
    for path in desk.folder.iterdir():
        private = path.name.endswith(".key.json")
        assert path.stat().st_mode & 0o777 == (0o600 if private else 0o644)
        assert private == any(seed in path.read_text() for seed in seeds)
    shown = zkm2m("oracle", "keygen", "--name", "oracle-9", "--out", desk.key(9))
    assert json.loads(desk.key(9).read_text())["seed"] not in shown.output


def test_tables_for_a_person(desk: Desk) -> None:
    desk.combine(0, 1)
    shown = zkm2m("oracle", "check", desk.signed, "--oracles", desk.oracles)
    assert shown.exit_code == 0
    assert "accepted" in shown.stdout
    assert "2 of 3; 2 signed" in shown.stdout
    assert "--max-age" in shown.stdout
    words = ("oracle", "combine", desk.market, desk.signature(0), desk.signature(1), "--oracles", desk.oracles)
    assert "oracle-0, oracle-1" in zkm2m(*words, "--out", desk.signed).stdout
    signing = ("oracle", "sign", desk.market, "--oracles", desk.oracles, "--key", desk.key(1))
    assert "oracle-1" in zkm2m(*signing, "--out", desk.signature(1)).stdout
    weak = zkm2m("oracle", "set", "--quorum", 1, "--out", desk.oracles, *desk.entries)
    assert "1 of 3" in weak.stdout
    assert "two halves" in weak.stdout


def test_a_key_is_replaced_only_with_force(desk: Desk) -> None:
    words = ("oracle", "keygen", "--name", "oracle-0", "--out", desk.key(0))
    again = zkm2m(*words)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert zkm2m_json(*words, "--force")["public_key"] != desk.made[0]["public_key"]


def test_refusals_have_their_code(desk: Desk) -> None:
    assert desk.combine(0, exit_code=1)["reason"] == "oracle_quorum_not_met"
    assert desk.combine(0, 0, exit_code=1)["reason"] == "oracle_twice"
    assert not desk.signed.exists()
    first, second = desk.signature(0), desk.signature(1)
    desk.market.write_bytes(market(2).to_json_bytes())
    words = ("oracle", "combine", desk.market, first, second, "--oracles", desk.oracles, "--out", desk.signed)
    assert zkm2m_json(*words, exit_code=1)["reason"] == "oracle_other_snapshot"


def test_a_changed_price_is_refused(desk: Desk) -> None:
    desk.combine(0, 1)
    content = json.loads(desk.signed.read_text())
    content["snapshot"]["underlyings"][0]["index_ticks"] += 1
    desk.signed.write_text(json.dumps(content))
    out = desk.folder / "checked.json"
    words = ("oracle", "check", desk.signed, "--oracles", desk.oracles, "--market", out)
    assert zkm2m_json(*words, exit_code=1)["reason"] == "oracle_signature_invalid"
    assert "refused: oracle_signature_invalid: the signature of oracle-0" in zkm2m(*words).stderr
    assert not out.exists()


def test_an_old_snapshot_is_refused_where_an_age_is_given(desk: Desk) -> None:
    desk.combine(0, 1)
    words = ("oracle", "check", desk.signed, "--oracles", desk.oracles, "--max-age", 60)
    assert zkm2m_json(*words, exit_code=1)["reason"] == "stale"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["oracle-1"], "oracle 1: must be NAME=PUBLIC_KEY"),
        (["=00"], "name"),
        (["oracle-1=00"], "public_key"),
        ([f"oracle-1={'00' * 32}"], "must lie in the subgroup"),
        ([f"oracle-1=01{'00' * 31}"], "identity"),
        ([f"oracle-1={'ff' * 32}"], "below the field order"),
    ],
)
def test_a_set_of_what_is_no_oracle_is_bad_input(entries: list[str], message: str, tmp_path: Path) -> None:
    result = zkm2m("oracle", "set", "--quorum", 1, "--out", tmp_path / "oracles.json", *entries)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "oracles.json").exists()


def test_a_stranger_does_not_sign(desk: Desk) -> None:
    zkm2m_json("oracle", "keygen", "--name", "stranger", "--out", desk.key(7))
    out = desk.folder / "stranger.json"
    words = ("oracle", "sign", desk.market, "--oracles", desk.oracles, "--key", desk.key(7), "--out", out)
    result = zkm2m(*words)
    assert result.exit_code == 2
    assert "must be of one of the oracles in the set" in result.stderr
    assert not out.exists()
