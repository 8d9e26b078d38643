pragma circom 2.1.6;

include "../limits.circom";
include "../lib/signed_bits.circom";
include "../lib/unsigned_bits.circom";
include "packed_row.circom";
include "risk_fields_root.circom";

/**
 * @title Root of the risk array
 * @notice Gives every number of the risk array its range, packs an instrument's scenario values and its mark, delta and
 *         gamma into lanes, and hashes all of it behind the hash of the snapshot it was computed from.
 * @mirrors rtnet_core.risk_array.RiskArray.root
 * @param K, U, A, S instruments, underlyings, assets, scenarios
 * @input snapshotHash any field element
 * @input row, delta, gamma in ticks per lot; enforces [-2^ROW_BITS, 2^ROW_BITS)
 * @input mark in ticks per lot; enforces [0, 2^ROW_BITS)
 * @input isOption, indexTicks, price any field elements; RiskFieldsRoot enforces their range
 * @output rowFields, exposureField what ScanRisk and NetExposure assume
 * @output root
 * @cost K * (S + 2) * (ROW_BITS + 2) + K * (ROW_BITS + 1) for ranges, and RiskFieldsRoot
 */
template RiskArrayRoot(K, U, A, S) {
    var fields = S \ LANES_PER_FIELD();
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
    }

    // 2. Lanes.
    component packedRow[K];
    for (var k = 0; k < K; k++) {
        packedRow[k] = PackedRow(S);
        packedRow[k].row <== row[k];
        packedRow[k].mark <== mark[k];
        packedRow[k].delta <== delta[k];
        packedRow[k].gamma <== gamma[k];
        rowFields[k] <== packedRow[k].rowFields;
        exposureField[k] <== packedRow[k].exposureField;
    }

    // 3. The hash, and the ranges of flags, indices and prices.
    root <== RiskFieldsRoot(K, U, A, S)(snapshotHash, rowFields, exposureField, isOption, indexTicks, price);
}
