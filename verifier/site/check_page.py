"""The check page: one file with program, published data and keys, which asks the network for nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

from rtnet_core.errors import InputError
from verifier.site.markup import page

PROGRAM_PATH: Final = Path(__file__).with_name("check.js")
_TEMPLATE: Final = Path(__file__).with_name("check.html")


@dataclass(frozen=True, slots=True)
class CheckData:
    """What a check page holds beside its program: texts of files as they are published, not yet read.

    Attributes
    ----------
    files
        ``record``, ``market``, ``params`` and ``proofs`` of the epoch.
    records
        Records of the chain, by number.
    keys
        ``key`` and ``lock`` by circuit.
    versions
        SHA-256 of the r1cs that this version of the software pins, by circuit.
    epochs
        Where the folders of all epochs are, seen from the page. Which there are is not in it, so that the page of an
        epoch stays the same when others are published.
    """

    files: Mapping[str, str]
    records: Mapping[str, str]
    keys: Mapping[str, Mapping[str, str]]
    versions: Mapping[str, str]
    epochs: str


@cache
def program() -> str:
    """Return the page's program.

    Raises
    ------
    InputError
        It is missing, or could end its own script element.
    """
    try:
        text = PROGRAM_PATH.read_text("utf-8")
    except OSError:
        raise InputError(str(PROGRAM_PATH), "is missing: `npm run build-check-page` makes it") from None
    if "</script" in text.lower() or "<!--" in text:
        raise InputError(str(PROGRAM_PATH), "must not hold what ends or comments out a script element")
    return text


def program_sha256() -> str:
    """Return the SHA-256 of the program in hexadecimal: the same for every site that this version writes."""
    return sha256(program().encode()).hexdigest()


def check_page(data: CheckData, *, venue: str, number: int, home: str) -> str:
    """Return the check page of an epoch; `home` is where the site begins, seen from it."""
    # Nothing that a file holds may end the element that carries it.
    carried = json.dumps(asdict(data), ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    body = (
        _TEMPLATE.read_text("utf-8")
        .replace("{{venue}}", escape(venue))
        .replace("{{number}}", str(number))
        .replace("{{home}}", escape(home))
        .replace("{{program}}", program_sha256())
    )
    return page(
        f"Check your account: {venue}, epoch {number}",
        f'{body}\n<script type="application/json" id="published">{carried}</script>',
        script=program(),
    )
