// Groth16 on BN254: keys and proofs in the form of snarkjs, read strictly, and the pairing check.
// Twins: verifier/canonical.py, points.py, groth16.py. snarkjs accepts what must be refused here (coordinates from q on,
// leading zeros, signals left out at the end), so nothing of it is in this page; a test compares the verdicts.

import { bn254 } from "@noble/curves/bn254.js";
import { LIMITS } from "./constants.js";
import { SCALAR_MODULUS } from "./hashing.js";
import { Refusal } from "./outcomes.js";

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
const { Fp, Fp2, Fp12 } = bn254.fields;
const BASE_MODULUS = Fp.ORDER;
const TWIST_B = G2.CURVE().b;
const DECIMAL = /^(?:0|[1-9][0-9]{0,77})$/;
const COEFFICIENT_BYTES = 16;
/** Miller loops that run together before the page is given a breath. */
const GROUP = 8;

// --- the only spelling of each part

/** Return `value` if it is an object with exactly these keys; those in `optional` may be missing. */
export function exactObject(value, where, keys, code, optional = []) {
  if (!(value instanceof Map)) throw new Refusal(code, `${where}: must be an object`);
  for (const key of keys) if (!value.has(key)) throw new Refusal(code, `${where}: key '${key}' is missing`);
  for (const key of value.keys()) {
    if (!keys.includes(key) && !optional.includes(key)) throw new Refusal(code, `${where}: an unknown key`);
  }
  return value;
}

/** Refuse with `code` whatever is not this very string. */
export function exactText(value, where, expected, code) {
  if (value !== expected) throw new Refusal(code, `${where}: must be '${expected}'`);
}

function decimal(value, where, below, codeSpelling, codeRange) {
  if (typeof value !== "string" || !DECIMAL.test(value)) throw new Refusal(codeSpelling, where);
  const number = BigInt(value);
  if (number >= below) throw new Refusal(codeRange, where);
  return number;
}

/** Return one public signal, below r, from its canonical decimal string. */
export function readSignal(value, where) {
  return decimal(value, where, SCALAR_MODULUS, "signal_not_canonical", "signal_out_of_range");
}

// --- points

function exactList(value, where, length, code) {
  if (!Array.isArray(value) || value.length !== length)
    throw new Refusal(code, `${where}: must be an array of ${length}`);
  return value;
}

function coordinate(value, where) {
  return decimal(value, where, BASE_MODULUS, "coordinate_not_canonical", "coordinate_out_of_range");
}

function readG1(value, where, shapeCode) {
  const [xText, yText, z] = exactList(value, where, 3, shapeCode);
  if (z === "0") throw new Refusal("point_at_infinity", where);
  if (z !== "1") throw new Refusal(shapeCode, `${where}: the last coordinate must be 1`);
  const x = coordinate(xText, where);
  const y = coordinate(yText, where);
  if (Fp.create(y * y - x * x * x - 3n) !== 0n) throw new Refusal("point_off_curve", where);
  return G1.fromAffine({ x, y });
}

function readG2(value, where, shapeCode) {
  const [xPair, yPair, z] = exactList(value, where, 3, shapeCode);
  const last = JSON.stringify(z, (_key, part) => (typeof part === "string" || Array.isArray(part) ? part : null));
  if (last === '["0","0"]') throw new Refusal("point_at_infinity", where);
  if (last !== '["1","0"]') throw new Refusal(shapeCode, `${where}: the last coordinate must be 1`);
  const [x, y] = [xPair, yPair].map((pair) => {
    const [c0, c1] = exactList(pair, where, 2, shapeCode).map((part) => coordinate(part, where));
    return { c0, c1 };
  });
  if (!Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), TWIST_B))) throw new Refusal("point_off_curve", where);
  const point = G2.fromAffine({ x, y });
  if (!point.isTorsionFree()) throw new Refusal("point_outside_subgroup", where);
  return point;
}

// --- keys and proofs

const PROOF_KEYS = ["pi_a", "pi_b", "pi_c", "protocol", "curve"];
const KEY_KEYS = ["protocol", "curve", "nPublic", "vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2", "IC"];

/** Return the proof of a parsed proof.json, its points checked. */
export function readProof(value, where = "proof") {
  const members = exactObject(value, where, PROOF_KEYS, "proof_malformed");
  exactText(members.get("protocol"), `${where}.protocol`, "groth16", "proof_malformed");
  exactText(members.get("curve"), `${where}.curve`, "bn128", "proof_malformed");
  const a = readG1(members.get("pi_a"), `${where}.pi_a`, "proof_malformed");
  const c = readG1(members.get("pi_c"), `${where}.pi_c`, "proof_malformed");
  return { a, b: readG2(members.get("pi_b"), `${where}.pi_b`, "proof_malformed"), c };
}

/** Return the key of a parsed verification_key.json: every point valid, none under which anyone can forge. */
export function readKey(value) {
  const code = "key_malformed";
  const members = exactObject(value, "key", KEY_KEYS, code, ["vk_alphabeta_12"]);
  exactText(members.get("protocol"), "key.protocol", "groth16", code);
  exactText(members.get("curve"), "key.curve", "bn128", code);
  const nPublic = members.get("nPublic");
  if (typeof nPublic !== "bigint" || nPublic < 1n || nPublic > LIMITS.MAX_PUBLIC) {
    throw new Refusal(code, `key.nPublic: must be an integer from 1 to ${LIMITS.MAX_PUBLIC}`);
  }
  const points = members.get("IC");
  if (!Array.isArray(points) || BigInt(points.length) !== nPublic + 1n) {
    throw new Refusal("key_public_count", `nPublic is ${nPublic}`);
  }
  const alpha = readG1(members.get("vk_alpha_1"), "key.vk_alpha_1", code);
  const inputs = points.map((point, i) => readG1(point, `key.IC[${i}]`, code));
  if (inputs.some((point, i) => inputs.slice(0, i).some((other) => other.equals(point)))) {
    throw new Refusal("key_repeated_point");
  }
  const [beta, gamma, delta] = ["vk_beta_2", "vk_gamma_2", "vk_delta_2"].map((name) =>
    readG2(members.get(name), `key.${name}`, code),
  );
  const sameUpToSign = (left, right) => left.equals(right) || left.equals(right.negate());
  if (sameUpToSign(gamma, delta)) throw new Refusal("key_gamma_equals_delta");
  if (sameUpToSign(beta, gamma) || sameUpToSign(beta, delta)) throw new Refusal("key_degenerate");
  return { alpha, beta, gamma, delta, inputs };
}

// --- the pairing check

/**
 * Return the index of the first proof that does not hold under `key`, null if all hold.
 *
 * Many are checked together with random 128-bit coefficients (see verifier/groth16.py:verify_many).
 *
 * @param {bigint[][]} publics the signals of each proof
 * @param {() => Promise<void>} breathe called between groups of pairings, so that a page stays alive
 */
export async function firstFailure(key, publics, proofs, breathe = async () => {}) {
  for (const signals of publics) {
    if (signals.length + 1 !== key.inputs.length) {
      throw new Refusal("wrong_public_count", `${signals.length} given, ${key.inputs.length - 1} expected`);
    }
  }
  if (await allHold(key, publics, proofs, breathe)) return null;
  if (proofs.length === 1) return 0;
  for (const [i, proof] of proofs.entries()) {
    if (!(await allHold(key, [publics[i]], [proof], breathe))) return i;
  }
  throw new Error("proofs that hold one by one do not hold together");
}

async function allHold(key, publics, proofs, breathe) {
  const coefficients = proofs.map((_proof, i) => (i === 0 ? 1n : randomCoefficient()));
  const sums = key.inputs.map((_point, column) =>
    publics.reduce((sum, signals, i) => sum + coefficients[i] * (column ? signals[column - 1] : 1n), 0n),
  );
  const pairs = [
    [key.alpha.multiplyUnsafe(sums[0] % SCALAR_MODULUS), key.beta],
    [combination(sums, key.inputs), key.gamma],
    [
      combination(
        coefficients,
        proofs.map((proof) => proof.c),
      ),
      key.delta,
    ],
    ...proofs.map((proof, i) => [proof.a.negate().multiplyUnsafe(coefficients[i]), proof.b]),
  ].filter(([g1]) => !g1.is0());
  let product = Fp12.ONE;
  for (let start = 0; start < pairs.length; start += GROUP) {
    const loops = pairs.slice(start, start + GROUP).map(([g1, g2]) => {
      const { x, y } = g1.toAffine();
      return [bn254.utils.calcPairingPrecomputes(g2), x, y];
    });
    product = Fp12.mul(product, bn254.millerLoopBatch(loops));
    await breathe();
  }
  return Fp12.eql(Fp12.finalExponentiate(product), Fp12.ONE);
}

function combination(scalars, points) {
  return points.reduce((sum, point, i) => sum.add(point.multiplyUnsafe(scalars[i] % SCALAR_MODULUS)), G1.ZERO);
}

function randomCoefficient() {
  const bytes = crypto.getRandomValues(new Uint8Array(COEFFICIENT_BYTES));
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}
