"""For every ``===`` of the pricing circuit a forged witness that it refuses, and the circuit without it accepts."""

from __future__ import annotations

from dataclasses import replace

from prover.witness import InputValue
from tests.support.forge import Bench, Replacements, bench
from tests.support.pricing_cases import EMPTY, RowCase

FILE = "pricing/bound_quotient.circom"
SIGN = (FILE, "nonNegative <-- numerator >= 0 ? 1 : 0;")
SATURATED = (FILE, "signal saturated <-- (magnitude >> DIGITS) >= divisor ? 1 : 0;")
QUOTIENT = (FILE, "signal quotient <-- saturated == 1 ? 0 : magnitude \\ divisor;")
EXCESS = (FILE, "signal excess <-- saturated == 1 ? (magnitude - divisor * (1 << DIGITS)) >> BITS : 0;")
ROW_FILE = "pricing/instrument_row.circom"

LISTED_FILE = "pricing/listed_instrument.circom"

LISTED = bench(LISTED_FILE, "ListedInstrument()")
PERPETUAL_THAT_EXPIRES: dict[str, InputValue] = {
    **dict.fromkeys(("isOption", "isPut", "isFuture", "strike", "volatility"), 0),
    "isListed": 1,
    "forward": 5,
    "expiryMs": 9,
    "timeMs": 3,
}
DIVISION = bench(FILE, "BoundQuotient(16, 24)")
ROW = bench(ROW_FILE, "InstrumentRow(1)")

FUTURE = RowCase("future", 7_860_554)
SLOT = RowCase(EMPTY)


def without(case: RowCase, **inputs: InputValue) -> dict[str, InputValue]:
    """Return a case's inputs with some that its kind must not have."""
    return {**replace(case).inputs, **inputs}


#: (file, check) to bench, inputs and replaced hints.
PRICING_ATTACKS: dict[tuple[str, str], tuple[Bench, dict[str, InputValue], Replacements]] = {
    (FILE, "saturated * quotient === 0;"): (
        DIVISION,
        {"numerator": 1 << 45, "divisor": 3},
        {
            QUOTIENT: "signal quotient <-- 5;",
            EXCESS: "signal excess <-- (magnitude - divisor * ((1 << DIGITS) + 5)) >> BITS;",
        },
    ),
    # The divisor divides 2^BITS, so excess can stand for four of the quotient.
    (FILE, "(1 - saturated) * excess === 0;"): (
        DIVISION,
        {"numerator": 10 * (1 << 22) + 7, "divisor": 1 << 22},
        {QUOTIENT: "signal quotient <-- 6;", EXCESS: "signal excess <-- 1;"},
    ),
    (ROW_FILE, "(1 - isListed) * forward === 0;"): (ROW, without(SLOT, forward=5), {}),
    (ROW_FILE, "(1 - isOption) * strike === 0;"): (ROW, without(FUTURE, strike=5), {}),
    (ROW_FILE, "(1 - isOption) * volatility === 0;"): (ROW, without(FUTURE, volatility=1 << 31, time=1_000), {}),
    # A perpetual that expires: its packed element would be that of no market.
    (LISTED_FILE, "(1 - isOption - isFuture) * expiryMs === 0;"): (LISTED, PERPETUAL_THAT_EXPIRES, {}),
}
