"""JSON that has one reading only: what other parsers let pass, or choke on, is refused in bounded time and memory."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Final, NoReturn

from rtnet_core.errors import InputError, Refusal
from rtnet_core.json_depth import MAX_DEPTH, too_deep_at
from verifier.reasons import refuse

MAX_BYTES: Final = 1 << 20  #: the usual size cap of a file
MAX_INTEGER_DIGITS: Final = 80  #: a field element has at most 78

_BOM: Final = b"\xef\xbb\xbf"
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def read_bounded(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file, of which never more than `max_bytes` + 1 are read.

    Raises
    ------
    InputError
        The file cannot be read.
    Refusal
        ``malformed_json``: the file is larger than `max_bytes`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise InputError(str(path), f"must be a readable file: {error.strerror}") from error
    if len(data) > max_bytes:
        raise _malformed(path.name, f"larger than {max_bytes} bytes")
    return data


def parse_json(
    data: bytes,
    what: str,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_integer_digits: int = MAX_INTEGER_DIGITS,
    allow_floats: bool = False,
) -> object:
    """Return the value of a JSON text: dicts, lists, strings, integers, booleans, None, and floats where allowed.

    Parameters
    ----------
    data
        The whole text, in UTF-8 without byte order mark. White space may surround the value, nothing else.
    what
        What the text is, for messages: ``bundle``.
    max_bytes
        Size cap of `data`.
    max_depth
        Most arrays and objects within each other, counted before the recursive parser runs.
    max_integer_digits
        Most digits of an integer, counted before it is converted.
    allow_floats
        Whether a number may have a fraction or an exponent; it must be finite even then.

    Raises
    ------
    Refusal
        ``malformed_json``; the message names the rule broken: size, encoding, depth, duplicate key, number, syntax.

    Examples
    --------
    >>> parse_json(b'{"a": [1, "x"]}', "example")
    {'a': [1, 'x']}
    """
    if len(data) > max_bytes:
        raise _malformed(what, f"larger than {max_bytes} bytes")
    if data.startswith(_BOM):
        raise _malformed(what, "starts with a byte order mark")
    if (place := too_deep_at(data, max_depth)) is not None:
        raise _malformed(what, f"nested deeper than {max_depth} at byte {place}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(what, f"not UTF-8 at byte {error.start}") from None

    def integer(digits: str) -> int:
        if len(digits.lstrip("-")) > max_integer_digits:
            raise _malformed(what, f"integer of more than {max_integer_digits} digits")
        if digits == "-0":
            raise _malformed(what, "integer -0")
        return int(digits)

    def fraction(digits: str) -> float:
        if not allow_floats:
            raise _malformed(what, "number with a fraction or an exponent")
        if not math.isfinite(value := float(digits)):
            raise _malformed(what, "number beyond the range of a float")
        return value

    def constant(name: str) -> NoReturn:
        raise _malformed(what, f"the number {name}")

    def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise _malformed(what, "duplicate key")
        return members

    try:
        value: object = json.loads(
            text, parse_int=integer, parse_float=fraction, parse_constant=constant, object_pairs_hook=unique_keys
        )
    except json.JSONDecodeError as error:
        raise _malformed(what, f"{error.msg} at character {error.pos}") from None
    if _SURROGATE_ESCAPE.search(data):
        _check_surrogates(value, what)
    return value


def _malformed(what: str, rule: str) -> Refusal:
    return refuse("malformed_json", f"{what}: {rule}")


def _check_surrogates(value: object, what: str) -> None:
    r"""Refuse a lone half of a \uD83D\uDE00 pair: such a string cannot be written as UTF-8 again."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, str) and any("\ud800" <= character <= "\udfff" for character in item):
            raise _malformed(what, "lone surrogate in a string")
