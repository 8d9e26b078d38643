"""The crash replay on a made chain and series: which prices it plays, and what it tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtnet_core.deribit import import_chains
from rtnet_core.engine.core import Engine
from rtnet_core.engine.crash_path import CrashTerms, of_listed, price_path
from rtnet_core.engine.log import MemoryLog
from rtnet_core.engine.scenario import BACKSTOP, Crash, replay_crash
from rtnet_core.errors import InputError
from rtnet_core.risk.index_series import IndexSeries
from rtnet_core.snapshot import Snapshot
from tests.support.chains import EXPIRIES, TIME_MS, calm_chain

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    path = calm_chain(tmp_path_factory.mktemp("chain") / "btc.csv")
    return import_chains([path])[0]


def series(*levels: float, days: float = 1.0, first: float = -2.0) -> IndexSeries:
    """Return a series whose index has these levels, `days` apart, from day `first` on; its volatility rises."""
    times = np.array([TIME_MS + round((first + n * days) * DAY_MS) for n in range(len(levels))], dtype=np.int64)
    volatility = np.array([[0.4 + 0.05 * n] for n in range(len(levels))])
    return IndexSeries(("BTC",), times, np.array([[level] for level in levels]), volatility)


FALL = series(80_000.0, 78_000.0, 70_000.0, 56_000.0, 60_000.0)


def test_at_its_own_time_the_market_is_the_chains(chain: Snapshot) -> None:
    path = price_path(chain, FALL, CrashTerms())
    assert [prices.time_ms - TIME_MS for prices in path] == [n * DAY_MS for n in (-2, -1, 0, 1, 2)]
    now = path[2]
    assert now.index_ticks == {"BTC": chain.underlyings[0].index_ticks}
    assert now.forward_ticks == {entry.name: entry.forward_ticks for entry in chain.instruments}
    quoted = {entry.name: entry.volatility_q32 for entry in chain.instruments if entry.is_option}
    assert now.volatility_q32 == quoted


def test_prices_follow_index_and_volatility(chain: Snapshot) -> None:
    before, *_, after = price_path(chain, FALL, CrashTerms())
    index = chain.underlyings[0].index_ticks
    assert before.index_ticks["BTC"] == round(index * (80_000.0 / 70_000.0))
    assert after.index_ticks["BTC"] == round(index * (60_000.0 / 70_000.0))
    for entry in chain.instruments:
        assert after.forward_ticks[entry.name] == pytest.approx(entry.forward_ticks * 6 / 7, abs=1)
        if entry.volatility_q32 is not None:
            assert after.volatility_q32[entry.name] == pytest.approx(entry.volatility_q32 * 0.6 / 0.5, rel=1e-9)
    coins = {asset.symbol: asset.price_ticks for asset in chain.assets}
    assert set(after.price_ticks) == {"BTC"}
    assert after.price_ticks["BTC"] == pytest.approx(coins["BTC"] * 6 / 7, abs=1)


def test_severity_raises_the_moves_to_a_power(chain: Snapshot) -> None:
    plain, harder = (price_path(chain, FALL, CrashTerms(severity=power)) for power in (1.0, 2.0))
    index = chain.underlyings[0].index_ticks
    for one, two in zip(plain, harder, strict=True):
        assert two.index_ticks["BTC"] / index == pytest.approx((one.index_ticks["BTC"] / index) ** 2, rel=1e-6)


def test_a_chain_between_two_times_stands_at_the_level_between_them(chain: Snapshot) -> None:
    between = series(80_000.0, 60_000.0, days=2.0, first=-1.0)
    path = price_path(chain, between, CrashTerms())
    assert [prices.time_ms for prices in path] == [between.times_ms[0], TIME_MS, between.times_ms[1]]
    assert path[0].index_ticks["BTC"] == round(chain.underlyings[0].index_ticks * 8 / 7)


def test_a_series_that_does_not_fit_is_refused(chain: Snapshot) -> None:
    with pytest.raises(InputError, match="must have the coin BTC"):
        price_path(chain, replace(FALL, symbols=("ETH",)), CrashTerms())
    for first in (-9.0, 0.0, 5.0):
        with pytest.raises(InputError, match="before and after"):
            price_path(chain, series(1.0, 2.0, first=first), CrashTerms())
    for terms in ({"days_before": 0}, {"fund_bps": -1}, {"severity": 0.0}):
        with pytest.raises(InputError):
            CrashTerms(**terms)


def test_a_venue_opens_healthy_and_its_accounts_fall(chain: Snapshot) -> None:
    log = MemoryLog()
    crash = replay_crash(chain, FALL, 60, 3, log, CrashTerms(fund_bps=20, backstop_bps=1_000))
    first, *_, last = crash.steps
    assert (first.healthy, first.called, first.below_maintenance, first.bankrupt) == (61, 0, 0, 0)
    assert first.cleared == 0
    assert sum(step.cleared for step in crash.steps) > 0
    assert all(step.healthy + step.called + step.below_maintenance + step.bankrupt == 61 for step in crash.steps)
    assert all(step.bands == tuple(sorted(step.bands)) for step in crash.steps)
    assert first.index_usd[0] == pytest.approx(80_000 / 70_000 * crash.steps[2].index_usd[0], rel=1e-6)
    told(crash)
    assert last.insurance_fund_ticks >= 0
    again = Engine.open(log, from_the_beginning=True)
    assert tuple(again.reports.values()) == crash.reports
    # The same seed, the same crash.
    assert replay_crash(chain, FALL, 60, 3, MemoryLog(), CrashTerms(fund_bps=20, backstop_bps=1_000)) == crash


def told(crash: Crash) -> None:
    """See that what the accounts tell adds up to what the steps tell."""
    assert sum(story.closed_ticks for story in crash.stories) == sum(step.liquidated_ticks for step in crash.steps)
    assert sum(story.liquidations for story in crash.stories) == sum(step.cleared for step in crash.steps)
    assert sum(story.deficit_ticks for story in crash.stories) == sum(step.deficit_ticks for step in crash.steps)
    for name in ("deleveraged_ticks", "socialised_ticks"):
        assert sum(getattr(story, name) for story in crash.stories) == sum(getattr(step, name) for step in crash.steps)
    losses = [story.lost_ticks for story in crash.worst(20)]
    assert losses == sorted(losses, reverse=True)


def test_who_bears_the_loss_of_a_venue_with_nothing_behind_it(chain: Snapshot) -> None:
    crash = replay_crash(chain, FALL, 60, 3, MemoryLog(), CrashTerms(2, 2, 0, 0, 0, 3.0))
    deficits = sum(step.deficit_ticks for step in crash.steps)
    assert deficits > 0
    borne = sum(step.deleveraged_ticks + step.socialised_ticks for step in crash.steps)
    penalties = sum(step.penalty_ticks for step in crash.steps)
    paid = sum(step.fund_paid_ticks for step in crash.steps)
    assert borne + paid == deficits
    assert paid <= penalties  # the fund has nothing else
    assert not any(step.vault_paid_ticks for step in crash.steps)
    told(crash)
    assert next(story for story in crash.stories if story.account == BACKSTOP).equity_before_ticks == 0


def test_what_expires_on_the_way_is_settled(chain: Snapshot) -> None:
    levels = [80_000.0, 78_000.0, 70_000.0, 72_000.0, 74_000.0, 76_000.0, 77_000.0]
    terms = CrashTerms(days_before=4, days_after=9)
    log = MemoryLog()
    crash = replay_crash(chain, series(*levels, days=2.0, first=-4.0), 30, 3, log, terms)
    assert len(crash.steps) == len(levels)
    left = Engine.open(log).venue.live.rates.snapshot.instruments
    gone = [entry for entry in chain.instruments if entry.expiry_ms == EXPIRIES[0]]
    assert gone
    assert {entry.name for entry in left} == {entry.name for entry in chain.instruments} - {e.name for e in gone}
    snapshot = chain.model_copy(update={"instruments": left})
    listed = of_listed(price_path(chain, FALL, CrashTerms())[0], snapshot)
    assert listed.forward_ticks.keys() == {entry.name for entry in left}
