"""Clears and controls among random events: money and lots are conserved, the healthy let alone, replays identical."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rtnet_core.engine.clearing_report import ClearReport, Standing
from rtnet_core.engine.core import Engine, Receipt
from rtnet_core.engine.delivery import DeliveryReport
from rtnet_core.engine.exposures import Exposures
from rtnet_core.engine.ledger import INSURANCE_FUND
from rtnet_core.engine.live import Margin
from rtnet_core.engine.log import MemoryLog
from rtnet_core.engine.rates import MARK
from rtnet_core.engine.reports import Report
from rtnet_core.engine.safeguards import bare_equity_ticks, equity_ticks
from rtnet_core.engine.tuning import TuneReport
from rtnet_core.engine.vault import vault_value_ticks
from rtnet_core.loss.waterfall import Stage
from tests.support.engines import MARKET, PARAMS, USD, line

NAMES = ("ada", "bob", "cyd", "dan", "eve")
INSTRUMENTS = [entry.name for entry in MARKET.instruments]
PERPETUALS = [entry.name for entry in MARKET.instruments if entry.kind == "perpetual"]
#: What can be delivered: the sample market prices bitcoin, and no ether.
DATED = [entry.name for entry in MARKET.instruments if entry.underlying == "BTC" and entry.kind != "perpetual"]
ASSETS = [asset.symbol for asset in MARKET.assets]
TOP = (1 << 27) - 1


def ratio(margin: Margin) -> Fraction | None:
    return Fraction(margin.nlv_e4, margin.maintenance_e4) if margin.maintenance_e4 else None


trades = st.tuples(
    st.permutations(NAMES), st.sampled_from(INSTRUMENTS), st.integers(1, 3_000), st.integers(9_900, 10_100)
)


class ClearedVenue(RuleBasedStateMachine):
    """A venue with little money in it, whose prices jump."""

    def __init__(self) -> None:
        super().__init__()
        self.log = MemoryLog()
        self.engine = Engine.create(self.log, MARKET, PARAMS)
        self.number = 0
        self.reports: dict[int, Report] = {}

    def send(self, kind: str, **fields: Any) -> Receipt:
        """Send an event; a refused one must change nothing."""
        self.number += 1
        before = self.engine.digest()
        receipt = self.engine.apply(line(kind, f"e{self.number}", **fields))
        assert receipt.reason != "bad_event", receipt
        assert (self.engine.digest() == before) == (receipt.status == "refused")
        if receipt.report is not None:
            self.reports[self.engine.sequence] = receipt.report
        return receipt

    @initialize(
        usd=st.lists(st.integers(100, 4_000), min_size=5, max_size=5),
        units=st.lists(st.integers(0, 300), min_size=5, max_size=5),
        first=st.lists(trades, min_size=3, max_size=8),
        fund=st.integers(0, 400),
        vault=st.integers(0, 400),
        backstop=st.none() | st.integers(10, 100_000),
    )
    def begin(
        self, usd: list[int], units: list[int], first: list[Any], fund: int, vault: int, backstop: int | None
    ) -> None:
        for name, cash, held in zip(NAMES, usd, units, strict=True):
            self.send("open", account=name, owner=name)
            self.send("deposit", account=name, asset="USD", amount=cash * USD)
            if held:
                self.send("deposit", account=name, asset="BTC", amount=held)
        for pool, amount in (("insurance_fund", fund), ("vault", vault)):
            if amount:
                self.send("pool_transfer", source="external", target=pool, asset="USD", amount=amount * USD)
        self.trade_near_the_mark(first)
        if backstop is not None:
            self.send("open", account="desk", owner="desk")
            self.send("deposit", account="desk", asset="USD", amount=backstop * USD)
            self.send("controls", controls={"backstop": "desk"})

    @rule(several=st.lists(trades, min_size=1, max_size=6))
    def trade_near_the_mark(self, several: list[Any]) -> None:
        for (buyer, seller, *_), instrument, lots, bps in several:
            rates = self.engine.venue.live.rates
            if instrument not in rates.slot_of:
                continue  # it has expired
            price = min(int(rates.rows[rates.slot_of[instrument], MARK]) * bps // 10_000, TOP)
            fields = {"instrument": instrument, "lots": lots, "price_ticks": price}
            event(self.send("trade", buyer=buyer, seller=seller, **fields).reason or "traded")

    @rule(name=st.sampled_from(NAMES), asset=st.sampled_from(["USD", *ASSETS]), amount=st.integers(1, 10**9))
    def withdraw(self, name: str, asset: str, amount: int) -> None:
        self.send("withdrawal", account=name, asset=asset, amount=amount)

    @rule(name=st.sampled_from(NAMES), usd=st.integers(1, 10_000))
    def deposit(self, name: str, usd: int) -> None:
        self.send("deposit", account=name, asset="USD", amount=usd * USD)

    @rule(
        backstop=st.sampled_from([None, *NAMES, "desk", "desk"]),
        order=st.sampled_from(["pro_rata", "smallest_risk_first"]),
        limit=st.sampled_from([None, 0, 10 * USD]),
        penalty=st.sampled_from([0, 50, 500]),
        sale=st.sampled_from([0, 200, 9_999]),
    )
    def set_terms(self, backstop: str | None, order: str, limit: int | None, penalty: int, sale: int) -> None:
        terms = {"order": order, "vault_limit_ticks": limit, "penalty_bps": penalty, "sale_bps": sale}
        known = backstop is None or backstop in self.engine.venue.ledger.row_of
        receipt = self.send("controls", controls={"backstop": backstop} | terms)
        assert receipt.reason == ("" if known else "unknown_account")

    @rule(
        instrument=st.sampled_from([*INSTRUMENTS, "BTC", "BTC-NOTHING"]),
        leverage=st.integers(0, 30),
        depth=st.integers(1, 10**6),
        band=st.sampled_from([1, 500, 5_000]),
    )
    def limit_trades(self, instrument: str, leverage: int, depth: int, band: int) -> None:
        limits = {
            "depth_ticks": depth * USD,
            "open_interest_bps": 10_000,
            "leverage_bps": leverage * 10_000,
            "counterparty_ticks": 10**6 * USD,
            "deviation_bps": 300,
        }
        breakers = {name: {"band_bps": band} for name in PERPETUALS}
        backstop = self.engine.venue.safeguards.controls.backstop
        self.send("controls", controls={"backstop": backstop, "limits": {instrument: limits}, "breakers": breakers})

    @rule(name=st.sampled_from(["BTC", *INSTRUMENTS]), depth=st.integers(1, 10**6))
    def measure_depth(self, name: str, depth: int) -> None:
        """A depth falls at once, rises slowly, and is of limits that there are."""
        safeguards = self.engine.venue.safeguards
        known = name in safeguards.controls.limits
        before = safeguards.depth_of(name) if known else 0
        receipt = self.send("depth", depth_ticks={name: depth * USD})
        assert receipt.reason == ("" if known else "unknown_instrument")
        if known:
            after = safeguards.depth_of(name)
            assert after == depth * USD or before <= after <= min(before * 105 // 100, depth * USD)

    @rule(
        asset=st.sampled_from(ASSETS),
        follows=st.sampled_from([None, *ASSETS]),
        peg=st.booleans(),
        bridge=st.integers(0, 500),
        finality_ms=st.sampled_from([0, 0, 500, 50_000]),
    )
    def set_collateral(self, asset: str, follows: str | None, peg: bool, bridge: int, finality_ms: int) -> None:
        terms: dict[str, Any] = {"follows": follows, "bridge_bps": bridge, "finality_ms": finality_ms}
        if peg:
            terms["peg"] = {"ticks": 1_000_000}
        self.send("collateral", terms={asset: terms})

    @rule(asset=st.sampled_from(ASSETS), name=st.sampled_from(NAMES), amount=st.integers(1, 300), back=st.booleans())
    def deposit_from_a_chain(self, asset: str, name: str, amount: int, back: bool) -> None:
        self.send("deposit", account=name, asset=asset, amount=amount)
        waiting = {deposit.id for deposit in self.engine.venue.collateral.waiting}
        deposit = f"e{self.number}"
        if back:
            assert self.send("reversal", deposit=deposit).reason == ("" if deposit in waiting else "unknown_deposit")

    @rule(
        name=st.sampled_from(["BTC.haircut_bps", "ETH.scan_range_bps", "USDC.haircut_bps[1]"]),
        bps=st.integers(0, 6_000),
    )
    def tune(self, name: str, bps: int) -> None:
        receipt = self.send("tune", changes=[{"parameter": name, "wanted_bps": bps, "source": "a model"}])
        if isinstance(receipt.report, TuneReport):
            for change in receipt.report.changes:
                assert change.new_bps <= max(change.old_bps * 5 // 4, change.old_bps + 1, 100)

    @rule(name=st.sampled_from(NAMES), usd=st.integers(1, 400), leaving=st.booleans())
    def provide_liquidity(self, name: str, usd: int, leaving: bool) -> None:
        """What the others' shares are worth does not fall by who comes and goes."""
        venue = self.engine.venue
        shares, value = venue.vault, vault_value_ticks(venue)
        if leaving:
            self.send("vault_withdrawal", account=name, shares=max(1, shares.of_accounts.get(name, 0)))
        else:
            self.send("vault_deposit", account=name, ticks=usd * USD)
        if shares and venue.vault:
            assert vault_value_ticks(venue) * shares.total >= value * venue.vault.total

    @rule(
        name=st.sampled_from(PERPETUALS),
        rate=st.integers(-(10**6), 10**6),
        pool=st.sampled_from([None, None, *NAMES]),
        stop=st.booleans(),
    )
    def accrue_funding(self, name: str, rate: int, pool: str | None, stop: bool) -> None:
        terms: dict[str, Any] = {"rate_e8": rate}
        if pool is not None:
            terms = {"pool": {"account": pool, "scale_lots": 5_000, "max_velocity_e8": abs(rate)}}
        assert self.send("funding_terms", terms={} if stop else {name: terms}).status == "applied"

    @rule(
        instrument=st.sampled_from([*DATED * 3, *INSTRUMENTS, "BTC-NOTHING"]),
        price=st.integers(1, TOP) | st.integers(7_000_000, 12_000_000),
        penalty=st.sampled_from([0, 100, 10_000]),
    )
    def deliver(self, instrument: str, price: int, penalty: int) -> None:
        """As many lots are given as received, by their own side only; what is paid in penalties arrives."""
        ledger = self.engine.venue.ledger
        fund = ledger.pool_cash[-INSURANCE_FUND - 1]
        fields = {"instrument": instrument, "time_ms": (1 << 42) - 1, "settlement_ticks": price, "penalty_bps": penalty}
        receipt = self.send("delivery", **fields)
        event(f"delivery {receipt.reason or receipt.status}")
        if not isinstance(receipt.report, DeliveryReport):
            return
        told = receipt.report.accounts
        assert sum(entry.units for entry in told) == sum(entry.delivered_lots for entry in told) == 0
        gained = ledger.pool_cash[-INSURANCE_FUND - 1] - fund
        assert sum(entry.cash_ticks for entry in told) == -gained
        assert sum(entry.penalty_ticks - entry.compensation_ticks for entry in told) == gained >= 0
        for entry in told:
            event("failed" if entry.penalty_ticks else "delivered")
            assert 0 <= entry.delivered_lots * (1 if entry.lots > 0 else -1) <= abs(entry.lots)
            assert not (entry.penalty_ticks and entry.compensation_ticks and entry.delivered_lots == entry.lots)

    @rule(bps=st.lists(st.integers(7_000, 14_000), min_size=2, max_size=2), wait_ms=st.sampled_from([0, 1_000, 10**5]))
    def move_prices(self, bps: list[int], wait_ms: int) -> None:
        """Move either coin by a factor of its own, and everything on it."""
        listed = self.engine.venue.live.rates.snapshot
        factors = dict(zip((entry.symbol for entry in listed.underlyings), bps, strict=True))

        def moved(ticks: int, symbol: str) -> int:
            return max(1, min(ticks * factors.get(symbol, 10_000) // 10_000, TOP))

        self.send(
            "prices",
            time_ms=listed.time_ms + wait_ms,
            forward_ticks={e.name: moved(e.forward_ticks, e.underlying) for e in listed.instruments},
            index_ticks={e.symbol: moved(e.index_ticks, e.symbol) for e in listed.underlyings},
            price_ticks={e.symbol: moved(e.price_ticks, e.symbol) for e in listed.assets},
        )

    @rule(bps=st.lists(st.integers(5_000, 20_000), min_size=2, max_size=2))
    def shock_and_clear(self, bps: list[int]) -> None:
        """Prices jump, and the venue is cleared at once."""
        self.move_prices(bps, 1_000)
        self.clear()

    @rule()
    def clear(self) -> None:
        venue = self.engine.venue
        ledger, live, controls = venue.ledger, venue.live, venue.safeguards.controls
        below, count = set(live.below_maintenance), ledger.count
        before = [live.margin(row) for row in range(count)]
        lots = ledger.lots[:count].copy()
        solvent = {ledger.ids[row] for row in range(count) if equity_ticks(venue, row) >= 0}
        receipt = self.send("clear")
        assert receipt.status == "applied"
        report = receipt.report
        assert isinstance(report, ClearReport)

        done = [account.account for account in report.accounts]
        assert len(done) == len(set(done))
        assert {ledger.row_of[name] for name in done} <= below
        bearers = {entry.account for account in report.accounts for entry in account.borne}
        others = bearers | {controls.backstop}
        for row in range(count):
            if ledger.ids[row] not in done and ledger.ids[row] not in others:
                assert (ledger.lots[row] == lots[row]).all()
                assert live.margin(row) == before[row]
        for name in bearers & solvent - set(done):
            assert equity_ticks(venue, ledger.row_of[name]) >= 0  # nobody solvent is made bankrupt
        for account in report.accounts:
            event(account.standing.value)
            for entry in account.borne:
                event(entry.stage.value)
            row = ledger.row_of[account.account]
            borne = sum(entry.ticks for entry in account.borne)
            paid = account.fund_ticks + account.vault_ticks + borne
            if account.standing is Standing.RESOLVED:
                assert account.deficit_ticks == paid
            assert paid <= account.deficit_ticks
            assert min(account.penalty_ticks, account.cost_ticks, account.fund_ticks, account.vault_ticks) >= 0
            if controls.vault_limit_ticks is not None:
                assert account.vault_ticks <= controls.vault_limit_ticks
            if account.account in others or account.deficit_ticks:
                continue
            after = live.margin(row)
            if account.standing is Standing.CURED:
                assert after.headroom_e8(controls.target_bps) >= 0
            if not account.worsened and not account.sold_units and after.maintenance_e4:
                was, now = ratio(before[row]), ratio(after)
                assert was is None or (now is not None and now >= was)
            if account.standing is Standing.CLOSED:
                assert not ledger.lots[row].any()
                assert bare_equity_ticks(venue, row) >= 0 or after.nlv_e4 >= 0
        socialised = [a for a in report.accounts if a.borne_ticks(Stage.SOCIALISED_LOSS)]
        if socialised and not any(a.penalty_ticks for a in report.accounts[report.accounts.index(socialised[-1]) :]):
            assert ledger.pool_cash[-INSURANCE_FUND - 1] == 0

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        ledger = self.engine.venue.ledger
        ledger.audit()
        assert ledger.pool_cash[0] <= 0
        assert min(ledger.pool_cash[1:]) >= 0
        assert (ledger.collateral >= 0).all()

    @invariant()
    def levels_are_current(self) -> None:
        live = self.engine.venue.live
        for row in range(self.engine.venue.ledger.count):
            margin = live.margin(row)
            assert (row in live.below_initial) == (margin.headroom_e8(live.levels.initial_bps) < 0)
            assert (row in live.below_maintenance) == (margin.headroom_e8(live.levels.maintenance_bps) < 0)

    @invariant()
    def exposures_are_current(self) -> None:
        venue = self.engine.venue
        kept = venue.safeguards._exposures
        if kept is not None and kept.rates is venue.live.rates:
            fresh = Exposures(venue.ledger, kept.rates)
            assert kept.gross_ticks == fresh.gross_ticks
            assert kept.long_lots == fresh.long_lots
            assert kept.equity_ticks == [equity_ticks(venue, row) for row in range(venue.ledger.count)]
            assert kept.equity_ticks == fresh.equity_ticks

    def teardown(self) -> None:
        """A restart comes to the same state, and a replay to the same reports."""
        self.engine.commit()
        again = Engine.open(self.log, from_the_beginning=True)
        assert again.reports == self.reports
        self.engine.keep_state()
        for other in (again, Engine.open(self.log)):
            assert other.digest() == self.engine.digest()
            assert other.venue.safeguards == self.engine.venue.safeguards


TestClearedVenue = ClearedVenue.TestCase
TestClearedVenue.settings = settings(max_examples=20, stateful_step_count=16, deadline=None)
