// The verdict on an epoch: statements are rebuilt from what is published, and every proof must hold for its own.
// Twins: verifier/epoch.py, verifier/epoch_files.py, rtnet_core/epoch.py, rtnet_core/totals.py.

import { hexToBytes } from "@noble/hashes/utils.js";
import { LABELS, LIMITS, PROFILES, TAGS } from "./constants.js";
import { exactObject, firstFailure, readProof, readSignal } from "./groth16.js";
import { bookRoot, hashFields, node, pack, signedLanes, textDigest } from "./hashing.js";
import { strictJson } from "./keys.js";
import { BadInput, Refusal } from "./outcomes.js";
import { checkPublished, recordDigest, requireFollows } from "./records.js";

const MAX_LINE_BYTES = 8192;
const LINE_KEYS = ["circuit", "level", "number", "totals", "proof"];
const CHUNK = 64;
const NEWLINE = 0x0a;

/**
 * Return the verdict on an epoch, always an accepted one. Reserves are not looked at.
 *
 * @param {Uint8Array} given.proofs the bytes of proofs.jsonl
 * @param {object} [given.previous] the record before this one, where it is at hand
 * @param {(done: number, all: number) => Promise<void>} tell called while proofs are read and paired
 */
export async function verifyEpoch({ record, market, params, proofs, keys, policy, previous }, tell = async () => {}) {
  if (record.proven === undefined) throw new Refusal("not_an_epoch_record");
  const roots = checkPublished(market, params, record, policy, true);
  if (previous !== undefined) requireFollows(record, previous);
  policy.requireThreshold(record.proven.threshold_bps);
  const sizes = PROFILES[record.profile];
  const counts = batchSizes(record.account_count, sizes);
  const pinned = pinnedKeys(record, counts.length > 1, keys, policy);
  const totals = totalsOf(record.proven.totals, market, sizes);
  const lines = readLines(proofs, record.profile, levelSizes(counts.length, sizes));
  requireTotals(record.proven, totals, lines.at(-1).totals, market);
  const batchRoots = lines.filter((line) => line.level === 0).map((line) => line.batchRoot);
  if (upperRoot(batchRoots, record.account_count, sizes) !== roots.bookRoot) throw new Refusal("book_root_mismatch");
  const signalsOf = statements({ record, roots, lines, counts, sizes });
  await checkProofs(lines, signalsOf, pinned, tell);
  const venuePinned = policy.venueKey !== undefined;
  return {
    accepted: true,
    record,
    digest: recordDigest(record),
    totals,
    proofs: lines.length,
    keys: [...pinned.values()],
    previousChecked: previous !== undefined,
    venuePinned,
    labels: LABELS.epoch[venuePinned ? "pinned" : "unpinned"],
  };
}

function batchSizes(accountCount, sizes) {
  const count = Number(accountCount);
  const batches = Math.ceil(count / sizes.batch);
  return Array.from({ length: batches }, (_batch, i) => Math.min(sizes.batch, count - sizes.batch * i));
}

function levelSizes(batches, sizes) {
  const levels = [batches];
  while (levels.at(-1) > 1) levels.push(Math.ceil(levels.at(-1) / sizes.merge));
  return levels;
}

function circuitOf(level, profile) {
  return `${level ? "merge" : "batch"}-${profile}`;
}

function pinnedKeys(record, merges, keys, policy) {
  const circuits = (merges ? [0, 1] : [0]).map((level) => circuitOf(level, record.profile));
  const named = record.proven.circuits;
  if (named.size !== circuits.length || !circuits.every((name) => named.has(name))) {
    throw new Refusal("circuits_mismatch", `called for ${circuits.join(", ")}`);
  }
  const pinned = new Map();
  for (const name of circuits) {
    const key = keys.key(name);
    policy.requireKey(key);
    const stated = named.get(name);
    if (stated.r1cs_sha256 !== key.version) throw new Refusal("wrong_circuit_version", name);
    if (stated.vk_id !== key.vkId) throw new Refusal("unknown_key", name);
    pinned.set(name, key);
  }
  return pinned;
}

// --- totals

/** Return the published totals in the slots of the market. */
export function totalsOf(published, market, sizes) {
  const symbols = market.assets.map((asset) => asset.symbol);
  const { collateral } = published;
  if (collateral.size !== symbols.length || !symbols.every((symbol) => collateral.has(symbol))) {
    throw new BadInput("record: proven.totals.collateral", "must name the market's assets");
  }
  const names = market.slots.map((slot) => slot?.name);
  for (const name of published.net_lots.keys()) {
    if (!names.includes(name))
      throw new BadInput("record: proven.totals.net_lots", "must name the market's instruments");
  }
  const amounts = symbols.map((symbol) => BigInt(collateral.get(symbol)));
  const totals = {
    belowThreshold: published.below_threshold,
    shortfallE8: BigInt(published.shortfall_e8),
    deficitAccounts: published.deficit_accounts,
    deficitTicks: BigInt(published.deficit_ticks),
    cashTicks: BigInt(published.cash_ticks),
    amounts: [...amounts, ...Array(sizes.assets - amounts.length).fill(0n)],
    netLots: names.map((name) => published.net_lots.get(name) ?? 0n),
  };
  const limits = [
    [totals.shortfallE8, LIMITS.SHORTFALL_BITS],
    [totals.deficitTicks, LIMITS.DEFICIT_TOTAL_BITS],
    [totals.cashTicks >= 0n ? totals.cashTicks : -totals.cashTicks - 1n, LIMITS.CASH_TOTAL_BITS],
    ...amounts.map((units) => [units, LIMITS.AMOUNT_TOTAL_BITS]),
  ];
  if (limits.some(([number, width]) => number >> BigInt(width))) {
    throw new BadInput("record: proven.totals", "must be within what a book can add up to");
  }
  return totals;
}

/** Return the commitment to totals. */
export function commitment(totals, blinding) {
  const perField = Math.floor(LIMITS.MAX_SAFE_BITS / LIMITS.NET_STRIDE);
  const nets = [];
  for (let start = 0; start < totals.netLots.length; start += perField) {
    nets.push(signedLanes(totals.netLots.slice(start, start + perField), LIMITS.NET_STRIDE));
  }
  return hashFields(TAGS.TOTALS, [
    blinding,
    totals.belowThreshold + (totals.deficitAccounts << 32n) + (totals.shortfallE8 << 64n),
    signedLanes([totals.deficitTicks, totals.cashTicks], LIMITS.DEFICIT_TOTAL_BITS + 1),
    ...pack(totals.amounts, LIMITS.AMOUNT_TOTAL_BITS),
    ...nets,
  ]);
}

/** Return what takes the place of a child that a merge does not have. */
export function emptyCommitment(sizes) {
  const nothing = { belowThreshold: 0n, shortfallE8: 0n, deficitAccounts: 0n, deficitTicks: 0n, cashTicks: 0n };
  const amounts = Array(sizes.assets).fill(0n);
  return commitment({ ...nothing, amounts, netLots: Array(sizes.instruments).fill(0n) }, 0n);
}

/** Refuse totals that are not those of the last proof, or of a book that is not balanced and covered. */
function requireTotals(proven, totals, top, market) {
  if (commitment(totals, BigInt(proven.totals.blinding)) !== top) throw new Refusal("totals_mismatch");
  for (const [slot, lots] of totals.netLots.entries()) {
    if (lots !== 0n) throw new Refusal("net_position", `${market.slots[slot]?.name ?? "an empty slot"}: ${lots} lots`);
  }
  if (totals.deficitTicks > BigInt(proven.insurance_fund_ticks)) {
    throw new Refusal(
      "deficit_exceeds_fund",
      `deficit ${totals.deficitTicks} ticks, fund ${proven.insurance_fund_ticks} ticks`,
    );
  }
}

// --- proofs.jsonl

/** Return every line that the account count calls for, and refuse anything else. */
function readLines(bytes, profile, levels) {
  const lines = [];
  let start = 0;
  for (const [level, count] of levels.entries()) {
    for (let number = 0; number < count; number += 1) {
      const where = proofName(level, number, profile);
      if (start === bytes.length) throw new Refusal("wrong_proofs", `${where} is missing`);
      const end = bytes.subarray(start, start + MAX_LINE_BYTES + 1).indexOf(NEWLINE);
      if (end < 0) throw new Refusal("malformed_proofs", `${where}: the line has no end, or is too long`);
      lines.push(readLine(bytes.subarray(start, start + end + 1), level, number, profile, where));
      start += end + 1;
    }
  }
  if (start < bytes.length) throw new Refusal("wrong_proofs", "the file goes on behind the last proof");
  return lines;
}

function proofName(level, number, profile) {
  return `${circuitOf(level, profile)} ${number}${level ? ` of level ${level}` : ""}`;
}

function readLine(bytes, level, number, profile, where) {
  const code = "malformed_proofs";
  const members = exactObject(strictJson(bytes, where, MAX_LINE_BYTES), where, LINE_KEYS, code, ["batch_root"]);
  const place = [members.get("level"), members.get("number")];
  if (place.some((part) => typeof part !== "bigint"))
    throw new Refusal(code, `${where}: level and number must be integers`);
  if (place[0] !== BigInt(level) || place[1] !== BigInt(number))
    throw new Refusal("wrong_proofs", `${where} is not at its place`);
  const circuit = circuitOf(level, profile);
  if (members.get("circuit") !== circuit) throw new Refusal("wrong_circuit", `${where}: its line names another`);
  if (members.has("batch_root") === level > 0) {
    throw new Refusal(code, `${where}: a batch names its batch_root, a merge has none`);
  }
  const batchRoot = level ? undefined : readSignal(members.get("batch_root"), `${where}.batch_root`);
  return {
    name: where,
    circuit,
    level,
    number,
    batchRoot,
    totals: readSignal(members.get("totals"), `${where}.totals`),
    proof: members.get("proof"),
  };
}

// --- statements and proofs

/** Return the book root of batch roots, with empty subtrees behind them. */
export function upperRoot(batchRoots, accountCount, sizes) {
  let empty = 0n;
  const batchDepth = Math.log2(sizes.batch);
  for (let level = 0; level < batchDepth; level += 1) empty = node(empty, empty);
  let nodes = batchRoots;
  for (let level = batchDepth; level < sizes.depth; level += 1) {
    const above = [];
    for (let i = 0; i < nodes.length; i += 2) above.push(node(nodes[i], nodes[i + 1] ?? empty));
    nodes = above;
    empty = node(empty, empty);
  }
  return bookRoot(nodes[0], accountCount);
}

/** Return the function that makes the public signals of a line. */
function statements({ record, roots, lines, counts, sizes }) {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, Number(record.number));
  const previous = record.previous === undefined ? new Uint8Array() : hexToBytes(record.previous);
  const context = textDigest("epoch", hexToBytes(record.signature.public_key), number, previous);
  const byLevel = Array.from({ length: lines.at(-1).level + 1 }, () => []);
  for (const line of lines) byLevel[line.level].push(line.totals);
  const nothing = lines.at(-1).level ? emptyCommitment(sizes) : undefined;
  return (line) => {
    if (line.level === 0) {
      const { riskRoot, paramsRoot } = roots;
      const threshold = record.proven.threshold_bps;
      return [line.batchRoot, line.totals, riskRoot, paramsRoot, threshold, BigInt(counts[line.number]), context];
    }
    const children = byLevel[line.level - 1].slice(sizes.merge * line.number, sizes.merge * (line.number + 1));
    return [line.totals, ...children, ...Array(sizes.merge - children.length).fill(nothing), context];
  };
}

async function checkProofs(lines, signalsOf, pinned, tell) {
  let done = 0;
  for (const [circuit, { key }] of pinned) {
    const ofCircuit = lines.filter((line) => line.circuit === circuit);
    for (let start = 0; start < ofCircuit.length; start += CHUNK) {
      const chunk = ofCircuit.slice(start, start + CHUNK);
      const proofs = [];
      for (const line of chunk) {
        proofs.push(readProof(line.proof, line.name));
        await tell(done, lines.length);
      }
      const failing = await firstFailure(key, chunk.map(signalsOf), proofs, () => tell(done, lines.length));
      if (failing !== null) throw new Refusal("proof_invalid", chunk[failing].name);
      done += chunk.length;
    }
  }
  await tell(done, lines.length);
}
