pragma circom 2.1.6;

include "../limits.circom";
include "../lib/lanes.circom";
include "../lib/unsigned_bits.circom";

// Signed lane number `lane` of a packed sum whose lanes all lie in [-2^GREEK_OFFSET_BITS, 2^GREEK_OFFSET_BITS).
// Used in hints only.
function signedLane(packed, lane) {
    var shifted = packed;
    for (var i = 0; i < LANES_PER_FIELD(); i++) {
        shifted += 1 << (LANE_STRIDE() * i + GREEK_OFFSET_BITS());
    }
    return ((shifted >> (LANE_STRIDE() * lane)) & ((1 << LANE_BITS()) - 1)) - (1 << GREEK_OFFSET_BITS());
}

/**
 * @title Scan risk of one underlying
 * @notice scanRisk = max(0, max over scenarios s of -pnl[s]), where pnl[s] = sum over k of quantity[k] * row[k][s].
 *         Four scenarios ride in one field element, LANE_STRIDE bits apart. The hint is added to every lane before the
 *         lanes are unpacked, so the digits that unpack them also show scanRisk + pnl[s] >= 0 for every s. The bit between
 *         two lanes is absent: a borrow from one lane to the next would need it.
 * @mirrors rtnet_core.margin_exact.scan_risk
 * @param SLOTS instruments of this underlying
 * @param S scenarios, a multiple of 4
 * @input quantity assumes each in [-2^QUANTITY_BITS, 2^QUANTITY_BITS)
 * @input rowFields[k][f] assumes the sum over l of row[k][4f + l] * 2^(LANE_STRIDE * l), each row in
 *        [-2^ROW_BITS, 2^ROW_BITS)
 * @output scanRisk in ticks, in [0, 2^LANE_BITS); enforced to be the maximum
 * @hints scanRisk: not below it, since every lane and scanRisk itself are non-negative; not above it, since the product
 *        of scanRisk and all lanes is zero
 * @cost SLOTS * S/4 products, (S + 1) * LANE_BITS digits, S + 1 for the maximum
 */
template ScanRisk(SLOTS, S) {
    var fields = S \ LANES_PER_FIELD();
    assert(fields * LANES_PER_FIELD() == S);
    signal input quantity[SLOTS];
    signal input rowFields[SLOTS][fields];
    signal output scanRisk;

    // 1. Packed profit and loss: one product serves four scenarios.
    signal product[SLOTS][fields];
    var packedPnl[fields];
    for (var f = 0; f < fields; f++) {
        packedPnl[f] = 0;
        for (var k = 0; k < SLOTS; k++) {
            product[k][f] <== quantity[k] * rowFields[k][f];
            packedPnl[f] += product[k][f];
        }
    }

    // 2. The worst loss, as a hint.
    var worst = 0;
    for (var f = 0; f < fields; f++) {
        for (var l = 0; l < LANES_PER_FIELD(); l++) {
            var loss = -signedLane(packedPnl[f], l);
            // A signed comparison: field elements above r/2 are negative numbers.
            if (loss > worst) {
                worst = loss;
            }
        }
    }
    // Bound by its own digits, the digits of every lane (2., 3.) and the zero product (4.).
    scanRisk <-- worst;
    _ <== UnsignedBits(LANE_BITS())(scanRisk);

    // 3. Every lane, scanRisk + pnl[s], is in [0, 2^LANE_BITS).
    signal lane[S];
    component unpacked[fields];
    for (var f = 0; f < fields; f++) {
        var hints = 0;
        for (var l = 0; l < LANES_PER_FIELD(); l++) {
            hints += 1 << (LANE_STRIDE() * l);
        }
        unpacked[f] = Lanes(LANES_PER_FIELD());
        unpacked[f].in <== packedPnl[f] + scanRisk * hints;
        for (var l = 0; l < LANES_PER_FIELD(); l++) {
            lane[LANES_PER_FIELD() * f + l] <== unpacked[f].lane[l];
        }
    }

    // 4. scanRisk is one of its candidates: zero, or a loss.
    signal zeroProduct[S + 1];
    zeroProduct[0] <== scanRisk;
    for (var s = 0; s < S; s++) {
        zeroProduct[s + 1] <== zeroProduct[s] * lane[s];
    }
    zeroProduct[S] === 0;
}
