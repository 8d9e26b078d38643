"""Terms of a collateral asset: what it counts at, and when a deposit of it is final. All of it is integers.

    counted = min(market, redemption, peg less what is lost below it) · (1 - bridge)

rounded down, and at least a tick. What has no terms counts at market.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, model_validator

from rtnet_core.document import Part, PositivePrice, Symbol, TimeMs, broken_rule
from rtnet_core.limits import BPS
from rtnet_core.risk.pegs import StablecoinPeg, StakedToken

_ONE_Q32 = 1 << 32


class Peg(Part):
    """A stablecoin's peg, in ticks a unit; below the threshold every further loss counts several times."""

    ticks: PositivePrice
    threshold_bps: Annotated[int, Field(ge=BPS // 2, le=BPS)] = 9_900
    loss_factor_bps: Annotated[int, Field(ge=BPS, le=20 * BPS)] = 40_000


class CollateralTerms(Part):
    """Terms of one asset.

    Attributes
    ----------
    follows
        The asset that a unit is redeemed for: a staked token's coin, or the asset at home of one on another chain.
    each_q32
        Units of it that one unit is redeemed for at `as_of_ms`, times 2^32.
    as_of_ms, yield_bps
        From when on redemption grows, by how much of itself a year.
    peg
        Of a stablecoin.
    bridge_bps
        What it costs to bring a unit home.
    finality_ms
        How long a deposit waits until it counts: the market's clock, from the event on.
    """

    follows: Symbol | None = None
    each_q32: Annotated[int, Field(ge=1, lt=1 << 48)] = _ONE_Q32
    as_of_ms: TimeMs = 0
    yield_bps: Annotated[int, Field(ge=0, le=BPS)] = 0
    peg: Peg | None = None
    bridge_bps: Annotated[int, Field(ge=0, le=BPS)] = 0
    finality_ms: Annotated[int, Field(ge=0, lt=1 << 32)] = 0

    @model_validator(mode="after")
    def _redemption_has_an_asset(self) -> Self:
        if self.follows is None and (self.each_q32, self.as_of_ms, self.yield_bps) != (_ONE_Q32, 0, 0):
            raise broken_rule("follows", "is missing: redemption is in units of it")
        return self

    def counted_ticks(self, market_ticks: int, followed_ticks: int | None, now_ms: int) -> int:
        """Return what one unit counts, in ticks.

        Parameters
        ----------
        market_ticks
            What the market pays for it.
        followed_ticks
            What a unit of the asset that it follows counts; None where it follows none that is listed.
        now_ms
            Not before `as_of_ms`.

        Examples
        --------
        A token that 1.2 coins are paid out for, at market below that; a dollar at 0.97; the same away from home.

        >>> CollateralTerms(follows="ETH", each_q32=(6 << 32) // 5).counted_ticks(2_950, 2_500, 0)
        2950
        >>> dollar = Peg(ticks=1_000_000)
        >>> CollateralTerms(peg=dollar).counted_ticks(970_000, None, 0)
        910000
        >>> CollateralTerms(peg=dollar, bridge_bps=30).counted_ticks(1_002_000, None, 0)
        997000
        """
        ticks = market_ticks
        if self.follows is not None and followed_ticks is not None:
            each = Fraction(self.each_q32, _ONE_Q32)
            token = StakedToken("", self.follows, each, self.as_of_ms, self.yield_bps)
            ticks = token.value_ticks(followed_ticks, ticks, now_ms)
        if self.peg is not None:
            peg = StablecoinPeg(self.peg.ticks, self.peg.threshold_bps, self.peg.loss_factor_bps)
            ticks = peg.value_ticks(ticks)
        return max(1, ticks * (BPS - self.bridge_bps) // BPS)
