pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";

/**
 * @title Root of a batch
 * @notice The Merkle root over B slots, of which the first accountCount hold their leaf and the others the empty leaf, 0.
 * @mirrors rtnet_core.batch_root.batch_root
 * @param B slots, a power of two, at least 2
 * @input leaf Leaf digests; assumes they were computed in this circuit
 * @input exists any field elements; enforces accountCount ones and zeros behind them
 * @input accountCount any field element; enforces [0, B], since it is a sum of B digits
 * @output root
 * @cost (B - 1) * 240 + 3 * B
 */
template BatchRoot(B) {
    assert(B >= 2 && (B & (B - 1)) == 0);
    signal input leaf[B];
    signal input exists[B];
    signal input accountCount;
    signal output root;

    // 1. Accounts first, empty slots behind them.
    var count = 0;
    for (var i = 0; i < B; i++) {
        exists[i] * (exists[i] - 1) === 0;
        count += exists[i];
    }
    for (var i = 1; i < B; i++) {
        exists[i] * (1 - exists[i - 1]) === 0;
    }
    accountCount === count;

    // 2. The tree: slot i is node B - 1 + i, and node i has the children 2 * i + 1 and 2 * i + 2.
    signal node[2 * B - 1];
    component hash[B - 1];
    for (var i = 0; i < B; i++) {
        node[B - 1 + i] <== exists[i] * leaf[i];
    }
    for (var i = B - 2; i >= 0; i--) {
        hash[i] = HashFields(TAG_NODE(), 2);
        hash[i].in[0] <== node[2 * i + 1];
        hash[i].in[1] <== node[2 * i + 2];
        node[i] <== hash[i].digest;
    }
    root <== node[0];
}
