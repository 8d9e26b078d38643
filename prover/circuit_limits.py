"""The circom file of constants, generated from `limits`, `totals` and `hashing`: one source for every width."""

from __future__ import annotations

from rtnet_core import limits, totals
from rtnet_core.hashing import Tag

_NAMES = (
    "QUANTITY_BITS",
    "ROW_BITS",
    "LANE_BITS",
    "LANE_STRIDE",
    "LANES_PER_FIELD",
    "GREEK_OFFSET_BITS",
    "CASH_BITS",
    "AMOUNT_BITS",
    "PRICE_BITS",
    "RATE_BITS",
    "VOLATILITY_BITS",
    "TIME_BITS",
    "PRICE_THIRDS_MAX",
    "PRICE_THIRDS_BITS",
    "GREEK_RATE_BITS",
    "SIZE_BITS",
    "THRESHOLD_BITS",
    "HEADROOM_BITS",
    "ENVELOPE_KINKS",
    "BPS",
    "MAX_SAFE_BITS",
    "DEFICIT_BITS",
    "AMOUNT_TOTAL_BITS",
    "NET_STRIDE",
)
_PLACES = ("DEFICIT_ACCOUNTS_SHIFT", "SHORTFALL_SHIFT", "CASH_SHIFT")


def limits_circom() -> str:
    """Return the text of ``circuits/limits.circom``."""
    constants = {name: getattr(limits, name) for name in _NAMES}
    constants |= {name: getattr(totals, name) for name in _PLACES}
    constants |= {f"TAG_{tag.name}": int(tag) for tag in Tag}
    functions = "".join(f"function {name}() {{ return {value}; }}\n" for name, value in constants.items())
    return (
        "pragma circom 2.1.6;\n\n"
        "// Generated from rtnet_core (limits.py, totals.py, hashing.py) by `zkm2m circuits build`. Do not edit.\n\n"
        + functions
    )
