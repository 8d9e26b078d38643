"""Leaves, trees, records and openings."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.book_commit import commit_book
from rtnet_core.commitments import (
    EMPTY_LEAF,
    BookTree,
    book_root,
    book_root_of_path,
    fresh_salt,
    leaf,
    node,
    user_id_field,
)
from rtnet_core.errors import InputError, RangeError, Refusal
from rtnet_core.limits import AMOUNT_BITS, CASH_BITS, FIELD_MODULUS, IDENTITY_BITS, QUANTITY_BITS
from rtnet_core.margin_exact import AccountVector
from rtnet_core.openings import Openings
from rtnet_core.record import Record, RecordBody, sign_record
from rtnet_core.venue_key import public_hex, read_venue_key, write_venue_key
from tests.support.committed_book import sampled

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def body(**changes: object) -> dict[str, object]:
    """Return the fields of a record, changed."""
    plain: dict[str, object] = {
        "venue": "Test",
        "number": 1,
        "as_of_ms": 1_785_000_000_000,
        "signed_at_ms": 1_785_000_000_500,
        "profile": "small",
        "snapshot_hash": "1",
        "params_root": "2",
        "risk_root": "3",
        "book_root": "4",
        "account_count": 5,
    }
    return plain | changes


@given(st.integers(1, 9), st.integers(0, 4))
@settings(max_examples=25)
def test_every_path_leads_to_the_root(count: int, extra_depth: int) -> None:
    depth = max(1, (count - 1).bit_length()) + extra_depth
    leaves = [1000 + index for index in range(count)]
    tree = BookTree(leaves, depth)
    for index, digest in enumerate(leaves):
        assert book_root_of_path(digest, index, tree.path(index), count) == tree.root


def test_a_tree_of_three_by_hand() -> None:
    expected = node(node(11, 12), node(13, EMPTY_LEAF))
    assert BookTree([11, 12, 13], 2).root == book_root(expected, 3)


def test_a19_the_root_commits_to_the_account_count() -> None:
    tree = BookTree([11, 12, 13], 2)
    assert book_root_of_path(13, 2, tree.path(2), 4) != tree.root
    with pytest.raises(InputError, match="must belong to an account"):
        book_root_of_path(EMPTY_LEAF, 3, tree.path(2), 3)
    with pytest.raises(InputError, match="index"):
        tree.path(3)


@pytest.mark.parametrize("count", [0, 5])
def test_a_tree_holds_one_account_to_its_capacity(count: int) -> None:
    with pytest.raises(InputError, match="holds 1 to 4 accounts"):
        BookTree([1] * count, 2)


def test_leaves_differ_in_every_part() -> None:
    base = AccountVector(5, (1, 2, 3), (1, -1, 0, 0, 0, 0, 0, 0))
    others = [
        leaf(1, 1, AccountVector(6, base.amounts, base.quantities)),
        leaf(1, 1, AccountVector(5, (2, 1, 3), base.quantities)),
        leaf(1, 1, AccountVector(5, base.amounts, (-1, 1, 0, 0, 0, 0, 0, 0))),
        leaf(2, 1, base),
        leaf(1, 2, base),
        leaf(1, 1, base),
    ]
    assert len(set(others)) == len(others)


def test_a25_ids_are_digests_of_bytes() -> None:
    ids = ["a", "A", "a ", "ä", "ӓ", "0", str(FIELD_MODULUS), str(FIELD_MODULUS + 1), "а"]
    assert len({user_id_field(text) for text in ids}) == len(ids)
    assert all(user_id_field(text) < 1 << IDENTITY_BITS for text in ids)


def test_a26_salts_are_fresh() -> None:
    assert len({fresh_salt() for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("cash", "amount", "lots"),
    [
        (1 << CASH_BITS, 0, 0),
        (-(1 << CASH_BITS) - 1, 0, 0),
        (0, -1, 0),
        (0, 1 << AMOUNT_BITS, 0),
        (0, 0, 1 << QUANTITY_BITS),
        (0, 0, -(1 << QUANTITY_BITS) - 1),
        (True, 0, 0),
        (0, 1.0, 0),
    ],
)
def test_a45_numbers_out_of_range_make_no_account(cash: int, amount: int, lots: int) -> None:
    with pytest.raises(RangeError) as caught:
        AccountVector(cash, (amount,), (lots,))
    assert str(abs(int(lots)) or "none") not in str(caught.value)
    assert not caught.value.has_value


def test_a_signed_record_survives_its_file_and_no_change() -> None:
    record = sign_record(RecordBody.from_json(body()), KEY)
    again = Record.from_json(record.to_json_bytes(), "record.json")
    again.verify_signature()
    assert again.digest() == record.digest()
    assert again.venue_public_key.hex() == public_hex(KEY)
    for field, value in (("book_root", "5"), ("number", 2), ("account_count", 6), ("venue", "Other"), ("as_of_ms", 1)):
        changed = Record(**(record.model_dump() | {field: value}))
        with pytest.raises(Refusal) as caught:
            changed.verify_signature()
        assert caught.value.code == "record_signature_invalid"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("book_root", str(FIELD_MODULUS)),
        ("book_root", "01"),
        ("book_root", "-1"),
        ("profile", "huge"),
        ("account_count", 1025),
        ("account_count", 0),
        ("number", 0),
        ("previous", "AB"),
        ("venue", ""),
        ("venue", "Venue\x1b[2J"),
        ("venue", "Venue\n"),
    ],
)
def test_a_record_that_breaks_a_rule_names_the_field(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        RecordBody.from_json(body(**{field: value}), "record.json")


def test_a26_two_commitments_of_one_book_share_nothing(tmp_path: Path) -> None:
    first = sampled(tmp_path, accounts=5)
    one = Openings.read(first.folder)
    record = commit_book(
        first.folder, first.snapshot, first.params, KEY, venue="Test Venue", number=2, previous=first.record
    )
    two = Openings.read(first.folder)
    assert record.previous == first.record.digest().hex()
    assert not set(one.leaves) & set(two.leaves)
    assert not set(one.salts) & set(two.salts)
    assert one.record.book_root != two.record.book_root


def test_a_record_follows_the_one_it_names(tmp_path: Path) -> None:
    first = sampled(tmp_path, accounts=2)
    with pytest.raises(InputError, match="must follow the previous record's 1"):
        commit_book(first.folder, first.snapshot, first.params, KEY, venue="V", number=3, previous=first.record)


def test_a_venue_key_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "venue.pem"
    public = write_venue_key(path)
    assert public_hex(read_venue_key(path)) == public
    with pytest.raises(InputError, match="--force"):
        write_venue_key(path)
    assert write_venue_key(path, force=True) != public


#: A key of PKCS #8 whose algorithm, 1.3.101.108, nobody knows.
UNKNOWN_KEY = b64encode(bytes.fromhex("302e020100300506032b656c042204" + "20" + "07" * 32))


@pytest.mark.parametrize(
    "content",
    [b"", *(b"-----BEGIN PRIVATE KEY-----\n%b\n-----END PRIVATE KEY-----\n" % b for b in (b"AA==", UNKNOWN_KEY))],
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "venue.pem"
    path.write_bytes(content)
    with pytest.raises(InputError, match="private key"):
        read_venue_key(path)
    with pytest.raises(InputError, match="is missing"):
        read_venue_key(tmp_path / "none.pem")
