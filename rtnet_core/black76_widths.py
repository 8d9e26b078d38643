"""Every width of the circuit's Black-76, stated once: `rtnet_core.black76` and ``circuits/pricing`` both have them.

A number named ``…_BITS`` that ends in SCALE counts fraction bits: ``x_scaled = x·2^SCALE_BITS``.
"""

from __future__ import annotations

from typing import Final

TOTAL_BITS: Final = 30  #: total volatility v = σ·√T in units of 2^-30
TOTAL_CAP_BITS: Final = 34  #: it saturates below 16, where a call is worth its forward to 3·10^-10
ARGUMENT_BITS: Final = 11  #: d1 and d2 in units of 2^-11, taken at the middle of the unit
ARGUMENT_DIGITS: Final = 16  #: |d2| below 32; beyond it saturates
FINE_BITS: Final = 11  #: further digits of d2 for the unshocked value, from which the greeks follow
DIVISOR_BITS: Final = 24  #: the divisor v in units of 2^-20, odd: never zero
FINE_DIVISOR_BITS: Final = TOTAL_CAP_BITS + 1  #: in units of 2^-31, odd
INTERVAL_BITS: Final = 4  #: 16 intervals in each table
LOCAL_BITS: Final = 10  #: an interval of N is 1/2 wide: 2^10 units of 2^-11
NORMAL_SCALE_BITS: Final = 78
DENSITY_SCALE_BITS: Final = 44
MANTISSA_BITS: Final = 26  #: m = v·2^k in [2^26, 2^27)
LOG_LOCAL_BITS: Final = MANTISSA_BITS - INTERVAL_BITS  #: digits of m below those of the interval
LOG_SCALE_BITS: Final = 110
LOG_BITS: Final = 31  #: ln(F/K) and ln(1 + shock) in units of 2^-31, rounded down
LOG_DIGITS: Final = 38  #: their width, sign included
SQUARE_ODD: Final = 30_796_875  #: 16 milliseconds·years: MS_PER_YEAR·2^4 = SQUARE_ODD·2^SQUARE_SHIFT
SQUARE_SHIFT: Final = 14
ROOT_BITS: Final = 38  #: σ·√T before shocks
SHOCKED_ROOT_BITS: Final = 40
