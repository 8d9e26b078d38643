pragma circom 2.1.6;

include "../limits.circom";

// Field elements that N limbs of BITS bits need: as many limbs each as stay below 2^MAX_SAFE_BITS.
function packedFields(N, BITS) {
    var perField = MAX_SAFE_BITS() \ BITS;
    return (N + perField - 1) \ perField;
}

/**
 * @title Pack limbs into field elements
 * @notice out[j] = sum of in[j * perField + i] * 2^(BITS * i): two different lists never pack alike.
 * @mirrors rtnet_core.hashing.pack
 * @param N number of limbs
 * @param BITS bits of a limb
 * @input in assumes each in [0, 2^BITS), or each in [-2^(BITS - 1), 2^(BITS - 1)): the caller enforces it in the same circuit
 * @output out of magnitude below 2^253 each
 * @cost 0 (linear)
 */
template Pack(N, BITS) {
    var perField = MAX_SAFE_BITS() \ BITS;
    var fields = packedFields(N, BITS);
    signal input in[N];
    signal output out[fields];

    for (var j = 0; j < fields; j++) {
        var sum = 0;
        for (var i = 0; i < perField && j * perField + i < N; i++) {
            sum += in[j * perField + i] * (1 << (BITS * i));
        }
        out[j] <== sum;
    }
}
