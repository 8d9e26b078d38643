"""What all pages of a site share: frame, style, tables, and a policy under which a browser loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

from verifier.verdict import Assurance

_STYLE: Final = Path(__file__).with_name("style.css")

#: What each label means, as every page explains it.
LEGEND: Final[dict[Assurance, str]] = {
    "proven": "by a zero-knowledge proof that was checked before this page was written",
    "recomputed": "computed again from the published files",
    "signed": "by the venue's key, which the publisher named",
    "stated": "by the venue, and checked by nobody here",
}


@cache
def style() -> str:
    """Return the style sheet of all pages."""
    return _STYLE.read_text("utf-8")


def page(title: str, body: str, *, script: str | None = None) -> str:
    """Return a whole page that runs `script` and nothing else, and loads nothing from anywhere.

    `body` is markup; whatever it holds of names and texts is escaped by who made it.
    """
    allowed = "" if script is None else f" script-src {_source(script)};"
    policy = f"default-src 'none'; style-src {_source(style())};{allowed} base-uri 'none'; form-action 'none'"
    program = "" if script is None else f"\n<script>{script}</script>"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style()}</style>\n</head>\n<body>\n{body}{program}\n</body>\n</html>\n"
    )


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], *, assurance: Assurance | None = None
) -> str:
    """Return a table; cells are markup. A heading that begins with ``>`` stands above numbers.

    With `assurance` all of its figures rest on that.
    """
    classes = [' class="number"' if heading.startswith(">") else "" for heading in headings]
    head = "".join(
        f'<th scope="col"{style_}>{escape(heading.removeprefix(">"))}</th>'
        for heading, style_ in zip(headings, classes, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{style_}>{cell}</td>" for cell, style_ in zip(row, classes, strict=True)) + "</tr>\n"
        for row in rows
    )
    title = escape(caption) + ("" if assurance is None else f" {badge(assurance)}")
    return (
        f'<div class="wide"><table>\n<caption>{title}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody>\n</table></div>"
    )


def badge(assurance: Assurance) -> str:
    """Return the label of a figure."""
    return f'<span class="badge {assurance}">{assurance}</span>'


def legend() -> str:
    """Return what the labels mean."""
    entries = "".join(f"<dt>{badge(name)}</dt><dd>{escape(text)}</dd>\n" for name, text in LEGEND.items())
    return f'<dl class="legend">\n{entries}</dl>'


def _source(text: str) -> str:
    """Return the source expression that permits an inline element with this very text."""
    digest = base64.b64encode(sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
