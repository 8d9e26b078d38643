"""The engine under random events: money and lots are conserved, refusals change nothing, replay is identical."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rtnet_core.engine.core import Engine, Receipt
from rtnet_core.engine.ledger import POOLS
from rtnet_core.engine.log import MemoryLog
from rtnet_core.engine.rates import MARK, Rates
from rtnet_core.limits import AMOUNT_BITS, CASH_BITS, QUANTITY_BITS
from rtnet_core.margin_exact import AccountVector, account_margin
from rtnet_core.params import Params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array
from tests.support.engines import MARKET, PARAMS, USD, line

NAMES = ("ada", "bob", "cyd", "cyd/apart", "vault-desk")
RISK = build_risk_array(MARKET, PARAMS)
PERPETUALS = [entry.name for entry in MARKET.instruments if entry.kind == "perpetual"]


def magnitudes(bits: int) -> st.SearchStrategy[int]:
    """Positive numbers of all sizes up to a width, powers of two and their neighbours among them."""
    powers = st.integers(1, bits - 1).flatmap(lambda power: st.sampled_from([(1 << power) - 1, 1 << power]))
    return (powers | st.integers(1, 10_000)).map(lambda number: max(1, number))


names = st.sampled_from(NAMES)
pairs = st.permutations(NAMES[:4]).map(lambda order: (order[0], order[1])) | st.tuples(names, names)
assets = st.sampled_from(["USD", "BTC", "USD", "BTC", *(asset.symbol for asset in MARKET.assets), "DOGE"])
amounts = st.integers(1, 50) | magnitudes(CASH_BITS) | st.integers(10**9, 10**12)
listed = st.sampled_from([entry.name for entry in MARKET.instruments])
instruments = st.sampled_from([*(entry.name for entry in MARKET.instruments), "BTC-NOTHING"])


class Venue(RuleBasedStateMachine):
    """Everything a venue's customers and operator may send, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.log = MemoryLog()
        self.engine = Engine.create(self.log, MARKET, PARAMS)
        self.number = 0
        self.sent: list[bytes] = []
        self.time_ms = MARKET.time_ms
        self.rates, self.risk = self.engine.venue.live.rates, RISK

    def send(self, kind: str, **fields: Any) -> Receipt:
        """Send an event; a refused one must change nothing."""
        self.number += 1
        text = line(kind, f"e{self.number}", **fields)
        before = self.engine.digest()
        receipt = self.engine.apply(text)
        assert receipt.reason != "bad_event", receipt
        if receipt.status == "refused":
            assert self.engine.digest() == before
        else:
            self.sent.append(text)
        return receipt

    @initialize(usd=st.lists(st.integers(0, 10**6), min_size=4, max_size=4))
    def begin(self, usd: list[int]) -> None:
        for name, amount in zip(NAMES[:4], usd, strict=True):
            self.send("open", account=name, owner=name.partition("/")[0])
            self.send("deposit", account=name, asset="USD", amount=1 + amount * USD)
            self.send("deposit", account=name, asset="BTC", amount=100)

    @rule(name=names, mode=st.sampled_from([("unified", None), ("cross", "BTC"), ("isolated", PERPETUALS[0])]))
    def open(self, name: str, mode: tuple[str, str | None]) -> None:
        scope = {} if mode[1] is None else {"scope": mode[1]}
        self.send("open", account=name, owner=name.partition("/")[0], mode=mode[0], **scope)

    @rule(name=names, asset=assets, amount=amounts)
    def deposit(self, name: str, asset: str, amount: int) -> None:
        self.send("deposit", account=name, asset=asset, amount=amount)

    @rule(name=names, asset=assets, amount=amounts)
    def withdraw(self, name: str, asset: str, amount: int) -> None:
        receipt = self.send("withdrawal", account=name, asset=asset, amount=amount)
        if receipt.status == "applied":
            ledger, live = self.engine.venue.ledger, self.engine.venue.live
            assert live.margin(ledger.row(name)).headroom_e8(live.levels.initial_bps) >= 0

    @rule(way=pairs, asset=assets, amount=amounts)
    def transfer(self, way: tuple[str, str], asset: str, amount: int) -> None:
        self.send("transfer", source=way[0], target=way[1], asset=asset, amount=amount)

    @rule(way=st.tuples(st.sampled_from(POOLS), st.sampled_from(POOLS)), asset=assets, amount=amounts)
    def move_pools(self, way: tuple[str, str], asset: str, amount: int) -> None:
        self.send("pool_transfer", source=way[0], target=way[1], asset=asset, amount=amount)

    @rule(legs=st.lists(st.tuples(pairs, assets, amounts), min_size=2, max_size=3))
    def settle(self, legs: list[tuple[tuple[str, str], str, int]]) -> None:
        keys = ("source", "target", "asset", "amount")
        self.send("settlement", legs=[dict(zip(keys, (*way, asset, n), strict=True)) for way, asset, n in legs])

    @rule(
        sides=pairs,
        instrument=instruments,
        lots=magnitudes(QUANTITY_BITS),
        price=st.integers(0, (1 << 27) - 1),
        fees=st.tuples(st.integers(-100, 1_000), st.integers(-100, 100)),
    )
    def trade_wildly(
        self, sides: tuple[str, str], instrument: str, lots: int, price: int, fees: tuple[int, int]
    ) -> None:
        self.trade(sides, instrument, lots, price, fees)

    @rule(
        order=st.permutations(NAMES[:4]), instrument=listed, lots=st.integers(1, 2_000), bps=st.integers(9_900, 10_100)
    )
    def trade_near_the_mark(self, order: list[str], instrument: str, lots: int, bps: int) -> None:
        rates = self.engine.venue.live.rates
        if instrument in rates.slot_of:
            mark = int(rates.rows[rates.slot_of[instrument], MARK])
            price = min(mark * bps // 10_000, (1 << 27) - 1)
            self.trade((order[0], order[1]), instrument, lots, price, (lots, 0))

    def trade(self, sides: tuple[str, str], instrument: str, lots: int, price: int, fees: tuple[int, int]) -> None:
        """Send a trade: it brings no one further below the initial level."""
        ledger, live = self.engine.venue.ledger, self.engine.venue.live
        level = live.levels.initial_bps
        before = {row: live.margin(row).headroom_e8(level) for row in range(ledger.count)}
        fields = {"buyer": sides[0], "seller": sides[1], "instrument": instrument, "lots": lots, "price_ticks": price}
        self.send("trade", **fields, buyer_fee_ticks=fees[0], seller_fee_ticks=fees[1])
        for row, headroom in before.items():
            after = live.margin(row).headroom_e8(level)
            assert after >= 0 or after >= headroom

    @rule(name=st.sampled_from(PERPETUALS), move=st.integers(-(1 << 27) + 1, (1 << 27) - 1) | st.integers(-99, 99))
    def fund(self, name: str, move: int) -> None:
        self.send("funding", instrument=name, move_ticks=move)

    @rule(bps=st.integers(5_000, 20_000), wait_ms=st.integers(0, 10**6))
    def move_prices(self, bps: int, wait_ms: int) -> None:
        listed = self.engine.venue.live.rates.snapshot
        self.time_ms += wait_ms
        forwards = {e.name: max(1, min(e.forward_ticks * bps // 10_000, (1 << 27) - 1)) for e in listed.instruments}
        indices = {e.symbol: max(1, min(e.index_ticks * bps // 10_000, (1 << 27) - 1)) for e in listed.underlyings}
        self.send("prices", time_ms=self.time_ms, forward_ticks=forwards, index_ticks=indices)

    @precondition(lambda self: self.number > 25)
    @rule(instrument=instruments, price=st.integers(1, (1 << 27) - 1) | st.integers(7_000_000, 9_000_000))
    def expire(self, instrument: str, price: int) -> None:
        self.send("expiry", instrument=instrument, time_ms=(1 << 42) - 1, settlement_ticks=price)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        before = self.engine.digest()
        assert self.engine.apply(data.draw(st.sampled_from(self.sent))).status == "repeated"
        assert self.engine.digest() == before

    @rule()
    def commit(self) -> None:
        self.engine.commit()

    @rule()
    def keep_state(self) -> None:
        self.engine.commit()
        self.engine.keep_state()

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        ledger = self.engine.venue.ledger
        ledger.audit()
        count = ledger.count
        assert sum(ledger.cash[:count].tolist()) + sum(ledger.pool_cash) == 0
        assert not any(sum(column) for column in zip(*ledger.lots[:count].tolist(), strict=True))
        assert all(0 <= units < 1 << AMOUNT_BITS for row in ledger.collateral[:count].tolist() for units in row)
        assert ledger.pool_cash[0] <= 0
        assert min(ledger.pool_cash[1:]) >= 0

    @invariant()
    def margins_are_the_exact_engines(self) -> None:
        ledger, live = self.engine.venue.ledger, self.engine.venue.live
        if live.rates is not self.rates:
            self.rates, self.risk = live.rates, build_risk_array(live.rates.snapshot, PARAMS)
        published = margin_params(PARAMS, live.rates.snapshot)
        for row in range(ledger.count):
            vector = AccountVector(
                int(ledger.cash[row]), tuple(ledger.collateral[row].tolist()), tuple(ledger.lots[row].tolist())
            )
            exact = account_margin(vector, self.risk, published)
            assert tuple(live.margin(row)) == (exact.nlv_e4, exact.maintenance_e4)
            assert live._floor_e8[row] <= exact.headroom_e8(live.levels.initial_bps)
            assert (row in live.below_initial) == (not exact.clears(live.levels.initial_bps))
            assert (row in live.below_maintenance) == (not exact.clears(10_000))

    def teardown(self) -> None:
        """Every restart and replay comes out where the engine stands."""
        self.engine.commit()
        for again in (Engine.open(self.log), Engine.open(self.log, from_the_beginning=True)):
            assert again.digest() == self.engine.digest()
            assert again.chain == self.engine.chain
            assert again.venue.live.below_maintenance == self.engine.venue.live.below_maintenance


def _with_rates(**rates: Any) -> Params:
    """Return the parameters with other rates, so that one part of the rule outweighs the others."""
    nothing = {"size_rises_bps": (0, 0), "short_option_bps": 0, "delta_rate_bps": 0, "gamma_rate_bps": 0}
    entries = [entry.model_copy(update=nothing | {"size_kinks_lots": (0, 9)} | rates) for entry in PARAMS.underlyings]
    return PARAMS.model_copy(update={"underlyings": tuple(entries)})


@settings(deadline=None, max_examples=100)
@given(
    params=st.sampled_from(
        [
            PARAMS,
            _with_rates(),
            _with_rates(delta_rate_bps=1_000_000),
            _with_rates(gamma_rate_bps=1_000_000),
            _with_rates(size_rises_bps=(9_000, 7_000)),
            _with_rates(short_option_bps=16_000),
        ]
    ),
    lots=st.lists(st.integers(-(1 << 26), 1 << 26) | st.integers(-20, 20), min_size=8, max_size=8),
    slot=st.integers(0, 7),
    change=st.integers(-(1 << 26), (1 << 26) - 1) | st.integers(-100, 100),
)
def test_no_position_costs_more_than_its_steepest_line(params: Params, lots: list[int], slot: int, change: int) -> None:
    """The bound behind the floors: `Rates.steepest_e4`."""
    moved = [*lots[:slot], lots[slot] + change, *lots[slot + 1 :]]
    before, after = (
        account_margin(AccountVector(0, (0, 0, 0), tuple(held)), RISK, margin_params(params, MARKET)).maintenance_e4
        for held in (lots, moved)
    )
    assert abs(after - before) <= abs(change) * Rates.of(MARKET, params).steepest_e4()[slot]


TestVenue = Venue.TestCase
TestVenue.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)
