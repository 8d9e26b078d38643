"""The exact engine's Black-76: fixed point whose every step a circuit follows, with the same integers in both.

The circuit is ``circuits/pricing``.

With forward F, strike K, volatility σ, time T in years of 365 days, no interest, and total volatility v = σ·√T:

    d2 = (ln(F/K) - v²/2)/v        d1 = d2 + v        call = F·N(d1) - K·N(d2)        put = call - F + K

**Why so few bits are enough.** At a fixed v the value does not move to first order with d2, because F·φ(d1) = K·φ(d2)
at the true d2: an error δ costs v·F·φ(d1)·δ²/2. So the quotient may be coarse; d2 has eleven binary places and is
taken at the middle of its unit, δ <= 2^-12. What must be exact is d1 - d2 = v, to first order: v has thirty places.
Whole units of d make the step from d2 to d1, and what is left of v enters as rest·φ(d1).

**Roundings**, each a bound quotient of the circuit: the logarithm (down), v² and its root (down), v in each scenario
(down), d2 (down, then the middle of its unit), and the result (to the nearest tick, ties up). Between d2 and the result
nothing is rounded: the polynomials of N have integer coefficients in an integer, and their values stand over 2^78.
A forward under shock is an exact fraction over 3·10^4, and the cover an exact one over 10^4.

**Saturation.** N is exactly 0 or 1 from magnitude 8 on, |d2| stops at 32, and v stops below 16. So an option that
expires, or is far in or out of the money, is worth max(0, F - K), and a very volatile call its forward to 3·10^-10.

The unshocked value takes a d2 of eleven more places and a divisor of all places of v. Its price gains nothing; the
greeks do, which move with d1 to first order. They follow one convention, for a 1 % move of the forward:

    P&L of a move by x % = delta·x + gamma·x²/2,   delta = F·V'(F)/100,   gamma = F²·V''(F)/10^4

so the gamma is the change of the delta's slope for a further 1 %, and a future has none.

See ``docs/pricing.md`` for widths and the error bound.

References
----------
F. Black, *The pricing of commodity contracts*, Journal of Financial Economics 3 (1976), equation 16, at r = 0.
J. Hull, *Options, Futures, and Other Derivatives*, "Valuing futures options using Black's model" and "Greek letters".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from rtnet_core.black76_parts import (
    NORMAL_ONE,
    Argument,
    VolatilityLevel,
    bound_quotient,
    fine_argument,
    log_ratio,
    normal_density,
    normal_distribution,
    price_shock_log,
    shocked_root,
    total_volatility,
    volatility_level,
)
from rtnet_core.black76_widths import (
    ARGUMENT_BITS,
    ARGUMENT_DIGITS,
    DENSITY_SCALE_BITS,
    FINE_BITS,
    NORMAL_SCALE_BITS,
    TOTAL_BITS,
)
from rtnet_core.errors import RangeError
from rtnet_core.limits import BPS, ROW_BITS, TIME_BITS, VOLATILITY_BITS, check_signed, check_unsigned
from rtnet_core.params import Scenario, UnderlyingParams
from rtnet_core.shocks import PRICE_DENOMINATOR, price_factor, volatility_factor
from rtnet_core.snapshot import OPTION_KINDS, Instrument

#: `Evaluation.value` stands over this: exact thirds of basis points of the forward, and the scale of N.
VALUE_DENOMINATOR: Final = PRICE_DENOMINATOR * NORMAL_ONE
#: density·rest of v, and density·fine digits of d2, are brought to the scale of N.
_REST_SHIFT: Final = NORMAL_SCALE_BITS - DENSITY_SCALE_BITS - TOTAL_BITS
_FINE_SHIFT: Final = NORMAL_SCALE_BITS - DENSITY_SCALE_BITS - ARGUMENT_BITS - FINE_BITS - 1
#: gamma = F·density / (v·10^4): the scale of the density less that of 2·v + 1.
_GAMMA_SHIFT: Final = DENSITY_SCALE_BITS - TOTAL_BITS - 1


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
class Evaluation:
    """One value: `value` over `VALUE_DENOMINATOR` ticks, N(d1) over 2^78 and the density at d1 over 2^44."""

    value: int
    distribution: int
    density: int


@dataclass(frozen=True)
class Contract:
    """What is priced: an option, or a linear instrument, which is a call struck at zero.

    Parameters
    ----------
    kind
        ``call``, ``put``, ``perpetual`` or ``future``.
    forward_ticks
        Ticks per lot, 1 to 2^27 - 1.
    strike_ticks
        The same for an option; 0 for a linear instrument.
    volatility_q32
        Volatility times 2^32, 1 to 2^36 - 1; 0 for a linear instrument.
    time_ms
        Time to expiry in milliseconds, 1 to 2^42 - 1; 0 for a linear instrument.

    Raises
    ------
    RangeError
        An argument outside its range; zero time or volatility of an option is outside.
    """

    kind: str
    forward_ticks: int
    strike_ticks: int = 0
    volatility_q32: int = 0
    time_ms: int = 0

    def __post_init__(self) -> None:
        check_unsigned("forward_ticks", self.forward_ticks, ROW_BITS)
        if self.forward_ticks == 0:
            raise RangeError("forward_ticks", "must be above zero", 0)
        if self.kind not in {*OPTION_KINDS, "perpetual", "future"}:
            raise RangeError("kind", "must be call, put, perpetual or future", self.kind)
        for field, bits in (("strike_ticks", ROW_BITS), ("volatility_q32", VOLATILITY_BITS), ("time_ms", TIME_BITS)):
            number = check_unsigned(field, getattr(self, field), bits)
            if self.is_option and number == 0:
                raise RangeError(field, "must be above zero", number)
            if not self.is_option and number != 0:
                raise RangeError(field, f"must be zero: a {self.kind} has none", number)

    @property
    def is_option(self) -> bool:
        """Whether it is a call or a put."""
        return self.kind in OPTION_KINDS

    @cached_property
    def log_moneyness(self) -> int:
        """ln(F/K) in units of 2^-31; of a linear instrument ln F, which is not used."""
        return log_ratio(self.forward_ticks, self.strike_ticks if self.is_option else 1)

    @cached_property
    def root(self) -> int:
        """σ·√T in units of 2^-30.

        Notes
        -----
        Circuit twin: circuits/pricing/option_time.circom:OptionTime
        """
        return total_volatility(self.volatility_q32, self.time_ms)

    @cached_property
    def unshocked(self) -> VolatilityLevel:
        """The total volatility without a shock."""
        return volatility_level(self.root)

    @cached_property
    def _levels(self) -> dict[int, VolatilityLevel]:
        return {}

    def level(self, factor: int) -> VolatilityLevel:
        """Return the total volatility times ``factor / 10^4``.

        Notes
        -----
        Circuit twin: circuits/pricing/volatility_choice.circom:VolatilityChoice
        """
        if factor not in self._levels:
            self._levels[factor] = volatility_level(shocked_root(self.root, factor))
        return self._levels[factor]

    def shocked(self, factor_of_price: int, log_shock: int, factor_of_volatility: int) -> Evaluation:
        """Return the value at forward·factor_of_price/(3·10^4) and volatility·factor_of_volatility/10^4.

        Parameters
        ----------
        factor_of_price
            1 to 2^18 - 1, over 3·10^4.
        log_shock
            `rtnet_core.black76_parts.price_shock_log` of it.
        factor_of_volatility
            0 to 2^15 - 1, over 10^4.
        """
        level = self.level(factor_of_volatility)
        numerator = self.log_moneyness + log_shock - level.half_square
        argument = bound_quotient(numerator, level.divisor, ARGUMENT_DIGITS)
        return self.evaluate(factor_of_price, argument, level)

    @property
    def _density(self) -> int:
        """The density at d1 of an option without shocks; a linear instrument has none."""
        return self.now.density if self.is_option else 0

    @cached_property
    def _fine(self) -> tuple[Argument, int]:
        """d2 without shocks in coarse units, and how far the fine one lies from the middle of that unit."""
        return fine_argument(self.log_moneyness, self.unshocked)

    @cached_property
    def now(self) -> Evaluation:
        """The value without shocks, from the fine d2."""
        return self.evaluate(PRICE_DENOMINATOR, self._fine[0], self.unshocked)

    def evaluate(self, factor_of_price: int, argument: Argument, level: VolatilityLevel) -> Evaluation:
        """Return F·N(d1) - K·N(d2), less F - K for a put, at a given d2.

        Notes
        -----
        Circuit twin: circuits/pricing/evaluation.circom:Evaluation
        """
        behind = argument.plus(level.step)
        density = normal_density(behind)
        first = normal_distribution(behind) + (density * level.rest << _REST_SHIFT)
        if not self.is_option:
            first = NORMAL_ONE
        put = NORMAL_ONE if self.kind == "put" else 0
        forward, strike = self.forward_ticks * factor_of_price, self.strike_ticks * PRICE_DENOMINATOR
        value = forward * (first - put) - strike * (normal_distribution(argument) - put)
        return Evaluation(value, first, density)

    def mark(self) -> int:
        """Return the value in ticks per lot, to nearest, ties up, and at least 0."""
        return max(round_half_up(self.now.value, VALUE_DENOMINATOR), 0)

    def change(self, shocked: Evaluation, cover_bps: int) -> int:
        """Return ``cover_bps/10^4 · (shocked value - value)`` in ticks per lot, to nearest, ties up."""
        return round_half_up(cover_bps * (shocked.value - self.now.value), BPS * VALUE_DENOMINATOR)

    def delta(self) -> int:
        """Return the P&L of a 1 % move of the forward, in ticks, to nearest, ties up.

        Notes
        -----
        Circuit twin: circuits/pricing/greeks.circom:Greeks
        """
        first = self.now.distribution + (self._density * self._fine[1] << _FINE_SHIFT)
        put = NORMAL_ONE if self.kind == "put" else 0
        return round_half_up(self.forward_ticks * (first - put), 100 * NORMAL_ONE)

    def gamma(self) -> int:
        """Return the change of the 1 % delta for a further 1 %, F·φ(d1)/v/10^4 in ticks, to nearest, ties up."""
        divisor = BPS * self.unshocked.fine_divisor << _GAMMA_SHIFT
        return round_half_up(self.forward_ticks * self._density, divisor)


def value_ticks(kind: str, forward_ticks: int, strike_ticks: int, volatility_q32: int, time_ms: int) -> int:
    """Return an option's Black-76 value in ticks per lot, to the nearest tick, ties up, and at least 0.

    Parameters and errors are those of `Contract`.

    Examples
    --------
    Hull's put on a futures price: F = K = 20, σ = 25 %, four months.

    >>> value_ticks("put", 20_000_000, 20_000_000, 1 << 30, 10_512_000_000)
    1150648
    """
    return Contract(kind, forward_ticks, strike_ticks, volatility_q32, time_ms).mark()


def instrument_row(
    instrument: Instrument, time_ms: int, underlying_params: UnderlyingParams, scenarios: Sequence[Scenario]
) -> InstrumentRow:
    """Return an instrument's row of the risk array, as the market circuit computes it.

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

    Notes
    -----
    Circuit twin: circuits/pricing/instrument_row.circom:InstrumentRow
    """
    contract = contract_of(instrument, time_ms)
    changes = []
    for number, scenario in enumerate(scenarios):
        factor = price_factor(underlying_params, scenario)
        shocked = contract.shocked(factor, price_shock_log(factor), volatility_factor(underlying_params, scenario))
        change = contract.change(shocked, scenario.cover_bps)
        changes.append(check_signed(f"{instrument.name}: change in scenario {number}", change, ROW_BITS))
    return InstrumentRow(
        tuple(changes),
        mark=check_unsigned(f"{instrument.name}: mark", contract.mark(), ROW_BITS),
        delta=check_signed(f"{instrument.name}: delta", contract.delta(), ROW_BITS),
        gamma=check_unsigned(f"{instrument.name}: gamma", contract.gamma(), ROW_BITS),
    )


def contract_of(instrument: Instrument, time_ms: int) -> Contract:
    """Return what an instrument of a snapshot taken at `time_ms` is priced as.

    Raises
    ------
    RangeError
        An option has no strike or volatility, or has expired.
    """
    if not instrument.is_option:
        return Contract(instrument.kind, instrument.forward_ticks)
    expiry, strike, volatility = instrument.expiry_ms, instrument.strike_ticks, instrument.volatility_q32
    if expiry is None or strike is None or volatility is None:
        raise RangeError(instrument.name, "must have an expiry, a strike and a volatility")
    return Contract(instrument.kind, instrument.forward_ticks, strike, volatility, expiry - time_ms)


def round_half_up(numerator: int, denominator: int) -> int:
    """Return numerator / denominator (denominator > 0) rounded to the nearest integer, ties up.

    Examples
    --------
    >>> [round_half_up(n, 2) for n in (-3, -1, 1, 3)]
    [-1, 0, 1, 2]
    """
    return (2 * numerator + denominator) // (2 * denominator)
