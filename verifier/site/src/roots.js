// What market and parameters come to: snapshot hash, parameters root, risk root.
// Twins: rtnet_core/snapshot_hash.py, scenario_grid.py, params_root.py, risk_array.py.

import { instrumentRow } from "./black76.js";
import { LIMITS, PROFILES, TAGS } from "./constants.js";
import { paramsOf } from "./documents.js";
import { hashFields, pack, packMixed, padded, signedLanes, textDigest } from "./hashing.js";

const KIND_CODES = { perpetual: 1n, future: 2n, call: 3n, put: 4n };
const LANES_PER_FIELD = 4;
const MOVE_BITS = 2;
const KIND_BITS = 3;

/** Return the hash of a market. */
export function snapshotHash(market) {
  const sizes = PROFILES[market.profile];
  const elements = [
    textDigest("snapshot-names", market.profile, market.quote, market.tick),
    textDigest("snapshot-underlyings", ...market.underlyings.flatMap((entry) => [entry.symbol, entry.lot])),
    textDigest("snapshot-assets", ...market.assets.flatMap((entry) => [entry.symbol, entry.unit])),
    market.time_ms,
  ];
  for (const instrument of market.slots) {
    if (instrument === null) elements.push(0n, 0n);
    else elements.push(textDigest("instrument", instrument.name), instrumentNumbers(instrument));
  }
  return hashFields(TAGS.SNAPSHOT, [...elements, ...pricesOf(market, sizes)]);
}

function instrumentNumbers(instrument) {
  return packMixed([
    [KIND_CODES[instrument.kind], KIND_BITS],
    [instrument.strike_ticks ?? 0n, LIMITS.ROW_BITS],
    [instrument.forward_ticks, LIMITS.ROW_BITS],
    [instrument.volatility_q32 ?? 0n, LIMITS.VOLATILITY_BITS],
    [instrument.expiry_ms ?? 0n, LIMITS.TIME_BITS],
  ]);
}

function pricesOf(market, sizes) {
  return [
    ...pack(
      padded(
        market.underlyings.map((entry) => entry.index_ticks),
        sizes.underlyings,
      ),
      LIMITS.ROW_BITS,
    ),
    ...pack(
      padded(
        market.assets.map((entry) => entry.price_ticks),
        sizes.assets,
      ),
      LIMITS.PRICE_BITS,
    ),
  ];
}

/** Return the root of the parameters that a market calls for. */
export function paramsRoot(params, market) {
  const sizes = PROFILES[market.profile];
  const none = [0n, 0n];
  const empty = { rate_bps: 0n, drops_bps: none, kinks: none };
  const idle = {
    short_option_bps: 0n,
    delta_rate_bps: 0n,
    gamma_rate_bps: 0n,
    size_rises_bps: none,
    size_kinks_lots: none,
  };
  const filled = (entries, blank, count) => [...entries, ...Array(count - entries.length).fill(blank)];
  const elements = [scenariosHash(params, market, sizes)];
  for (const entry of filled(paramsOf(params, market, "assets"), empty, sizes.assets)) {
    elements.push(
      packMixed([
        [entry.rate_bps, LIMITS.RATE_BITS],
        ...entry.drops_bps.map((drop) => [drop, LIMITS.RATE_BITS]),
        ...entry.kinks.map((kink) => [kink, LIMITS.AMOUNT_BITS]),
      ]),
    );
  }
  for (const entry of filled(paramsOf(params, market, "underlyings"), idle, sizes.underlyings)) {
    elements.push(
      packMixed([
        [entry.short_option_bps, LIMITS.RATE_BITS],
        [entry.delta_rate_bps, LIMITS.GREEK_RATE_BITS],
        [entry.gamma_rate_bps, LIMITS.GREEK_RATE_BITS],
        ...entry.size_rises_bps.map((rise) => [rise, LIMITS.RATE_BITS]),
        ...entry.size_kinks_lots.map((kink) => [kink, LIMITS.SIZE_BITS]),
      ]),
    );
  }
  return hashFields(TAGS.PARAMS, elements);
}

function scenariosHash(params, market, sizes) {
  const symbols = (kind) =>
    padded(
      market[kind].map((entry) => textDigest("symbol", entry.symbol)),
      sizes[kind],
    );
  const scenarios = params.scenarios.map((scenario) =>
    packMixed([
      [scenario.price_thirds + BigInt(LIMITS.PRICE_THIRDS_MAX), LIMITS.PRICE_THIRDS_BITS],
      [scenario.volatility + 1n, MOVE_BITS],
      [scenario.cover_bps, LIMITS.RATE_BITS],
    ]),
  );
  const shocks = paramsOf(params, market, "underlyings").map((entry) =>
    packMixed([
      [entry.scan_range_bps, LIMITS.RATE_BITS],
      [entry.volatility_up_bps, LIMITS.RATE_BITS],
      [entry.volatility_down_bps, LIMITS.RATE_BITS],
    ]),
  );
  return hashFields(TAGS.SCENARIOS, [
    ...symbols("underlyings"),
    ...symbols("assets"),
    ...pack(scenarios, LIMITS.PRICE_THIRDS_BITS + MOVE_BITS + LIMITS.RATE_BITS),
    ...pack(padded(shocks, sizes.underlyings), 3 * LIMITS.RATE_BITS),
  ]);
}

/** Return the root of the risk array that follows from market and parameters; `hash` is the market's. */
export function riskRoot(market, params, hash) {
  const sizes = PROFILES[market.profile];
  const shocksOf = new Map(paramsOf(params, market, "underlyings").map((entry) => [entry.symbol, entry]));
  const nothing = { changes: Array(sizes.scenarios).fill(0n), mark: 0n, delta: 0n, gamma: 0n };
  const elements = [hash];
  for (const instrument of market.slots) {
    const row =
      instrument === null
        ? nothing
        : instrumentRow(instrument, market.time_ms, shocksOf.get(instrument.underlying), params.scenarios);
    for (let start = 0; start < sizes.scenarios; start += LANES_PER_FIELD) {
      elements.push(signedLanes(row.changes.slice(start, start + LANES_PER_FIELD), LIMITS.LANE_STRIDE));
    }
    elements.push(signedLanes([row.mark, row.delta, row.gamma], LIMITS.LANE_STRIDE));
  }
  const isOption = market.slots.map((instrument) => (instrument?.strike_ticks === undefined ? 0n : 1n));
  return hashFields(TAGS.RISK_ARRAY, [...elements, ...pack(isOption, 1), ...pricesOf(market, sizes)]);
}
