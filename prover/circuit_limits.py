"""The circom file of constants, generated from `rtnet_core.limits`: one source for every width."""

from __future__ import annotations

from rtnet_core import limits
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
    "GREEK_RATE_BITS",
    "SIZE_BITS",
    "THRESHOLD_BITS",
    "HEADROOM_BITS",
    "ENVELOPE_KINKS",
    "BPS",
    "MAX_SAFE_BITS",
)


def limits_circom() -> str:
    """Return the text of ``circuits/limits.circom``."""
    constants = {name: getattr(limits, name) for name in _NAMES} | {f"TAG_{tag.name}": int(tag) for tag in Tag}
    functions = "".join(f"function {name}() {{ return {value}; }}\n" for name, value in constants.items())
    return (
        "pragma circom 2.1.6;\n\n"
        "// Generated from rtnet_core/limits.py and rtnet_core/hashing.py by `zkm2m circuits build`. Do not edit.\n\n"
        + functions
    )
