pragma circom 2.1.6;

include "../lib/unsigned_bits.circom";
include "remainder_range.circom";

/**
 * @title Quotient by a constant, rounded down
 * @notice quotient = floor(in / (ODD * 2^SHIFT)), and 0 <= quotient < 2^BITS. A signed number comes with
 *         ODD * 2^(SHIFT + BITS - 1) added, and its quotient with 2^(BITS - 1); so rounding is down for it too.
 * @mirrors rtnet_core.black76_parts.rounded_down
 * @param ODD odd, 1 or more
 * @param SHIFT at least 1
 * @param BITS of the quotient; ODD * 2^(SHIFT + BITS) below 2^250
 * @input in any field element; enforces 0 <= in < ODD * 2^(SHIFT + BITS)
 * @output quotient
 * @output digit of the quotient, lowest first
 * @hints quotient: bound by its digits and by the range of the remainder in - quotient * ODD * 2^SHIFT
 * @cost BITS + SHIFT, and twice the bits of ODD where it is not 1
 */
template ConstantQuotient(ODD, SHIFT, BITS) {
    var divisor = ODD * (1 << SHIFT);
    signal input in;
    signal output quotient;
    signal output digit[BITS];

    // Bound by its digits, and by 0 <= in - quotient * divisor < divisor.
    quotient <-- in \ divisor;
    digit <== UnsignedBits(BITS)(quotient);
    if (ODD == 1) {
        _ <== UnsignedBits(SHIFT)(in - quotient * divisor);
    } else {
        _ <== RemainderRange(ODD, SHIFT)(in - quotient * divisor);
    }
}
