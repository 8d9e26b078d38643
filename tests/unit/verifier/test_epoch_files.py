"""Reading an epoch's folder: every line has one place and one spelling, and nothing is read without a bound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.errors import InputError, Refusal
from tests.support.epoch_setting import BATCH, MERGE, MadeEpoch, compact, sampled_epoch
from verifier.epoch_files import MAX_LINE_BYTES, MAX_RECORD_BYTES, MAX_UNCHECKED, EpochFolder, proof_name


def folder_of(epoch: MadeEpoch, path: Path) -> EpochFolder:
    return EpochFolder(epoch.write(path))


def refused_lines(path: Path, data: bytes) -> Refusal:
    """Return the refusal of an epoch of five accounts (two batches, one merge) whose proofs file holds `data`."""
    folder = folder_of(sampled_epoch(5), path)
    (path / "proofs.jsonl").write_bytes(data)
    with pytest.raises(Refusal) as caught:
        list(folder.proofs())
    return caught.value


def test_the_lines_come_in_order_with_their_claims(tmp_path: Path) -> None:
    epoch = sampled_epoch(21)
    folder = folder_of(epoch, tmp_path)
    lines = list(folder.proofs())
    assert [line.name for line in lines] == [
        *(f"{BATCH} {i}" for i in range(6)),
        f"{MERGE} 0 of level 1",
        f"{MERGE} 1 of level 1",
        f"{MERGE} 0 of level 2",
    ]
    assert folder.proof_count() == len(lines)
    assert [str(line.totals) for line in lines] == [line["totals"] for line in epoch.lines]
    assert [line.batch_root is None for line in lines] == [False] * 6 + [True] * 3


def test_proofs_have_names() -> None:
    assert proof_name("batch-small", 0, 17) == "batch-small 17"
    assert proof_name("merge-small", 2, 0) == "merge-small 0 of level 2"


@pytest.mark.parametrize(
    ("edit", "code", "words"),
    [
        (lambda lines: lines[:-1], "wrong_proofs", "merge-small 0 of level 1 is missing"),
        (lambda lines: lines[1:], "wrong_proofs", "batch-small 0 is not at its place"),
        (lambda _: [], "wrong_proofs", "batch-small 0 is missing"),
        (lambda lines: [lines[1], lines[0], lines[2]], "wrong_proofs", "batch-small 0"),
        (lambda lines: [lines[0], lines[0], lines[2]], "wrong_proofs", "batch-small 1"),
        (lambda lines: [*lines, lines[2]], "wrong_proofs", "goes on"),
        (lambda lines: [*lines, b"\n"], "wrong_proofs", "goes on"),
        (lambda lines: [lines[0], b"\n", *lines[1:]], "malformed_json", "batch-small 1"),
        (lambda lines: [*lines[:2], lines[2].rstrip()], "malformed_proofs", "no end"),
        (lambda _: [b" " * (MAX_LINE_BYTES + 1) + b"\n"], "malformed_proofs", "longer than 8192 bytes"),
        (lambda _: [b"[" * 4000 + b"\n"], "malformed_json", "nested"),
        (lambda lines: [b"\xef\xbb\xbf" + lines[0], *lines[1:]], "malformed_json", "byte order mark"),
        (lambda lines: [lines[0].replace(b'"level":0', b'"level":0,"level":0')], "malformed_json", "duplicate"),
    ],
)
def test_a16_lines_missing_added_or_moved_are_refused(edit: Any, code: str, words: str, tmp_path: Path) -> None:
    refusal = refused_lines(tmp_path, b"".join(edit([compact(line) for line in sampled_epoch(5).lines])))
    assert refusal.code == code
    assert words in refusal.message


@pytest.mark.parametrize(
    ("place", "changes", "code"),
    [
        (0, {"circuit": "batch-standard"}, "wrong_circuit"),
        (0, {"circuit": MERGE}, "wrong_circuit"),
        (0, {"circuit": None}, "wrong_circuit"),
        (2, {"circuit": BATCH}, "wrong_circuit"),
        (0, {"level": False}, "malformed_proofs"),
        (0, {"number": "0"}, "malformed_proofs"),
        (2, {"level": True}, "malformed_proofs"),
        (2, {"level": 2}, "wrong_proofs"),
        (1, {"number": -1}, "wrong_proofs"),
        (1, {"extra": 1}, "malformed_proofs"),
        (2, {"batch_root": "1"}, "malformed_proofs"),
        (1, {"totals": 5}, "signal_not_canonical"),
        (1, {"totals": "05"}, "signal_not_canonical"),
        (1, {"totals": "0x5"}, "signal_not_canonical"),
        (1, {"totals": "9" * 77}, "signal_out_of_range"),
        (1, {"batch_root": "1e3"}, "signal_not_canonical"),
        (1, {"batch_root": None}, "signal_not_canonical"),
    ],
)
def test_a33_a35_members_of_a_line_have_one_spelling(
    place: int, changes: dict[str, Any], code: str, tmp_path: Path
) -> None:
    epoch = sampled_epoch(5).line_changed(place, **changes)
    assert refused_lines(tmp_path, b"".join(map(compact, epoch.lines))).code == code


@pytest.mark.parametrize("key", ["circuit", "level", "number", "batch_root", "totals", "proof"])
def test_a35_a_line_without_a_member_is_refused(key: str, tmp_path: Path) -> None:
    lines = [dict(line) for line in sampled_epoch(5).lines]
    del lines[0][key]
    assert refused_lines(tmp_path, b"".join(map(compact, lines))).code == "malformed_proofs"


def test_other_files_are_listed(tmp_path: Path) -> None:
    folder = folder_of(sampled_epoch(1), tmp_path)
    assert folder.unchecked() == ()
    (tmp_path / "totals.csv").touch()
    (tmp_path / "inner").mkdir()
    assert folder.unchecked() == ("inner", "totals.csv")
    for i in range(MAX_UNCHECKED + 5):
        (tmp_path / f"file{i}").touch()
    assert len(folder.unchecked()) == MAX_UNCHECKED


@pytest.mark.parametrize("name", ["record.json", "market.json", "params.json"])
def test_a_file_that_is_missing_or_broken_is_bad_input(name: str, tmp_path: Path) -> None:
    sampled_epoch(1).write(tmp_path)
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=name):
        EpochFolder(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        EpochFolder(tmp_path)


def test_no_folder_and_no_proofs_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder of an epoch"):
        EpochFolder(tmp_path / "none")
    folder = folder_of(sampled_epoch(1), tmp_path)
    (tmp_path / "proofs.jsonl").unlink()
    with pytest.raises(InputError, match=r"proofs\.jsonl"):
        list(folder.proofs())


def test_a_huge_record_is_refused_unread(tmp_path: Path) -> None:
    sampled_epoch(1).write(tmp_path)
    with (tmp_path / "record.json").open("ab") as file:
        file.truncate(MAX_RECORD_BYTES * 100)
    with pytest.raises(Refusal, match="larger than"):
        EpochFolder(tmp_path)


def test_the_record_may_be_spelled_in_any_json(tmp_path: Path) -> None:
    epoch = sampled_epoch(1)
    epoch.write(tmp_path)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert EpochFolder(tmp_path).record == epoch.record
