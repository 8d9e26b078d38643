"""What a caller of the contracts needs: a proof as words, an account's commitment, and the challenge to answer."""

from __future__ import annotations

import hashlib
import re

from rtnet_core.errors import InputError
from verifier.groth16 import Proof

_ADDRESS = re.compile("0x[0-9a-f]{40}")


def proof_words(proof: Proof) -> list[int]:
    """Return a proof as the contracts take it: shape (8,), A, B, C, of B the imaginary part of a coordinate first."""
    (x0, x1), (y0, y1) = proof.b
    return [*proof.a, x1, x0, y1, y0, *proof.c]


def account_commitment(venue_public_key: bytes, handle: bytes) -> bytes:
    """Return the 32 bytes under which a registry lists an account.

    Parameters
    ----------
    venue_public_key
        32 bytes, Ed25519.
    handle
        32 bytes that venue and holder agree on, such as random ones; nobody else learns from them whose account it is.

    Raises
    ------
    InputError
        A part is not of 32 bytes.

    Notes
    -----
    Twin: `accountCommitment` of SolvencyRegistry.sol. The venue's key is in it, so that no other venue can list an
    account of its own under this commitment.
    """
    for field, part in (("venue_public_key", venue_public_key), ("handle", handle)):
        if len(part) != 32:
            raise InputError(field, "must be 32 bytes", len(part))
    return hashlib.sha256(venue_public_key + handle).digest()


def challenge_text(chain_id: int, contract: str, commitment: bytes, nonce: int) -> str:
    """Return the challenge that a proof for a registry has to answer: this chain, contract, account and turn, no other.

    Parameters
    ----------
    chain_id
        Of the chain, at least 0.
    contract
        Address of the registry, 0x and 40 lower-case hexadecimal digits.
    commitment
        Of the account, 32 bytes.
    nonce
        How many proofs about this account the registry has accepted.

    Raises
    ------
    InputError
        The address is not spelt so, the commitment has another length, or a number is negative.

    Notes
    -----
    Twin: `challenge` of SolvencyRegistry.sol, which a caller may as well ask.

    Examples
    --------
    >>> print(challenge_text(1, "0x" + "ab" * 20, bytes(32), 4)[:74])
    zkm2m registry v1, chain 1, contract 0xabababababababababababababababababa
    """
    if not _ADDRESS.fullmatch(contract):
        raise InputError("contract", "must be 0x and 40 lower-case hexadecimal digits", contract)
    if len(commitment) != 32:
        raise InputError("commitment", "must be 32 bytes", len(commitment))
    for field, number in (("chain_id", chain_id), ("nonce", nonce)):
        if type(number) is not int or number < 0:
            raise InputError(field, "must be an integer of at least 0", number)
    return f"zkm2m registry v1, chain {chain_id}, contract {contract}, account 0x{commitment.hex()}, nonce {nonce}"
