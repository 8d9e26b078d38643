// Runs the check page's program, as it ships, on calls from standard input: one JSON line each, one answer each.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createContext, runInContext } from "node:vm";

const [program, corpus] = process.argv.slice(2);
const context = createContext({ TextDecoder, TextEncoder, crypto, console });
runInContext(readFileSync(program, "utf8"), context);
const page = context.zkm2m;

const bytesOf = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
const fileOf = (path) => new Uint8Array(readFileSync(`${corpus}/${path}`));
const bigOrNone = (number) => (number === undefined ? undefined : BigInt(number));

const calls = {
  parse: (text, maxBytes, minusZero) => page.canonicalJson(page.parseJson(bytesOf(text), { maxBytes, minusZero })),
  document: (reader, text) => {
    page[reader](bytesOf(text));
    return true;
  },
  hash: (tag, elements) => page.hashFields(BigInt(tag), elements.map(BigInt)).toString(),
  digest: (domain, parts) => page.textDigest(domain, ...parts.map(bytesOf)).toString(),
  roots: (market, params) => {
    const [read, rules] = [page.readMarket(bytesOf(market)), page.readParams(bytesOf(params))];
    const hash = page.snapshotHash(read);
    return [hash, page.paramsRoot(rules, read), page.riskRoot(read, rules, hash)].map(String);
  },
  totals: (market, record) => {
    const [read, { proven }] = [page.readMarket(bytesOf(market)), page.readRecord(bytesOf(record))];
    const totals = page.totalsOf(proven.totals, read, page.PROFILES[read.profile]);
    return page.commitment(totals, BigInt(proven.totals.blinding)).toString();
  },
  empty: (profile) => page.emptyCommitment(page.PROFILES[profile]).toString(),
  tree: (profile, roots, count) => page.upperRoot(roots.map(BigInt), BigInt(count), page.PROFILES[profile]).toString(),
  included: (inclusion, record, market, nowMs) => {
    const [read, policy] = [page.readRecord(bytesOf(record)), policyOf({ now_ms: nowMs })];
    const given = { record: read, market: page.readMarket(bytesOf(market)), policy };
    return page.verifyInclusion(bytesOf(inclusion), given).accepted;
  },
  signature: (key, signature, message) => page.signatureHolds(bytesOf(key), bytesOf(signature), bytesOf(message)),
  account: async (given) => {
    const verdict = await page.verifyAccount(fileOf(given.bundle), { ...published(given), challenge: given.challenge });
    return { clears: verdict.clears };
  },
  inclusion: async (given) => {
    const verdict = page.verifyInclusion(fileOf(given.inclusion), published(given));
    return { account: verdict.account.id };
  },
  chain: async (given) => {
    const entries = Object.entries(given.records).map(([name, path]) => [name, page.readRecord(fileOf(path))]);
    const verdict = await page.verifyChain(entries, policyOf(given.policy));
    return { first: Number(verdict.first), last: Number(verdict.last) };
  },
  epoch: async (given) => {
    const files = Object.fromEntries(Object.entries(given.epoch).map(([name, path]) => [name.split(".")[0], path]));
    const verdict = await page.verifyEpoch({
      ...published({ ...given, ...files }),
      proofs: fileOf(files.proofs),
      previous: given.previous === undefined ? undefined : page.readRecord(fileOf(given.previous)),
    });
    return {
      account_count: Number(verdict.record.account_count),
      below_threshold: Number(verdict.totals.belowThreshold),
      covered: null,
    };
  },
};

function published(given) {
  return {
    record: page.readRecord(fileOf(given.record)),
    market: page.readMarket(fileOf(given.market)),
    params: given.params === undefined ? undefined : page.readParams(fileOf(given.params)),
    keys: given.keys === undefined ? undefined : keysOf(given),
    policy: policyOf(given.policy),
  };
}

function keysOf({ key_files: files, pins, versions }) {
  const texts = Object.entries(files).map(([circuit, [key, lock]]) => [
    circuit,
    { key: fileOf(key), lock: fileOf(lock) },
  ]);
  return new page.Keystore(new Map(texts), pins, versions);
}

function policyOf(policy) {
  return new page.Policy({
    nowMs: BigInt(policy.now_ms),
    production: policy.production,
    maxAgeMs: bigOrNone(policy.max_age_ms),
    venueKey: policy.venue_public_key,
    thresholdBps: bigOrNone(policy.threshold_bps),
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  let answer;
  try {
    answer = { outcome: "accepted", value: await calls[name](...given) };
  } catch (error) {
    if (error instanceof page.Refusal) answer = { outcome: "refused", code: error.code };
    else if (error instanceof page.BadInput) answer = { outcome: "bad_input" };
    else if (error instanceof page.Malformed) answer = { outcome: "malformed" };
    else answer = { outcome: "crashed", error: String(error.stack) };
  }
  console.log(JSON.stringify(answer));
}
