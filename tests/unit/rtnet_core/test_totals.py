"""Totals add up, packed as well as not, and their commitment opens to one thing only."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core import limits
from rtnet_core.errors import RangeError
from rtnet_core.limits import FIELD_MODULUS, PROFILES
from rtnet_core.margin_exact import AccountVector
from rtnet_core.totals import Totals, account_totals, empty_commitment, no_totals, sum_totals, unhaircut_nlv
from tests.support.margin_cases import Numbers, random_params, random_risk

SIZES = PROFILES["small"]


def totals_of(terms: int) -> st.SearchStrategy[Totals]:
    """Return totals small enough that `terms` of them add up within their widths."""

    def up_to(bits: int) -> st.SearchStrategy[int]:
        return st.integers(0, ((1 << bits) - 1) // terms)

    def signed(bits: int) -> st.SearchStrategy[int]:
        return st.integers(-((1 << bits) // terms), ((1 << bits) - 1) // terms)

    return st.builds(
        Totals,
        up_to(limits.COUNT_BITS),
        up_to(limits.SHORTFALL_BITS),
        up_to(limits.COUNT_BITS),
        up_to(limits.DEFICIT_TOTAL_BITS),
        signed(limits.CASH_TOTAL_BITS),
        st.tuples(*[up_to(limits.AMOUNT_TOTAL_BITS)] * SIZES.assets),
        st.tuples(*[signed(limits.NET_TOTAL_BITS)] * SIZES.instruments),
    )


@given(st.lists(totals_of(4), max_size=4))
@settings(max_examples=50)
def test_the_packed_sum_is_the_sum_of_the_packed(parts: list[Totals]) -> None:
    added = [sum(column) % FIELD_MODULUS for column in zip(*(part.packed() for part in parts), strict=True)]
    assert sum_totals(parts, SIZES).packed() == (added or no_totals(SIZES).packed())


@given(totals_of(1), totals_of(1))
@settings(max_examples=50)
def test_different_totals_never_pack_alike(one: Totals, other: Totals) -> None:
    assert (one == other) == (one.packed() == other.packed())
    changed = replace(one, net_lots=(*one.net_lots[:-1], one.net_lots[-1] ^ 1))
    assert changed.packed() != one.packed()


def test_the_commitment_follows_every_number_and_the_blinding() -> None:
    base = replace(no_totals(SIZES), cash_ticks=-5)
    seen = {base.commitment(1), base.commitment(2)}
    for entry in fields(Totals):
        value = getattr(base, entry.name)
        changed = value + 1 if isinstance(value, int) else (value[0] + 1, *value[1:])
        seen.add(replace(base, **{entry.name: changed}).commitment(1))
    assert len(seen) == 2 + len(fields(Totals))
    assert empty_commitment(SIZES) == no_totals(SIZES).commitment(0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("below_threshold", -1),
        ("below_threshold", 1 << limits.COUNT_BITS),
        ("shortfall_e8", 1 << limits.SHORTFALL_BITS),
        ("deficit_accounts", 1 << limits.COUNT_BITS),
        ("deficit_ticks", 1 << limits.DEFICIT_TOTAL_BITS),
        ("cash_ticks", 1 << limits.CASH_TOTAL_BITS),
        ("cash_ticks", -(1 << limits.CASH_TOTAL_BITS) - 1),
        ("amounts", (-1, 0, 0)),
        ("net_lots", (1 << limits.NET_TOTAL_BITS, *[0] * 7)),
    ],
)
def test_a_number_beyond_any_book_is_refused_without_being_shown(name: str, value: object) -> None:
    with pytest.raises(RangeError, match=name) as caught:
        replace(no_totals(SIZES), **{name: value})
    assert not caught.value.has_value


def test_a_repr_shows_no_number() -> None:
    assert "31337" not in repr(replace(no_totals(SIZES), cash_ticks=31337))


def test_a20_an_account_that_owes_is_counted_and_nets_nothing_away() -> None:
    numbers = Numbers(3)
    risk, params = random_risk(SIZES.name, numbers), random_params(SIZES.name, numbers)
    nothing = (0,) * SIZES.instruments
    owing = AccountVector(-700, (0,) * SIZES.assets, nothing)
    rich = AccountVector(1_000, (0,) * SIZES.assets, nothing)
    parts = [account_totals(account, risk, params, 10_000) for account in (owing, rich)]
    total = sum_totals(parts, SIZES)
    assert unhaircut_nlv(owing, risk) == -700
    assert (total.deficit_accounts, total.deficit_ticks, total.cash_ticks) == (1, 700, 300)
    assert total.quote_liability_ticks == 1_000  # what the rich one is owed
    assert (total.below_threshold, total.shortfall_e8) == (1, 700 * 10**8)
