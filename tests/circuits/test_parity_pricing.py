"""The pricing circuit gives what `rtnet_core.black76` gives, to the last bit, at random and at the corners."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from prover.paths import project_root
from rtnet_core.black76_parts import (
    argument_of,
    bound_quotient,
    log_ratio,
    logarithm,
    normal_density,
    normal_distribution,
    price_shock_log,
    rounded_down,
    total_volatility,
    volatility_level,
)
from rtnet_core.errors import RangeError, Refusal
from rtnet_core.limits import BPS, ROW_BITS, TIME_BITS, VOLATILITY_BITS
from rtnet_core.params import DEFAULT_SCENARIOS
from rtnet_core.shocks import PRICE_DENOMINATOR
from tests.support.forge import bench
from tests.support.pricing_cases import LARGEST, RowCase, corner_rows, random_row, random_scenarios

SCENARIOS = 16
ROW = bench("pricing/instrument_row.circom", f"InstrumentRow({SCENARIOS})")


def digits_of(number: int, count: int) -> list[int]:
    return [number >> i & 1 for i in range(count)]


def number_of(found: dict[str, int], name: str, count: int) -> int:
    return sum(found[f"{name}[{i}]"] << i for i in range(count))


def edges(bits: int) -> list[int]:
    """Ends of a width and the powers of two in it, each with its neighbours."""
    return sorted({n for p in range(bits + 1) for n in ((1 << p) - 1, 1 << p, (1 << p) + 1) if n < 1 << bits})


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_one_hot(bits: int) -> None:
    template = bench("pricing/one_hot.circom", f"OneHot({bits})")
    for number in range(1 << bits):
        hot = template.compute({"digit": digits_of(number, bits)})
        assert [hot[f"hot[{j}]"] for j in range(1 << bits)] == [int(j == number) for j in range(1 << bits)]


@pytest.mark.parametrize(("odd", "shift", "bits"), [(1, 5, 8), (625, 4, 40), (1_171_875, 86, 28)])
def test_constant_quotient(odd: int, shift: int, bits: int) -> None:
    template = bench("pricing/constant_quotient.circom", f"ConstantQuotient({odd}, {shift}, {bits})")
    divisor = odd << shift
    for quotient in edges(bits)[:: max(1, bits // 8)]:
        for remainder in {0, 1, divisor // 2, divisor - 1}:
            found = template.compute({"in": quotient * divisor + remainder})
            assert found["quotient"] == rounded_down(quotient * divisor + remainder, odd, shift) == quotient
            assert number_of(found, "digit", bits) == quotient
    for number in (-1, divisor << bits):
        with pytest.raises(Refusal, match="UnsignedBits"):
            template.compute({"in": number})


def test_remainder_range() -> None:
    template = bench("pricing/remainder_range.circom", "RemainderRange(625, 4)")
    for number in (0, 15, 16, 9_984, 9_999):
        assert template.compute({"in": number})["upper"] == number >> 4
    for number in (-1, 10_000, 16_384):
        with pytest.raises(Refusal, match="UnsignedBits"):
            template.compute({"in": number})


def test_sign_and_magnitude() -> None:
    template = bench("pricing/sign_and_magnitude.circom", "SignAndMagnitude(17)")
    for number in (*edges(17), *(-n - 1 for n in edges(17))):
        found, argument = template.compute({"in": number}), argument_of(number)
        assert (found["nonNegative"], number_of(found, "digit", 17)) == (argument.nonnegative, argument.magnitude)


@pytest.mark.parametrize(("digits", "bits", "width"), [(16, 24, 41), (27, 35, 62)])
def test_bound_quotient(digits: int, bits: int, width: int) -> None:
    template = bench("pricing/bound_quotient.circom", f"BoundQuotient({digits}, {bits})")
    rng = Random(digits)
    for divisor in (1, 3, (1 << bits) - 1, *(rng.randrange(1 << bits) | 1 for _ in range(6))):
        edge = divisor << digits
        for size in {0, 1, divisor - 1, divisor, edge - 1, edge, edge + 1, rng.randrange(1 << width)}:
            for numerator in (size, -size):
                found, argument = (
                    template.compute({"numerator": numerator, "divisor": divisor}),
                    bound_quotient(numerator, divisor, digits),
                )
                assert found["nonNegative"] == argument.nonnegative
                assert number_of(found, "digit", digits + 1) == argument.magnitude


def test_logarithms() -> None:
    single, ratio = bench("pricing/logarithm.circom", "Logarithm()"), bench("pricing/log_ratio.circom", "LogRatio()")
    rng = Random(1)
    for number in [*edges(ROW_BITS)[1:], *(rng.randrange(1, LARGEST) for _ in range(40))]:
        assert single.compute({"in": number})["out"] == logarithm(number)
        other = rng.randrange(1, LARGEST)
        assert ratio.compute({"numerator": number, "denominator": other})["out"] == log_ratio(number, other)


def test_a08_the_logarithm_of_zero_is_refused() -> None:
    with pytest.raises(Refusal, match="UnsignedBits"):
        bench("pricing/logarithm.circom", "Logarithm()").compute({"in": 0})


def test_scenario_shock() -> None:
    template = bench("pricing/scenario_shock.circom", "ScenarioShock()")
    for thirds in range(-9, 10):
        for scan_range in (1, 1_500, 3_333, (1 << 14) - 1):
            factor = PRICE_DENOMINATOR + thirds * scan_range
            for volatility in (-1, 0, 1):
                inputs = {"priceThirds": thirds, "scanRange": scan_range, "volatility": volatility}
                if factor <= 0:
                    with pytest.raises(Refusal, match="UnsignedBits"):
                        template.compute(inputs)
                else:
                    found = template.compute(inputs)
                    assert (found["priceFactor"], found["logShock"]) == (factor, price_shock_log(factor))
                    assert (found["isUp"], found["isDown"]) == (int(volatility == 1), int(volatility == -1))
    with pytest.raises(Refusal, match="UnsignedBits"):
        template.compute({"priceThirds": 0, "scanRange": 1, "volatility": 2})


def test_total_volatility() -> None:
    template = bench("pricing/total_volatility.circom", "TotalVolatility()")
    rng = Random(2)
    ends = [(0, 0), (1, 1), ((1 << VOLATILITY_BITS) - 1, (1 << TIME_BITS) - 1), (1 << 32, 31_536_000_000)]
    # Here left, what the root's square leaves, has all of its 39 digits; 2 * root - left has them at the very end.
    ends.append(((1 << VOLATILITY_BITS) - 15, (1 << TIME_BITS) - 1))
    for volatility, time in (
        *ends,
        *((int(2 ** rng.uniform(0, 36)), int(2 ** rng.uniform(0, 42))) for _ in range(80)),
    ):
        found = template.compute({"volatility": volatility, "time": time})
        assert number_of(found, "digit", 38) == total_volatility(volatility, time)


@pytest.mark.parametrize("bits", [38, 40])
def test_volatility_level(bits: int) -> None:
    template = bench("pricing/volatility_level.circom", f"VolatilityLevel({bits})")
    rng = Random(bits)
    for root in (*edges(bits), *(int(2 ** rng.uniform(0, bits)) for _ in range(40))):
        found, level = template.compute({"digit": digits_of(root, bits)}), volatility_level(root)
        assert (found["total"], found["divisor"], found["halfSquare"]) == (
            level.total,
            level.divisor,
            level.half_square,
        )
        assert (found["step"], found["rest"]) == (level.step, level.rest)
        assert (2 * found["fineHalf"] + 1) ** 2 == level.fine_half_square


def test_volatility_choice() -> None:
    template = bench("pricing/volatility_choice.circom", "VolatilityChoice(2)")
    for up, down, chosen in ((0, 0, 0), (1, 0, 1), (0, 1, 2)):
        levels = [[5, -6], [7, 8], [9, 10]]
        found = template.compute({"level": levels, "isUp": up, "isDown": down})
        assert [found["out[0]"], found["out[1]"]] == levels[chosen]


def test_distribution_and_density() -> None:
    template = bench("pricing/normal_distribution.circom", "NormalDistribution(17)")
    density = bench("pricing/normal_density.circom", "NormalDensity()")
    rng = Random(3)
    knots = [(j << 10) + step for j in range(17) for step in (-1, 0, 1, 511, 512)]
    for magnitude in [*(k for k in knots if k >= 0), *(rng.randrange(1 << 17) for _ in range(40)), (1 << 17) - 1]:
        for sign in (True, False):
            argument = replace(argument_of(magnitude), nonnegative=sign)
            found = template.compute({"nonNegative": int(sign), "digit": digits_of(magnitude, 17)})
            assert found["out"] == normal_distribution(argument)
            hot = [found[f"hot[{j}]"] for j in range(16)]
            inputs = {"hot": hot, "t": found["t"], "saturated": found["saturated"]}
            assert density.compute(inputs)["out"] == normal_density(argument)


COSTS = {
    "one_hot.circom:OneHot(4)": 16,
    "bound_quotient.circom:BoundQuotient(16, 24)": 71,
    "constant_quotient.circom:ConstantQuotient(1171875, 86, 28)": 157,
    "evaluation.circom:Evaluation()": 71,
    "greeks.circom:Greeks()": 276,
    "log_ratio.circom:LogRatio()": 219,
    "logarithm.circom:Logarithm()": 51,
    "option_time.circom:OptionTime()": 273,
    "scenario_shock.circom:ScenarioShock()": 191,
    "total_volatility.circom:TotalVolatility()": 183,
    "volatility_choice.circom:VolatilityChoice(4)": 8,
    "instrument_row.circom:InstrumentRow(1)": 1_607,
    "instrument_row.circom:InstrumentRow(16)": 6_212,
}


@pytest.mark.parametrize("part", COSTS)
def test_constraints(part: str) -> None:
    """What docs/pricing.md and the headers say."""
    file, call = part.split(":")
    assert bench(f"pricing/{file}", call).build.constraints == COSTS[part]


def test_the_whole_market_fits() -> None:
    """At most 400 constraints for an option in a scenario, and 64 instruments in 2^19 with room for what is around."""
    row, single = (COSTS[f"instrument_row.circom:InstrumentRow({count})"] for count in (16, 1))
    assert row - single == 15 * 307
    assert row <= 17 * 366
    market = 64 * row + 2 * SCENARIOS * COSTS["scenario_shock.circom:ScenarioShock()"]
    assert market < 404_000
    text = (project_root() / "docs" / "pricing.md").read_text("utf-8")
    for number in ("| 307 |", "6,212", "365 for each", "403,700", "1,300"):
        assert number in text


def assert_equal(case: RowCase) -> None:
    assert ROW.compute(case.inputs) == case.outputs, case


def test_ordinary_rows() -> None:
    """Twenty instruments with sixteen scenarios each: 340 values beside their greeks."""
    for seed in range(20):
        assert_equal(random_row(("parity", seed), SCENARIOS))


def test_rows_of_the_default_grid() -> None:
    """The published scenarios at a scan range of 15 %, as the market circuit will have them."""
    grid = tuple((PRICE_DENOMINATOR + 1_500 * s.price_thirds, s.volatility, s.cover_bps) for s in DEFAULT_SCENARIOS)
    for seed in range(6):
        case = replace(random_row(("grid", seed), SCENARIOS), scenarios=grid, volatility_factors=(14_500, 7_000))
        assert_equal(case)


def test_corners_in_short() -> None:
    for case in corner_rows(random_scenarios(Random(1), SCENARIOS))[::12]:
        assert_equal(case)


@pytest.mark.slow
def test_a_thousand_ordinary_rows() -> None:
    """160 instruments with sixteen scenarios: 2,720 values."""
    for seed in range(160):
        assert_equal(random_row(("slow", seed), SCENARIOS))


@pytest.mark.slow
def test_all_corners() -> None:
    """The ends of every range against each other: above 6,000 values."""
    cases = corner_rows(random_scenarios(Random(2), SCENARIOS))
    assert len(cases) > 350
    for case in cases:
        assert_equal(case)


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("state", [(1, 1), (1 << 31, 3_600_000), ((1 << VOLATILITY_BITS) - 1, (1 << TIME_BITS) - 1)])
def test_ties_are_rounded_up(kind: str, state: tuple[int, int]) -> None:
    """Half a tick: one lot at half the cover and an odd move of a saturated option."""
    case = RowCase(kind, 101, 100, *state, scenarios=((PRICE_DENOMINATOR * 3, 0, BPS // 2),) * SCENARIOS)
    assert_equal(case)


def test_a03_what_does_not_fit_is_refused_by_both() -> None:
    dear = RowCase("future", LARGEST, scenarios=((2 * PRICE_DENOMINATOR + 1, 0, BPS),) * SCENARIOS)
    assert not dear.fits
    with pytest.raises(Refusal, match="UnsignedBits"):
        ROW.compute(dear.inputs)
    just = replace(dear, scenarios=((2 * PRICE_DENOMINATOR, 0, BPS),) * SCENARIOS)
    assert just.outputs["change[0]"] == LARGEST
    assert_equal(just)


@pytest.mark.parametrize("field", ["forward_ticks", "strike_ticks", "volatility_q32", "time_ms"])
def test_a08_zeros_of_an_option_are_refused_by_both(field: str) -> None:
    case = replace(random_row("zeros", SCENARIOS), kind="call", strike_ticks=5, volatility_q32=1 << 31, time_ms=1_000)
    assert_equal(replace(case, forward_ticks=6))
    case = replace(case, forward_ticks=6)
    case = replace(case, **{field: 0})
    with pytest.raises(RangeError, match=field):
        _ = case.contract
    with pytest.raises(Refusal, match="UnsignedBits"):
        ROW.compute(case.inputs)
