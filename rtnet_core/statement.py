"""The statement of an account proof: the ordered public signals and what each one means."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import Final

from rtnet_core.errors import InputError
from rtnet_core.hashing import text_digest
from rtnet_core.limits import THRESHOLD_BITS

#: A challenge longer than this is no nonce but a document.
MAX_CHALLENGE_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Statement:
    """What an account proof says, in the order of the circuit's public signals (the output first).

    Attributes
    ----------
    verdict
        1: nlv * 10^4 >= threshold_bps * maintenance; 0: it is not.
    risk_root
        Root of the risk array (`rtnet_core.risk_array.RiskArray.root`).
    params_root
        Root of the margin parameters (`rtnet_core.params_root.MarginParams.root`).
    book_root
        Root of the venue's book, which its signed record names.
    threshold_bps
        The margin ratio asked for, in basis points.
    context
        Recipient's challenge, venue and record (`context_field`).

    Notes
    -----
    Circuit twin: circuits/account.circom:Account
    """

    verdict: int
    risk_root: int
    params_root: int
    book_root: int
    threshold_bps: int
    context: int

    def public_signals(self) -> list[int]:
        """Return the public signals, shape (6,), as snarkjs orders them."""
        return list(astuple(self))

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the signals, in their order."""
        return [field.name for field in fields(cls)]


def check_threshold_bps(threshold_bps: int) -> int:
    """Return `threshold_bps` if it is an integer with 1 <= threshold_bps < 2^20.

    Raises
    ------
    InputError
        It is not.
    """
    if type(threshold_bps) is not int or not 1 <= threshold_bps < 1 << THRESHOLD_BITS:
        raise InputError(
            "threshold_bps", f"must be an integer of at least 1 and below 2^{THRESHOLD_BITS}", threshold_bps
        )
    return threshold_bps


def context_field(venue_public_key: bytes, record_digest: bytes, challenge: str) -> int:
    """Return the context that binds a proof to one venue, one record and one recipient's challenge.

    Parameters
    ----------
    venue_public_key
        32 bytes, Ed25519.
    record_digest
        32 bytes, see `rtnet_core.record.Record.digest`.
    challenge
        What the recipient asked to be answered: who, when, nonce. 1 to 1024 bytes of UTF-8.

    Raises
    ------
    InputError
        The challenge is empty, too long, or no text.
    """
    return text_digest("context", venue_public_key, record_digest, check_challenge(challenge))


def check_challenge(challenge: str) -> bytes:
    """Return the challenge in UTF-8, 1 to 1024 bytes.

    Raises
    ------
    InputError
        It is empty, too long, or no text.
    """
    try:
        encoded = challenge.encode()
    except UnicodeEncodeError:
        raise InputError("challenge", "must be text that UTF-8 can spell") from None
    if not 1 <= len(encoded) <= MAX_CHALLENGE_BYTES:
        raise InputError("challenge", f"must be 1 to {MAX_CHALLENGE_BYTES} bytes of UTF-8", len(encoded))
    return encoded
