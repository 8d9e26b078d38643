"""Sets of oracles, signatures over snapshots, and key files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtnet_core.baby_jubjub import encode_point
from rtnet_core.errors import InputError, Refusal
from rtnet_core.hashing import Tag
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.oracle import (
    MAX_ORACLES,
    OracleSet,
    OracleSignature,
    SignedSnapshot,
    check_quorum,
    combine,
    oracle_message,
    sign_snapshot,
)
from rtnet_core.oracle_key import read_oracle_key, write_oracle_key
from rtnet_core.poseidon import compress_block
from rtnet_core.snapshot_hash import snapshot_hash
from tests.support.oracles import key, market, oracle_set, signed_by


def set_json(**changes: Any) -> dict[str, Any]:
    """Return a set of three with a quorum of two as JSON."""
    content = oracle_set(3, 2).model_dump(mode="json")
    return content | changes


def test_root_and_message_are_hashes_under_their_own_tags() -> None:
    oracles = oracle_set(3, 2)
    coordinates = [coordinate for oracle in oracles.oracles for coordinate in oracle.point]
    assert oracles.root() == compress_block(9 << 32 | 7, [2, *coordinates])
    assert oracle_message(5, 6) == compress_block(10 << 32 | 2, [5, 6])
    assert len({int(tag) for tag in Tag}) == len(Tag.__members__)


def test_the_root_commits_to_keys_order_and_quorum_and_not_to_names() -> None:
    oracles = oracle_set(3, 2)
    entries = oracles.oracles
    roots = {
        oracles.root(),
        OracleSet(quorum=3, oracles=entries).root(),
        OracleSet(quorum=2, oracles=entries[::-1]).root(),
        OracleSet(quorum=2, oracles=entries[:2]).root(),
        oracle_set(3, 2, first=1).root(),
    }
    assert len(roots) == 5
    renamed = entries[0].model_copy(update={"name": "another"})
    assert OracleSet(quorum=2, oracles=(renamed, *entries[1:])).root() == oracles.root()


def test_the_largest_set_has_a_root() -> None:
    largest = oracle_set(MAX_ORACLES, MAX_ORACLES)
    assert 0 <= largest.root() < FIELD_MODULUS
    entry = {"name": "one-more", "public_key": encode_point(key(99).public_key()).hex()}
    content = largest.model_dump(mode="json")
    with pytest.raises(InputError, match="oracles"):
        OracleSet.from_json(content | {"oracles": [*content["oracles"], entry]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quorum": 0}, "quorum: must be at least 1"),
        ({"quorum": 4}, "quorum: must be at most the number of oracles, 3"),
        ({"quorum": True}, "quorum: must be an integer"),
        ({"oracles": []}, "at least 1"),
        ({"format": "zkm2m/oracles/v2"}, "format"),
        ({"root": "1"}, "is not a field"),
    ],
)
def test_a_set_that_is_none(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        OracleSet.from_json(set_json(**changes))


@pytest.mark.parametrize("field", ["name", "public_key"])
def test_a27_nobody_stands_twice_in_a_set(field: str) -> None:
    content = set_json()
    content["oracles"][2][field] = content["oracles"][0][field]
    with pytest.raises(InputError, match=rf"oracles\[2\]\.{field}: must be unique: oracles\[0\] has it too"):
        OracleSet.from_json(content)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a\x1b[2J", "a" * 65, "ä"])
def test_a_name_has_no_blanks_and_no_controls(name: str) -> None:
    content = set_json()
    content["oracles"][1]["name"] = name
    with pytest.raises(InputError, match=r"oracles\[1\]\.name"):
        OracleSet.from_json(content)


@pytest.mark.parametrize(
    ("count", "quorum", "numbers"), [(1, 1, [0]), (3, 2, [2, 0]), (5, 3, [4, 1, 2]), (3, 2, [0, 1, 2])]
)
def test_a_quorum_signs(count: int, quorum: int, numbers: list[int]) -> None:
    oracles = oracle_set(count, quorum)
    signed = signed_by(numbers, oracles, market())
    names = [f"oracle-{number}" for number in sorted(numbers)]
    assert [oracle.name for oracle in check_quorum(signed, oracles)] == names
    assert SignedSnapshot.from_json(signed.to_json_bytes()) == signed
    assert snapshot_hash(signed.snapshot) == snapshot_hash(market())
    assert [oracles.index_of(entry.public_key) for entry in signed.signatures] == sorted(numbers)


def test_signatures_in_any_order_count() -> None:
    oracles = oracle_set(3, 2)
    signed = signed_by([0, 2], oracles, market())
    turned = signed.model_copy(update={"signatures": signed.signatures[::-1]})
    assert check_quorum(turned, oracles) == check_quorum(signed, oracles)


def test_a_key_outside_the_set_does_not_sign() -> None:
    with pytest.raises(InputError, match="one of the oracles"):
        sign_snapshot(market(), oracle_set(3, 2), key(3))


def test_too_few_signatures() -> None:
    oracles = oracle_set(3, 2)
    with pytest.raises(Refusal, match="1 of 3 oracles signed, 2 must") as refused:
        combine(market(), oracles, [sign_snapshot(market(), oracles, key(0))])
    assert refused.value.code == "oracle_quorum_not_met"
    with pytest.raises(Refusal, match="0 of 3"):
        combine(market(), oracles, [])


def test_a_signature_belongs_to_its_snapshot_and_set() -> None:
    oracles, others = oracle_set(3, 2), oracle_set(3, 2, first=1)
    good = sign_snapshot(market(), oracles, key(1))
    with pytest.raises(Refusal) as refused:
        combine(market(), oracles, [good, sign_snapshot(market(2), oracles, key(2))])
    assert refused.value.code == "oracle_other_snapshot"
    with pytest.raises(Refusal) as refused:
        combine(market(), oracles, [good, sign_snapshot(market(), others, key(2))])
    assert refused.value.code == "oracle_set_mismatch"


def test_a_signature_file_is_strict() -> None:
    signature = sign_snapshot(market(), oracle_set(3, 2), key(1))
    assert OracleSignature.from_json(signature.to_json_bytes()) == signature
    content = signature.model_dump(mode="json")
    for changes in (
        {"snapshot_hash": str(FIELD_MODULUS)},
        {"oracles_root": "01"},
        {"signature": {"public_key": content["signature"]["public_key"]}},
        {"signature": content["signature"] | {"value": content["signature"]["value"].upper() + "G"}},
        {"extra": 1},
    ):
        with pytest.raises(InputError):
            OracleSignature.from_json(content | changes)


def test_a_key_file_is_private_and_replaced_only_with_force(tmp_path: Path) -> None:
    path = tmp_path / "oracle.key.json"
    made = write_oracle_key(path, "oracle-1")
    assert path.stat().st_mode & 0o777 == 0o600
    oracle, private_key = read_oracle_key(path)
    assert oracle == made
    assert encode_point(private_key.public_key()).hex() == made.public_key
    with pytest.raises(InputError, match="--force"):
        write_oracle_key(path, "oracle-1")
    assert write_oracle_key(path, "oracle-1", force=True) != made
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_bad_name_leaves_no_key_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name"):
        write_oracle_key(tmp_path / "key.json", "no good")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_key_file_never_shows_its_seed(tmp_path: Path) -> None:
    path = tmp_path / "oracle.key.json"
    write_oracle_key(path, "oracle-1")
    text = path.read_text()
    seed = key(0).seed.hex()
    for broken in (
        text.replace('"seed": "', f'"seed": "{seed}'),
        text.replace('"seed"', f'"{seed}"'),
        text.replace("{", f'{{"seed": "{seed}",', 1),
        "{}",
        "[]",
        text + " " * 5000,
    ):
        path.write_text(broken)
        with pytest.raises(InputError) as error:
            read_oracle_key(path)
        assert seed not in str(error.value)
    path.write_text(text.replace('"seed": "', f'"seed": "{seed}", "x": "')[: len(text)])
    with pytest.raises(InputError):
        read_oracle_key(path)
    with pytest.raises(InputError, match="is missing"):
        read_oracle_key(tmp_path / "absent")


def test_a_key_file_with_anothers_public_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "oracle.key.json"
    made = write_oracle_key(path, "oracle-1")
    path.write_text(path.read_text().replace(made.public_key, encode_point(key(0).public_key()).hex()))
    with pytest.raises(InputError, match="private half"):
        read_oracle_key(path)
