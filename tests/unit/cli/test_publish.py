"""``zkm2m publish``: a site in place of an earlier one, and never in place of anything else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from cli.publish import publish
from rtnet_core.errors import InputError, Refusal
from tests.support.epoch_setting import BATCH, KEYS, keystore, reserves_of, sampled_chain
from verifier import given
from verifier.keystore import key_id
from verifier.site.check_page import program_sha256


@pytest.fixture(autouse=True)
def no_locked_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated keys are of circuits that no lock file knows."""
    monkeypatch.setattr(given, "pinned_versions", dict)


@pytest.fixture
def epochs(tmp_path: Path) -> Path:
    """Return a folder of two epochs, with keys beside it."""
    for made in sampled_chain(2):
        made.write(tmp_path / "epochs" / str(made.record.number))
    keystore(tmp_path / "keys")
    return tmp_path / "epochs"


def test_a_site_is_written_and_written_again(epochs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, keys = epochs.parent / "site", epochs.parent / "keys"
    publish(epochs, out, keys=keys, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["epochs"], shown["development_keys"], shown["circuits"]) == (
        [1, 2],
        True,
        ["batch-small", "merge-small"],
    )
    assert shown["check_page_sha256"] == hashlib.sha256((out / "check.html").read_bytes()).hexdigest()
    assert shown["program_sha256"] == program_sha256()
    (out / "stray.txt").touch()
    publish(epochs, out, keys=keys)
    assert not (out / "stray.txt").exists()
    assert {path.name for path in epochs.parent.iterdir()} == {"epochs", "keys", "site"}
    assert "development keys" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["record.json", "epochs"])
def test_nothing_but_a_site_is_replaced(epochs: Path, name: str) -> None:
    out = epochs if name == "epochs" else epochs / "1" / name
    with pytest.raises(InputError, match="must be a site"):
        publish(epochs, out, keys=epochs.parent / "keys")
    assert (epochs / "1" / "record.json").is_file()


def test_a_refused_epoch_leaves_the_earlier_site(epochs: Path) -> None:
    out, keys = epochs.parent / "site", epochs.parent / "keys"
    publish(epochs, out, keys=keys)
    before = (out / "index.html").read_bytes()
    sampled_chain(2)[1].resigned(account_count=3).write(epochs / "2")
    with pytest.raises(Refusal):
        publish(epochs, out, keys=keys)
    assert (out / "index.html").read_bytes() == before
    assert {path.name for path in epochs.parent.iterdir()} == {"epochs", "keys", "site"}


def test_reserves_and_pins_are_asked_for_once_each(epochs: Path) -> None:
    line = {"chain": "other", "address": "custodian:1", "balance": "5"}
    path = epochs.parent / "reserves.json"
    path.write_bytes(reserves_of(sampled_chain(2)[1], {"USD": [line]}).to_json_bytes())
    keys = epochs.parent / "keys"
    publish(epochs, epochs.parent / "site", keys=keys, reserves=[path], vk_id=[f"{BATCH}={key_id(KEYS[BATCH])}"])
    assert (epochs.parent / "site" / "epochs" / "2" / "reserves.json").is_file()
    with pytest.raises(InputError, match="only reserves of its epoch"):
        publish(epochs, epochs.parent / "site", keys=keys, reserves=[path, path])
    with pytest.raises(Refusal):
        publish(epochs, epochs.parent / "site", keys=keys, vk_id=[f"{BATCH}={'00' * 32}"])
