"""Funding that accrues with the market's clock: by a rate, by a premium, by a pool's skew."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.engine.core import Engine
from rtnet_core.funding import FUNDING_PERIOD_MS
from rtnet_core.loss.skew import DAY_MS, PoolFunding
from tests.support.engines import FUTURE, MARKET, PERPETUAL, USD, applied, forward, funded, line, refused, trade

NOW, PRICE = MARKET.time_ms, forward(PERPETUAL)
HOUR = 3_600_000


def cash(made: Engine, name: str) -> int:
    return int(made.venue.ledger.cash[made.venue.ledger.row(name)])


def terms(made: Engine, event_id: str = "terms", **fields: Any) -> None:
    applied(made, line("funding_terms", event_id, terms={PERPETUAL: fields}))


def later(made: Engine, event_id: str, after_ms: int, **more: Any) -> None:
    applied(made, line("prices", event_id, time_ms=NOW + after_ms, **more))


def traded(lots: int = 100) -> Engine:
    made = funded("ada", "bob", usd=1_000_000)
    applied(made, trade("t", "ada", "bob", lots, PRICE))
    return made


def test_the_long_pays_the_rate_on_the_mark_of_the_time_that_has_passed() -> None:
    made = traded()
    before = cash(made, "ada"), cash(made, "bob")
    terms(made, rate_e8=10_000)
    later(made, "p1", FUNDING_PERIOD_MS, forward_ticks={PERPETUAL: PRICE * 2})
    paid = 100 * (PRICE // 10_000)
    assert (cash(made, "ada"), cash(made, "bob")) == (before[0] - paid, before[1] + paid)
    assert made.venue.funding_ticks == {PERPETUAL: PRICE // 10_000}
    later(made, "p2", 2 * FUNDING_PERIOD_MS)
    # A rest of the first time has come to a tick in the second.
    assert made.venue.funding_ticks == {PERPETUAL: 3 * PRICE // 10_000}
    made.venue.ledger.audit()


def test_a_premium_calls_for_its_rate() -> None:
    made = traded()
    terms(made, premium_e8=30_000)  # three basis points: within the clamp, so it is the interest of one
    assert made.venue.accrual.rate_e8(PERPETUAL) == 10_000
    terms(made, "more", premium_e8=200_000)
    assert made.venue.accrual.rate_e8(PERPETUAL) == 150_000


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=12), st.integers(-(10**6), 10**6))
def test_it_does_not_matter_how_often_prices_come(steps: list[int], rate: int) -> None:
    often, once = traded(3), traded(3)
    for made in (often, once):
        terms(made, rate_e8=rate)
    at = 0
    for number, step in enumerate(steps):
        at += step
        later(often, f"p{number}", at)
    later(once, "p", at)
    assert cash(often, "ada") == cash(once, "ada")
    assert often.venue.accrual == once.venue.accrual


def test_a_pools_rate_drifts_with_its_skew_as_the_formula_says() -> None:
    """The rate drifts by a tenth of its velocity, and what is paid is the mean of before and after."""
    made = traded(1_000)
    pool = {"account": "bob", "scale_lots": 10_000, "max_velocity_e8": 50_000_000}
    terms(made, pool=pool)
    formula = PoolFunding(10_000, Fraction(3 * 50_000_000, 10**8), NOW).traded(1_000)
    for number in range(1, 5):
        later(made, f"p{number}", number * HOUR)
        formula = formula.after(NOW + number * HOUR, Fraction(PRICE))
        # Rates of the formula are for a day, the engine's for eight hours.
        assert made.venue.accrual.rate_e8(PERPETUAL) == formula.rate / 3 * 10**8
        assert made.venue.funding_ticks[PERPETUAL] == int(formula.index)
    applied(made, trade("back", "bob", "ada", 1_000, PRICE))
    rate = made.venue.accrual.rate_e8(PERPETUAL)
    later(made, "flat", 5 * HOUR)
    assert made.venue.accrual.rate_e8(PERPETUAL) == rate, "without a skew it stays where it is"
    terms(made, "other", rate_e8=5)
    assert made.venue.accrual.rate_e8(PERPETUAL) == 5


def test_a_skew_beyond_the_scale_drifts_no_faster() -> None:
    made = traded(1_000)
    terms(made, pool={"account": "ada", "scale_lots": 10, "max_velocity_e8": 300})
    later(made, "p", DAY_MS)
    assert made.venue.accrual.rate_e8(PERPETUAL) == -300


def test_terms_that_make_no_sense_are_refused() -> None:
    made = traded()
    pool = {"account": "nobody", "scale_lots": 10, "max_velocity_e8": 300}
    for number, (of, reason) in enumerate(
        (
            ({PERPETUAL: {}}, "bad_event"),
            ({PERPETUAL: {"rate_e8": 1, "premium_e8": 1}}, "bad_event"),
            ({PERPETUAL: {"pool": pool}}, "unknown_account"),
            ({FUTURE: {"rate_e8": 1}}, "wrong_kind"),
            ({"BTC-NOTHING": {"rate_e8": 1}}, "unknown_instrument"),
        )
    ):
        assert refused(made, line("funding_terms", f"f{number}", terms=of)) == reason


def test_funding_beyond_the_widths_stops_the_clock_until_the_terms_change() -> None:
    made = traded(1)
    terms(made, rate_e8=10**8)
    far = {"time_ms": NOW + 20 * FUNDING_PERIOD_MS}
    for entry in MARKET.instruments:
        if entry.expiry_ms is not None:
            applied(made, line("expiry", f"x-{entry.name}", instrument=entry.name, time_ms=1 << 41, settlement_ticks=5))
    assert refused(made, line("prices", "p1", **far)) == "out_of_range"
    applied(made, line("funding_terms", "none", terms={}))
    applied(made, line("prices", "p2", **far))


def test_a_restart_goes_on_with_the_rest_of_a_tick() -> None:
    made = traded(7)
    terms(made, rate_e8=1_234)
    later(made, "p1", 777)
    made.commit()
    made.keep_state()
    again = Engine.open(made.log)
    assert again.venue.accrual == made.venue.accrual
    assert again.digest() == made.digest() == Engine.open(made.log, from_the_beginning=True).digest()
    assert cash(again, "bob") + cash(again, "ada") == 2_000_000 * USD
