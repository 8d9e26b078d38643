pragma circom 2.1.6;

include "../lib/unsigned_bits.circom";
include "total_volatility.circom";

/**
 * @title Volatility and time of a slot
 * @notice Gives volatility and time their ranges, requires both to be above zero for an option, and takes the root of
 *         their total variance. A number is above zero exactly if the sum of its digits is.
 * @mirrors rtnet_core.black76.Contract.root
 * @input isOption assumes 0 or 1
 * @input volatility times 2^32; enforces [isOption, 2^36)
 * @input time in milliseconds; enforces [isOption, 2^42)
 * @output digit of the total volatility in units of 2^-30, lowest first
 * @cost 273
 */
template OptionTime() {
    signal input isOption;
    signal input volatility;
    signal input time;
    signal output digit[38];

    signal volatilityDigit[36] <== UnsignedBits(36)(volatility);
    signal timeDigit[42] <== UnsignedBits(42)(time);
    var volatilityOnes = 0;
    for (var i = 0; i < 36; i++) {
        volatilityOnes += volatilityDigit[i];
    }
    var timeOnes = 0;
    for (var i = 0; i < 42; i++) {
        timeOnes += timeDigit[i];
    }
    _ <== UnsignedBits(6)(volatilityOnes - isOption);
    _ <== UnsignedBits(6)(timeOnes - isOption);
    digit <== TotalVolatility()(volatility, time);
}
