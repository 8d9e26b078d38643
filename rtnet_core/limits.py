"""Every width and count of the margin rule, stated once.

The Python range checks read these constants; ``circuits/limits.circom`` is generated from them
(`zkm2m circuits build`), and a test recomputes from them the worst intermediate value of every template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rtnet_core.errors import RangeError

#: Order of the BN254 scalar field: every number that is proven lives modulo this prime.
FIELD_MODULUS: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617
#: A sum that stays below 2^MAX_SAFE_BITS cannot wrap around the field, whatever its sign.
MAX_SAFE_BITS: Final = 253

QUANTITY_BITS: Final = 27  #: a position q in lots: -2^27 <= q < 2^27
ROW_BITS: Final = 27  #: ticks per lot: -2^27 <= row, delta, gamma < 2^27; 0 <= mark, index < 2^27
LANE_BITS: Final = 62  #: one unpacked scenario sum plus its hint
LANE_STRIDE: Final = LANE_BITS + 1  #: distance of neighbouring lanes inside one field element
LANES_PER_FIELD: Final = 4  #: 4 * 63 = 252 bits
GREEK_OFFSET_BITS: Final = LANE_BITS - 1  #: added to a signed lane sum before it is unpacked
CASH_BITS: Final = 56  #: signed, in ticks: -2^56 <= cash < 2^56
AMOUNT_BITS: Final = 36  #: collateral amount in units of its asset
PRICE_BITS: Final = 34  #: collateral price in ticks per unit
RATE_BITS: Final = 14  #: a haircut, size or short-option rate in basis points
GREEK_RATE_BITS: Final = 20  #: delta and gamma add-on rates in basis points of the 1 % move
SIZE_BITS: Final = 36  #: gross position of one underlying, and a kink of its size envelope, in lots
THRESHOLD_BITS: Final = 20  #: threshold in basis points of the margin ratio
HEADROOM_BITS: Final = 106  #: |10^4 * nlv_e4 - threshold_bps * maintenance_e4| stays below 2^106
ENVELOPE_KINKS: Final = 2  #: an envelope is one line and two hinges: three lines
IDENTITY_BITS: Final = 248  #: user ids, salts, names and challenges enter as 248-bit digests
BPS: Final = 10_000

VOLATILITY_FRACTION_BITS: Final = 32  #: volatility_q32 = volatility * 2^32
VOLATILITY_BITS: Final = 36  #: volatility below 16 (1600 %)
TIME_BITS: Final = 42  #: milliseconds since 1970 (until the year 2109)
MS_PER_YEAR: Final = 365 * 86_400_000
PRICE_THIRDS_MAX: Final = 9  #: the furthest scenario: three scan ranges
PRICE_THIRDS_BITS: Final = 5  #: thirds of it, from -9 to 9, counted from 0

BOOK_BITS: Final = 24  #: the deepest book holds 2^24 accounts: a sum over a book has that many bits more than a term
COUNT_BITS: Final = BOOK_BITS + 1  #: a number of accounts
SHORTFALL_BITS: Final = HEADROOM_BITS + BOOK_BITS  #: sum of missing headroom, in ticks * 10^-8
DEFICIT_BITS: Final = 75  #: |cash + collateral at full price + marks| of one account, in ticks
DEFICIT_TOTAL_BITS: Final = DEFICIT_BITS + BOOK_BITS
CASH_TOTAL_BITS: Final = CASH_BITS + BOOK_BITS  #: signed
AMOUNT_TOTAL_BITS: Final = AMOUNT_BITS + BOOK_BITS
NET_TOTAL_BITS: Final = QUANTITY_BITS + BOOK_BITS  #: signed
NET_STRIDE: Final = NET_TOTAL_BITS + 2  #: distance of signed net positions inside one field element


@dataclass(frozen=True, slots=True)
class Profile:
    """The size of a circuit: instruments K, underlyings U, collateral assets A, scenarios S, depth D of the book.

    A batch proof is about `batch` accounts (B, a power of two), a merge adds the totals of `merge` children (M). A
    market proof shows the signatures of `quorum` oracles (Q) out of `oracles` (N).
    """

    name: str
    instruments: int
    underlyings: int
    assets: int
    scenarios: int
    depth: int
    batch: int
    merge: int
    oracles: int
    quorum: int

    @property
    def batch_depth(self) -> int:
        """Depth of the subtree that one batch proof covers, log2(B)."""
        return self.batch.bit_length() - 1

    @property
    def slots(self) -> int:
        """Instrument slots of one underlying, K / U."""
        return self.instruments // self.underlyings

    @property
    def row_fields(self) -> int:
        """Field elements that carry one instrument's scenario values, S / LANES_PER_FIELD rounded up."""
        return -(-self.scenarios // LANES_PER_FIELD)

    @property
    def capacity(self) -> int:
        """Most accounts a book of this profile holds, 2^D."""
        return 1 << self.depth


PROFILES: Final[dict[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile("small", 8, 2, assets=3, scenarios=16, depth=10, batch=4, merge=4, oracles=3, quorum=2),
        Profile("standard", 64, 2, assets=8, scenarios=16, depth=20, batch=64, merge=16, oracles=5, quorum=3),
        Profile("wide", 256, 4, assets=16, scenarios=16, depth=24, batch=16, merge=16, oracles=5, quorum=3),
    )
}


def check_unsigned(field: str, value: int, bits: int, *, secret: bool = False) -> int:
    """Return `value` if it is an integer with 0 <= value < 2^bits.

    Raises
    ------
    RangeError
        `value` is no integer (a bool is none) or lies outside; a secret value is not shown.
    """
    rule = f"must be an integer of at least 0 and below 2^{bits}"
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise RangeError(field, rule) if secret else RangeError(field, rule, value)
    return value


def check_signed(field: str, value: int, bits: int, *, secret: bool = False) -> int:
    """Return `value` if it is an integer with -2^bits <= value < 2^bits.

    Raises
    ------
    RangeError
        `value` is no integer (a bool is none) or lies outside; a secret value is not shown.
    """
    rule = f"must be an integer of at least -2^{bits} and below 2^{bits}"
    if type(value) is not int or not -(1 << bits) <= value < 1 << bits:
        raise RangeError(field, rule) if secret else RangeError(field, rule, value)
    return value
