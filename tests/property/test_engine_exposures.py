"""What passes the limits without being looked at would have passed them all."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import event, given
from hypothesis import strategies as st

from rtnet_core.engine.exposures import Exposures, Screen
from rtnet_core.engine.ledger import Ledger
from rtnet_core.engine.rates import MARK, Rates
from rtnet_core.loss.breaker import Breaker, BreakerRules, Phase
from rtnet_core.loss.controls import SizeTiers, VenueLimits, check_order
from tests.support.engines import MARKET, PARAMS, USD

RATES = Rates.of(MARKET, PARAMS)
SLOTS = len(RATES.table)
OWNERS = ("ada", "ada", "bob", "cyd")

money = st.sampled_from([10**5 * USD, 10**6 * USD, 10**9 * USD])


@given(
    cash=st.lists(st.sampled_from([-(10**4), 10**5, 10**6, 10**7, 10**8]), min_size=4, max_size=4),
    lots=st.lists(st.lists(st.integers(-1_000, 1_000), min_size=SLOTS, max_size=SLOTS), min_size=4, max_size=4),
    sides=st.permutations(range(4)),
    trade=st.tuples(st.integers(0, SLOTS - 1), st.integers(1, 4_000), st.integers(9_890, 10_110)),
    rates=st.lists(st.sampled_from([50, 100, 500, 1_000, 2_000]), min_size=1, max_size=3, unique=True),
    worthless=st.sampled_from([False, False, False, True]),
    band=st.sampled_from([200, 300, 2_000]),
    phase=st.sampled_from([*[Phase.OPEN] * 6, *Phase]),
    caps=st.tuples(
        money,
        st.sampled_from([500, 10_000, 30_000]),
        st.sampled_from([50_000, 500_000, 2_000_000]),
        money,
        st.sampled_from([100, 2_000]),
    ),
)
def test_what_is_surely_within_limits_is_within_them(
    cash: list[int],
    lots: list[list[int]],
    sides: list[int],
    trade: tuple[int, int, int],
    rates: list[int],
    worthless: bool,
    band: int,
    phase: Phase,
    caps: tuple[int, int, int, int, int],
) -> None:
    ledger = Ledger(SLOTS, MARKET.sizes.assets)
    for row, owner in enumerate(OWNERS):
        ledger.open(f"account-{row}", owner, "unified", None)
        ledger.cash[row] = cash[row] * USD
        ledger.lots[row] = lots[row]
    priced = RATES
    if worthless:
        rows = RATES.rows.copy()
        rows[trade[0], MARK] = 0
        priced = replace(RATES, rows=rows)
    exposures = Exposures(ledger, priced)
    tiers = SizeTiers(tuple(range(1_000, 1_000 * len(rates), 1_000)), tuple(sorted(rates)))
    limits = VenueLimits(tiers, *caps)
    slot, traded, bps = trade
    mark = exposures.order(0, slot, [0], 1, 0, 0).reference_ticks
    price, shared = mark * bps // 10_000, {0: [0, 1], 1: [0, 1]}
    breaker = Breaker(BreakerRules(band_bps=band), mark * 101 // 100, phase=phase)
    screen = Screen.of(int(priced.rows[slot, MARK]), limits, breaker)
    passes = screen.least_price <= price <= screen.most_price
    passes = passes and screen.passes(exposures, slot, (sides[0], sides[1]), traded, shared)
    event(f"surely within: {passes}")
    if passes:
        for row, signed in zip(sides[:2], (traded, -traded), strict=True):
            held = lots[row][slot]
            order = exposures.order(row, slot, shared.get(row, [row]), signed, price, held)
            assert check_order(order, limits) is None
            assert breaker.refuse(signed, held, price) is None


@given(reference=st.integers(1, 1 << 27), band=st.integers(1, 20_000), price=st.integers(0, 1 << 27))
def test_a_breaker_that_is_open_takes_just_the_prices_that_it_says(reference: int, band: int, price: int) -> None:
    breaker = Breaker(BreakerRules(band_bps=band), reference)
    least, most = breaker.open_prices()
    for asked in (price, least - 1, least, most, most + 1):
        assert (breaker.refuse(1, 0, asked) is None) == (least <= asked <= most)
