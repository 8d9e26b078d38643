"""Health: states at their levels, the loan's reading of the same account, published figures."""

from __future__ import annotations

import numpy as np
import pytest

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS
from rtnet_core.loss.apportion import apportion
from rtnet_core.loss.health import AccountState, HealthLevels, account_health, account_state


def test_states_change_exactly_at_their_levels() -> None:
    levels = HealthLevels(call_bps=15_000, liquidate_bps=11_000)
    nlv = [15_000, 14_999, 11_000, 10_999, 0]
    names = [account_state(number, BPS, number, levels).name for number in nlv]
    assert names == ["HEALTHY", "CALL", "CALL", "LIQUIDATE", "LIQUIDATE"]
    found = account_health(nlv, [BPS] * 5, [0] * 5, nlv, levels)
    assert [AccountState(number).name for number in found.state] == names
    assert found.count(AccountState.CALL) == 2
    assert found.called_ticks.tolist() == [0, 1, 4_000, 4_001, 15_000]


def test_an_account_whose_haircut_alone_is_under_water_is_not_bankrupt() -> None:
    found = account_health([-5, -5], [0, 0], [0, 0], [3, -1])
    assert found.state.tolist() == [AccountState.LIQUIDATE, AccountState.BANKRUPT]
    assert found.ratio.tolist() == [-np.inf, -np.inf]


def test_without_positions_an_account_is_healthy() -> None:
    found = account_health([0], [0], [0], [0])
    assert found.state.tolist() == [AccountState.HEALTHY]
    assert found.ratio[0] == found.collateral_ratio[0] == np.inf
    assert account_state(0, 0, 0) is AccountState.HEALTHY


def test_collateral_health_reads_the_account_as_a_loan() -> None:
    """The published example of Strobe, *Health factor and liquidation*: 0.9·5 + 0.9·1 over 2 + 0.3 is 2.347."""
    credit, debt = 0.9 * 5 + 0.9 * 1, 2 + 0.3
    found = account_health([credit - debt], [0.0], [credit], [6 - debt])
    assert found.collateral_ratio[0] == pytest.approx(2.347, abs=1e-3)


def test_both_readings_agree_on_who_clears() -> None:
    random = np.random.default_rng(7)
    maintenance, credit = random.uniform(0, 100, (2, 1_000))
    nlv = random.uniform(-50, 150, 1_000)
    found = account_health(nlv, maintenance, credit, nlv)
    assert np.array_equal(found.ratio >= 1, found.collateral_ratio >= 1)
    loaned = np.isfinite(found.collateral_ratio)
    fall = 1 - 1 / found.collateral_ratio[loaned]
    assert np.allclose((nlv - np.where(loaned, credit, 0))[loaned] + (1 - fall) * credit[loaned], maintenance[loaned])


def test_levels_and_columns_are_checked() -> None:
    with pytest.raises(InputError, match="liquidate_bps"):
        HealthLevels(call_bps=9_000, liquidate_bps=10_000)
    with pytest.raises(InputError, match="one length"):
        account_health([1, 2], [1], [0], [1])


def test_shares_add_up_and_refuse_what_nobody_bears() -> None:
    assert sum(apportion(1_000_003, [7, 11, 13])) == 1_000_003
    assert apportion(0, [0, 0]) == [0, 0]
    with pytest.raises(InputError, match="not all be zero"):
        apportion(1, [0, 0])
    with pytest.raises(InputError, match="at least 0"):
        apportion(-1, [1])
