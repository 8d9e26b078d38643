"""How old an input may be at the snapshot's time: each kind has its own limit, and none is from the future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rtnet_core.errors import InputError

_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE

#: Greatest age in milliseconds by kind: trades come every second, a chain takes a minute or two to collect, a previous
#: index older than a day says nothing about a jump.
AGE_LIMITS_MS: Final[dict[str, int]] = {
    "trades": 10 * _SECOND,
    "chain": 5 * _MINUTE,
    "previous": 24 * _HOUR,
}
#: Clocks differ: an input this far ahead of the snapshot's time is not from the future.
SKEW_MS: Final = 2 * _SECOND


@dataclass(frozen=True, slots=True)
class InputAge:
    """An input that was used: its kind, where it is from, its time, and its age at the snapshot's time."""

    kind: str
    source: str
    time_ms: int
    age_ms: int


def check_age(
    kind: str, source: str, time_ms: int, now_ms: int, limits_ms: Mapping[str, int] = AGE_LIMITS_MS
) -> InputAge:
    """Return the input with its age, if that is within the limit of its kind.

    Raises
    ------
    InputError
        It is older than its kind may be, or from the future; the message names kind and age.
    """
    age = now_ms - time_ms
    if age > limits_ms[kind]:
        raise InputError(f"{kind} {source}", f"must be at most {_words(limits_ms[kind])} old, is {_words(age)} old")
    if age < -SKEW_MS:
        raise InputError(f"{kind} {source}", f"must not be from the future, is {_words(-age)} ahead of the snapshot")
    return InputAge(kind, source, time_ms, age)


def _words(time_ms: int) -> str:
    for size, name in ((24 * _HOUR, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if time_ms >= 2 * size:
            return f"{time_ms / size:.1f} {name}"
    return f"{time_ms / _SECOND:g} s"
