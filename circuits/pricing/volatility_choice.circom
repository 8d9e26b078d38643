pragma circom 2.1.6;

/**
 * @title Choice of a volatility level
 * @notice out[f] = level[1][f] if isUp, level[2][f] if isDown, and level[0][f] otherwise.
 * @mirrors rtnet_core.black76.Contract.level
 * @param FORMS numbers of a level
 * @input level unshocked, up and down; any field elements
 * @input isUp, isDown assume 0 or 1, not both 1
 * @output out
 * @cost 2 * FORMS
 */
template VolatilityChoice(FORMS) {
    signal input level[3][FORMS];
    signal input isUp;
    signal input isDown;
    signal output out[FORMS];

    signal raised[FORMS];
    for (var f = 0; f < FORMS; f++) {
        raised[f] <== isUp * (level[1][f] - level[0][f]);
        out[f] <== level[0][f] + raised[f] + isDown * (level[2][f] - level[0][f]);
    }
}
