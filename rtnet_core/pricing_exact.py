"""Black-76 in pure integers: marks, scenario values and greeks that are the same bits on every machine.

With forward F, strike K, volatility σ, time T in years of 365 days, no interest (r = 0), v = σ·√T:

    d1 = ln(F/K)/v + v/2        d2 = d1 - v
    call = F·N(d1) - K·N(d2)    put = K·N(-d2) - F·N(-d1)

A scenario moves the forward to F·(1 + thirds·scan_range_bps/(3·10^4)), kept as an exact fraction, and the volatility to
σ·(1 ± volatility_bps/10^4). Everything stays a fraction or a 192-bit fixed-point number until the one rounding at the
end: to the nearest tick, ties to even, of a value known to within 2^-50 of a tick. That rounding has no side: a holder
is long or short the same half tick.

Greeks follow one convention, for a 1 % move of the forward:

    P&L of a move by x % = delta·x + gamma·x²/2,   delta = F·V'(F)/100,   gamma = F²·V''(F)/10^4

so the gamma is the change of the delta's slope for a further 1 %, and a future has none.

References
----------
F. Black, *The pricing of commodity contracts*, Journal of Financial Economics 3 (1976), equation 16, at r = 0.
J. Hull, *Options, Futures, and Other Derivatives*, "Valuing futures options using Black's model" and "Greek letters".
Numerical methods: see `rtnet_core.fixed_point`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Final

from rtnet_core.errors import RangeError
from rtnet_core.fixed_point import (
    FRACTION_BITS,
    ONE,
    SATURATION,
    log_ratio,
    normal_density,
    normal_distribution,
    round_half_even,
)
from rtnet_core.limits import (
    BPS,
    MS_PER_YEAR,
    ROW_BITS,
    TIME_BITS,
    VOLATILITY_BITS,
    VOLATILITY_FRACTION_BITS,
    check_signed,
    check_unsigned,
)
from rtnet_core.params import Scenario, UnderlyingParams
from rtnet_core.snapshot import OPTION_KINDS, Instrument

#: A scenario's price factor is a fraction of this denominator: thirds of basis points.
PRICE_DENOMINATOR: Final = 3 * BPS
#: A further argument than this saturates; capping it keeps the numbers short.
_FAR: Final = 2 * SATURATION


@dataclass(frozen=True, slots=True)
class InstrumentRow:
    """One row of the risk array, in ticks per lot.

    Attributes
    ----------
    changes
        Value change in each scenario times its cover, in [-2^27, 2^27).
    mark
        Value now, 0 <= mark < 2^27.
    delta, gamma
        P&L of a 1 % move, and its change for a further 1 %; in [-2^27, 2^27).
    """

    changes: tuple[int, ...]
    mark: int
    delta: int
    gamma: int


@dataclass(frozen=True, slots=True)
class _Option:
    """An option with the parts that all its scenarios share.

    `sigma_squared_time` is (volatility_q32)²·milliseconds, the exact integer under the root of v.
    """

    kind: str
    forward: int
    strike: int
    sigma_squared_time: int
    log_moneyness: int

    def arguments(self, price_factor: int, volatility_factor: int) -> tuple[int, int, int]:
        """Return d1, d2 and v (fixed point) with both factors applied, of 3·10^4 and of 10^4."""
        # v = σ·√T to the last place, from one root of exact integers; 2^-192 absolute.
        square = self.sigma_squared_time * volatility_factor**2 << 2 * (FRACTION_BITS - VOLATILITY_FRACTION_BITS)
        v = max(isqrt(square // (BPS**2 * MS_PER_YEAR)), 1)
        log = self.log_moneyness
        if price_factor != PRICE_DENOMINATOR:
            log += log_ratio(price_factor, PRICE_DENOMINATOR)
        middle = (log << FRACTION_BITS) // v
        return _capped(middle + v // 2), _capped(middle - v // 2), v

    def value(self, price_factor: int = PRICE_DENOMINATOR, volatility_factor: int = BPS) -> int:
        """Return the value in ticks times 3·10^4, fixed point; error below 2^-50 of a tick."""
        d1, d2, _ = self.arguments(price_factor, volatility_factor)
        forward, strike = self.forward * price_factor, self.strike * PRICE_DENOMINATOR
        if self.kind == "call":
            return forward * normal_distribution(d1) - strike * normal_distribution(d2)
        return strike * normal_distribution(-d2) - forward * normal_distribution(-d1)

    def delta(self) -> int:
        """Return the P&L of a 1 % move, in ticks, rounded to nearest."""
        d1, _, _ = self.arguments(PRICE_DENOMINATOR, BPS)
        probability = normal_distribution(d1) if self.kind == "call" else -normal_distribution(-d1)
        return round_half_even(self.forward * probability, 100 * ONE)

    def gamma(self) -> int:
        """Return the change of the 1 % delta for a further 1 %, F·φ(d1)/v/10^4 in ticks, rounded to nearest."""
        d1, _, v = self.arguments(PRICE_DENOMINATOR, BPS)
        return round_half_even(self.forward * normal_density(d1), 10_000 * v)


def option_value_ticks(kind: str, forward_ticks: int, strike_ticks: int, volatility_q32: int, time_ms: int) -> int:
    """Return an option's Black-76 value in ticks per lot, rounded to the nearest tick, ties to even.

    Parameters
    ----------
    kind
        ``call`` or ``put``.
    forward_ticks, strike_ticks
        Ticks per lot, 1 to 2^27 - 1.
    volatility_q32
        Volatility times 2^32, 1 to 2^36 - 1.
    time_ms
        Time to expiry in milliseconds, 1 to 2^42 - 1.

    Raises
    ------
    RangeError
        An argument outside its range; zero time or volatility is outside.

    Examples
    --------
    Hull's put on a futures price: F = K = 20, σ = 25 %, four months.

    >>> option_value_ticks("put", 20_000_000, 20_000_000, 1 << 30, 10_512_000_000)
    1150648
    """
    return round_half_even(
        _option(kind, forward_ticks, strike_ticks, volatility_q32, time_ms).value(), PRICE_DENOMINATOR * ONE
    )


def option_delta_ticks(kind: str, forward_ticks: int, strike_ticks: int, volatility_q32: int, time_ms: int) -> int:
    """Return the P&L of a 1 % move of the forward, in ticks per lot, rounded to nearest, ties to even.

    Parameters and errors are those of `option_value_ticks`. A call's is positive, a put's negative.
    """
    return _option(kind, forward_ticks, strike_ticks, volatility_q32, time_ms).delta()


def option_gamma_ticks(kind: str, forward_ticks: int, strike_ticks: int, volatility_q32: int, time_ms: int) -> int:
    """Return the change of the 1 % delta for a further 1 % move, in ticks per lot, rounded to nearest, ties to even.

    Parameters and errors are those of `option_value_ticks`; the same for a call and a put, and never negative. It grows
    without bound as an at-the-money option expires; `instrument_row` refuses one that outgrows its width.
    """
    return _option(kind, forward_ticks, strike_ticks, volatility_q32, time_ms).gamma()


def instrument_row(
    instrument: Instrument, time_ms: int, underlying_params: UnderlyingParams, scenarios: Sequence[Scenario]
) -> InstrumentRow:
    """Return an instrument's row of the risk array.

    A change is ``cover_bps/10^4 · (shocked value - value)`` of the unrounded values, rounded once to the nearest tick,
    ties to even; so is the mark. A perpetual or a future is worth its forward.

    Parameters
    ----------
    instrument
        Of the snapshot.
    time_ms
        The snapshot's time; an expiry is after it.
    underlying_params
        Of the instrument's underlying.
    scenarios
        In their published order.

    Raises
    ------
    RangeError
        A value does not fit its width, or the instrument has expired.
    """
    if instrument.is_option:
        row = _option_row(instrument, time_ms, underlying_params, scenarios)
    else:
        row = _linear_row(instrument.forward_ticks, underlying_params, scenarios)
    for number, change in enumerate(row.changes):
        check_signed(f"{instrument.name}: change in scenario {number}", change, ROW_BITS)
    check_unsigned(f"{instrument.name}: mark", row.mark, ROW_BITS)
    check_signed(f"{instrument.name}: delta", row.delta, ROW_BITS)
    check_signed(f"{instrument.name}: gamma", row.gamma, ROW_BITS)
    return row


def price_factor(params: UnderlyingParams, scenario: Scenario) -> int:
    """Return the scenario's price factor as a numerator over 3·10^4."""
    return PRICE_DENOMINATOR + scenario.price_thirds * params.scan_range_bps


def volatility_factor(params: UnderlyingParams, scenario: Scenario) -> int:
    """Return the scenario's volatility factor as a numerator over 10^4."""
    moves = {1: params.volatility_up_bps, 0: 0, -1: -params.volatility_down_bps}
    return BPS + moves[scenario.volatility]


def _linear_row(forward: int, params: UnderlyingParams, scenarios: Sequence[Scenario]) -> InstrumentRow:
    changes = tuple(
        round_half_even(
            forward * (price_factor(params, scenario) - PRICE_DENOMINATOR) * scenario.cover_bps, PRICE_DENOMINATOR * BPS
        )
        for scenario in scenarios
    )
    return InstrumentRow(changes, mark=forward, delta=round_half_even(forward, 100), gamma=0)


def _option_row(
    instrument: Instrument, time_ms: int, params: UnderlyingParams, scenarios: Sequence[Scenario]
) -> InstrumentRow:
    expiry, strike, volatility = instrument.expiry_ms, instrument.strike_ticks, instrument.volatility_q32
    if expiry is None or strike is None or volatility is None:
        raise RangeError(instrument.name, "must have an expiry, a strike and a volatility")
    option = _option(instrument.kind, instrument.forward_ticks, strike, volatility, expiry - time_ms)
    now = option.value()
    changes = tuple(
        round_half_even(
            (option.value(price_factor(params, scenario), volatility_factor(params, scenario)) - now)
            * scenario.cover_bps,
            BPS * PRICE_DENOMINATOR * ONE,
        )
        for scenario in scenarios
    )
    mark = round_half_even(now, PRICE_DENOMINATOR * ONE)
    return InstrumentRow(changes, mark, option.delta(), option.gamma())


def _option(kind: str, forward_ticks: int, strike_ticks: int, volatility_q32: int, time_ms: int) -> _Option:
    if kind not in OPTION_KINDS:
        raise RangeError("kind", "must be call or put", kind)
    for field, number, bits in (
        ("forward_ticks", forward_ticks, ROW_BITS),
        ("strike_ticks", strike_ticks, ROW_BITS),
        ("volatility_q32", volatility_q32, VOLATILITY_BITS),
        ("time_ms", time_ms, TIME_BITS),
    ):
        check_unsigned(field, number, bits)
        if number == 0:
            raise RangeError(field, "must be above zero", number)
    return _Option(
        kind, forward_ticks, strike_ticks, volatility_q32**2 * time_ms, log_ratio(forward_ticks, strike_ticks)
    )


def _capped(argument: int) -> int:
    return max(-_FAR, min(argument, _FAR))
