pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";
include "../lib/pack.circom";

/**
 * @title Leaf of an account
 * @notice Commits to the user's id, a salt drawn afresh for every epoch, cash, collateral and positions.
 * @mirrors rtnet_core.commitments.leaf
 * @param K, A instruments, assets
 * @input userId, salt any field elements: 248-bit digests when made honestly
 * @input cash assumes [-2^CASH_BITS, 2^CASH_BITS)
 * @input amount assumes [0, 2^AMOUNT_BITS) each
 * @input quantity assumes [-2^QUANTITY_BITS, 2^QUANTITY_BITS) each
 * @output digest
 * @cost the hash of 3 + ceil(A / 7) + ceil(K / 9) elements
 */
template Leaf(K, A) {
    signal input userId;
    signal input salt;
    signal input cash;
    signal input amount[A];
    signal input quantity[K];
    signal output digest;

    signal shifted[K];
    for (var k = 0; k < K; k++) {
        shifted[k] <== quantity[k] + (1 << QUANTITY_BITS());
    }
    var amountFields = packedFields(A, AMOUNT_BITS());
    var quantityFields = packedFields(K, QUANTITY_BITS() + 1);
    signal amounts[amountFields] <== Pack(A, AMOUNT_BITS())(amount);
    signal quantities[quantityFields] <== Pack(K, QUANTITY_BITS() + 1)(shifted);

    component hash = HashFields(TAG_LEAF(), 3 + amountFields + quantityFields);
    hash.in[0] <== userId;
    hash.in[1] <== salt;
    hash.in[2] <== cash + (1 << CASH_BITS());
    for (var i = 0; i < amountFields; i++) {
        hash.in[3 + i] <== amounts[i];
    }
    for (var i = 0; i < quantityFields; i++) {
        hash.in[3 + amountFields + i] <== quantities[i];
    }
    digest <== hash.digest;
}
