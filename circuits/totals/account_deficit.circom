pragma circom 2.1.6;

include "../limits.circom";
include "../lib/signed_bits.circom";

/**
 * @title What an account owes beyond all that it has
 * @notice deficit = max(0, -nlv) with nlv = cash + sum of price * amount + netMark: collateral counts in full here, because
 *         a haircut is margin and no loss. Both outputs are bound by the sign of nlv.
 * @mirrors rtnet_core.totals.unhaircut_nlv
 * @param A assets
 * @input cash in ticks; assumes [-2^CASH_BITS, 2^CASH_BITS)
 * @input amount in units; assumes [0, 2^AMOUNT_BITS) each
 * @input price in ticks per unit; assumes [0, 2^PRICE_BITS) each
 * @input netMark in ticks, of all positions; assumes a magnitude of at most U * 2^GREEK_OFFSET_BITS
 * @output deficit in ticks, in [0, 2^DEFICIT_BITS]
 * @output hasDeficit 1 exactly if deficit > 0
 * @cost A + DEFICIT_BITS + 3
 */
template AccountDeficit(A) {
    signal input cash;
    signal input amount[A];
    signal input price[A];
    signal input netMark;
    signal output deficit;
    signal output hasDeficit;

    signal fullValue[A];
    var nlv = cash + netMark;
    for (var a = 0; a < A; a++) {
        fullValue[a] <== price[a] * amount[a];
        nlv += fullValue[a];
    }
    signal nonNegative <== SignedBits(DEFICIT_BITS())(nlv);
    hasDeficit <== 1 - nonNegative;
    deficit <== (nonNegative - 1) * nlv;
}
