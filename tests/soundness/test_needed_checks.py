"""A53: every ``===`` of the circuits is needed. Without it the circuit would accept a forged witness shown here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prover.circuit_headers import read_sources
from prover.witness import InputValue
from rtnet_core.baby_jubjub import BASE8, SUBGROUP_ORDER, multiply
from rtnet_core.eddsa_poseidon import challenge_of
from rtnet_core.hashing import Tag, hash_fields
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.risk_array import lanes_of
from tests.soundness.test_market import CHECKS as MARKET_CHECKS
from tests.support.forge import Bench, Replacements, account_bench, bench
from tests.support.forge_library import library_bench
from tests.support.margin_cases import book_case, plain_case
from tests.support.pricing_attacks import PRICING_ATTACKS
from tests.support.tiny_batch import TINY_BATCH, tiny_batch_inputs

#: A key, and a signature's nonce; their scalars are small and known.
SIGNER, NONCE = multiply(5, BASE8), multiply(7, BASE8)


def quorum_inputs(scale: int, picked: list[int]) -> dict[str, InputValue]:
    """Return inputs of a quorum of one, signed by SIGNER, in a set that holds it divided by `scale`, and (0, 0)."""
    divided = pow(scale, -1, FIELD_MODULUS)
    x, y = SIGNER.x * divided % FIELD_MODULUS, SIGNER.y * divided % FIELD_MODULUS
    root = hash_fields(Tag.ORACLES, [1, x, y, 0, 0])
    message = hash_fields(Tag.ORACLE_MESSAGE, [3, root])
    return {
        "snapshotHash": 3,
        "keyX": [x, 0],
        "keyY": [y, 0],
        "picked": [picked],
        "nonceX": [NONCE.x],
        "nonceY": [NONCE.y],
        "scalar": [(7 + challenge_of(NONCE, SIGNER, message) * 8 * 5) % SUBGROUP_ORDER],
    }


BITS, DIGITS = (
    ("lib/unsigned_bits.circom", "(in >> i) & 1"),
    ("lib/lanes.circom", "(in >> (LANE_STRIDE() * l + i)) & 1"),
)
LANES, SCAN = bench("lib/lanes.circom", "Lanes(4)"), bench("margin/scan_risk.circom", "ScanRisk(2, 4)")
UNSIGNED = bench("lib/unsigned_bits.circom", "UnsignedBits(8)")
RISK = bench("commitments/risk_fields_root.circom", "RiskFieldsRoot(1, 1, 1, 4)")
QUORUM = library_bench("oracle/oracle_quorum.circom", "OracleQuorum(2, 1)")
BATCH_ROOT = bench("commitments/batch_root.circom", "BatchRoot(2)")
RISK_INPUTS: dict[str, InputValue] = {
    "snapshotHash": 0,
    "rowFields": [[0]],
    **{name: [0] for name in ("exposureField", "indexTicks", "price")},
    "isOption": [2],
}
SCAN_INPUTS: dict[str, InputValue] = {"quantity": [1, 0], "rowFields": [[lanes_of([-9, -5, 1, 2])], [0]]}

Attack = tuple[Bench, dict[str, InputValue], Replacements]

ATTACKS: dict[tuple[str, str], Attack] = {
    ("lib/unsigned_bits.circom", "bits[i] * (bits[i] - 1) === 0;"): (
        UNSIGNED,
        {"in": 300},
        {BITS: "i == BITS - 1 ? in >> i : (in >> i) & 1"},
    ),
    ("lib/unsigned_bits.circom", "in === sum;"): (UNSIGNED, {"in": 300}, {}),
    ("lib/lanes.circom", "digit[l][i] * (digit[l][i] - 1) === 0;"): (
        LANES,
        {"in": lanes_of([-1, 5, 5, 5])},
        {DIGITS: "(in >> (LANE_STRIDE() * l + i)) & (i == LANE_BITS() - 1 ? 3 : 1)"},
    ),
    ("lib/lanes.circom", "in === total;"): (LANES, {"in": lanes_of([-1, 5, 5, 5])}, {}),
    ("margin/scan_risk.circom", "zeroProduct[S] === 0;"): (
        SCAN,
        SCAN_INPUTS,
        {("margin/scan_risk.circom", "scanRisk <-- worst;"): "scanRisk <-- worst + 1;"},
    ),
    ("commitments/risk_fields_root.circom", "isOption[k] * (isOption[k] - 1) === 0;"): (RISK, RISK_INPUTS, {}),
    ("commitments/batch_root.circom", "exists[i] * (exists[i] - 1) === 0;"): (
        BATCH_ROOT,
        {"leaf": [5, 6], "exists": [2, 0], "accountCount": 2},
        {},
    ),
    ("commitments/batch_root.circom", "exists[i] * (1 - exists[i - 1]) === 0;"): (
        BATCH_ROOT,
        {"leaf": [5, 6], "exists": [0, 1], "accountCount": 1},
        {},
    ),
    ("commitments/batch_root.circom", "accountCount === count;"): (
        BATCH_ROOT,
        {"leaf": [5, 6], "exists": [1, 0], "accountCount": 2},
        {},
    ),
    ("oracle/oracle_quorum.circom", "picked[j][i] * (picked[j][i] - 1) === 0;"): (
        QUORUM,
        quorum_inputs(2, [2, -1]),
        {},
    ),
    ("oracle/oracle_quorum.circom", "count === 1;"): (QUORUM, quorum_inputs(1, [1, 1]), {}),
    ("merge.circom", "child[m] === opened[m].digest;"): (
        bench("merge.circom", "Merge(2, 1, 2)"),
        {"child": [5, 6], "context": 1, "childPacked": [[0] * 4] * 2, "childBlinding": [0, 0], "blinding": 0},
        {},
    ),
}
#: Checks of the whole batch, each with the inputs that only it refuses.
BATCH: dict[tuple[str, str], dict[str, InputValue]] = {
    ("batch.circom", "riskRoot === risk;"): {"riskRoot": 1},
    ("batch.circom", "paramsRoot === params.root;"): {"paramsRoot": 1},
    ("batch.circom", "(1 - exists[i]) * account[i].packed[f] === 0;"): {"exists": [1, 0], "accountCount": 1},
}
ROOTS = {
    ("account.circom", "riskRoot === riskArray.root;"): "riskRoot",
    ("account.circom", "paramsRoot === params.root;"): "paramsRoot",
    ("account.circom", "bookRoot === book;"): "bookRoot",
}
#: A range whose digits nobody uses hangs on one line: without the line, the range is gone.
RANGES: dict[tuple[str, str], Attack] = {
    ("margin/scan_risk.circom", "_ <== UnsignedBits(LANE_BITS())(scanRisk);"): (
        SCAN,
        {**SCAN_INPUTS, "rowFields": [[lanes_of([1, 2, 3, 4])], [0]]},
        {("margin/scan_risk.circom", "scanRisk <-- worst;"): "scanRisk <-- -1;"},
    ),
    ("margin/collateral_credit.circom", "_ <== UnsignedBits(AMOUNT_BITS())(amount);"): (
        bench("margin/collateral_credit.circom", "CollateralCredit()"),
        {"amount": -5, "price": 1, "rateBps": 1, "kink": [0, 0], "dropBps": [0, 0]},
        {},
    ),
    ("commitments/book_membership.circom", "_ <== UnsignedBits(D)(accountCount - 1 - index);"): (
        bench("commitments/book_membership.circom", "BookMembership(2)"),
        {"leaf": 1, "index": 3, "accountCount": 3, "sibling": [0, 0]},
        {},
    ),
}


def test_a53_every_check_has_its_attack() -> None:
    checks = {
        (source.name, line.strip()) for source in read_sources() for line in source.code.splitlines() if "===" in line
    }
    assert checks == {*PRICING_ATTACKS, *ATTACKS, *ROOTS, *BATCH, *MARKET_CHECKS}


@pytest.mark.parametrize("check", ATTACKS, ids=lambda check: check[1])
def test_a53_each_check_is_needed(check: tuple[str, str]) -> None:
    target, inputs, replacements = ATTACKS[check]
    forged = target.forge(inputs, replacements)
    assert forged.broken and forged.violations
    assert target.accepts_without(check, forged.labelled)


@pytest.mark.parametrize("check", RANGES, ids=lambda check: check[1])
def test_a53_each_range_on_a_line_of_its_own_is_needed(check: tuple[str, str]) -> None:
    """The range breaks on that line's digits only, in both systems: nothing else stands in the way of the forgery."""
    target, inputs, replacements = RANGES[check]
    target.forge(inputs, replacements).assert_refused(r"^UnsignedBits\.bits")


@pytest.mark.parametrize("check", BATCH, ids=lambda check: check[1])
def test_a53_each_check_of_the_batch_is_needed(check: tuple[str, str]) -> None:
    forged = TINY_BATCH.forge({**tiny_batch_inputs(500, -700), **BATCH[check]})
    assert forged.broken and forged.violations
    assert TINY_BATCH.accepts_without(check, forged.labelled)


@pytest.mark.parametrize("file", ["account.circom", "batch.circom"])
def test_a53_the_range_of_the_threshold_is_needed(file: str) -> None:
    """Without the line, a threshold of -1 makes every account clear."""
    check = (file, "_ <== UnsignedBits(THRESHOLD_BITS())(thresholdBps);")
    if file == "batch.circom":
        target, inputs = TINY_BATCH, tiny_batch_inputs(500, -700)
    else:
        target, inputs = account_bench(), book_case(plain_case()).inputs
    target.forge({**inputs, "thresholdBps": -1}).assert_refused(r"^UnsignedBits\.bits")
    source = next(source for source in read_sources() if source.name == file)
    assert source.code.count(check[1]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("check", ROOTS, ids=lambda check: check[1])
def test_a53_each_root_is_needed(check: tuple[str, str]) -> None:
    """Without the line, any root would be as good as the published one."""
    case = book_case(replace(plain_case(), threshold_bps=1))
    root = case.inputs[ROOTS[check]]
    assert isinstance(root, int)
    forged = account_bench().forge({**case.inputs, ROOTS[check]: (root + 1) % FIELD_MODULUS})
    forged.assert_refused(f"^{ROOTS[check]}$")
    assert account_bench().accepts_without(check, forged.labelled)
