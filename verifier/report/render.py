"""A report as one page of Markdown or HTML; whatever stands in it is text and stays text."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from verifier.report.findings import Report

_SPECIAL: Final = re.compile(r"([\\`*_\[\]|<>~&])")
_GROUNDS: Final = (
    "proven: by a proof; recomputed: here, from what is published or was shown; signed: by the pinned venue; "
    "stated: by someone, unchecked."
)
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; width: 100%; margin: 0 0 1.5rem; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: left; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.critical { color: #a40000; font-weight: bold; }
.warning { color: #8a5a00; }
@media print { body { margin: 0; max-width: none; } }
"""

#: Title, headings (``>`` before one above numbers), rows.
Section = tuple[str, Sequence[str], Sequence[Sequence[str]]]


def to_markdown(report: Report) -> str:
    """Return the report in Markdown."""
    parts = [f"# {_markdown(report.title)}", "", f"**{report.summary}**", "", _GROUNDS, ""]
    for title, headings, rows in _sections(report):
        parts += [f"## {_markdown(title)}", ""]
        parts.append(_row(heading.removeprefix(">") for heading in headings))
        parts.append(_row("---:" if heading.startswith(">") else "---" for heading in headings))
        parts += [_row(map(_markdown, row)) for row in rows]
        parts.append("")
    return "\n".join(parts)


def to_html(report: Report) -> str:
    """Return the report as a page that loads nothing from elsewhere and runs nothing."""
    title = _html(report.title)
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{_STYLE}</style>',
        f"</head>\n<body>\n<h1>{title}</h1>\n<p><strong>{_html(report.summary)}</strong></p>\n<p>{_html(_GROUNDS)}</p>",
    ]
    for heading, columns, rows in _sections(report):
        classes = [' class="number"' if column.startswith(">") else "" for column in columns]
        cells = zip(columns, classes, strict=True)
        head = "".join(f"<th{style}>{_html(column.removeprefix('>'))}</th>" for column, style in cells)
        parts.append(f"<h2>{_html(heading)}</h2>\n<table>\n<tr>{head}</tr>")
        parts += [_html_row(row, classes) for row in rows]
        parts.append("</table>")
    parts.append("</body>\n</html>\n")
    return "\n".join(parts)


def _sections(report: Report) -> Iterable[Section]:
    if report.findings:
        rows = [(entry.severity, entry.subject, entry.text, entry.assurance) for entry in report.findings]
        yield "Findings", ("severity", "subject", "finding", "rests on"), rows
    figures = [(entry.name, entry.value, entry.assurance) for entry in report.figures]
    yield "Figures", ("figure", "value", "rests on"), figures
    if report.checks:
        checks = [(check.subject, check.text, check.assurance) for check in report.checks]
        yield "Checked", ("subject", "what holds", "rests on"), checks
    for table in report.tables:
        if table.rows:
            yield f"{table.title} ({table.assurance})", table.headings, table.rows


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _plain(text))


def _html(text: str) -> str:
    return html.escape(_plain(text))


def _html_row(row: Sequence[str], classes: Sequence[str]) -> str:
    styles = [f' class="{row[0]}"', *classes[1:]] if row[0] in ("critical", "warning") else classes
    return f"<tr>{''.join(f'<td{style}>{_html(cell)}</td>' for cell, style in zip(row, styles, strict=True))}</tr>"


def _plain(text: str) -> str:
    """Replace control characters, line ends among them: a name must not begin a line of its own."""
    return "".join(
        "\ufffd" if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character for character in text
    )
