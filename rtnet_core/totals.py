"""What a set of accounts adds up to, and the commitment to it that batch and merge proofs pass upwards.

The sums are packed into field elements by shifts alone, so the packed form of a sum is the sum of the packed forms: a
merge adds elements and never takes one apart. No lane can overflow: each is as wide as its term over 2^BOOK_BITS
accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from rtnet_core.hashing import Tag, hash_fields, limbs_per_field, pack
from rtnet_core.limits import (
    AMOUNT_TOTAL_BITS,
    CASH_TOTAL_BITS,
    COUNT_BITS,
    DEFICIT_TOTAL_BITS,
    FIELD_MODULUS,
    NET_STRIDE,
    NET_TOTAL_BITS,
    SHORTFALL_BITS,
    Profile,
    check_signed,
    check_unsigned,
)
from rtnet_core.margin_exact import AccountVector, account_margin
from rtnet_core.params_root import MarginParams
from rtnet_core.risk_array import RiskArray

#: Places of the numbers that share the first two packed elements.
DEFICIT_ACCOUNTS_SHIFT: Final = 32
SHORTFALL_SHIFT: Final = 64
CASH_SHIFT: Final = DEFICIT_TOTAL_BITS + 1


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over accounts. Those of a batch are secret, those of the whole book are published: a repr shows neither.

    Parameters
    ----------
    below_threshold
        Accounts whose NLV does not reach the threshold.
    shortfall_e8
        What those accounts lack, in ticks * 10^-8: the sum of threshold_bps * maintenance_e4 - 10^4 * nlv_e4.
    deficit_accounts
        Accounts with a negative NLV at full collateral value.
    deficit_ticks
        What those accounts owe beyond all that they have.
    cash_ticks
        Signed sum of cash.
    amounts
        Shape (A,): units of each collateral asset, in the snapshot's order.
    net_lots
        Shape (K,): signed lots of each slot; zero throughout in a book in which every long has its short.

    Raises
    ------
    RangeError
        A number outside what 2^BOOK_BITS accounts can add up to.
    """

    below_threshold: int = field(repr=False)
    shortfall_e8: int = field(repr=False)
    deficit_accounts: int = field(repr=False)
    deficit_ticks: int = field(repr=False)
    cash_ticks: int = field(repr=False)
    amounts: tuple[int, ...] = field(repr=False)
    net_lots: tuple[int, ...] = field(repr=False)

    def __post_init__(self) -> None:
        check_unsigned("below_threshold", self.below_threshold, COUNT_BITS, secret=True)
        check_unsigned("shortfall_e8", self.shortfall_e8, SHORTFALL_BITS, secret=True)
        check_unsigned("deficit_accounts", self.deficit_accounts, COUNT_BITS, secret=True)
        check_unsigned("deficit_ticks", self.deficit_ticks, DEFICIT_TOTAL_BITS, secret=True)
        check_signed("cash_ticks", self.cash_ticks, CASH_TOTAL_BITS, secret=True)
        for number in self.amounts:
            check_unsigned("amounts", number, AMOUNT_TOTAL_BITS, secret=True)
        for number in self.net_lots:
            check_signed("net_lots", number, NET_TOTAL_BITS, secret=True)

    @property
    def quote_liability_ticks(self) -> int:
        """What is owed in the quote currency: cash plus all deficits, so that none nets away what others are owed."""
        return self.cash_ticks + self.deficit_ticks

    def __add__(self, other: Self) -> Totals:
        """Return the sum of both."""
        return Totals(
            below_threshold=self.below_threshold + other.below_threshold,
            shortfall_e8=self.shortfall_e8 + other.shortfall_e8,
            deficit_accounts=self.deficit_accounts + other.deficit_accounts,
            deficit_ticks=self.deficit_ticks + other.deficit_ticks,
            cash_ticks=self.cash_ticks + other.cash_ticks,
            amounts=tuple(map(int.__add__, self.amounts, other.amounts)),
            net_lots=tuple(map(int.__add__, self.net_lots, other.net_lots)),
        )

    def packed(self) -> list[int]:
        """Return the totals as field elements.

        Notes
        -----
        Counts and shortfall; deficit and cash; amounts, AMOUNT_TOTAL_BITS apart; net lots, NET_STRIDE apart. Signed
        numbers stand modulo the field order. Circuit twin: circuits/totals/pack_totals.circom:PackTotals
        """
        per_field = limbs_per_field(NET_STRIDE)
        counts = self.below_threshold + (self.deficit_accounts << DEFICIT_ACCOUNTS_SHIFT)
        nets = [
            sum(lots << NET_STRIDE * lane for lane, lots in enumerate(self.net_lots[start : start + per_field]))
            for start in range(0, len(self.net_lots), per_field)
        ]
        return [
            counts + (self.shortfall_e8 << SHORTFALL_SHIFT),
            (self.deficit_ticks + (self.cash_ticks << CASH_SHIFT)) % FIELD_MODULUS,
            *pack(self.amounts, AMOUNT_TOTAL_BITS),
            *(net % FIELD_MODULUS for net in nets),
        ]

    def commitment(self, blinding: int) -> int:
        """Return the commitment to the totals; `blinding` is a fresh 248-bit number, and as secret as they are."""
        return totals_commitment(blinding, self.packed())


def no_totals(sizes: Profile) -> Totals:
    """Return the totals of no account."""
    return Totals(0, 0, 0, 0, 0, (0,) * sizes.assets, (0,) * sizes.instruments)


def totals_commitment(blinding: int, packed: Sequence[int]) -> int:
    """Return the commitment to packed totals.

    Notes
    -----
    Circuit twin: circuits/totals/totals_commitment.circom:TotalsCommitment
    """
    return hash_fields(Tag.TOTALS, [blinding, *packed])


@lru_cache(maxsize=4)
def empty_commitment(sizes: Profile) -> int:
    """Return what takes the place of a child that a merge does not have: no totals, blinding 0, as anyone can check."""
    return no_totals(sizes).commitment(0)


def unhaircut_nlv(account: AccountVector, risk: RiskArray) -> int:
    """Return cash, collateral at full price and marked positions, in ticks.

    Notes
    -----
    Circuit twin: circuits/totals/account_deficit.circom:AccountDeficit
    """
    collateral = sum(map(int.__mul__, account.amounts, risk.price_ticks))
    return account.cash_ticks + collateral + sum(map(int.__mul__, account.quantities, risk.marks))


def account_totals(account: AccountVector, risk: RiskArray, params: MarginParams, threshold_bps: int) -> Totals:
    """Return what one account adds to the totals.

    Notes
    -----
    Circuit twin: circuits/totals/account_totals.circom:AccountTotals
    """
    headroom = account_margin(account, risk, params).headroom_e8(threshold_bps)
    deficit = max(0, -unhaircut_nlv(account, risk))
    return Totals(
        below_threshold=int(headroom < 0),
        shortfall_e8=max(0, -headroom),
        deficit_accounts=int(deficit > 0),
        deficit_ticks=deficit,
        cash_ticks=account.cash_ticks,
        amounts=account.amounts,
        net_lots=account.quantities,
    )


def sum_totals(parts: Sequence[Totals], sizes: Profile) -> Totals:
    """Return the sum of `parts`."""
    return sum(parts, start=no_totals(sizes))
