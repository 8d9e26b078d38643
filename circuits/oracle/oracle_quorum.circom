pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hash_fields.circom";
include "../lib/unsigned_bits.circom";
include "circomlib/circuits/babyjub.circom";
include "circomlib/circuits/eddsaposeidon.circom";

/**
 * @title Quorum of oracles over one snapshot
 * @notice M different keys of a set of N signed the snapshot's hash for this very set. In order: the root of the set is
 *         rebuilt from all of its keys and M; each signer is one key of the set, and each stands behind the one before it,
 *         so no key counts twice; every signature holds: S * BASE8 = R8 + Poseidon(R8, A, message) * 8A, with S below the
 *         subgroup's order, R8 and A on the curve, and A of no low order. The message is H_10(snapshotHash, oraclesRoot).
 * @mirrors rtnet_core.oracle.check_quorum
 * @param N oracles in the set, at least M
 * @param M quorum, at least 1
 * @input snapshotHash any field element
 * @input keyX, keyY of each oracle in the order of the set; assumes that whoever believes the root knows them to lie in
 *        the subgroup of prime order (rtnet_core.oracle.OracleSet asks for it); enforces curve and no low order of signers
 * @input picked one row for each signer with a 1 at its place in the set; enforces one 1 in a row, places rising
 * @input nonceX, nonceY, scalar the signatures, in the order of the rows; enforces that they hold
 * @output oraclesRoot H_9(M, keyX[0], keyY[0], …)
 * @cost about 4,225 for each signer, 243 for the message, 240 to 612 for each 16 elements of the set
 */
template OracleQuorum(N, M) {
    assert(M >= 1 && M <= N && N <= 32);
    signal input snapshotHash;
    signal input keyX[N];
    signal input keyY[N];
    signal input picked[M][N];
    signal input nonceX[M];
    signal input nonceY[M];
    signal input scalar[M];
    signal output oraclesRoot;

    // 1. The set.
    component set = HashFields(TAG_ORACLES(), 2 * N + 1);
    set.in[0] <== M;
    for (var i = 0; i < N; i++) {
        set.in[2 * i + 1] <== keyX[i];
        set.in[2 * i + 2] <== keyY[i];
    }
    oraclesRoot <== set.digest;

    // 2. What each signer signed.
    component message = HashFields(TAG_ORACLE_MESSAGE(), 2);
    message.in[0] <== snapshotHash;
    message.in[1] <== oraclesRoot;

    // 3. Each signer is one key of the set.
    signal x[M][N];
    signal y[M][N];
    signal signerX[M];
    signal signerY[M];
    signal place[M];
    for (var j = 0; j < M; j++) {
        var count = 0;
        var index = 0;
        var sumX = 0;
        var sumY = 0;
        for (var i = 0; i < N; i++) {
            picked[j][i] * (picked[j][i] - 1) === 0;
            x[j][i] <== picked[j][i] * keyX[i];
            y[j][i] <== picked[j][i] * keyY[i];
            count += picked[j][i];
            index += i * picked[j][i];
            sumX += x[j][i];
            sumY += y[j][i];
        }
        count === 1;
        place[j] <== index;
        signerX[j] <== sumX;
        signerY[j] <== sumY;
    }

    // 4. No signer counts twice: places lie in [0, N), so their gaps fit five bits only where they rise.
    for (var j = 1; j < M; j++) {
        _ <== UnsignedBits(5)(place[j] - place[j - 1] - 1);
    }

    // 5. Every signature holds. circomlib assumes that A and R8 are points of the curve; docs/oracles.md has the review.
    component signerOnCurve[M];
    component nonceOnCurve[M];
    component verifier[M];
    for (var j = 0; j < M; j++) {
        signerOnCurve[j] = BabyCheck();
        signerOnCurve[j].x <== signerX[j];
        signerOnCurve[j].y <== signerY[j];
        nonceOnCurve[j] = BabyCheck();
        nonceOnCurve[j].x <== nonceX[j];
        nonceOnCurve[j].y <== nonceY[j];
        verifier[j] = EdDSAPoseidonVerifier();
        verifier[j].enabled <== 1;
        verifier[j].Ax <== signerX[j];
        verifier[j].Ay <== signerY[j];
        verifier[j].S <== scalar[j];
        verifier[j].R8x <== nonceX[j];
        verifier[j].R8y <== nonceY[j];
        verifier[j].M <== message.digest;
    }
}
