"""Live margins: the exact engine's, to the last digit, however they came about."""

from __future__ import annotations

import numpy as np
import pytest

from rtnet_core.book_sample import sample_book
from rtnet_core.engine.core import Engine
from rtnet_core.engine.events import event_line
from rtnet_core.engine.live import Levels
from rtnet_core.engine.log import MemoryLog
from rtnet_core.engine.sample import sample_events
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import BPS
from rtnet_core.margin_exact import AccountVector, account_margin
from rtnet_core.margin_fast import FastMarket, fast_margin
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array
from tests.support.engines import MARKET, PARAMS, PERPETUAL, line, trade


def hold_to_the_exact_engine(made: Engine) -> None:
    """Compare every account's margin, and who is below which level, with `rtnet_core.margin_exact`."""
    ledger, live = made.venue.ledger, made.venue.live
    snapshot, params = live.rates.snapshot, live.rates.params
    risk, published = build_risk_array(snapshot, params), margin_params(params, snapshot)
    below: dict[int, set[int]] = {level: set() for level in (12_500, 10_000, 8_000)}
    for row in range(ledger.count):
        vector = AccountVector(
            int(ledger.cash[row]), tuple(ledger.collateral[row].tolist()), tuple(ledger.lots[row].tolist())
        )
        exact = account_margin(vector, risk, published)
        margin = live.margin(row)
        assert (margin.nlv_e4, margin.maintenance_e4) == (exact.nlv_e4, exact.maintenance_e4)
        assert live._floor_e8[row] <= exact.headroom_e8(12_500)
        for level, rows in below.items():
            if not exact.clears(level):
                rows.add(row)
    assert below[12_500] == live.below_initial
    assert below[10_000] == live.below_maintenance
    assert below[8_000] == live.below_close_out


@pytest.mark.parametrize("profile", ["small", "standard"])
def test_a_sample_books_margins_are_the_exact_engines(profile: str) -> None:
    market = sample_market(6, profile)
    params = default_params(market)
    made = Engine.create(MemoryLog(), market, params, accounts=sample_book(market, params, 90, 2))
    assert made.venue.live.below_close_out
    hold_to_the_exact_engine(made)


def test_margins_stay_exact_through_trades_and_prices() -> None:
    made = Engine.create(MemoryLog(), MARKET, PARAMS, accounts=sample_book(MARKET, PARAMS, 60, 2))
    names = made.venue.ledger.ids
    for number in range(200):
        buyer, seller = names[number % 60], names[(7 * number + 1) % 60]
        instrument = MARKET.instruments[number % len(MARKET.instruments)]
        made.apply(trade(f"t{number}", buyer, seller, 1 + number, instrument.forward_ticks // 50, instrument.name))
        if number % 50 == 49:
            hold_to_the_exact_engine(made)
            forwards = {entry.name: entry.forward_ticks * (100 - number % 7) // 100 for entry in MARKET.instruments}
            made.apply(line("prices", f"p{number}", time_ms=MARKET.time_ms + number, forward_ticks=forwards))
            hold_to_the_exact_engine(made)
            made.apply(line("funding", f"f{number}", instrument=PERPETUAL, move_ticks=number))
            hold_to_the_exact_engine(made)


def test_the_table_of_all_accounts_is_within_its_bound_of_the_exact_and_of_the_fast_engine() -> None:
    market = sample_market(6)
    params = default_params(market)
    made = Engine.create(MemoryLog(), market, params, accounts=sample_book(market, params, 300, 4))
    live, ledger = made.venue.live, made.venue.ledger
    table = live.refresh()
    for row in range(ledger.count):
        margin = live.margin(row)
        assert abs(table.nlv[row] - margin.nlv_e4 / BPS) <= table.error[row]
        assert abs(table.maintenance[row] - margin.maintenance_e4 / BPS) <= table.error[row]
    fast = fast_margin(
        FastMarket.from_risk_array(build_risk_array(market, params), market, params),
        ledger.lots[:300],
        ledger.cash[:300],
        ledger.collateral[:300],
    )
    assert np.all(np.abs(fast.nlv - table.nlv) <= 2 * table.error)
    assert np.all(np.abs(fast.maintenance - table.maintenance) <= 2 * table.error)


def test_sums_beyond_what_a_float_holds_exactly_do_not_mislead() -> None:
    made = Engine.create(MemoryLog(), MARKET, PARAMS)
    ledger = made.venue.ledger
    most = (1 << 27) - 1
    for name, sign in (("long", 1), ("short", -1)):
        row = ledger.open(name, name, "unified", None)
        ledger.lots[row] = [sign * (most - k) if made.venue.live.rates.table[k] else 0 for k in range(8)]
        ledger.cash[row] = -sign * ((1 << 56) - 77)
    ledger.audit()
    made.venue.live.refresh()
    hold_to_the_exact_engine(made)


def test_an_account_exactly_at_a_level_is_not_below_it() -> None:
    """Positions so large that a float cannot tell which side of the level an account is on."""
    made = Engine.create(MemoryLog(), MARKET, PARAMS)
    ledger, live = made.venue.ledger, made.venue.live
    for number in range(64):
        row = ledger.open(f"a{number}", "a", "unified", None)
        sign = 1 if number % 2 else -1
        ledger.lots[row] = [sign * ((1 << 27) - 1 - 977 * (number // 2) - k) for k in range(8)]
    live.refresh()
    for level, below in ((10_000, live.below_maintenance), (12_500, live.below_initial)):
        for row in range(64):
            ledger.cash[row] = 0
            # The least whole tick of cash that clears the level.
            ledger.cash[row] = -(live.margin(row).headroom_e8(level) // BPS**2)
            assert 0 <= live.margin(row).headroom_e8(level) < BPS**2
        live.refresh()
        assert not below
        ledger.cash[:64] -= 1
        live.refresh()
        assert below == set(range(64))


def test_levels_descend() -> None:
    with pytest.raises(InputError, match="descend"):
        Levels(10_000, 11_000, 9_000)
    with pytest.raises(InputError, match="initial_bps"):
        Levels(1 << 20)


def test_a_book_that_does_not_balance_begins_no_engine() -> None:
    accounts = list(sample_book(MARKET, PARAMS, 20, 2))
    with pytest.raises(InputError, match="sum to zero"):
        Engine.create(MemoryLog(), MARKET, PARAMS, accounts=accounts[:-1])
    poor = [account.model_copy(update={"positions": {}, "cash_ticks": -5}) for account in accounts]
    with pytest.raises(Refusal, match="cash"):
        Engine.create(MemoryLog(), MARKET, PARAMS, accounts=poor)


def test_a_stream_leaves_every_margin_exact() -> None:
    made = Engine.create(MemoryLog(), MARKET, PARAMS)
    receipts = [made.apply(event_line(event)) for event in sample_events(MARKET, PARAMS, 30, 600, 8)]
    assert sum(receipt.status == "applied" for receipt in receipts) > 600
    hold_to_the_exact_engine(made)
