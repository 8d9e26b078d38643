"""Collateral by its terms: pegs, staked tokens, other chains; deposits that wait until they are final."""

from __future__ import annotations

from typing import Any

from rtnet_core.engine.core import Engine
from rtnet_core.limits import MS_PER_YEAR
from tests.support.engines import MARKET, applied, engine, line, refused

NOW = MARKET.time_ms
DOLLAR = {"peg": {"ticks": 1_000_000}}


def price(made: Engine, symbol: str) -> int:
    assets = made.venue.live.rates.snapshot.assets
    return next(asset.price_ticks for asset in assets if asset.symbol == symbol)


def terms(made: Engine, event_id: str = "terms", **of: dict[str, Any]) -> None:
    applied(made, line("collateral", event_id, terms=of))


def priced(made: Engine, event_id: str, after_ms: int = 0, **ticks: int) -> None:
    applied(made, line("prices", event_id, time_ms=NOW + after_ms, price_ticks=ticks))


def ada() -> Engine:
    made = engine()
    applied(made, line("open", "open", account="ada", owner="ada"))
    return made


def units(made: Engine, symbol: str) -> int:
    return int(made.venue.ledger.collateral[0, made.venue.live.rates.asset_of[symbol]])


def again(made: Engine) -> Engine:
    """Return the engine as a restart from its kept state has it, which a replay agrees with."""
    made.commit()
    assert Engine.open(made.log, from_the_beginning=True).digest() == made.digest()
    made.keep_state()
    found = Engine.open(made.log)
    assert found.digest() == made.digest()
    assert found.venue.collateral == made.venue.collateral
    return found


def test_a_dollar_below_its_peg_counts_less_than_the_market_pays() -> None:
    made = ada()
    applied(made, line("deposit", "d", account="ada", asset="USDC", amount=1_000))
    row = made.venue.ledger.row("ada")
    full = made.venue.live.margin(row).nlv_e4
    terms(made, USDC=DOLLAR)
    assert made.venue.live.margin(row).nlv_e4 == full
    priced(made, "p1", USDC=1_002_000)
    assert price(made, "USDC") == 1_000_000
    priced(made, "p2", USDC=970_000)
    assert price(made, "USDC") == 910_000
    assert made.venue.live.margin(row).nlv_e4 == full * 91 // 100
    made = again(made)
    applied(made, line("collateral", "none", terms={}))
    assert price(made, "USDC") == 970_000, "without terms it counts at market again"


def test_a_staked_token_counts_at_the_lower_of_market_and_redemption_which_grows() -> None:
    made = ada()
    coin = price(made, "BTC")
    each = (1 << 32) * 6 // 5 // 10  # a unit of it for 0.12 units of bitcoin
    worth = coin * 3 // 25
    terms(made, USDT={"follows": "BTC", "each_q32": each, "as_of_ms": NOW, "yield_bps": 300})
    assert price(made, "USDT") == 999_900, "the market pays less than redemption"
    priced(made, "p1", USDT=2 * worth)
    assert abs(price(made, "USDT") - worth) <= 1
    before = price(made, "USDT")
    priced(made, "p2", after_ms=86_400_000)
    assert price(made, "USDT") == int(coin * each * (10_000 * MS_PER_YEAR + 300 * 86_400_000)) // (
        (1 << 32) * 10_000 * MS_PER_YEAR
    )
    assert price(made, "USDT") > before
    priced(made, "p3", after_ms=86_400_000, BTC=coin // 2)
    assert abs(price(made, "USDT") - worth // 2) <= 300, "it falls with its coin, though its market did not"


def test_an_asset_on_another_chain_counts_as_at_home_less_the_bridge() -> None:
    made = ada()
    terms(made, USDT={"follows": "USDC", "bridge_bps": 30}, USDC=DOLLAR)
    priced(made, "p", USDC=970_000, USDT=1_000_000)
    assert price(made, "USDT") == 910_000 * 9_970 // 10_000


def test_a_deposit_counts_once_its_chain_is_final() -> None:
    made = ada()
    terms(made, USDC={"finality_ms": 900_000})
    applied(made, line("deposit", "d1", account="ada", asset="USDC", amount=40))
    priced(made, "p1", after_ms=1_000)
    applied(made, line("deposit", "d2", account="ada", asset="USDC", amount=2))
    assert units(made, "USDC") == 0
    assert refused(made, line("withdrawal", "w", account="ada", asset="USDC", amount=1)) == "insufficient"
    made = again(made)
    priced(made, "p2", after_ms=899_999)
    assert units(made, "USDC") == 0
    priced(made, "p3", after_ms=900_000)
    assert units(made, "USDC") == 40
    priced(made, "p4", after_ms=901_000)
    assert units(made, "USDC") == 42
    made.venue.ledger.audit()
    assert not made.venue.collateral.waiting


def test_a_deposit_that_is_not_final_can_be_taken_back() -> None:
    made = ada()
    terms(made, USDC={"finality_ms": 900_000})
    applied(made, line("deposit", "d1", account="ada", asset="USDC", amount=40))
    applied(made, line("reversal", "r1", deposit="d1"))
    assert refused(made, line("reversal", "r2", deposit="d1")) == "unknown_deposit"
    priced(made, "p", after_ms=900_001)
    assert units(made, "USDC") == 0


def test_a_deposit_that_does_not_fit_waits() -> None:
    made = ada()
    applied(made, line("deposit", "most", account="ada", asset="USDC", amount=(1 << 36) - 1))
    terms(made, USDC={"finality_ms": 1})
    applied(made, line("deposit", "more", account="ada", asset="USDC", amount=1))
    priced(made, "p1", after_ms=10)
    assert [deposit.id for deposit in made.venue.collateral.waiting] == ["more"]
    applied(made, line("withdrawal", "w", account="ada", asset="USDC", amount=1))
    priced(made, "p2", after_ms=10)
    assert units(made, "USDC") == (1 << 36) - 1


def test_terms_that_make_no_sense_are_refused() -> None:
    made = ada()
    assert refused(made, line("collateral", "c1", terms={"DOGE": {}})) == "unknown_asset"
    assert refused(made, line("collateral", "c2", terms={"USDC": {"follows": "DOGE"}})) == "unknown_asset"
    chain = {"USDC": {"follows": "BTC"}, "USDT": {"follows": "USDC"}}
    assert refused(made, line("collateral", "c3", terms=chain)) == "bad_market"
    assert refused(made, line("collateral", "c4", terms={"USDC": {"follows": "USDC"}})) == "bad_market"
    later = {"USDC": {"follows": "BTC", "as_of_ms": NOW + 1}}
    assert refused(made, line("collateral", "c5", terms=later)) == "bad_market"
    assert refused(made, line("collateral", "c6", terms={"USDC": {"yield_bps": 1}})) == "bad_event"


def test_a_market_file_brings_what_the_market_pays() -> None:
    made = ada()
    terms(made, USDC=DOLLAR)
    content = MARKET.model_dump(mode="json", exclude_none=True)
    content["assets"][0]["price_ticks"] = 970_000
    applied(made, line("market", "m", snapshot=content))
    assert price(made, "USDC") == 910_000
    priced(made, "p", after_ms=5)
    assert price(made, "USDC") == 910_000
