pragma circom 2.1.6;

include "../lib/unsigned_bits.circom";
include "constant_quotient.circom";

/**
 * @title Delta and gamma
 * @notice delta = forward * (N(d1) - isPut) / 100 and gamma = forward * density(d1) / (v * 10^4), in ticks for a move of 1 %,
 *         to nearest, ties up. N(d1) is corrected by density * way, for the digits of d2 that the value does not use.
 * @mirrors rtnet_core.black76.Contract.delta
 * @input forward in ticks per lot; assumes below 2^27
 * @input isOption, isPut assume 0 or 1
 * @input distribution, density of the unshocked evaluation
 * @input way from the middle of d2's unit, in units of 2^-23; assumes magnitude below 2^11
 * @input total v in units of 2^-30; assumes below 2^34
 * @output delta enforces [-2^27, 2^27)
 * @output gamma enforces [0, 2^27)
 * @hints gamma: bound by its digits and by the range of the remainder, from both sides
 * @cost 276
 */
template Greeks() {
    var one = 1 << 78;
    signal input forward;
    signal input isOption;
    signal input isPut;
    signal input distribution;
    signal input density;
    signal input way;
    signal input total;
    signal output delta;
    signal output gamma;

    // 1. Delta. 2^78 is 2^44 * 2^23 * 2^11, and 100 is 25 * 2^2.
    signal optionDensity <== isOption * density;
    signal correction <== optionDensity * way;
    signal forwardPart <== forward * (distribution + correction * (1 << 11) - isPut * one);
    component hundredth = ConstantQuotient(25, 80, 28);
    hundredth.in <== forwardPart + 50 * one + 100 * one * (1 << 27);
    delta <== hundredth.quotient - (1 << 27);

    // 2. Gamma: (2 * numerator + divisor) / (2 * divisor) rounded down. The divisor carries 2^44 less the 31 places of v.
    signal numerator <== forward * optionDensity;
    var divisor = (2 * total + 1) * 10000 * (1 << 13);
    var doubled = 2 * divisor;
    // Bound by its digits, and by 0 <= remainder < doubled.
    gamma <-- (2 * numerator + divisor) \ doubled;
    _ <== UnsignedBits(27)(gamma);
    signal remainder <== 2 * numerator + divisor - gamma * doubled;
    _ <== UnsignedBits(63)(remainder);
    _ <== UnsignedBits(63)(doubled - 1 - remainder);
}
