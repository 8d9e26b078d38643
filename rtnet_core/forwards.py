"""Forwards and discount factors per expiry: from futures, or from put-call parity where there are none.

An option quoted in coin is worth ``value / F`` in USD terms, so at one strike

    call - put = 1 - K/F

and x = 1/F follows from pairs of quotes by weighted least squares, ``x = Σ w·K·(1 - c + p) / Σ w·K²``: c and p are the
middles of bid and ask, w is one over the square of both spreads together, and the pairs are those nearest the money.

The discount factor is ``index / forward``: what one USD at expiry costs today when the coin itself earns nothing, which
is how these options are priced (r = 0 on the forward).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from rtnet_core.chain_quotes import Quote, by_expiry
from rtnet_core.errors import InputError
from rtnet_core.index_price import median
from rtnet_core.limits import BPS

#: Pairs that parity looks at: the nearest the money, by distance of the strike.
MAX_PAIRS: Final = 8
MIN_PAIRS: Final = 2
#: Pairs further from the money than this, or with wider spreads together (in units of the forward), say nothing.
MAX_DISTANCE: Final = Fraction(1, 5)
MAX_SPREAD: Final = Fraction(3, 100)
#: Parity further than this from the venue's own synthetic forward is a fault of the quotes, and is not used.
MAX_ERROR_BPS: Final = 100


@dataclass(frozen=True, slots=True)
class Forward:
    """The forward of one expiry.

    Attributes
    ----------
    expiry_ms
        The expiry.
    usd
        USD a coin.
    source
        ``future``; ``parity``; ``venue``, its own synthetic forward, where neither is there.
    discount
        index / forward.
    pairs
        Pairs of call and put that parity used; 0 where there were too few.
    parity_error_bps
        Parity's forward against the venue's, also where a future gives the forward: a check of the quotes. None where
        there were too few pairs.
    """

    expiry_ms: int
    usd: Fraction
    source: str
    discount: Fraction
    pairs: int
    parity_error_bps: float | None


def forward_curve(quotes: Sequence[Quote], chain_index: Fraction, index: Fraction) -> tuple[Forward, ...]:
    """Return the forwards of one coin's expiries, the nearest first.

    Parameters
    ----------
    quotes
        The coin's chain. An expiry has a future where the venue names one; ``SYN.`` names none.
    chain_index
        The index at which the chain was quoted.
    index
        The index to build on; each forward keeps its ratio to the index.
    """
    return tuple(
        _forward(expiry_ms, members, chain_index, index / chain_index)
        for expiry_ms, members in by_expiry(quotes).items()
    )


def parity_pairs(quotes: Sequence[Quote]) -> tuple[tuple[Quote, Quote], ...]:
    """Return the (call, put) pairs of one expiry with both sides quoted, those nearest the money."""
    sides: dict[tuple[int, bool], Quote] = {}
    for quote in quotes:
        if quote.is_two_sided:
            sides[quote.row.strike_ticks, quote.is_call] = quote
    strikes = [strike for strike, is_call in sides if is_call and (strike, False) in sides]
    strikes = [strike for strike in strikes if _is_telling(sides[strike, True], sides[strike, False])]
    strikes.sort(key=lambda strike: (abs(sides[strike, True].strike_over_forward - 1), strike))
    return tuple((sides[strike, True], sides[strike, False]) for strike in strikes[:MAX_PAIRS])


def parity_forward(pairs: Sequence[tuple[Quote, Quote]]) -> Fraction:
    """Return the forward in USD that makes put-call parity hold best over pairs of one expiry.

    Raises
    ------
    InputError
        There is no pair, or their prices leave no positive forward.
    """
    above = below = Fraction(0)
    for call, put in pairs:
        strike = call.strike_over_forward * call.forward_usd
        spread = _spread(call) + _spread(put)
        weight = 1 / (spread * spread)
        above += weight * strike * strike
        below += weight * strike * (1 - _middle(call) + _middle(put))
    if above <= 0 or below <= 0:
        raise InputError("option chain", "must hold pairs of call and put that leave a positive forward")
    return above / below


def _forward(expiry_ms: int, quotes: Sequence[Quote], chain_index: Fraction, scale: Fraction) -> Forward:
    venue = median(quote.forward_usd for quote in quotes)
    has_future = quotes[0].row.future_name.startswith(f"{quotes[0].row.currency}-")
    pairs = parity_pairs(quotes)
    parity = parity_forward(pairs) if len(pairs) >= MIN_PAIRS else None
    error_bps = None if parity is None else (parity / venue - 1) * BPS
    if has_future:
        usd, source = venue, "future"
    elif parity is not None and error_bps is not None and abs(error_bps) <= MAX_ERROR_BPS:
        usd, source = parity, "parity"
    else:
        usd, source = venue, "venue"
    return Forward(
        expiry_ms=expiry_ms,
        usd=usd * scale,
        source=source,
        discount=chain_index / usd,
        pairs=0 if parity is None else len(pairs),
        parity_error_bps=None if error_bps is None else float(error_bps),
    )


def _is_telling(call: Quote, put: Quote) -> bool:
    return abs(call.strike_over_forward - 1) <= MAX_DISTANCE and _spread(call) + _spread(put) <= MAX_SPREAD


def _middle(quote: Quote) -> Fraction:
    bid, ask = _both(quote)
    return (bid + ask) / 2


def _spread(quote: Quote) -> Fraction:
    bid, ask = _both(quote)
    return ask - bid


def _both(quote: Quote) -> tuple[Fraction, Fraction]:
    if quote.bid is None or quote.ask is None or quote.bid >= quote.ask:
        raise InputError(quote.row.name, "must be quoted on both sides, the bid below the ask")
    return quote.bid, quote.ask
