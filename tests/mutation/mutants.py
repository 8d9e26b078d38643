"""The circuits' text, weakened one statement at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prover.circuit_headers import Source, read_sources

#: A statement that assigns and constrains at once: ``x <== e;``, over one line or more.
_ASSIGNMENT: Final = re.compile(r"^[ \t]*([^\n;{}]*?) <== ([^;{}]*);", re.MULTILINE)
#: A range: the template's name and its width.
_RANGE: Final = re.compile(r"\b(UnsignedBits|SignedBits|Hinge)\(((?:[^()]|\(\))*)\)(?=\()")
#: An expression that is an anonymous component's output.
_COMPONENT: Final = re.compile(r"[A-Z]\w*\(")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One weakened statement.

    Attributes
    ----------
    file
        Below ``circuits/``.
    kind
        ``assigned``: ``<==`` became ``<--``. ``wider``, ``narrower``: a range by one bit.
    text
        The statement, or the range in it, as it stands.
    anchor
        Text that holds it and occurs once in the file.
    weakened
        What takes the anchor's place.
    forgeries
        What takes it in programs that forge a witness; only of ``assigned``.
    width
        The range's width as it stands; only of ranges.
    """

    file: str
    kind: str
    text: str
    anchor: str
    weakened: str
    forgeries: tuple[str, ...] = ()
    width: str = ""

    @property
    def id(self) -> str:
        """What results and the list of survivors call it; the anchor tells two equal statements apart."""
        place = " ".join(self.anchor.split())
        return f"{self.file}: {self.kind}: {place}"


def mutants(template: str | None = None) -> list[Mutant]:
    """Return all mutants, or those of one template.

    Left out are components' outputs as they are assigned whole (``x <== T()(…);``): the constraints are the component's
    own. The ``===`` are not here either: `tests.soundness.test_needed_checks` deletes each.
    """
    sources = [
        source
        for source in read_sources()
        if template is None or template in {header.template for header in source.headers}
    ]
    return [mutant for source in sources for mutant in (*_assigned(source), *_ranges(source))]


def _assigned(source: Source) -> Iterator[Mutant]:
    for found in _ASSIGNMENT.finditer(source.code):
        target, expression = found[1].strip(), " ".join(found[2].split())
        if target == "_" or _COMPONENT.match(expression):
            continue
        start, end = found.start(1), found.end()
        anchor = _unique(source.text, start, end)
        before = anchor[: len(anchor) - (end - start)]
        yield Mutant(
            source.name,
            "assigned",
            source.text[start:end],
            anchor,
            f"{before}{target} <-- {expression};",
            tuple(f"{before}{target} <-- ({expression}) {change};" for change in ("+ 1", "- 1", "* 2 + 3", "* 0")),
        )


def _ranges(source: Source) -> Iterator[Mutant]:
    for found in _RANGE.finditer(source.code):
        anchor = _unique(source.text, found.start(), found.end())
        before = anchor[: len(anchor) - len(found[0])]
        for kind, change in (("wider", "+ 1"), ("narrower", "- 1")):
            weakened = f"{before}{found[1]}({found[2]} {change})"
            yield Mutant(source.name, kind, found[0], anchor, weakened, width=found[2])


def _unique(text: str, start: int, end: int) -> str:
    """Return the text up to `end` from the nearest line's beginning, or `start`, from which on it occurs once."""
    while text.count(text[start:end]) > 1:
        start = text.rfind("\n", 0, start - 1) + 1 if start else 0
    return text[start:end]
