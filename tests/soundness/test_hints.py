"""The hints of the circuits are a reviewed list, and only those of pricing are quotients: A05 to A08 stay there.

A remainder, a rounding direction and a zero divisor need a division. The account rule scales up instead: marks are
ticks per lot, ratios carry their 10^4. Pricing divides; ``test_pricing`` attacks each of its quotients.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from prover.circuit_headers import read_sources
from prover.paths import project_root

#: Every hint, with the test that forges it.
REVIEWED_HINTS = {
    ("lib/lanes.circom", "digit[l][i] <-- (in >> (LANE_STRIDE() * l + i)) & 1;"): "test_lanes",
    ("lib/unsigned_bits.circom", "bits[i] <-- (in >> i) & 1;"): "test_ranges",
    ("margin/scan_risk.circom", "scanRisk <-- worst;"): "test_lanes",
    ("pricing/bound_quotient.circom", "nonNegative <-- numerator >= 0 ? 1 : 0;"): "test_pricing",
    (
        "pricing/bound_quotient.circom",
        "signal excess <-- saturated == 1 ? (magnitude - divisor * (1 << DIGITS)) >> BITS : 0;",
    ): "test_pricing",
    ("pricing/bound_quotient.circom", "signal quotient <-- saturated == 1 ? 0 : magnitude \\ divisor;"): "test_pricing",
    ("pricing/bound_quotient.circom", "signal saturated <-- (magnitude >> DIGITS) >= divisor ? 1 : 0;"): "test_pricing",
    ("pricing/constant_quotient.circom", "quotient <-- in \\ divisor;"): "test_pricing",
    ("pricing/greeks.circom", "gamma <-- (2 * numerator + divisor) \\ doubled;"): "test_pricing",
    ("pricing/logarithm.circom", "signal shift <-- 27 - length;"): "test_pricing",
    ("pricing/remainder_range.circom", "upper <-- in >> SHIFT;"): "test_pricing",
    ("pricing/scenario_shock.circom", "isUp <-- volatility == 1 ? 1 : 0;"): "test_pricing",
    ("pricing/sign_and_magnitude.circom", "nonNegative <-- in >= 0 ? 1 : 0;"): "test_pricing",
    ("pricing/total_volatility.circom", "signal left <-- (squareTime \\ divisor) - rootSquare;"): "test_pricing",
    ("pricing/total_volatility.circom", "signal root <-- integerRoot(squareTime \\ divisor);"): "test_pricing",
}
#: Integer divisions of signals, each in a hint that a range of the remainder binds.
SIGNAL_DIVISIONS = {
    ("pricing/bound_quotient.circom", r"magnitude \ divisor"),
    ("pricing/constant_quotient.circom", r"in \ divisor"),
    ("pricing/greeks.circom", r"(2 * numerator + divisor) \ doubled"),
    ("pricing/total_volatility.circom", r"squareTime \ divisor"),
}
#: Integer divisions, all of template parameters: counts of fields, blocks and slots.
PARAMETER_DIVISIONS = {
    ("batch.circom", r"S \ LANES_PER_FIELD()"),
    ("commitments/packed_row.circom", r"S \ LANES_PER_FIELD()"),
    ("commitments/risk_array_root.circom", r"S \ LANES_PER_FIELD()"),
    ("commitments/risk_fields_root.circom", r"S \ LANES_PER_FIELD()"),
    ("lib/hash_fields.circom", r"(N + 15) \ 16"),
    ("lib/pack.circom", r"(N + perField - 1) \ perField"),
    ("lib/pack.circom", r"MAX_SAFE_BITS() \ BITS"),
    ("margin/account_margin.circom", r"K \ U"),
    ("margin/account_margin.circom", r"S \ LANES_PER_FIELD()"),
    ("margin/scan_risk.circom", r"S \ LANES_PER_FIELD()"),
    ("margin/underlying_margin.circom", r"S \ LANES_PER_FIELD()"),
    ("market.circom", r"k \ (K \ U)"),
    ("totals/account_totals.circom", r"S \ LANES_PER_FIELD()"),
}


def test_a05_every_hint_is_reviewed_and_quotients_are_of_pricing() -> None:
    hints = {
        (source.name, line.strip())
        for source in read_sources()
        for line in source.code.splitlines()
        if "<--" in line or "-->" in line
    }
    assert hints == set(REVIEWED_HINTS)
    quotients = {(name, hint) for name, hint in hints if re.search(r"[/\\%]", hint)}
    assert {name for name, _ in quotients} == {name for name, _ in SIGNAL_DIVISIONS}


@pytest.mark.parametrize(("hint", "module"), REVIEWED_HINTS.items(), ids=lambda part: str(part)[:60])
def test_a05_every_hint_is_forged_in_the_test_that_is_named_for_it(hint: tuple[str, str], module: str) -> None:
    """The test exchanges this very text: a replacement of it stands in the file, or in what the file imports."""
    file, line = hint
    _, assigned = line.split("<--")
    anchors = {text for name, text in anchors_of(f"tests/soundness/{module}.py") if name == file}
    assert any(text == line or text in assigned for text in anchors), f"{module} replaces nothing of {line}"


def anchors_of(path: str) -> Iterator[tuple[str, str]]:
    """Yield each pair (file below circuits/, text in it) that a test file or the attacks it imports spell out."""
    tree = ast.parse((project_root() / path).read_text("utf-8"))
    texts = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            pair = [
                part.value
                if isinstance(part, ast.Constant)
                else texts.get(part.id)
                if isinstance(part, ast.Name)
                else 0
                for part in node.elts
            ]
            if all(isinstance(part, str) for part in pair) and str(pair[0]).endswith(".circom"):
                yield str(pair[0]), str(pair[1])
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("_attacks"):
            yield from anchors_of((node.module or "").replace(".", "/") + ".py")


def test_a06_no_remainder_and_no_field_division() -> None:
    """``%`` and ``/`` occur nowhere: the first would need a range for its result, the second inverts in the field."""
    found = [
        (source.name, line)
        for source in read_sources()
        for line in source.code.splitlines()
        if re.search(r"[%/]", line) and not line.startswith("include")
    ]
    assert found == []


def test_a07_integer_division_is_of_parameters_or_of_pricing() -> None:
    """So there is no rounding of an account's money, in either direction."""
    pattern = re.compile(r"(?:\([^()]*\)|\w+(?:\(\))?) \\ (?:\(\w+ \\ \w+\)|\w+(?:\(\))?)")
    found = {
        (source.name, match[0])
        for source in read_sources()
        for line in source.code.splitlines()
        for match in pattern.finditer(line)
    }
    assert found == PARAMETER_DIVISIONS | SIGNAL_DIVISIONS
    assert sum(source.code.count("\\") for source in read_sources()) >= len(PARAMETER_DIVISIONS)
    for source in read_sources():
        backslashes = source.code.count("\\")
        assert backslashes == sum(match.count("\\") for match in pattern.findall(source.code))


def test_a08_divisors_are_constants() -> None:
    """No divisor outside pricing is a signal; there it is odd by construction, or a multiple of an odd number."""
    divisors = {expression.split("\\", 1)[1].strip() for _, expression in PARAMETER_DIVISIONS}
    assert divisors == {"LANES_PER_FIELD()", "16", "perField", "BITS", "U", r"(K \ U)"}
    signals = {
        name for source in read_sources() for name in re.findall(r"signal (?:input |output )?(\w+)", source.code)
    }
    assert not divisors & signals
