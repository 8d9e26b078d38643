pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";
include "../lib/unsigned_bits.circom";

/**
 * @title Book root over one leaf
 * @notice The leaf stands at `index` of a tree of depth D, and the book counts more accounts than `index`: padding leaves
 *         behind the count belong to nobody. Leaves, nodes and the root carry different tags, and every path has length D,
 *         so none can pass for another. A digit 1 of the index puts the sibling on the left.
 * @mirrors rtnet_core.commitments.book_root_of_path
 * @param D depth
 * @input leaf a Leaf digest; assumes it was computed in this circuit
 * @input index any field element; enforces [0, 2^D) and index < accountCount
 * @input sibling one for each level, lowest first
 * @input accountCount any field element; enforces 1 <= accountCount - index <= 2^D
 * @output root
 * @cost about (D + 1) * 245 + 2 * D
 */
template BookMembership(D) {
    signal input leaf;
    signal input index;
    signal input sibling[D];
    signal input accountCount;
    signal output root;

    signal digit[D] <== UnsignedBits(D)(index);
    _ <== UnsignedBits(D)(accountCount - 1 - index);

    signal node[D + 1];
    signal swap[D];
    component hash[D];
    node[0] <== leaf;
    for (var i = 0; i < D; i++) {
        swap[i] <== digit[i] * (sibling[i] - node[i]);
        hash[i] = HashFields(TAG_NODE(), 2);
        hash[i].in[0] <== node[i] + swap[i];
        hash[i].in[1] <== sibling[i] - swap[i];
        node[i + 1] <== hash[i].digest;
    }

    component book = HashFields(TAG_BOOK(), 2);
    book.in[0] <== node[D];
    book.in[1] <== accountCount;
    root <== book.digest;
}
