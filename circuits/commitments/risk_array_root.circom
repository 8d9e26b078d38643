pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";
include "../lib/pack.circom";
include "../lib/signed_bits.circom";
include "../lib/unsigned_bits.circom";

/**
 * @title Root of the risk array
 * @notice Gives every number of the risk array its range, packs an instrument's scenario values and its mark, delta and
 *         gamma into lanes, and hashes all of it behind the hash of the snapshot it was computed from.
 * @mirrors rtnet_core.risk_array.RiskArray.root
 * @param K, U, A, S instruments, underlyings, assets, scenarios
 * @input snapshotHash any field element
 * @input row, delta, gamma in ticks per lot; enforces [-2^ROW_BITS, 2^ROW_BITS)
 * @input mark, indexTicks in ticks per lot; enforces [0, 2^ROW_BITS)
 * @input price in ticks per unit; enforces [0, 2^PRICE_BITS)
 * @input isOption enforces 0 or 1
 * @output rowFields, exposureField what ScanRisk and NetExposure assume
 * @output root
 * @cost K * (S + 2) * (ROW_BITS + 2) + K * (ROW_BITS + 2) for ranges, 612 for each 16 elements hashed
 */
template RiskArrayRoot(K, U, A, S) {
    var fields = S \ LANES_PER_FIELD();
    assert(fields * LANES_PER_FIELD() == S);
    signal input snapshotHash;
    signal input row[K][S];
    signal input mark[K];
    signal input delta[K];
    signal input gamma[K];
    signal input isOption[K];
    signal input indexTicks[U];
    signal input price[A];
    signal output rowFields[K][fields];
    signal output exposureField[K];
    signal output root;

    // 1. Ranges: without them the lanes would not be unique, and two arrays could pack alike.
    for (var k = 0; k < K; k++) {
        for (var s = 0; s < S; s++) {
            _ <== SignedBits(ROW_BITS())(row[k][s]);
        }
        _ <== UnsignedBits(ROW_BITS())(mark[k]);
        _ <== SignedBits(ROW_BITS())(delta[k]);
        _ <== SignedBits(ROW_BITS())(gamma[k]);
        isOption[k] * (isOption[k] - 1) === 0;
    }
    for (var u = 0; u < U; u++) {
        _ <== UnsignedBits(ROW_BITS())(indexTicks[u]);
    }
    for (var a = 0; a < A; a++) {
        _ <== UnsignedBits(PRICE_BITS())(price[a]);
    }

    // 2. Lanes.
    for (var k = 0; k < K; k++) {
        for (var f = 0; f < fields; f++) {
            var lanes = 0;
            for (var l = 0; l < LANES_PER_FIELD(); l++) {
                lanes += row[k][LANES_PER_FIELD() * f + l] * (1 << (LANE_STRIDE() * l));
            }
            rowFields[k][f] <== lanes;
        }
        exposureField[k] <== mark[k] + delta[k] * (1 << LANE_STRIDE()) + gamma[k] * (1 << (2 * LANE_STRIDE()));
    }

    // 3. The hash: snapshot, then instrument by instrument, then flags, indices, prices.
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
