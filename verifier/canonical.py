"""The only spelling that each part of a proof file may have: keys, decimal strings, hashes, names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from verifier.reasons import refuse

_DECIMAL: Final = re.compile("0|[1-9][0-9]{0,77}")
_SHA256: Final = re.compile("[0-9a-f]{64}")
_CIRCUIT: Final = re.compile("[a-z][a-z0-9-]{0,63}")


def exact_object(
    value: object, where: str, keys: Iterable[str], code: str, *, optional: Iterable[str] = ()
) -> dict[str, Any]:
    """Return `value` if it is an object with exactly these keys; those in `optional` may be missing.

    Raises
    ------
    Refusal
        `code`: no object, or a key missing or unknown.
    """
    if not isinstance(value, dict):
        raise refuse(code, f"{where}: must be an object")
    required = set(keys)
    if missing := sorted(required - value.keys()):
        raise refuse(code, f"{where}: key {missing[0]!r} is missing")
    if unknown := sorted(value.keys() - required - set(optional)):
        raise refuse(code, f"{where}: unknown key {unknown[0][:40]!r}")
    return value


def exact_list(value: object, where: str, length: int, code: str) -> list[Any]:
    """Return `value` if it is an array of that length.

    Raises
    ------
    Refusal
        `code`: no array, or of another length.
    """
    if not isinstance(value, list) or len(value) != length:
        raise refuse(code, f"{where}: must be an array of {length}")
    return value


def exact_text(value: object, where: str, expected: str, code: str) -> None:
    """Refuse with `code` whatever is not this very string."""
    if type(value) is not str or value != expected:
        raise refuse(code, f"{where}: must be {expected!r}")


def decimal(value: object, where: str, below: int, code_spelling: str, code_range: str) -> int:
    """Return the integer that a canonical decimal string states: ASCII digits, no sign, no leading zero.

    Raises
    ------
    Refusal
        `code_spelling`: anything but such a string; `code_range`: the integer is not below `below`.
    """
    if type(value) is not str or not _DECIMAL.fullmatch(value):
        raise refuse(code_spelling, where)
    number = int(value)
    if number >= below:
        raise refuse(code_range, where)
    return number


def sha256_hex(value: object, where: str, code: str) -> str:
    """Return `value` if it is a SHA-256 value in 64 lower-case hexadecimal digits, else refuse with `code`."""
    if type(value) is not str or not _SHA256.fullmatch(value):
        raise refuse(code, f"{where}: must be 64 lower-case hexadecimal digits")
    return value


def circuit_name(value: object, where: str, code: str) -> str:
    """Return `value` if it is a circuit's name, which is safe as the name of a folder, else refuse with `code`."""
    if type(value) is not str or not _CIRCUIT.fullmatch(value):
        raise refuse(code, f"{where}: must be a name of lower-case letters, digits and hyphens")
    return value


def integer_at_least_zero(value: object, where: str, code: str) -> int:
    """Return `value` if it is an integer (a bool is none) of at least 0 and below 2^64, else refuse with `code`."""
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise refuse(code, f"{where}: must be an integer of at least 0 and below 2^64")
    return value
