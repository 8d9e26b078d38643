// The customer's check: their account, with these very numbers, is in the book. Twin: verifier/inclusion.py.

import { LABELS, LIMITS, PROFILES, TAGS } from "./constants.js";
import { readInclusion, requireAccountId } from "./documents.js";
import { bookRoot, hashFields, node, pack, textDigest } from "./hashing.js";
import { BadInput, Refusal } from "./outcomes.js";
import { recordDigest, requireSameMarket, requireSignature } from "./records.js";
import { snapshotHash } from "./roots.js";

/** Return the verdict on an inclusion file's bytes, always an accepted one. */
export function verifyInclusion(bytes, { record, market, policy }) {
  const inclusion = readInclusion(bytes);
  policy.requireVenue(record.signature.public_key);
  requireSignature(record);
  const ageMs = policy.requireFresh(record.as_of_ms, record.signed_at_ms, true);
  const digest = recordDigest(record);
  if (inclusion.epoch !== record.number) {
    throw new Refusal("inclusion_mismatch", `file of epoch ${inclusion.epoch}, record of epoch ${record.number}`);
  }
  if (inclusion.record !== digest) {
    throw new Refusal(
      "inclusion_mismatch",
      `file of record ${inclusion.record.slice(0, 16)}, this is ${digest.slice(0, 16)}`,
    );
  }
  requireSameMarket(market, record);
  const { depth } = PROFILES[market.profile];
  if (inclusion.siblings.length !== depth) throw new Refusal("inclusion_path_length", `depth ${depth}`);
  if (inclusion.index >= record.account_count) {
    throw new Refusal("inclusion_outside_book", `the book has ${record.account_count} accounts`);
  }
  requireAccountId(inclusion.account.id);
  let root = leafOf(inclusion, market);
  for (const [level, text] of inclusion.siblings.entries()) {
    const sibling = BigInt(text);
    root = (inclusion.index >> BigInt(level)) & 1n ? node(sibling, root) : node(root, sibling);
  }
  if (bookRoot(root, record.account_count) !== BigInt(record.book_root)) throw new Refusal("not_included");
  if (snapshotHash(market) !== BigInt(record.snapshot_hash)) throw new Refusal("snapshot_mismatch");
  const venuePinned = policy.venueKey !== undefined;
  return {
    accepted: true,
    account: inclusion.account,
    record,
    digest,
    ageMs,
    venuePinned,
    labels: LABELS.inclusion[venuePinned ? "pinned" : "unpinned"],
  };
}

/** Return the leaf of the file's account in the slots of the market. */
function leafOf({ account, salt }, market) {
  const sizes = PROFILES[market.profile];
  const amounts = inSlots(
    account.collateral,
    market.assets.map((entry) => entry.symbol),
    sizes.assets,
    "collateral",
  );
  const lots = inSlots(
    account.positions,
    market.slots.map((slot) => slot?.name),
    sizes.instruments,
    "positions",
  );
  const shift = 1n << BigInt(LIMITS.QUANTITY_BITS);
  return hashFields(TAGS.LEAF, [
    textDigest("user-id", account.id),
    BigInt(salt),
    account.cash_ticks + (1n << BigInt(LIMITS.CASH_BITS)),
    ...pack(amounts, LIMITS.AMOUNT_BITS),
    ...pack(
      lots.map((number) => number + shift),
      LIMITS.QUANTITY_BITS + 1,
    ),
  ]);
}

function inSlots(entries, names, count, where) {
  const vector = Array(count).fill(0n);
  for (const [name, number] of entries) {
    if (number === 0n) continue; // as if absent, of whatever name
    const slot = names.indexOf(name);
    if (slot < 0) throw new BadInput(`account: ${where}`, "must name only what the market has");
    vector[slot] = number;
  }
  return vector;
}
