pragma circom 2.1.6;

include "../lib/unsigned_bits.circom";
include "remainder_range.circom";

// floor(sqrt(number)) of a number below 2^76. Used in hints only.
function integerRoot(number) {
    var root = 0;
    for (var i = 37; i >= 0; i--) {
        var next = root + (1 << i);
        if (next * next <= number) {
            root = next;
        }
    }
    return root;
}

/**
 * @title Total volatility
 * @notice root = floor(2^30 * volatility * sqrt(time)) = isqrt(volatilityQ32^2 * time \ (2^4 * MS_PER_YEAR)):
 *         with q = root^2 + left, 0 <= left <= 2 * root, the remainder volatilityQ32^2 * time - q * 2^4 * MS_PER_YEAR is
 *         in its range. 2^4 * MS_PER_YEAR = 30796875 * 2^14.
 * @mirrors rtnet_core.black76_parts.total_volatility
 * @input volatility times 2^32; assumes below 2^36
 * @input time in milliseconds; assumes below 2^42
 * @output digit of the root, below 2^38, lowest first
 * @hints root: bound by its digits and by 0 <= left <= 2 * root; left: bound by its digits, by those of 2 * root - left and
 *        by the remainder's range
 * @cost 183
 */
template TotalVolatility() {
    var divisor = 30796875 * (1 << 14);
    signal input volatility;
    signal input time;
    signal output digit[38];

    signal square <== volatility * volatility;
    signal squareTime <== square * time;

    // Bound by its digits, and by 0 <= left <= 2 * root.
    signal root <-- integerRoot(squareTime \ divisor);
    signal rootSquare <== root * root;
    // Bound by its digits, by those of 2 * root - left, and by the range of the remainder.
    signal left <-- (squareTime \ divisor) - rootSquare;
    digit <== UnsignedBits(38)(root);
    _ <== UnsignedBits(39)(left);
    _ <== UnsignedBits(39)(2 * root - left);
    _ <== RemainderRange(30796875, 14)(squareTime - (rootSquare + left) * divisor);
}
