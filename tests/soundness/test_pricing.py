"""The hints of the pricing circuit, at constraint level: A05 to A10, A12, A53, and a hint of every gate forged."""

from __future__ import annotations

import re
from random import Random

import pytest

from prover.formats.r1cs import read_r1cs
from prover.witness import InputValue
from rtnet_core.black76_parts import total_volatility
from rtnet_core.limits import BPS, FIELD_MODULUS
from rtnet_core.shocks import PRICE_DENOMINATOR
from tests.support.forge import Forged, Replacements, bench, forge
from tests.support.pricing_attacks import DIVISION, EXCESS, PRICING_ATTACKS, QUOTIENT, ROW, SATURATED, SIGN
from tests.support.pricing_cases import RowCase

BITS = ("lib/unsigned_bits.circom", "(in >> i) & 1")
UPPER = ("pricing/remainder_range.circom", "upper <-- in >> SHIFT;")
CONSTANT = ("pricing/constant_quotient.circom", "quotient <-- in \\ divisor;")
SIDE = ("pricing/sign_and_magnitude.circom", "nonNegative <-- in >= 0 ? 1 : 0;")
SHIFT = ("pricing/logarithm.circom", "signal shift <-- 27 - length;")
ROOT = ("pricing/total_volatility.circom", "signal root <-- integerRoot(squareTime \\ divisor);")
LEFT = ("pricing/total_volatility.circom", "signal left <-- (squareTime \\ divisor) - rootSquare;")
UP = ("pricing/scenario_shock.circom", "isUp <-- volatility == 1 ? 1 : 0;")
GAMMA = ("pricing/greeks.circom", "gamma <-- (2 * numerator + divisor) \\ doubled;")
PRODUCT = ("pricing/one_hot.circom", "product[next] <== selector[j] * digit[i];")
#: Digits that take what is left, so that they add up to any number.
WIDE_TOP: Replacements = {BITS: "i == BITS - 1 ? in >> i : (in >> i) & 1"}

REMAINDER = bench("pricing/remainder_range.circom", "RemainderRange(625, 4)")
TENTHS = bench("pricing/constant_quotient.circom", "ConstantQuotient(625, 4, 40)")
THIRTY_SECONDS = bench("pricing/constant_quotient.circom", "ConstantQuotient(1, 5, 8)")
SIDES = bench("pricing/sign_and_magnitude.circom", "SignAndMagnitude(17)")
LOGARITHM = bench("pricing/logarithm.circom", "Logarithm()")
TOTAL = bench("pricing/total_volatility.circom", "TotalVolatility()")
TIME = bench("pricing/option_time.circom", "OptionTime()")
SHOCK = bench("pricing/scenario_shock.circom", "ScenarioShock()")
GREEKS = bench("pricing/greeks.circom", "Greeks()")
ONE_HOT = bench("pricing/one_hot.circom", "OneHot(4)")
EVALUATION = bench("pricing/evaluation.circom", "Evaluation()")

#: An ordinary option a little out of the money, one scenario up.
CALL = RowCase("call", 7_860_554, 8_200_000, 1 << 31, 2_592_000_000, scenarios=((PRICE_DENOMINATOR + 1_500, 1, BPS),))
#: One that expires: d2 is far beyond the range of its digits.
EXPIRING = RowCase("put", 7_860_554, 8_200_000, 1, 1, scenarios=((PRICE_DENOMINATOR + 1_500, 1, BPS),))

DIVISOR = 12_345_677
RANGE = r"^UnsignedBits"


def divided(numerator: int, divisor: int, replacements: Replacements) -> Forged:
    return forge(DIVISION, replacements, inputs={"numerator": numerator, "divisor": divisor})


# --- the quotient d2


@pytest.mark.parametrize("numerator", [0, 7, 5 * DIVISOR, 5 * DIVISOR - 1, 65_535 * DIVISOR, -1, -DIVISOR, -(1 << 35)])
@pytest.mark.parametrize("step", [1, -1])
def test_a05_quotient_one_off(numerator: int, step: int) -> None:
    """(q + 1, remainder - d) and (q - 1, remainder + d): remainder or spare has no digits."""
    hint = f"signal quotient <-- (magnitude \\ divisor) + ({step});"
    divided(numerator, DIVISOR, {QUOTIENT: hint}).assert_refused(RANGE)


@pytest.mark.parametrize("digits", [{}, WIDE_TOP], ids=["true-digits", "wide-top-digit"])
def test_a06_remainders_d_and_minus_one(digits: Replacements) -> None:
    """Of numerators 0 and d - 1: the neighbour's quotient leaves remainder d, or -1. Only d - 1 is accepted."""
    DIVISION.forge({"numerator": DIVISOR - 1, "divisor": DIVISOR}).assert_accepted()
    for numerator, quotient in ((DIVISOR, 0), (DIVISOR - 1, 1)):
        divided(numerator, DIVISOR, {QUOTIENT: f"signal quotient <-- {quotient};", **digits}).assert_refused(RANGE)


@pytest.mark.parametrize("numerator", [0, 1, 5 * DIVISOR, -1, -5 * DIVISOR, 1 << 45, -(1 << 45)])
@pytest.mark.parametrize("sign", ["numerator >= 0 ? 0 : 1", "2", "-1"])
def test_a09_wrong_sign(numerator: int, sign: str) -> None:
    """The magnitude of the other sign is negative; zero has one sign, that of its middle."""
    divided(numerator, DIVISOR, {SIGN: f"nonNegative <-- {sign};"}).assert_refused(RANGE)


@pytest.mark.parametrize("numerator", [0, 7, -7, 65_535 * DIVISOR, (65_536 * DIVISOR) - 1, -65_536 * DIVISOR])
@pytest.mark.parametrize("excess", ["(magnitude - divisor * (1 << DIGITS)) >> BITS", "0", "-1", "-(1 << 16)"])
def test_saturation_claimed_falsely(numerator: int, excess: str) -> None:
    """Not even with a negative excess, which gives the remainder its digits and takes spare's."""
    claim = {SATURATED: "signal saturated <-- 1;", EXCESS: f"signal excess <-- {excess};"}
    divided(numerator, DIVISOR, claim).assert_refused(RANGE)


@pytest.mark.parametrize("numerator", [65_536 * DIVISOR, 65_536 * DIVISOR + 1, -65_536 * DIVISOR - 1, 1 << 45])
@pytest.mark.parametrize("quotient", ["magnitude \\ divisor", "(1 << DIGITS) - 1"])
@pytest.mark.parametrize("excess", ["0", "(magnitude - divisor * quotient) >> BITS"])
def test_saturation_denied(numerator: int, quotient: str, excess: str) -> None:
    denial = {
        SATURATED: "signal saturated <-- 0;",
        QUOTIENT: f"signal quotient <-- {quotient};",
        EXCESS: f"signal excess <-- {excess};",
    }
    forged = divided(numerator, DIVISOR, denial)
    assert forged.violations
    assert any(re.match(rf"{RANGE}|^excess$", name) for name in forged.broken_at())


@pytest.mark.parametrize("saturated", ["2", "-1"])
def test_a12_saturation_is_a_digit(saturated: str) -> None:
    forged = divided(1 << 45, DIVISOR, {SATURATED: f"signal saturated <-- {saturated};"})
    forged.assert_refused(RANGE, "saturated")


def test_a10_quotient_that_wraps_around_the_field() -> None:
    """The quotient magnitude / divisor in the field leaves remainder 0, and has no digits."""
    divided(7, DIVISOR, {QUOTIENT: "signal quotient <-- magnitude / divisor;"}).assert_refused(RANGE)


# --- quotients by constants


@pytest.mark.parametrize("number", [0, 9_999, 10_000, 123_456_789])
@pytest.mark.parametrize("step", [1, -1])
def test_a05_constant_quotient_one_off(number: int, step: int) -> None:
    forged = forge(TENTHS, {CONSTANT: f"quotient <-- (in \\ divisor) + ({step});"}, inputs={"in": number})
    forged.assert_refused(r"^(UnsignedBits|RemainderRange)")


@pytest.mark.parametrize("number", [0, 31, 32, 70])
@pytest.mark.parametrize("step", [1, -1])
def test_a05_quotient_by_a_power_of_two_one_off(number: int, step: int) -> None:
    """A divisor without an odd part has a range of its own."""
    forged = forge(THIRTY_SECONDS, {CONSTANT: f"quotient <-- (in \\ divisor) + ({step});"}, inputs={"in": number})
    forged.assert_refused(r"^UnsignedBits")


def test_a06_remainder_d_and_minus_one() -> None:
    REMAINDER.forge({"in": 9_999}).assert_accepted()
    for number in (10_000, -1, 10_015, FIELD_MODULUS // 2):
        for hint in ("in >> SHIFT", "ODD - 1", "0", "ODD"):
            REMAINDER.forge({"in": number}, {UPPER: f"upper <-- {hint};"}).assert_refused(RANGE)


@pytest.mark.parametrize("step", [1, -1])
def test_a05_upper_digits_one_off(step: int) -> None:
    forged = forge(REMAINDER, {UPPER: f"upper <-- (in >> SHIFT) + ({step});"}, inputs={"in": 5_000})
    forged.assert_refused(RANGE)


# --- sign and interval of d1


@pytest.mark.parametrize("number", [0, 5, -1, -6])
@pytest.mark.parametrize("sign", ["in >= 0 ? 0 : 1", "2"])
def test_a09_wrong_sign_of_an_argument(number: int, sign: str) -> None:
    forge(SIDES, {SIDE: f"nonNegative <-- {sign};"}, inputs={"in": number}).assert_refused(RANGE)


def evaluation_inputs(step: int) -> dict[str, InputValue]:
    """A call at the money with d2 = (100 + 1/2)/2048 and d1 a number of units above."""
    digits = [100 >> i & 1 for i in range(17)]
    numbers: dict[str, InputValue] = {"forward": 10**6, "strike": 10**6, "priceFactor": PRICE_DENOMINATOR}
    return {**numbers, "isOption": 1, "isPut": 0, "nonNegative": 1, "digit": digits, "step": step, "rest": 0}


@pytest.mark.parametrize("step", [1_000, 3_000, 5_100])
def test_a12_wrong_interval(step: int) -> None:
    """The digit that chooses the interval moved into the one below it, doubled: they add up, but it is no digit."""
    moved = "(BITS == 17 && i == 9) ? ((in >> 9) & 3) : ((BITS == 17 && i == 10) ? 0 : ((in >> i) & 1))"
    forged = forge(EVALUATION, {BITS: moved}, inputs=evaluation_inputs(step))
    forged.assert_refused(r"^firstArgument\.UnsignedBits")


@pytest.mark.parametrize("digit", [[2, 0, 0, 0], [0, 1, -1, 0]])
def test_a12_digits_of_the_interval_are_ranged_where_they_arise(digit: list[int]) -> None:
    """OneHot assumes digits: fed with others it has two ones or none. They come out of UnsignedBits only."""
    forged = ONE_HOT.forge({"digit": digit})
    forged.assert_accepted()
    assert sorted(forged.array("hot")) != [0] * 15 + [1]


@pytest.mark.parametrize("hint", ["0", "1"])
def test_a12_selector_with_none_or_two_ones(hint: str) -> None:
    """Each product stands for itself: none can be left out or added."""
    forged = forge(ONE_HOT, {PRODUCT: f"product[next] <-- {hint};"}, inputs={"digit": [1, 1, 0, 1]})
    forged.assert_refused(r"^product")


# --- logarithm, total volatility, shocks, greeks


@pytest.mark.parametrize("number", [1, 2, 3, 1 << 26, (1 << 27) - 1, 7_860_554])
@pytest.mark.parametrize("step", [1, -1])
def test_a05_logarithm_with_another_shift(number: int, step: int) -> None:
    for digits in ({}, WIDE_TOP):
        forged = forge(LOGARITHM, {SHIFT: f"signal shift <-- 27 - length + ({step});", **digits}, inputs={"in": number})
        forged.assert_refused(RANGE)


def test_a08_logarithm_of_zero() -> None:
    for shift in ("31", "27 - length"):
        LOGARITHM.forge({"in": 0}, {SHIFT: f"signal shift <-- {shift};"}).assert_refused(RANGE)


@pytest.mark.parametrize(("volatility", "time"), [(1 << 31, 2_592_000_000), (1 << 32, 31_536_000_000), (1, 1)])
@pytest.mark.parametrize("step", [1, -1])
def test_a05_root_one_off(volatility: int, time: int, step: int) -> None:
    """Of an ordinary number, of an exact square, and of zero; what is left is adjusted."""
    moved = {ROOT: f"signal root <-- integerRoot(squareTime \\ divisor) + ({step});"}
    forge(TOTAL, moved, inputs={"volatility": volatility, "time": time}).assert_refused(RANGE)


@pytest.mark.parametrize("step", [1, -1])
def test_a05_square_one_off(step: int) -> None:
    moved = {LEFT: f"signal left <-- (squareTime \\ divisor) - rootSquare + ({step});"}
    inputs: dict[str, InputValue] = {"volatility": 1 << 31, "time": 2_592_000_000}
    assert total_volatility(1 << 31, 2_592_000_000) > 0
    forge(TOTAL, moved, inputs=inputs).assert_refused(r"^RemainderRange")


@pytest.mark.parametrize("digits", [{}, WIDE_TOP], ids=["true-digits", "wide-top-digit"])
@pytest.mark.parametrize(("volatility", "time"), [(0, 5), (5, 0), (1 << 36, 5), (5, 1 << 42), (-1, 5), (5, -1)])
def test_a08_zero_time_or_volatility_and_numbers_beyond_their_width(
    digits: Replacements, volatility: int, time: int
) -> None:
    forged = TIME.forge({"isOption": 1, "volatility": volatility, "time": time}, digits)
    assert any(name.startswith("UnsignedBits") for name in forged.broken_at())
    assert forged.violations


@pytest.mark.parametrize("volatility", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("hint", ["0", "1", "2", "-1"])
def test_a12_way_of_the_volatility(volatility: int, hint: str) -> None:
    """One pair for each way: any other has a digit that is none, or both set."""
    inputs: dict[str, InputValue] = {"priceThirds": 1, "scanRange": 1_500, "volatility": volatility}
    forged = SHOCK.forge(inputs, {UP: f"isUp <-- {hint};"})
    if volatility in (-1, 0, 1) and int(hint) == int(volatility == 1):
        forged.assert_accepted()
    else:
        forged.assert_refused(RANGE)


@pytest.mark.parametrize("density", [0, 1 << 42])
@pytest.mark.parametrize("step", [1, -1])
def test_a05_gamma_one_off(density: int, step: int) -> None:
    flags: dict[str, InputValue] = {"forward": 7_860_554, "isOption": 1, "isPut": 0, "distribution": 1 << 77}
    inputs = {**flags, "density": density, "way": 5, "total": 1 << 27}
    forge(GREEKS, {GAMMA: f"gamma <-- (2 * numerator + divisor) \\ doubled + ({step});"}, inputs=inputs).assert_refused(
        RANGE
    )


# --- a whole row


@pytest.mark.parametrize("case", [CALL, EXPIRING], ids=["ordinary", "expiring"])
def test_the_honest_row_is_accepted(case: RowCase) -> None:
    honest = ROW.forge(case.inputs)
    honest.assert_accepted()
    assert {name: honest[name] for name in case.outputs} == case.outputs


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(("bits", "part"), [(24, "quotient"), (35, "fine")])
def test_a05_d2_one_unit_off(step: int, bits: int, part: str) -> None:
    """All that follows is computed from the forged d2, for a scenario and for the mark: only its own range refuses."""
    hint = f"signal quotient <-- saturated == 1 ? 0 : magnitude \\ divisor + (BITS == {bits} ? {step} : 0);"
    forge(ROW, {QUOTIENT: hint}, inputs=CALL.inputs).assert_refused(rf"^{part}.*UnsignedBits")


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(("odd", "name"), [(1_171_875, "change[0]"), (1_875, "mark"), (25, "delta")])
def test_a07_a_tick_more_or_less(step: int, odd: int, name: str) -> None:
    """Rounding is to nearest; neither neighbour passes, whichever side it favours."""
    forged = forge(ROW, {CONSTANT: f"quotient <-- in \\ divisor + (ODD == {odd} ? {step} : 0);"}, inputs=CALL.inputs)
    assert forged[name] == CALL.outputs[name] + step
    forged.assert_refused(r"RemainderRange")


def test_an_expiring_option_cannot_leave_saturation() -> None:
    """d2 = 0 for one that is worth its intrinsic value: denied saturation has no remainder."""
    claimed = "(magnitude >> DIGITS) >= divisor ? 1 : 0"
    denial = {
        SATURATED: f"signal saturated <-- BITS == 24 ? 0 : ({claimed});",
        QUOTIENT: "signal quotient <-- (BITS == 24 || saturated == 1) ? 0 : magnitude \\ divisor;",
    }
    forge(ROW, denial, inputs=EXPIRING.inputs).assert_refused(r"^quotient.*UnsignedBits")


@pytest.mark.parametrize(
    "flags",
    [
        {"isListed": 0},
        {"isListed": 2},
        {"isOption": 2},
        {"isOption": 0},
        {"isPut": 2},
        {"isPut": -1},
        {"isOption": 0, "isPut": 1, "strike": 0, "volatility": 0},
        {"isListed": 0, "forward": 0},
    ],
    ids=str,
)
def test_a12_flags(flags: dict[str, InputValue]) -> None:
    forged = ROW.forge({**CALL.inputs, **flags})
    assert forged.broken and forged.violations


@pytest.mark.parametrize("name", ["forward", "strike"])
@pytest.mark.parametrize("number", [0, 1 << 27, -1, FIELD_MODULUS // 2])
def test_a02_prices_beyond_their_width(name: str, number: int) -> None:
    forged = ROW.forge({**CALL.inputs, name: number})
    assert any("UnsignedBits" in signal for signal in forged.broken_at())
    assert forged.violations


@pytest.mark.parametrize("check", PRICING_ATTACKS, ids=lambda check: check[1])
def test_a53_each_check_is_needed(check: tuple[str, str]) -> None:
    target, inputs, replacements = PRICING_ATTACKS[check]
    forged = target.forge(inputs, replacements)
    assert forged.broken and forged.violations
    assert target.accepts_without(check, forged.labelled)


def test_single_wire_changed() -> None:
    """One more on any one of 400 wires, all others kept: violated."""
    honest = ROW.forge(CALL.inputs)
    honest.assert_accepted()
    system = read_r1cs(ROW.build.r1cs)
    wires = set(Random(1).sample(range(1, system.n_wires), 400))
    touched: dict[int, list[int]] = {wire: [] for wire in wires}
    for index, constraint in enumerate(system.constraints):
        for wire in {wire for row in constraint for wire in row.wires} & wires:
            touched[wire].append(index)
    survivors = []
    for wire, indices in touched.items():
        witness = list(honest.wires)
        witness[wire] = (witness[wire] + 1) % FIELD_MODULUS
        products = (
            [sum(c * witness[w] for w, c in zip(*row, strict=True)) for row in system.constraints[index]]
            for index in indices
        )
        if all((a * b - c) % FIELD_MODULUS == 0 for a, b, c in products):
            survivors.append(wire)
    assert survivors == []
