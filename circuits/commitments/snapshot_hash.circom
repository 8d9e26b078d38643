pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";
include "../lib/pack.circom";

/**
 * @title Hash of a snapshot
 * @notice What oracles sign: names, time, each slot's instrument as its name's digest and one packed element, indices, prices.
 * @mirrors rtnet_core.snapshot_hash.snapshot_hash
 * @param K, U, A instruments, underlyings, assets
 * @input namesDigest, underlyingsDigest, assetsDigest any field elements: profile, quote and tick; symbols with lots; with units
 * @input timeMs any field element
 * @input nameDigest any field elements
 * @input packed assumes the element that ListedInstrument makes: one for each instrument, 0 for an empty slot
 * @input indexTicks assumes [0, 2^ROW_BITS)
 * @input price assumes [0, 2^PRICE_BITS)
 * @output digest
 * @cost 612 for each 16 of 4 + 2 * K elements and the packed indices and prices
 */
template SnapshotHash(K, U, A) {
    signal input namesDigest;
    signal input underlyingsDigest;
    signal input assetsDigest;
    signal input timeMs;
    signal input nameDigest[K];
    signal input packed[K];
    signal input indexTicks[U];
    signal input price[A];
    signal output digest;

    var indexFields = packedFields(U, ROW_BITS());
    var priceFields = packedFields(A, PRICE_BITS());
    signal indices[indexFields] <== Pack(U, ROW_BITS())(indexTicks);
    signal prices[priceFields] <== Pack(A, PRICE_BITS())(price);

    component hash = HashFields(TAG_SNAPSHOT(), 4 + 2 * K + indexFields + priceFields);
    hash.in[0] <== namesDigest;
    hash.in[1] <== underlyingsDigest;
    hash.in[2] <== assetsDigest;
    hash.in[3] <== timeMs;
    for (var k = 0; k < K; k++) {
        hash.in[4 + 2 * k] <== nameDigest[k];
        hash.in[5 + 2 * k] <== packed[k];
    }
    for (var i = 0; i < indexFields; i++) {
        hash.in[4 + 2 * K + i] <== indices[i];
    }
    for (var i = 0; i < priceFields; i++) {
        hash.in[4 + 2 * K + indexFields + i] <== prices[i];
    }
    digest <== hash.digest;
}
