pragma circom 2.1.6;

include "poseidon_permutation.circom";

/**
 * @title Domain-separated hash of field elements
 * @notice Absorbs N elements in blocks of 16. The capacity element of the first block is TAG * 2^32 + N, that of every
 *         later block the digest so far; the digest is the first element of the last permutation.
 * @mirrors rtnet_core.hashing.hash_fields
 * @param TAG the use, see rtnet_core.hashing.Tag
 * @param N number of elements, at least 1
 * @input in any field elements
 * @output digest
 * @cost 612 for each full block of 16, 240 to 612 for the last
 */
template HashFields(TAG, N) {
    assert(N >= 1);
    signal input in[N];
    signal output digest;

    var blocks = (N + 15) \ 16;
    signal chain[blocks + 1];
    chain[0] <== TAG * (1 << 32) + N;
    component permutation[blocks];
    for (var b = 0; b < blocks; b++) {
        var length = N - 16 * b < 16 ? N - 16 * b : 16;
        permutation[b] = PoseidonPermutation(length);
        permutation[b].initialState <== chain[b];
        for (var i = 0; i < length; i++) {
            permutation[b].inputs[i] <== in[16 * b + i];
        }
        chain[b + 1] <== permutation[b].out[0];
    }
    digest <== chain[blocks];
}
