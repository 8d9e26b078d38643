"""Whoever trades when, funding payments make and lose no tick."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtnet_core.loss.funding_accrual import INDEX_UNITS, FundingClaim, accrued, settle_all

STEPS = st.tuples(
    st.integers(0, 3), st.integers(0, 3), st.integers(-(1 << 20), 1 << 20), st.integers(-750_000, 750_000),
    st.integers(0, 1 << 27), st.integers(0, 1 << 32),
)  # fmt: skip


@given(steps=st.lists(STEPS, max_size=25))
def test_payments_add_up_to_zero(steps: list[tuple[int, int, int, int, int, int]]) -> None:
    claims = [FundingClaim(0, 0) for _ in range(4)]
    index, clearing = 0, 0
    for buyer, seller, lots, rate, price, elapsed in steps:
        index = accrued(index, rate, price, elapsed)
        for account, change in ((buyer, lots), (seller, -lots)):
            paid, claims[account] = claims[account].traded(index, change)
            clearing += paid
        assert clearing * INDEX_UNITS == -sum(claim.owed_units(index) for claim in claims)
    payments, claims = settle_all(claims, index)
    assert clearing + sum(payments) == 0
    assert all(-INDEX_UNITS < claim.carried_units < INDEX_UNITS for claim in claims)
