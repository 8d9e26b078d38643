"""What a venue sets for failing accounts and for trades: terms of liquidation, limits, circuit breakers.

All of it is state: it comes in by a ``controls`` event, and what was applied under it is applied again under it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rtnet_core.document import InstrumentName, Part, Symbol, broken_rule
from rtnet_core.limits import BPS, CASH_BITS, THRESHOLD_BITS
from rtnet_core.loss.breaker import BreakerRules
from rtnet_core.loss.controls import SizeTiers, VenueLimits
from rtnet_core.risk.parameter_log import MoveLimits

Bps = Annotated[int, Field(ge=0, lt=1 << THRESHOLD_BITS)]
PositiveMoney = Annotated[int, Field(ge=1, lt=1 << CASH_BITS)]
Span = Annotated[int, Field(ge=1, lt=1 << 32)]


class Liquidity(Part):
    """The market that a liquidation meets in one underlying.

    Attributes
    ----------
    volume_ticks
        Money traded in a day.
    volatility_bps, half_spread_bps
        Of a day; half the distance of bid and ask.
    """

    volume_ticks: PositiveMoney = 10**9 * 10**6
    volatility_bps: Bps = 400
    half_spread_bps: Bps = 2


def _written(part: Part, handler: SerializerFunctionWrapHandler, later: tuple[str, ...]) -> dict[str, Any]:
    """Return a part's content without the fields `later` where they are at their defaults.

    Those came after the first logs were written: a state without them has the bytes, and the digest, that it had then.
    """
    content: dict[str, Any] = handler(part)
    fields = type(part).model_fields
    return {
        name: value
        for name, value in content.items()
        if name not in later or getattr(part, name) != fields[name].get_default(call_default_factory=True)
    }


class Limits(Part):
    """Limits of trades in one instrument, or in each instrument of an underlying; see `rtnet_core.loss.controls`.

    Attributes
    ----------
    depth_ticks, depth_rise_bps
        The depth that tiers and the cap on open interest are measured in, until a ``depth`` event measures another; by
        how much of itself it may rise from one time to the next.
    """

    tier_bounds_bps: Annotated[tuple[Bps, ...], Field(strict=False, max_length=16)] = ()
    tier_rates_bps: Annotated[tuple[Bps, ...], Field(strict=False, max_length=17)] = (100,)
    depth_ticks: PositiveMoney
    open_interest_bps: Bps
    leverage_bps: Bps
    counterparty_ticks: PositiveMoney
    deviation_bps: Bps
    depth_rise_bps: Bps = 500

    @model_serializer(mode="wrap")
    def _as_first_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _written(self, handler, ("depth_rise_bps",))

    @model_validator(mode="after")
    def _tiers_fit(self) -> Self:
        self.of_venue()
        return self

    def of_venue(self) -> VenueLimits:
        """Return the limits as their checks take them.

        Raises
        ------
        InputError
            Bounds or rates of the tiers do not fit or do not rise.
        """
        return VenueLimits(
            SizeTiers(self.tier_bounds_bps, self.tier_rates_bps),
            self.depth_ticks,
            self.open_interest_bps,
            self.leverage_bps,
            self.counterparty_ticks,
            self.deviation_bps,
        )


class Halts(Part):
    """Bands and times of an instrument's circuit breaker; see `rtnet_core.loss.breaker`."""

    window_ms: Span = 300_000
    band_bps: Annotated[int, Field(ge=1, lt=1 << THRESHOLD_BITS)] = 500
    limit_ms: Span = 15_000
    halt_ms: Span = 300_000
    auction_ms: Span = 30_000
    collar_step_bps: Annotated[int, Field(ge=1, lt=1 << THRESHOLD_BITS)] = 500
    cooldown_ms: Span = 60_000

    def rules(self) -> BreakerRules:
        """Return them as the breaker takes them."""
        return BreakerRules(**self.model_dump())


class Moves(Part):
    """How fast ``tune`` events move a margin parameter; see `rtnet_core.risk.parameter_log`.

    Attributes
    ----------
    pause_ms
        From one move of a parameter to its next one.
    """

    up_bps: Annotated[int, Field(ge=1, le=100 * BPS)] = 2_500
    down_bps: Annotated[int, Field(ge=1, le=BPS)] = 500
    least_bps: Annotated[int, Field(ge=0, le=BPS)] = 100
    most_bps: Annotated[int, Field(ge=1, le=BPS)] = 4_900
    pause_ms: Annotated[int, Field(ge=0, lt=1 << 32)] = 3_600_000

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.least_bps > self.most_bps:
            raise broken_rule("least_bps", f"must be at most most_bps {self.most_bps}", self.least_bps)
        return self

    def limits(self) -> MoveLimits:
        """Return them as a step takes them."""
        return MoveLimits(self.up_bps, self.down_bps, self.least_bps, self.most_bps)


class Controls(Part):
    """Everything a venue sets; the defaults hold where no ``controls`` event has come.

    Attributes
    ----------
    backstop
        The account that takes liquidated positions over, as far as its own initial margin carries them; None: nobody.
    order
        Which positions are closed: all in one proportion, or those of least margin first.
    target_bps, penalty_bps
        Margin ratio that a liquidation aims at; charged on the notional closed, for the insurance fund.
    sale_bps
        What collateral is sold below its price.
    vault_limit_ticks
        Most that the vault pays for one account; None: all it has.
    liquidity
        By underlying.
    limits
        By instrument, or by underlying for all of its instruments that have none of their own.
    breakers
        By instrument.
    moves
        Of margin parameters.
    """

    backstop: Annotated[str, Field(max_length=64)] | None = None
    order: Literal["pro_rata", "smallest_risk_first"] = "pro_rata"
    target_bps: Annotated[int, Field(ge=1, lt=1 << THRESHOLD_BITS)] = 12_500
    penalty_bps: Annotated[int, Field(ge=0, le=BPS)] = 50
    sale_bps: Annotated[int, Field(ge=0, lt=BPS)] = 200
    vault_limit_ticks: Annotated[int, Field(ge=0, lt=1 << CASH_BITS)] | None = None
    liquidity: dict[Symbol, Liquidity] = Field(default_factory=dict)
    limits: dict[InstrumentName, Limits] = Field(default_factory=dict)
    breakers: dict[InstrumentName, Halts] = Field(default_factory=dict)
    moves: Moves = Moves()

    @model_serializer(mode="wrap")
    def _as_first_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _written(self, handler, ("moves",))


DEFAULT_CONTROLS: Final = Controls()
DEFAULT_LIQUIDITY: Final = Liquidity()
