// The keys that a check is made under, each held to its lock file. Twin: verifier/keystore.py.

import { exactObject, exactText, readKey } from "./groth16.js";
import { sha256Hex } from "./hashing.js";
import { Refusal } from "./outcomes.js";
import { canonicalJson, Malformed, parseJson } from "./strict_json.js";

const MAX_BYTES = 1 << 20;
const HEX32 = /^[0-9a-f]{64}$/;
const CIRCUIT = /^[a-z][a-z0-9-]{0,63}$/;
const LOCK_KEYS = [
  "format",
  "circuit",
  "development",
  "r1cs_sha256",
  "zkey_sha256",
  "vk_id",
  "contributions",
  "beacon",
  "created_ms",
];

/** Return the value of a strict text, or refuse with malformed_json. */
export function strictJson(bytes, what, maxBytes) {
  try {
    return parseJson(bytes, { maxBytes });
  } catch (error) {
    if (error instanceof Malformed) throw new Refusal("malformed_json", `${what}: ${error.message}`);
    throw error;
  }
}

/** Return `value` if it is a SHA-256 value in 64 lower-case hexadecimal digits, else refuse with `code`. */
export function sha256Text(value, where, code) {
  if (typeof value !== "string" || !HEX32.test(value)) {
    throw new Refusal(code, `${where}: must be 64 lower-case hexadecimal digits`);
  }
  return value;
}

/** Return `value` if it is a circuit's name, else refuse with `code`. */
export function circuitName(value, where, code) {
  if (typeof value !== "string" || !CIRCUIT.test(value)) throw new Refusal(code, `${where}: must be a circuit's name`);
  return value;
}

/** Keys by circuit. */
export class Keystore {
  /**
   * @param {Map<string, {key: Uint8Array, lock: Uint8Array}>} files verification_key.json and keys.lock.json by circuit
   * @param {Record<string, string>} pins vk_id expected for a circuit
   * @param {Record<string, string>} versions SHA-256 of the r1cs expected for a circuit
   */
  constructor(files, pins = {}, versions = {}) {
    this.files = files;
    this.pins = new Map(Object.entries(pins));
    this.versions = new Map(Object.entries(versions));
    this.loaded = new Map();
  }

  /** Return the key of a circuit with what its lock file says of it. */
  key(circuit) {
    if (!this.loaded.has(circuit)) this.loaded.set(circuit, this.load(circuit));
    return this.loaded.get(circuit);
  }

  load(circuit) {
    const files = this.files.get(circuitName(circuit, "circuit", "unknown_key"));
    if (files === undefined) throw new Refusal("unknown_key", `there is no key of ${circuit} here`);
    const lock = readLock(files.lock);
    const value = strictJson(files.key, "verification_key.json", MAX_BYTES);
    const vkId = sha256Hex(canonicalJson(value));
    if (vkId !== lock.get("vk_id")) throw new Refusal("key_lock_mismatch", `found ${vkId.slice(0, 16)}`);
    const key = readKey(value);
    if (lock.get("circuit") !== circuit)
      throw new Refusal("wrong_circuit", `the lock file is of ${lock.get("circuit")}`);
    const version = lock.get("r1cs_sha256");
    if ((this.versions.get(circuit) ?? version) !== version) {
      throw new Refusal("wrong_circuit_version", `the key is of ${version.slice(0, 16)}`);
    }
    if ((this.pins.get(circuit) ?? vkId) !== vkId)
      throw new Refusal("unknown_key", `not the vk_id pinned for ${circuit}`);
    return {
      circuit,
      version,
      vkId,
      key,
      development: lock.get("development"),
      contributions: lock.get("contributions"),
      beacon: lock.get("beacon"),
    };
  }
}

function readLock(bytes) {
  const code = "key_lock_malformed";
  const lock = exactObject(strictJson(bytes, "keys.lock.json", MAX_BYTES), "lock", LOCK_KEYS, code);
  exactText(lock.get("format"), "lock.format", "zkm2m/keys/v1", code);
  circuitName(lock.get("circuit"), "lock.circuit", code);
  for (const name of ["r1cs_sha256", "zkey_sha256", "vk_id"]) sha256Text(lock.get(name), `lock.${name}`, code);
  for (const name of ["contributions", "created_ms"]) {
    const number = lock.get(name);
    if (typeof number !== "bigint" || number < 0n || number >> 64n) {
      throw new Refusal(code, `lock.${name}: must be an integer of at least 0 and below 2^64`);
    }
  }
  if (typeof lock.get("development") !== "boolean") throw new Refusal(code, "lock.development: must be true or false");
  const beacon = lock.get("beacon");
  if (beacon !== null && (typeof beacon !== "string" || beacon === "")) {
    throw new Refusal(code, "lock.beacon: must be null or a string");
  }
  return lock;
}
