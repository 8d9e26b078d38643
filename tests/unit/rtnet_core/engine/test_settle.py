"""What each event does, by hand: who has what before and after, and what is refused."""

from __future__ import annotations

import json

import pytest

from rtnet_core.engine.core import Engine
from rtnet_core.engine.ledger import EXTERNAL, FEES, BalanceError, Entry
from tests.support.engines import (
    CALL,
    FUTURE,
    MARKET,
    PERPETUAL,
    PUT,
    USD,
    applied,
    engine,
    forward,
    funded,
    line,
    refused,
    trade,
)


def cash(made: Engine, name: str) -> int:
    return int(made.venue.ledger.cash[made.venue.ledger.row(name)])


def lots(made: Engine, name: str, instrument: str = PERPETUAL) -> int:
    return int(made.venue.ledger.lots[made.venue.ledger.row(name), made.venue.slot(instrument)])


def pool(made: Engine, place: int) -> int:
    return made.venue.ledger.pool_cash[-place - 1]


def test_a_trade_moves_positions_payment_and_fees_together() -> None:
    made, price = funded("ada", "bob"), forward(PERPETUAL)
    applied(made, trade("t1", "ada", "bob", 100, price, buyer_fee_ticks=70, seller_fee_ticks=-20))
    assert (lots(made, "ada"), lots(made, "bob")) == (100, -100)
    assert cash(made, "ada") == 10_000 * USD - 100 * price - 70
    assert cash(made, "bob") == 10_000 * USD + 100 * price + 20
    assert pool(made, FEES) == 50
    assert pool(made, EXTERNAL) == -20_000 * USD
    made.venue.ledger.audit()


def test_a_trade_beyond_the_initial_margin_is_refused_on_either_side() -> None:
    made, price = funded("ada", "bob"), forward(PERPETUAL)
    applied(made, line("deposit", "more", account="bob", asset="USD", amount=10_000_000 * USD))
    # 10,000 USD carry at most about 53,000 USD of a coin whose scan range is 15 %, at 125 % and with the delta add-on.
    most = 50_000 * USD // price
    assert refused(made, trade("t1", "ada", "bob", 2 * most, price)) == "initial_margin"
    assert refused(made, trade("t1", "bob", "ada", 2 * most, price)) == "initial_margin"
    applied(made, trade("t1", "ada", "bob", most, price))


def test_who_is_below_initial_margin_may_trade_out_but_not_further_in() -> None:
    made, price = funded("ada", "bob", "cyd", usd=1_000_000), forward(PERPETUAL)
    applied(made, trade("t1", "ada", "bob", 4_900_000 * USD // price, price))
    lower = {name: forward(name) * 93 // 100 for name in (PERPETUAL, FUTURE, CALL)}
    applied(made, line("prices", "p1", time_ms=MARKET.time_ms, forward_ticks=lower))
    row = made.venue.ledger.row("ada")
    assert row in made.venue.live.below_initial
    assert refused(made, trade("t2", "ada", "cyd", 100, lower[PERPETUAL])) == "initial_margin"
    assert refused(made, line("withdrawal", "w", account="ada", asset="USD", amount=1)) == "initial_margin"
    applied(made, trade("t2", "cyd", "ada", 100, lower[PERPETUAL]))


def test_a_trade_with_oneself_or_of_something_unknown_is_refused() -> None:
    made = funded("ada", "bob")
    assert refused(made, trade("t", "ada", "ada", 1, 5)) == "self_trade"
    assert refused(made, trade("t", "ada", "eve", 1, 5)) == "unknown_account"
    assert refused(made, trade("t", "ada", "bob", 1, 5, "BTC-NOTHING")) == "unknown_instrument"
    assert refused(made, trade("t", "ada", "bob", 1, 5, seller_fee_ticks=-1)) == "negative_fee"


def test_an_isolated_or_cross_account_holds_what_it_was_opened_for() -> None:
    made = funded("ada", "bob")
    applied(made, line("open", "o1", account="ada/p", owner="ada", mode="isolated", scope=PERPETUAL))
    applied(made, line("open", "o2", account="ada/eth", owner="ada", mode="cross", scope="ETH"))
    assert refused(made, line("open", "o3", account="x", owner="x", mode="cross", scope="DOGE")) == "out_of_scope"
    assert refused(made, line("open", "o3", account="ada/p", owner="eve")) == "account_exists"
    assert refused(made, trade("t1", "ada/p", "bob", 1, 5, CALL)) == "out_of_scope"
    assert refused(made, trade("t1", "bob", "ada/eth", 1, 5)) == "out_of_scope"
    # Its own cash alone carries it, however rich its owner is.
    assert refused(made, trade("t1", "ada/p", "bob", 10, forward(PERPETUAL))) == "initial_margin"
    applied(made, line("transfer", "m", source="ada", target="ada/p", asset="USD", amount=100 * USD))
    applied(made, trade("t1", "ada/p", "bob", 10, forward(PERPETUAL)))


def test_money_leaves_an_account_only_if_it_is_there_and_not_needed() -> None:
    made = funded("ada", "bob")
    assert refused(made, line("withdrawal", "w", account="ada", asset="BTC", amount=1)) == "insufficient"
    assert refused(made, line("withdrawal", "w", account="ada", asset="DOGE", amount=1)) == "unknown_asset"
    assert refused(made, line("withdrawal", "w", account="ada", asset="USD", amount=10_001 * USD)) == "initial_margin"
    transfer = {"source": "ada", "target": "bob", "asset": "USD", "amount": 5}
    assert refused(made, line("transfer", "w", **transfer)) == "other_owner"
    applied(made, line("withdrawal", "w", account="ada", asset="USD", amount=10_000 * USD))
    assert cash(made, "ada") == 0
    assert pool(made, EXTERNAL) == -10_000 * USD


def test_no_more_is_paid_out_than_was_paid_in() -> None:
    made = funded("ada", usd=1)
    applied(made, line("deposit", "d", account="ada", asset="BTC", amount=1_000_000))
    assert refused(made, line("withdrawal", "w", account="ada", asset="USD", amount=2 * USD)) == "insufficient"


def test_amounts_beyond_their_width_are_refused() -> None:
    made = funded("ada")
    assert refused(made, line("deposit", "d", account="ada", asset="BTC", amount=1 << 36)) == "out_of_range"
    assert refused(made, line("deposit", "d", account="ada", asset="USD", amount=(1 << 56) - 1)) == "out_of_range"


def test_a_settlement_happens_on_both_sides_or_on_neither() -> None:
    made = funded("ada", "bob")
    applied(made, line("deposit", "d", account="bob", asset="BTC", amount=500))
    legs = [
        {"source": "ada", "target": "bob", "asset": "USD", "amount": 400 * USD},
        {"source": "bob", "target": "ada", "asset": "BTC", "amount": 501},
    ]
    assert refused(made, line("settlement", "s", legs=legs)) == "insufficient"
    legs[1]["amount"] = 500
    applied(made, line("settlement", "s", legs=legs))
    assert made.venue.ledger.collateral[:2].sum(axis=1).tolist() == [500, 0]
    assert (cash(made, "ada"), cash(made, "bob")) == (9_600 * USD, 10_400 * USD)
    legs = [dict(legs[0], amount=20_000 * USD), dict(legs[0], source="bob", target="ada", amount=1)]
    assert refused(made, line("settlement", "s2", legs=legs)) == "initial_margin"
    assert refused(made, line("settlement", "s2", legs=legs[:1])) == "bad_event"


def test_funding_is_paid_by_who_is_long() -> None:
    made = funded("ada", "bob", "cyd")
    applied(made, trade("t1", "ada", "bob", 7, forward(PERPETUAL)))
    before = [cash(made, name) for name in ("ada", "bob", "cyd")]
    applied(made, line("funding", "f", instrument=PERPETUAL, move_ticks=11))
    after = [cash(made, name) for name in ("ada", "bob", "cyd")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [-77, 77, 0]
    assert made.venue.funding_ticks == {PERPETUAL: 11}
    assert refused(made, line("funding", "f2", instrument=FUTURE, move_ticks=1)) == "wrong_kind"


@pytest.mark.parametrize("name", [FUTURE, CALL, PUT])
def test_at_expiry_positions_become_cash_and_the_instrument_goes(name: str) -> None:
    made = funded("ada", "bob")
    entry = next(entry for entry in MARKET.instruments if entry.name == name)
    applied(made, trade("t1", "ada", "bob", 7, 1_000, name))
    applied(made, trade("t2", "bob", "ada", 3, forward(PERPETUAL)))
    before = cash(made, "ada")
    move = 1_000_000 if name == CALL else -1_000_000
    settled = (entry.strike_ticks or entry.forward_ticks) + move
    expiry = {"instrument": name, "settlement_ticks": settled}
    early = line("expiry", "e", **expiry, time_ms=(entry.expiry_ms or 0) - 1)
    assert refused(made, early) == "not_expired"
    applied(made, line("expiry", "e", **expiry, time_ms=entry.expiry_ms))
    assert cash(made, "ada") == before + 7 * (settled if name == FUTURE else 1_000_000)
    assert lots(made, "ada") == -3  # other positions keep theirs, in whatever slot
    assert refused(made, trade("t3", "ada", "bob", 1, 5, name)) == "unknown_instrument"
    assert (
        refused(made, line("expiry", "e2", instrument=PERPETUAL, time_ms=1 << 41, settlement_ticks=5)) == "wrong_kind"
    )
    made.venue.ledger.audit()


def test_what_is_held_cannot_be_delisted_and_terms_do_not_change() -> None:
    made = funded("ada", "bob")
    applied(made, trade("t1", "ada", "bob", 7, 1_000, CALL))
    content = json.loads(MARKET.to_json_bytes())
    without = content | {"instruments": [entry for entry in content["instruments"] if entry["name"] != CALL]}
    assert refused(made, line("market", "m", snapshot=without)) == "in_use"
    for change in ({"profile": "standard"}, {"time_ms": MARKET.time_ms - 1}):
        assert refused(made, line("market", "m", snapshot=content | change)) == "other_market"
    other = [entry | ({"strike_ticks": 10_000} if entry["name"] == CALL else {}) for entry in content["instruments"]]
    assert refused(made, line("market", "m", snapshot=content | {"instruments": other})) == "other_market"
    applied(made, line("market", "m", snapshot=content | {"instruments": content["instruments"][::-1]}))
    assert lots(made, "ada", CALL) == 7
    assert [entry.name for entry in made.venue.live.rates.snapshot.instruments][-1] == PERPETUAL


def test_prices_name_what_is_listed_and_do_not_go_back_in_time() -> None:
    made = engine()
    now = MARKET.time_ms
    assert refused(made, line("prices", "p", time_ms=now, forward_ticks={"BTC-NOTHING": 5})) == "bad_market"
    assert refused(made, line("prices", "p", time_ms=now - 1)) == "bad_market"
    last = max(entry.expiry_ms or 0 for entry in MARKET.instruments)
    assert refused(made, line("prices", "p", time_ms=last)) == "bad_market"
    applied(made, line("prices", "p", time_ms=now + 1, index_ticks={"BTC": 5_000_000}, price_ticks={"USDC": 999_000}))
    assert made.venue.live.rates.snapshot.underlyings[0].index_ticks == 5_000_000


def test_parameters_take_effect_at_once() -> None:
    made, price = funded("ada", "bob"), forward(PERPETUAL)
    applied(made, trade("t1", "ada", "bob", 30_000 * USD // price, price))
    content = json.loads(made.venue.live.rates.params.to_json_bytes())
    content["underlyings"][0]["scan_range_bps"] = 4_000
    assert not made.venue.live.below_maintenance
    applied(made, line("parameters", "p", params=content))
    assert made.venue.live.below_maintenance == {0, 1}
    strange = json.loads(made.venue.live.rates.params.to_json_bytes())
    strange["underlyings"] = strange["underlyings"][:1]
    assert refused(made, line("parameters", "p2", params=strange)) == "bad_market"


def test_pools_hold_no_less_than_nothing() -> None:
    made = engine()
    move = {"source": "external", "target": "insurance_fund", "asset": "USD", "amount": 100}
    applied(made, line("pool_transfer", "a", **move))
    back = {"source": "insurance_fund", "target": "vault", "asset": "USD", "amount": 101}
    assert refused(made, line("pool_transfer", "b", **back)) == "insufficient"
    applied(made, line("pool_transfer", "b", **back | {"amount": 100}))
    assert made.venue.ledger.pool_cash == [-100, 0, 0, 100]


def test_an_entry_that_does_not_balance_is_never_booked() -> None:
    ledger = funded("ada", "bob").venue.ledger
    entry = Entry()
    entry.pay(0, 1, 5)
    entry.cash[1] += 1
    with pytest.raises(BalanceError):
        ledger.check(entry)
    ledger.cash[0] += 1
    with pytest.raises(BalanceError, match="cash"):
        ledger.audit()
    ledger.cash[0] -= 1
    ledger.lots[0, 3] += 1
    with pytest.raises(BalanceError, match="slot"):
        ledger.audit()
    with pytest.raises(BalanceError, match="slot 3"):
        ledger.pay_per_lot(3, 1)


def test_an_id_is_applied_once() -> None:
    made = funded("ada")
    first = made.apply(line("deposit", "d", account="ada", asset="USD", amount=5))
    again = made.apply(line("deposit", "d", account="ada", asset="USD", amount=5))
    assert (again.status, again.sequence) == ("repeated", first.sequence)
    other = made.apply(line("deposit", "d", account="ada", asset="USD", amount=6))
    assert (other.status, other.reason) == ("refused", "id_reused")
    assert cash(made, "ada") == 10_000 * USD + 5
