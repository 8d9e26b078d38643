"""What the recipient asks for beyond a proof that holds: whose signature, how fresh, which threshold, which key."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final

from rtnet_core.errors import InputError
from rtnet_core.limits import TIME_BITS
from rtnet_core.statement import check_threshold_bps
from verifier.keystore import PinnedKey
from verifier.reasons import refuse

SKEW_MS: Final = 300_000  #: clocks may differ by five minutes
PRODUCTION_MAX_AGE_MS: Final = 86_400_000  #: a day
PUBLIC_KEY_BYTES: Final = 32  #: Ed25519


@dataclass(frozen=True, slots=True)
class Policy:
    """The recipient's conditions.

    Parameters
    ----------
    production
        Also asks for a ceremonial key and a pinned venue key, and limits the age to a day where no limit is given.
    now_ms
        The time to judge by, in milliseconds UTC; None reads the clock.
    skew_ms
        How far published data may lie in the future.
    max_age_ms
        How old published data may be; None is no limit, except in production.
    venue_public_key
        The venue's Ed25519 key as the recipient knows it, 32 bytes.
    threshold_bps
        The threshold the proof must be for; None takes the one it states.

    Raises
    ------
    InputError
        A time is negative, the public key has not 32 bytes, or the threshold is none.
    """

    production: bool = False
    now_ms: int | None = None
    skew_ms: int = SKEW_MS
    max_age_ms: int | None = None
    venue_public_key: bytes | None = None
    threshold_bps: int | None = None

    def __post_init__(self) -> None:
        for field in ("now_ms", "skew_ms", "max_age_ms"):
            time_ms = getattr(self, field)
            if time_ms is not None and (type(time_ms) is not int or time_ms < 0):
                raise InputError(field, "must be an integer of at least 0, in milliseconds", time_ms)
        if self.venue_public_key is not None and len(self.venue_public_key) != PUBLIC_KEY_BYTES:
            raise InputError("venue_public_key", f"must be {PUBLIC_KEY_BYTES} bytes", self.venue_public_key)
        if self.threshold_bps is not None:
            check_threshold_bps(self.threshold_bps)

    def without_default_age(self) -> Policy:
        """Return these conditions without the day that production sets: for what is looked at long after its time.

        An epoch remains what it was, so it has an age limit only where the recipient gives one.
        """
        return self if self.max_age_ms is not None else replace(self, max_age_ms=1 << TIME_BITS)

    def clock_ms(self) -> int:
        """Return the time to judge by, in milliseconds UTC."""
        return time.time_ns() // 1_000_000 if self.now_ms is None else self.now_ms

    def require_fresh(self, as_of_ms: int, signed_at_ms: int, now_ms: int) -> int:
        """Return the age of data as of `as_of_ms`, in milliseconds, at least 0.

        Raises
        ------
        Refusal
            ``from_the_future``: data or signature later than `now_ms` + skew; ``stale``: older than the limit.
        """
        latest = max(as_of_ms, signed_at_ms)
        if latest > now_ms + self.skew_ms:
            raise refuse("from_the_future", f"{latest - now_ms} ms ahead, permitted {self.skew_ms} ms")
        age_ms = max(now_ms - as_of_ms, 0)
        limit = PRODUCTION_MAX_AGE_MS if self.max_age_ms is None and self.production else self.max_age_ms
        if limit is not None and age_ms > limit:
            raise refuse("stale", f"age {age_ms} ms, permitted {limit} ms")
        return age_ms

    def require_venue(self, public_key: bytes) -> None:
        """Refuse a record that another than the pinned venue signed.

        Raises
        ------
        Refusal
            ``venue_key_not_pinned``: production, and no key given; ``wrong_venue``: another key.
        """
        if self.venue_public_key is None:
            if self.production:
                raise refuse("venue_key_not_pinned")
        elif self.venue_public_key != public_key:
            raise refuse("wrong_venue", f"signed by {public_key.hex()}, pinned {self.venue_public_key.hex()}")

    def require_threshold(self, threshold_bps: int) -> None:
        """Refuse with ``threshold_mismatch`` a threshold other than the one asked for."""
        if self.threshold_bps is not None and threshold_bps != self.threshold_bps:
            raise refuse("threshold_mismatch", f"stated {threshold_bps} bps, asked {self.threshold_bps} bps")

    def require_key(self, pinned: PinnedKey) -> None:
        """Refuse in production, with the codes of `PinnedKey.require_ceremonial`, a key of no ceremony."""
        if self.production:
            pinned.require_ceremonial()
