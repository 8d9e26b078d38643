"""Terms of funding that accrues by itself; what they do is in `rtnet_core.engine.accrual`."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from rtnet_core.document import Part, broken_rule
from rtnet_core.funding import funding_rate
from rtnet_core.limits import QUANTITY_BITS
from rtnet_core.loss.funding_accrual import RATE_PARTS, rate_parts
from rtnet_core.loss.skew import DAY_MS

#: A hundred per cent in eight hours.
_RATE_END: Final = RATE_PARTS + 1
Rate = Annotated[int, Field(gt=-_RATE_END, lt=_RATE_END)]


class PoolTerms(Part):
    """A pool market's funding.

    Attributes
    ----------
    account
        Of the pool: the skew is the negative of its position.
    scale_lots
        The skew at which the rate drifts fastest.
    max_velocity_e8
        How far it drifts then in a day: parts of 10^-8 in eight hours.
    """

    account: Annotated[str, Field(max_length=64)]
    scale_lots: Annotated[int, Field(ge=1, lt=1 << QUANTITY_BITS)]
    max_velocity_e8: Annotated[int, Field(ge=0, lt=_RATE_END)]


class FundingTerms(Part):
    """How a perpetual's funding accrues: one of three; rate and premium in parts of 10^-8 in eight hours."""

    rate_e8: Rate | None = None
    premium_e8: Rate | None = None
    pool: PoolTerms | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(given is not None for given in (self.rate_e8, self.premium_e8, self.pool)) != 1:
            raise broken_rule("rate_e8", "must be given, or premium_e8, or pool: one of them")
        return self

    @property
    def rate_units(self) -> int:
        """Units of the rate in a part of 10^-8: a pool's drifts in units of one part, over the scale and a day."""
        return 1 if self.pool is None else self.pool.scale_lots * DAY_MS

    def first_rate(self) -> int:
        """Return the rate that the terms begin with, in their units."""
        if self.premium_e8 is not None:
            return rate_parts(funding_rate(Fraction(self.premium_e8, RATE_PARTS)))
        return self.rate_e8 or 0
