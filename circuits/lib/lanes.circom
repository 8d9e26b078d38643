pragma circom 2.1.6;

include "../limits.circom";

/**
 * @title Lanes of a field element
 * @notice in = sum of lane[l] * 2^(LANE_STRIDE * l) with every lane in [0, 2^LANE_BITS). The answer is the only one among
 *         lanes in [-2^LANE_BITS, 2^LANE_STRIDE): no digit stands between two lanes, so a borrow does not fit.
 * @mirrors rtnet_core.risk_array.lanes_of
 * @param COUNT lanes, 1 to LANES_PER_FIELD
 * @input in any field element; enforces that it unpacks
 * @output lane in [0, 2^LANE_BITS) each
 * @output topBit the highest digit of each lane
 * @hints digit: bound by digit * (digit - 1) === 0 and by the sum
 * @cost COUNT * LANE_BITS + 1
 */
template Lanes(COUNT) {
    signal input in;
    signal output lane[COUNT];
    signal output topBit[COUNT];

    signal digit[COUNT][LANE_BITS()];
    var total = 0;
    for (var l = 0; l < COUNT; l++) {
        var sum = 0;
        for (var i = 0; i < LANE_BITS(); i++) {
            // Bound by the two constraints below: each is a binary digit, and together they are `in`.
            digit[l][i] <-- (in >> (LANE_STRIDE() * l + i)) & 1;
            digit[l][i] * (digit[l][i] - 1) === 0;
            sum += digit[l][i] * (1 << i);
        }
        lane[l] <== sum;
        topBit[l] <== digit[l][LANE_BITS() - 1];
        total += sum * (1 << (LANE_STRIDE() * l));
    }
    in === total;
}
