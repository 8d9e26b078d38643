pragma circom 2.1.6;

include "../lib/unsigned_bits.circom";

/**
 * @title Quotient of two signals, rounded down, as sign and magnitude
 * @notice floor(numerator / divisor) = magnitude, or -magnitude - 1 where the numerator is negative, with
 *         magnitude = floor(a / divisor), a = numerator or -numerator - 1. From 2^DIGITS on it is 2^DIGITS: saturated.
 *
 *         Not saturated: a = quotient * divisor + remainder and 0 <= remainder < divisor, from both sides by the digits of
 *         remainder and of spare = divisor - 1 - remainder.
 *         Saturated: a = 2^DIGITS * divisor + excess * 2^BITS + remainder, so a >= 2^DIGITS * divisor; the digits that
 *         spare does not need then are those of excess. Every numerator is one of the two in one way.
 * @mirrors rtnet_core.black76_parts.bound_quotient
 * @param DIGITS of the quotient
 * @param BITS of the divisor
 * @input numerator assumes -2^(2 * BITS) < numerator < 2^(2 * BITS)
 * @input divisor assumes 0 < divisor < 2^BITS
 * @output nonNegative 0 or 1
 * @output digit of the magnitude, lowest first; the last one says that it is saturated
 * @hints nonNegative, saturated: digits; quotient: zero if saturated, otherwise bound by its digits and the remainder's range;
 *        excess: zero unless saturated, otherwise bound by its digits beside those of the remainder
 * @cost DIGITS + 2 * BITS + 7
 */
template BoundQuotient(DIGITS, BITS) {
    signal input numerator;
    signal input divisor;
    signal output nonNegative;
    signal output digit[DIGITS + 1];

    // 1. The sign: of a and -a - 1 one is negative, and has no digits.
    // Bound by the range of one digit, and by the ranges of 3., which make the magnitude non-negative.
    nonNegative <-- numerator >= 0 ? 1 : 0;
    _ <== UnsignedBits(1)(nonNegative);
    signal magnitude <== nonNegative * (2 * numerator + 1) - numerator - 1;

    // 2. The hints.
    // Bound by the range of one digit and by 3.: without it the remainder's range would fail, with it the excess's.
    signal saturated <-- (magnitude >> DIGITS) >= divisor ? 1 : 0;
    _ <== UnsignedBits(1)(saturated);
    // Bound by its digits, by saturated * quotient === 0, and by the range of the remainder.
    signal quotient <-- saturated == 1 ? 0 : magnitude \ divisor;
    saturated * quotient === 0;
    // Bound by (1 - saturated) * excess === 0, and by the ranges of remainder and spare.
    signal excess <-- saturated == 1 ? (magnitude - divisor * (1 << DIGITS)) >> BITS : 0;
    (1 - saturated) * excess === 0;
    signal quotientDigit[DIGITS] <== UnsignedBits(DIGITS)(quotient);

    // 3. The remainder, from both sides.
    signal remainder <== magnitude - (quotient + saturated * (1 << DIGITS)) * divisor - excess * (1 << BITS);
    _ <== UnsignedBits(BITS)(remainder);
    signal spare <== (1 - saturated) * (divisor - 1 - remainder) + excess;
    _ <== UnsignedBits(BITS)(spare);

    for (var i = 0; i < DIGITS; i++) {
        digit[i] <== quotientDigit[i];
    }
    digit[DIGITS] <== saturated;
}
