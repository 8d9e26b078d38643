"""The venue's signature over its record: what is signed cannot be changed, moved or made by anyone else.

A27 asks the same of oracle signatures, which this version does not have: here the signed thing is the record, which
names the snapshot's hash and time, and with them every price, instrument and scale.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from rtnet_core.errors import InputError, Refusal
from rtnet_core.record import Record, RecordBody, sign_record

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME
ORDER_EIGHT_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
#: y of the points of order 4, 1, 2, and both kinds of order 8, as docs/verifier-spec.md lists them.
SMALL_ORDER_Y = (0, 1, PRIME - 1, ORDER_EIGHT_Y, PRIME - ORDER_EIGHT_Y)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x11" * 32)


def record() -> Record:
    """Return a signed record."""
    fields = {"snapshot_hash": "1", "params_root": "2", "risk_root": "3", "book_root": "4", "account_count": 5}
    times = {"as_of_ms": 1_785_000_000_000, "signed_at_ms": 1_785_000_000_500}
    body = {"venue": "Test", "number": 1, "profile": "small", **times, **fields}
    return sign_record(RecordBody.from_json(body), KEY)


def resigned(**changes: str) -> Record:
    """Return the record with parts of its signature changed."""
    signed = record()
    signature = signed.signature.model_dump() | changes
    return Record(**(signed.model_dump() | {"signature": signature}))


def refused(changed: Record) -> None:
    """Assert that the signature is refused, and for that reason."""
    with pytest.raises(Refusal) as caught:
        changed.verify_signature()
    assert caught.value.code == "record_signature_invalid"


@pytest.mark.parametrize("field", ["snapshot_hash", "params_root", "risk_root", "book_root"])
def test_a27_signature_over_other_data(field: str) -> None:
    signed = record()
    signed.verify_signature()
    refused(Record(**(signed.model_dump() | {field: "9"})))


@pytest.mark.parametrize("field", ["as_of_ms", "signed_at_ms"])
def test_a27_signature_over_another_time(field: str) -> None:
    signed = record()
    refused(Record(**(signed.model_dump() | {field: getattr(signed, field) + 1})))


def test_a27_signature_with_the_subgroup_order_added_to_s() -> None:
    value = bytes.fromhex(record().signature.value)
    s = int.from_bytes(value[32:], "little") + ORDER
    refused(resigned(value=(value[:32] + s.to_bytes(32, "little")).hex()))


def test_a27_signature_by_another_key() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"\x12" * 32)
    signed = record()
    refused(resigned(public_key=other.public_key().public_bytes_raw().hex()))
    moved = sign_record(RecordBody(**signed.model_dump(exclude={"signature"})), other).signature
    refused(resigned(value=moved.value))


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", [y + shift for y in SMALL_ORDER_Y for shift in (0, PRIME) if y + shift < 2**255])
def test_a27_key_of_small_order(y: int, sign: int) -> None:
    public = (y | sign << 255).to_bytes(32, "little")
    # R = 0·B, S = 0: holds under a key of small order for one message in eight, if the library lets it pass.
    identity = (1).to_bytes(32, "little") + bytes(32)
    refused(resigned(public_key=public.hex(), value=identity.hex()))


def test_the_refused_keys_are_the_points_whose_order_divides_eight() -> None:
    for y in SMALL_ORDER_Y:
        # -x^2 + y^2 = 1 + d x^2 y^2; doubling three times leads to the identity.
        x_squared = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME
        for _ in range(3):
            y_squared = y * y % PRIME
            product = CURVE_D * x_squared * y_squared % PRIME
            doubled_y = (y_squared + x_squared) * pow(1 - product, -1, PRIME) % PRIME
            x_squared = 4 * x_squared * y_squared * pow(1 + product, -2, PRIME) % PRIME
            y = doubled_y
        assert (x_squared, y) == (0, 1)


def test_a_library_alone_would_let_a_small_order_key_pass() -> None:
    # The reason for the check above: under the identity as key, one signature fits every message.
    identity = (1).to_bytes(32, "little")
    key = Ed25519PublicKey.from_public_bytes(identity)
    key.verify(identity + bytes(32), b"any message")
    key.verify(identity + bytes(32), b"another message")


def test_an_unknown_algorithm_is_bad_input() -> None:
    content = record().model_dump(mode="json", exclude_none=True)
    content["signature"]["algorithm"] = "none"
    with pytest.raises(InputError, match="signature.algorithm"):
        Record.from_json(content, "record.json")
