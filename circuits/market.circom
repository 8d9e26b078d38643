pragma circom 2.1.6;

include "commitments/packed_row.circom";
include "commitments/params_root.circom";
include "commitments/risk_fields_root.circom";
include "commitments/scenarios_hash.circom";
include "commitments/snapshot_hash.circom";
include "lib/unsigned_bits.circom";
include "oracle/oracle_quorum.circom";
include "pricing/instrument_row.circom";
include "pricing/listed_instrument.circom";
include "pricing/scenario_shock.circom";

/**
 * @title From a signed snapshot to the risk array
 * @notice Q of the N oracles behind `oraclesRoot` signed the snapshot `snapshotHash` of the time `timeMs`, and `riskRoot`
 *         is the root of the risk array that follows from it under the parameters `paramsRoot`: every instrument priced by
 *         Black-76 now and in each of the S scenarios, with mark, delta and gamma. Nothing in it is private: the proof
 *         spares whoever cannot recompute, a contract above all, the computation.
 * @mirrors rtnet_core.market_statement.MarketStatement
 * @param K, U, A, S, N, Q instruments, underlyings, assets, scenarios, oracles, signers
 * @input oraclesRoot public; commits to the oracles' keys and the quorum; whoever believes it knows whose keys they are
 * @input snapshotHash public
 * @input timeMs public; enforces [0, 2^TIME_BITS); the snapshot's time, for those who ask how old it is
 * @input paramsRoot public; commits to the scenario grid and every rate of the margin rule
 * @input riskRoot public; every number below it is in its range, as the circuits that open it assume
 * @input all others open what the public ones commit to
 * @output none: every public signal is an input that is held to what follows
 * @cost see circuits/README.md
 */
template Market(K, U, A, S, N, Q) {
    // Public, in the order of the statement.
    signal input oraclesRoot;
    signal input snapshotHash;
    signal input timeMs;
    signal input paramsRoot;
    signal input riskRoot;

    // What stands behind oraclesRoot, and the signatures.
    signal input keyX[N];
    signal input keyY[N];
    signal input picked[Q][N];
    signal input nonceX[Q];
    signal input nonceY[Q];
    signal input scalar[Q];

    // What stands behind snapshotHash.
    signal input namesDigest;
    signal input underlyingsDigest;
    signal input assetsDigest;
    signal input nameDigest[K];
    signal input isListed[K];
    signal input isOption[K];
    signal input isPut[K];
    signal input isFuture[K];
    signal input strike[K];
    signal input forward[K];
    signal input volatility[K];
    signal input expiryMs[K];
    signal input indexTicks[U];
    signal input price[A];

    // What stands behind paramsRoot: the scenario grid, and the rates.
    signal input underlyingDigest[U];
    signal input assetDigest[A];
    signal input priceThirds[S];
    signal input volatilityMove[S];
    signal input coverBps[S];
    signal input scanRangeBps[U];
    signal input volatilityUpBps[U];
    signal input volatilityDownBps[U];
    signal input rateBps[A];
    signal input kink[A][ENVELOPE_KINKS()];
    signal input dropBps[A][ENVELOPE_KINKS()];
    signal input sizeKink[U][ENVELOPE_KINKS()];
    signal input sizeRiseBps[U][ENVELOPE_KINKS()];
    signal input shortOptionBps[U];
    signal input deltaRateBps[U];
    signal input gammaRateBps[U];

    // 1. A quorum signed this snapshot.
    component quorum = OracleQuorum(N, Q);
    quorum.snapshotHash <== snapshotHash;
    quorum.keyX <== keyX;
    quorum.keyY <== keyY;
    quorum.picked <== picked;
    quorum.nonceX <== nonceX;
    quorum.nonceY <== nonceY;
    quorum.scalar <== scalar;
    oraclesRoot === quorum.oraclesRoot;

    // 2. The snapshot is the one of these instruments, indices and prices, at this time.
    _ <== UnsignedBits(TIME_BITS())(timeMs);
    component listed[K];
    component snapshot = SnapshotHash(K, U, A);
    snapshot.namesDigest <== namesDigest;
    snapshot.underlyingsDigest <== underlyingsDigest;
    snapshot.assetsDigest <== assetsDigest;
    snapshot.timeMs <== timeMs;
    snapshot.nameDigest <== nameDigest;
    snapshot.indexTicks <== indexTicks;
    snapshot.price <== price;
    for (var k = 0; k < K; k++) {
        listed[k] = ListedInstrument();
        listed[k].isListed <== isListed[k];
        listed[k].isOption <== isOption[k];
        listed[k].isPut <== isPut[k];
        listed[k].isFuture <== isFuture[k];
        listed[k].strike <== strike[k];
        listed[k].forward <== forward[k];
        listed[k].volatility <== volatility[k];
        listed[k].expiryMs <== expiryMs[k];
        listed[k].timeMs <== timeMs;
        snapshot.packed[k] <== listed[k].packed;
    }
    snapshotHash === snapshot.digest;

    // 3. The parameters are those of these scenarios, shocks and rates.
    component grid = ScenariosHash(U, A, S);
    grid.underlyingDigest <== underlyingDigest;
    grid.assetDigest <== assetDigest;
    grid.priceThirds <== priceThirds;
    grid.volatilityMove <== volatilityMove;
    grid.coverBps <== coverBps;
    grid.scanRangeBps <== scanRangeBps;
    grid.volatilityUpBps <== volatilityUpBps;
    grid.volatilityDownBps <== volatilityDownBps;
    component params = ParamsRoot(U, A);
    params.scenariosHash <== grid.digest;
    params.rateBps <== rateBps;
    params.kink <== kink;
    params.dropBps <== dropBps;
    params.sizeKink <== sizeKink;
    params.sizeRiseBps <== sizeRiseBps;
    params.shortOptionBps <== shortOptionBps;
    params.deltaRateBps <== deltaRateBps;
    params.gammaRateBps <== gammaRateBps;
    paramsRoot === params.root;

    // 4. Each scenario's shocks to each underlying, once for all of its instruments.
    component shock[U][S];
    for (var u = 0; u < U; u++) {
        for (var s = 0; s < S; s++) {
            shock[u][s] = ScenarioShock();
            shock[u][s].priceThirds <== priceThirds[s];
            shock[u][s].scanRange <== scanRangeBps[u];
            shock[u][s].volatility <== volatilityMove[s];
        }
    }

    // 5. Every instrument's row; the slots of an underlying stand together.
    component priced[K];
    component packedRow[K];
    component risk = RiskFieldsRoot(K, U, A, S);
    risk.snapshotHash <== snapshotHash;
    risk.isOption <== isOption;
    risk.indexTicks <== indexTicks;
    risk.price <== price;
    for (var k = 0; k < K; k++) {
        var u = k \ (K \ U);
        priced[k] = InstrumentRow(S);
        priced[k].isListed <== isListed[k];
        priced[k].isOption <== isOption[k];
        priced[k].isPut <== isPut[k];
        priced[k].forward <== forward[k];
        priced[k].strike <== strike[k];
        priced[k].volatility <== volatility[k];
        priced[k].time <== listed[k].timeToExpiry;
        priced[k].upFactor <== BPS() + volatilityUpBps[u];
        priced[k].downFactor <== BPS() - volatilityDownBps[u];
        for (var s = 0; s < S; s++) {
            priced[k].priceFactor[s] <== shock[u][s].priceFactor;
            priced[k].logShock[s] <== shock[u][s].logShock;
            priced[k].isUp[s] <== shock[u][s].isUp;
            priced[k].isDown[s] <== shock[u][s].isDown;
            priced[k].cover[s] <== coverBps[s];
        }
        packedRow[k] = PackedRow(S);
        packedRow[k].row <== priced[k].change;
        packedRow[k].mark <== priced[k].mark;
        packedRow[k].delta <== priced[k].delta;
        packedRow[k].gamma <== priced[k].gamma;
        risk.rowFields[k] <== packedRow[k].rowFields;
        risk.exposureField[k] <== packedRow[k].exposureField;
    }

    // 6. The risk array.
    riskRoot === risk.root;
}
