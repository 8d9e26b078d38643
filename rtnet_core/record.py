"""The record: what a venue signs about its book at one time, and nothing that tells one account from another.

Format ``zkm2m/record/v1``. The signature is Ed25519 (RFC 8032) over a fixed prefix and the SHA-256 digest of the
record's canonical JSON without the signature.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from rtnet_core.document import Document, FieldText, Hex32, Part, TimeMs, broken_rule
from rtnet_core.ed25519 import signature_holds
from rtnet_core.epoch_record import Proven
from rtnet_core.errors import Refusal
from rtnet_core.limits import FIELD_MODULUS, PROFILES

if TYPE_CHECKING:  # a verifier does without the library
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SIGNED_PREFIX: Final = b"zkm2m/record/v1\x00"

#: Shown to people, so no control characters: they could rewrite a terminal.
VenueName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


class Signature(Part):
    """An Ed25519 signature with the key that made it."""

    algorithm: Literal["ed25519"] = "ed25519"
    public_key: Hex32
    value: Hex64


class RecordBody(Document):
    """What is signed.

    Attributes
    ----------
    venue
        Name, for people; the key is the identity.
    number
        Epoch number, counted from 1.
    as_of_ms
        Time of the snapshot that the book is marked to.
    signed_at_ms
        Time of signing.
    profile
        Name of the profile whose circuits read this book.
    snapshot_hash, params_root, risk_root, book_root
        Field elements as decimal text.
    account_count
        Leaves that belong to accounts.
    previous
        Digest of the record before this one, left out in a first record.
    proven
        What the epoch's proofs show of the whole book; left out where only the book root is vouched for.
    """

    format: Literal["zkm2m/record/v1"] = "zkm2m/record/v1"
    venue: VenueName
    number: Annotated[int, Field(ge=1, lt=1 << 32)]
    as_of_ms: TimeMs
    signed_at_ms: TimeMs
    profile: str
    snapshot_hash: FieldText
    params_root: FieldText
    risk_root: FieldText
    book_root: FieldText
    account_count: Annotated[int, Field(ge=1)]
    previous: Hex32 | None = None
    proven: Proven | None = None

    @model_validator(mode="after")
    def _fits_field_and_profile(self) -> Self:
        for field in ("snapshot_hash", "params_root", "risk_root", "book_root"):
            if int(getattr(self, field)) >= FIELD_MODULUS:
                raise broken_rule(field, "must be below the field order", getattr(self, field))
        if self.profile not in PROFILES:
            raise broken_rule("profile", f"must be one of {', '.join(PROFILES)}", self.profile)
        if self.account_count > PROFILES[self.profile].capacity:
            raise broken_rule("account_count", f"must be at most {PROFILES[self.profile].capacity}", self.account_count)
        return self


class Record(RecordBody):
    """A signed record."""

    signature: Signature

    @property
    def previous_digest(self) -> bytes | None:
        """Digest of the record before this one, 32 bytes; None in a first record."""
        return None if self.previous is None else bytes.fromhex(self.previous)

    @property
    def venue_public_key(self) -> bytes:
        """The signer's key, 32 bytes."""
        return bytes.fromhex(self.signature.public_key)

    def require_proven(self) -> Proven:
        """Return what the epoch's proofs show.

        Raises
        ------
        Refusal
            ``not_an_epoch_record``: the venue vouches for a book root alone.
        """
        if self.proven is None:
            raise Refusal(
                "not_an_epoch_record",
                "the record has no totals and names no proofs: it was made by `zkm2m book commit`",
            )
        return self.proven

    def digest(self) -> bytes:
        """Return the SHA-256 digest of the signed part, 32 bytes: the record's identity."""
        return _digest(self)

    def verify_signature(self) -> None:
        """Check the signature under the key that the record names; whose key that is, the caller must know.

        Raises
        ------
        Refusal
            ``record_signature_invalid``.
        """
        value = bytes.fromhex(self.signature.value)
        if not signature_holds(self.venue_public_key, value, _SIGNED_PREFIX + self.digest()):
            raise Refusal(
                "record_signature_invalid",
                "the record was changed after it was signed, or signed with another key: ask the venue for its record",
            )


def sign_record(body: RecordBody, key: Ed25519PrivateKey) -> Record:
    """Return `body` with the venue's signature."""
    signature = Signature(
        public_key=key.public_key().public_bytes_raw().hex(),
        value=key.sign(_SIGNED_PREFIX + _digest(body)).hex(),
    )
    return Record(**body.model_dump(), signature=signature)


def _digest(body: RecordBody) -> bytes:
    content = body.model_dump(mode="json", exclude={"signature"}, exclude_none=True)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).digest()
