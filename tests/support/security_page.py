"""``docs/security.md``, from the tests' names and the reviewed attacks: ``python -m tests.support.security_page``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prover.atomic import write_atomically
from prover.circuit_headers import read_sources
from prover.paths import project_root
from tests.support.attack_tests import CIRCUITS, PLACES, AttackTest, attack_tests
from tests.support.attacks import GROUPS, MORE_PLACES, Attack, Group
from tests.uniqueness.open_templates import OPEN

PAGE: Final = project_root() / "docs" / "security.md"
_PREFACE: Final = """\
# Attacks and their tests

<!-- Written by `python -m tests.support.security_page` from the tests' names. Do not edit. -->

Each attack has an id. A test that tries it carries the id in its name, and asserts which refusal it got. A circuit
counts as attacked where a forged witness is judged by its constraint system, or by that of a template that it is made
of: a witness calculator that stops proves nothing, because whoever cheats writes their own.

The tables count tests; behind them stand the tests of each id. Where an attack needs no test, the reason is given. What
the four circuits prove is in [`circuits/README.md`](../circuits/README.md), what a proof means in
[`SECURITY.md`](../SECURITY.md).

## Beside the attacks

- **Wires.** Each wire of the four constraint systems stands in two constraints or on a reviewed list, and hangs
  together with a public signal: `tests/soundness/test_wires.py`.
- **Hints.** Each `<--` is on a reviewed list, and forged by the test that is named for it:
  `tests/soundness/test_hints.py`.
- **Checks.** Each `===` is deleted, and a forged witness is accepted then: `tests/soundness/test_needed_checks.py`.
  What else assigns or gives a range is weakened by `make mutate` (hours; it goes on where it ended), and a witness must
  tell the mutant from the circuit. Reviewed survivors: `tests/mutation/survivors.json`.
- **Uniqueness.** All signals of a template, hints included, follow from its inputs: shown by lemmas that are listed and
  tested, in `tests/uniqueness`. A table below names what they leave open.
- **Readers.** Good files of every format are spoilt with their structure kept in mind: a reader returns or refuses, in
  bounded time and memory, and no native code ends its process: `tests/fuzz`. `make fuzz` runs the slow ones: atheris
  feeds every reader what leads it down new paths of our code, as long as `FUZZ_SECONDS` says.
"""


def missing() -> list[str]:
    """Return what is wrong with the table: places without test or reason, reasons that are not needed, unknown ids."""
    known = {attack.id for group in GROUPS for attack in group.attacks}
    found = [f"{test.file}::{test.name} has an unknown id" for test in attack_tests() if set(test.ids) - known]
    for group in GROUPS:
        for attack in group.attacks:
            tested, reasons = _by_place(attack), attack.reasons()
            wanted = {*group.places, *MORE_PLACES.get(attack.id, ())}
            found += [f"{attack.id} needs a test of {place}, or a reason" for place in wanted - {*tested, *reasons}]
            found += [f"{attack.id} has a reason for {place}, and a test" for place in set(reasons) & set(tested)]
            found += [f"{attack.id} has a reason for {place}, which needs none" for place in set(reasons) - wanted]
    return sorted(found)


def security_page() -> str:
    """Return the page."""
    return "\n".join([_PREFACE, *(_section(group) for group in GROUPS), _notes(), _uniqueness(), _tests()])


def _section(group: Group) -> str:
    lines = [f"## {group.title}", "", f"| id | what is tried, and refused | {' | '.join(PLACES)} |"]
    lines.append("|---|---|" + "---:|" * len(PLACES))
    for attack in group.attacks:
        tested, reasons = _by_place(attack), attack.reasons()
        cells = [str(len(tested[place])) if place in tested else "–" if place in reasons else "" for place in PLACES]
        lines.append(f"| {attack.id} | {attack.tried} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _notes() -> str:
    lines = ["## Where an attack needs no test", "", "| id | where | why: it … |", "|---|---|---|"]
    for attack in _attacks():
        for places, reason in attack.untested.items():
            where = "every circuit" if places.split() == list(CIRCUITS) else ", ".join(places.split())
            lines.append(f"| {attack.id} | {where} | {reason} |")
    return "\n".join([*lines, ""])


def _uniqueness() -> str:
    templates = {source.name: header.template for source in read_sources() for header in source.headers}
    lines = ["## Templates whose signals the lemmas do not all decide", ""]
    lines += [f"{len(templates) - len(OPEN)} of {len(templates)} templates are decided. The others:", ""]
    lines += ["| template | why |", "|---|---|"]
    lines += [f"| `{templates[file]}` | {reason} |" for file, reason in OPEN.items()]
    return "\n".join([*lines, ""])


def _tests() -> str:
    lines = ["## Tests by id", ""]
    for attack in _attacks():
        lines += [f"### {attack.id}", ""]
        tests = [test for test in attack_tests() if attack.id in test.ids]
        for file in dict.fromkeys(test.file for test in tests):
            lines.append(f"- [`{file}`](../{file})")
            lines += [f"  - `{test.name}`: {', '.join(test.places)}" for test in tests if test.file == file]
        lines.append("")
    return "\n".join(lines)


def _attacks() -> Iterator[Attack]:
    for group in GROUPS:
        yield from group.attacks


def _by_place(attack: Attack) -> dict[str, list[AttackTest]]:
    found: dict[str, list[AttackTest]] = {}
    for test in attack_tests():
        if attack.id in test.ids:
            for place in test.places:
                found.setdefault(place, []).append(test)
    return found


if __name__ == "__main__":
    write_atomically(PAGE, security_page())
