pragma circom 2.1.6;

include "commitments/batch_root.circom";
include "commitments/leaf.circom";
include "commitments/params_root.circom";
include "commitments/risk_fields_root.circom";
include "lib/unsigned_bits.circom";
include "totals/account_totals.circom";
include "totals/totals_commitment.circom";

/**
 * @title A batch of accounts and what they add up to
 * @notice The prover knows accountCount accounts whose leaves are the first ones below `batchRoot`, all others being empty,
 *         and whose totals at the risk array `riskRoot` under the parameters `paramsRoot` are what `totals` commits to. An
 *         account below `thresholdBps` is counted there with its shortfall, one that owes more than it has with its deficit.
 * @mirrors rtnet_core.epoch.BatchStatement
 * @param K, U, A, S, B instruments, underlyings, assets, scenarios, accounts of a batch
 * @input riskRoot public; assumes the root of an array with every number in range: the verifier recomputes it from the
 *        published market, or checks the proof of it
 * @input paramsRoot public; the verifier rebuilds it from the published parameters
 * @input thresholdBps public; enforces [0, 2^THRESHOLD_BITS)
 * @input accountCount public; enforces [0, B]; the verifier rebuilds it from the book's account count
 * @input context public; venue, epoch and the record before it: a proof made for another context is no proof here
 * @input all others private
 * @output batchRoot public; a node of the book's tree
 * @output totals public; commitment to the packed totals under a blinding
 * @cost see circuits/README.md
 */
template Batch(K, U, A, S, B) {
    // Public, in the order of the statement (the outputs come first).
    signal output batchRoot;
    signal output totals;
    signal input riskRoot;
    signal input paramsRoot;
    signal input thresholdBps;
    signal input accountCount;
    signal input context;

    // Private: the accounts, which slots have one, and what hides the totals.
    signal input userId[B];
    signal input salt[B];
    signal input cash[B];
    signal input amount[B][A];
    signal input quantity[B][K];
    signal input exists[B];
    signal input blinding;

    // Private here, public elsewhere: what stands behind riskRoot.
    signal input snapshotHash;
    signal input rowFields[K][S \ LANES_PER_FIELD()];
    signal input exposureField[K];
    signal input isOption[K];
    signal input indexTicks[U];
    signal input price[A];

    // Private here, public elsewhere: what stands behind paramsRoot.
    signal input scenariosHash;
    signal input rateBps[A];
    signal input kink[A][ENVELOPE_KINKS()];
    signal input dropBps[A][ENVELOPE_KINKS()];
    signal input sizeKink[U][ENVELOPE_KINKS()];
    signal input sizeRiseBps[U][ENVELOPE_KINKS()];
    signal input shortOptionBps[U];
    signal input deltaRateBps[U];
    signal input gammaRateBps[U];

    // 1. The risk array is the one behind riskRoot, the parameters are those behind paramsRoot: once for all accounts.
    signal risk <== RiskFieldsRoot(K, U, A, S)(snapshotHash, rowFields, exposureField, isOption, indexTicks, price);
    riskRoot === risk;
    component params = ParamsRoot(U, A);
    params.scenariosHash <== scenariosHash;
    params.rateBps <== rateBps;
    params.kink <== kink;
    params.dropBps <== dropBps;
    params.sizeKink <== sizeKink;
    params.sizeRiseBps <== sizeRiseBps;
    params.shortOptionBps <== shortOptionBps;
    params.deltaRateBps <== deltaRateBps;
    params.gammaRateBps <== gammaRateBps;
    paramsRoot === params.root;
    _ <== UnsignedBits(THRESHOLD_BITS())(thresholdBps);

    // 2. Each slot: its leaf, and what its account adds; the margin rule gives the account's numbers their ranges.
    var F = totalsFields(K, A);
    component leaf[B];
    component account[B];
    for (var i = 0; i < B; i++) {
        leaf[i] = Leaf(K, A);
        leaf[i].userId <== userId[i];
        leaf[i].salt <== salt[i];
        leaf[i].cash <== cash[i];
        leaf[i].amount <== amount[i];
        leaf[i].quantity <== quantity[i];

        account[i] = AccountTotals(K, U, A, S);
        account[i].cash <== cash[i];
        account[i].amount <== amount[i];
        account[i].quantity <== quantity[i];
        account[i].rowFields <== rowFields;
        account[i].exposureField <== exposureField;
        account[i].isOption <== isOption;
        account[i].indexTicks <== indexTicks;
        account[i].price <== price;
        account[i].rateBps <== rateBps;
        account[i].kink <== kink;
        account[i].dropBps <== dropBps;
        account[i].sizeKink <== sizeKink;
        account[i].sizeRiseBps <== sizeRiseBps;
        account[i].shortOptionBps <== shortOptionBps;
        account[i].deltaRateBps <== deltaRateBps;
        account[i].gammaRateBps <== gammaRateBps;
        account[i].thresholdBps <== thresholdBps;
    }

    // 3. Accounts come first; what stands behind them is empty, and adds nothing.
    component tree = BatchRoot(B);
    tree.exists <== exists;
    tree.accountCount <== accountCount;
    for (var i = 0; i < B; i++) {
        tree.leaf[i] <== leaf[i].digest;
        for (var f = 0; f < F; f++) {
            (1 - exists[i]) * account[i].packed[f] === 0;
        }
    }
    batchRoot <== tree.root;

    // 4. The totals.
    signal packed[F];
    for (var f = 0; f < F; f++) {
        var sum = 0;
        for (var i = 0; i < B; i++) {
            sum += account[i].packed[f];
        }
        packed[f] <== sum;
    }
    totals <== TotalsCommitment(F)(blinding, packed);

    // 5. The context takes part in the constraint system, so it cannot be exchanged.
    signal contextSquare <== context * context;
}
