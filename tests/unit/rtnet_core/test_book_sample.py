"""Sample books: balanced to the lot at every size, with the promised kinds of accounts."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from rtnet_core.account import quantities
from rtnet_core.book_sample import ARCHETYPES, BLOCK_ACCOUNTS, archetype_counts, sample_book
from rtnet_core.errors import InputError
from rtnet_core.margin_fast import FastMarket, margin_of_accounts
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from rtnet_core.snapshot import Snapshot

MARKET = sample_market(4)
PARAMS = default_params(MARKET)
#: Made once and kept: a change means that samples of one seed no longer agree between versions or platforms.
PINNED = "83b4f1f882e38394"


@pytest.mark.parametrize("profile", ["small", "standard", "wide"])
@pytest.mark.parametrize("count", [2, 3, 10, 65, 200])
def test_a23_the_net_position_of_every_instrument_is_zero(profile: str, count: int) -> None:
    market = sample_market(4, profile)
    accounts = list(sample_book(market, default_params(market), count, 9))
    assert [account.id for account in accounts] == [f"acct-{number:06d}" for number in range(count)]
    assert not np.array([quantities(account, market) for account in accounts]).sum(axis=0).any()


@pytest.mark.parametrize("count", [BLOCK_ACCOUNTS, BLOCK_ACCOUNTS + 1, BLOCK_ACCOUNTS + 2])
def test_a23_balance_holds_across_blocks(count: int) -> None:
    market = sample_market(4, "small")
    accounts = list(sample_book(market, default_params(market), count, 9))
    assert len({account.id for account in accounts}) == count
    assert not np.array([quantities(account, market) for account in accounts]).sum(axis=0).any()


def test_one_account_has_cash_and_no_position() -> None:
    (account,) = sample_book(MARKET, PARAMS, 1, 9)
    assert account.positions == {}
    assert account.cash_ticks > 0 or account.collateral


def test_a_seed_gives_the_same_book_everywhere() -> None:
    digest = sha256(b"".join(account.to_line() for account in sample_book(MARKET, PARAMS, 100, 1))).hexdigest()
    assert digest[:16] == PINNED
    assert [a.to_line() for a in sample_book(MARKET, PARAMS, 9, 2)] != [
        a.to_line() for a in sample_book(MARKET, PARAMS, 9, 3)
    ]


def test_margin_ratios_are_those_of_the_archetypes() -> None:
    accounts = list(sample_book(MARKET, PARAMS, 1_000, 5))
    margin = margin_of_accounts(FastMarket.from_snapshot(MARKET, PARAMS), MARKET, accounts)
    counts = archetype_counts(1_000)
    assert counts == [kind.share * 10 for kind in ARCHETYPES]
    assert int((margin.ratio < 1).sum()) == counts[-1]
    assert 0 < int((margin.nlv < 0).sum()) < counts[-1]
    assert int(((margin.ratio >= 1) & (margin.ratio < 1.13)).sum()) >= counts[-2]
    assert margin.ratio.max() < 5.01


def test_add_ons_are_a_modest_part_of_maintenance_and_each_of_them_occurs() -> None:
    accounts = list(sample_book(MARKET, PARAMS, 1_000, 5))
    margin = margin_of_accounts(FastMarket.from_snapshot(MARKET, PARAMS), MARKET, accounts)
    whole = margin.maintenance.sum()
    for part in (margin.size_add_on, margin.short_option_minimum, margin.delta_gamma_add_on):
        assert 0 < part.sum() < 0.15 * whole
    assert margin.scan_risk.sum() > 0.75 * whole


@pytest.mark.parametrize("count", range(1, 60))
def test_archetype_counts_add_up_and_leave_somebody_to_hedge(count: int) -> None:
    counts = archetype_counts(count)
    assert sum(counts) == count
    assert counts[0] >= 1
    assert min(counts) >= 0


def test_arguments_out_of_range_are_refused() -> None:
    for count in (0, -1, (1 << 24) + 1, True):
        with pytest.raises(InputError, match="accounts"):
            sample_book(MARKET, PARAMS, count, 1)
    with pytest.raises(InputError, match="seed"):
        sample_book(MARKET, PARAMS, 2, -1)
    without = Snapshot.model_validate(
        dict(MARKET) | {"instruments": tuple(entry for entry in MARKET.instruments if entry.kind != "perpetual")}
    )
    with pytest.raises(InputError, match="perpetual of each underlying"):
        sample_book(without, PARAMS, 2, 1)
