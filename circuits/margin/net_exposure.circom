pragma circom 2.1.6;

include "../limits.circom";
include "../lib/lanes.circom";

/**
 * @title Net marked value and greeks of one underlying
 * @notice netMark = sum of quantity * mark; absDelta = |sum of quantity * delta|; shortGamma = max(0, -sum of quantity * gamma).
 *         Mark, delta and gamma ride in one field element, LANE_STRIDE bits apart; 2^GREEK_OFFSET_BITS makes each sum
 *         non-negative before it is unpacked, so a lane's top digit is its sign and zero has one encoding.
 * @mirrors rtnet_core.margin_exact.net_exposure
 * @param SLOTS instruments of this underlying
 * @input quantity assumes each in [-2^QUANTITY_BITS, 2^QUANTITY_BITS)
 * @input exposureField[k] assumes mark + delta * 2^LANE_STRIDE + gamma * 2^(2 * LANE_STRIDE), each in
 *        [-2^ROW_BITS, 2^ROW_BITS)
 * @output netMark in ticks, magnitude below 2^GREEK_OFFSET_BITS
 * @output absDelta, shortGamma in ticks for a move of 1 %, in [0, 2^GREEK_OFFSET_BITS]
 * @cost SLOTS products, 3 * LANE_BITS digits, 2 for the signs
 */
template NetExposure(SLOTS) {
    signal input quantity[SLOTS];
    signal input exposureField[SLOTS];
    signal output netMark;
    signal output absDelta;
    signal output shortGamma;

    signal product[SLOTS];
    var packed = 0;
    for (var k = 0; k < SLOTS; k++) {
        product[k] <== quantity[k] * exposureField[k];
        packed += product[k];
    }
    var offset = 1 << GREEK_OFFSET_BITS();
    for (var l = 0; l < 3; l++) {
        packed += offset * (1 << (LANE_STRIDE() * l));
    }
    component sums = Lanes(3);
    sums.in <== packed;

    netMark <== sums.lane[0] - offset;
    absDelta <== (2 * sums.topBit[1] - 1) * (sums.lane[1] - offset);
    shortGamma <== (sums.topBit[2] - 1) * (sums.lane[2] - offset);
}
