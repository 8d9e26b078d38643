"""The fast engine against the exact one: what is equal stays within the bound, and what is not is found beyond it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from prover.differential import AccountDifferential, compare_rows
from rtnet_core.account import Account
from rtnet_core.limits import AMOUNT_BITS, CASH_BITS, QUANTITY_BITS
from rtnet_core.margin_exact import account_margin, account_vector
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array

MARKET = sample_market(5, "small")
PARAMS = default_params(MARKET)
RISK = build_risk_array(MARKET, PARAMS)
RULES = margin_params(PARAMS, MARKET)
LOTS = st.integers(-(1 << QUANTITY_BITS), (1 << QUANTITY_BITS) - 1)
UNITS = st.integers(0, (1 << AMOUNT_BITS) - 1)


def compared(account: Account, **changes: int) -> AccountDifferential:
    """Return the comparison of one account, its exact NLV changed."""
    differential = AccountDifferential(RISK, MARKET, PARAMS, 10_000)
    vector = account_vector(account, MARKET)
    differential.add([account], [vector], [replace(account_margin(vector, RISK, RULES), **changes)])
    return differential


@given(
    st.integers(-(1 << CASH_BITS), (1 << CASH_BITS) - 1),
    st.fixed_dictionaries({asset.symbol: UNITS for asset in MARKET.assets}),
    st.fixed_dictionaries({instrument.name: LOTS for instrument in MARKET.instruments}),
)
def test_every_account_stays_within_the_bound(
    cash_ticks: int, collateral: dict[str, int], positions: dict[str, int]
) -> None:
    account = Account(id="any", cash_ticks=cash_ticks, collateral=collateral, positions=positions)
    differential = compared(account)
    assert max(differential.nlv_share, differential.maintenance_share) <= 1
    assert differential.beyond == 0


def test_a_margin_that_is_not_the_rules_is_beyond_the_bound() -> None:
    account = Account(id="any", cash_ticks=10**9, positions={MARKET.instruments[0].name: 5})
    right = account_margin(account_vector(account, MARKET), RISK, RULES)
    differential = compared(account, nlv_e4=right.nlv_e4 + 10_000)
    assert (differential.beyond, differential.other_verdicts) == (1, 0)
    assert differential.largest_nlv_ticks == 1
    assert compared(account, nlv_e4=-1).other_verdicts == 1


def test_an_empty_account_has_no_room_for_a_difference() -> None:
    empty = Account(id="any", cash_ticks=0)
    assert (compared(empty).nlv_share, compared(empty).maintenance_share) == (0, 0)
    assert compared(empty, nlv_e4=1).beyond == 1


def test_rows_of_a_sampled_market_stay_within_the_bound_and_others_do_not() -> None:
    assert [column.column for column in compare_rows(RISK, MARKET, PARAMS)] == ["change", "mark", "delta", "gamma"]
    assert not any(column.beyond for column in compare_rows(RISK, MARKET, PARAMS))
    wrong = replace(RISK, marks=(RISK.marks[0] + 2, *RISK.marks[1:]))
    assert [column.column for column in compare_rows(wrong, MARKET, PARAMS) if column.beyond] == ["mark"]
