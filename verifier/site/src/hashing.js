// Poseidon under tags, packing, and digests of texts. Twins: rtnet_core/hashing.py, rtnet_core/poseidon.py.

import { Field } from "@noble/curves/abstract/modular.js";
import { grainGenConstants, poseidon } from "@noble/curves/abstract/poseidon.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { LIMITS, POSEIDON, TAGS } from "./constants.js";
import { BadInput } from "./outcomes.js";

/** Order r of the scalar field. */
export const SCALAR_MODULUS = LIMITS.FIELD_MODULUS;

const SCALARS = Field(SCALAR_MODULUS);
const PERMUTATIONS = new Map();

/** Return the permutation of `width` elements; its constants come from the Grain generator of the Poseidon paper. */
function permutation(width) {
  if (!PERMUTATIONS.has(width)) {
    const shape = {
      Fp: SCALARS,
      t: width,
      roundsFull: POSEIDON.FULL_ROUNDS,
      roundsPartial: POSEIDON.PARTIAL_ROUNDS[width - 2],
      sboxPower: 5,
    };
    PERMUTATIONS.set(width, poseidon({ ...shape, ...grainGenConstants(shape) }));
  }
  return PERMUTATIONS.get(width);
}

/** Return the digest of at least one field element under a tag of TAGS. */
export function hashFields(tag, elements) {
  if (elements.length === 0 || elements.some((element) => element < 0n || element >= SCALAR_MODULUS)) {
    throw new Error("a hash takes at least one element, and reduced ones only");
  }
  let digest = (tag << 32n) | BigInt(elements.length);
  for (let start = 0; start < elements.length; start += POSEIDON.MAX_INPUTS) {
    const block = elements.slice(start, start + POSEIDON.MAX_INPUTS);
    digest = permutation(block.length + 1)([digest, ...block])[0];
  }
  return digest;
}

/** Return the parent of two nodes. */
export function node(left, right) {
  return hashFields(TAGS.NODE, [left, right]);
}

/** Return the book root: the tree's root together with the number of accounts. */
export function bookRoot(treeRoot, accountCount) {
  return hashFields(TAGS.BOOK, [treeRoot, accountCount]);
}

/** Return field elements that carry limbs of `width` bits, the first one lowest. */
export function pack(limbs, width) {
  const perField = Math.floor(LIMITS.MAX_SAFE_BITS / width);
  const packed = [];
  for (let start = 0; start < limbs.length; start += perField) {
    packed.push(packMixed(limbs.slice(start, start + perField).map((limb) => [limb, width])));
  }
  return packed;
}

/** Return one field element that carries [number, bits] pairs, the first one lowest. */
export function packMixed(limbs) {
  let packed = 0n;
  let shift = 0n;
  for (const [number, bits] of limbs) {
    if (number < 0n || number >> BigInt(bits)) throw new BadInput("packed number", `must be below 2^${bits}`);
    packed |= number << shift;
    shift += BigInt(bits);
  }
  return packed;
}

/** Return the field element of signed numbers `stride` bits apart, the first one lowest, modulo r. */
export function signedLanes(numbers, stride) {
  const sum = numbers.reduce((total, number, lane) => total + (number << BigInt(stride * lane)), 0n);
  return SCALARS.create(sum);
}

/** Return `numbers` with zeros behind them, `count` in all. */
export function padded(numbers, count) {
  return [...numbers, ...Array(count - numbers.length).fill(0n)];
}

/** Return the 248-bit digest of texts or bytes (SHA-256, each part behind its length) as a field element. */
export function textDigest(domain, ...parts) {
  const chunks = [];
  for (const part of [`zkm2m/${domain}`, ...parts]) {
    const bytes = typeof part === "string" ? utf8ToBytes(part) : part;
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length));
    chunks.push(length, bytes);
  }
  return BigInt(`0x${sha256Hex(concatBytes(...chunks))}`) >> BigInt(256 - LIMITS.IDENTITY_BITS);
}

/** Return the SHA-256 of bytes or of an ASCII text in hexadecimal. */
export function sha256Hex(content) {
  return bytesToHex(sha256(typeof content === "string" ? utf8ToBytes(content) : content));
}
