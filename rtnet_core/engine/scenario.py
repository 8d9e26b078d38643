"""A crash replayed: a sampled venue lives through the prices of a real one, and is cleared after each step.

The option chain is of the crash's middle. Before and after it, prices follow a series of index levels and at-the-money
volatilities: index, forwards and coins as collateral move with the index, every option's volatility in proportion to
the volatility at the money. At the chain's own time the market is the chain's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.book_sample import sample_book
from rtnet_core.engine.clearing_report import ClearReport
from rtnet_core.engine.controls import Controls
from rtnet_core.engine.core import Engine, Receipt
from rtnet_core.engine.crash_path import CrashTerms, of_listed, price_path
from rtnet_core.engine.events import (
    CASH,
    Clear,
    Deposit,
    Event,
    Expiry,
    Open,
    Pool,
    PoolTransfer,
    Prices,
    SetControls,
    event_line,
)
from rtnet_core.engine.ledger import INSURANCE_FUND, VAULT
from rtnet_core.engine.log import EventLog
from rtnet_core.engine.rates import MARK, repriced
from rtnet_core.errors import ToolError
from rtnet_core.limits import BPS
from rtnet_core.loss.waterfall import Stage
from rtnet_core.params import default_params
from rtnet_core.risk.index_series import IndexSeries
from rtnet_core.snapshot import TICKS_PER_USD, Snapshot

Floats = NDArray[np.float64]

BACKSTOP: Final = "backstop"
#: Quantiles of the margin ratio that a step reports.
BANDS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the market, accounts before the venue was cleared, what that did, and how it left them. Money in ticks.

    Attributes
    ----------
    index_usd
        By coin.
    healthy, called, below_maintenance, bankrupt
        Accounts at the step's prices: above the initial level, below it, below maintenance, with equity below zero.
    cleared, waiting
        Accounts that were dealt with, and those of them that found no taker for all they had to close.
    liquidated_ticks, penalty_ticks, deficit_ticks
        Notional closed; paid to the insurance fund; what bankrupt accounts could not pay.
    fund_paid_ticks, vault_paid_ticks, socialised_ticks
        Who paid the deficits.
    deleveraged, deleveraged_ticks
        Positions closed against the queue, and what that cost their holders.
    bands
        Quantiles `BANDS` of the margin ratio afterwards, of the accounts that have a maintenance margin.
    """

    time_ms: int
    index_usd: tuple[float, ...]
    healthy: int
    called: int
    below_maintenance: int
    bankrupt: int
    cleared: int
    waiting: int
    liquidated_ticks: int
    penalty_ticks: int
    deficit_ticks: int
    fund_paid_ticks: int
    vault_paid_ticks: int
    socialised_ticks: int
    deleveraged: int
    deleveraged_ticks: int
    insurance_fund_ticks: int
    vault_ticks: int
    bands: tuple[float, ...]


@dataclass(slots=True)
class Story:
    """What the crash did to one account; money in ticks, at mark and full price of collateral."""

    account: str
    equity_before_ticks: float
    equity_after_ticks: float = 0.0
    liquidations: int = 0
    closed_ticks: int = 0
    charged_ticks: int = 0
    deficit_ticks: int = 0
    deleveraged_ticks: int = 0
    socialised_ticks: int = 0
    standing: str = "untouched"

    @property
    def lost_ticks(self) -> float:
        """Equity before less equity after."""
        return self.equity_before_ticks - self.equity_after_ticks


@dataclass(frozen=True, slots=True)
class Crash:
    """A replay: the coins, every step, every account in the order of the ledger, and the report of each clear."""

    symbols: tuple[str, ...]
    steps: tuple[Step, ...]
    stories: tuple[Story, ...]
    reports: tuple[ClearReport, ...]

    def worst(self, count: int) -> list[Story]:
        """Return the accounts that lost most."""
        return sorted(self.stories, key=lambda story: -story.lost_ticks)[:count]


def replay_crash(
    chain: Snapshot, series: IndexSeries, accounts: int, seed: int, log: EventLog, terms: CrashTerms | None = None
) -> Crash:
    """Return what a crash does to a sampled venue, whose events are in `log` afterwards.

    The venue opens healthy: accounts of the sample that are below the initial level pay in what they lack.

    Parameters
    ----------
    chain
        The market in the crash's middle.
    series
        Levels around it.
    accounts, seed
        Of `rtnet_core.book_sample`.
    log
        An empty log.

    Raises
    ------
    InputError
        The series does not fit, or a number is out of range.
    """
    return _Replay(chain, series, accounts, seed, log, terms or CrashTerms()).run()


class _Replay:
    def __init__(
        self, chain: Snapshot, series: IndexSeries, accounts: int, seed: int, log: EventLog, terms: CrashTerms
    ) -> None:
        self.terms = terms
        self.path = price_path(chain, series, terms)
        market = repriced(chain.model_copy(update={"time_ms": self.path[0].time_ms}), self.path[0])
        self.symbols = tuple(entry.symbol for entry in market.underlyings)
        self.lots_of_coin = [1 / float(entry.lot) for entry in market.underlyings]
        params = default_params(market)
        self.engine = Engine.create(log, market, params, accounts=sample_book(market, params, accounts, seed))
        self.number = 0
        self.steps: list[Step] = []
        self.reports: list[ClearReport] = []
        self.stories: dict[str, Story] = {}

    def run(self) -> Crash:
        """Open the venue, go through the steps, and tell."""
        for event in self._opening():
            self._send(event)
        ledger = self.engine.venue.ledger
        self.stories = {
            name: Story(name, equity) for name, equity in zip(ledger.ids, self._equity().tolist(), strict=True)
        }
        self._step()
        for before, prices in pairwise(self.path):
            for event in self._expiries(before, prices):
                self._send(event)
            self._send(of_listed(prices, self.engine.venue.live.rates.snapshot))
            self._step()
        self.engine.commit()
        for name, equity in zip(ledger.ids, self._equity().tolist(), strict=True):
            self.stories[name].equity_after_ticks = equity
        return Crash(self.symbols, tuple(self.steps), tuple(self.stories.values()), tuple(self.reports))

    def _id(self) -> str:
        self.number += 1
        return f"crash-{self.number:06d}"

    def _send(self, event: Event) -> Receipt:
        receipt = self.engine.apply(event_line(event))
        if receipt.status != "applied":
            raise ToolError(f"replay: the event {event.type} was {receipt.status}: {receipt.message}")
        return receipt

    def _opening(self) -> Iterator[Event]:
        live, ledger = self.engine.venue.live, self.engine.venue.ledger
        maintenance = int(live.refresh().maintenance.sum())
        for row in sorted(live.below_initial):
            missing = -live.margin(row).headroom_e8(live.levels.initial_bps)
            ticks = -(-missing // BPS**2)
            yield Deposit(type="deposit", id=self._id(), account=ledger.ids[row], asset=CASH, amount=ticks)
        yield Open(type="open", id=self._id(), account=BACKSTOP, owner=BACKSTOP)
        capital = maintenance * self.terms.backstop_bps // BPS
        if capital:
            yield Deposit(type="deposit", id=self._id(), account=BACKSTOP, asset=CASH, amount=capital)
        pools: tuple[tuple[Pool, int], ...] = (
            ("insurance_fund", self.terms.fund_bps),
            ("vault", self.terms.vault_bps),
        )
        for pool, bps in pools:
            ticks = maintenance * bps // BPS
            if ticks:
                yield PoolTransfer(
                    type="pool_transfer", id=self._id(), source="external", target=pool, asset=CASH, amount=ticks
                )
        yield SetControls(type="controls", id=self._id(), controls=Controls(backstop=BACKSTOP))

    def _expiries(self, before: Prices, after: Prices) -> Iterator[Event]:
        """Yield the end of what expires between two steps, at the index of that time."""
        snapshot = self.engine.venue.live.rates.snapshot
        due = [entry for entry in snapshot.instruments if entry.expiry_ms and entry.expiry_ms <= after.time_ms]
        for entry in due:
            time_ms = entry.expiry_ms or after.time_ms
            share = (time_ms - before.time_ms) / (after.time_ms - before.time_ms)
            first, last = before.index_ticks[entry.underlying], after.index_ticks[entry.underlying]
            ticks = round(first * (last / first) ** share)
            yield Expiry(type="expiry", id=self._id(), instrument=entry.name, time_ms=time_ms, settlement_ticks=ticks)

    def _equity(self) -> Floats:
        """Return every account's cash, positions at mark and collateral at full price, shape (N,)."""
        ledger, rates = self.engine.venue.ledger, self.engine.venue.live.rates
        count, assets = ledger.count, rates.snapshot.assets
        prices = np.array([asset.price_ticks for asset in assets], dtype=np.float64)
        held = ledger.collateral[:count, : len(assets)].astype(np.float64)
        marked = ledger.lots[:count].astype(np.float64) @ rates.rows[:, MARK].astype(np.float64)
        return np.asarray(ledger.cash[:count] + held @ prices + marked, dtype=np.float64)

    def _step(self) -> None:
        """Clear the venue, and note how it stood before and after."""
        venue = self.engine.venue
        live, ledger, snapshot = venue.live, venue.ledger, venue.live.rates.snapshot
        count = ledger.count
        called, below = len(live.below_initial), len(live.below_maintenance)
        bankrupt = int((self._equity() < 0).sum())
        report = self._send(Clear(type="clear", id=self._id())).report
        if not isinstance(report, ClearReport):
            raise ToolError("replay: a clear came without its report")
        self.reports.append(report)
        self._tell(report)
        figures = live.refresh()
        margined = figures.maintenance > 0
        ratios = figures.nlv[margined] / figures.maintenance[margined]
        borne = [entry for account in report.accounts for entry in account.borne]
        deleveraged = [entry for entry in borne if entry.stage is Stage.AUTO_DELEVERAGING]
        done = report.accounts
        self.steps.append(
            Step(
                time_ms=snapshot.time_ms,
                index_usd=tuple(
                    entry.index_ticks * lots / TICKS_PER_USD
                    for entry, lots in zip(snapshot.underlyings, self.lots_of_coin, strict=True)
                ),
                healthy=count - called,
                called=called - below,
                below_maintenance=below - bankrupt,
                bankrupt=bankrupt,
                cleared=len(done),
                waiting=sum(account.standing in ("waiting", "improved") for account in done),
                liquidated_ticks=sum(account.closed_ticks for account in done),
                penalty_ticks=sum(account.penalty_ticks for account in done),
                deficit_ticks=sum(account.deficit_ticks for account in done),
                fund_paid_ticks=sum(account.fund_ticks for account in done),
                vault_paid_ticks=sum(account.vault_ticks for account in done),
                socialised_ticks=sum(entry.ticks for entry in borne if entry.stage is Stage.SOCIALISED_LOSS),
                deleveraged=len(deleveraged),
                deleveraged_ticks=sum(entry.ticks for entry in deleveraged),
                insurance_fund_ticks=ledger.pool_cash[-INSURANCE_FUND - 1],
                vault_ticks=ledger.pool_cash[-VAULT - 1],
                bands=tuple(np.quantile(ratios, BANDS).tolist()) if len(ratios) else (),
            )
        )

    def _tell(self, report: ClearReport) -> None:
        """Write a clear into the stories of those whom it concerned."""
        for account in report.accounts:
            story = self.stories[account.account]
            story.liquidations += 1
            story.closed_ticks += account.closed_ticks
            story.charged_ticks += account.penalty_ticks + account.cost_ticks
            story.deficit_ticks += account.deficit_ticks
            story.standing = account.standing.value
            for entry in account.borne:
                other = self.stories[entry.account]
                if entry.stage is Stage.AUTO_DELEVERAGING:
                    other.deleveraged_ticks += entry.ticks
                    other.standing = "deleveraged" if other.standing == "untouched" else other.standing
                else:
                    other.socialised_ticks += entry.ticks
