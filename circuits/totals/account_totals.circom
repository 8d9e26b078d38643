pragma circom 2.1.6;

include "../limits.circom";
include "../margin/account_margin.circom";
include "account_deficit.circom";
include "pack_totals.circom";

/**
 * @title What one account adds to the totals
 * @notice packed holds: 1 and the missing headroom if the account does not clear its threshold, 1 and the deficit if it owes
 *         more than it has, its cash, its collateral, its positions. An account without anything adds zero throughout.
 * @mirrors rtnet_core.totals.account_totals
 * @param K, U, A, S instruments, underlyings, assets, scenarios
 * @input cash, amount, quantity any field elements; AccountMargin and its parts enforce their ranges
 * @input rowFields, exposureField, isOption, indexTicks, price assume what RiskArrayRoot enforces
 * @input rateBps … gammaRateBps assume what ParamsRoot enforces
 * @input thresholdBps assumes [0, 2^THRESHOLD_BITS)
 * @output packed as PackTotals gives it
 * @cost AccountMargin, AccountDeficit and 1
 */
template AccountTotals(K, U, A, S) {
    signal input cash;
    signal input amount[A];
    signal input quantity[K];
    signal input rowFields[K][S \ LANES_PER_FIELD()];
    signal input exposureField[K];
    signal input isOption[K];
    signal input indexTicks[U];
    signal input price[A];
    signal input rateBps[A];
    signal input kink[A][ENVELOPE_KINKS()];
    signal input dropBps[A][ENVELOPE_KINKS()];
    signal input sizeKink[U][ENVELOPE_KINKS()];
    signal input sizeRiseBps[U][ENVELOPE_KINKS()];
    signal input shortOptionBps[U];
    signal input deltaRateBps[U];
    signal input gammaRateBps[U];
    signal input thresholdBps;
    signal output packed[totalsFields(K, A)];

    // 1. The margin rule, and the ranges on which 2. and 3. rely.
    component margin = AccountMargin(K, U, A, S);
    margin.cash <== cash;
    margin.amount <== amount;
    margin.quantity <== quantity;
    margin.rowFields <== rowFields;
    margin.exposureField <== exposureField;
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

    // 2. What is missing: of the threshold, and of what the account owes.
    signal shortfallE8 <== (margin.clears - 1) * margin.headroomE8;
    component owed = AccountDeficit(A);
    owed.cash <== cash;
    owed.amount <== amount;
    owed.price <== price;
    owed.netMark <== margin.netMark;

    // 3. Everything in lanes.
    component totals = PackTotals(K, A);
    totals.belowThreshold <== 1 - margin.clears;
    totals.shortfallE8 <== shortfallE8;
    totals.deficitAccounts <== owed.hasDeficit;
    totals.deficit <== owed.deficit;
    totals.cash <== cash;
    totals.amount <== amount;
    totals.quantity <== quantity;
    packed <== totals.packed;
}
