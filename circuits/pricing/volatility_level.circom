pragma circom 2.1.6;

/**
 * @title Forms of a total volatility
 * @notice total = min(root, 2^34 - 1) in units of 2^-30, and of it: divisor (odd, in units of 2^-20), halfSquare (in units
 *         of 2^-31), and step * 2^19 + rest = total. All but the square are sums of digits.
 * @mirrors rtnet_core.black76_parts.volatility_level
 * @param BITS of the root, 35 or more
 * @input digit of the root, lowest first; assumes each 0 or 1
 * @output total below 2^34
 * @output fineHalf total \ 2^5
 * @output divisor below 2^24, odd
 * @output halfSquare below 2^38
 * @output step at most 2^15
 * @output rest in [-2^18, 2^18)
 * @cost BITS - 35 + 6
 */
template VolatilityLevel(BITS) {
    signal input digit[BITS];
    signal output total;
    signal output fineHalf;
    signal output divisor;
    signal output halfSquare;
    signal output step;
    signal output rest;

    // 1. Whether a digit from place 34 on is set.
    signal inRange[BITS - 34];
    inRange[0] <== 1 - digit[34];
    for (var i = 1; i < BITS - 34; i++) {
        inRange[i] <== inRange[i - 1] * (1 - digit[34 + i]);
    }
    signal saturated <== 1 - inRange[BITS - 35];

    // 2. The digits from places 0, 5, 11 and 16 on; all ones where it saturates.
    var places[4] = [0, 5, 11, 16];
    signal upper[4];
    for (var p = 0; p < 4; p++) {
        var sum = 0;
        for (var i = places[p]; i < 34; i++) {
            sum += digit[i] * (1 << (i - places[p]));
        }
        upper[p] <== sum + saturated * ((1 << (34 - places[p])) - 1 - sum);
    }
    total <== upper[0];
    fineHalf <== upper[1];
    divisor <== 2 * upper[2] + 1;
    halfSquare <== (2 * upper[3] + 1) * (2 * upper[3] + 1);

    // 3. Rounded to the step: the digits from place 19 on, and the one at place 18.
    var nearest = digit[18];
    for (var i = 19; i < 34; i++) {
        nearest += digit[i] * (1 << (i - 19));
    }
    step <== nearest + saturated * ((1 << 15) - nearest);
    rest <== total - step * (1 << 19);
}
