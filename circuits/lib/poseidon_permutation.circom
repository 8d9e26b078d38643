pragma circom 2.1.6;

include "circomlib/circuits/poseidon.circom";

// Elements from .. from + length - 1 of a table; the places behind them are 0.
function tablePart(table, from, length) {
    var part[33];
    for (var i = 0; i < length; i++) {
        part[i] = table[from + i];
    }
    return part;
}

/**
 * @title Poseidon permutation, first element
 * @notice circomlib's PoseidonEx(N, 1), constraint for constraint: eight full rounds around the partial ones, the capacity
 *         in front. It differs in what the witness costs: a template gets the constants of its own round, because circom
 *         copies every array that it hands to a template whenever the template runs; PoseidonEx hands out whole tables.
 * @mirrors rtnet_core.poseidon.compress_block
 * @param N elements besides the capacity, 1 to 16
 * @input inputs, initialState any field elements; the latter is the capacity
 * @output out one element of the permuted state
 * @cost 3 * (8 * (N + 1) + partial rounds), 240 for N = 2, 612 for N = 16
 */
template PoseidonPermutation(N) {
    assert(N >= 1 && N <= 16);
    signal input inputs[N];
    signal input initialState;
    signal output out[1];

    var PARTIAL_ROUNDS[16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];
    var T = N + 1;
    var partial = PARTIAL_ROUNDS[N - 1];
    var constants[8 * T + partial] = POSEIDON_C(T);

    component ark[8];
    component sigmaF[8][T];
    component sigmaP[partial];
    component mix[7];
    component mixS[partial];
    component mixLast[1];

    // 1. Four full rounds; the last one mixes by the matrix that makes those of the partial rounds sparse.
    ark[0] = Ark(T, tablePart(POSEIDON_C(T), 0, T), 0);
    ark[0].in[0] <== initialState;
    for (var j = 1; j < T; j++) {
        ark[0].in[j] <== inputs[j - 1];
    }
    for (var r = 0; r < 4; r++) {
        for (var j = 0; j < T; j++) {
            sigmaF[r][j] = Sigma();
            if (r == 0) {
                sigmaF[r][j].in <== ark[0].out[j];
            } else {
                sigmaF[r][j].in <== mix[r - 1].out[j];
            }
        }
        ark[r + 1] = Ark(T, tablePart(POSEIDON_C(T), (r + 1) * T, T), 0);
        for (var j = 0; j < T; j++) {
            ark[r + 1].in[j] <== sigmaF[r][j].out;
        }
        if (r < 3) {
            mix[r] = Mix(T, POSEIDON_M(T));
        } else {
            mix[r] = Mix(T, POSEIDON_P(T));
        }
        for (var j = 0; j < T; j++) {
            mix[r].in[j] <== ark[r + 1].out[j];
        }
    }

    // 2. The partial rounds: only the first element goes through the power.
    for (var r = 0; r < partial; r++) {
        sigmaP[r] = Sigma();
        if (r == 0) {
            sigmaP[r].in <== mix[3].out[0];
        } else {
            sigmaP[r].in <== mixS[r - 1].out[0];
        }
        mixS[r] = MixS(T, tablePart(POSEIDON_S(T), (2 * T - 1) * r, 2 * T - 1), 0);
        mixS[r].in[0] <== sigmaP[r].out + constants[5 * T + r];
        for (var j = 1; j < T; j++) {
            if (r == 0) {
                mixS[r].in[j] <== mix[3].out[j];
            } else {
                mixS[r].in[j] <== mixS[r - 1].out[j];
            }
        }
    }

    // 3. Four full rounds; of the last one only the first element is asked for.
    for (var r = 4; r < 8; r++) {
        for (var j = 0; j < T; j++) {
            sigmaF[r][j] = Sigma();
            if (r == 4) {
                sigmaF[r][j].in <== mixS[partial - 1].out[j];
            } else {
                sigmaF[r][j].in <== mix[r - 1].out[j];
            }
        }
        if (r < 7) {
            ark[r + 1] = Ark(T, tablePart(POSEIDON_C(T), (r + 1) * T + partial, T), 0);
            for (var j = 0; j < T; j++) {
                ark[r + 1].in[j] <== sigmaF[r][j].out;
            }
            mix[r] = Mix(T, POSEIDON_M(T));
            for (var j = 0; j < T; j++) {
                mix[r].in[j] <== ark[r + 1].out[j];
            }
        }
    }
    mixLast[0] = MixLast(T, POSEIDON_M(T), 0);
    for (var j = 0; j < T; j++) {
        mixLast[0].in[j] <== sigmaF[7][j].out;
    }
    out[0] <== mixLast[0].out;
}
