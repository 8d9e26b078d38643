pragma circom 2.1.6;

include "../limits.circom";
include "../lib/hinge.circom";

/**
 * @title Size add-on of one underlying
 * @notice addOnE4 = indexTicks * sum over j of riseBps[j] * max(0, gross - kink[j]): convex in the position, the maximum
 *         over three lines. A position that moves the market when it is closed costs more margin.
 * @mirrors rtnet_core.margin_exact.size_add_on_e4
 * @input gross in lots; assumes [0, 2^SIZE_BITS)
 * @input indexTicks in ticks per lot; assumes [0, 2^ROW_BITS)
 * @input kink in lots; assumes [0, 2^SIZE_BITS)
 * @input riseBps assumes [0, 2^RATE_BITS)
 * @output addOnE4 in ticks * 10^-4
 * @cost 2 * (SIZE_BITS + 4) + 1
 */
template SizeAddOn() {
    signal input gross;
    signal input indexTicks;
    signal input kink[ENVELOPE_KINKS()];
    signal input riseBps[ENVELOPE_KINKS()];
    signal output addOnE4;

    signal above[ENVELOPE_KINKS()];
    signal part[ENVELOPE_KINKS()];
    var sum = 0;
    for (var j = 0; j < ENVELOPE_KINKS(); j++) {
        above[j] <== Hinge(SIZE_BITS())(gross, kink[j]);
        part[j] <== riseBps[j] * above[j];
        sum += part[j];
    }
    addOnE4 <== indexTicks * sum;
}
