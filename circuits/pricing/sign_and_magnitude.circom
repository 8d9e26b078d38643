pragma circom 2.1.6;

include "../lib/unsigned_bits.circom";

/**
 * @title Sign and magnitude of the middle of a unit
 * @notice in + 1/2 = +-(magnitude + 1/2): magnitude = in if in >= 0, and -in - 1 otherwise. A half is never zero, so each
 *         number has one sign and one magnitude.
 * @mirrors rtnet_core.black76_parts.Argument.plus
 * @param DIGITS 1 to 250
 * @input in any field element; enforces -2^DIGITS <= in < 2^DIGITS
 * @output nonNegative 0 or 1
 * @output digit of the magnitude, lowest first
 * @hints nonNegative: bound by being a digit, and by the magnitude's digits: of in and -in - 1 one is negative
 * @cost DIGITS + 2
 */
template SignAndMagnitude(DIGITS) {
    signal input in;
    signal output nonNegative;
    signal output digit[DIGITS];

    // Bound by the range of one digit, and by the digits of the magnitude that follows from it.
    nonNegative <-- in >= 0 ? 1 : 0;
    _ <== UnsignedBits(1)(nonNegative);
    signal magnitude <== nonNegative * (2 * in + 1) - in - 1;
    digit <== UnsignedBits(DIGITS)(magnitude);
}
