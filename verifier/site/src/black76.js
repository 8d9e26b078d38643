// The fixed-point Black-76 of docs/pricing.md, rounding for rounding: another rounding is another risk root.
// Twins: rtnet_core/black76.py, rtnet_core/black76_parts.py.

import { LIMITS, PRICING } from "./constants.js";
import { BadInput } from "./outcomes.js";

const { NORMAL, DENSITY, LOGARITHM, LN_2, LN_UNSHOCKED } = PRICING;
const LOG_SHIFT = PRICING.LOG_SCALE_BITS - PRICING.LOG_BITS;
const NORMAL_ONE = 1n << PRICING.NORMAL_SCALE_BITS;
const PRICE_DENOMINATOR = 3n * LIMITS.BPS;
const VALUE_DENOMINATOR = PRICE_DENOMINATOR * NORMAL_ONE;
const REST_SHIFT = PRICING.NORMAL_SCALE_BITS - PRICING.DENSITY_SCALE_BITS - PRICING.TOTAL_BITS;
const FINE_SHIFT =
  PRICING.NORMAL_SCALE_BITS - PRICING.DENSITY_SCALE_BITS - PRICING.ARGUMENT_BITS - PRICING.FINE_BITS - 1n;
const GAMMA_SHIFT = PRICING.DENSITY_SCALE_BITS - PRICING.TOTAL_BITS - 1n;
const TOTAL_CAP = (1n << PRICING.TOTAL_CAP_BITS) - 1n;
const SATURATION = PRICING.LOCAL_BITS + PRICING.INTERVAL_BITS;

/**
 * Return an instrument's row of the risk array: changes, mark, delta and gamma in ticks per lot.
 *
 * Circuit twin: circuits/pricing/instrument_row.circom:InstrumentRow
 */
export function instrumentRow(instrument, timeMs, shocks, scenarios) {
  const contract = new Contract(instrument, timeMs);
  const changes = scenarios.map((scenario) => {
    const factor = PRICE_DENOMINATOR + scenario.price_thirds * shocks.scan_range_bps;
    const moves = { 1: shocks.volatility_up_bps, 0: 0n, "-1": -shocks.volatility_down_bps };
    const shocked = contract.shocked(factor, LIMITS.BPS + moves[scenario.volatility]);
    const change = scenario.cover_bps * (shocked - contract.now.value);
    return inRange(roundHalfUp(change, LIMITS.BPS * VALUE_DENOMINATOR), true);
  });
  return {
    changes,
    mark: inRange(contract.mark(), false),
    delta: inRange(contract.delta(), true),
    gamma: inRange(contract.gamma(), false),
  };
}

function inRange(number, signed) {
  const bound = 1n << BigInt(LIMITS.ROW_BITS);
  if (number >= bound || number < (signed ? -bound : 0n)) {
    throw new BadInput("market", "a price does not fit its width: the lot is too large");
  }
  return number;
}

/** What is priced: an option, or a linear instrument, which is a call struck at zero. */
class Contract {
  constructor(instrument, timeMs) {
    this.isOption = instrument.strike_ticks !== undefined;
    this.put = instrument.kind === "put" ? NORMAL_ONE : 0n;
    this.forward = instrument.forward_ticks;
    this.strike = this.isOption ? instrument.strike_ticks : 0n;
    this.logMoneyness = this.isOption ? logRatio(this.forward, this.strike) : 0n;
    this.root = this.isOption ? totalVolatility(instrument.volatility_q32, instrument.expiry_ms - timeMs) : 0n;
    this.unshocked = volatilityLevel(this.root);
    [this.argument, this.way] = fineArgument(this.logMoneyness, this.unshocked);
    this.now = this.evaluate(PRICE_DENOMINATOR, this.argument, this.unshocked);
    this.density = this.isOption ? this.now.density : 0n;
  }

  shocked(priceFactor, volatilityFactor) {
    const level = volatilityLevel((this.root * volatilityFactor) / LIMITS.BPS);
    const logShock = (logarithm(priceFactor) - LN_UNSHOCKED) >> LOG_SHIFT;
    const numerator = this.logMoneyness + logShock - level.halfSquare;
    return this.evaluate(priceFactor, boundQuotient(numerator, level.divisor, PRICING.ARGUMENT_DIGITS), level).value;
  }

  /** F·N(d1) - K·N(d2), less F - K for a put, over VALUE_DENOMINATOR, with N(d1) and the density there. */
  evaluate(priceFactor, argument, level) {
    const behind = argumentOf((argument.positive ? argument.magnitude : -argument.magnitude - 1n) + level.step);
    const density = tabulated(DENSITY, behind, 0n);
    const first = this.isOption ? distribution(behind) + ((density * level.rest) << REST_SHIFT) : NORMAL_ONE;
    const value =
      this.forward * priceFactor * (first - this.put) -
      this.strike * PRICE_DENOMINATOR * (distribution(argument) - this.put);
    return { value, first, density };
  }

  mark() {
    const mark = roundHalfUp(this.now.value, VALUE_DENOMINATOR);
    return mark > 0n ? mark : 0n;
  }

  delta() {
    const first = this.now.first + ((this.density * this.way) << FINE_SHIFT);
    return roundHalfUp(this.forward * (first - this.put), 100n * NORMAL_ONE);
  }

  gamma() {
    return roundHalfUp(this.forward * this.density, (LIMITS.BPS * (2n * this.unshocked.total + 1n)) << GAMMA_SHIFT);
  }
}

function floorQuotient(numerator, denominator) {
  const quotient = numerator / denominator;
  return numerator % denominator < 0n ? quotient - 1n : quotient;
}

/** numerator / denominator to the nearest integer, ties up. */
function roundHalfUp(numerator, denominator) {
  return floorQuotient(2n * numerator + denominator, 2n * denominator);
}

function bitLength(number) {
  return BigInt(number.toString(2).length);
}

/** ln(number) times 2^110, for 1 <= number < 2^27. */
function logarithm(number) {
  const exponent = bitLength(number) - 1n;
  const mantissa = number << (PRICING.MANTISSA_BITS - exponent);
  const interval = (mantissa >> PRICING.LOG_LOCAL_BITS) & ((1n << PRICING.INTERVAL_BITS) - 1n);
  const local = mantissa & ((1n << PRICING.LOG_LOCAL_BITS) - 1n);
  return horner(LOGARITHM[interval], local - (1n << (PRICING.LOG_LOCAL_BITS - 1n))) + exponent * LN_2;
}

function logRatio(numerator, denominator) {
  return (logarithm(numerator) - logarithm(denominator)) >> LOG_SHIFT;
}

/** v = σ·√T in units of 2^-30, rounded down. */
function totalVolatility(volatilityQ32, timeMs) {
  return squareRoot((volatilityQ32 * volatilityQ32 * timeMs) / (PRICING.SQUARE_ODD << PRICING.SQUARE_SHIFT));
}

function squareRoot(number) {
  if (number < 2n) return number;
  let root = 1n << ((bitLength(number) + 1n) >> 1n);
  for (;;) {
    const next = (root + number / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** The forms of a total volatility that the steps after it need; it saturates below 16. */
function volatilityLevel(root) {
  const total = root < TOTAL_CAP ? root : TOTAL_CAP;
  const step = (total >> 19n) + ((total >> 18n) & 1n);
  return {
    total,
    divisor: 2n * (total >> 11n) + 1n,
    halfSquare: (2n * (total >> 16n) + 1n) ** 2n,
    step,
    rest: total - (step << 19n),
  };
}

/** An argument of N at the middle of the unit of 2^-11 that begins at `floor`, as sign and magnitude. */
function argumentOf(floor) {
  return floor >= 0n ? { positive: true, magnitude: floor } : { positive: false, magnitude: -floor - 1n };
}

/** numerator / divisor rounded down, as sign and magnitude; a magnitude from 2^digits on becomes 2^digits. */
function boundQuotient(numerator, divisor, digits) {
  const sign = argumentOf(numerator);
  const magnitude = sign.magnitude / divisor;
  const most = 1n << digits;
  return { positive: sign.positive, magnitude: magnitude < most ? magnitude : most };
}

/** d2 in units of 2^-11, and the way from the middle of that unit to the fine d2 in units of 2^-23. */
function fineArgument(logMoneyness, level) {
  const fineHalfSquare = (2n * (level.total >> 5n) + 1n) ** 2n;
  const numerator = (logMoneyness << (2n * PRICING.FINE_BITS)) - fineHalfSquare;
  const fine = boundQuotient(numerator, 2n * level.total + 1n, PRICING.ARGUMENT_DIGITS + PRICING.FINE_BITS);
  const unit = 1n << PRICING.FINE_BITS;
  const way = 2n * (fine.magnitude & (unit - 1n)) + 1n - unit;
  const argument = { positive: fine.positive, magnitude: fine.magnitude >> PRICING.FINE_BITS };
  return [argument, fine.positive ? way : -way];
}

function distribution(argument) {
  const half = NORMAL_ONE >> 1n;
  const above = tabulated(NORMAL, argument, half);
  return argument.positive ? half + above : half - above;
}

/** The polynomial of the interval that holds the magnitude, or `saturated` from 8 on. */
function tabulated(table, argument, saturated) {
  if (argument.magnitude >> SATURATION) return saturated;
  const local = argument.magnitude & ((1n << PRICING.LOCAL_BITS) - 1n);
  return horner(table[argument.magnitude >> PRICING.LOCAL_BITS], local - (1n << (PRICING.LOCAL_BITS - 1n)));
}

function horner(coefficients, t) {
  return coefficients.reduceRight((total, coefficient) => total * t + coefficient, 0n);
}
