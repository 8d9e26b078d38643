pragma circom 2.1.6;

include "../lib/unsigned_bits.circom";

// Digits of a positive number.
function bitLength(number) {
    var length = 0;
    while ((1 << length) <= number) {
        length++;
    }
    return length;
}

/**
 * @title Range of a remainder
 * @notice 0 <= in < ODD * 2^SHIFT: the digits above SHIFT are a number from 0 to ODD - 1, bound from both sides.
 *         So a power of two inside the divisor costs its digits once, and only the odd part costs them twice.
 * @mirrors rtnet_core.black76_parts.rounded_down
 * @param ODD at least 3, odd
 * @param SHIFT at least 1; ODD * 2^SHIFT below 2^250
 * @input in any field element; enforces the range
 * @output upper the digits above SHIFT, below ODD
 * @hints upper: bound by its own digits, by those of ODD - 1 - upper, and by the SHIFT digits of what is left
 * @cost SHIFT + 2 * bits of ODD
 */
template RemainderRange(ODD, SHIFT) {
    signal input in;
    signal output upper;

    // Bound by the three ranges below: 0 <= upper < ODD, and what is left has SHIFT digits.
    upper <-- in >> SHIFT;
    _ <== UnsignedBits(bitLength(ODD - 1))(upper);
    _ <== UnsignedBits(bitLength(ODD - 1))(ODD - 1 - upper);
    _ <== UnsignedBits(SHIFT)(in - upper * (1 << SHIFT));
}
