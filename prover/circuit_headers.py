"""What stands above every template: its title, its statement, the Python it mirrors, its inputs, outputs and cost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from prover.paths import circuit_sources
from rtnet_core.errors import InputError

#: Tags that every template has; ``@param`` and ``@hints`` are asked for where there are parameters and hints.
REQUIRED_TAGS: Final = ("title", "notice", "mirrors", "input", "output", "cost")
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TEMPLATE: Final = re.compile(r"^template\s+(\w+)\s*\(([^)]*)\)", re.MULTILINE)
_TAG: Final = re.compile(r"^@(\w+)\s*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a template: each tag with its texts, in their order; line breaks inside a text become blanks."""

    template: str
    parameters: tuple[str, ...]
    tags: Mapping[str, tuple[str, ...]]

    def first(self, tag: str) -> str:
        """Return the first text of a tag, empty where there is none."""
        return self.tags.get(tag, ("",))[0]


@dataclass(frozen=True)
class Source:
    """A circom file.

    Attributes
    ----------
    name
        Path from the folder of the circuits, as in ``lib/hinge.circom``.
    text
        All of it.
    """

    name: str
    text: str

    @cached_property
    def code(self) -> str:
        """The text with every comment blanked out, each character in its place."""
        return _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), self.text)

    @cached_property
    def headers(self) -> tuple[Header, ...]:
        """The templates of this file, with the doc comment directly above each (no tags where there is none)."""
        found = []
        for template in _TEMPLATE.finditer(self.code):
            above = self.text[: template.start()].rstrip()
            comment = above[above.rfind("/**") :] if above.endswith("*/") and "/**" in above else ""
            parameters = tuple(name.strip() for name in template[2].split(",") if name.strip())
            found.append(Header(template[1], parameters, _tags(comment)))
        return tuple(found)

    @property
    def expected_template(self) -> str:
        """The template that a file of this name holds: ``UnsignedBits`` for ``unsigned_bits.circom``."""
        return "".join(word.capitalize() for word in Path(self.name).stem.split("_"))


def read_sources(folder: Path | None = None) -> list[Source]:
    """Return the circom files below `folder`, by default the project's, in the order of their names.

    Raises
    ------
    InputError
        There is none: a check over nothing would pass.
    """
    root = circuit_sources() if folder is None else folder
    sources = [
        Source(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in sorted(root.rglob("*.circom"))
    ]
    if not sources:
        raise InputError(str(root), "must hold circom files")
    return sources


def python_twin(dotted: str) -> Any:
    """Return the Python object that ``@mirrors`` names: ``rtnet_core.module.name`` or ``rtnet_core.module.Class.name``.

    Raises
    ------
    InputError
        There is no such object in `rtnet_core`.
    """
    parts = dotted.split(".")
    if len(parts) < 3 or parts[0] != "rtnet_core":
        raise InputError("@mirrors", "must name an object of rtnet_core", dotted)
    try:
        found: Any = import_module(".".join(parts[:2]))
        for name in parts[2:]:
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise InputError("@mirrors", "must name an object that exists", dotted) from error
    return found


def _tags(comment: str) -> dict[str, tuple[str, ...]]:
    text = "\n".join(re.sub(r"^\s*(/\*\*|\*/|\*)?\s?", "", line).rstrip("*/ ") for line in comment.splitlines())
    marks = list(_TAG.finditer(text))
    tags: dict[str, tuple[str, ...]] = {}
    for number, mark in enumerate(marks):
        body = text[mark.end() : marks[number + 1].start() if number + 1 < len(marks) else len(text)]
        tags[mark[1]] = (*tags.get(mark[1], ()), " ".join(body.split()))
    return tags
