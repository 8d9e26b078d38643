// Records: digest, signature, what they say of market and parameters, and how they follow each other.
// Twins: rtnet_core/record.py, rtnet_core/ed25519.py, verifier/account.py:check_published, verifier/chain.py.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256Hex } from "./hashing.js";
import { Refusal } from "./outcomes.js";
import { paramsRoot, riskRoot, snapshotHash } from "./roots.js";
import { canonicalJson } from "./strict_json.js";

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const SIGNED_PREFIX = "zkm2m/record/v1\0";

/** Return the SHA-256 of the signed part in hexadecimal: the record's identity. */
export function recordDigest(record) {
  const { signature: _signature, ...body } = record;
  return sha256Hex(canonicalJson(body));
}

/** Refuse a record whose signature does not hold under the key that it names. */
export function requireSignature(record) {
  const message = concatBytes(utf8ToBytes(SIGNED_PREFIX), hexToBytes(recordDigest(record)));
  const { public_key: publicKey, value } = record.signature;
  if (!signatureHolds(hexToBytes(publicKey), hexToBytes(value), message)) throw new Refusal("record_signature_invalid");
}

/**
 * Return whether an Ed25519 signature holds: RFC 8032 with one spelling of keys, S below the order, R compared byte for
 * byte without the cofactor, and no key of small order. The library's own check multiplies by the cofactor, so it would
 * accept signatures that others refuse.
 */
export function signatureHolds(publicKey, signature, message) {
  let key;
  try {
    key = Point.fromBytes(publicKey);
  } catch {
    return false;
  }
  const s = littleEndian(signature.slice(32));
  if (s >= ORDER || key.isSmallOrder()) return false;
  const k = littleEndian(sha512(concatBytes(signature.slice(0, 32), publicKey, message))) % ORDER;
  const point = Point.BASE.multiplyUnsafe(s).add(key.multiplyUnsafe(k).negate());
  return bytesToHex(point.toBytes()) === bytesToHex(signature.slice(0, 32));
}

function littleEndian(bytes) {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** Refuse a market of another profile or time than the record's. */
export function requireSameMarket(market, record) {
  if (market.profile !== record.profile) {
    throw new Refusal("profile_mismatch", `market ${market.profile}, record ${record.profile}`);
  }
  if (market.time_ms !== record.as_of_ms) {
    throw new Refusal("time_mismatch", `market ${market.time_ms} ms, record ${record.as_of_ms} ms`);
  }
}

/** Return the roots recomputed from market and parameters, each equal to the one in the signed record. */
export function checkPublished(market, params, record, policy, timeless) {
  policy.requireVenue(record.signature.public_key);
  requireSignature(record);
  requireSameMarket(market, record);
  const ageMs = policy.requireFresh(record.as_of_ms, record.signed_at_ms, timeless);
  const hash = snapshotHash(market);
  if (hash !== BigInt(record.snapshot_hash)) throw new Refusal("snapshot_mismatch");
  const ofParams = paramsRoot(params, market);
  if (ofParams !== BigInt(record.params_root)) throw new Refusal("params_mismatch");
  const ofRisk = riskRoot(market, params, hash);
  if (ofRisk !== BigInt(record.risk_root)) throw new Refusal("risk_root_mismatch");
  return { riskRoot: ofRisk, paramsRoot: ofParams, bookRoot: BigInt(record.book_root), ageMs };
}

/** Refuse a record that is not the next one after `previous`, whose signature is checked as well. */
export function requireFollows(record, previous) {
  requireSignature(previous);
  const here = `epoch ${record.number} after ${previous.number}`;
  if (record.signature.public_key !== previous.signature.public_key) throw new Refusal("chain_venue", here);
  if (record.number === previous.number) throw new Refusal("number_twice", `number ${record.number}`);
  if (record.number !== previous.number + 1n) throw new Refusal("chain_gap", here);
  if (record.previous !== recordDigest(previous)) throw new Refusal("chain_broken", here);
  if (record.as_of_ms <= previous.as_of_ms || record.signed_at_ms <= previous.signed_at_ms) {
    throw new Refusal("chain_time", here);
  }
}

/**
 * Return what a chain of records comes to; no proof is checked.
 *
 * @param {[string, object][]} entries the name under which each record is published, and the record
 * @param {(done: number, all: number) => Promise<void>} tell called after each record
 */
export async function verifyChain(entries, policy, tell = async () => {}) {
  const named = entries.map(([name, record]) => {
    if (!/^[1-9][0-9]{0,9}$/.test(name)) throw new Refusal("number_mismatch", `folder ${name.slice(0, 20)}`);
    return [BigInt(name), record];
  });
  named.sort(([left], [right]) => (left < right ? -1 : 1));
  const numbers = new Set();
  let last;
  for (const [name, record] of named) {
    if (numbers.has(record.number)) throw new Refusal("number_twice", `number ${record.number}`);
    numbers.add(record.number);
    if (record.number !== name) throw new Refusal("number_mismatch", `folder ${name}, record ${record.number}`);
    if (record.proven === undefined) throw new Refusal("not_an_epoch_record", `epoch ${name}`);
    policy.requireVenue(record.signature.public_key);
    requireSignature(record);
    policy.requireFresh(record.as_of_ms, record.signed_at_ms, true);
    if (last !== undefined) requireFollows(record, last);
    last = record;
    await tell(numbers.size, named.length);
  }
  const first = named[0][1];
  return { accepted: true, first: first.number, last: last.number, beginsAfter: first.previous ?? null };
}
