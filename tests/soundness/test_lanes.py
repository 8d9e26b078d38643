"""Lanes, scan risk and net exposure, at constraint level: A09, A10, A11, A14."""

from __future__ import annotations

import pytest

from prover.witness import InputValue
from rtnet_core.limits import FIELD_MODULUS, LANE_BITS, LANE_STRIDE
from rtnet_core.margin_exact import net_exposure, scan_risk
from rtnet_core.risk_array import lanes_of
from tests.support.forge import Forged, Replacements, bench, forge

DIGIT = ("lib/lanes.circom", "(in >> (LANE_STRIDE() * l + i)) & 1")
HINT = ("margin/scan_risk.circom", "scanRisk <-- worst;")
CHAIN = ("margin/scan_risk.circom", "zeroProduct[s + 1] <== zeroProduct[s] * lane[s];")
#: The highest digit of a lane takes the absent bit above it too: a borrow, with a digit that is not binary.
BORROWING = {DIGIT: "(in >> (LANE_STRIDE() * l + i)) & (i == LANE_BITS() - 1 ? 3 : 1)"}

LANES = bench("lib/lanes.circom", "Lanes(4)")
SCAN = bench("margin/scan_risk.circom", "ScanRisk(2, 8)")
EXPOSURE = bench("margin/net_exposure.circom", "NetExposure(2)")

#: Losses of one lot of slot 0 are 40, 90, 70, -10, 0, 89, 5, 60: the worst is scenario 1.
ROW = (-40, -90, -70, 10, 0, -89, -5, -60)
#: Every scenario gains; the least gain is 1.
GAINS = (1, 2, 3, 4, 5, 6, 7, 8)


def scan_inputs(row: tuple[int, ...] = ROW, lots: int = 1) -> dict[str, InputValue]:
    """Inputs of `SCAN`: `lots` of slot 0 and none of slot 1."""
    return {"quantity": [lots, 0], "rowFields": [[lanes_of(row[:4]), lanes_of(row[4:])], [0, 0]]}


def forged_scan(hint: str, more: Replacements | None = None, row: tuple[int, ...] = ROW) -> Forged:
    """Return the scan risk forged to the expression `hint`."""
    return forge(SCAN, {HINT: f"scanRisk <-- {hint};", **(more or {})}, inputs=scan_inputs(row))


def test_a11_honest_scan_risk_is_the_maximum() -> None:
    for row in (ROW, GAINS, tuple(-x for x in GAINS), (0,) * 8, (5,) * 8, (-5,) * 8):
        honest = SCAN.forge(scan_inputs(row))
        honest.assert_accepted()
        assert honest["scanRisk"] == scan_risk(row)[0]


@pytest.mark.parametrize("smaller", [89, 60, 0])
def test_a11_scan_risk_of_another_scenario(smaller: int) -> None:
    """The second largest loss, a lower one, and zero: the worst lane is then negative."""
    forged = forged_scan(str(smaller))
    assert forged["scanRisk"] == smaller
    forged.assert_refused(r"^unpacked\[[01]\]\.digit")


def test_a11_smaller_scan_risk_with_a_borrow() -> None:
    """The lane of the worst scenario borrows from its neighbour: its top digit would have to be 3."""
    forged = forged_scan("89", BORROWING)
    lane = (1 << LANE_STRIDE) - 1  # -1, with the borrowed bit
    assert forged["unpacked[0].lane[1]"] == lane
    forged.assert_refused(r"^unpacked\[0\]\.digit\[1\]\[61\]$")


@pytest.mark.parametrize("hint", ["worst + 1", "worst + 1000", f"{(1 << LANE_BITS) - 100}"])
def test_a11_scan_risk_above_the_largest(hint: str) -> None:
    forged = forged_scan(hint)
    forged.assert_refused(r"^zeroProduct\[8\]$")


@pytest.mark.parametrize("stop", range(8))
def test_a11_chain_of_products_cannot_be_cut(stop: int) -> None:
    """The product set to zero at one place: the product before it is not zero, and no lane is."""
    cut = {CHAIN: f"zeroProduct[s + 1] <-- s == {stop} ? 0 : zeroProduct[s] * lane[s];"}
    forged_scan("worst + 1", cut).assert_refused(rf"^zeroProduct\[{stop + 1}\]$")


@pytest.mark.parametrize(("hint", "at"), [("1", r"^zeroProduct\[8\]$"), ("-1", r"^UnsignedBits\.bits")])
def test_a11_scan_risk_of_an_account_that_only_gains(hint: str, at: str) -> None:
    """-1 would make the lane of the least gain zero: its own digits alone refuse it."""
    assert SCAN.forge(scan_inputs(GAINS))["scanRisk"] == 0
    forged_scan(hint, row=GAINS).assert_refused(at)


def test_a11_scan_risk_above_its_width() -> None:
    """A hint of 2^62: the lanes still unpack if profits allow it, its own range does not."""
    forged_scan(f"{1 << LANE_BITS}").assert_refused(r"^UnsignedBits\.bits", r"^unpacked")


@pytest.mark.parametrize("lane", range(4))
def test_a14_lane_at_and_beyond_its_bounds(lane: int) -> None:
    top = (1 << LANE_BITS) - 1
    for inside in (0, 1, top):
        numbers = [5] * 4
        numbers[lane] = inside
        honest = LANES.forge({"in": lanes_of(numbers)})
        honest.assert_accepted()
        assert honest.array("lane") == numbers
    for outside in (top + 1, -1, -2):
        numbers[lane] = outside
        for replacements in ({}, BORROWING):
            LANES.forge({"in": lanes_of(numbers)}, replacements).assert_refused(r"^digit\[\d\]\[\d+\]$")


@pytest.mark.parametrize("lane", range(3))
def test_a14_borrow_between_neighbouring_lanes(lane: int) -> None:
    """The number 2^stride * (lane above) read as (2^stride, one less above), and the reverse."""
    numbers = [3, 3, 3, 3]
    inputs: dict[str, InputValue] = {"in": lanes_of(numbers)}
    honest_bit = DIGIT[1]
    lent = {
        # 2^63 in units of 2^61, the weight of the top digit, is 4: the sum stays right.
        DIGIT: f"l == {lane} && i == LANE_BITS() - 1 ? 4 : (l == {lane + 1} && i == 0 ? 0 : ({honest_bit}))"
    }
    forged = forge(LANES, lent, inputs=inputs)
    assert forged.array("lane")[lane : lane + 2] == [3 + (1 << LANE_STRIDE), 2]
    forged.assert_refused(rf"^digit\[{lane}\]\[61\]$")

    dropped = {DIGIT: f"l == {lane} ? 1 : (l == {lane + 1} && i == 0 ? 0 : ({honest_bit}))"}
    forged = forge(LANES, dropped, inputs=inputs)
    assert forged.array("lane")[lane] == (1 << LANE_BITS) - 1
    forged.assert_refused(r"^in$")


def test_a14_interval_in_which_lanes_are_unique() -> None:
    """[-2^LANE_BITS, 2^LANE_STRIDE), as the header of Lanes says: beyond its ends a borrow fits, inside none does."""
    lowest, end = -(1 << LANE_BITS), 1 << LANE_STRIDE
    for outside_digits in (lowest, -1, 1 << LANE_BITS, end - 1):
        LANES.forge({"in": lanes_of([outside_digits, 5, 5, 5])}).assert_refused(r"^in$")
    for beyond, read_as in ((lowest - 1, [(1 << LANE_BITS) - 1, 4, 5, 5]), (end, [0, 6, 5, 5])):
        wrong = LANES.forge({"in": lanes_of([beyond, 5, 5, 5])})
        wrong.assert_accepted()
        assert wrong.array("lane") == read_as


def test_a14_number_moved_up_a_lane() -> None:
    """All lanes one place up: digits of another element."""
    inputs: dict[str, InputValue] = {"in": lanes_of([1, 2, 3, 4])}
    moved = {DIGIT: "(in >> (LANE_STRIDE() * ((l + 3) % 4) + i)) & 1"}
    forge(LANES, moved, inputs=inputs).assert_refused(r"^in$")


def test_a10_lanes_of_an_alias() -> None:
    """The number x + r has bit 253: the lanes end at bit 251, so its digits cannot be shown."""
    alias = 1 + FIELD_MODULUS
    low, high = alias % (1 << 128), alias >> 128
    place = "(LANE_STRIDE() * l + i)"
    digits = {DIGIT: f"{place} < 128 ? ({low} >> {place}) & 1 : ({high} >> ({place} - 128)) & 1"}
    forge(LANES, digits, inputs={"in": 1}).assert_refused(r"^in$")


def exposure_inputs(mark: int, delta: int, gamma: int, lots: int = 2) -> dict[str, InputValue]:
    """Inputs of `EXPOSURE`: `lots` of slot 0 and none of slot 1."""
    return {"quantity": [lots, 0], "exposureField": [lanes_of((mark, delta, gamma)), 0]}


@pytest.mark.parametrize(("delta", "gamma"), [(0, 0), (7, 7), (-7, -7), (1, -1), (-1, 1), ((1 << 27) - 1, -(1 << 27))])
def test_a09_greeks_of_both_signs(delta: int, gamma: int) -> None:
    honest = EXPOSURE.forge(exposure_inputs(5, delta, gamma))
    honest.assert_accepted()
    assert honest["netMark"] == net_exposure([2, 0], [5, 0])
    assert honest["absDelta"] == abs(2 * delta)
    assert honest["shortGamma"] == max(0, -2 * gamma)


@pytest.mark.parametrize("lane", [1, 2])
def test_a09_sign_of_a_greek_flipped(lane: int) -> None:
    """The sign is the lane's top digit: without it the rest cannot make up for its weight."""
    for delta, gamma in ((7, 7), (-7, -7), (0, 0)):
        inputs = exposure_inputs(5, delta, gamma)
        flipped = {DIGIT: f"l == {lane} && i == LANE_BITS() - 1 ? 1 - (({DIGIT[1]})) : ({DIGIT[1]})"}
        forge(EXPOSURE, flipped, inputs=inputs).assert_refused(r"^sums\.in$")


def test_a14_borrow_between_greeks() -> None:
    """One tick of gamma turned into 2^63 ticks of delta, or lent by the mark."""
    inputs = exposure_inputs(5, 7, -7)
    for lane in (0, 1):
        bit = f"({DIGIT[1]})"
        top, unit = f"l == {lane} && i == LANE_BITS() - 1", f"l == {lane + 1} && i == 0"
        # One unit of the lane above is 2^63 below: 4 in the top digit, whose weight is 2^61.
        lent = {DIGIT: f"{top} ? {bit} + 4 : ({unit} ? {bit} - 1 : {bit})"}
        forge(EXPOSURE, lent, inputs=inputs).assert_refused(r"^sums\.digit\[\d\]\[\d+\]$")
