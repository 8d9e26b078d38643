pragma circom 2.1.6;

include "../limits.circom";
include "net_exposure.circom";
include "position_size.circom";
include "scan_risk.circom";
include "size_add_on.circom";

/**
 * @title Maintenance margin of one underlying
 * @notice maintenanceE4 = 10^4 * scan risk + size add-on + short-option minimum + delta/gamma add-on, where
 *         short-option minimum = indexTicks * shortOptionBps * shortOptions and
 *         delta/gamma add-on = deltaRateBps * absDelta + gammaRateBps * shortGamma.
 * @mirrors rtnet_core.margin_exact.underlying_margin
 * @param SLOTS instruments of this underlying
 * @param S scenarios
 * @input quantity any field elements; PositionSize enforces their range
 * @input rowFields, exposureField, isOption, indexTicks assume what RiskArrayRoot enforces
 * @input sizeKink, sizeRiseBps, shortOptionBps, deltaRateBps, gammaRateBps assume what ParamsRoot enforces
 * @output netMark in ticks
 * @output scanRisk in ticks
 * @output maintenanceE4 in ticks * 10^-4, in [0, 2^85)
 * @cost the sum of its parts + 4
 */
template UnderlyingMargin(SLOTS, S) {
    signal input quantity[SLOTS];
    signal input rowFields[SLOTS][S \ LANES_PER_FIELD()];
    signal input exposureField[SLOTS];
    signal input isOption[SLOTS];
    signal input indexTicks;
    signal input sizeKink[ENVELOPE_KINKS()];
    signal input sizeRiseBps[ENVELOPE_KINKS()];
    signal input shortOptionBps;
    signal input deltaRateBps;
    signal input gammaRateBps;
    signal output netMark;
    signal output scanRisk;
    signal output maintenanceE4;

    // 1. Sizes; they give the quantities their range, on which 2. and 3. rely.
    component size = PositionSize(SLOTS);
    size.quantity <== quantity;
    size.isOption <== isOption;

    // 2. The worst scenario.
    scanRisk <== ScanRisk(SLOTS, S)(quantity, rowFields);

    // 3. Net value and greeks.
    component exposure = NetExposure(SLOTS);
    exposure.quantity <== quantity;
    exposure.exposureField <== exposureField;
    netMark <== exposure.netMark;

    // 4. Add-ons.
    signal sizeE4 <== SizeAddOn()(size.gross, indexTicks, sizeKink, sizeRiseBps);
    signal shortOptionTicks <== indexTicks * size.shortOptions;
    signal shortOptionE4 <== shortOptionBps * shortOptionTicks;
    signal deltaE4 <== deltaRateBps * exposure.absDelta;
    signal gammaE4 <== gammaRateBps * exposure.shortGamma;

    maintenanceE4 <== BPS() * scanRisk + sizeE4 + shortOptionE4 + deltaE4 + gammaE4;
}
