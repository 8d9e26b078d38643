pragma circom 2.1.6;

include "../limits.circom";

/**
 * @title One instrument's row of the risk array, packed
 * @notice Scenario values ride four to a field element, and mark, delta and gamma in one: lane l counts 2^(LANE_STRIDE * l).
 * @mirrors rtnet_core.risk_array.lanes_of
 * @param S scenarios
 * @input row, delta, gamma assume [-2^ROW_BITS, 2^ROW_BITS)
 * @input mark assumes [0, 2^ROW_BITS)
 * @output rowFields the scenario values, the first one lowest
 * @output exposureField mark, delta, gamma
 * @cost none: all of it is linear
 */
template PackedRow(S) {
    var fields = S \ LANES_PER_FIELD();
    assert(fields * LANES_PER_FIELD() == S);
    signal input row[S];
    signal input mark;
    signal input delta;
    signal input gamma;
    signal output rowFields[fields];
    signal output exposureField;

    for (var f = 0; f < fields; f++) {
        var lanes = 0;
        for (var l = 0; l < LANES_PER_FIELD(); l++) {
            lanes += row[LANES_PER_FIELD() * f + l] * (1 << (LANE_STRIDE() * l));
        }
        rowFields[f] <== lanes;
    }
    exposureField <== mark + delta * (1 << LANE_STRIDE()) + gamma * (1 << (2 * LANE_STRIDE()));
}
