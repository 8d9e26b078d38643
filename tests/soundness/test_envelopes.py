"""Collateral credit, size add-on and position size against forged hints: A01, A09, A13."""

from __future__ import annotations

import pytest

from prover.witness import InputValue
from rtnet_core.limits import AMOUNT_BITS, PRICE_BITS, RATE_BITS, ROW_BITS, SIZE_BITS
from rtnet_core.margin_exact import collateral_credit_e4, position_size, size_add_on_e4
from tests.support.forge import bench, forge

BITS_FILE = "lib/unsigned_bits.circom"
HINT = "(in >> i) & 1"
FLIPPED = {(BITS_FILE, HINT): f"i == BITS - 1 && BITS > 30 ? 1 - ({HINT}) : ({HINT})"}
#: The sign is flipped and the digit below pays for its weight: the sum stays right.
TOP = "((in >> (BITS - 1)) & 1)"
PAID = {
    (BITS_FILE, HINT): f"i == BITS - 1 ? 1 - {TOP} : (i == BITS - 2 ? ({HINT}) + 4 * {TOP} - 2 : ({HINT}))",
}

CREDIT = bench("margin/collateral_credit.circom", "CollateralCredit()")
SIZE = bench("margin/size_add_on.circom", "SizeAddOn()")
POSITIONS = bench("margin/position_size.circom", "PositionSize(3)")

RATE, KINKS, DROPS, PRICE = 9_500, (1_000, 5_000), (500, 1_000), 78_605
TOP_RATE = (1 << RATE_BITS) - 1


def credit_inputs(
    amount: int, rate: int = RATE, kinks: tuple[int, ...] = KINKS, drops: tuple[int, ...] = DROPS, price: int = PRICE
) -> dict[str, InputValue]:
    """Inputs of `CREDIT`."""
    return {"amount": amount, "price": price, "rateBps": rate, "kink": list(kinks), "dropBps": list(drops)}


@pytest.mark.parametrize("amount", [0, 1, 999, 1_000, 1_001, 4_999, 5_000, 5_001, (1 << AMOUNT_BITS) - 1])
def test_a13_credit_around_its_kinks(amount: int) -> None:
    honest = CREDIT.forge(credit_inputs(amount))
    honest.assert_accepted()
    assert honest["creditE4"] == collateral_credit_e4(amount, PRICE, RATE, KINKS, DROPS)


@pytest.mark.parametrize("amount", [999, 1_000, 1_001, 5_001])
def test_a13_hinge_of_the_credit_forged(amount: int) -> None:
    """A hinge left out where it bites, or used where it does not: the credit would leave its envelope."""
    honest = collateral_credit_e4(amount, PRICE, RATE, KINKS, DROPS)
    forged = forge(CREDIT, FLIPPED, inputs=credit_inputs(amount))
    assert amount == 1_000 or forged["creditE4"] != honest
    forged.assert_refused(r"^Hinge\[\d\]\.SignedBits\.UnsignedBits\.bits", r"^UnsignedBits\.bits")


@pytest.mark.parametrize("amount", [999, 5_001])
def test_a13_hinge_of_the_credit_forged_with_the_sum_kept(amount: int) -> None:
    forged = forge(CREDIT, PAID, inputs=credit_inputs(amount))
    assert forged["creditE4"] != collateral_credit_e4(amount, PRICE, RATE, KINKS, DROPS)
    forged.assert_refused(r"\.bits\[35\]$", r"^UnsignedBits\.bits")


@pytest.mark.parametrize("excess", [1, -1, 10_000])
def test_a13_credit_above_its_envelope(excess: int) -> None:
    """One unit of 10^-4 ticks, and one tick, more or less than the rule gives."""
    anchor = ("margin/collateral_credit.circom", "creditE4 <== price * discounted;")
    forged = forge(CREDIT, {anchor: f"creditE4 <-- price * discounted + ({excess});"}, inputs=credit_inputs(6_000))
    assert forged["creditE4"] == collateral_credit_e4(6_000, PRICE, RATE, KINKS, DROPS) + excess
    forged.assert_refused(r"^creditE4$")


@pytest.mark.parametrize(
    ("anchor", "forged_text"),
    [
        ("discount[j] <== dropBps[j] * above[j];", "discount[j] <-- 0;"),
        ("signal fullRate <== rateBps * amount;", "signal fullRate <-- 10000 * amount;"),
    ],
)
def test_a13_parts_of_the_credit_forged(anchor: str, forged_text: str) -> None:
    forged = forge(CREDIT, {("margin/collateral_credit.circom", anchor): forged_text}, inputs=credit_inputs(6_000))
    assert forged["creditE4"] > collateral_credit_e4(6_000, PRICE, RATE, KINKS, DROPS)
    forged.assert_refused(r"^discount\[\d\]$|^fullRate$")


def test_a13_zero_amount_and_zero_rate() -> None:
    for amount, rate, drops in ((0, RATE, DROPS), (6_000, 0, (0, 0)), (0, 0, (0, 0))):
        honest = CREDIT.forge(credit_inputs(amount, rate, KINKS, drops))
        honest.assert_accepted()
        assert honest["creditE4"] == 0


@pytest.mark.parametrize("kinks", [(0, 0), (5_000, 1_000), ((1 << AMOUNT_BITS) - 1,) * 2])
def test_a13_kinks_in_any_order_and_at_the_ends(kinks: tuple[int, ...]) -> None:
    """The envelope needs no order of its kinks, and drops above the rate give a negative credit, as in Python."""
    top = (1 << AMOUNT_BITS) - 1
    for amount, drops in ((top, (TOP_RATE, TOP_RATE)), (top, (0, 0)), (6_000, (TOP_RATE, 1))):
        price = (1 << PRICE_BITS) - 1
        honest = CREDIT.forge(credit_inputs(amount, TOP_RATE, kinks, drops, price))
        honest.assert_accepted()
        assert honest["creditE4"] == collateral_credit_e4(amount, price, TOP_RATE, kinks, drops)


@pytest.mark.parametrize("gross", [0, 99, 100, 101, 199, 200, 201, (1 << SIZE_BITS) - 1])
def test_a13_size_add_on_around_its_kinks(gross: int) -> None:
    inputs: dict[str, InputValue] = {
        "gross": gross,
        "indexTicks": (1 << ROW_BITS) - 1,
        "kink": [100, 200],
        "riseBps": [10, TOP_RATE],
    }
    honest = SIZE.forge(inputs)
    honest.assert_accepted()
    assert honest["addOnE4"] == size_add_on_e4(gross, (1 << ROW_BITS) - 1, (100, 200), (10, TOP_RATE))
    forge(SIZE, FLIPPED, inputs=inputs).assert_refused(r"^Hinge\[\d\]\.SignedBits\.UnsignedBits\.bits")


@pytest.mark.parametrize("claimed", ["0", "in - kink - 1", "in - kink + 1"])
def test_a13_size_add_on_outside_its_envelope(claimed: str) -> None:
    inputs: dict[str, InputValue] = {"gross": 300, "indexTicks": 7, "kink": [100, 200], "riseBps": [10, 20]}
    anchor = ("lib/hinge.circom", "out <== above * (in - kink);")
    forged = forge(SIZE, {anchor: f"out <-- {claimed};"}, inputs=inputs)
    forged.assert_refused(r"^Hinge\[\d\]\.out$")


@pytest.mark.parametrize("lots", [(5, -7, 0), (-5, 7, -1), (0, 0, 0)])
def test_a01_short_lots_forged_to_look_long(lots: tuple[int, ...]) -> None:
    is_option = (1, 1, 0)
    inputs: dict[str, InputValue] = {"quantity": list(lots), "isOption": list(is_option)}
    honest = POSITIONS.forge(inputs)
    honest.assert_accepted()
    assert (honest["gross"], honest["shortOptions"]) == position_size(lots, is_option)
    signs = {(BITS_FILE, HINT): f"i == BITS - 1 ? 1 - ({HINT}) : ({HINT})"}
    forge(POSITIONS, signs, inputs=inputs).assert_refused(r"^SignedBits\[\d\]\.UnsignedBits\.bits")
    for anchor, claim, at in (
        ("short[k] <== (nonNegative[k] - 1) * quantity[k];", "short[k] <-- quantity[k];", r"^short\[\d\]$"),
        ("shortOption[k] <== isOption[k] * short[k];", "shortOption[k] <-- -1;", r"^shortOption\[\d\]$"),
    ):
        if any(lots) or "Option" in claim:
            forge(POSITIONS, {("margin/position_size.circom", anchor): claim}, inputs=inputs).assert_refused(at)
