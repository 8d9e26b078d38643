"""The bit budget: the worst intermediate value of every template, computed from `rtnet_core.limits` for a profile.

Nothing in the circuits reduces modulo the field order, so every sum must stay below it, and every value that a template
takes apart must fit the digits that it is given. Bounds are exact integers; `bits` is the least b with bound < 2^b.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prover.pricing_budget import pricing_bounds
from rtnet_core.hashing import Tag, limbs_per_field
from rtnet_core.limits import (
    AMOUNT_BITS,
    AMOUNT_TOTAL_BITS,
    BOOK_BITS,
    BPS,
    CASH_BITS,
    CASH_TOTAL_BITS,
    COUNT_BITS,
    DEFICIT_BITS,
    DEFICIT_TOTAL_BITS,
    ENVELOPE_KINKS,
    GREEK_OFFSET_BITS,
    GREEK_RATE_BITS,
    HEADROOM_BITS,
    LANE_BITS,
    LANE_STRIDE,
    LANES_PER_FIELD,
    MAX_SAFE_BITS,
    NET_STRIDE,
    NET_TOTAL_BITS,
    PRICE_BITS,
    PRICE_THIRDS_BITS,
    QUANTITY_BITS,
    RATE_BITS,
    ROW_BITS,
    SHORTFALL_BITS,
    SIZE_BITS,
    THRESHOLD_BITS,
    Profile,
)
from rtnet_core.totals import CASH_SHIFT, DEFICIT_ACCOUNTS_SHIFT, SHORTFALL_SHIFT, no_totals

#: What the header of UnderlyingMargin promises of a maintenance margin.
MAINTENANCE_BITS: Final = 85


@dataclass(frozen=True, slots=True)
class Row:
    """One bound.

    Attributes
    ----------
    template
        Where the value arises.
    quantity
        Which value.
    bound_expression
        The bound in words of `rtnet_core.limits`; K, U, A are the profile's, SLOTS = K / U.
    bits
        Of the largest magnitude.
    limit_bits
        What it must stay below, as a power of two: 253 for a field element, or the width of what takes it apart.
    """

    template: str
    quantity: str
    bound_expression: str
    bits: int
    limit_bits: int

    @property
    def holds(self) -> bool:
        """Whether the value stays below its limit."""
        return self.bits <= self.limit_bits


def bit_budget(profile: Profile) -> list[Row]:
    """Return the worst values of every template at the sizes of a profile.

    Parameters
    ----------
    profile
        A row of `rtnet_core.limits.PROFILES`.

    Returns
    -------
    list of Row
        In the order in which the circuits use the templates, those of ``lib`` first.
    """
    rows = [*_library(profile), *_commitments(profile), *_margin(profile), *_totals(profile), *pricing_bounds()]
    return [Row(template, quantity, text, bound.bit_length(), limit) for template, quantity, text, bound, limit in rows]


_Bound = tuple[str, str, str, int, int]


def _top(bits: int) -> int:
    return (1 << bits) - 1


def _lanes(magnitude: int, count: int) -> int:
    """Return the largest magnitude of `count` lanes of one element, each up to `magnitude`."""
    return sum(magnitude << LANE_STRIDE * lane for lane in range(count))


def _pnl(profile: Profile) -> int:
    """Return the largest magnitude of a sum over one underlying of quantity times ticks per lot."""
    return profile.slots << QUANTITY_BITS + ROW_BITS


def _library(profile: Profile) -> Iterator[_Bound]:
    yield "UnsignedBits", "the widest number in use", "2^(HEADROOM_BITS + 1)", _top(HEADROOM_BITS + 1), MAX_SAFE_BITS
    yield "SignedBits", "in + 2^BITS", "2^(HEADROOM_BITS + 1)", _top(HEADROOM_BITS + 1), MAX_SAFE_BITS
    for name, bits in (("AMOUNT_BITS", AMOUNT_BITS), ("SIZE_BITS", SIZE_BITS)):
        yield "Hinge", f"in - kink, {name}", f"2^{name}", _top(bits), bits
    for name, count, bits in (
        ("K flags", profile.instruments, 1),
        ("U indices", profile.underlyings, ROW_BITS),
        ("A prices", profile.assets, PRICE_BITS),
        ("A amounts", profile.assets, AMOUNT_BITS),
        ("K quantities", profile.instruments, QUANTITY_BITS + 1),
    ):
        limbs = min(count, limbs_per_field(bits))
        yield "Pack", f"{name} of {bits} bits", f"2^({bits} * limbs)", _top(bits * limbs), MAX_SAFE_BITS
    length = _longest_hash(profile)
    tag = max(int(tag) for tag in Tag)
    yield "HashFields", "TAG * 2^32 + N", "largest tag, longest list", (tag << 32) + length, MAX_SAFE_BITS
    yield "HashFields", "N", "elements of the risk array", length, 32
    digits = _lanes(_top(LANE_BITS), LANES_PER_FIELD)
    yield "Lanes", "sum of its digits", "lanes of 2^LANE_BITS", digits, MAX_SAFE_BITS
    one = _top(LANE_STRIDE)
    yield "Lanes", "difference of two readings of a lane", "2^LANE_STRIDE", one, LANE_STRIDE
    yield "Lanes", "difference of two readings", "lanes of 2^LANE_STRIDE", _lanes(one, LANES_PER_FIELD), MAX_SAFE_BITS


def _longest_hash(profile: Profile) -> int:
    packed = sum(
        -(-count // limbs_per_field(bits))
        for count, bits in (
            (profile.instruments, 1),
            (profile.underlyings, ROW_BITS),
            (profile.assets, PRICE_BITS),
        )
    )
    return 1 + profile.instruments * (profile.row_fields + 1) + packed


def _commitments(profile: Profile) -> Iterator[_Bound]:
    for name, count in (("rowFields", LANES_PER_FIELD), ("exposureField", 3)):
        bound = _lanes(1 << ROW_BITS, count)
        yield "PackedRow", name, f"{count} lanes of 2^ROW_BITS", bound, MAX_SAFE_BITS
    yield "RiskArrayRoot", "row, mark, delta, gamma", "2^ROW_BITS", 1 << ROW_BITS, MAX_SAFE_BITS
    limbs = {1: profile.instruments, ROW_BITS: profile.underlyings, PRICE_BITS: profile.assets}
    packed = max(bits * min(count, limbs_per_field(bits)) for bits, count in limbs.items())
    yield (
        "RiskFieldsRoot",
        "packed flags, indices, prices",
        "limbs of 1, ROW_BITS, PRICE_BITS",
        _top(packed),
        MAX_SAFE_BITS,
    )
    prices = max(
        ROW_BITS * min(profile.underlyings, limbs_per_field(ROW_BITS)), PRICE_BITS * limbs_per_field(PRICE_BITS)
    )
    yield "SnapshotHash", "packed indices, prices", "limbs of ROW_BITS, PRICE_BITS", _top(prices), MAX_SAFE_BITS
    scenario = PRICE_THIRDS_BITS + 2 + RATE_BITS
    for name, bits, count in (
        ("scenarios", scenario, profile.scenarios),
        ("shocks", 3 * RATE_BITS, profile.underlyings),
    ):
        limbs_of = min(count, limbs_per_field(bits))
        yield "ScenariosHash", f"packed {name}", f"limbs of {bits} bits", _top(bits * limbs_of), MAX_SAFE_BITS
    asset = RATE_BITS * (1 + ENVELOPE_KINKS) + AMOUNT_BITS * ENVELOPE_KINKS
    underlying = RATE_BITS * (1 + ENVELOPE_KINKS) + 2 * GREEK_RATE_BITS + SIZE_BITS * ENVELOPE_KINKS
    yield "ParamsRoot", "an asset", "3 rates, 2 kinks", _top(asset), MAX_SAFE_BITS
    yield "ParamsRoot", "an underlying", "5 rates, 2 kinks", _top(underlying), MAX_SAFE_BITS
    yield "Leaf", "cash + 2^CASH_BITS", "2^(CASH_BITS + 1)", _top(CASH_BITS + 1), MAX_SAFE_BITS
    yield "Leaf", "quantity + 2^QUANTITY_BITS", "2^(QUANTITY_BITS + 1)", _top(QUANTITY_BITS + 1), QUANTITY_BITS + 1
    yield "BookMembership", "index, accountCount - 1 - index", "2^D", _top(profile.depth), MAX_SAFE_BITS
    yield "BatchRoot", "accountCount", "B", profile.batch, MAX_SAFE_BITS


def _margin(profile: Profile) -> Iterator[_Bound]:
    pnl, gross = _pnl(profile), profile.slots << QUANTITY_BITS
    yield "PositionSize", "gross, shortOptions", "SLOTS * 2^QUANTITY_BITS", gross, SIZE_BITS
    text = "SLOTS * 2^(QUANTITY_BITS + ROW_BITS)"
    yield "ScanRisk", "magnitude of pnl[s]", text, pnl, GREEK_OFFSET_BITS
    yield "ScanRisk", "scanRisk + pnl[s]", f"2^LANE_BITS + {text}", _top(LANE_BITS) + pnl, LANE_STRIDE
    packed = _lanes(_top(LANE_BITS) + pnl, LANES_PER_FIELD)
    yield "ScanRisk", "packed pnl and hint", f"4 lanes of 2^LANE_BITS + {text}", packed, MAX_SAFE_BITS
    shifted = (1 << GREEK_OFFSET_BITS) + pnl
    yield "NetExposure", "sum + 2^GREEK_OFFSET_BITS", f"2^GREEK_OFFSET_BITS + {text}", shifted, LANE_BITS
    yield "NetExposure", "packed sums", "3 such lanes", _lanes(shifted, 3), MAX_SAFE_BITS

    add_on = ENVELOPE_KINKS * _top(RATE_BITS) * gross * _top(ROW_BITS)
    text = "SLOTS * 2^QUANTITY_BITS"
    yield "SizeAddOn", "addOnE4", f"2 * 2^(RATE_BITS + ROW_BITS) * {text}", add_on, MAX_SAFE_BITS
    discounted = ENVELOPE_KINKS * _top(RATE_BITS) * _top(AMOUNT_BITS)
    credit_bits = AMOUNT_BITS + PRICE_BITS + RATE_BITS + 1
    credit = discounted * _top(PRICE_BITS)
    yield "CollateralCredit", "creditE4", "2 * 2^(RATE_BITS + AMOUNT_BITS + PRICE_BITS)", credit, credit_bits

    greeks = 2 * _top(GREEK_RATE_BITS) * pnl
    short = _top(RATE_BITS) * _top(ROW_BITS) * gross
    maintenance = BPS * pnl + add_on + short + greeks
    yield "UnderlyingMargin", "maintenanceE4", "the sum of its four parts", maintenance, MAINTENANCE_BITS
    nlv = (BPS << CASH_BITS) + profile.underlyings * BPS * pnl + profile.assets * credit
    yield "AccountMargin", "nlvE4", "BPS * (cash + U * marks) + A * creditE4", nlv, MAX_SAFE_BITS
    required = _top(THRESHOLD_BITS) * profile.underlyings * maintenance
    yield "AccountMargin", "required", "2^THRESHOLD_BITS * U * maintenanceE4", required, MAX_SAFE_BITS
    yield "AccountMargin", "headroom", "BPS * nlvE4 + required", BPS * nlv + required, HEADROOM_BITS


def _totals(profile: Profile) -> Iterator[_Bound]:
    """Yield the bounds of what one account adds, and of sums over as many accounts as the deepest book holds."""
    pnl = profile.underlyings * _pnl(profile)
    nlv = (1 << CASH_BITS) + profile.assets * _top(AMOUNT_BITS) * _top(PRICE_BITS) + pnl
    text = "2^CASH_BITS + A * 2^(AMOUNT_BITS + PRICE_BITS) + U * marks"
    yield "AccountDeficit", "magnitude of nlv", text, nlv, DEFICIT_BITS
    yield "AccountTotals", "shortfallE8", "2^HEADROOM_BITS", _top(HEADROOM_BITS), HEADROOM_BITS

    accounts = 1 << BOOK_BITS
    book = "2^BOOK_BITS accounts"
    yield "PackTotals", "sum of belowThreshold, deficitAccounts", book, accounts, COUNT_BITS
    yield "PackTotals", "lane of belowThreshold", "2^COUNT_BITS", _top(COUNT_BITS), DEFICIT_ACCOUNTS_SHIFT
    lane = SHORTFALL_SHIFT - DEFICIT_ACCOUNTS_SHIFT
    yield "PackTotals", "lane of deficitAccounts", "2^COUNT_BITS", _top(COUNT_BITS), lane
    shortfall = _top(HEADROOM_BITS) << BOOK_BITS
    yield "PackTotals", "sum of shortfallE8", f"2^HEADROOM_BITS, {book}", shortfall, SHORTFALL_BITS
    counts = (_top(SHORTFALL_BITS) << SHORTFALL_SHIFT) + (1 << SHORTFALL_SHIFT)
    yield "PackTotals", "sum of packed[0]", "2^(SHORTFALL_SHIFT + SHORTFALL_BITS)", counts, MAX_SAFE_BITS
    yield "PackTotals", "sum of deficit", f"magnitude of nlv, {book}", nlv << BOOK_BITS, DEFICIT_TOTAL_BITS
    # Two openings that agree in packed[1] differ in deficit by less than one step of cash, so in neither.
    yield "PackTotals", "lane of deficit", "2^DEFICIT_TOTAL_BITS", _top(DEFICIT_TOTAL_BITS), CASH_SHIFT
    cash = (1 << CASH_SHIFT + CASH_TOTAL_BITS) + (1 << CASH_SHIFT)
    yield "PackTotals", "sum of packed[1]", "2^(CASH_SHIFT + CASH_TOTAL_BITS)", cash, MAX_SAFE_BITS
    amounts = _top(AMOUNT_BITS) << BOOK_BITS
    yield "PackTotals", "sum of amount", f"2^AMOUNT_BITS, {book}", amounts, AMOUNT_TOTAL_BITS
    limbs = min(profile.assets, limbs_per_field(AMOUNT_TOTAL_BITS))
    yield (
        "PackTotals",
        "sum of packed amounts",
        "lanes of 2^AMOUNT_TOTAL_BITS",
        _top(AMOUNT_TOTAL_BITS * limbs),
        MAX_SAFE_BITS,
    )
    # A sum of -2^NET_TOTAL_BITS is in range, so the magnitude may reach the power of two itself.
    nets = (1 << QUANTITY_BITS) * accounts
    yield "PackTotals", "sum of quantity, less one", f"2^QUANTITY_BITS, {book}", nets - 1, NET_TOTAL_BITS
    yield "PackTotals", "difference of two net lots", "2 * 2^NET_TOTAL_BITS", 2 * nets, NET_STRIDE
    limbs = min(profile.instruments, limbs_per_field(NET_STRIDE))
    packed = sum(2 * nets << NET_STRIDE * limb for limb in range(limbs))
    yield "PackTotals", "difference of two packed nets", "lanes of 2^NET_STRIDE", packed, MAX_SAFE_BITS
    yield "TotalsCommitment", "N", "1 + elements of packed totals", 1 + len(no_totals(profile).packed()), 32
