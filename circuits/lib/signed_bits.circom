pragma circom 2.1.6;

include "unsigned_bits.circom";

/**
 * @title Range and sign of a signed number
 * @notice -2^BITS <= in < 2^BITS, and nonNegative = 1 exactly if in >= 0.
 *         The digits are those of in + 2^BITS, so zero has one encoding and its sign is non-negative.
 * @mirrors rtnet_core.limits.check_signed
 * @param BITS 1 to 252
 * @input in any field element; enforces the range
 * @output nonNegative 0 or 1
 * @cost BITS + 2
 */
template SignedBits(BITS) {
    signal input in;
    signal output nonNegative;

    signal bits[BITS + 1] <== UnsignedBits(BITS + 1)(in + (1 << BITS));
    nonNegative <== bits[BITS];
}
