"""Envelopes are what they are called: the minimum or maximum over their three lines, with no tier to look up (A13)."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from rtnet_core.limits import AMOUNT_BITS, BPS, PRICE_BITS, RATE_BITS, ROW_BITS, SIZE_BITS
from rtnet_core.margin_exact import collateral_credit_e4, size_add_on_e4


def numbers(bits: int) -> st.SearchStrategy[int]:
    """Numbers of a width; powers of two and their neighbours more often than chance would have it."""
    powers = st.integers(0, bits - 1).flatmap(
        lambda power: st.sampled_from([(1 << power) - 1, 1 << power, (1 << power) + 1])
    )
    return powers.map(lambda number: min(number, (1 << bits) - 1)) | st.integers(0, (1 << bits) - 1)


def ascending(bits: int) -> st.SearchStrategy[tuple[int, int]]:
    """Two kinks, the second not below the first."""
    return st.tuples(numbers(bits), numbers(bits)).map(lambda pair: (min(pair), max(pair)))


@st.composite
def around(draw: st.DrawFn, kinks: tuple[int, int], bits: int) -> int:
    """An amount anywhere, or on a kink, or next to it."""
    if draw(st.booleans()):
        return draw(numbers(bits))
    near = draw(st.sampled_from(kinks)) + draw(st.integers(-1, 1))
    return min(max(near, 0), (1 << bits) - 1)


def lines(rates: list[int], kinks: tuple[int, int], amount: int) -> list[int]:
    """Values at `amount` of the lines that meet at the kinks; line j has slope rates[j].

    The first goes through the origin; each next one leaves the one before it at a kink.
    """
    values, offset = [rates[0] * amount], 0
    for before, after, kink in zip(rates, rates[1:], kinks, strict=False):
        offset += (before - after) * kink
        values.append(after * amount + offset)
    return values


@given(data=st.data(), kinks=ascending(AMOUNT_BITS), rate=st.integers(0, BPS), price=numbers(PRICE_BITS))
def test_credit_is_the_minimum_over_its_lines(
    data: st.DataObject, kinks: tuple[int, int], rate: int, price: int
) -> None:
    first = data.draw(st.integers(0, rate))
    second = data.draw(st.integers(0, rate - first))
    amount = data.draw(around(kinks, AMOUNT_BITS))
    rates = list(accumulate([rate, -first, -second]))
    expected = price * min(lines(rates, kinks, amount))
    assert collateral_credit_e4(amount, price, rate, kinks, (first, second)) == expected
    assert 0 <= expected <= price * BPS * amount


@given(
    data=st.data(),
    kinks=ascending(SIZE_BITS),
    rises=st.tuples(numbers(RATE_BITS), numbers(RATE_BITS)),
    index=numbers(ROW_BITS),
)
def test_size_add_on_is_the_maximum_over_its_lines(
    data: st.DataObject, kinks: tuple[int, int], rises: tuple[int, int], index: int
) -> None:
    gross = data.draw(around(kinks, SIZE_BITS))
    rates = list(accumulate([0, *rises]))
    assert size_add_on_e4(gross, index, kinks, rises) == index * max(lines(rates, kinks, gross))


@given(
    data=st.data(),
    kinks=ascending(AMOUNT_BITS),
    drops=st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)),
    price=st.integers(1, (1 << PRICE_BITS) - 1),
)
def test_credit_grows_with_the_amount_and_bends_down_only(
    data: st.DataObject, kinks: tuple[int, int], drops: tuple[int, int], price: int
) -> None:
    """Never less credit for more collateral, and never more for the next unit than for the one before."""
    amount = max(1, min(data.draw(around(kinks, AMOUNT_BITS)), (1 << AMOUNT_BITS) - 2))
    below, here, above = (
        collateral_credit_e4(number, price, BPS, kinks, drops) for number in (amount - 1, amount, amount + 1)
    )
    assert below <= here <= above
    assert above - here <= here - below
