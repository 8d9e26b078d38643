pragma circom 2.1.6;

include "../limits.circom";
include "../lib/signed_bits.circom";

/**
 * @title Position size of one underlying
 * @notice gross = sum of |quantity[k]|; shortOptions = sum over options of max(0, -quantity[k]).
 *         This is where quantities get their range.
 * @mirrors rtnet_core.margin_exact.position_size
 * @param SLOTS instruments of this underlying
 * @input quantity any field element; enforces -2^QUANTITY_BITS <= quantity[k] < 2^QUANTITY_BITS
 * @input isOption assumes 0 or 1
 * @output gross, shortOptions in lots, in [0, SLOTS * 2^QUANTITY_BITS]
 * @cost SLOTS * (QUANTITY_BITS + 4)
 */
template PositionSize(SLOTS) {
    signal input quantity[SLOTS];
    signal input isOption[SLOTS];
    signal output gross;
    signal output shortOptions;

    signal nonNegative[SLOTS];
    signal short[SLOTS];
    signal shortOption[SLOTS];
    var grossSum = 0;
    var shortSum = 0;
    for (var k = 0; k < SLOTS; k++) {
        nonNegative[k] <== SignedBits(QUANTITY_BITS())(quantity[k]);
        short[k] <== (nonNegative[k] - 1) * quantity[k];
        shortOption[k] <== isOption[k] * short[k];
        grossSum += quantity[k] + 2 * short[k];
        shortSum += shortOption[k];
    }
    gross <== grossSum;
    shortOptions <== shortSum;
}
