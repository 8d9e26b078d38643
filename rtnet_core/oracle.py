"""Oracles: who may sign prices, how many of them must, and what they sign.

A set of n oracles has a quorum of m. Each oracle signs ``H_10(snapshot hash, oracles' root)``. The snapshot's hash
covers every price, instrument, lot, unit and the time (`rtnet_core.snapshot_hash`), and the root covers the keys and
the quorum: a signature serves this snapshot, under this set, and nothing else. A signed snapshot is one file that
anyone may carry: whoever reads it needs the set of oracles, from a source of their own, and trusts no carrier.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self, cast

from pydantic import Field, model_validator

from rtnet_core.baby_jubjub import Point, decode_point, encode_point
from rtnet_core.document import Document, FieldText, Hex32, Part, broken_rule
from rtnet_core.eddsa_poseidon import (
    PrivateKey,
    decode_signature,
    encode_signature,
    public_key_fault,
    verify,
)
from rtnet_core.errors import InputError, Refusal
from rtnet_core.hashing import Tag, hash_fields
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.record import Hex64
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash

MAX_ORACLES: Final = 32

OracleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Oracle(Part):
    """An oracle: a name for people, and the key that is its identity (`rtnet_core.baby_jubjub.encode_point`)."""

    name: OracleName
    public_key: Hex32

    @property
    def point(self) -> Point:
        """The key as a point."""
        return decode_point(bytes.fromhex(self.public_key))

    @model_validator(mode="after")
    def _has_a_sound_key(self) -> Self:
        try:
            fault = public_key_fault(self.point)
        except ValueError as error:
            fault = str(error)
        if fault is not None:
            raise broken_rule("public_key", fault, self.public_key)
        return self


class OracleSet(Document):
    """The oracles that a verifier believes, and how many of them must agree (format ``zkm2m/oracles/v1``).

    Attributes
    ----------
    quorum
        m, how many must sign. With m at most n / 2, two halves of the set could sign different prices of one time.
    oracles
        n of them; their order is part of the root.
    """

    format: Literal["zkm2m/oracles/v1"] = "zkm2m/oracles/v1"
    quorum: Annotated[int, Field(ge=1, le=MAX_ORACLES)]
    oracles: Annotated[tuple[Oracle, ...], Field(strict=False, min_length=1, max_length=MAX_ORACLES)]

    @model_validator(mode="after")
    def _each_once_and_enough(self) -> Self:
        for field in ("name", "public_key"):
            seen: dict[str, int] = {}
            for index, oracle in enumerate(self.oracles):
                value = getattr(oracle, field)
                if value in seen:
                    rule = f"must be unique: oracles[{seen[value]}] has it too"
                    raise broken_rule(f"oracles[{index}].{field}", rule, value)
                seen[value] = index
        if self.quorum > len(self.oracles):
            raise broken_rule("quorum", f"must be at most the number of oracles, {len(self.oracles)}", self.quorum)
        return self

    def root(self) -> int:
        """Return ``H_9(m, x_0, y_0, x_1, y_1, …)``, which commits to the keys, their order, and the quorum."""
        coordinates = [coordinate for oracle in self.oracles for coordinate in oracle.point]
        return hash_fields(Tag.ORACLES, [self.quorum, *coordinates])

    def index_of(self, public_key: str) -> int | None:
        """Return the place of a key in the set, None where it has none."""
        return next((i for i, oracle in enumerate(self.oracles) if oracle.public_key == public_key), None)


class KeySignature(Part):
    """A signature of 64 bytes (`rtnet_core.eddsa_poseidon.encode_signature`), with the key it is said to be by."""

    public_key: Hex32
    value: Hex64


class OracleSignature(Document):
    """One oracle's signature over one snapshot (format ``zkm2m/oracle-signature/v1``).

    Attributes
    ----------
    snapshot_hash, oracles_root
        What was signed: field elements as decimal text. They say where the signature belongs; checks rebuild both.
    signature
        By which key.
    """

    format: Literal["zkm2m/oracle-signature/v1"] = "zkm2m/oracle-signature/v1"
    snapshot_hash: FieldText
    oracles_root: FieldText
    signature: KeySignature

    @model_validator(mode="after")
    def _below_the_field_order(self) -> Self:
        for field in ("snapshot_hash", "oracles_root"):
            if int(getattr(self, field)) >= FIELD_MODULUS:
                raise broken_rule(field, "must be below the field order", getattr(self, field))
        return self


class SignedSnapshot(Document):
    """A snapshot with the signatures of oracles (format ``zkm2m/signed-snapshot/v1``).

    Attributes
    ----------
    snapshot
        The market.
    oracles_root
        The set that the oracles signed for, as decimal text.
    signatures
        One for each oracle that signed, in any order.
    """

    format: Literal["zkm2m/signed-snapshot/v1"] = "zkm2m/signed-snapshot/v1"
    snapshot: Snapshot
    oracles_root: FieldText
    signatures: Annotated[tuple[KeySignature, ...], Field(strict=False, max_length=MAX_ORACLES)]


def oracle_message(snapshot_digest: int, oracles_root: int) -> int:
    """Return the field element that oracles sign.

    Parameters
    ----------
    snapshot_digest
        `rtnet_core.snapshot_hash.snapshot_hash` of the snapshot.
    oracles_root
        `OracleSet.root`.
    """
    return hash_fields(Tag.ORACLE_MESSAGE, [snapshot_digest, oracles_root])


def sign_snapshot(snapshot: Snapshot, oracles: OracleSet, key: PrivateKey) -> OracleSignature:
    """Return an oracle's signature over a snapshot.

    Raises
    ------
    InputError
        The key is of none of the oracles: nobody would accept the signature.
    """
    public_key = encode_point(key.public_key()).hex()
    if oracles.index_of(public_key) is None:
        raise InputError("key", "must be of one of the oracles in the set", public_key)
    digest, root = snapshot_hash(snapshot), oracles.root()
    value = encode_signature(key.sign(oracle_message(digest, root))).hex()
    return OracleSignature(
        snapshot_hash=str(digest),
        oracles_root=str(root),
        signature=KeySignature(public_key=public_key, value=value),
    )


def combine(snapshot: Snapshot, oracles: OracleSet, signatures: Iterable[OracleSignature]) -> SignedSnapshot:
    """Return the snapshot with its signatures, in the order of the set.

    Raises
    ------
    Refusal
        ``oracle_other_snapshot``: a signature is over another snapshot; the codes of `check_quorum`.
    """
    taken: list[KeySignature] = []
    root = oracles.root()
    for entry in signatures:
        name = _name_of(entry.signature.public_key, oracles)
        if int(entry.oracles_root) != root:
            raise Refusal("oracle_set_mismatch", f"{name} signed for another set of oracles")
        if int(entry.snapshot_hash) != snapshot_hash(snapshot):
            raise Refusal("oracle_other_snapshot", f"{name} signed another snapshot: a price or the time differs")
        taken.append(entry.signature)
    taken.sort(key=lambda signature: oracles.index_of(signature.public_key) or 0)
    signed = SignedSnapshot(snapshot=snapshot, oracles_root=str(root), signatures=tuple(taken))
    check_quorum(signed, oracles)
    return signed


def check_quorum(signed: SignedSnapshot, oracles: OracleSet) -> tuple[Oracle, ...]:
    """Return the oracles that signed the snapshot, in the order of the set: at least as many as the quorum.

    Every signature in the file must hold; one that does not is no signature less but a file that someone tampered with.

    Raises
    ------
    Refusal
        ``oracle_set_mismatch``: signed for another set; ``oracle_unknown``: a key that is not in the set;
        ``oracle_twice``: one key has two signatures; ``oracle_signature_invalid``; ``oracle_quorum_not_met``.

    Notes
    -----
    Circuit twin: circuits/oracle/oracle_quorum.circom:OracleQuorum
    """
    root = oracles.root()
    if int(signed.oracles_root) != root:
        raise Refusal("oracle_set_mismatch", "the oracles signed for a set of other keys or another quorum")
    message = oracle_message(snapshot_hash(signed.snapshot), root)
    signers: set[int] = set()
    for entry in signed.signatures:
        name = _name_of(entry.public_key, oracles)
        index = cast("int", oracles.index_of(entry.public_key))
        if index in signers:
            raise Refusal("oracle_twice", f"{name} signs twice and counts once: quorum needs different oracles")
        signers.add(index)
        fault = _fault(entry, oracles.oracles[index], message)
        if fault is not None:
            raise Refusal("oracle_signature_invalid", f"the signature of {name} {fault}")
    if len(signers) < oracles.quorum:
        count = f"{len(signers)} of {len(oracles.oracles)} oracles signed, {oracles.quorum} must"
        raise Refusal("oracle_quorum_not_met", count)
    return tuple(oracles.oracles[index] for index in sorted(signers))


def _name_of(public_key: str, oracles: OracleSet) -> str:
    index = oracles.index_of(public_key)
    if index is None:
        raise Refusal("oracle_unknown", f"the key {public_key} is of none of the oracles in the set")
    return oracles.oracles[index].name


def _fault(entry: KeySignature, oracle: Oracle, message: int) -> str | None:
    """Return the rule that a signature breaks, None where it holds."""
    try:
        signature = decode_signature(bytes.fromhex(entry.value))
    except ValueError as error:
        return str(error)
    if not verify(oracle.point, message, signature):
        return "does not hold for this snapshot: a price or the time was changed, or another key signed"
    return None
