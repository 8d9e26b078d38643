pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";
include "../lib/unsigned_bits.circom";

/**
 * @title Root of the parameters
 * @notice Gives every parameter of the margin rule its range and hashes them behind the hash of the scenario grid:
 *         one element an asset (rate, drops, kinks), one an underlying (rises, short-option, delta and gamma rates, kinks).
 * @mirrors rtnet_core.params_root.MarginParams.root
 * @param U, A underlyings, assets
 * @input scenariosHash any field element: shocks and cover of the grid, which the risk array was computed with
 * @input rateBps, dropBps, sizeRiseBps, shortOptionBps enforces [0, 2^RATE_BITS)
 * @input kink enforces [0, 2^AMOUNT_BITS)
 * @input sizeKink enforces [0, 2^SIZE_BITS)
 * @input deltaRateBps, gammaRateBps enforces [0, 2^GREEK_RATE_BITS)
 * @output root
 * @cost A * (3 * 15 + 2 * 37) + U * (3 * 15 + 2 * 21 + 2 * 37) for ranges, one or two permutations
 */
template ParamsRoot(U, A) {
    signal input scenariosHash;
    signal input rateBps[A];
    signal input kink[A][ENVELOPE_KINKS()];
    signal input dropBps[A][ENVELOPE_KINKS()];
    signal input sizeKink[U][ENVELOPE_KINKS()];
    signal input sizeRiseBps[U][ENVELOPE_KINKS()];
    signal input shortOptionBps[U];
    signal input deltaRateBps[U];
    signal input gammaRateBps[U];
    signal output root;

    component hash = HashFields(TAG_PARAMS(), 1 + A + U);
    hash.in[0] <== scenariosHash;

    for (var a = 0; a < A; a++) {
        _ <== UnsignedBits(RATE_BITS())(rateBps[a]);
        var packed = rateBps[a];
        var shift = RATE_BITS();
        for (var j = 0; j < ENVELOPE_KINKS(); j++) {
            _ <== UnsignedBits(RATE_BITS())(dropBps[a][j]);
            packed += dropBps[a][j] * (1 << shift);
            shift += RATE_BITS();
        }
        for (var j = 0; j < ENVELOPE_KINKS(); j++) {
            _ <== UnsignedBits(AMOUNT_BITS())(kink[a][j]);
            packed += kink[a][j] * (1 << shift);
            shift += AMOUNT_BITS();
        }
        hash.in[1 + a] <== packed;
    }

    for (var u = 0; u < U; u++) {
        _ <== UnsignedBits(RATE_BITS())(shortOptionBps[u]);
        _ <== UnsignedBits(GREEK_RATE_BITS())(deltaRateBps[u]);
        _ <== UnsignedBits(GREEK_RATE_BITS())(gammaRateBps[u]);
        var packed = shortOptionBps[u];
        var shift = RATE_BITS();
        packed += deltaRateBps[u] * (1 << shift);
        shift += GREEK_RATE_BITS();
        packed += gammaRateBps[u] * (1 << shift);
        shift += GREEK_RATE_BITS();
        for (var j = 0; j < ENVELOPE_KINKS(); j++) {
            _ <== UnsignedBits(RATE_BITS())(sizeRiseBps[u][j]);
            packed += sizeRiseBps[u][j] * (1 << shift);
            shift += RATE_BITS();
        }
        for (var j = 0; j < ENVELOPE_KINKS(); j++) {
            _ <== UnsignedBits(SIZE_BITS())(sizeKink[u][j]);
            packed += sizeKink[u][j] * (1 << shift);
            shift += SIZE_BITS();
        }
        hash.in[1 + A + u] <== packed;
    }
    root <== hash.digest;
}
