"""Collateral that should be worth something else: liquid staking tokens and stablecoins.

A staking token can be redeemed for ever more of its coin, but only after a wait; until then it is worth what the
market pays. It counts at the lower of the two, follows its coin in the scenarios (`AssetTerms.follows`) and may lose
its peg in them (`AssetTerms.depeg`). A stablecoin counts at most at its peg, and below a threshold each further loss
counts several times.

References
----------
- Lido, *stETH* documentation: balances and wrapped rate grow with staking rewards; withdrawals queue. The discount to
  the coin reached about 7 % in June 2022; USDC traded near 0.87 on 11 March 2023.
- Derive, repository v2-core, `PMRMLib.sol`: loss factor on the distance below the peg's threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rtnet_core.errors import InputError
from rtnet_core.limits import BPS, MS_PER_YEAR
from rtnet_core.risk.ranges import whole
from rtnet_core.snapshot import TICKS_PER_USD


@dataclass(frozen=True, slots=True)
class StakedToken:
    """A liquid staking token.

    Attributes
    ----------
    symbol, coin
        The token, and what it is redeemed for.
    coins_each
        Coins that one token was redeemed for at `as_of_ms`, above zero.
    as_of_ms
        When that was.
    yield_bps
        Staking yield a year, 0 to 10^4: accrues from then on, simple, until `coins_each` is read anew.
    """

    symbol: str
    coin: str
    coins_each: Fraction
    as_of_ms: int
    yield_bps: int

    def __post_init__(self) -> None:
        if self.coins_each <= 0:
            raise InputError("coins_each", "must be above zero", self.coins_each)
        whole("yield_bps", self.yield_bps, 0, BPS)

    def redemption_ticks(self, coin_ticks: int, now_ms: int) -> int:
        """Return what one token is redeemed for, in ticks, rounded down.

        Raises
        ------
        InputError
            `now_ms` is before `as_of_ms`.

        Examples
        --------
        >>> token = StakedToken("WSTETH", "ETH", Fraction(6, 5), 0, 300)
        >>> token.redemption_ticks(2_500_000_000, MS_PER_YEAR)
        3090000000
        """
        if now_ms < self.as_of_ms:
            raise InputError("now_ms", f"must not be before {self.as_of_ms}", now_ms)
        accrued = 1 + Fraction(self.yield_bps * (now_ms - self.as_of_ms), BPS * MS_PER_YEAR)
        return int(self.coins_each * accrued * coin_ticks)

    def value_ticks(self, coin_ticks: int, market_ticks: int, now_ms: int) -> int:
        """Return what one token counts, in ticks: the lower of market and redemption."""
        return min(market_ticks, self.redemption_ticks(coin_ticks, now_ms))

    def discount(self, coin_ticks: int, market_ticks: int, now_ms: int) -> float:
        """Return how far the market stands below redemption, as a share of it; negative where above."""
        return 1 - market_ticks / self.redemption_ticks(coin_ticks, now_ms)


@dataclass(frozen=True, slots=True)
class StablecoinPeg:
    """How a stablecoin counts.

    Attributes
    ----------
    peg_ticks
        What a unit is meant to be worth, in ticks.
    threshold_bps
        Share of the peg from which on it counts at market, 5,000 to 10,000.
    loss_factor_bps
        Below it each further loss counts this many times, 10,000 for once to 200,000.
    """

    peg_ticks: int = TICKS_PER_USD
    threshold_bps: int = 9_900
    loss_factor_bps: int = 40_000

    def __post_init__(self) -> None:
        whole("peg_ticks", self.peg_ticks, 1, 1 << 34)
        whole("threshold_bps", self.threshold_bps, BPS // 2, BPS)
        whole("loss_factor_bps", self.loss_factor_bps, BPS, 20 * BPS)

    def value_ticks(self, market_ticks: int) -> int:
        """Return what one unit counts, in ticks, rounded down and at least 0.

        Examples
        --------
        At 0.97 the two cents below 0.99 count four times.

        >>> [StablecoinPeg().value_ticks(price) for price in (1_002_000, 995_000, 970_000, 500_000)]
        [1000000, 995000, 910000, 0]
        """
        market = min(market_ticks, self.peg_ticks)
        missing_e4 = max(self.threshold_bps * self.peg_ticks - BPS * market, 0)
        return max((BPS * BPS * market - (self.loss_factor_bps - BPS) * missing_e4) // (BPS * BPS), 0)
