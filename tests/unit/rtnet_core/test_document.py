"""Strict decoding of documents: what is refused, and how the error names it."""

from __future__ import annotations

import json

import pytest

from rtnet_core.document import MAX_DOCUMENT_BYTES, decode_json
from rtnet_core.errors import InputError
from rtnet_core.record import Record
from tests.conformance.corpus_files import CORPUS


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"", "must be JSON"),
        (b'{"a": 1} x', "must be JSON: Extra data"),
        (b'{"a": 1, "a": 2}', "must not repeat a key"),
        (b'{"b": {"a": 1, "a": 1}}', "must not repeat a key"),
        (b"\xef\xbb\xbf{}", "must be JSON: Unexpected UTF-8 BOM"),
        ("{}".encode("utf-16"), "must be UTF-8 text"),
        (b"\xff", "must be UTF-8 text"),
        (b"[NaN]", "plain, finite numbers"),
        (b"[Infinity]", "plain, finite numbers"),
        (b"1" * 5_000, "plain, finite numbers"),
        (b"[" * 200_000, "nested"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "longer than"),
    ],
)
def test_a35_text_that_is_no_strict_json_is_refused(text: bytes, rule: str) -> None:
    with pytest.raises(InputError, match=rule) as caught:
        decode_json(text, "market.json")
    assert str(caught.value).startswith("market.json: ")


def test_a_secret_document_does_not_show_its_repeated_key() -> None:
    with pytest.raises(InputError) as caught:
        decode_json(b'{"hidden": 1, "hidden": 2}', "line 1", secret=True)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("place", ["previous", "proven"])
def test_a35_null_is_no_spelling_of_an_absent_field(place: str) -> None:
    record = CORPUS / "published" / "record.json"
    text = json.dumps({key: part for key, part in json.loads(record.read_bytes()).items() if key != place})
    assert getattr(Record.from_json(text.encode()), place) is None
    with pytest.raises(InputError, match="must not hold null"):
        Record.from_json(f'{text[:-1]}, "{place}": null}}'.encode(), "record.json")
