pragma circom 2.1.6;

include "normal_density.circom";
include "normal_distribution.circom";
include "sign_and_magnitude.circom";

/**
 * @title One value of one instrument
 * @notice value = forward * priceFactor * N(d1) - strike * 3 * 10^4 * N(d2), less both factors of N for a put, over
 *         3 * 10^4 * 2^78 ticks. d1 = d2 + step, and what v has beyond the step enters as rest * density(d1): so d1 - d2 is
 *         v to 2^-30, which the value needs, while both are multiples of 2^-11, which is all that it needs of either.
 *         A linear instrument has N(d1) = 1 and strike 0.
 * @mirrors rtnet_core.black76.Contract.evaluate
 * @input forward, strike in ticks per lot; assume below 2^27
 * @input priceFactor over 3 * 10^4; assumes below 2^18
 * @input isOption, isPut assume 0 or 1
 * @input nonNegative, digit of d2, as BoundQuotient gives them
 * @input step assumes 0 to 2^15
 * @input rest assumes [-2^18, 2^18)
 * @output value below 2^125 in magnitude
 * @output distribution N(d1) * 2^78
 * @output density at d1, times 2^44
 * @cost 71
 */
template Evaluation() {
    var one = 1 << 78;
    signal input forward;
    signal input strike;
    signal input priceFactor;
    signal input isOption;
    signal input isPut;
    signal input nonNegative;
    signal input digit[17];
    signal input step;
    signal input rest;
    signal output value;
    signal output distribution;
    signal output density;

    // 1. d1, from d2 as a number.
    var magnitude = 0;
    for (var i = 0; i < 17; i++) {
        magnitude += digit[i] * (1 << i);
    }
    signal secondArgument <== nonNegative * (2 * magnitude + 1) - magnitude - 1;
    component firstArgument = SignAndMagnitude(17);
    firstArgument.in <== secondArgument + step;

    // 2. N(d2), N(d1) and the density at d1.
    component second = NormalDistribution(17);
    second.nonNegative <== nonNegative;
    second.digit <== digit;
    component first = NormalDistribution(17);
    first.nonNegative <== firstArgument.nonNegative;
    first.digit <== firstArgument.digit;
    density <== NormalDensity()(first.hot, first.t, first.saturated);

    // 3. The value. 2^78 is 2^44 * 2^30 * 2^4.
    signal correction <== density * rest;
    distribution <== one + isOption * (first.out + correction * (1 << 4) - one);
    signal shocked <== forward * priceFactor;
    signal received <== shocked * (distribution - isPut * one);
    value <== received - 30000 * strike * (second.out - isPut * one);
}
