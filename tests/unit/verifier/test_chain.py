"""Continuity of records: an honest chain, what else may lie in the folder, and every way in which a chain breaks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.errors import InputError, Refusal
from rtnet_core.record import Record
from tests.support.epoch_setting import HOUR_MS, policy, resigned, sampled_chain
from tests.support.verifier_setting import AS_OF_MS, OTHER_VENUE_KEY
from verifier.chain import verify_chain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three epochs."""
    for epoch in sampled_chain(3):
        epoch.write(tmp_path / str(epoch.record.number))
    return tmp_path


def records() -> list[Record]:
    return [epoch.record for epoch in sampled_chain(3)]


def put(folder: Path, number: int, record: Record) -> None:
    """Write a record as that of epoch `number`."""
    (folder / str(number)).mkdir(exist_ok=True)
    (folder / str(number) / "record.json").write_bytes(record.to_json_bytes())


def refusal_of(folder: Path, **changes: Any) -> Refusal:
    """Return the refusal that a chain meets."""
    with pytest.raises(Refusal) as caught:
        verify_chain(folder, policy(**changes))
    return caught.value


def test_an_honest_chain_is_accepted(folder: Path) -> None:
    key = records()[0].venue_public_key
    verdict = verify_chain(folder, policy(venue_public_key=key, production=True))
    shown = json.loads(json.dumps(verdict.to_json()))
    assert shown["accepted"] is True
    assert (shown["first"], shown["last"], shown["begins_after"]) == (1, 3, None)
    assert shown["proofs_checked"] is False
    assert shown["venue_pinned"] is True
    assert [entry["record"] for entry in shown["epochs"]] == [record.digest().hex() for record in records()]
    assert [entry["account_count"] for entry in shown["epochs"]] == [4, 4, 4]


def test_a_chain_may_begin_elsewhere(folder: Path) -> None:
    shutil.rmtree(folder / "1")
    verdict = verify_chain(folder, policy())
    assert verdict.begins_after == records()[0].digest().hex()
    assert [link.number for link in verdict.links] == [2, 3]


def test_other_entries_are_listed_unless_hidden(folder: Path) -> None:
    (folder / "README").touch()
    (folder / "old").mkdir()
    (folder / ".partial-4").mkdir()
    (folder / "12").touch()
    assert verify_chain(folder, policy()).unchecked == ("12", "README", "old")


def test_numbers_are_ordered_as_numbers(tmp_path: Path) -> None:
    record = records()[0]
    for number in range(9, 12):
        record = resigned(
            record,
            number=number,
            previous=record.digest().hex(),
            as_of_ms=record.as_of_ms + 1,
            signed_at_ms=record.signed_at_ms + 1,
        )
        put(tmp_path, number, record)
    assert [link.number for link in verify_chain(tmp_path, policy()).links] == [9, 10, 11]


def test_a31_a_record_that_does_not_name_the_one_before_it(folder: Path) -> None:
    put(folder, 3, resigned(records()[2], previous="00" * 32))
    assert refusal_of(folder).code == "chain_broken"
    put(folder, 3, resigned(records()[2], previous=None))
    assert refusal_of(folder).code == "chain_broken"


def test_a31_a_record_exchanged_after_the_next_one_was_signed(folder: Path) -> None:
    put(folder, 2, resigned(records()[1], account_count=3))
    assert refusal_of(folder).code == "chain_broken"


def test_a31_a_gap(folder: Path) -> None:
    shutil.rmtree(folder / "2")
    assert refusal_of(folder).code == "chain_gap"


def test_a31_two_records_with_one_number(folder: Path) -> None:
    put(folder, 4, records()[2])
    refusal = refusal_of(folder)
    assert (refusal.code, "3 in folders 3 and 4" in refusal.message) == ("number_twice", True)


@pytest.mark.parametrize("name", ["03", "0", "99999999999"])
def test_a31_a_folder_whose_name_is_a_second_spelling_of_a_number(folder: Path, name: str) -> None:
    shutil.copytree(folder / "3", folder / name)
    assert refusal_of(folder).code == "number_mismatch"


def test_a31_a_record_in_the_folder_of_another_number(folder: Path) -> None:
    (folder / "3").rename(folder / "5")
    refusal = refusal_of(folder)
    assert (refusal.code, "folder 5, record 3" in refusal.message) == ("number_mismatch", True)


@pytest.mark.parametrize("field", ["as_of_ms", "signed_at_ms"])
@pytest.mark.parametrize("step", [0, 1])
def test_a31_time_that_does_not_run_forward(folder: Path, field: str, step: int) -> None:
    second = records()[1]
    put(folder, 3, resigned(records()[2], **{field: getattr(second, field) - step}))
    assert refusal_of(folder).code == "chain_time"


def test_a31_a_record_of_another_venue(folder: Path) -> None:
    put(folder, 3, resigned(records()[2], OTHER_VENUE_KEY))
    assert refusal_of(folder).code == "chain_venue"
    assert refusal_of(folder, venue_public_key=records()[0].venue_public_key).code == "wrong_venue"


def test_a31_a_record_edited_after_signing(folder: Path) -> None:
    put(folder, 2, records()[1].model_copy(update={"venue": "Other"}))
    assert refusal_of(folder).code == "record_signature_invalid"


def test_a28_a_record_from_the_future(folder: Path) -> None:
    assert refusal_of(folder, now_ms=AS_OF_MS + 2 * HOUR_MS).code == "from_the_future"


def test_production_asks_for_the_venues_key(folder: Path) -> None:
    assert refusal_of(folder, production=True).code == "venue_key_not_pinned"


def test_a_record_of_no_proven_book_is_no_epoch(folder: Path) -> None:
    put(folder, 1, resigned(records()[0], proven=None))
    assert refusal_of(folder).code == "not_an_epoch_record"


def test_a_folder_without_epochs_is_bad_input(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError):
            verify_chain(path, policy())
    (tmp_path / "1").mkdir()
    with pytest.raises(InputError, match=r"record\.json"):
        verify_chain(tmp_path, policy())
