"""Signal names as circom's ``.sym`` file gives them: which wire carries which signal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prover.formats.binfile import read_file
from rtnet_core.errors import InputError

_MAX_FILE_BYTES: Final = 1 << 32
#: The wire of a signal that the compiler substituted away.
ELIMINATED: Final = -1
_LINE: Final = re.compile(r"(\d{1,10}),(-1|\d{1,10}),(\d{1,10}),([A-Za-z_$][\w$.\[\]]*)", re.ASCII)
_INDEXED: Final = re.compile(r"([^\[\]]+)((?:\[\d+\])*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Symbols:
    """The names of a circuit's signals.

    ``wires`` maps a full name (``main.account.cash``) to its wire or `ELIMINATED`; ``names`` maps a wire to the first
    name that it has; ``labels`` maps a label to its name. Labels count the signals before any simplification: from 1
    on the outputs of main, then its public inputs, its private inputs, and the rest.
    """

    wires: dict[str, int]
    names: dict[int, str]
    labels: dict[int, str]

    def name_of(self, wire: int) -> str:
        """Return the name of a wire: ``one`` for wire 0, ``wire 17`` where the file names none."""
        return "one" if wire == 0 else self.names.get(wire, f"wire {wire}")

    def main_signals(self, first_label: int, count: int) -> dict[str, tuple[int, ...]]:
        """Return the signals of ``main`` on `count` labels from `first_label` on, in order, each with its shape.

        An input that the compiler substituted away has a label still, though no wire.

        Raises
        ------
        InputError
            A label has no name, belongs to a subcomponent, or an array is not complete.
        """
        shapes: dict[str, tuple[int, ...]] = {}
        sizes: dict[str, int] = {}
        for label in range(first_label, first_label + count):
            full = self.labels.get(label, "")
            matched = _INDEXED.fullmatch(full.removeprefix("main."))
            if not full.startswith("main.") or matched is None or "." in matched[1]:
                raise InputError("sym", f"must name label {label} as a signal of main", full)
            position = tuple(int(digits) for digits in re.findall(r"\d+", matched[2]))
            known = shapes.get(matched[1], (0,) * len(position))
            if len(known) != len(position):
                raise InputError("sym", "must index an array the same way throughout", full)
            shapes[matched[1]] = tuple(max(a, b + 1) for a, b in zip(known, position, strict=True))
            sizes[matched[1]] = sizes.get(matched[1], 0) + 1
        for name, shape in shapes.items():
            whole = 1
            for side in shape:
                whole *= side
            if whole != sizes[name]:
                raise InputError("sym", f"must name every element of {name} once", sizes[name])
        return shapes


def read_sym(path: Path) -> Symbols:
    """Return the names in a ``.sym`` file.

    Raises
    ------
    InputError
        The file is missing or a line is not ``label,wire,component,name``.
    """
    return parse_sym(read_file(path, limit=_MAX_FILE_BYTES), path.name)


def parse_sym(data: bytes, name: str = "sym") -> Symbols:
    """Return the names in the bytes of a ``.sym`` file; `name` stands in errors.

    Raises
    ------
    InputError
        A line is not ``label,wire,component,name``, or a name occurs twice.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise InputError(name, "must be plain ASCII text") from error
    wires: dict[str, int] = {}
    names: dict[int, str] = {}
    labels: dict[int, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise InputError(f"{name} line {number}", "must be label,wire,component,name", line)
        label, wire, signal = int(matched[1]), int(matched[2]), matched[4]
        if signal in wires or label in labels:
            raise InputError(f"{name} line {number}", "must name a signal once", signal)
        wires[signal] = wire
        labels[label] = signal
        if wire != ELIMINATED:
            names.setdefault(wire, signal)
    return Symbols(wires, names, labels)
