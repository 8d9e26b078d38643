pragma circom 2.1.6;

include "../limits.circom";
include "../lib/unsigned_bits.circom";

/**
 * @title What the snapshot says of a slot, as one field element
 * @notice packed = kind + 2^3 * (strike + 2^27 * (forward + 2^27 * (volatility + 2^36 * expiry))), with kind 1 for a
 *         perpetual, 2 for a future, 3 for a call, 4 for a put, 0 for an empty slot; an expiry lies after the snapshot's
 *         time, and is 0 where the kind has none. Every limb below the expiry has its range, so the element says it all.
 * @mirrors rtnet_core.snapshot_hash.instrument_elements
 * @input isListed, isOption, isPut assume 0 or 1, each at most the one before, and all other numbers 0 where their kind
 *        has none; strike, forward, volatility assume their widths (InstrumentRow enforces all of it)
 * @input isFuture enforces 0 or 1, and at most isListed - isOption
 * @input expiryMs enforces timeMs < expiryMs < timeMs + 2^TIME_BITS of a future or an option, and 0 else
 * @input timeMs assumes [0, 2^TIME_BITS)
 * @output packed
 * @output timeToExpiry in milliseconds: InstrumentRow gives it its range; of a future one less, of an empty slot 0
 * @cost 5
 */
template ListedInstrument() {
    signal input isListed;
    signal input isOption;
    signal input isPut;
    signal input isFuture;
    signal input strike;
    signal input forward;
    signal input volatility;
    signal input expiryMs;
    signal input timeMs;
    signal output packed;
    signal output timeToExpiry;

    // 1. The kind.
    _ <== UnsignedBits(1)(isFuture);
    _ <== UnsignedBits(1)(isListed - isOption - isFuture);
    var kind = isListed + isFuture + 2 * isOption + isPut;

    // 2. The time to expiry: below zero it has no digits, and at zero an option is refused, and a future by the -1.
    (1 - isOption - isFuture) * expiryMs === 0;
    timeToExpiry <== (isOption + isFuture) * (expiryMs - timeMs) - isFuture;

    // 3. The element.
    var shift = 3;
    var sum = kind + strike * (1 << shift);
    shift += ROW_BITS();
    sum += forward * (1 << shift);
    shift += ROW_BITS();
    sum += volatility * (1 << shift);
    shift += VOLATILITY_BITS();
    packed <== sum + expiryMs * (1 << shift);
}
