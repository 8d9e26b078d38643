"""Instruments and scenarios for the tests of the pricing circuit: honest inputs, at random and at corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from prover.witness import InputValue
from rtnet_core.black76 import Contract
from rtnet_core.black76_parts import price_shock_log
from rtnet_core.limits import BPS, MS_PER_YEAR, ROW_BITS, TIME_BITS, VOLATILITY_BITS
from rtnet_core.shocks import PRICE_DENOMINATOR

HOUR_MS = 3_600_000
LARGEST = (1 << ROW_BITS) - 1
#: What an empty slot has.
EMPTY = "empty"


@dataclass(frozen=True)
class RowCase:
    """A slot, its volatility factors up and down, and price factor, volatility's way and cover of each scenario."""

    kind: str
    forward_ticks: int = 0
    strike_ticks: int = 0
    volatility_q32: int = 0
    time_ms: int = 0
    volatility_factors: tuple[int, int] = (14_500, 7_000)
    scenarios: tuple[tuple[int, int, int], ...] = ((PRICE_DENOMINATOR, 0, BPS),)

    @cached_property
    def contract(self) -> Contract:
        """What the slot is priced as."""
        return Contract(self.kind, self.forward_ticks, self.strike_ticks, self.volatility_q32, self.time_ms)

    def factor(self, way: int) -> int:
        """Return the volatility factor of a way: 1 up, -1 down, 0 none."""
        return {0: BPS, 1: self.volatility_factors[0], -1: self.volatility_factors[1]}[way]

    @property
    def inputs(self) -> dict[str, InputValue]:
        """Inputs of the template InstrumentRow."""
        return {
            "isListed": int(self.kind != EMPTY),
            "isOption": int(self.kind in {"call", "put"}),
            "isPut": int(self.kind == "put"),
            "forward": self.forward_ticks,
            "strike": self.strike_ticks,
            "volatility": self.volatility_q32,
            "time": self.time_ms,
            "upFactor": self.volatility_factors[0],
            "downFactor": self.volatility_factors[1],
            "priceFactor": [price for price, _, _ in self.scenarios],
            "logShock": [price_shock_log(price) for price, _, _ in self.scenarios],
            "isUp": [int(way == 1) for _, way, _ in self.scenarios],
            "isDown": [int(way == -1) for _, way, _ in self.scenarios],
            "cover": [cover for _, _, cover in self.scenarios],
        }

    @property
    def outputs(self) -> dict[str, int]:
        """What the engine says of the same."""
        if self.kind == EMPTY:
            return {f"change[{s}]": 0 for s in range(len(self.scenarios))} | dict.fromkeys(
                ("mark", "delta", "gamma"), 0
            )
        contract = self.contract
        changes = {
            f"change[{s}]": contract.change(contract.shocked(price, price_shock_log(price), self.factor(way)), cover)
            for s, (price, way, cover) in enumerate(self.scenarios)
        }
        return changes | {"mark": contract.mark(), "delta": contract.delta(), "gamma": contract.gamma()}

    @property
    def fits(self) -> bool:
        """Whether every output fits its width."""
        return all(-(1 << ROW_BITS) <= number < 1 << ROW_BITS for number in self.outputs.values())


def random_scenarios(rng: Random, count: int) -> tuple[tuple[int, int, int], ...]:
    """Return scenarios with price factors between 1/10 and 3, and any cover."""
    return tuple(
        (int(PRICE_DENOMINATOR * 10 ** rng.uniform(-1, 0.477)), rng.choice((-1, 0, 1)), rng.randint(1, BPS))
        for _ in range(count)
    )


def random_row(seed: object, count: int) -> RowCase:
    """Return an ordinary option or linear instrument: moneyness 0.1 to 10, 5 to 500 %, one hour to three years."""
    rng = Random(repr(seed))
    kind = rng.choice(("call", "put", "call", "put", "call", "put", "call", "future"))
    scenarios = random_scenarios(rng, count)
    while True:
        forward = int(2 ** rng.uniform(10, 25.5))
        if kind == "future":
            case = RowCase(kind, forward, scenarios=scenarios)
        else:
            case = RowCase(
                kind,
                forward,
                min(max(int(forward * 10 ** rng.uniform(-1, 1)), 1), LARGEST),
                int(2**32 * 0.05 * 100 ** rng.random()),
                int(HOUR_MS * (3 * MS_PER_YEAR / HOUR_MS) ** rng.random()),
                (BPS + rng.randint(0, 1 << 14), BPS - rng.randint(0, BPS - 1)),
                scenarios,
            )
        if case.fits:
            return case


def corner_rows(scenarios: Sequence[tuple[int, int, int]]) -> list[RowCase]:
    """Return rows at the ends of every range, and at the edges of saturation, of intervals and of units."""
    prices = (1, 2, 3, (1 << 16) - 1, 1 << 16, 7_860_554, (1 << 25) + 1, LARGEST)
    states = (
        (1, 1),
        (1, (1 << TIME_BITS) - 1),
        ((1 << VOLATILITY_BITS) - 1, 1),
        ((1 << VOLATILITY_BITS) - 1, (1 << TIME_BITS) - 1),
        (1 << 30, HOUR_MS),
        (1 << 31, MS_PER_YEAR),
    )
    rows = [
        RowCase(kind, forward, strike, volatility, time, scenarios=tuple(scenarios))
        for number, (forward, strike) in enumerate((f, k) for f in prices for k in prices)
        for volatility, time in states
        for kind in (("call", "put")[(number + volatility) % 2],)
    ]
    rows += [RowCase("future", forward, scenarios=tuple(scenarios)) for forward in prices]
    return [row for row in [*rows, RowCase(EMPTY, scenarios=tuple(scenarios))] if row.kind == EMPTY or row.fits]
