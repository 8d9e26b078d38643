"""What makes expected shortfall coherent, on samples that Hypothesis finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtnet_core.risk.tail_risk import tail_risk

LOSSES = st.lists(st.integers(-1_000, 1_000).map(float), min_size=20, max_size=60)
CONFIDENCE = st.sampled_from([0.5, 0.9, 0.95])


@given(LOSSES, CONFIDENCE)
def test_shortfall_is_at_least_value_at_risk_and_at_most_the_worst(losses: list[float], confidence: float) -> None:
    found = tail_risk(losses, confidence)
    assert float(found.value_at_risk) <= float(found.expected_shortfall) + 1e-9
    assert float(found.expected_shortfall) <= max(losses) + 1e-9


@given(st.data(), LOSSES, CONFIDENCE)
def test_shortfall_is_subadditive(data: st.DataObject, one: list[float], confidence: float) -> None:
    other = data.draw(st.lists(st.integers(-1_000, 1_000).map(float), min_size=len(one), max_size=len(one)))
    together = tail_risk(np.array(one) + other, confidence).expected_shortfall
    apart = tail_risk(one, confidence).expected_shortfall + tail_risk(other, confidence).expected_shortfall
    assert together <= apart + 1e-7


@given(LOSSES, st.integers(-500, 500), st.integers(1, 9))
def test_shortfall_moves_with_cash_and_scales_with_size(losses: list[float], cash: int, size: int) -> None:
    found = tail_risk(size * np.array(losses) - cash, 0.9).expected_shortfall
    assert float(found) == pytest.approx(size * float(tail_risk(losses, 0.9).expected_shortfall) - cash, abs=1e-6)


@given(LOSSES)
def test_shortfall_rises_with_confidence(losses: list[float]) -> None:
    levels = [float(tail_risk(losses, confidence).expected_shortfall) for confidence in (0.5, 0.7, 0.9, 0.95)]
    assert levels == sorted(levels) or max(np.diff(levels) * -1) < 1e-9
