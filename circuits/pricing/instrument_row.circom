pragma circom 2.1.6;

include "../lib/unsigned_bits.circom";
include "bound_quotient.circom";
include "constant_quotient.circom";
include "evaluation.circom";
include "greeks.circom";
include "log_ratio.circom";
include "option_time.circom";
include "volatility_choice.circom";
include "volatility_level.circom";

/**
 * @title One instrument's row of the risk array
 * @notice change[s] = cover[s] / 10^4 * (value in scenario s - value), mark = max(0, value), delta and gamma; each from
 *         unrounded values, rounded once to the nearest tick, ties up. Every kind of slot passes through the same steps: a
 *         linear instrument is a call struck at zero, and an empty slot is one without a forward: its row is zero.
 * @mirrors rtnet_core.black76.instrument_row
 * @param S scenarios
 * @input isListed, isOption, isPut enforces 0 or 1, each at most the one before
 * @input forward in ticks per lot; enforces [1, 2^27), and 0 where nothing is listed
 * @input strike in ticks per lot; enforces [1, 2^27), and 0 where there is no option
 * @input volatility times 2^32; enforces [1, 2^36), and 0 where there is no option
 * @input time in milliseconds; enforces [1, 2^42) for an option, and [0, 2^42) else
 * @input upFactor, downFactor of the volatility over 10^4; assume below 2^15
 * @input priceFactor, logShock, isUp, isDown of each scenario, as ScenarioShock gives them
 * @input cover in basis points; assumes below 2^14
 * @output change enforces [-2^27, 2^27)
 * @output mark enforces [0, 2^27)
 * @output delta, gamma enforce [-2^27, 2^27) and [0, 2^27)
 * @cost 307 for each scenario, 1,300 besides
 */
template InstrumentRow(S) {
    signal input isListed;
    signal input isOption;
    signal input isPut;
    signal input forward;
    signal input strike;
    signal input volatility;
    signal input time;
    signal input upFactor;
    signal input downFactor;
    signal input priceFactor[S];
    signal input logShock[S];
    signal input isUp[S];
    signal input isDown[S];
    signal input cover[S];
    signal output change[S];
    signal output mark;
    signal output delta;
    signal output gamma;

    // 1. What stands in the slot.
    _ <== UnsignedBits(1)(isListed);
    _ <== UnsignedBits(1)(isOption);
    _ <== UnsignedBits(1)(isPut);
    _ <== UnsignedBits(1)(isListed - isOption);
    _ <== UnsignedBits(1)(isOption - isPut);
    (1 - isListed) * forward === 0;
    (1 - isOption) * strike === 0;
    (1 - isOption) * volatility === 0;
    _ <== UnsignedBits(27)(forward);
    _ <== UnsignedBits(27)(strike);

    // 2. Once: the logarithm of the moneyness, and the total volatility without shock, up and down.
    signal logMoneyness <== LogRatio()(forward + 1 - isListed, strike + 1 - isOption);
    signal rootDigit[38] <== OptionTime()(isOption, volatility, time);
    var root = 0;
    for (var i = 0; i < 38; i++) {
        root += rootDigit[i] * (1 << i);
    }
    component now = VolatilityLevel(38);
    now.digit <== rootDigit;
    signal level[3][4];
    level[0] <== [now.divisor, now.halfSquare, now.step, now.rest];
    signal factor[2] <== [upFactor, downFactor];
    component shockedRoot[2];
    component shocked[2];
    for (var v = 0; v < 2; v++) {
        shockedRoot[v] = ConstantQuotient(625, 4, 40);
        shockedRoot[v].in <== root * factor[v];
        shocked[v] = VolatilityLevel(40);
        shocked[v].digit <== shockedRoot[v].digit;
        level[v + 1] <== [shocked[v].divisor, shocked[v].halfSquare, shocked[v].step, shocked[v].rest];
    }

    // 3. The unshocked value, from d2 in units of 2^-22: its eleven last digits go to the greeks.
    component fine = BoundQuotient(27, 35);
    signal fineHalfSquare <== (2 * now.fineHalf + 1) * (2 * now.fineHalf + 1);
    fine.numerator <== logMoneyness * (1 << 22) - fineHalfSquare;
    fine.divisor <== 2 * now.total + 1;
    component unshocked = Evaluation();
    unshocked.forward <== forward;
    unshocked.strike <== strike;
    unshocked.priceFactor <== 30000;
    unshocked.isOption <== isOption;
    unshocked.isPut <== isPut;
    unshocked.nonNegative <== fine.nonNegative;
    var way = 1 - (1 << 11);
    for (var i = 0; i < 11; i++) {
        way += fine.digit[i] * (1 << (i + 1));
    }
    for (var i = 0; i < 17; i++) {
        unshocked.digit[i] <== fine.digit[11 + i];
    }
    unshocked.step <== now.step;
    unshocked.rest <== now.rest;

    // 4. Mark and greeks.
    component rounded = ConstantQuotient(1875, 82, 28);
    rounded.in <== unshocked.value + 30000 * (1 << 77) + 30000 * (1 << 105);
    mark <== rounded.digit[27] * (rounded.quotient - (1 << 27));
    signal signedWay <== (2 * fine.nonNegative - 1) * way;
    component greeks = Greeks();
    greeks.forward <== forward;
    greeks.isOption <== isOption;
    greeks.isPut <== isPut;
    greeks.distribution <== unshocked.distribution;
    greeks.density <== unshocked.density;
    greeks.way <== signedWay;
    greeks.total <== now.total;
    delta <== greeks.delta;
    gamma <== greeks.gamma;

    // 5. Every scenario. 3 * 10^4 * 10^4 * 2^78 is 1171875 * 2^86.
    component chosen[S];
    component quotient[S];
    component evaluation[S];
    component covered[S];
    for (var s = 0; s < S; s++) {
        chosen[s] = VolatilityChoice(4);
        chosen[s].level <== level;
        chosen[s].isUp <== isUp[s];
        chosen[s].isDown <== isDown[s];
        quotient[s] = BoundQuotient(16, 24);
        quotient[s].numerator <== logMoneyness + logShock[s] - chosen[s].out[1];
        quotient[s].divisor <== chosen[s].out[0];
        evaluation[s] = Evaluation();
        evaluation[s].forward <== forward;
        evaluation[s].strike <== strike;
        evaluation[s].priceFactor <== priceFactor[s];
        evaluation[s].isOption <== isOption;
        evaluation[s].isPut <== isPut;
        evaluation[s].nonNegative <== quotient[s].nonNegative;
        evaluation[s].digit <== quotient[s].digit;
        evaluation[s].step <== chosen[s].out[2];
        evaluation[s].rest <== chosen[s].out[3];
        covered[s] = ConstantQuotient(1171875, 86, 28);
        covered[s].in <== cover[s] * (evaluation[s].value - unshocked.value) + 1171875 * ((1 << 85) + (1 << 113));
        change[s] <== covered[s].quotient - (1 << 27);
    }
}
