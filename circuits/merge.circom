pragma circom 2.1.6;

include "totals/pack_totals.circom";
include "totals/totals_commitment.circom";

/**
 * @title Totals added up
 * @notice The prover can open all M children, and `totals` commits to the sum of what they commit to. A merge with fewer
 *         children is filled up with the commitment to no totals under the blinding 0, which anyone can check.
 * @mirrors rtnet_core.epoch.MergeStatement
 * @param K, A, M instruments, assets, children
 * @input child public; assumes commitments that other proofs made, or that to no totals
 * @input context public; venue, epoch and the record before it: a proof made for another context is no proof here
 * @input childPacked, childBlinding private; what the children commit to: the hash binds them
 * @input blinding private
 * @output totals public
 * @cost M + 1 times TotalsCommitment
 */
template Merge(K, A, M) {
    var F = totalsFields(K, A);

    // Public, in the order of the statement (the output comes first).
    signal output totals;
    signal input child[M];
    signal input context;

    // Private: the openings of the children, and what hides their sum.
    signal input childPacked[M][F];
    signal input childBlinding[M];
    signal input blinding;

    // 1. Every child opens to its elements.
    component opened[M];
    for (var m = 0; m < M; m++) {
        opened[m] = TotalsCommitment(F);
        opened[m].blinding <== childBlinding[m];
        opened[m].packed <== childPacked[m];
        child[m] === opened[m].digest;
    }

    // 2. Packing is linear: the sum of the elements is the packed sum.
    signal packed[F];
    for (var f = 0; f < F; f++) {
        var sum = 0;
        for (var m = 0; m < M; m++) {
            sum += childPacked[m][f];
        }
        packed[f] <== sum;
    }
    totals <== TotalsCommitment(F)(blinding, packed);

    // 3. The context takes part in the constraint system, so it cannot be exchanged.
    signal contextSquare <== context * context;
}
