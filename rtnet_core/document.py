"""The frame of every JSON document this software reads: strict decoding, errors that name the field, one spelling.

Decoding refuses before anything computes: bytes that are no UTF-8, a byte order mark, a key given twice, ``NaN``,
an unknown or missing field, a number of the wrong kind or outside its range.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, Final, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from rtnet_core.errors import InputError, RangeError
from rtnet_core.json_depth import MAX_DEPTH, too_deep_at
from rtnet_core.limits import AMOUNT_BITS, CASH_BITS, PRICE_BITS, QUANTITY_BITS, RATE_BITS, ROW_BITS, TIME_BITS

#: Longest document that is decoded; a book is read line by line and may be longer as a whole.
MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024

Symbol = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,15}$")]
InstrumentName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9_.-]{0,63}$")]
#: A positive decimal number with one spelling: no leading zero, no trailing zero, no exponent.
DecimalText = Annotated[str, Field(pattern=r"^(0\.[0-9]{0,17}[1-9]|[1-9][0-9]{0,17}(\.[0-9]{0,17}[1-9])?)$")]
TimeMs = Annotated[int, Field(ge=0, lt=1 << TIME_BITS)]
PositiveTicks = Annotated[int, Field(ge=1, lt=1 << ROW_BITS)]
PositivePrice = Annotated[int, Field(ge=1, lt=1 << PRICE_BITS)]
RateBps = Annotated[int, Field(ge=0, lt=1 << RATE_BITS)]
Amount = Annotated[int, Field(ge=0, lt=1 << AMOUNT_BITS)]
Lots = Annotated[int, Field(ge=-(1 << QUANTITY_BITS), lt=1 << QUANTITY_BITS)]
#: A field element, in decimal.
FieldText = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,76})$")]
#: Integers that may be beyond what other languages read from a JSON number.
UnsignedText = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,47})$")]
SignedText = Annotated[str, Field(pattern=r"^(0|-?[1-9][0-9]{0,47})$")]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
CashTicks = Annotated[int, Field(ge=-(1 << CASH_BITS), lt=1 << CASH_BITS)]

_COMPARISONS: Final = {
    "greater_than": ("gt", "must be above"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be below"),
    "less_than_equal": ("le", "must be at most"),
}
_PLAIN_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this document",
    "int_type": "must be an integer",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}


class Part(BaseModel):
    """A frozen, strict piece of a document: unknown fields, floats for integers and booleans for numbers refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class Document(Part):
    """A document with one canonical spelling; a secret one never shows a value in an error."""

    secret: ClassVar[bool] = False
    max_bytes: ClassVar[int] = MAX_DOCUMENT_BYTES

    @classmethod
    def from_json(cls, data: bytes | dict[str, Any], source: str = "") -> Self:
        """Return the document that `data` spells.

        Parameters
        ----------
        data
            JSON text in UTF-8, or the object already decoded from it.
        source
            What errors call it: a file name such as ``market.json``.

        Raises
        ------
        RangeError
            A number outside its range.
        InputError
            Anything else that is no such document; the message names field, rule and - unless secret - value.
        """
        content = data
        if isinstance(data, bytes):
            content = decode_json(data, source, secret=cls.secret, max_bytes=cls.max_bytes)
            if _holds_null(content):
                raise InputError(source or "document", "must not hold null: what is absent is left out")
        if not isinstance(content, dict):
            raise InputError(source or "document", "must be a JSON object")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise_input_error(error, source, secret=cls.secret)

    def to_json_bytes(self) -> bytes:
        """Return the canonical spelling: keys sorted, two spaces of indent, a newline at the end."""
        content = self.model_dump(mode="json", exclude_none=True)
        return (json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def _holds_null(content: object) -> bool:
    """Return whether decoded JSON has a null anywhere: a second spelling of a field that is left out."""
    if isinstance(content, dict):
        return any(map(_holds_null, content.values()))
    if isinstance(content, list):
        return any(map(_holds_null, content))
    return content is None


def broken_rule(field: str, rule: str, value: object = None) -> PydanticCustomError:
    """Return the error by which a validator names the very field that breaks a rule between fields."""
    return PydanticCustomError("rule_between_fields", "{rule}", {"field": field, "rule": rule, "value": value})


def decode_json(data: bytes, source: str, *, secret: bool = False, max_bytes: int = MAX_DOCUMENT_BYTES) -> Any:
    """Return what the JSON text `data` spells.

    Raises
    ------
    InputError
        It is too long, no UTF-8, no JSON (``NaN`` and infinities are none), nested too deeply, or repeats a key.
    """
    where = source or "document"
    if len(data) > max_bytes:
        raise InputError(where, f"must not be longer than {max_bytes} bytes", len(data))
    if too_deep_at(data) is not None:
        raise InputError(where, f"must not be nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise InputError(where, "must be UTF-8 text") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(where, f"must be JSON: {error.msg} at {place}") from None
    except _Repeated as error:
        rule = "must not repeat a key"
        raise (InputError(where, rule) if secret else InputError(where, rule, error.key)) from None
    except ValueError:
        raise InputError(where, "must be JSON with plain, finite numbers") from None


def raise_input_error(error: ValidationError, source: str, *, secret: bool) -> NoReturn:
    """Raise the first complaint of pydantic as an error of ours; its input is not chained, since it may be secret."""
    detail = error.errors(include_url=False)[0]
    context = detail.get("ctx", {})
    found = detail["input"]
    if detail["type"] == "rule_between_fields":
        parent = _path(detail["loc"], secret=secret)
        path = ".".join(part for part in (parent, context["field"]) if part)
        found = context["value"]
    else:
        path = _path(detail["loc"], secret=secret)
    where = ": ".join(part for part in (source, path) if part) or "document"
    kind = RangeError if detail["type"] in _COMPARISONS else InputError
    rule = _rule(detail)
    if secret or found is None or isinstance(found, (dict, list, tuple, BaseModel)):
        raise kind(where, rule) from None
    raise kind(where, rule, found) from None


class _Repeated(ValueError):
    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("repeated key")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Repeated(key)
            seen.add(key)
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _path(location: tuple[int | str, ...], *, secret: bool) -> str:
    """Spell a location as a user would; the keys below a secret document's first level are secret themselves."""
    path = ""
    for level, part in enumerate(location):
        if isinstance(part, int):
            path += f"[{part}]"
        elif part == "[key]":
            path += " (a key)"
        elif secret and level > 0:
            path += "[…]"
        else:
            path += f".{part}" if path else part
    return path


def _rule(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _COMPARISONS:
        key, words = _COMPARISONS[kind]
        return f"{words} {_power(context[key])}"
    if kind in _PLAIN_WORDS:
        return _PLAIN_WORDS[kind].format(**context)
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}"
    if kind == "rule_between_fields":
        return str(context["rule"])
    return detail["msg"].replace("Input should be", "must be").replace("should", "must")


def _power(bound: int) -> str:
    """Write a bound of at least 2^16 that is a power of two as one."""
    size = abs(bound)
    if size >= 1 << 16 and size & (size - 1) == 0:
        return f"{'-' if bound < 0 else ''}2^{size.bit_length() - 1}"
    return str(bound)
