pragma circom 2.1.6;

/**
 * @title One-hot selector
 * @notice hot[j] = 1 for the j whose binary digits are the input, 0 for every other j. Each is a product of digits and
 *         complements; they add up to 1 by construction, so the last of each round needs no product.
 * @mirrors rtnet_core.black76_parts.tabulated
 * @param BITS at least 1
 * @input digit lowest first; assumes each 0 or 1
 * @output hot
 * @cost 2^BITS - BITS - 1
 */
template OneHot(BITS) {
    signal input digit[BITS];
    signal output hot[1 << BITS];

    var products = (1 << BITS) - BITS - 1;
    signal product[products];
    var selector[1 << BITS];
    selector[0] = 1;
    var next = 0;
    for (var i = 0; i < BITS; i++) {
        // The selectors so far add up to 1, so their products with the digit add up to the digit.
        var size = 1 << i;
        var rest = digit[i];
        for (var j = 0; j < size - 1; j++) {
            product[next] <== selector[j] * digit[i];
            selector[size + j] = product[next];
            selector[j] -= product[next];
            rest -= product[next];
            next++;
        }
        selector[2 * size - 1] = rest;
        selector[size - 1] -= rest;
    }
    for (var j = 0; j < 1 << BITS; j++) {
        hot[j] <== selector[j];
    }
}
