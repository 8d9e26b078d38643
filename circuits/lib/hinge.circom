pragma circom 2.1.6;

include "signed_bits.circom";

/**
 * @title Hinge
 * @notice out = max(0, in - kink), bound from both sides by the sign of in - kink.
 *         Hinges build every envelope here: a concave one (collateral credit) is a line less hinges, a convex one
 *         (size add-on) a sum of hinges. Both equal the minimum or maximum over their lines, with no tier to look up.
 * @mirrors rtnet_core.margin_exact.hinge
 * @param BITS width of both inputs
 * @input in, kink assumes each in [0, 2^BITS)
 * @output out in [0, 2^BITS)
 * @cost BITS + 3
 */
template Hinge(BITS) {
    signal input in;
    signal input kink;
    signal output out;

    signal above <== SignedBits(BITS)(in - kink);
    out <== above * (in - kink);
}
