"""What every scenario margin must be: together never more than apart, and twice as much for twice the account."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.market_sample import sample_market
from rtnet_core.risk.asset_terms import AssetTerms
from rtnet_core.risk.attribution import Attribution, attribute
from rtnet_core.risk.grid_margin import GridMargin
from rtnet_core.risk.grid_params import DERIBIT_BTC, DERIVE_PMRM, GridParams, GridScenario, VolatilityRange
from rtnet_core.risk.margin_models import Holdings, MarginModel
from rtnet_core.risk.risk_market import RiskMarket
from rtnet_core.risk.simulated_moves import monte_carlo_moves
from rtnet_core.risk.simulation_margin import FactorMoves, SimulationMargin

MARKET = RiskMarket.from_snapshot(sample_market(1, "small"))
TERMS = AssetTerms.of(MARKET, depeg={"USDC": 0.1}, haircut={"BTC": 0.05})
SKEW = GridParams(
    scenarios=(GridScenario(-0.1, "up", stress=1.0), GridScenario(0.0, "linear"), GridScenario(0.0, "absolute", 0.5)),
    volatility=VolatilityRange(0.5, 0.3),
)
ROWS = monte_carlo_moves(np.diag([0.03, 0.04, 0.1, 0.1]) ** 2, paths=400, seed=1)
MODELS: list[MarginModel] = [
    *(GridMargin(MARKET, (params, params), TERMS) for params in (DERIBIT_BTC, DERIVE_PMRM, SKEW)),
    SimulationMargin(MARKET, FactorMoves.from_rows(ROWS, 2, {}, 3), TERMS),
]
LOTS = st.lists(st.integers(-(10**6), 10**6), min_size=8, max_size=8)
UNITS = st.lists(st.integers(0, 10**6), min_size=3, max_size=3)


def maintenance(model: MarginModel, lots: np.ndarray, units: np.ndarray) -> float:
    return float(model.levels(Holdings.of([lots], [0.0], [units])).maintenance[0])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@settings(max_examples=40, deadline=None)
@given(LOTS, LOTS, UNITS, UNITS)
def test_together_never_needs_more(
    model: MarginModel, one: list[int], other: list[int], held: list[int], more: list[int]
) -> None:
    apart = maintenance(model, np.array(one), np.array(held)) + maintenance(model, np.array(other), np.array(more))
    together = maintenance(model, np.array(one) + other, np.array(held) + more)
    assert together <= apart * (1 + 1e-9) + 1


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@settings(max_examples=20, deadline=None)
@given(LOTS, UNITS, st.integers(2, 9))
def test_size_scales(model: MarginModel, lots: list[int], units: list[int], factor: int) -> None:
    once = maintenance(model, np.array(lots), np.array(units))
    assert maintenance(model, factor * np.array(lots), factor * np.array(units)) == pytest.approx(factor * once, abs=1)


@settings(max_examples=40, deadline=None)
@given(LOTS, st.floats(0, 0.1), st.floats(0, 0.2), st.booleans())
def test_an_attribution_adds_up_to_the_tick(lots: list[int], rate: float, later: float, cross_terms: bool) -> None:
    before, after = MARKET, RiskMarket.from_snapshot(sample_market(1, "small", 1_788_264_000_000 + 3_600_000))
    found = attribute(before, after, [lots], 1 / 8760, rate_before=rate, rate_after=later, cross_terms=cross_terms)
    parts = sum(getattr(found, name) for name in Attribution.__dataclass_fields__ if name != "total")
    assert (parts == found.total).all()
