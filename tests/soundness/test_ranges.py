"""Ranges and signs, at constraint level: A01, A02, A09, A10, A12."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from prover.compiler import Circuit, compile_circuit
from prover.witness import InputValue
from rtnet_core.errors import RangeError, ToolError
from rtnet_core.limits import (
    AMOUNT_BITS,
    CASH_BITS,
    FIELD_MODULUS,
    GREEK_RATE_BITS,
    LANE_STRIDE,
    PRICE_BITS,
    QUANTITY_BITS,
    RATE_BITS,
    ROW_BITS,
    SIZE_BITS,
    THRESHOLD_BITS,
)
from rtnet_core.margin_exact import AccountVector
from tests.support.forge import NO_REPLACEMENT, Bench, Replacements, account_bench, batch_bench, bench, forge
from tests.support.margin_cases import batch_case, book_case, plain_case

BITS_FILE = "lib/unsigned_bits.circom"
HINT = "(in >> i) & 1"
#: The last digit takes all that is left, so that the digits add up to any number.
WIDE_TOP_DIGIT: Replacements = {(BITS_FILE, HINT): "i == BITS - 1 ? in >> i : (in >> i) & 1"}
FORGERIES = [pytest.param(NO_REPLACEMENT, id="true-digits"), pytest.param(WIDE_TOP_DIGIT, id="wide-top-digit")]

RISK = bench("commitments/risk_array_root.circom", "RiskArrayRoot(2, 1, 1, 4)")
PARAMS = bench("commitments/params_root.circom", "ParamsRoot(1, 1)")
SIZES = bench("margin/position_size.circom", "PositionSize(2)")


def risk_inputs(**changes: InputValue) -> dict[str, InputValue]:
    """Inputs of `RISK`, all zero but for the changes."""
    zeros: dict[str, InputValue] = {"snapshotHash": 0, "row": [[0] * 4] * 2, "indexTicks": [0], "price": [0]}
    return zeros | {name: [0, 0] for name in ("mark", "delta", "gamma", "isOption")} | changes


def params_inputs(**changes: InputValue) -> dict[str, InputValue]:
    """Inputs of `PARAMS`, all zero but for the changes."""
    pairs: dict[str, InputValue] = {name: [[0, 0]] for name in ("kink", "dropBps", "sizeKink", "sizeRiseBps")}
    singles: dict[str, InputValue] = {
        name: [0] for name in ("rateBps", "shortOptionBps", "deltaRateBps", "gammaRateBps")
    }
    return {"scenariosHash": 0} | pairs | singles | changes


def outside(bits: int, *, signed: bool) -> list[int]:
    """Numbers one beyond each end, and far beyond; r - 1 is no large number where negative ones are in range."""
    lowest = -(1 << bits) if signed else 0
    return [1 << bits, lowest - 1, 1 << bits + 1, FIELD_MODULUS // 2, FIELD_MODULUS // 2 + 1, (1 << 253) - 1]


@pytest.mark.parametrize("replacements", FORGERIES)
@pytest.mark.parametrize("quantity", outside(QUANTITY_BITS, signed=True))
def test_a01_quantity_beyond_its_range(quantity: int, replacements: Replacements) -> None:
    for inside in (-(1 << QUANTITY_BITS), -1, 0, (1 << QUANTITY_BITS) - 1):
        SIZES.forge({"quantity": [5, inside], "isOption": [0, 1]}).assert_accepted()
    forged = SIZES.forge({"quantity": [5, quantity], "isOption": [0, 1]}, replacements)
    forged.assert_refused(r"^SignedBits\[1\]\.UnsignedBits\.bits")
    with pytest.raises(RangeError):
        AccountVector(0, (), (quantity,))


@pytest.mark.parametrize("replacements", FORGERIES)
@pytest.mark.parametrize("amount", [*outside(AMOUNT_BITS, signed=False), -5])
def test_a01_collateral_beyond_its_range(amount: int, replacements: Replacements) -> None:
    credit = bench("margin/collateral_credit.circom", "CollateralCredit()")
    inputs: dict[str, InputValue] = {"price": 1, "rateBps": 1, "kink": [0, 0], "dropBps": [0, 0]}
    for inside in (0, (1 << AMOUNT_BITS) - 1):
        credit.forge(inputs | {"amount": inside}).assert_accepted()
    forged = credit.forge(inputs | {"amount": amount}, replacements)
    # A negative amount lies in the range of the hinges: there its own digits alone refuse it.
    forged.assert_refused(r"^UnsignedBits\.bits", *[r"^Hinge"] * any("Hinge" in name for name in forged.broken_at()))
    with pytest.raises(RangeError):
        AccountVector(0, (amount,), ())


@pytest.mark.parametrize("claimed", [1, 2])
def test_a01_small_negative_is_not_read_as_large(claimed: int) -> None:
    """-1 is r - 1; a sign bit of 1 for it would hide a short position."""
    inputs: dict[str, InputValue] = {"quantity": [-1, 0], "isOption": [1, 1]}
    honest = SIZES.forge(inputs)
    assert (honest["gross"], honest["shortOptions"]) == (1, 1)
    top = f"i == BITS - 1 ? {claimed} : (in >> i) & 1"
    forge(SIZES, {(BITS_FILE, HINT): top}, inputs=inputs).assert_refused(r"^SignedBits\[[01]\]\.UnsignedBits\.bits")


RISK_FIELDS = [
    *product(("mark", "indexTicks"), [(ROW_BITS, False)]),
    *product(("row", "delta", "gamma"), [(ROW_BITS, True)]),
    ("price", (PRICE_BITS, False)),
]


@pytest.mark.parametrize("replacements", FORGERIES)
@pytest.mark.parametrize(("name", "width"), RISK_FIELDS)
def test_a02_market_number_beyond_its_width(name: str, width: tuple[int, bool], replacements: Replacements) -> None:
    bits, signed = width

    def inputs(number: int) -> dict[str, InputValue]:
        shaped: InputValue = {"row": [[0, 0, number, 0], [0] * 4], "indexTicks": [number], "price": [number]}.get(
            name, [0, number]
        )
        return risk_inputs(**{name: shaped})

    for inside in (-(1 << bits) if signed else 0, (1 << bits) - 1, -1 if signed else 1):
        RISK.forge(inputs(inside)).assert_accepted()
    for number in outside(bits, signed=signed):
        RISK.forge(inputs(number), replacements).assert_refused(r"UnsignedBits.*\.bits")


PARAMS_FIELDS = {
    "rateBps": RATE_BITS,
    "dropBps": RATE_BITS,
    "kink": AMOUNT_BITS,
    "sizeKink": SIZE_BITS,
    "sizeRiseBps": RATE_BITS,
    "shortOptionBps": RATE_BITS,
    "deltaRateBps": GREEK_RATE_BITS,
    "gammaRateBps": GREEK_RATE_BITS,
}


@pytest.mark.parametrize("replacements", FORGERIES)
@pytest.mark.parametrize("name", PARAMS_FIELDS)
def test_a02_parameter_beyond_its_width(name: str, replacements: Replacements) -> None:
    bits = PARAMS_FIELDS[name]

    def inputs(number: int) -> dict[str, InputValue]:
        pair = name in ("kink", "dropBps", "sizeKink", "sizeRiseBps")
        return params_inputs(**{name: [[0, number]] if pair else [number]})

    for inside in (0, 1, (1 << bits) - 1):
        PARAMS.forge(inputs(inside)).assert_accepted()
    for number in outside(bits, signed=False):
        PARAMS.forge(inputs(number), replacements).assert_refused(r"UnsignedBits.*\.bits")


def test_a01_cash_beyond_its_range() -> None:
    rule = bench("margin/account_margin.circom", "AccountMargin(2, 1, 1, 4)")
    inputs: dict[str, InputValue] = {
        **{name: [0, 0] for name in ("quantity", "exposureField", "isOption")},
        **{name: [0] for name in ("amount", "indexTicks", "price", "rateBps")},
        **{name: [0] for name in ("shortOptionBps", "deltaRateBps", "gammaRateBps")},
        **{name: [[0, 0]] for name in ("kink", "dropBps", "sizeKink", "sizeRiseBps")},
        "rowFields": [[0], [0]],
        "thresholdBps": 0,
    }
    for inside in (-(1 << CASH_BITS), (1 << CASH_BITS) - 1):
        rule.forge(inputs | {"cash": inside}).assert_accepted()
    for cash in (1 << CASH_BITS, -(1 << CASH_BITS) - 1):
        for replacements in (NO_REPLACEMENT, WIDE_TOP_DIGIT):
            rule.forge(inputs | {"cash": cash}, replacements).assert_refused(r"^SignedBits\.UnsignedBits\.bits")


@pytest.mark.parametrize("replacements", FORGERIES)
@pytest.mark.parametrize("target", [account_bench, batch_bench])
def test_a01_threshold_beyond_its_range(target: Callable[[], Bench], replacements: Replacements) -> None:
    """The whole circuits enforce it, once for all accounts that are measured by it."""
    case = plain_case()
    inputs = book_case(case).inputs if target is account_bench else batch_case(case, [case.account]).inputs
    for inside in (0, (1 << THRESHOLD_BITS) - 1):
        target().forge({**inputs, "thresholdBps": inside}).assert_accepted()
    for threshold in (1 << THRESHOLD_BITS, -1):
        forged = target().forge({**inputs, "thresholdBps": threshold}, replacements)
        forged.assert_refused(r"^UnsignedBits\.bits")


def test_a09_zero_has_one_encoding() -> None:
    """Zero with a negative sign: -2^27 + 2^27 needs the top digit, and without it the rest is short of one."""
    signed = bench("lib/signed_bits.circom", "SignedBits(8)")
    assert signed.forge({"in": 0})["nonNegative"] == 1
    for digits in ("i == BITS - 1 ? 0 : (in >> i) & 1", "i == BITS - 1 ? 0 : 1", "i == BITS - 2 ? 2 : 0"):
        forge(signed, {(BITS_FILE, HINT): digits}, inputs={"in": 0}).assert_refused(r"^UnsignedBits\.bits")


def test_a09_hinge_at_its_kink_is_zero() -> None:
    hinge = bench("lib/hinge.circom", "Hinge(8)")
    for amount, expected in ((99, 0), (100, 0), (101, 1)):
        honest = hinge.forge({"in": amount, "kink": 100})
        honest.assert_accepted()
        assert honest["out"] == expected
        flipped = {(BITS_FILE, HINT): "i == BITS - 1 ? 1 - ((in >> i) & 1) : (in >> i) & 1"}
        forge(hinge, flipped, inputs={"in": amount, "kink": 100}).assert_refused(r"^SignedBits\.UnsignedBits\.bits")


@pytest.mark.parametrize("bits", [1, 27, 252, 253])
def test_a10_digits_of_an_alias(bits: int) -> None:
    """The digits of x + r add up to x in the field. No width in use has room for them."""
    unsigned = bench(BITS_FILE, f"UnsignedBits({bits})")
    digits = 1 + FIELD_MODULUS
    low, high = digits % (1 << 128), digits >> 128
    forged = {(BITS_FILE, HINT): f"i < 128 ? ({low} >> i) & 1 : ({high} >> (i - 128)) & 1"}
    forge(unsigned, forged, inputs={"in": 1}).assert_refused(r"^bits\[0\]")


def test_a10_two_hundred_and_fifty_four_bits_are_not_compiled() -> None:
    circuit = Circuit("bench-unsignedbits-254", f"circuits/{BITS_FILE}", "UnsignedBits(254)", ("in",))
    with pytest.raises(ToolError, match="failed"):
        compile_circuit(circuit)


@pytest.mark.parametrize("selector", [2, -1, FIELD_MODULUS // 2, FIELD_MODULUS - 2])
def test_a12_option_flag_is_binary(selector: int) -> None:
    for flag in (0, 1):
        RISK.forge(risk_inputs(isOption=[0, flag])).assert_accepted()
    RISK.forge(risk_inputs(isOption=[0, selector])).assert_refused(r"^RiskFieldsRoot\.isOption\[1\]$")


def test_a12_a_sign_is_no_half_and_no_two() -> None:
    """A digit that makes the sum right but is not binary: nonNegative = 2, or 1/2."""
    half = pow(2, -1, FIELD_MODULUS)
    for top, rest in (("2", "i == 0 ? in - 2 * (1 << (BITS - 1)) : 0"), (str(half), f"i == BITS - 2 ? 1 : {HINT}")):
        digits = f"i == BITS - 1 ? {top} : ({rest})"
        forged = forge(bench("lib/signed_bits.circom", "SignedBits(8)"), {(BITS_FILE, HINT): digits}, inputs={"in": 3})
        assert forged.values["nonNegative"] == int(top)
        forged.assert_refused(r"^UnsignedBits\.bits")


def test_a14_value_moved_from_one_row_to_the_next() -> None:
    """row[0] + 2^stride and row[1] - 1 give the same packed element and the same root: the ranges alone refuse it."""
    honest = RISK.forge(risk_inputs(row=[[7, 9, 0, 0], [0] * 4]))
    honest.assert_accepted()
    moved = RISK.forge(risk_inputs(row=[[7 + (1 << LANE_STRIDE), 8, 0, 0], [0] * 4]))
    assert moved["root"] == honest["root"]
    moved.assert_refused(r"^SignedBits\[0\]\.UnsignedBits\.bits")


def test_a15_value_moved_between_limbs_of_the_risk_array() -> None:
    """Across the limbs of packed marks and greeks, prices and flags: equal roots, refused by ranges."""
    cases = [
        ({"mark": [5, 0], "delta": [6, 0]}, {"mark": [5 + (1 << LANE_STRIDE), 0], "delta": [5, 0]}),
        ({"delta": [5, 0], "gamma": [6, 0]}, {"delta": [5 - (1 << LANE_STRIDE), 0], "gamma": [7, 0]}),
        ({"isOption": [0, 1]}, {"isOption": [2, 0]}),
    ]
    for before, after in cases:
        honest, moved = RISK.forge(risk_inputs(**before)), RISK.forge(risk_inputs(**after))
        honest.assert_accepted()
        assert moved["root"] == honest["root"]
        moved.assert_refused(r"UnsignedBits.*\.bits|^RiskFieldsRoot\.isOption")


def test_a15_value_moved_between_limbs_of_the_parameters() -> None:
    cases = [
        ({"rateBps": [3], "dropBps": [[4, 0]]}, {"rateBps": [3 + (1 << RATE_BITS)], "dropBps": [[3, 0]]}),
        ({"kink": [[3, 4]]}, {"kink": [[3 + (1 << AMOUNT_BITS), 3]]}),
        (
            {"deltaRateBps": [3], "gammaRateBps": [4]},
            {"deltaRateBps": [3 - (1 << GREEK_RATE_BITS)], "gammaRateBps": [5]},
        ),
        ({"sizeKink": [[3, 4]]}, {"sizeKink": [[3 - (1 << SIZE_BITS), 5]]}),
    ]
    for before, after in cases:
        honest, moved = PARAMS.forge(params_inputs(**before)), PARAMS.forge(params_inputs(**after))
        honest.assert_accepted()
        assert moved["root"] == honest["root"]
        moved.assert_refused(r"UnsignedBits.*\.bits")
