"""``zkm2m ceremony``: what it writes, prints and refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rtnet_core.errors import InputError, Refusal
from tests.support.ceremonies import BEACON, Finished, as_public, finished_ceremony, ran, run
from verifier.ceremony.documents import Attestation, contributor_name
from verifier.ceremony.transcript import read_attestation
from verifier.keystore import PinnedKey

__all__ = ["as_public", "finished_ceremony"]


def checked(made: Finished, command: str, folder: Path, *words: object) -> list[object]:
    return [command, folder, "--phase-1", made.phase_1, "--r1cs", made.r1cs, *words]


def test_a_finished_ceremony_becomes_keys_for_production(
    finished_ceremony: Finished, as_public: None, tmp_path: Path
) -> None:
    printed = json.loads(
        ran(*checked(finished_ceremony, "finish", finished_ceremony.folder, "--out", tmp_path, "--json")).stdout
    )
    pinned = PinnedKey.load(tmp_path / "toy")
    pinned.require_ceremonial()
    assert printed == {"keys": str(tmp_path / "toy"), "vk_id": pinned.vk_id, "development": False}
    assert (pinned.circuit, pinned.contributions, pinned.beacon) == ("toy", 4, BEACON)
    transcript = json.loads((tmp_path / "toy" / "transcript.json").read_text())
    assert transcript["vk_id"] == pinned.vk_id
    assert transcript["public_phase_1"] is True
    assert [entry["name"] for entry in transcript["contributions"]] == ["Ada", "Bob", "Cy", "beacon"]
    assert all(entry["attested"] for entry in transcript["contributions"])
    again = run(*checked(finished_ceremony, "finish", finished_ceremony.folder, "--out", tmp_path))
    assert again.exit_code == 2
    assert "--force" in again.stderr


def test_a43_keys_on_an_unknown_phase_1_file_are_development_keys(finished_ceremony: Finished, tmp_path: Path) -> None:
    result = ran(*checked(finished_ceremony, "finish", finished_ceremony.folder, "--out", tmp_path))
    assert "unknown phase 1" in result.stdout
    with pytest.raises(Refusal, match="development_key"):
        PinnedKey.load(tmp_path / "toy").require_ceremonial()


def test_verify_lists_the_contributors_and_says_what_is_missing(finished_ceremony: Finished, tmp_path: Path) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy", contributions=2)
    (folder / "circuit_0000.zkey").unlink()
    (folder / "circuit_0001.zkey").unlink()
    (folder / "attestation_0002.txt").unlink()
    text = ran(*checked(finished_ceremony, "verify", folder)).stdout
    for words in ("Ada", "Bob", "no text here", "open for contributions", "of unknown origin"):
        assert words in text
    refused = run(*checked(finished_ceremony, "finish", folder, "--out", tmp_path / "keys"))
    assert refused.exit_code == 1
    assert "no_beacon" in refused.stderr
    assert not (tmp_path / "keys").exists()


def test_an_attestation_states_what_the_files_are(finished_ceremony: Finished) -> None:
    stated = read_attestation(finished_ceremony.folder / "attestation_0004.txt")
    assert (stated.circuit, stated.number, stated.name) == ("toy", 4, "beacon")
    assert stated.beacon == f"{BEACON}, hashed 2^10 times with SHA-256"
    assert stated.beacon_source == "a test"
    assert Attestation.parse(stated.text(), "text") == stated
    second, third = (read_attestation(finished_ceremony.folder / f"attestation_{number:04}.txt") for number in (2, 3))
    assert second.key_after == third.key_before
    assert "snarkjs" in second.made_with


@pytest.mark.parametrize(
    ("label", "value", "named"),
    [
        ("Circuit", "other", "circuit"),
        ("Name", "Eve", "name"),
        ("Contribution hash (BLAKE2b-512)", "0" * 128, "contribution hash"),
        ("Key before (SHA-256)", "0" * 64, "key before"),
        ("Key after (SHA-256)", "0" * 64, "key after"),
        ("Contribution", "3", "attestation_0002.txt is of contribution 3"),
    ],
)
def test_a_changed_attestation_is_refused(
    finished_ceremony: Finished, tmp_path: Path, label: str, value: str, named: str
) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy", contributions=2)
    _relabel(folder / "attestation_0002.txt", label, value)
    result = run(*checked(finished_ceremony, "verify", folder, "--json"))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["reason"] == "attestation_mismatch"
    assert named in result.stderr


def _relabel(path: Path, label: str, value: str) -> None:
    lines = path.read_text().splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith(f"{label}:"))
    lines[at] = f"{label}: {value}"
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("Attestation", "Statement", 1),
        lambda text: text.replace("Name:", "Alias:"),
        lambda text: text + "Name:     Eve\n",
        lambda text: text.replace("Contribution:                    2", "Contribution: two"),
        lambda text: text.replace("Ada", "\udcff"),
    ],
    ids=["title", "line_missing", "line_twice", "number", "no_utf8"],
)
def test_what_is_no_attestation_is_bad_input(
    finished_ceremony: Finished, tmp_path: Path, edit: Callable[[str], str]
) -> None:
    path = tmp_path / "attestation_0002.txt"
    changed = edit((finished_ceremony.folder / "attestation_0002.txt").read_text() + "Ada\n")
    path.write_bytes(changed.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match="attestation_0002"):
        read_attestation(path)


def test_a_contributor_needs_the_last_key_and_the_ceremonys_file_only(
    finished_ceremony: Finished, tmp_path: Path
) -> None:
    for name in ("circuit_0001.zkey", "ceremony.json"):
        shutil.copyfile(finished_ceremony.folder / name, tmp_path / name)
    words = ["contribute", tmp_path / "circuit_0001.zkey", "--name", "Zoë 3=x", "--entropy", "dice", "--json"]
    made = json.loads(ran(*words).stdout)
    assert made["number"] == 2
    assert Path(made["key"]) == tmp_path / "circuit_0002.zkey"
    assert read_attestation(tmp_path / "attestation_0002.txt").contribution_hash == made["contribution_hash"]
    again = run(*words)
    assert again.exit_code == 2
    assert "never replaced" in again.stderr
    (tmp_path / "ceremony.json").unlink()
    assert run(*words).exit_code == 2


@pytest.mark.parametrize("name", ["", "a" * 65, "é" * 33, " Ada", "Ada\nBob", "Ada\x1b[2J"])
def test_names_that_do_not_fit_a_key_or_a_line_are_bad_input(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        contributor_name(name)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["--beacon", "xyz", "--iterations", 10], "hexadecimal"),
        (["--beacon", "", "--iterations", 10], "1 to 255 bytes"),
        (["--beacon", "00" * 256, "--iterations", 10], "1 to 255 bytes"),
        (["--beacon", "00", "--iterations", 9], "10"),
        (["--beacon", "00", "--iterations", 31], "30"),
    ],
)
def test_a_beacon_out_of_range_is_bad_input(finished_ceremony: Finished, words: list[object], rule: str) -> None:
    result = run("beacon", finished_ceremony.folder, *words)
    assert result.exit_code == 2
    assert rule in result.stderr


def test_a44_a_ceremony_begins_on_a_public_phase_1_file_or_says_so(finished_ceremony: Finished, tmp_path: Path) -> None:
    words = ["new", finished_ceremony.r1cs, "--phase-1", finished_ceremony.phase_1, "--out", tmp_path / "new"]
    refused = run(*words, "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["reason"]) == (1, "unknown_phase_1")
    too_big = run("new", "merge-small", *words[2:], "--unknown-phase-1")
    assert too_big.exit_code == 2
    assert "must have a power of at least 11" in too_big.stderr
    upper = shutil.copyfile(finished_ceremony.r1cs, tmp_path / "Toy.r1cs")
    assert run("new", upper, *words[2:], "--unknown-phase-1").exit_code == 2
    assert not (tmp_path / "new").exists()
    assert run("new", finished_ceremony.r1cs, *words[2:4], "--out", tmp_path).exit_code == 2
