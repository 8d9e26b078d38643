"""The verdict: exact at equality, determined by the inputs, right at the ends of every range: A03, A04, A11, A12."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prover.inputs import margin_inputs
from prover.witness import InputValue
from rtnet_core.errors import RangeError
from rtnet_core.limits import (
    AMOUNT_BITS,
    CASH_BITS,
    FIELD_MODULUS,
    GREEK_RATE_BITS,
    PRICE_BITS,
    QUANTITY_BITS,
    RATE_BITS,
    ROW_BITS,
    SIZE_BITS,
    THRESHOLD_BITS,
)
from rtnet_core.margin_exact import AccountVector
from tests.support.forge import Forged, account_bench, batch_bench, bench, forge
from tests.support.margin_cases import Case, batch_case, book_case, extreme_case, plain_case, random_case

RULE = bench("margin/account_margin.circom", "AccountMargin(8, 2, 3, 16)")
BITS_FILE, HINT = "lib/unsigned_bits.circom", "(in >> i) & 1"
#: The sign digit of the headroom has 107 places; no other number of this template has.
TOP = "((in >> (BITS - 1)) & 1)"
FORGED_SIGNS = {
    "flipped": f"BITS == 107 && i == BITS - 1 ? 1 - {TOP} : ({HINT})",
    "flipped and paid by the next digit": (
        f"BITS < 107 || i < BITS - 2 ? ({HINT}) : (i == BITS - 1 ? 1 - {TOP} : ({HINT}) + 4 * {TOP} - 2)"
    ),
    "flipped, all else at its end": f"BITS < 107 ? ({HINT}) : (i == BITS - 1 ? 1 - {TOP} : {TOP})",
    "two": f"BITS == 107 && i == BITS - 1 ? 2 : ({HINT})",
}


def inputs_of(case: Case) -> dict[str, InputValue]:
    """The inputs of the margin rule."""
    return dict(margin_inputs(case.account, case.risk, case.params, case.threshold_bps))


def accepted(case: Case) -> Forged:
    """Return the honest witness after it agreed with the exact engine in every output."""
    honest = RULE.forge(inputs_of(case))
    honest.assert_accepted()
    margin = case.margin
    assert honest["nlvE4"] == margin.nlv_e4
    assert honest["maintenanceE4"] == margin.maintenance_e4
    assert honest.array("scanRisk") == [underlying.scan_risk for underlying in margin.underlyings]
    assert honest["clears"] == int(margin.clears(case.threshold_bps))
    return honest


def with_cash(cash: int, collateral: int = 0) -> Case:
    """Return the plain case (maintenance 240 ticks) with other cash, and collateral worth 10^-4 ticks a unit."""
    case = plain_case()
    account = replace(case.account, cash_ticks=cash, amounts=(collateral, 0, 0))
    risk = replace(case.risk, price_ticks=(1, 0, 0))
    return replace(case, account=account, risk=risk, params=replace(case.params, rate_bps=(1, 0, 0)))


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (with_cash(240), 1),
        (with_cash(241), 1),
        (with_cash(239), 0),
        (with_cash(239, 10_000), 1),
        (with_cash(239, 9_999), 0),
        (replace(with_cash(288), threshold_bps=12_000), 1),
        (replace(with_cash(287, 9_999), threshold_bps=12_000), 0),
        (replace(with_cash(288), threshold_bps=12_001), 0),
    ],
)
@pytest.mark.parametrize("sign", FORGED_SIGNS)
def test_a04_threshold_met_exactly_and_missed_by_the_least(case: Case, verdict: int, sign: str) -> None:
    """At equality 1, one part in 10^4 of a tick below it 0; and no witness says otherwise."""
    assert accepted(case)["clears"] == verdict
    forged = forge(RULE, {(BITS_FILE, HINT): FORGED_SIGNS[sign]}, inputs=inputs_of(case))
    assert forged["clears"] == (2 if sign == "two" else 1 - verdict)
    forged.assert_refused(r"^SignedBits\.UnsignedBits\.(bits|in)")


@pytest.mark.parametrize("claim", ["0", "2", "-1"])
def test_a12_verdict_is_no_other_number_than_its_digit(claim: str) -> None:
    lib = ("lib/signed_bits.circom", "nonNegative <== bits[BITS];")
    forged = forge(
        RULE, {lib: f"nonNegative <-- BITS == 106 ? {claim} : bits[BITS];"}, inputs=inputs_of(with_cash(240))
    )
    assert forged["clears"] == int(claim)
    forged.assert_refused(r"^SignedBits\.nonNegative$")


def test_a04_no_maintenance() -> None:
    """Without positions nothing is required: zero clears any threshold, 10^-4 ticks below it does not."""
    flat = replace(with_cash(0), account=AccountVector(0, (0, 0, 0), (0,) * 8))
    for cash, collateral, verdict in ((0, 0, 1), (-1, 10_000, 1), (-1, 9_999, 0), (-1, 0, 0), (1, 0, 1)):
        for threshold in (0, 1, (1 << THRESHOLD_BITS) - 1):
            account = AccountVector(cash, (collateral, 0, 0), (0,) * 8)
            honest = accepted(replace(flat, account=account, threshold_bps=threshold))
            assert honest["maintenanceE4"] == 0
            assert honest["clears"] == verdict


@pytest.mark.parametrize("position", [-(1 << QUANTITY_BITS), (1 << QUANTITY_BITS) - 1])
@pytest.mark.parametrize("row", [-(1 << ROW_BITS), (1 << ROW_BITS) - 1])
@pytest.mark.parametrize(
    ("cash", "amount", "drop"),
    [
        (-(1 << CASH_BITS), 0, 0),
        (-(1 << CASH_BITS), (1 << AMOUNT_BITS) - 1, (1 << RATE_BITS) - 1),
        ((1 << CASH_BITS) - 1, (1 << AMOUNT_BITS) - 1, 0),
    ],
)
def test_a03_everything_at_its_maximum(position: int, row: int, cash: int, amount: int, drop: int) -> None:
    accepted(extreme_case(position, row, cash, amount, drop))


def test_a03_one_more_than_the_maximum() -> None:
    """Each number of the account and the market one beyond the end: `RangeError` in Python, violated in the circuit."""
    case = extreme_case((1 << QUANTITY_BITS) - 1, (1 << ROW_BITS) - 1, (1 << CASH_BITS) - 1, (1 << AMOUNT_BITS) - 1, 0)
    accepted(case)
    beyond: list[tuple[str, InputValue, str]] = [
        ("cash", 1 << CASH_BITS, r"^SignedBits\.UnsignedBits\.bits"),
        ("amount", [1 << AMOUNT_BITS, 0, 0], r"^CollateralCredit\[0\]"),
        ("quantity", [1 << QUANTITY_BITS, *[0] * 7], r"^underlying\[0\]\.size\.SignedBits"),
    ]
    for name, value, at in beyond:
        RULE.forge(inputs_of(case) | {name: value}).assert_refused(at)
    vector = case.account
    for changes in (
        {"cash_ticks": 1 << CASH_BITS},
        {"amounts": (1 << AMOUNT_BITS, 0, 0)},
        {"quantities": (1 << QUANTITY_BITS, *[0] * 7)},
    ):
        with pytest.raises(RangeError):
            replace(vector, **changes)  # type: ignore[arg-type]
    with pytest.raises(RangeError):
        case.margin.headroom_e8(1 << THRESHOLD_BITS)
    for changes in (
        {"rows": ((1 << ROW_BITS,) * 16,) * 8},
        {"marks": (1 << ROW_BITS,) * 8},
        {"deltas": (1 << ROW_BITS,) * 8},
        {"gammas": (-(1 << ROW_BITS) - 1,) * 8},
        {"index_ticks": (1 << ROW_BITS,) * 2},
        {"price_ticks": (1 << PRICE_BITS,) * 3},
        {"is_option": (2,) * 8},
    ):
        with pytest.raises(RangeError):
            replace(case.risk, **changes)  # type: ignore[arg-type]
    for changes in (
        {"rate_bps": (1 << RATE_BITS,) * 3},
        {"kinks": ((0, 1 << AMOUNT_BITS),) * 3},
        {"size_kinks": ((0, 1 << SIZE_BITS),) * 2},
        {"delta_rate_bps": (1 << GREEK_RATE_BITS,) * 2},
    ):
        with pytest.raises(RangeError):
            replace(case.params, **changes).root()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("anchor", "claim", "at"),
    [
        ("nlvE4 <== nlv;", "nlvE4 <-- nlv + 1;", r"^nlvE4$"),
        ("maintenanceE4 <== maintenance;", "maintenanceE4 <-- 0;", r"^maintenanceE4$"),
        ("signal required <== thresholdBps * maintenanceE4;", "signal required <-- 0;", r"^required$"),
        ("scanRisk[u] <== underlying[u].scanRisk;", "scanRisk[u] <-- 0;", r"^scanRisk\[0\]$"),
        ("netMark <== marked;", "netMark <-- marked + 1;", r"^netMark$"),
        ("headroomE8 <== BPS() * nlvE4 - required;", "headroomE8 <-- 0;", r"^headroomE8$"),
    ],
)
def test_a11_sums_of_the_rule_forged(anchor: str, claim: str, at: str) -> None:
    """Any total but the sum of its parts."""
    forged = forge(RULE, {("margin/account_margin.circom", anchor): claim}, inputs=inputs_of(with_cash(239)))
    forged.assert_refused(at)


@pytest.mark.parametrize(
    ("anchor", "at"),
    [
        ("signal shortOptionTicks <== indexTicks * size.shortOptions;", r"shortOptionTicks$"),
        ("signal shortOptionE4 <== shortOptionBps * shortOptionTicks;", r"shortOptionE4$"),
        ("signal deltaE4 <== deltaRateBps * exposure.absDelta;", r"deltaE4$"),
        ("signal gammaE4 <== gammaRateBps * exposure.shortGamma;", r"gammaE4$"),
    ],
)
def test_a11_add_ons_left_out(anchor: str, at: str) -> None:
    cases = (random_case("small", seed) for seed in range(100))
    case = next(
        case
        for case in cases
        if all(u.short_option_minimum_e4 and u.net_delta and u.net_gamma < 0 for u in case.margin.underlyings)
    )
    claim = anchor.split(" <== ")[0] + " <-- 0;"
    forge(RULE, {("margin/underlying_margin.circom", anchor): claim}, inputs=inputs_of(case)).assert_refused(at)


def test_a04_headroom_of_an_alias() -> None:
    """A threshold of r - 1 would turn what is required into a credit: its range refuses it, in account and batch."""
    account, batch = book_case(with_cash(0)).inputs, batch_case(with_cash(0), [with_cash(0).account]).inputs
    for threshold in (1 << THRESHOLD_BITS, FIELD_MODULUS - 1, FIELD_MODULUS - 10_000):
        for target, inputs in ((account_bench(), account), (batch_bench(), batch)):
            target.forge({**inputs, "thresholdBps": threshold}).assert_refused(r"^UnsignedBits\.bits")
    assert RULE.forge(inputs_of(with_cash(0)) | {"thresholdBps": FIELD_MODULUS - 1})["clears"] == 1
