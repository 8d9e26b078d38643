"""Good files spoilt with their structure kept in mind: what a stranger would send who has read the format.

Each mutation takes a `random.Random`, so that Hypothesis can steer and shrink it (``st.randoms()``) and a longer run
can go by a seed.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

#: Numbers and texts on which readers stumble: ends of widths, other spellings, surrogates, long ones.
NUMBERS: Final = (
    *(0, -1, 1, 2, 255, 256, 1 << 16, (1 << 27) - 1, 1 << 27, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 42),
    *((1 << 53) + 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, 10**77, -(1 << 63), -(1 << 63) - 1),
    *(21888242871839275222246405745257275088548364400416034343698204186575808495617, 0.5, 1e308, -0.0),
)
TEXTS: Final = (
    *("", "0", "00", "-0", "1e3", "0x10", "٣", "1" * 77, "9" * 5000, "a" * 70_000, "\0", "é", "e\u0301", "\ufeff"),
    *("\ud800", "../../etc/passwd", "-rf", "NaN", "null", " 1", "1\n", "A", "USD", "zkm2m/record/v1", "\u202eabc"),
)
ODD_JSON: Final = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-0",
    b'"\\ud800"',
    b"1.0",
    b"9" * 5_000,
    b"[" * 100_000,
    b'{"a":' * 50_000,
)
_WORDS: Final = (0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Mutation = Callable[[Random, bytes], bytes]


def spoil_json(random: Random, data: bytes) -> bytes:
    """Return a JSON text with one to three of its values, keys or bytes changed."""
    value = json.loads(data)
    for _ in range(random.randint(1, 3)):
        value = _spoil_value(random, value)
    text = json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    if random.random() < 0.3:
        text = random.choice((_repeat_key, _odd_number, spoil_bytes))(random, text)
    return text


def spoil_lines(random: Random, data: bytes) -> bytes:
    """Return JSON lines with one line spoilt, dropped, repeated or moved."""
    lines = data.split(b"\n")
    place = random.randrange(len(lines))
    kind = random.randrange(5)
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines.insert(place, lines[place])
    elif kind == 2:
        lines.append(lines.pop(place))
    elif lines[place].strip():
        lines[place] = spoil_json(random, lines[place]) if kind == 3 else spoil_bytes(random, lines[place])
    return b"\n".join(lines)


def spoil_table(random: Random, data: bytes) -> bytes:
    """Return a CSV text with a cell exchanged, a row cut, or bytes changed."""
    rows = [line.split(b",") for line in data.split(b"\n")]
    for _ in range(random.randint(1, 3)):
        row = random.choice(rows)
        kind = random.randrange(5)
        if kind == 0 and row:
            del row[random.randrange(len(row))]
        elif kind == 1:
            rows.append(list(row))
        elif kind == 2:
            row.insert(0, b'"')
        elif row:
            text = str(random.choice((*NUMBERS[:-3], "nan", "inf", "1e-99", "1E400", "9" * 400)) if kind == 3 else "")
            row[random.randrange(len(row))] = (text or random.choice(TEXTS)).encode("utf-8", "surrogatepass")
    text = b"\n".join(b",".join(row) for row in rows)
    return spoil_bytes(random, text) if random.random() < 0.2 else text


def spoil_container(random: Random, data: bytes) -> bytes:
    """Return a file of sections (r1cs, wtns, zkey) with a length, count or number changed, or sections rearranged."""
    kind = random.randrange(4)
    if kind == 0:
        return spoil_bytes(random, data)
    sections = list(_sections(data))
    if kind == 1 and sections:
        place = random.randrange(len(sections))
        number, body = sections[place]
        change = random.randrange(5)
        if change == 0:
            del sections[place]
        elif change == 1:
            sections.append((number, body))
        elif change == 2:
            sections[place] = (random.choice((0, 99, number + 1)), body)
        elif change == 3:
            sections[place] = (number, body[: random.randrange(len(body) + 1)])
        else:
            sections[place] = (number, body + bytes(random.randint(1, 64)))
        random.shuffle(sections)
        packed = [struct.pack("<IQ", number & 0xFFFFFFFF, len(body)) + body for number, body in sections]
        return data[:8] + struct.pack("<I", len(sections)) + b"".join(packed)
    return _overwrite_word(random, data, near_start=kind == 2)


def spoil_bytes(random: Random, data: bytes) -> bytes:
    """Return any bytes, a few of them changed, dropped, repeated or cut off."""
    spoilt = bytearray(data)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(spoilt) + 1)
        kind = random.randrange(5)
        if kind == 0 and spoilt:
            spoilt[place % len(spoilt)] ^= 1 << random.randrange(8)
        elif kind == 1:
            del spoilt[place : place + random.randint(1, 16)]
        elif kind == 2:
            spoilt[place:place] = spoilt[place : place + random.randint(1, 64)]
        elif kind == 3:
            spoilt[place:place] = bytes(random.randrange(256) for _ in range(random.randint(1, 8)))
        elif random.random() < 0.3:
            del spoilt[place:]
    return bytes(spoilt)


def _spoil_value(random: Random, value: Any) -> Any:
    """Return a JSON value with one part of it changed."""
    places = list(_places(value))
    path = random.choice(places)
    changed = copy.deepcopy(value)
    if not path:
        return random.choice((None, [], {}, 0, "", [changed], changed))
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    last = path[-1]
    kind = random.randrange(8)
    if kind == 0:
        del holder[last]
    elif kind == 1:
        holder[last] = random.choice(NUMBERS)
    elif kind == 2:
        holder[last] = random.choice(TEXTS)
    elif kind == 3:
        holder[last] = random.choice((None, True, False, [], {}, [[]], [None]))
    elif kind == 4:
        holder[last] = _near(random, holder[last])
    elif kind == 5 and isinstance(holder, dict):
        holder[random.choice(TEXTS)] = holder.pop(last)
    elif kind == 6 and isinstance(holder, list):
        holder.extend(holder[:1] * random.choice((1, 300)))
    else:
        holder[last] = _at(changed, random.choice(places))
    return json.loads(json.dumps(changed)) if kind == 7 else changed


def _near(random: Random, value: Any) -> Any:
    """Return a value much like this one: a number one off or as text, a text with one character exchanged."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return random.choice((value + 1, value - 1, -value, str(value), float(value % 1000), 10 * value))
    if isinstance(value, str) and value:
        place = random.randrange(len(value))
        return random.choice((value[:place] + random.choice("0aA-é \0") + value[place + 1 :], value + value, value[1:]))
    return [value]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from _places(part, (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a copy of what stands at a place, None where nothing does any more."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return copy.deepcopy(value)


def _repeat_key(random: Random, text: bytes) -> bytes:
    """Give the first key of some object twice."""
    starts = [i for i, byte in enumerate(text) if text[i : i + 2] == b'{"']
    if not starts:
        return text
    start = random.choice(starts) + 1
    end = text.find(b'":', start) + 2
    return text[:start] + text[start:end] + b"0, " + text[start:]


def _odd_number(random: Random, text: bytes) -> bytes:
    """Put something that is no JSON number of ours behind some colon."""
    colons = [i for i, byte in enumerate(text) if byte == ord(":")]
    if not colons:
        return random.choice(ODD_JSON)
    place = random.choice(colons) + 1
    return text[:place] + random.choice(ODD_JSON) + text[place:]


def _sections(data: bytes) -> Iterator[tuple[int, bytes]]:
    position, end = 12, len(data)
    while position + 12 <= end:
        number, length = struct.unpack_from("<IQ", data, position)
        yield number, data[position + 12 : position + 12 + length]
        position += 12 + length


def _overwrite_word(random: Random, data: bytes, *, near_start: bool) -> bytes:
    """Exchange a 32- or 64-bit word, as lengths and counts are; most of them stand at the beginning of a section."""
    spoilt = bytearray(data)
    starts, position = [0, 4, 8], 12
    for _, body in _sections(data):
        starts += [position, position + 4, *range(position + 12, position + min(140, 12 + len(body)), 4)]
        position += 12 + len(body)
    place = random.choice(starts) if near_start else random.randrange(max(1, len(data) - 8))
    width = random.choice((4, 8))
    word = random.choice((*_WORDS, *(((1 << 64) - 1, 1 << 40) if width == 8 else ()), random.randrange(1 << 16)))
    spoilt[place : place + width] = word.to_bytes(width, "little")
    return bytes(spoilt)
