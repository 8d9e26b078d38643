"""Ed25519 signatures checked: the RFC's vectors, a library's verdicts, and what no signature may pass with."""

from __future__ import annotations

import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from rtnet_core.ed25519 import signature_holds

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493

#: Public key, message and signature of RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc).
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
MESSAGE = b"what the venue says"
SIGNATURE = KEY.sign(MESSAGE)


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc(public: str, message: str, signature: str) -> None:
    key, text, value = (bytes.fromhex(part) for part in (public, message, signature))
    assert signature_holds(key, value, text)
    assert not signature_holds(key, value, text + b"\x00")


def test_a_library_says_the_same_of_every_changed_byte() -> None:
    draw = random.Random(8032)
    whole = PUBLIC + SIGNATURE + MESSAGE
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << draw.randrange(8)
        key, value, text = bytes(changed[:32]), bytes(changed[32:96]), bytes(changed[96:])
        assert signature_holds(key, value, text) == library_says(key, value, text), place


@pytest.mark.parametrize("length", [0, 1, 63, 64, 1000])
def test_what_a_library_signs_holds(length: int) -> None:
    draw = random.Random(length)
    for _ in range(5):
        key = Ed25519PrivateKey.from_private_bytes(draw.randbytes(32))
        message = draw.randbytes(length)
        assert signature_holds(key.public_key().public_bytes_raw(), key.sign(message), message)


@pytest.mark.parametrize("multiple", [1, 2, 8])
def test_s_at_or_above_the_order_is_refused(multiple: int) -> None:
    s = int.from_bytes(SIGNATURE[32:], "little") + multiple * ORDER
    assert not signature_holds(PUBLIC, SIGNATURE[:32] + s.to_bytes(32, "little"), MESSAGE)


@pytest.mark.parametrize("changed", [SIGNATURE[:63], SIGNATURE + b"\x00", b"", SIGNATURE[32:]])
def test_a_signature_of_another_length_is_refused(changed: bytes) -> None:
    assert not signature_holds(PUBLIC, changed, MESSAGE)


@pytest.mark.parametrize("changed", [PUBLIC[:31], PUBLIC + b"\x00", b""])
def test_a_key_of_another_length_is_refused(changed: bytes) -> None:
    assert not signature_holds(changed, SIGNATURE, MESSAGE)


@pytest.mark.parametrize("y", [PRIME, PRIME + 1, PRIME + 3, 2**255 - 1, 2])  # 2 is the y of no point
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_that_encodes_no_point_is_refused(y: int, sign: int) -> None:
    key = (y | sign << 255).to_bytes(32, "little")
    identity = (1).to_bytes(32, "little") + bytes(32)
    assert not signature_holds(key, identity, MESSAGE)


def library_says(key: bytes, signature: bytes, message: bytes) -> bool:
    """Return the verdict of OpenSSL."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
