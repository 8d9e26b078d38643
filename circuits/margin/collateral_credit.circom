pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hinge.circom";
include "../lib/unsigned_bits.circom";

/**
 * @title Credit for one collateral asset
 * @notice creditE4 = price * (rateBps * amount - sum over j of dropBps[j] * max(0, amount - kink[j])): the minimum over
 *         three lines through falling rates, because a bigger holding is discounted more. No division: 10^4 stays in.
 * @mirrors rtnet_core.margin_exact.collateral_credit_e4
 * @input amount in units; any field element; enforces [0, 2^AMOUNT_BITS)
 * @input price in ticks per unit; assumes [0, 2^PRICE_BITS)
 * @input rateBps, dropBps assume [0, 2^RATE_BITS)
 * @input kink in units; assumes [0, 2^AMOUNT_BITS)
 * @output creditE4 in ticks * 10^-4, magnitude below 2^(AMOUNT_BITS + PRICE_BITS + RATE_BITS + 1)
 * @cost AMOUNT_BITS + 2 * (AMOUNT_BITS + 4) + 4
 */
template CollateralCredit() {
    signal input amount;
    signal input price;
    signal input rateBps;
    signal input kink[ENVELOPE_KINKS()];
    signal input dropBps[ENVELOPE_KINKS()];
    signal output creditE4;

    _ <== UnsignedBits(AMOUNT_BITS())(amount);

    signal above[ENVELOPE_KINKS()];
    signal discount[ENVELOPE_KINKS()];
    signal fullRate <== rateBps * amount;
    var discounted = fullRate;
    for (var j = 0; j < ENVELOPE_KINKS(); j++) {
        above[j] <== Hinge(AMOUNT_BITS())(amount, kink[j]);
        discount[j] <== dropBps[j] * above[j];
        discounted -= discount[j];
    }
    creditE4 <== price * discounted;
}
