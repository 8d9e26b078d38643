"""How deeply a JSON text is nested, found in one pass before any recursive parser sees it."""

from __future__ import annotations

import re
from typing import Final

#: Most arrays and objects within each other that any document of ours has room for.
MAX_DEPTH: Final = 16

# A string (its closing quote optional, so that the scan never goes back) or one bracket.
_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_OPENING: Final = frozenset(b"[{")
_CLOSING: Final = frozenset(b"]}")


def too_deep_at(data: bytes, max_depth: int = MAX_DEPTH) -> int | None:
    """Return the byte at which `data` is nested deeper than `max_depth`, None if it never is.

    Every byte is looked at once, whatever stands there; brackets in strings do not count.
    """
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        first = data[match.start()]
        if first in _OPENING:
            depth += 1
            if depth > max_depth:
                return match.start()
        elif first in _CLOSING:
            depth -= 1
    return None
