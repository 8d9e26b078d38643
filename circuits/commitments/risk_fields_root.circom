pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";
include "../lib/pack.circom";
include "../lib/unsigned_bits.circom";

/**
 * @title Root of a packed risk array
 * @notice Hashes a risk array whose rows and exposures are packed already, behind the hash of the snapshot it was computed
 *         from, and gives what is packed here its range.
 *         The lanes inside a packed element are not looked at: each element enters the hash as a whole, so the root names
 *         it exactly. Where the verifier computes the root from a published risk array, whose numbers it has checked, or
 *         checks a proof that did, lanes in range follow from the root: who opens it otherwise has broken the hash.
 * @mirrors rtnet_core.risk_array.RiskArray.root
 * @param K, U, A, S instruments, underlyings, assets, scenarios
 * @input snapshotHash any field element
 * @input rowFields, exposureField any field elements; their lanes are in range because the root is that of a checked array
 * @input isOption enforces 0 or 1
 * @input indexTicks in ticks per lot; enforces [0, 2^ROW_BITS)
 * @input price in ticks per unit; enforces [0, 2^PRICE_BITS)
 * @output root
 * @cost K + U * (ROW_BITS + 1) + A * (PRICE_BITS + 1) for ranges, 612 for each 16 elements hashed
 */
template RiskFieldsRoot(K, U, A, S) {
    var fields = S \ LANES_PER_FIELD();
    assert(fields * LANES_PER_FIELD() == S);
    signal input snapshotHash;
    signal input rowFields[K][fields];
    signal input exposureField[K];
    signal input isOption[K];
    signal input indexTicks[U];
    signal input price[A];
    signal output root;

    // 1. Ranges: without them two lists of flags, indices or prices could pack alike.
    for (var k = 0; k < K; k++) {
        isOption[k] * (isOption[k] - 1) === 0;
    }
    for (var u = 0; u < U; u++) {
        _ <== UnsignedBits(ROW_BITS())(indexTicks[u]);
    }
    for (var a = 0; a < A; a++) {
        _ <== UnsignedBits(PRICE_BITS())(price[a]);
    }

    // 2. The hash: snapshot, then instrument by instrument, then flags, indices, prices.
    var flagFields = packedFields(K, 1);
    var indexFields = packedFields(U, ROW_BITS());
    var priceFields = packedFields(A, PRICE_BITS());
    var total = 1 + K * (fields + 1) + flagFields + indexFields + priceFields;
    signal flags[flagFields] <== Pack(K, 1)(isOption);
    signal indices[indexFields] <== Pack(U, ROW_BITS())(indexTicks);
    signal prices[priceFields] <== Pack(A, PRICE_BITS())(price);

    component hash = HashFields(TAG_RISK_ARRAY(), total);
    hash.in[0] <== snapshotHash;
    var next = 1;
    for (var k = 0; k < K; k++) {
        for (var f = 0; f < fields; f++) {
            hash.in[next] <== rowFields[k][f];
            next++;
        }
        hash.in[next] <== exposureField[k];
        next++;
    }
    for (var i = 0; i < flagFields; i++) {
        hash.in[next] <== flags[i];
        next++;
    }
    for (var i = 0; i < indexFields; i++) {
        hash.in[next] <== indices[i];
        next++;
    }
    for (var i = 0; i < priceFields; i++) {
        hash.in[next] <== prices[i];
        next++;
    }
    root <== hash.digest;
}
