"""The templates of the margin rule as they ship equal the exact engine to the last digit."""

from __future__ import annotations

from random import Random

import pytest

from prover.inputs import margin_inputs
from prover.witness import InputValue
from rtnet_core.limits import AMOUNT_BITS, PRICE_BITS, PROFILES, QUANTITY_BITS, RATE_BITS, ROW_BITS, SIZE_BITS
from rtnet_core.margin_exact import (
    collateral_credit_e4,
    net_exposure,
    position_size,
    scan_risk,
    size_add_on_e4,
    underlying_margin,
)
from rtnet_core.risk_array import lanes_of
from tests.support.forge import Bench, bench
from tests.support.margin_cases import Case, Numbers, random_case

STANDARD = PROFILES["standard"]
KINDS = pytest.mark.parametrize("extreme", [False, True], ids=["ordinary", "extreme"])


@KINDS
@pytest.mark.parametrize(("slots", "scenarios"), [(1, 4), (4, 16), (32, 16)])
def test_scan_risk(slots: int, scenarios: int, *, extreme: bool) -> None:
    template = bench("margin/scan_risk.circom", f"ScanRisk({slots}, {scenarios})")
    numbers = Numbers(("scan", slots), extreme=extreme)
    for _ in range(20):
        lots = numbers.signeds(slots, QUANTITY_BITS)
        rows = [numbers.signeds(scenarios, ROW_BITS) for _ in range(slots)]
        fields: list[InputValue] = [[lanes_of(row[i : i + 4]) for i in range(0, scenarios, 4)] for row in rows]
        pnl = [net_exposure(lots, column) for column in zip(*rows, strict=True)]
        assert template.compute({"quantity": list(lots), "rowFields": fields})["scanRisk"] == scan_risk(pnl)[0]


@pytest.mark.parametrize("worst", range(16))
def test_scan_risk_in_every_scenario(worst: int) -> None:
    """The worst scenario at each place, alone, tied with the next one, and as the least gain of all."""
    template = bench("margin/scan_risk.circom", "ScanRisk(4, 16)")
    zeros: list[InputValue] = [[0] * 4] * 3
    for low, others in ((-9, 5), (-9, -8), (1, 2), (0, 3)):
        row = [others] * 16
        row[worst] = low
        for tied in (row, [*row[:-1], low]):
            fields: InputValue = [lanes_of(tied[i : i + 4]) for i in range(0, 16, 4)]
            result = template.compute({"quantity": [1, 0, 0, 0], "rowFields": [fields, *zeros]})
            assert result["scanRisk"] == max(0, -low)


@KINDS
@pytest.mark.parametrize("slots", [1, 32])
def test_net_exposure(slots: int, *, extreme: bool) -> None:
    template = bench("margin/net_exposure.circom", f"NetExposure({slots})")
    numbers = Numbers(("exposure", slots), extreme=extreme)
    for _ in range(25):
        lots = numbers.signeds(slots, QUANTITY_BITS)
        marks = numbers.unsigneds(slots, ROW_BITS)
        deltas, gammas = numbers.signeds(slots, ROW_BITS), numbers.signeds(slots, ROW_BITS)
        fields = [lanes_of(row) for row in zip(marks, deltas, gammas, strict=True)]
        result = template.compute({"quantity": list(lots), "exposureField": fields})
        assert result == {
            "netMark": net_exposure(lots, marks),
            "absDelta": abs(net_exposure(lots, deltas)),
            "shortGamma": max(0, -net_exposure(lots, gammas)),
        }


@KINDS
def test_position_size(*, extreme: bool) -> None:
    template = bench("margin/position_size.circom", "PositionSize(4)")
    numbers = Numbers("size", extreme=extreme)
    for _ in range(40):
        lots, options = numbers.signeds(4, QUANTITY_BITS), numbers.unsigneds(4, 1)
        result = template.compute({"quantity": list(lots), "isOption": list(options)})
        assert (result["gross"], result["shortOptions"]) == position_size(lots, options)


def near(kinks: tuple[int, ...], bits: int, random: Random) -> list[int]:
    """Amounts on, below and above each kink, at the ends, and one at random."""
    numbers = [kink + step for kink in kinks for step in (-1, 0, 1)] + [0, (1 << bits) - 1, random.randrange(1 << bits)]
    return [number for number in numbers if 0 <= number < 1 << bits]


@KINDS
def test_collateral_credit(*, extreme: bool) -> None:
    template = bench("margin/collateral_credit.circom", "CollateralCredit()")
    numbers = Numbers("credit", extreme=extreme)
    for _ in range(12):
        price, rate = numbers.unsigned(PRICE_BITS), numbers.unsigned(RATE_BITS)
        kinks, drops = numbers.unsigneds(2, AMOUNT_BITS), numbers.unsigneds(2, RATE_BITS)
        for amount in near(kinks, AMOUNT_BITS, numbers.random):
            inputs: dict[str, InputValue] = {"amount": amount, "price": price, "rateBps": rate}
            result = template.compute(inputs | {"kink": list(kinks), "dropBps": list(drops)})
            assert result["creditE4"] == collateral_credit_e4(amount, price, rate, kinks, drops)


@KINDS
def test_size_add_on(*, extreme: bool) -> None:
    template = bench("margin/size_add_on.circom", "SizeAddOn()")
    numbers = Numbers("add-on", extreme=extreme)
    for _ in range(12):
        index = numbers.unsigned(ROW_BITS)
        kinks, rises = numbers.unsigneds(2, SIZE_BITS), numbers.unsigneds(2, RATE_BITS)
        for gross in near(kinks, SIZE_BITS, numbers.random):
            result = template.compute(
                {"gross": gross, "indexTicks": index, "kink": list(kinks), "riseBps": list(rises)}
            )
            assert result["addOnE4"] == size_add_on_e4(gross, index, kinks, rises)


@KINDS
def test_underlying_margin(*, extreme: bool) -> None:
    template = bench("margin/underlying_margin.circom", "UnderlyingMargin(4, 16)")
    for seed in range(15):
        case = random_case("small", seed, extreme=extreme)
        everything = margin_inputs(case.account, case.risk, case.params, case.threshold_bps)
        for u in range(2):
            slots = slice(4 * u, 4 * u + 4)
            inputs: dict[str, InputValue] = {
                name: everything[name][slots]  # type: ignore[index]
                for name in ("quantity", "rowFields", "exposureField", "isOption")
            }
            for name in ("indexTicks", "sizeKink", "sizeRiseBps", "shortOptionBps", "deltaRateBps", "gammaRateBps"):
                inputs[name] = everything[name][u]  # type: ignore[index]
            expected = underlying_margin(case.account.quantities[slots], case.risk, case.params, u)
            assert template.compute(inputs) == {
                "netMark": expected.net_mark,
                "scanRisk": expected.scan_risk,
                "maintenanceE4": expected.maintenance_e4,
            }


def account_margin_template() -> Bench:
    """The margin rule in the standard profile."""
    sizes = (STANDARD.instruments, STANDARD.underlyings, STANDARD.assets, STANDARD.scenarios)
    return bench("margin/account_margin.circom", f"AccountMargin({', '.join(map(str, sizes))})")


def assert_equal_to_the_exact_engine(case: Case) -> bool:
    """Compare every output of the rule; return the verdict."""
    inputs = margin_inputs(case.account, case.risk, case.params, case.threshold_bps)
    margin = case.margin
    verdict = margin.clears(case.threshold_bps)
    assert account_margin_template().compute(dict(inputs)) == {
        "netMark": sum(underlying.net_mark for underlying in margin.underlyings),
        "nlvE4": margin.nlv_e4,
        **{f"scanRisk[{u}]": underlying.scan_risk for u, underlying in enumerate(margin.underlyings)},
        "maintenanceE4": margin.maintenance_e4,
        "headroomE8": margin.headroom_e8(case.threshold_bps),
        "clears": int(verdict),
    }
    return verdict


@pytest.mark.parametrize(("extreme", "count"), [(False, 40), (True, 20)], ids=["ordinary", "extreme"])
def test_account_margin_of_the_standard_profile(count: int, *, extreme: bool) -> None:
    for seed in range(count):
        assert_equal_to_the_exact_engine(random_case("standard", seed, extreme=extreme))


@pytest.mark.slow
@pytest.mark.parametrize(("extreme", "count"), [(False, 1_000), (True, 100)], ids=["ordinary", "extreme"])
def test_account_margin_of_many_accounts(count: int, *, extreme: bool) -> None:
    verdicts = {
        assert_equal_to_the_exact_engine(random_case("standard", ("many", seed), extreme=extreme))
        for seed in range(count)
    }
    assert verdicts == {False, True}
