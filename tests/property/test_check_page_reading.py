"""The check page reads what this verifier reads and refuses what it refuses: JSON, documents, hashes, signatures."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rtnet_core.document import Document
from rtnet_core.ed25519 import signature_holds
from rtnet_core.errors import InputError, Refusal
from rtnet_core.hashing import Tag, hash_fields, text_digest
from rtnet_core.inclusion import Inclusion
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.params import Params
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot
from tests.conformance.corpus_files import CORPUS
from tests.support.check_page import b64, in_page
from tests.support.verifier_setting import VENUE_KEY
from verifier.strict_json import parse_json

MAX_BYTES = 4096
ORDER = 2**252 + 27742317777372353535851937790883648493

TEXTS = [
    '{"a": [1, "x", true, false, null]}',
    '{"b": {"a": "\\u00e9\\ud83d\\ude00\\n\\u007f"}, "a": "é😀\u007f"}',
    '{"proof": {"pi_a": ["1", "2", "1"]}, "level": 0, "number": -17}',
    "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
    " \t\n\r[ ] ",
    '{"\\ud83d\\ude00": 1, "\\uffff": 2, "z": 3, "": 4}',
]
#: Written over, or into, a place of a text.
SPLINTERS = [
    *(
        "",
        "0",
        "-",
        "-0",
        "1.",
        "1e5",
        "00",
        ",",
        ":",
        '"',
        "\\",
        "\\u12",
        "\\ud800",
        "[",
        "]",
        "{",
        "}",
        "NaN",
        "Infinity",
    ),
    *("tru", "null", "\x00", "\x1f", "\u00a0", "\ufeff", "//", "'", "1" * 81, "9" * 80, '"a"'),
]


def broken_texts(count: int) -> Iterator[bytes]:
    chosen = random.Random(7)
    for text in TEXTS:
        yield text.encode()
        yield b"\xef\xbb\xbf" + text.encode()
        yield text.encode() + b"\xff"
        yield b" " * MAX_BYTES + text.encode()
    for _ in range(count):
        text = chosen.choice(TEXTS)
        place = chosen.randrange(len(text) + 1)
        yield (text[:place] + chosen.choice(SPLINTERS) + text[place + chosen.randrange(3) :]).encode()


def test_texts_have_the_same_reading() -> None:
    texts = list(broken_texts(1_500))
    read = 0
    for text, answer in zip(texts, in_page(["parse", b64(text), MAX_BYTES, False] for text in texts), strict=True):
        try:
            value = parse_json(text, "text", max_bytes=MAX_BYTES)
        except Refusal:
            assert answer["outcome"] == "malformed", text
        else:
            read += 1
            canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
            assert answer == {"outcome": "accepted", "value": canonical}, text
    assert 100 < read < len(texts) - 500


#: What takes the place of every part of a document in turn.
PARTS: list[Any] = [
    *(True, 0, -1, 1, 2**27, 2**36, 2**42, 2**64, 10**90, 1.5, [], [1], {}, {"X": 1}),
    *("", "0", "1", "-1", "01", "x", "BTC", "ab" * 32, "AB" * 32, "9" * 78, "a\u0301", "a\x07"),
    *(str(FIELD_MODULUS), str(FIELD_MODULUS - 1)),
]

DOCUMENTS: dict[str, tuple[str, type[Document], str]] = {
    "record": ("readRecord", Record, "published/record.json"),
    "market": ("readMarket", Snapshot, "published/market.json"),
    "params": ("readParams", Params, "published/params.json"),
    "inclusion": ("readInclusion", Inclusion, "inclusion/honest-0.json"),
}


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every part of a value; of long lists of like entries the first two are enough."""
    entries = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, part in entries:
        yield (*path, key)
        yield from places(part, (*path, key))


def changed(value: Any, path: tuple[str | int, ...], change: Callable[[Any, Any], None]) -> bytes:
    """Return JSON of a copy in which `change(container, key)` was applied at the end of `path`."""
    copied = copy.deepcopy(value)
    place = copied
    for step in path[:-1]:
        place = place[step]
    change(place, path[-1])
    return json.dumps(copied).encode()


def mutations(value: Any) -> Iterator[bytes]:
    for path in places(value):
        for part in PARTS:
            yield changed(value, path, lambda place, key, part=part: place.__setitem__(key, part))
        yield changed(value, path, lambda place, key: place.pop(key))
        yield changed(value, path, lambda place, key: place.append(place[key]) if isinstance(place, list) else None)
        yield changed(value, path, lambda place, _key: place.update(note=1) if isinstance(place, dict) else None)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_read_alike(name: str) -> None:
    reader, document, path = DOCUMENTS[name]
    texts = list(mutations(json.loads((CORPUS / path).read_bytes())))
    accepted = 0
    for text, answer in zip(texts, in_page(["document", reader, b64(text)] for text in texts), strict=True):
        try:
            document.from_json(text, name)
        except InputError:
            expected = "bad_input"
        else:
            expected = "accepted"
            accepted += 1
        assert answer["outcome"] == expected, (text, answer)
    assert 0 < accepted < len(texts)


def test_hashes_are_the_same_at_every_width() -> None:
    chosen = random.Random(11)
    vectors = [[chosen.randrange(FIELD_MODULUS) for _ in range(length)] for length in (*range(1, 18), 33)]
    vectors.append([0, FIELD_MODULUS - 1])
    answers = in_page(["hash", int(Tag.RISK_ARRAY), [str(number) for number in vector]] for vector in vectors)
    assert [answer["value"] for answer in answers] == [str(hash_fields(Tag.RISK_ARRAY, vector)) for vector in vectors]


def test_digests_of_texts_are_the_same() -> None:
    parts = [[], [b""], [b"customer-0"], ["é😀".encode(), b"\x00" * 300]]
    answers = in_page(["digest", "user-id", [b64(part) for part in texts]] for texts in parts)
    assert [answer["value"] for answer in answers] == [str(text_digest("user-id", *texts)) for texts in parts]


def test_signatures_are_judged_alike() -> None:
    message = b"zkm2m/record/v1\x00" + bytes(32)
    key, good = VENUE_KEY.public_key().public_bytes_raw(), VENUE_KEY.sign(message)
    longer = (int.from_bytes(good[32:], "little") + ORDER).to_bytes(32, "little")
    order_four, order_two = bytes(32), (2**255 - 20).to_bytes(32, "little")
    beyond_prime = (2**255 - 19 + 3).to_bytes(32, "little")
    torsion = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
    trials = [
        (key, good, message),
        (key, good, message + b"\x00"),
        (key, good[:32] + longer, message),
        (key, bytes([good[0] ^ 1]) + good[1:], message),
        (key, good[:63] + bytes([good[63] ^ 0x10]), message),
        (key, bytes(64), message),
        (bytes([key[0] ^ 1]) + key[1:], good, message),
        *((small, small + bytes(32), message) for small in (order_four, order_two, torsion, b"\x01" + bytes(31))),
        (b"\x01" + bytes(30) + b"\x80", b"\x01" + bytes(63), message),
        (beyond_prime, good, message),
        *mixed_order_trials(message),
    ]
    answers = in_page(["signature", *map(b64, trial)] for trial in trials)
    judged = [signature_holds(*trial) for trial in trials]
    assert [answer["value"] for answer in answers] == judged
    assert judged[0] is True
    # Of those with a part of order two the even challenges hold, the odd ones do not.
    assert {*judged[-12:]} == {True, False}


def mixed_order_trials(message: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield signatures under a key with a part of order two: with the cofactor every one of them would hold."""
    number = int.from_bytes(VENUE_KEY.public_key().public_bytes_raw(), "little")
    y, sign = number & (2**255 - 1), number >> 255
    mixed = ((2**255 - 19 - y) | (1 - sign) << 255).to_bytes(32, "little")  # (x, y) + (0, -1) = (-x, -y)
    for trial in range(12):
        text = message + bytes([trial])
        yield mixed, signature_naming(mixed, text), text


def signature_naming(public_key: bytes, message: bytes) -> bytes:
    """Return the signature of the venue's secret scalar in which another public key is hashed."""
    nonce_key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(message).digest())
    r = nonce_key.public_key().public_bytes_raw()
    k = int.from_bytes(hashlib.sha512(r + public_key + message).digest(), "little")
    s = (secret_scalar(nonce_key) + k * secret_scalar(VENUE_KEY)) % ORDER
    return r + s.to_bytes(32, "little")


def secret_scalar(key: Ed25519PrivateKey) -> int:
    """Return the scalar of RFC 8032, section 5.1.5."""
    low = int.from_bytes(hashlib.sha512(key.private_bytes_raw()).digest()[:32], "little")
    return low & ((1 << 254) - 8) | 1 << 254
