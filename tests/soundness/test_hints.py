"""The hints of the circuits are a reviewed list, and none of them is a quotient: A05 to A08 have nothing to attack.

A remainder, a rounding direction and a zero divisor need a division. The account rule scales up instead: marks are
ticks per lot, ratios carry their 10^4. Pricing divides, in `rtnet_core.pricing_exact` alone, before the risk array is
hashed.
"""

from __future__ import annotations

import re

from prover.circuit_headers import read_sources

#: Every hint, with the test that forges it.
REVIEWED_HINTS = {
    ("lib/lanes.circom", "digit[l][i] <-- (in >> (LANE_STRIDE() * l + i)) & 1;"): "test_lanes",
    ("lib/unsigned_bits.circom", "bits[i] <-- (in >> i) & 1;"): "test_ranges",
    ("margin/scan_risk.circom", "scanRisk <-- worst;"): "test_lanes",
}
#: Integer divisions, all of template parameters: counts of fields, blocks and slots.
PARAMETER_DIVISIONS = {
    ("batch.circom", r"S \ LANES_PER_FIELD()"),
    ("commitments/risk_array_root.circom", r"S \ LANES_PER_FIELD()"),
    ("commitments/risk_fields_root.circom", r"S \ LANES_PER_FIELD()"),
    ("lib/hash_fields.circom", r"(N + 15) \ 16"),
    ("lib/pack.circom", r"(N + perField - 1) \ perField"),
    ("lib/pack.circom", r"MAX_SAFE_BITS() \ BITS"),
    ("margin/account_margin.circom", r"K \ U"),
    ("margin/account_margin.circom", r"S \ LANES_PER_FIELD()"),
    ("margin/scan_risk.circom", r"S \ LANES_PER_FIELD()"),
    ("margin/underlying_margin.circom", r"S \ LANES_PER_FIELD()"),
    ("totals/account_totals.circom", r"S \ LANES_PER_FIELD()"),
}


def test_a05_every_hint_is_reviewed_and_none_is_a_quotient() -> None:
    hints = {
        (source.name, line.strip())
        for source in read_sources()
        for line in source.code.splitlines()
        if "<--" in line or "-->" in line
    }
    assert hints == set(REVIEWED_HINTS)
    assert not [hint for _, hint in hints if re.search(r"[/\\%]", hint)]


def test_a06_no_remainder_and_no_field_division() -> None:
    """``%`` and ``/`` occur nowhere: the first would need a range for its result, the second inverts in the field."""
    found = [
        (source.name, line)
        for source in read_sources()
        for line in source.code.splitlines()
        if re.search(r"[%/]", line) and not line.startswith("include")
    ]
    assert found == []


def test_a07_integer_division_is_of_parameters_only() -> None:
    """So there is no rounding of an account's money, in either direction."""
    pattern = re.compile(r"(\([^()]*\)|\w+(?:\(\))?) \\ \w+(?:\(\))?")
    found = {
        (source.name, match[0])
        for source in read_sources()
        for line in source.code.splitlines()
        for match in pattern.finditer(line)
    }
    assert found == PARAMETER_DIVISIONS
    assert sum(source.code.count("\\") for source in read_sources()) >= len(PARAMETER_DIVISIONS)
    for source in read_sources():
        backslashes = source.code.count("\\")
        assert backslashes == sum(len(pattern.findall(line)) for line in source.code.splitlines())


def test_a08_divisors_are_constants() -> None:
    """No divisor is a signal, so none can be zero; time to expiry stays in Python, where pricing refuses it."""
    divisors = {expression.rsplit("\\", 1)[1].strip() for _, expression in PARAMETER_DIVISIONS}
    assert divisors == {"LANES_PER_FIELD()", "16", "perField", "BITS", "U"}
    signals = {
        name for source in read_sources() for name in re.findall(r"signal (?:input |output )?(\w+)", source.code)
    }
    assert not divisors & signals
