pragma circom 2.1.6;

include "constant_quotient.circom";
include "logarithm.circom";

/**
 * @title Logarithm of a ratio
 * @notice out = ln(numerator / denominator) in units of 2^-31, rounded down.
 * @mirrors rtnet_core.black76_parts.log_ratio
 * @input numerator, denominator assume below 2^27; enforce at least 1
 * @output out in [-2^37, 2^37)
 * @cost 219
 */
template LogRatio() {
    signal input numerator;
    signal input denominator;
    signal output out;

    signal above <== Logarithm()(numerator);
    signal below <== Logarithm()(denominator);
    component rounded = ConstantQuotient(1, 79, 38);
    rounded.in <== above - below + (1 << 116);
    out <== rounded.quotient - (1 << 37);
}
