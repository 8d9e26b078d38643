// The check page's program. Where there is no page - in Node, in a console - its functions are at `zkm2m`.

import { verifyAccount } from "./account.js";
import { PROFILES } from "./constants.js";
import { readInclusion, readMarket, readParams, readRecord } from "./documents.js";
import { commitment, emptyCommitment, totalsOf, upperRoot, verifyEpoch } from "./epoch.js";
import { hashFields, textDigest } from "./hashing.js";
import { verifyInclusion } from "./inclusion.js";
import { Keystore } from "./keys.js";
import { BadInput, Refusal } from "./outcomes.js";
import { startPage } from "./page.js";
import { Policy } from "./policy.js";
import { signatureHolds, verifyChain } from "./records.js";
import { paramsRoot, riskRoot, snapshotHash } from "./roots.js";
import { canonicalJson, Malformed, parseJson } from "./strict_json.js";

globalThis.zkm2m = Object.freeze({
  BadInput,
  Keystore,
  Malformed,
  PROFILES,
  Policy,
  Refusal,
  canonicalJson,
  commitment,
  emptyCommitment,
  hashFields,
  paramsRoot,
  parseJson,
  readInclusion,
  readMarket,
  readParams,
  readRecord,
  riskRoot,
  signatureHolds,
  snapshotHash,
  textDigest,
  totalsOf,
  upperRoot,
  verifyAccount,
  verifyChain,
  verifyEpoch,
  verifyInclusion,
});

if (typeof document !== "undefined" && document.getElementById("published")) startPage(document);
