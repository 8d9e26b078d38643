// The documents that a venue publishes, read strictly: every field known, every number and text in its range.
// Twins: rtnet_core/document.py, record.py, epoch_record.py, snapshot.py, params.py, inclusion.py.

import { LIMITS, PROFILES } from "./constants.js";
import { BadInput } from "./outcomes.js";
import { Malformed, parseJson } from "./strict_json.js";

const DOCUMENT_BYTES = 16 * 1024 * 1024;
const RECORD_BYTES = 1 << 20;
const bits = (count) => 1n << BigInt(count);

// --- what a value may be: each of these returns a function (value, where) -> value

function integer(least, below) {
  return (value, where) => {
    if (typeof value !== "bigint") throw new BadInput(where, "must be an integer");
    if (value < least || value >= below) throw new BadInput(where, `must be at least ${least} and below ${below}`);
    return value;
  };
}

function text(pattern, rule) {
  return (value, where) => {
    if (typeof value !== "string") throw new BadInput(where, "must be text");
    if (!pattern.test(value)) throw new BadInput(where, rule);
    return value;
  };
}

function oneOf(...values) {
  return (value, where) => {
    if (!values.includes(value)) throw new BadInput(where, `must be ${values.join(" or ")}`);
    return value;
  };
}

function decimalText(pattern, below) {
  const spelled = text(pattern, "must be a decimal number in its one spelling");
  return (value, where) => {
    const number = BigInt(spelled(value, where));
    if (below !== undefined && number >= below) throw new BadInput(where, `must be below ${below}`);
    return value;
  };
}

function list(item, least, most = Infinity) {
  return (value, where) => {
    if (!Array.isArray(value)) throw new BadInput(where, "must be a list");
    if (value.length < least || value.length > most) throw new BadInput(where, "must have another number of entries");
    return value.map((entry, i) => item(entry, `${where}[${i}]`));
  };
}

function dictionary(key, item) {
  return (value, where) => {
    if (!(value instanceof Map)) throw new BadInput(where, "must be an object");
    return new Map(
      [...value].map(([name, entry]) => [key(name, `${where}: a key`), item(entry, `${where}: an entry`)]),
    );
  };
}

/** An object of these fields; a field given as [type, default] may be left out, without default it is then absent. */
function object(fields) {
  return (value, where) => {
    if (!(value instanceof Map)) throw new BadInput(where, "must be an object");
    const found = {};
    for (const name of value.keys()) {
      if (!Object.hasOwn(fields, name)) throw new BadInput(where, "has a field that is not of this document");
    }
    for (const [name, field] of Object.entries(fields)) {
      const [type, ...optional] = Array.isArray(field) ? field : [field];
      if (value.has(name)) found[name] = type(value.get(name), where ? `${where}.${name}` : name);
      else if (!Array.isArray(field)) throw new BadInput(`${where}.${name}`, "is missing");
      else if (optional.length) found[name] = optional[0];
    }
    return found;
  };
}

const literal = (value) => [oneOf(value), value];
const hex32 = text(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");
const fieldElement = decimalText(/^(0|[1-9][0-9]{0,76})$/, LIMITS.FIELD_MODULUS);
const unsignedText = decimalText(/^(0|[1-9][0-9]{0,47})$/);
const signedText = decimalText(/^(0|-?[1-9][0-9]{0,47})$/);
const symbol = text(/^[A-Z][A-Z0-9]{0,15}$/, "must be a symbol");
const instrumentName = text(/^[A-Z][A-Za-z0-9_.-]{0,63}$/, "must be the name of an instrument");
const coinDecimal = text(
  /^(0\.[0-9]{0,17}[1-9]|[1-9][0-9]{0,17}(\.[0-9]{0,17}[1-9])?)$/,
  "must be a positive decimal number in its one spelling",
);
const timeMs = integer(0n, bits(LIMITS.TIME_BITS));
const epochNumber = integer(1n, bits(32));
const positiveTicks = integer(1n, bits(LIMITS.ROW_BITS));
const rateBps = integer(0n, bits(LIMITS.RATE_BITS));
const amount = integer(0n, bits(LIMITS.AMOUNT_BITS));
const lots = integer(-bits(LIMITS.QUANTITY_BITS), bits(LIMITS.QUANTITY_BITS));
const count = integer(0n, bits(LIMITS.COUNT_BITS));
const profile = oneOf(...Object.keys(PROFILES));
const venueName = text(
  /^[^\x00-\x1f\x7f-\x9f]{1,128}$/u,
  "must be 1 to 128 characters, none of them a control character",
);

// --- record

const readRecordFields = object({
  format: literal("zkm2m/record/v1"),
  venue: venueName,
  number: epochNumber,
  as_of_ms: timeMs,
  signed_at_ms: timeMs,
  profile,
  snapshot_hash: fieldElement,
  params_root: fieldElement,
  risk_root: fieldElement,
  book_root: fieldElement,
  account_count: integer(1n, bits(LIMITS.BOOK_BITS) + 1n),
  previous: [hex32],
  proven: [
    object({
      threshold_bps: integer(1n, bits(LIMITS.THRESHOLD_BITS)),
      insurance_fund_ticks: decimalText(/^(0|[1-9][0-9]{0,47})$/, bits(LIMITS.DEFICIT_TOTAL_BITS)),
      refused_rows: count,
      circuits: dictionary(
        text(/^[a-z0-9-]{1,64}$/, "must be the name of a circuit"),
        object({ r1cs_sha256: hex32, vk_id: hex32 }),
      ),
      totals: object({
        below_threshold: count,
        shortfall_e8: unsignedText,
        deficit_accounts: count,
        deficit_ticks: unsignedText,
        cash_ticks: signedText,
        collateral: dictionary(symbol, unsignedText),
        net_lots: dictionary(instrumentName, integer(-bits(LIMITS.NET_TOTAL_BITS), bits(LIMITS.NET_TOTAL_BITS))),
        blinding: fieldElement,
      }),
    }),
  ],
  signature: object({
    algorithm: literal("ed25519"),
    public_key: hex32,
    value: text(/^[0-9a-f]{128}$/, "must be 128 lower-case hexadecimal digits"),
  }),
});

/** Return the record in `bytes`; its signature is not checked here. */
export function readRecord(bytes) {
  const record = readRecordFields(decoded(bytes, "record", RECORD_BYTES), "record");
  if (record.account_count > bits(PROFILES[record.profile].depth)) {
    throw new BadInput("record.account_count", "must not be above what the profile holds");
  }
  return record;
}

// --- market

const KINDS = { perpetual: [], future: ["expiry_ms"], call: null, put: null };
const OPTION_FIELDS = ["expiry_ms", "strike_ticks", "volatility_q32"];

const readMarketFields = object({
  format: literal("zkm2m/market/v1"),
  profile,
  time_ms: timeMs,
  quote: literal("USD"),
  tick: literal("0.000001"),
  underlyings: list(object({ symbol, lot: coinDecimal, index_ticks: positiveTicks }), 1),
  assets: list(object({ symbol, unit: coinDecimal, price_ticks: integer(1n, bits(LIMITS.PRICE_BITS)) }), 1),
  instruments: list(
    object({
      name: instrumentName,
      kind: oneOf(...Object.keys(KINDS)),
      underlying: symbol,
      expiry_ms: [timeMs],
      strike_ticks: [positiveTicks],
      forward_ticks: positiveTicks,
      volatility_q32: [integer(1n, bits(LIMITS.VOLATILITY_BITS))],
    }),
    1,
  ),
});

/** Return the market in `bytes`, with `slots`: what stands in each of the profile's slots, null where nothing does. */
export function readMarket(bytes) {
  const market = readMarketFields(decoded(bytes, "market", DOCUMENT_BYTES), "market");
  const sizes = PROFILES[market.profile];
  const slotsEach = sizes.instruments / sizes.underlyings;
  for (const [name, most] of [
    ["underlyings", sizes.underlyings],
    ["assets", sizes.assets],
  ]) {
    if (market[name].length > most) throw new BadInput(`market.${name}`, `must have at most ${most} entries`);
    eachOnce(
      market[name].map((entry) => entry.symbol),
      `market.${name}`,
    );
  }
  eachOnce(
    market.instruments.map((entry) => entry.name),
    "market.instruments",
  );
  const next = new Map(market.underlyings.map((entry, i) => [entry.symbol, slotsEach * i]));
  const last = new Map([...next].map(([name, slot]) => [name, slot + slotsEach]));
  market.slots = Array(sizes.instruments).fill(null);
  for (const instrument of market.instruments) {
    const where = `market: ${instrument.name}`;
    const needed = KINDS[instrument.kind] ?? OPTION_FIELDS;
    if (OPTION_FIELDS.some((field) => (instrument[field] !== undefined) !== needed.includes(field))) {
      throw new BadInput(where, "must have the fields of its kind");
    }
    if (!next.has(instrument.underlying)) throw new BadInput(where, "must be of one of the market's underlyings");
    if (instrument.expiry_ms !== undefined && instrument.expiry_ms <= market.time_ms) {
      throw new BadInput(where, "must expire after the market's time");
    }
    const slot = next.get(instrument.underlying);
    if (slot >= last.get(instrument.underlying)) throw new BadInput(where, `must be among at most ${slotsEach}`);
    market.slots[slot] = instrument;
    next.set(instrument.underlying, slot + 1);
  }
  return market;
}

// --- margin parameters

const kinksOf = (item) => list(item, LIMITS.ENVELOPE_KINKS, LIMITS.ENVELOPE_KINKS);

const readParamsFields = object({
  format: literal("zkm2m/params/v1"),
  scenarios: list(
    object({
      price_thirds: integer(-BigInt(LIMITS.PRICE_THIRDS_MAX), BigInt(LIMITS.PRICE_THIRDS_MAX) + 1n),
      volatility: integer(-1n, 2n),
      cover_bps: integer(1n, LIMITS.BPS + 1n),
    }),
    LIMITS.SCENARIO_COUNT,
    LIMITS.SCENARIO_COUNT,
  ),
  underlyings: list(
    object({
      symbol,
      scan_range_bps: integer(1n, bits(LIMITS.RATE_BITS)),
      volatility_up_bps: rateBps,
      volatility_down_bps: integer(0n, LIMITS.BPS),
      size_kinks_lots: kinksOf(integer(0n, bits(LIMITS.SIZE_BITS))),
      size_rises_bps: kinksOf(rateBps),
      short_option_bps: rateBps,
      delta_rate_bps: integer(0n, bits(LIMITS.GREEK_RATE_BITS)),
      gamma_rate_bps: integer(0n, bits(LIMITS.GREEK_RATE_BITS)),
    }),
    1,
  ),
  assets: list(
    object({ symbol, rate_bps: integer(0n, LIMITS.BPS + 1n), kinks: kinksOf(amount), drops_bps: kinksOf(rateBps) }),
    1,
  ),
});

/** Return the margin parameters in `bytes`. */
export function readParams(bytes) {
  const params = readParamsFields(decoded(bytes, "params", DOCUMENT_BYTES), "params");
  eachOnce(
    params.underlyings.map((entry) => entry.symbol),
    "params.underlyings",
  );
  eachOnce(
    params.assets.map((entry) => entry.symbol),
    "params.assets",
  );
  const lowest = params.scenarios.map((entry) => entry.price_thirds).reduce((a, b) => (a < b ? a : b));
  for (const entry of params.underlyings) {
    ascending(entry.size_kinks_lots, "params: size_kinks_lots");
    if (3n * LIMITS.BPS + lowest * entry.scan_range_bps <= 0n) {
      throw new BadInput("params: scan_range_bps", "must leave every shocked price positive");
    }
  }
  for (const entry of params.assets) {
    ascending(entry.kinks, "params: kinks");
    if (entry.drops_bps.reduce((a, b) => a + b) > entry.rate_bps) {
      throw new BadInput("params: drops_bps", "must not add up to more than rate_bps");
    }
  }
  return params;
}

/** Return the entries of `params[kind]` for the market's symbols, in the market's order. */
export function paramsOf(params, market, kind) {
  const known = new Map(params[kind].map((entry) => [entry.symbol, entry]));
  return market[kind].map(({ symbol: name }) => {
    if (!known.has(name)) throw new BadInput(`params: ${kind}`, "must have all that the market has");
    return known.get(name);
  });
}

// --- inclusion file

const readInclusionFields = object({
  format: literal("zkm2m/inclusion/v1"),
  epoch: epochNumber,
  record: hex32,
  account: object({
    id: text(/^/, ""),
    cash_ticks: integer(-bits(LIMITS.CASH_BITS), bits(LIMITS.CASH_BITS)),
    collateral: dictionary(symbol, amount),
    positions: dictionary(instrumentName, lots),
  }),
  salt: fieldElement,
  index: integer(0n, bits(LIMITS.BOOK_BITS)),
  siblings: list(fieldElement, 1, LIMITS.BOOK_BITS),
});

/** Return the inclusion file in `bytes`; whether its account's id is one, `requireAccountId` tells. */
export function readInclusion(bytes) {
  return readInclusionFields(decoded(bytes, "inclusion", DOCUMENT_BYTES), "inclusion");
}

/** Throw where an id is not 1 to 128 bytes of UTF-8 in normal form C without control characters. */
export function requireAccountId(id) {
  const size = new TextEncoder().encode(id).length;
  if (size < 1 || size > 128) throw new BadInput("account: id", "must be 1 to 128 bytes of UTF-8");
  if (/\p{Cc}/u.test(id)) throw new BadInput("account: id", "must not hold control characters");
  if (id.normalize("NFC") !== id) throw new BadInput("account: id", "must be in Unicode normal form C");
}

function decoded(bytes, what, maxBytes) {
  try {
    return parseJson(bytes, { maxBytes, minusZero: true });
  } catch (error) {
    if (error instanceof Malformed) throw new BadInput(what, `must be a strict JSON document: ${error.message}`);
    throw error;
  }
}

function eachOnce(names, where) {
  if (new Set(names).size < names.length) throw new BadInput(where, "must name each one once");
}

function ascending(numbers, where) {
  if (numbers.some((number, i) => i > 0 && number < numbers[i - 1])) throw new BadInput(where, "must not descend");
}
