pragma circom 2.1.6;

include "commitments/book_membership.circom";
include "commitments/leaf.circom";
include "commitments/params_root.circom";
include "commitments/risk_array_root.circom";
include "lib/unsigned_bits.circom";
include "margin/account_margin.circom";

/**
 * @title One account, for one recipient
 * @notice The prover knows an account of the book `bookRoot` which, at the risk array `riskRoot` under the parameters
 *         `paramsRoot`, has: verdict = 1 exactly if nlv * 10^4 >= thresholdBps * maintenance.
 * @mirrors rtnet_core.statement.Statement
 * @param K, U, A, S, D instruments, underlyings, assets, scenarios, depth of the book
 * @input riskRoot, paramsRoot, bookRoot public; the recipient rebuilds them from market, parameters and signed record
 * @input thresholdBps public; enforces [0, 2^THRESHOLD_BITS)
 * @input context public; the recipient's challenge, venue and record: a proof made for another context is no proof here
 * @input all others private
 * @output verdict public, 0 or 1
 * @cost see circuits/README.md
 */
template Account(K, U, A, S, D) {
    // Public, in the order of the statement (the output comes first).
    signal output verdict;
    signal input riskRoot;
    signal input paramsRoot;
    signal input bookRoot;
    signal input thresholdBps;
    signal input context;

    // Private: the account and its place in the book.
    signal input userId;
    signal input salt;
    signal input cash;
    signal input amount[A];
    signal input quantity[K];
    signal input index;
    signal input sibling[D];
    signal input accountCount;

    // Private here, public elsewhere: what stands behind riskRoot.
    signal input snapshotHash;
    signal input row[K][S];
    signal input mark[K];
    signal input delta[K];
    signal input gamma[K];
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

    // 1. The risk array is the one behind riskRoot.
    component riskArray = RiskArrayRoot(K, U, A, S);
    riskArray.snapshotHash <== snapshotHash;
    riskArray.row <== row;
    riskArray.mark <== mark;
    riskArray.delta <== delta;
    riskArray.gamma <== gamma;
    riskArray.isOption <== isOption;
    riskArray.indexTicks <== indexTicks;
    riskArray.price <== price;
    riskRoot === riskArray.root;

    // 2. The parameters are those behind paramsRoot.
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

    // 3. The account is a leaf of the book.
    signal leaf <== Leaf(K, A)(userId, salt, cash, amount, quantity);
    signal book <== BookMembership(D)(leaf, index, sibling, accountCount);
    bookRoot === book;

    // 4. The margin rule gives the verdict, and the ranges on which 3. relies for the account's numbers.
    _ <== UnsignedBits(THRESHOLD_BITS())(thresholdBps);
    component margin = AccountMargin(K, U, A, S);
    margin.cash <== cash;
    margin.amount <== amount;
    margin.quantity <== quantity;
    margin.rowFields <== riskArray.rowFields;
    margin.exposureField <== riskArray.exposureField;
    margin.isOption <== isOption;
    margin.indexTicks <== indexTicks;
    margin.price <== price;
    margin.rateBps <== rateBps;
    margin.kink <== kink;
    margin.dropBps <== dropBps;
    margin.sizeKink <== sizeKink;
    margin.sizeRiseBps <== sizeRiseBps;
    margin.shortOptionBps <== shortOptionBps;
    margin.deltaRateBps <== deltaRateBps;
    margin.gammaRateBps <== gammaRateBps;
    margin.thresholdBps <== thresholdBps;
    verdict <== margin.clears;

    // 5. The context takes part in the constraint system, so it cannot be exchanged.
    signal contextSquare <== context * context;
}
