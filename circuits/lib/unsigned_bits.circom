pragma circom 2.1.6;

/**
 * @title Bits of an unsigned number
 * @notice 0 <= in < 2^BITS, and bits are its binary digits: in = sum of bits[i] * 2^i.
 *         A field element has one such list at most, because 2^BITS is below the field order.
 * @mirrors rtnet_core.limits.check_unsigned
 * @param BITS 1 to 253
 * @input in any field element; enforces the range
 * @output bits lowest first, each 0 or 1
 * @hints bits: bound by bits[i] * (bits[i] - 1) === 0 and by the sum
 * @cost BITS + 1
 */
template UnsignedBits(BITS) {
    assert(BITS >= 1 && BITS <= 253);
    signal input in;
    signal output bits[BITS];

    var sum = 0;
    for (var i = 0; i < BITS; i++) {
        // Bound by the two constraints below: each is a binary digit, and together they are `in`.
        bits[i] <-- (in >> i) & 1;
        bits[i] * (bits[i] - 1) === 0;
        sum += bits[i] * (1 << i);
    }
    in === sum;
}
