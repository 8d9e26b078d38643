pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";
include "../lib/pack.circom";
include "../lib/unsigned_bits.circom";

/**
 * @title Hash of the scenario grid
 * @notice Gives every number of the grid its range and hashes them behind the digests of the symbols: 21 bits a scenario
 *         (price thirds from -9 on, volatility move from -1 on, cover), 42 bits an underlying (scan range, moves up, down).
 * @mirrors rtnet_core.scenario_grid.ScenarioGrid.hash
 * @param U, A, S underlyings, assets, scenarios
 * @input underlyingDigest, assetDigest any field elements: what the symbols are is for whoever publishes them
 * @input priceThirds enforces [-PRICE_THIRDS_MAX, PRICE_THIRDS_MAX]
 * @input volatilityMove assumes -1, 0 or 1 (ScenarioShock enforces it)
 * @input coverBps enforces [1, BPS]
 * @input scanRangeBps, volatilityUpBps enforces [0, 2^RATE_BITS)
 * @input volatilityDownBps enforces [0, BPS)
 * @output digest
 * @cost S * 40 + U * 60 for ranges, one or two permutations
 */
template ScenariosHash(U, A, S) {
    signal input underlyingDigest[U];
    signal input assetDigest[A];
    signal input priceThirds[S];
    signal input volatilityMove[S];
    signal input coverBps[S];
    signal input scanRangeBps[U];
    signal input volatilityUpBps[U];
    signal input volatilityDownBps[U];
    signal output digest;

    // 1. Ranges, and the numbers of a scenario or an underlying side by side.
    var scenarioBits = PRICE_THIRDS_BITS() + 2 + RATE_BITS();
    signal scenario[S];
    for (var s = 0; s < S; s++) {
        _ <== UnsignedBits(PRICE_THIRDS_BITS())(priceThirds[s] + PRICE_THIRDS_MAX());
        _ <== UnsignedBits(PRICE_THIRDS_BITS())(PRICE_THIRDS_MAX() - priceThirds[s]);
        _ <== UnsignedBits(RATE_BITS())(coverBps[s] - 1);
        _ <== UnsignedBits(RATE_BITS())(BPS() - coverBps[s]);
        var moves = priceThirds[s] + PRICE_THIRDS_MAX() + (volatilityMove[s] + 1) * (1 << PRICE_THIRDS_BITS());
        scenario[s] <== moves + coverBps[s] * (1 << (PRICE_THIRDS_BITS() + 2));
    }
    signal shocks[U];
    for (var u = 0; u < U; u++) {
        _ <== UnsignedBits(RATE_BITS())(scanRangeBps[u]);
        _ <== UnsignedBits(RATE_BITS())(volatilityUpBps[u]);
        _ <== UnsignedBits(RATE_BITS())(volatilityDownBps[u]);
        _ <== UnsignedBits(RATE_BITS())(BPS() - 1 - volatilityDownBps[u]);
        var ranges = scanRangeBps[u] + volatilityUpBps[u] * (1 << RATE_BITS());
        shocks[u] <== ranges + volatilityDownBps[u] * (1 << (2 * RATE_BITS()));
    }

    // 2. The hash.
    var scenarioFields = packedFields(S, scenarioBits);
    var shockFields = packedFields(U, 3 * RATE_BITS());
    signal scenarios[scenarioFields] <== Pack(S, scenarioBits)(scenario);
    signal packedShocks[shockFields] <== Pack(U, 3 * RATE_BITS())(shocks);
    component hash = HashFields(TAG_SCENARIOS(), U + A + scenarioFields + shockFields);
    for (var u = 0; u < U; u++) {
        hash.in[u] <== underlyingDigest[u];
    }
    for (var a = 0; a < A; a++) {
        hash.in[U + a] <== assetDigest[a];
    }
    for (var i = 0; i < scenarioFields; i++) {
        hash.in[U + A + i] <== scenarios[i];
    }
    for (var i = 0; i < shockFields; i++) {
        hash.in[U + A + scenarioFields + i] <== packedShocks[i];
    }
    digest <== hash.digest;
}
