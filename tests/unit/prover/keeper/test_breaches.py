"""Who is below: the engine's exact margins, at the threshold that each account was listed with."""

from __future__ import annotations

import doctest
import json

import pytest

import prover.keeper.fees
from prover.keeper.breaches import EngineWatch, Listings
from prover.paths import project_root
from rtnet_core.engine.core import Engine
from rtnet_core.errors import InputError
from tests.support.engines import MARKET, PERPETUAL, applied, forward, funded, line, trade


def listings(**thresholds: int) -> Listings:
    accounts = [
        {"id": name, "handle": f"{number:064x}", "threshold_bps": bps}
        for number, (name, bps) in enumerate(thresholds.items())
    ]
    return Listings.from_json({"format": "zkm2m/keeper-accounts/v1", "accounts": accounts})


def fallen() -> Engine:
    """Return an engine whose account ada has lost 70 % of its cash on a perpetual."""
    engine = funded("ada", "bob", "eve")
    applied(engine, trade("t", "ada", "bob", 3_000, forward(PERPETUAL)))
    price = forward(PERPETUAL) * 7 // 10
    applied(engine, line("prices", "p", time_ms=MARKET.time_ms + 1_000, forward_ticks={PERPETUAL: price}))
    engine.commit()
    return engine


def test_each_account_is_held_to_its_own_threshold() -> None:
    engine = fallen()
    margin = engine.venue.live.margin(engine.venue.ledger.row("bob"))
    ratio_bps = 10_000 * margin.nlv_e4 // margin.maintenance_e4
    standing = EngineWatch(engine, listings(ada=10_000, bob=ratio_bps, eve=10_000)).look()
    assert [entry.id for entry in standing.below] == ["ada"]
    assert (standing.sequence, standing.unlisted) == (engine.sequence, 0)
    standing = EngineWatch(engine, listings(bob=ratio_bps + 1, nobody=1)).look()
    assert [entry.id for entry in standing.below] == ["bob"]
    assert standing.unlisted == 1


def test_it_follows_a_log_that_another_writes() -> None:
    engine = fallen()
    replica = Engine.open(engine.log)
    watch = EngineWatch(replica, listings(ada=10_000))
    assert len(watch.look().below) == 1
    applied(engine, line("deposit", "more", account="ada", asset="USD", amount=10**11))
    assert len(watch.look().below) == 1  # not on disk yet
    engine.commit()
    assert watch.look().below == ()
    assert replica.sequence == engine.sequence


@pytest.mark.parametrize(
    ("accounts", "rule"),
    [
        ([], "at least 1"),
        ([{"id": "a", "handle": "0" * 64}, {"id": "a", "handle": "1" * 64}], "one id twice"),
        ([{"id": "a", "handle": "0" * 64}, {"id": "b", "handle": "0" * 64}], "one handle twice"),
        ([{"id": "a", "handle": "0" * 63}], "must match"),
        ([{"id": "a", "handle": "0" * 64, "threshold_bps": 0}], "at least 1"),
    ],
)
def test_a_list_of_accounts_that_breaks_a_rule(accounts: list[dict[str, object]], rule: str) -> None:
    content = json.dumps({"format": "zkm2m/keeper-accounts/v1", "accounts": accounts}).encode()
    with pytest.raises(InputError, match=rule):
        Listings.from_json(content, "listed.json")


def test_the_examples_run() -> None:
    assert not doctest.testmod(prover.keeper.fees).failed
    results = doctest.testfile(str(project_root() / "docs" / "keeper.md"), module_relative=False)
    assert results.attempted >= 5
    assert not results.failed
