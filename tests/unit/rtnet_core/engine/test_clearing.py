"""Failing accounts by hand: who is closed, who pays, who bears what, and which trades are stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.engine_feed import receipt_line
from rtnet_core.engine import clearing
from rtnet_core.engine.clearing_report import ClearedAccount, ClearReport, Standing
from rtnet_core.engine.core import Engine
from rtnet_core.engine.ledger import INSURANCE_FUND, VAULT
from rtnet_core.engine.log import MemoryLog
from rtnet_core.engine.safeguards import bare_equity_ticks, equity_ticks
from rtnet_core.errors import Refusal
from rtnet_core.limits import BPS
from rtnet_core.loss.waterfall import Stage
from tests.support.engines import (
    CALL,
    FUTURE,
    MARKET,
    PERPETUAL,
    USD,
    applied,
    forward,
    funded,
    line,
    refused,
    trade,
)

PRICE = forward(PERPETUAL)
#: The market's clock, and steps of it.
NOW = MARKET.time_ms
LOTS = 5_000  # about 49,000 USD, which 10,000 USD carry at 15 % scan range and 125 %


def opened(name: str, usd: int, made: Engine) -> None:
    applied(made, line("open", f"open-{name}", account=name, owner=name))
    applied(made, line("deposit", f"fund-{name}", account=name, asset="USD", amount=usd * USD))


def priced(made: Engine, bps: int, event_id: str = "fall", after_ms: int = 1_000) -> None:
    """Move everything on bitcoin to `bps` of where the sample market has it."""
    listed = [entry for entry in MARKET.instruments if entry.underlying == "BTC"]
    index = MARKET.underlyings[0].index_ticks * bps // BPS
    fields = {
        "time_ms": NOW + after_ms,
        "index_ticks": {"BTC": index},
        "forward_ticks": {entry.name: entry.forward_ticks * bps // BPS for entry in listed},
    }
    applied(made, line("prices", event_id, **fields))


def controls(made: Engine, event_id: str = "terms", **terms: Any) -> None:
    applied(made, line("controls", event_id, controls=terms))


def endow(made: Engine, target: str, usd: int) -> None:
    fields = {"source": "external", "target": target, "asset": "USD", "amount": usd * USD}
    applied(made, line("pool_transfer", f"endow-{target}", **fields))


def cleared(made: Engine, event_id: str = "clear") -> ClearReport:
    report = applied(made, line("clear", event_id)).report
    assert isinstance(report, ClearReport)
    made.venue.ledger.audit()
    return report


def only(made: Engine) -> ClearedAccount:
    (account,) = cleared(made).accounts
    return account


def cash(made: Engine, place: int) -> int:
    return made.venue.ledger.pool_cash[-place - 1]


def lots(made: Engine, name: str, instrument: str = PERPETUAL) -> int:
    return int(made.venue.ledger.lots[made.venue.ledger.row(name), made.venue.slot(instrument)])


def longs(usd: int = 10_000, backstop_usd: int | None = None, coin_units: int = 0) -> Engine:
    """Return an engine in which ada is long and bob short, and bob has plenty."""
    made = funded("ada", usd=usd)
    if coin_units:
        applied(made, line("deposit", "coins", account="ada", asset="BTC", amount=coin_units))
    opened("bob", 1_000_000, made)
    applied(made, trade("t1", "ada", "bob", LOTS, PRICE))
    if backstop_usd is not None:
        opened("desk", backstop_usd, made)
        controls(made, backstop="desk")
    return made


def test_just_enough_is_closed_against_the_backstop() -> None:
    made = longs(backstop_usd=1_000_000)
    priced(made, 9_400)
    desk_before = bare_equity_ticks(made.venue, made.venue.ledger.row("desk"))
    account = only(made)
    assert (account.account, account.standing, account.worsened) == ("ada", Standing.CURED, False)
    closed = account.closed_lots[PERPETUAL]
    assert 0 < closed < LOTS
    assert lots(made, "ada") == LOTS - closed
    assert lots(made, "desk") == closed
    mark = PRICE * 9_400 // BPS
    notional = closed * 100 * (mark // 100)  # a hundred moves of 1 %, in whole ticks
    assert 0 <= account.closed_ticks - notional <= closed * 100
    assert account.penalty_ticks == account.closed_ticks * 50 // BPS
    assert cash(made, INSURANCE_FUND) == account.penalty_ticks
    assert bare_equity_ticks(made.venue, made.venue.ledger.row("desk")) == desk_before + account.cost_ticks
    row = made.venue.ledger.row("ada")
    margin = made.venue.live.margin(row)
    assert margin.headroom_e8(12_500) >= 0
    # One lot less would not have done: what that lot frees is more than what is left over.
    assert margin.headroom_e8(12_500) < BPS * BPS * mark
    assert cleared(made, "again").accounts == ()


@pytest.mark.parametrize("target_bps", [1, 11_000])
def test_a_target_below_the_maintenance_level_is_that_level(target_bps: int) -> None:
    made = longs(backstop_usd=1_000_000)
    controls(made, "low", backstop="desk", target_bps=target_bps)
    priced(made, 9_400)
    assert only(made).standing is Standing.CURED
    margin = made.venue.live.margin(made.venue.ledger.row("ada"))
    assert margin.headroom_e8(max(target_bps, 10_000)) >= 0


def test_the_backstop_itself_is_closed_against_the_other_side_only() -> None:
    """It cannot take its own positions over: below maintenance it waits, bankrupt it is deleveraged."""
    made = longs()
    controls(made, backstop="ada")
    priced(made, 9_400)
    assert only(made).standing is Standing.WAITING
    priced(made, 7_500, "more", 2_000)
    (account,) = cleared(made, "again").accounts
    assert account.standing is Standing.RESOLVED
    assert [entry.account for entry in account.borne] == ["bob"]


def test_collateral_that_nobody_can_pay_stays_and_so_does_the_account() -> None:
    made = longs(usd=8_500, coin_units=200)
    priced(made, 7_500)
    account = only(made)
    assert account.standing is Standing.WAITING
    assert (account.sold_units, account.borne) == ({}, ())
    endow(made, "vault", 10_000)
    (account,) = cleared(made, "again").accounts
    assert account.sold_units == {"BTC": 200}
    assert account.standing is Standing.RESOLVED


def test_the_healthy_are_let_alone() -> None:
    made = longs(backstop_usd=1_000_000)
    priced(made, 9_700)
    assert made.venue.live.below_initial
    before = made.venue.ledger.lots.copy()
    assert cleared(made).accounts == ()
    assert (made.venue.ledger.lots == before).all()


def test_without_a_backstop_a_failing_account_waits() -> None:
    made = longs()
    priced(made, 9_400)
    account = only(made)
    assert account.standing is Standing.WAITING
    assert lots(made, "ada") == LOTS
    assert cash(made, INSURANCE_FUND) == 0


def test_the_backstop_takes_what_its_own_margin_carries() -> None:
    made = longs(backstop_usd=1_000)
    priced(made, 9_000)
    account = only(made)
    assert account.standing is Standing.IMPROVED
    closed = account.closed_lots[PERPETUAL]
    assert lots(made, "desk") == closed
    live, desk = made.venue.live, made.venue.ledger.row("desk")
    assert live.margin(desk).headroom_e8(live.levels.initial_bps) >= 0
    # One lot more would not have fitted.
    assert refused(made, trade("more", "desk", "bob", 10, PRICE * 9_000 // BPS)) == "initial_margin"


def test_the_insurance_fund_pays_a_deficit_first() -> None:
    made = longs(backstop_usd=1_000_000)
    endow(made, "insurance_fund", 50_000)
    priced(made, 7_500)
    account = only(made)
    assert account.standing is Standing.RESOLVED
    assert account.closed_lots == {PERPETUAL: LOTS}
    assert account.penalty_ticks == 0  # there is nothing to take it from
    lost = LOTS * (PRICE - PRICE * 7_500 // BPS)
    assert account.deficit_ticks == lost + account.cost_ticks - 10_000 * USD
    assert account.fund_ticks == account.deficit_ticks
    assert account.borne == ()
    assert equity_ticks(made.venue, made.venue.ledger.row("ada")) == 0
    assert cash(made, INSURANCE_FUND) == 50_000 * USD - account.deficit_ticks


def test_then_the_vault_within_its_limit_and_last_all_who_gained() -> None:
    made = longs()
    opened("desk", 1_000_000, made)
    opened("cyd", 1_000, made)
    controls(made, backstop="desk", vault_limit_ticks=300 * USD)
    endow(made, "insurance_fund", 100)
    endow(made, "vault", 1_000)
    priced(made, 7_500)
    bob = equity_ticks(made.venue, made.venue.ledger.row("bob"))
    account = only(made)
    assert account.standing is Standing.RESOLVED
    assert (account.fund_ticks, account.vault_ticks) == (100 * USD, 300 * USD)
    # Only bob has gained since the venue began: it is all taken from him.
    assert {(entry.stage, entry.account) for entry in account.borne} == {(Stage.SOCIALISED_LOSS, "bob")}
    borne = account.borne_ticks(Stage.SOCIALISED_LOSS)
    assert account.deficit_ticks == 400 * USD + borne
    assert equity_ticks(made.venue, made.venue.ledger.row("bob")) == bob - borne
    assert cash(made, VAULT) == 700 * USD
    assert equity_ticks(made.venue, made.venue.ledger.row("cyd")) == 1_000 * USD


def test_what_was_gained_before_the_last_clear_is_not_haircut() -> None:
    made = longs()
    opened("dan", 10_000, made)
    opened("eve", 1_000_000, made)
    ether = "ETH-PERPETUAL"
    fields = {"time_ms": NOW, "forward_ticks": {ether: forward(ether) * 11 // 10}}
    applied(made, trade("t2", "dan", "eve", 100, forward(ether), ether))
    applied(made, line("prices", "rise", **fields))
    assert cleared(made, "first").accounts == ()
    controls(made, backstop="eve")
    priced(made, 7_500)
    account = only(made)
    assert {entry.account for entry in account.borne} == {"bob"}
    assert account.borne_ticks(Stage.SOCIALISED_LOSS) == account.deficit_ticks > 0


def test_what_has_no_taker_is_closed_against_the_other_side() -> None:
    """Bob is deleveraged at the bankruptcy price; the fund makes up for a part of it."""
    made = longs()
    endow(made, "insurance_fund", 500)
    priced(made, 7_500)
    bob = equity_ticks(made.venue, made.venue.ledger.row("bob"))
    account = only(made)
    assert account.standing is Standing.RESOLVED
    assert account.closed_lots == {}
    (entry,) = account.borne
    assert (entry.stage, entry.account, entry.lots) == (Stage.AUTO_DELEVERAGING, "bob", LOTS)
    lost = LOTS * (PRICE - PRICE * 7_500 // BPS)
    assert account.deficit_ticks == lost - 10_000 * USD
    assert account.fund_ticks == 500 * USD
    assert entry.ticks == account.deficit_ticks - 500 * USD
    assert equity_ticks(made.venue, made.venue.ledger.row("bob")) == bob - entry.ticks
    assert (lots(made, "ada"), lots(made, "bob")) == (0, 0)


def test_a_fund_that_covers_the_deficit_leaves_the_deleveraged_whole() -> None:
    made = longs()
    endow(made, "insurance_fund", 50_000)
    priced(made, 7_500)
    bob = equity_ticks(made.venue, made.venue.ledger.row("bob"))
    account = only(made)
    assert account.fund_ticks == account.deficit_ticks > 0
    assert [entry.ticks for entry in account.borne] == [0]
    assert equity_ticks(made.venue, made.venue.ledger.row("bob")) == bob
    assert lots(made, "ada") == 0


def test_those_with_most_profit_and_leverage_are_deleveraged_first() -> None:
    made = longs()
    opened("cyd", 4_000, made)
    applied(made, trade("t2", "bob", "cyd", 1_000, PRICE))
    priced(made, 7_500)
    account = only(made)
    order = [entry.account for entry in account.borne]
    assert order == ["cyd", "bob"]
    assert lots(made, "cyd") == 0


def test_collateral_is_sold_below_its_price_before_others_pay() -> None:
    made = longs(usd=8_500, coin_units=200)  # about 2,000 USD
    opened("desk", 1_000_000, made)
    controls(made, backstop="desk", sale_bps=1_000)
    endow(made, "vault", 500)
    endow(made, "insurance_fund", 50_000)
    priced(made, 7_500)
    price = made.venue.live.rates.snapshot.assets[2].price_ticks
    account = only(made)
    assert account.sold_units == {"BTC": 200}
    vault = made.venue.ledger.pool_units[-VAULT - 1][2]
    assert vault == 500 * USD * BPS // (price * 9_000)  # as many as its cash pays
    desk = made.venue.ledger.collateral[made.venue.ledger.row("desk"), 2]
    assert vault + desk == 200
    assert account.sold_ticks == vault * price * 9_000 // BPS + (200 - vault) * price * 9_000 // BPS
    assert account.deficit_ticks == account.fund_ticks > 0


def test_an_account_worth_less_than_its_haircut_sells_only_what_it_owes() -> None:
    """NLV below zero, equity above: it is not bankrupt, and nobody else pays."""
    made = longs(usd=8_000, coin_units=500)  # about 5,000 USD
    opened("desk", 1_000_000, made)
    controls(made, backstop="desk", sale_bps=0)
    priced(made, 7_410)
    account = only(made)
    assert account.standing is Standing.CLOSED
    assert 0 < account.sold_units["BTC"] <= 500
    assert account.deficit_ticks == 0
    row = made.venue.ledger.row("ada")
    assert bare_equity_ticks(made.venue, row) >= 0
    assert row not in made.venue.live.below_maintenance


def test_the_worst_come_first_and_use_the_backstop_up() -> None:
    made = funded("ada", "cyd", usd=10_000)
    opened("bob", 1_000_000, made)
    applied(made, trade("t1", "ada", "bob", 4_500, PRICE))
    applied(made, trade("t2", "cyd", "bob", 5_000, PRICE))
    opened("desk", 700, made)
    controls(made, backstop="desk")
    priced(made, 9_100)
    first, second = cleared(made).accounts
    assert (first.account, second.account) == ("cyd", "ada")
    assert first.closed_lots
    assert (second.standing, second.closed_lots) == (Standing.WAITING, {})


@pytest.mark.parametrize("order", ["pro_rata", "smallest_risk_first"])
def test_the_order_of_closing_is_the_venues_choice(order: str) -> None:
    """A small position in the future beside the perpetual: in proportion both shrink, by risk the small one goes."""
    made = funded("ada", usd=10_000)
    opened("bob", 1_000_000, made)
    opened("desk", 1_000_000, made)
    applied(made, trade("t1", "ada", "bob", 4_500, PRICE))
    applied(made, trade("t2", "ada", "bob", 300, forward(FUTURE), FUTURE))
    controls(made, backstop="desk", order=order)
    priced(made, 9_250)
    account = only(made)
    assert account.standing is Standing.CURED
    assert (lots(made, "ada", FUTURE) == 0) == (order == "smallest_risk_first")
    assert 0 < account.closed_lots[PERPETUAL] < 4_500


def test_a_receipt_tells_what_a_clear_did() -> None:
    made = longs(backstop_usd=1_000_000)
    priced(made, 9_400)
    told = json.loads(receipt_line(applied(made, line("clear", "c"))))
    (account,) = told["report"]["accounts"]
    assert (account["account"], account["standing"]) == ("ada", "cured")
    assert account["closed_lots"][PERPETUAL] == LOTS - lots(made, "ada")


def test_a_replay_gives_the_same_reports_and_state() -> None:
    made = longs(backstop_usd=1_000_000)
    priced(made, 9_400)
    report = cleared(made)
    made.commit()
    again = Engine.open(made.log, from_the_beginning=True)
    assert again.reports == {made.sequence: report}
    assert again.digest() == made.digest()
    assert made.apply(line("clear", "clear")).status == "repeated"


def test_a_clear_that_breaks_off_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = longs(backstop_usd=1_000_000)
    priced(made, 7_500)

    def broken(*_: object) -> None:
        raise Refusal("out_of_range", "a width is exceeded")

    monkeypatch.setattr(clearing, "resolve", broken)
    below = set(made.venue.live.below_maintenance)
    assert refused(made, line("clear", "c")) == "out_of_range"
    assert made.venue.live.below_maintenance == below == {made.venue.ledger.row("ada")}
    monkeypatch.undo()
    assert only(made).closed_lots == {PERPETUAL: LOTS}


def test_limits_go_on_in_a_market_that_lists_other_things() -> None:
    made = funded("ada", "bob")
    content = MARKET.model_dump(mode="json", exclude_none=True)
    content["assets"] = content["assets"][:2]
    applied(made, line("market", "less", snapshot=content))
    controls(made, limits={"BTC": LIMITS})
    applied(made, trade("t1", "ada", "bob", 10, PRICE))
    applied(made, line("market", "more", snapshot=MARKET.model_dump(mode="json", exclude_none=True)))
    applied(made, line("deposit", "coins", account="ada", asset="BTC", amount=5))
    applied(made, trade("t2", "ada", "bob", 10, PRICE))


def test_a_depth_tightens_the_tiers_at_once_and_loosens_them_slowly() -> None:
    made = funded("ada", "bob", usd=100_000)
    tiers = {
        "depth_ticks": 10**6 * USD,
        "tier_bounds_bps": [100],
        "tier_rates_bps": [100, 9_000],
        "depth_rise_bps": 1_000,
    }
    controls(made, limits={"BTC": LIMITS | tiers})
    large = 100_000 * USD // PRICE
    applied(made, line("depth", "thin", depth_ticks={"BTC": 10_000 * USD}))
    safeguards = made.venue.safeguards
    assert refused(made, trade("t1", "ada", "bob", large, PRICE)) == "open_interest_cap"
    applied(made, line("depth", "again", depth_ticks={"BTC": 10**6 * USD}))
    assert safeguards.depth_of("BTC") == 10_000 * USD, "once for each time"
    priced(made, BPS, "later")
    applied(made, line("depth", "slowly", depth_ticks={"BTC": 10**6 * USD}))
    assert safeguards.depth_of("BTC") == 11_000 * USD
    made.commit()
    made.keep_state()
    assert Engine.open(made.log).venue.safeguards == safeguards
    assert Engine.open(made.log, from_the_beginning=True).digest() == made.digest()
    controls(made, "other", limits={"BTC": LIMITS | tiers | {"leverage_bps": 400_000}})
    assert safeguards.depth_of("BTC") == 10**6 * USD
    applied(made, trade("t2", "ada", "bob", large, PRICE))
    assert refused(made, line("depth", "none", depth_ticks={"ETH": 5})) == "unknown_instrument"


def test_controls_name_what_there_is() -> None:
    made = funded("ada")
    applied(made, line("open", "o", account="ada/apart", owner="ada", mode="isolated", scope=PERPETUAL))
    assert refused(made, line("controls", "c1", controls={"backstop": "nobody"})) == "unknown_account"
    assert refused(made, line("controls", "c2", controls={"backstop": "ada/apart"})) == "out_of_scope"
    unlisted: list[dict[str, Any]] = [{"liquidity": {"XRP": {}}}, {"breakers": {"BTC-NOTHING": {}}}]
    for terms in (*unlisted, {"limits": {"XRP": LIMITS}}):
        assert refused(made, line("controls", "c3", controls=terms)) == "unknown_instrument"
    broken: list[dict[str, Any]] = [{"sale_bps": BPS}, {"limits": {"BTC": LIMITS | {"tier_rates_bps": [2, 1]}}}]
    for terms in (*broken, {"other": 1}):
        assert refused(made, line("controls", "c4", controls=terms)) == "bad_event"


LIMITS = {
    "tier_bounds_bps": [1_000],
    "tier_rates_bps": [100, 2_000],
    "depth_ticks": 1_000_000 * USD,
    "open_interest_bps": 5_000,
    "leverage_bps": 200_000,
    "counterparty_ticks": 400_000 * USD,
    "deviation_bps": 100,
}


@pytest.mark.parametrize(
    ("changed", "lots", "price", "code"),
    [
        ({}, 5_000, PRICE, ""),
        ({}, 10, PRICE * 102 // 100, "price_deviation"),
        ({"tier_rates_bps": [2_500, 9_000]}, 5_000, PRICE, "size_tier"),
        ({"depth_ticks": 50_000 * USD, "tier_rates_bps": [1, 2]}, 5_000, PRICE, "open_interest_cap"),
        ({"leverage_bps": 10_000}, 1_100, PRICE, "leverage_cap"),
        ({"counterparty_ticks": 900 * USD}, 100, PRICE, "counterparty_limit"),
    ],
)
def test_limits_stop_trades(changed: dict[str, Any], lots: int, price: int, code: str) -> None:
    made = funded("ada", "bob")
    controls(made, limits={"BTC": LIMITS | changed})
    order = trade("t", "ada", "bob", lots, price)
    if code:
        assert refused(made, order) == code
        controls(made, "none")
    applied(made, order)


def test_a_limit_of_an_instrument_goes_before_that_of_its_underlying() -> None:
    made = funded("ada", "bob")
    controls(made, limits={"BTC": LIMITS | {"leverage_bps": 0}, PERPETUAL: LIMITS})
    applied(made, trade("t1", "ada", "bob", 10, PRICE))
    assert refused(made, trade("t2", "ada", "bob", 10, forward(FUTURE), FUTURE)) == "leverage_cap"
    # Whoever is over a limit gets out; and a cap is one of all accounts of an owner.
    applied(made, trade("t3", "bob", "ada", 10, PRICE))


def test_exposure_is_that_of_all_accounts_of_an_owner() -> None:
    made = funded("ada", "bob")
    applied(made, line("open", "o", account="ada/2", owner="ada"))
    applied(made, line("deposit", "d", account="ada/2", asset="USD", amount=10_000 * USD))
    applied(made, trade("t1", "ada", "bob", 1_000, PRICE))  # 9,900 USD
    controls(made, limits={"BTC": LIMITS | {"counterparty_ticks": 10_000 * USD}})
    assert refused(made, trade("t2", "ada/2", "bob", 100, PRICE)) == "counterparty_limit"
    applied(made, trade("t3", "ada/2", "ada", 0 + 1, PRICE))


def test_a_breaker_halts_and_resumes_with_the_markets_clock() -> None:
    made = funded("ada", "bob", usd=1_000_000)
    controls(made, breakers={PERPETUAL: {}})
    low = PRICE * 9_000 // BPS

    def attempt(event_id: str, buyer: str = "ada", price: int = low) -> str:
        receipt = made.apply(trade(event_id, buyer, "bob" if buyer == "ada" else "ada", 10, price))
        return receipt.reason or receipt.status

    assert attempt("t0", price=PRICE) == "applied"
    priced(made, 9_000, "jump", 1_000)
    assert attempt("t1") == "price_band"
    assert attempt("other", price=PRICE * 9_600 // BPS) == "applied"  # inside the band
    priced(made, 9_000, "still-there", 17_000)
    assert attempt("t2") == "market_halted"
    option = made.venue.live.rates.rows[made.venue.slot(CALL), 16]
    applied(made, trade("call", "ada", "bob", 1, int(option), CALL))  # what has no breaker trades on
    priced(made, 9_700, "auction", 17_000 + 300_000)
    assert attempt("t3") == "market_halted"
    made.commit()
    made.keep_state()
    kept = Engine.open(made.log)
    assert kept.venue.safeguards == made.venue.safeguards
    priced(made, 9_700, "after-it", 17_000 + 300_000 + 31_000)
    inside = PRICE * 9_700 // BPS
    assert attempt("t4", price=inside) == "reduce_only"
    assert attempt("t5", "bob", inside) == "applied"
    priced(made, 9_700, "cooled-down", 17_000 + 300_000 + 31_000 + 61_000)
    assert attempt("t6", price=inside) == "applied"


def test_a_breaker_goes_on_under_the_same_rules_and_ends_with_its_instrument() -> None:
    made = funded("ada")
    controls(made, breakers={PERPETUAL: {}, FUTURE: {}})
    priced(made, 9_000)
    before = dict(made.venue.safeguards.breakers)
    controls(made, "again", breakers={PERPETUAL: {}, FUTURE: {"band_bps": 600}})
    after = made.venue.safeguards.breakers
    assert after[PERPETUAL] == before[PERPETUAL]
    assert after[FUTURE] != before[FUTURE]
    expiry = next(entry.expiry_ms for entry in MARKET.instruments if entry.name == FUTURE)
    applied(made, line("expiry", "x", instrument=FUTURE, time_ms=expiry, settlement_ticks=PRICE))
    assert set(made.venue.safeguards.breakers) == {PERPETUAL}


def test_a_new_engine_keeps_controls_in_its_state() -> None:
    made = Engine.create(MemoryLog(), MARKET, funded("ada").venue.live.rates.params)
    plain = made.digest()
    controls(made, penalty_bps=70)
    assert made.digest() != plain
    made.commit()
    made.keep_state()
    assert Engine.open(made.log).venue.safeguards.controls.penalty_bps == 70
