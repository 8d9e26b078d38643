"""Position compression: exact where instruments are the same, within the tolerance where they are alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.errors import InputError
from rtnet_core.netting.positions import PositionCompression, compress_positions


def check(found: PositionCompression, tolerance: int) -> None:
    before, after = found.before, found.after
    assert not after.sum(axis=0).any()
    assert (np.abs(after) <= np.abs(before)).all()
    assert (after * before >= 0).all()
    assert np.abs(found.risk_change_ticks).max(initial=0) <= tolerance
    assert found.paid_ticks.sum() == 0
    assert found.gross_after_lots <= found.gross_before_lots


def test_the_same_risk_in_two_instruments_is_closed_in_both() -> None:
    found = compress_positions(
        [[10, -10, 0], [-10, 10, 0], [0, 0, 0]], [[-90, 40], [-90, 40], [7, 7]], [5, 9, 1], 1_000
    )
    assert not found.after.any()
    assert found.paid_ticks.tolist() == [10 * 5 - 10 * 9, 10 * 9 - 10 * 5, 0]


def test_neighbouring_strikes_are_closed_as_far_as_the_tolerance_goes() -> None:
    """Risk of 100 and 90 a lot, room for 4,999: all 1,000 of the one, 949 of the other (94,900 - 90,000 = 4,900)."""
    lots, rows = [[1_000, -1_000], [-1_000, 1_000]], [[-100], [-90]]
    found = compress_positions(lots, rows, [500, 480], 5_190)
    check(found, 5_190)
    assert found.gross_before_lots == 4_000
    assert found.after.tolist() == [[51, 0], [-51, 0]]
    assert found.risk_change_ticks.tolist() == [[4_900], [-4_900]]
    assert compress_positions(lots, rows, [500, 480], 100).gross_after_lots == 4_000, "less than rounding could need"


def test_what_has_risk_of_its_own_stays() -> None:
    lots = [[100], [-100]]
    found = compress_positions(lots, [[-1_000]], [1], 2_500)
    check(found, 2_500)
    assert found.gross_after_lots >= 2 * 97


def test_bad_tables_are_refused() -> None:
    with pytest.raises(InputError, match="add up to zero"):
        compress_positions([[1], [1]], [[1]], [1], 1)
    with pytest.raises(InputError, match=r"\(N, K\)"):
        compress_positions([[1], [-1]], [[1], [2]], [1], 1)
    with pytest.raises(InputError, match="tolerance_ticks"):
        compress_positions([[1], [-1]], [[1]], [1], -1)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), scale=st.sampled_from([1, 1_000, 1 << 20]), tolerance=st.integers(0, 1 << 34))
def test_any_book_is_compressed_within_its_tolerance(seed: int, scale: int, tolerance: int) -> None:
    random = np.random.default_rng(seed)
    accounts, slots, scenarios = random.integers(2, 7), random.integers(1, 6), random.integers(1, 5)
    lots = random.integers(-scale, scale + 1, (accounts - 1, slots))
    lots = np.vstack([lots, -lots.sum(axis=0)])
    common = random.integers(-(1 << 20), 1 << 20, scenarios)
    rows = common + random.integers(-(1 << 10), 1 << 10, (slots, scenarios))
    check(compress_positions(lots, rows, random.integers(0, 1 << 20, slots), tolerance), tolerance)
