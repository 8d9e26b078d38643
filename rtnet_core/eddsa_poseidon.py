"""EdDSA on Baby Jubjub with Poseidon: signatures over one field element that a circuit checks cheaply.

What is signed and what is checked is that of circomlib (``EdDSAPoseidonVerifier``) and circomlibjs (``signPoseidon``):
either side accepts the other's signatures. Only what a signer keeps to itself differs: secret scalar and nonce come
from SHA-512, as in RFC 8032 (sections 5.1.5 and 5.1.6), where circomlibjs has BLAKE-512. One seed gives another key
there.

A key is 32 random bytes, the seed. Of SHA-512(seed), the first half, its lowest three bits and its top bit cleared and
bit 254 set, is eight times the secret scalar; the second half makes nonces. The public key is secret scalar times
`BASE8`.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from rtnet_core.baby_jubjub import (
    BASE8,
    COFACTOR,
    ENCODED_BYTES,
    IDENTITY,
    SUBGROUP_ORDER,
    Point,
    add,
    decode_point,
    encode_point,
    is_in_subgroup,
    is_on_curve,
    multiply,
)
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.poseidon import compress_block

SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 2 * ENCODED_BYTES

_SCALAR_TOP: Final = 1 << 254
_SCALAR_MASK: Final = (1 << 255) - 8


class Signature(NamedTuple):
    """A point and a scalar: ``scalar * BASE8 = nonce_point + 8 * challenge * public_key``."""

    nonce_point: Point
    scalar: int


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKey:
    """A signing key; nothing of it is shown by a repr.

    Attributes
    ----------
    seed
        32 bytes.
    """

    seed: bytes

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")

    def public_key(self) -> Point:
        """Return the public half."""
        return multiply(self._expanded()[0] // COFACTOR, BASE8)

    def sign(self, message: int) -> Signature:
        """Return the signature over a field element, the same one each time.

        Raises
        ------
        ValueError
            The message is no reduced field element.
        """
        _require_field_element(message)
        secret, prefix = self._expanded()
        public_key = multiply(secret // COFACTOR, BASE8)
        digest = hashlib.sha512(prefix + message.to_bytes(ENCODED_BYTES, "little")).digest()
        nonce = int.from_bytes(digest, "little") % SUBGROUP_ORDER
        nonce_point = multiply(nonce, BASE8)
        challenge = challenge_of(nonce_point, public_key, message)
        return Signature(nonce_point, (nonce + challenge * secret) % SUBGROUP_ORDER)

    def _expanded(self) -> tuple[int, bytes]:
        """Return eight times the secret scalar, and what makes nonces."""
        digest = hashlib.sha512(self.seed).digest()
        number = int.from_bytes(digest[:32], "little")
        return number & _SCALAR_MASK | _SCALAR_TOP, digest[32:]


def new_private_key() -> PrivateKey:
    """Return a key from the system's random numbers."""
    return PrivateKey(secrets.token_bytes(SEED_BYTES))


def challenge_of(nonce_point: Point, public_key: Point, message: int) -> int:
    """Return ``Poseidon(R8x, R8y, Ax, Ay, M)``, a field element; capacity 0, as circomlib has it."""
    return compress_block(0, [*nonce_point, *public_key, message])


@lru_cache(maxsize=256)  # a set of oracles is asked for again and again
def public_key_fault(public_key: Point) -> str | None:
    """Return the rule that a public key breaks, None where it breaks none.

    A key must lie in the subgroup of prime order. Of a key outside it there are seven more, its sums with points of low
    order, under each of which the same person could sign.
    """
    if not is_on_curve(public_key):
        return "must be a point of the curve"
    if not is_in_subgroup(public_key):
        return "must lie in the subgroup of prime order"
    if public_key == IDENTITY:
        return "must not be the identity: anyone can sign under it"
    return None


def verify(public_key: Point, message: int, signature: Signature) -> bool:
    """Return whether the signature over `message` is by the holder of the key.

    Notes
    -----
    ``S * BASE8 = R8 + Poseidon(R8, A, M) * 8A`` with S below the subgroup's order, as the circuit has it: R8 then lies
    in the subgroup. Beyond what circomlib asks, R8 must lie on the curve and the key must have no `public_key_fault`.
    """
    _require_field_element(message)
    nonce_point, scalar = signature
    if not 0 <= scalar < SUBGROUP_ORDER or not is_on_curve(nonce_point) or public_key_fault(public_key) is not None:
        return False
    challenge = challenge_of(nonce_point, public_key, message)
    right = add(nonce_point, multiply(challenge, multiply(COFACTOR, public_key)))
    return multiply(scalar, BASE8) == right


def encode_signature(signature: Signature) -> bytes:
    """Return 64 bytes, as circomlibjs packs them: the point, then the scalar, lowest byte first."""
    return encode_point(signature.nonce_point) + signature.scalar.to_bytes(ENCODED_BYTES, "little")


def decode_signature(encoded: bytes) -> Signature:
    """Return the signature that 64 bytes encode; every signature has one encoding.

    Raises
    ------
    ValueError
        Not 64 bytes, the point breaks a rule of `decode_point`, or the scalar is not below the subgroup's order.
    """
    if len(encoded) != SIGNATURE_BYTES:
        raise ValueError(f"must be {SIGNATURE_BYTES} bytes")
    nonce_point = decode_point(encoded[:ENCODED_BYTES])
    scalar = int.from_bytes(encoded[ENCODED_BYTES:], "little")
    if scalar >= SUBGROUP_ORDER:
        raise ValueError("must have a scalar below the order of the subgroup")
    return Signature(nonce_point, scalar)


def _require_field_element(message: int) -> None:
    if not 0 <= message < FIELD_MODULUS:
        raise ValueError("a message is a reduced field element")
