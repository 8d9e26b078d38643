// The verdict on an account proof: everything that is published is rebuilt, then the proof is checked.
// Twins: verifier/bundle.py, verifier/account.py, rtnet_core/statement.py.

import { hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { LABELS, LIMITS } from "./constants.js";
import { exactObject, exactText, firstFailure, readProof, readSignal } from "./groth16.js";
import { sha256Hex, textDigest } from "./hashing.js";
import { circuitName, sha256Text, strictJson } from "./keys.js";
import { BadInput, Refusal } from "./outcomes.js";
import { checkPublished, recordDigest } from "./records.js";

const MAX_BUNDLE_BYTES = 1 << 16;
const MAX_CHALLENGE_BYTES = 1024;
const FORMAT = "zkm2m/account-proof/v1";
const BUNDLE_KEYS = ["format", "circuit", "circuit_version", "vk_id", "statement", "proof"];
const SIGNALS = ["verdict", "risk_root", "params_root", "book_root", "threshold_bps", "context"];

/** Return a bundle's parts, read strictly and believed in nothing. */
export function readBundle(bytes) {
  const code = "malformed_bundle";
  const members = exactObject(strictJson(bytes, "bundle", MAX_BUNDLE_BYTES), "bundle", BUNDLE_KEYS, code);
  exactText(members.get("format"), "bundle.format", FORMAT, code);
  const circuit = circuitName(members.get("circuit"), "bundle.circuit", code);
  const version = sha256Text(members.get("circuit_version"), "bundle.circuit_version", code);
  const vkId = sha256Text(members.get("vk_id"), "bundle.vk_id", code);
  const texts = exactObject(members.get("statement"), "bundle.statement", SIGNALS, code);
  const statement = {};
  for (const name of texts.keys()) statement[name] = readSignal(texts.get(name), `bundle.statement.${name}`);
  const proof = readProof(members.get("proof"));
  if (statement.verdict > 1n) throw new Refusal("signal_out_of_range", "bundle.statement.verdict: must be 0 or 1");
  if (statement.threshold_bps < 1n || statement.threshold_bps >> BigInt(LIMITS.THRESHOLD_BITS)) {
    throw new Refusal(
      "signal_out_of_range",
      `bundle.statement.threshold_bps: must be 1 to 2^${LIMITS.THRESHOLD_BITS} - 1`,
    );
  }
  return { circuit, version, vkId, statement, proof };
}

/** Return the verdict on a bundle's bytes, always an accepted one. */
export async function verifyAccount(bytes, { market, params, record, challenge, keys, policy, breathe }) {
  const bundle = readBundle(bytes);
  const pinned = pinnedKey(bundle, `account-${market.profile}`, keys, policy);
  const roots = checkPublished(market, params, record, policy, false);
  const digest = recordDigest(record);
  const context = textDigest(
    "context",
    hexToBytes(record.signature.public_key),
    hexToBytes(digest),
    challengeBytes(challenge),
  );
  const signals = rebuilt(bundle.statement, roots, context);
  policy.requireThreshold(bundle.statement.threshold_bps);
  if ((await firstFailure(pinned.key, [signals], [bundle.proof], breathe)) !== null) throw new Refusal("proof_invalid");
  const venuePinned = policy.venueKey !== undefined;
  return {
    accepted: true,
    clears: bundle.statement.verdict === 1n,
    thresholdBps: bundle.statement.threshold_bps,
    record,
    digest,
    ageMs: roots.ageMs,
    challenge,
    statement: sha256Hex(["zkm2m/statement/v1", ...signals, ""].join("\n")),
    key: pinned,
    venuePinned,
    labels: LABELS.account[venuePinned ? "pinned" : "unpinned"],
  };
}

function pinnedKey(bundle, circuit, keys, policy) {
  if (bundle.circuit !== circuit) throw new Refusal("wrong_circuit", `bundle ${bundle.circuit}, expected ${circuit}`);
  const pinned = keys.key(circuit);
  policy.requireKey(pinned);
  if (bundle.version !== pinned.version) {
    throw new Refusal(
      "wrong_circuit_version",
      `bundle ${bundle.version.slice(0, 16)}, key ${pinned.version.slice(0, 16)}`,
    );
  }
  if (bundle.vkId !== pinned.vkId) {
    throw new Refusal("unknown_key", `bundle ${bundle.vkId.slice(0, 16)}, pinned ${pinned.vkId.slice(0, 16)}`);
  }
  return pinned;
}

function challengeBytes(challenge) {
  const bytes = utf8ToBytes(challenge);
  if (bytes.length < 1 || bytes.length > MAX_CHALLENGE_BYTES) {
    throw new BadInput("challenge", `must be 1 to ${MAX_CHALLENGE_BYTES} bytes of UTF-8`);
  }
  return bytes;
}

/** The public signals that published data and challenge make, with the claimed verdict and threshold. */
function rebuilt(claimed, roots, context) {
  const statement = {
    ...claimed,
    risk_root: roots.riskRoot,
    params_root: roots.paramsRoot,
    book_root: roots.bookRoot,
    context,
  };
  for (const name of SIGNALS) {
    if (claimed[name] === statement[name]) continue;
    throw name === "context" ? new Refusal("wrong_challenge") : new Refusal("statement_mismatch", name);
  }
  return SIGNALS.map((name) => statement[name]);
}
