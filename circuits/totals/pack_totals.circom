pragma circom 2.1.6;

include "../limits.circom";
include "../lib/pack.circom";

// Field elements that packed totals have: counts and shortfall, deficit and cash, amounts, net lots.
function totalsFields(K, A) {
    return 2 + packedFields(A, AMOUNT_TOTAL_BITS()) + packedFields(K, NET_STRIDE());
}

/**
 * @title Pack totals into field elements
 * @notice packed[0] = belowThreshold + deficitAccounts * 2^DEFICIT_ACCOUNTS_SHIFT + shortfallE8 * 2^SHORTFALL_SHIFT;
 *         packed[1] = deficit + cash * 2^CASH_SHIFT; then amounts and net lots in lanes. Packing is linear, so the packed
 *         form of a sum is the sum of the packed forms: whoever adds totals adds elements and never takes one apart. Every
 *         lane is as wide as its term over 2^BOOK_BITS accounts, so no sum over a book leaves its lane.
 * @mirrors rtnet_core.totals.Totals.packed
 * @param K, A instruments, assets
 * @input belowThreshold, deficitAccounts assume 0 or 1 for one account
 * @input shortfallE8 in ticks * 10^-8; assumes [0, 2^HEADROOM_BITS]
 * @input deficit in ticks; assumes [0, 2^DEFICIT_BITS]
 * @input cash in ticks; assumes [-2^CASH_BITS, 2^CASH_BITS)
 * @input amount in units; assumes [0, 2^AMOUNT_BITS) each
 * @input quantity in lots; assumes [-2^QUANTITY_BITS, 2^QUANTITY_BITS) each
 * @output packed signed numbers stand modulo the field order
 * @cost 0 (linear)
 */
template PackTotals(K, A) {
    var amountFields = packedFields(A, AMOUNT_TOTAL_BITS());
    var netFields = packedFields(K, NET_STRIDE());
    signal input belowThreshold;
    signal input shortfallE8;
    signal input deficitAccounts;
    signal input deficit;
    signal input cash;
    signal input amount[A];
    signal input quantity[K];
    signal output packed[totalsFields(K, A)];

    var counts = belowThreshold + deficitAccounts * (1 << DEFICIT_ACCOUNTS_SHIFT());
    packed[0] <== counts + shortfallE8 * (1 << SHORTFALL_SHIFT());
    packed[1] <== deficit + cash * (1 << CASH_SHIFT());

    // Net lots keep their sign: NET_STRIDE leaves a lane two bits more than its magnitude.
    signal amounts[amountFields] <== Pack(A, AMOUNT_TOTAL_BITS())(amount);
    signal nets[netFields] <== Pack(K, NET_STRIDE())(quantity);
    for (var i = 0; i < amountFields; i++) {
        packed[2 + i] <== amounts[i];
    }
    for (var i = 0; i < netFields; i++) {
        packed[2 + amountFields + i] <== nets[i];
    }
}
