pragma circom 2.1.6;

include "../limits.circom";
include "../lib/signed_bits.circom";
include "collateral_credit.circom";
include "underlying_margin.circom";

/**
 * @title The margin rule
 * @notice nlv = cash + collateral credit + marked positions; maintenance = the sum over underlyings;
 *         clears = 1 exactly if nlv * 10^4 >= thresholdBps * maintenance. Both are carried times 10^4 (E4), so there is
 *         no division and no rounding. `clears` is the sign of the headroom: the inputs determine it, for 0 as for 1.
 * @mirrors rtnet_core.margin_exact.account_margin
 * @param K, U, A, S instruments, underlyings, assets, scenarios
 * @input cash in ticks; any field element; enforces [-2^CASH_BITS, 2^CASH_BITS)
 * @input amount in units; any field elements; CollateralCredit enforces their range
 * @input quantity in lots; any field elements; PositionSize enforces their range
 * @input rowFields, exposureField, isOption, indexTicks, price assume what RiskArrayRoot enforces
 * @input rateBps … gammaRateBps assume what ParamsRoot enforces
 * @input thresholdBps assumes [0, 2^THRESHOLD_BITS)
 * @output netMark in ticks, of all positions
 * @output nlvE4, maintenanceE4 in ticks * 10^-4
 * @output scanRisk in ticks, one for each underlying
 * @output headroomE8 10^4 * nlvE4 - thresholdBps * maintenanceE4, in [-2^HEADROOM_BITS, 2^HEADROOM_BITS)
 * @output clears 0 or 1
 * @cost see circuits/README.md
 */
template AccountMargin(K, U, A, S) {
    var slots = K \ U;
    assert(slots * U == K);
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
    signal output netMark;
    signal output nlvE4;
    signal output scanRisk[U];
    signal output maintenanceE4;
    signal output headroomE8;
    signal output clears;

    // 1. The range of what no part below checks.
    _ <== SignedBits(CASH_BITS())(cash);

    // 2. Each underlying: its marked value and its maintenance margin.
    component underlying[U];
    var marked = 0;
    var maintenance = 0;
    for (var u = 0; u < U; u++) {
        underlying[u] = UnderlyingMargin(slots, S);
        for (var k = 0; k < slots; k++) {
            underlying[u].quantity[k] <== quantity[slots * u + k];
            underlying[u].rowFields[k] <== rowFields[slots * u + k];
            underlying[u].exposureField[k] <== exposureField[slots * u + k];
            underlying[u].isOption[k] <== isOption[slots * u + k];
        }
        underlying[u].indexTicks <== indexTicks[u];
        underlying[u].sizeKink <== sizeKink[u];
        underlying[u].sizeRiseBps <== sizeRiseBps[u];
        underlying[u].shortOptionBps <== shortOptionBps[u];
        underlying[u].deltaRateBps <== deltaRateBps[u];
        underlying[u].gammaRateBps <== gammaRateBps[u];
        scanRisk[u] <== underlying[u].scanRisk;
        marked += underlying[u].netMark;
        maintenance += underlying[u].maintenanceE4;
    }
    netMark <== marked;
    maintenanceE4 <== maintenance;

    // 3. Collateral.
    signal creditE4[A];
    var nlv = BPS() * (cash + netMark);
    for (var a = 0; a < A; a++) {
        creditE4[a] <== CollateralCredit()(amount[a], price[a], rateBps[a], kink[a], dropBps[a]);
        nlv += creditE4[a];
    }
    nlvE4 <== nlv;

    // 4. The verdict is the sign of the headroom.
    signal required <== thresholdBps * maintenanceE4;
    headroomE8 <== BPS() * nlvE4 - required;
    clears <== SignedBits(HEADROOM_BITS())(headroomE8);
}
