"""The circuit lint finds what it is there for, and does not pass because it looked at nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from prover import circuit_lint
from prover.circuit_headers import Source, python_twin, read_sources
from prover.circuit_lint import (
    Allowed,
    Finding,
    circomspect_findings,
    inspect_findings,
    lint,
    lint_source,
    read_allowed,
    reviewed,
)
from rtnet_core.errors import InputError, ToolError

CLEAN = """pragma circom 2.1.6;

/**
 * @title A square
 * @notice out = in^2, and bit is the lowest digit of a number below 2.
 * @mirrors rtnet_core.margin_exact.hinge
 * @param BITS at least 1
 * @input in any field element
 * @output out
 * @hints bit: bound by its product
 * @cost 2
 */
template Square(BITS) {
    assert(BITS >= 1);
    signal input in;
    signal output out;
    signal bit;
    // Bound by the product below.
    bit <-- in & 1;
    bit * (bit - 1) === 0;
    out <== in * in;
}
"""
CLEAN_SOURCE = Source("lib/square.circom", CLEAN)


def codes(text: str, name: str = CLEAN_SOURCE.name) -> list[tuple[int, str]]:
    """Return line and code of every finding in a circuit."""
    return [(finding.line, finding.code) for finding in lint_source(Source(name, text))]


def test_clean_circuit_has_no_finding() -> None:
    assert codes(CLEAN) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    // Bound by the product below.\n", "", [(18, "unbound-hint")]),
        ("// Bound by the product below.", "// The lowest digit.", [(19, "unbound-hint")]),
        ("    bit <-- in & 1;", "\n    bit <-- in & 1;", [(20, "unbound-hint")]),
        ("    // Bound by the product below.\n    bit <-- in & 1;", "    in & 1 --> bit;", [(18, "unbound-hint")]),
        ("assert(BITS >= 1);", "assert(in >= 1);", [(14, "assert-on-signal")]),
        (
            "out <== in",
            "var twice = 2 * in; var x = twice + 1;\n    assert(x > (1));\n    out <== in",
            [(22, "assert-on-signal")],
        ),
        ("out <== in * in;", "component c = LessThan(64); out <== in * in;", [(21, "comparator")]),
        ("out <== in * in;", "out <== IsZero()(in);", [(21, "comparator")]),
        ("out <== in * in;", "UnsignedBits(5)(in); out <== in * in;", [(21, "dropped-output")]),
        ("out <== in * in;", "out <== in * in;\n    UnsignedBits(BITS + 1)(in + (1 << 2));", [(22, "dropped-output")]),
        ("out <== in * in;", "log(in); out <== in * in;", [(21, "log")]),
        ("pragma circom 2.1.6;", "pragma circom 2.0.0;", [(1, "pragma")]),
        ("template Square(", "template Other() { }\ntemplate Square(", [(1, "one-template")]),
        ("template Square(", "template Cube(", [(1, "file-name")]),
        (" * @cost 2\n", "", [(12, "header")]),
        (" * @hints bit: bound by its product\n", "", [(12, "header")]),
        (" * @param BITS at least 1\n", "", [(12, "header")]),
        ("margin_exact.hinge", "margin_exact.nothing", [(13, "mirrors")]),
        ("margin_exact.hinge", "nothing.hinge", [(13, "mirrors")]),
        ("rtnet_core.margin_exact.hinge", "os.path.join", [(13, "mirrors")]),
        (
            "pragma circom 2.1.6;\n",
            'pragma circom 2.1.6;\ninclude "circomlib/circuits/comparators.circom";\n',
            [(2, "include")],
        ),
    ],
)
def test_a54_seeded_defect_is_found(old: str, new: str, expected: list[tuple[int, str]]) -> None:
    assert CLEAN.count(old) == 1
    found = codes(CLEAN.replace(old, new))
    assert set(expected) <= set(found)
    # A second template has no header of its own, and nothing else may be found by the way.
    assert {code for _, code in found} - {"header"} <= {code for _, code in expected}


def test_template_without_header_is_found() -> None:
    bare = CLEAN[: CLEAN.index("/**")] + CLEAN[CLEAN.index("template") :]
    assert {code for _, code in codes(bare)} == {"header"}
    assert len(codes(bare)) == 8


def test_comments_are_no_code() -> None:
    """What a comment says is no statement, and a hint in a comment needs no binding."""
    assert codes(CLEAN.replace("    signal bit;", "    signal bit; // log(in); assert(in); x <-- y; LessThan(3)")) == []


def test_assert_over_signals_of_components_and_arrays() -> None:
    for text in ("assert(c.out == 1);", "assert(BITS > bits[0]);"):
        seeded = CLEAN.replace("out <== in * in;", f"component c = Cube(); signal bits[3]; {text} out <== in * in;")
        assert "assert-on-signal" in {code for _, code in codes(seeded)}


def test_project_circuits_are_clean() -> None:
    """Everything at once, with both tools."""
    assert lint() == []


def test_circomspect_findings_of_a_seeded_hint() -> None:
    seeded = Source("lib/square.circom", CLEAN.replace("bit <-- in & 1;", "bit <-- in * in;"))
    found = circomspect_findings([seeded])
    assert ("CS0013", 19) in {(finding.code, finding.line) for finding in found}
    assert all(finding.file == "lib/square.circom" for finding in found)


def test_circomspect_that_opens_nothing_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says "No issues found" and exits with 0 for a file that it could not open."""
    monkeypatch.setattr(circuit_lint, "write_atomically", lambda _path, _text: None)
    with pytest.raises(ToolError, match="did not analyse Square"):
        circomspect_findings([CLEAN_SOURCE])


def test_circomspect_must_analyse_every_template() -> None:
    """A file that it cannot parse hides its template, also beside others that it can."""
    broken = Source("lib/cube.circom", CLEAN.replace("Square", "Cube").replace("signal bit;", "signal bit"))
    with pytest.raises(ToolError, match="did not analyse Cube"):
        circomspect_findings([CLEAN_SOURCE, broken])


def test_unresolved_include_is_a_finding() -> None:
    found = circomspect_findings(
        [Source("lib/square.circom", CLEAN.replace("2.1.6;\n", '2.1.6;\ninclude "no.circom";\n', 1))]
    )
    assert any("Failed to open" in finding.message for finding in found)


def test_inspect_that_looks_at_nothing_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        stdout = stderr = ""

    def silent(_name: str, _arguments: list[object], *, outputs: list[Path], **_: object) -> Silent:
        outputs[0].write_text("")
        return Silent()

    monkeypatch.setattr(circuit_lint, "run_tool", silent)
    with pytest.raises(ToolError, match="looked at nothing"):
        inspect_findings([CLEAN_SOURCE])


def test_nothing_to_lint_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must hold circom files"):
        read_sources(tmp_path)


FINDING = Finding("lib/square.circom", 19, "CS0005", "The signal is not constrained. bit <-- in & 1;", "circomspect")
ENTRY = Allowed("circomspect", "lib/square.circom", "CS0005", "bit", "Bound by its product.")


def test_reviewed_finding_is_allowed_only_where_it_was_reviewed() -> None:
    assert reviewed([FINDING], [ENTRY]) == []
    for other in (
        replace(FINDING, file="lib/cube.circom"),
        replace(FINDING, code="CS0006"),
        replace(FINDING, tool="circom2 --inspect"),
        replace(FINDING, message="bits is not constrained"),
    ):
        left = reviewed([other], [ENTRY])
        assert left[0] == other
        assert [finding.code for finding in left[1:]] == ["stale-allowance"]


def test_allowance_needs_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "allow.json"
    entry = {"tool": "a", "file": "b", "code": "c", "about": "d", "reason": "because"}
    for content, rule in (
        ([{**entry, "reason": " "}], "must have text"),
        ([{name: entry[name] for name in ("tool", "file", "code", "about")}], "must be a list of entries"),
        ({}, "must be a list of entries"),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match=rule):
            read_allowed(path)
    path.write_text(json.dumps([entry]))
    assert read_allowed(path) == [Allowed("a", "b", "c", "d", "because")]


def test_every_template_is_linked_to_python_that_names_it_in_turn() -> None:
    """The link goes both ways: the twin, or the class it belongs to, says which template it mirrors."""
    for source in read_sources():
        for header in source.headers:
            twin = python_twin(header.first("mirrors"))
            assert twin is not None
            assert header.first("title")
