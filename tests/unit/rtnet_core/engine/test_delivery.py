"""Physical delivery by hand: who gives, who receives, who fails, and who is paid for it."""

from __future__ import annotations

from typing import Any

import pytest

from rtnet_core.engine.core import Engine
from rtnet_core.engine.delivery import DeliveredAccount, DeliveryReport
from rtnet_core.engine.ledger import INSURANCE_FUND
from rtnet_core.limits import BPS
from tests.support.engines import (
    CALL,
    FUTURE,
    MARKET,
    PERPETUAL,
    PUT,
    USD,
    applied,
    forward,
    funded,
    line,
    refused,
    trade,
)

EXPIRY = next(entry.expiry_ms for entry in MARKET.instruments if entry.name == FUTURE)
SPOT = MARKET.underlyings[0].index_ticks
LOTS = 100  # a hundredth of a coin each hundred; a lot is one unit of the asset


def coins(made: Engine, name: str, units: int) -> None:
    applied(made, line("deposit", f"coins-{name}", account=name, asset="BTC", amount=units))


def delivered(made: Engine, instrument: str, ticks: int = SPOT, **more: Any) -> dict[str, DeliveredAccount]:
    fields = {"instrument": instrument, "time_ms": EXPIRY, "settlement_ticks": ticks} | more
    report = applied(made, line("delivery", "d", **fields)).report
    assert isinstance(report, DeliveryReport)
    made.venue.ledger.audit()
    assert instrument not in made.venue.live.rates.slot_of
    return {account.account: account for account in report.accounts}


def held(made: Engine, name: str) -> tuple[int, int]:
    """Return an account's cash, and its bitcoin."""
    ledger, row = made.venue.ledger, made.venue.ledger.row(name)
    return int(ledger.cash[row]), int(ledger.collateral[row, made.venue.live.rates.asset_of["BTC"]])


def test_a_future_ends_with_the_asset_at_the_price_once_agreed() -> None:
    made, price = funded("ada", "bob"), forward(FUTURE)
    coins(made, "bob", LOTS)
    applied(made, trade("t", "ada", "bob", LOTS, price, FUTURE))
    found = delivered(made, FUTURE, SPOT + 12_345)  # whatever the settlement price is
    assert held(made, "ada") == (10_000 * USD - LOTS * price, LOTS)
    assert held(made, "bob") == (10_000 * USD + LOTS * price, 0)
    assert (found["ada"].lots, found["ada"].delivered_lots, found["ada"].units) == (LOTS, LOTS, LOTS)
    assert (found["bob"].lots, found["bob"].delivered_lots, found["bob"].units) == (-LOTS, -LOTS, -LOTS)


@pytest.mark.parametrize(("name", "receiver", "giver"), [(CALL, "ada", "bob"), (PUT, "bob", "ada")])
def test_an_exercised_option_is_the_asset_against_the_strike(name: str, receiver: str, giver: str) -> None:
    """Ada is long: a call's holder receives, a put's gives."""
    made = funded("ada", "bob")
    coins(made, giver, LOTS)
    applied(made, trade("t", "ada", "bob", LOTS, 0, name))
    strike = next(entry.strike_ticks for entry in MARKET.instruments if entry.name == name)
    assert strike is not None
    delivered(made, name, strike + (500_000 if name == CALL else -500_000))
    assert held(made, receiver) == (10_000 * USD - LOTS * strike, LOTS)
    assert held(made, giver) == (10_000 * USD + LOTS * strike, 0)


def test_an_option_out_of_the_money_ends_with_nothing() -> None:
    made = funded("ada", "bob")
    applied(made, trade("t", "ada", "bob", LOTS, 0, CALL))
    found = delivered(made, CALL, 1)
    assert {(entry.units, entry.cash_ticks, entry.penalty_ticks) for entry in found.values()} == {(0, 0, 0)}
    assert held(made, "ada") == held(made, "bob") == (10_000 * USD, 0)


def test_who_lacks_the_asset_settles_in_cash_and_pays_who_was_ready() -> None:
    made = funded("ada", "bob", "cyd")
    coins(made, "cyd", LOTS)
    applied(made, trade("t1", "ada", "bob", LOTS, SPOT, FUTURE))
    applied(made, trade("t2", "ada", "cyd", LOTS, SPOT, FUTURE))
    found = delivered(made, FUTURE, penalty_bps=50)
    due = 50 * LOTS * SPOT // BPS
    assert (found["bob"].delivered_lots, found["bob"].penalty_ticks) == (0, due)
    assert (found["cyd"].delivered_lots, found["cyd"].penalty_ticks) == (-LOTS, 0)
    assert (found["ada"].delivered_lots, found["ada"].compensation_ticks) == (LOTS, due)
    assert held(made, "bob") == (10_000 * USD - due, 0)


def test_a_party_that_cannot_pay_fails_too_and_the_giver_keeps_the_asset() -> None:
    """A position in the perpetual binds what ada would pay with; the asset's haircut is more than is left."""
    made, price = funded("ada", "bob", "cyd", usd=10_000), forward(PERPETUAL)
    coins(made, "bob", 2_000)
    applied(made, line("deposit", "more", account="cyd", asset="USD", amount=10**6 * USD))
    applied(made, trade("t1", "ada", "bob", 1_500, SPOT, FUTURE))
    applied(made, trade("t2", "cyd", "ada", 5_100, price))
    live, ledger = made.venue.live, made.venue.ledger
    found = delivered(made, FUTURE)
    taken = found["ada"].delivered_lots
    assert 0 < taken < 1_500
    assert found["ada"].penalty_ticks == found["bob"].compensation_ticks == 100 * (1_500 - taken) * SPOT // BPS
    assert found["bob"].delivered_lots == -taken
    # As many as the account could pay for: it stands at the level, but for less than a lot more and the penalty.
    headroom = live.margin(ledger.row("ada")).headroom_e8(live.levels.initial_bps)
    assert 0 <= headroom + found["ada"].penalty_ticks * BPS**2 < SPOT * BPS**2


def test_where_both_sides_fail_the_fund_gets_the_penalties() -> None:
    made = funded("ada", "bob")
    applied(made, trade("t", "ada", "bob", LOTS, SPOT, FUTURE))
    ledger = made.venue.ledger
    fund = ledger.pool_cash[-INSURANCE_FUND - 1]
    made.venue.ledger.collateral[ledger.row("ada"), 2] = (1 << 36) - 1  # no room for a unit more
    ledger.pool_units[0][2] -= (1 << 36) - 1
    found = delivered(made, FUTURE)
    due = 100 * LOTS * SPOT // BPS
    assert found["ada"].penalty_ticks == found["bob"].penalty_ticks == due
    assert ledger.pool_cash[-INSURANCE_FUND - 1] == fund + 2 * due


def test_what_cannot_be_delivered_is_refused() -> None:
    made = funded("ada", "bob")
    ether = next(entry for entry in MARKET.instruments if entry.underlying == "ETH" and entry.kind == "future")
    fields = {"time_ms": ether.expiry_ms, "settlement_ticks": SPOT}
    assert refused(made, line("delivery", "d1", instrument=ether.name, **fields)) == "no_delivery"
    assert refused(made, line("delivery", "d2", instrument=PERPETUAL, **fields)) == "wrong_kind"
    early = fields | {"time_ms": MARKET.time_ms}
    assert refused(made, line("delivery", "d3", instrument=FUTURE, **early)) == "not_expired"


def test_a_replay_delivers_the_same() -> None:
    made = funded("ada", "bob")
    coins(made, "bob", LOTS // 2)
    applied(made, trade("t", "ada", "bob", LOTS, SPOT, FUTURE))
    found = delivered(made, FUTURE)
    made.commit()
    again = Engine.open(made.log, from_the_beginning=True)
    assert again.digest() == made.digest()
    (report,) = again.reports.values()
    assert isinstance(report, DeliveryReport)
    assert {account.account: account for account in report.accounts} == found
    assert report.to_json()["type"] == "delivery"
