pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";

/**
 * @title Commitment to packed totals
 * @notice digest = the hash of blinding and packed totals: it hides them as long as the blinding is secret, and opens to no
 *         others.
 * @mirrors rtnet_core.totals.totals_commitment
 * @param F field elements of packed totals
 * @input blinding any field element: a fresh 248-bit number when made honestly
 * @input packed any field elements
 * @output digest
 * @cost the hash of 1 + F elements
 */
template TotalsCommitment(F) {
    signal input blinding;
    signal input packed[F];
    signal output digest;

    component hash = HashFields(TAG_TOTALS(), 1 + F);
    hash.in[0] <== blinding;
    for (var f = 0; f < F; f++) {
        hash.in[1 + f] <== packed[f];
    }
    digest <== hash.digest;
}
