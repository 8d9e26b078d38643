// What is checked of a file, step by step, and how the answer is put: what was recomputed here, what is only stated.

import { verifyAccount } from "./account.js";
import { verifyEpoch } from "./epoch.js";
import { verifyInclusion } from "./inclusion.js";
import { BadInput, Refusal } from "./outcomes.js";
import { recordDigest, verifyChain } from "./records.js";
import { badge, dollars, element, grouped, list, table, utc } from "./words.js";

const PRICED = "recomputed here: every price in every scenario, from the market file and the parameters";

/** Return how an inclusion file is checked: the account, the records, the proofs of the whole book. */
export function inclusionCheck(bytes, given) {
  return {
    steps: [
      {
        title: "Your account",
        run: () => verifyInclusion(bytes, given),
        words: ({ record }) => [
          "recomputed here: the leaf, from the id, the salt and the numbers in your file",
          `recomputed here: the path from that leaf to the book root of epoch ${record.number}'s record`,
          "recomputed here: the hash of the market file, which the record names",
        ],
      },
      recordsStep(given),
      {
        title: "The proofs of the whole book",
        run: (tell) => verifyEpoch(given, tell),
        words: ({ proofs, record, previousChecked }) => [
          `proven: ${proofs === 1 ? "the one proof holds" : `all ${proofs} proofs hold`} for what was rebuilt here, ` +
            `and they cover the ${grouped(record.account_count)} accounts of the record, yours among them`,
          "proven: every long has its short in every instrument, and the totals are those that the record states",
          `${PRICED}; the batch roots make the book root`,
          record.previous === undefined
            ? "the record names none before it: a first epoch"
            : previousChecked
              ? "recomputed here: the record names the one before it"
              : "the record before it is not on this page",
        ],
      },
    ],
    conclude: ([{ account, labels }, , book]) => ({
      headline: "Accepted: your account is in the book with these numbers",
      tone: "good",
      keys: book.keys,
      // What the proofs of the whole book show of a figure is more than the inclusion file alone does.
      labels: new Map([...labels, ...book.labels]),
      shown: [accountTable(account)],
      identity: [],
      unchecked: "Whether other customers are in the book: each of them can check their own file.",
    }),
  };
}

/** Return how an account proof is checked: the proof, the records. */
export function proofCheck(bytes, given) {
  return {
    steps: [
      {
        title: "The account proof",
        run: (tell) => verifyAccount(bytes, { ...given, breathe: () => tell(0, 0) }),
        words: ({ clears, thresholdBps }) => [
          `proven: an account of this book ${clears ? "clears" : "is BELOW"} a margin ratio of ${thresholdBps} basis points`,
          "proven: the proof was made for this challenge, this venue and this record, and for no other",
          PRICED,
        ],
      },
      recordsStep(given),
    ],
    conclude: ([{ clears, key, labels, statement }]) => ({
      headline: `Accepted: the account ${clears ? "clears" : "is below"} the threshold`,
      tone: clears ? "good" : "caution",
      keys: [key],
      labels: new Map(labels),
      shown: [],
      identity: [["statement", statement]],
      unchecked: "Whether this proof was shown before: a register of accepted statements is not part of this page.",
    }),
  };
}

function recordsStep({ entries, policy }) {
  return {
    title: "The chain of records",
    run: (tell) => verifyChain(entries, policy, tell),
    words: ({ first, last, beginsAfter }) => [
      first === last
        ? `checked here: the signature of record ${first}, the only one on this page`
        : `checked here: the signatures of records ${first} to ${last}, each naming the one before it`,
      beginsAfter === null ? "they begin with a first record" : `the record before ${first} is not on this page`,
    ],
  };
}

/** Return the answer where every step passed. */
export function accepted(check, passed, { record, policy }) {
  const found = check.conclude(passed.map(({ verdict }) => verdict));
  const compared = [
    ["venue", record.venue],
    ["venue's key", record.signature.public_key],
    [`record of epoch ${record.number}`, recordDigest(record)],
    ["as of", utc(record.as_of_ms)],
    ...found.keys.map((key) => [`key of ${key.circuit}`, key.vkId]),
    ...found.identity,
  ];
  return [
    element("h2", { class: found.tone, id: "verdict" }, found.headline),
    ...cautions(found.keys, policy),
    ...passed.map(section),
    ...found.shown,
    element("h3", {}, "What to compare"),
    element("p", {}, "Compare these with what you got by another way than this page: an auditor, other customers."),
    table([], compared, "compare"),
    element("h3", {}, "What each figure rests on"),
    table(
      ["figure", "rests on"],
      [...found.labels].map(([figure, assurance]) => [figure.replaceAll("_", " "), badge(assurance)]),
    ),
    element("h3", {}, "What was not checked"),
    list([
      found.unchecked,
      "Whether everyone is shown the same record: compare its digest above.",
      "Assets and reserves: they are not part of this check.",
      "Whether the prices are right: compare the market file with your own data.",
    ]),
  ];
}

/** Return the answer where a step did not pass; `hint` says where the file belongs, or is null. */
export function refused(error, passed, hint) {
  const answers = [
    [BadInput, "Not accepted: this cannot be checked", "bad_input", error.message],
    [Refusal, "Not accepted", error.code, error.message],
    [Error, "Not accepted", "internal_error", `This is a defect of the page: ${error.message}`],
  ];
  const [, headline, code, reason] = answers.find(([kind]) => error instanceof kind);
  return [
    element("h2", { class: "bad", id: "verdict" }, headline),
    element("p", {}, element("code", { id: "code" }, code)),
    element("p", { id: "reason" }, reason),
    ...(hint ? [hint] : []),
    ...passed.map(section),
    element("p", {}, "Whatever else the file says, do not rely on it."),
  ];
}

function section({ step, verdict }) {
  return element("section", {}, element("h3", {}, `✓ ${step.title}`), list(step.words(verdict)));
}

function cautions(keys, policy) {
  const found = [];
  if (keys.some((key) => key.development)) {
    found.push(
      "Development keys: whoever made them can forge proofs. This shows that the software works, and no more.",
    );
  }
  if (policy.venueKey === undefined) {
    found.push("You gave no key of the venue: anyone could have made this signature. What it covers is only stated.");
  }
  return found.map((text) => element("p", { class: "caution" }, text));
}

function accountTable({ id, cash_ticks: cash, collateral, positions }) {
  const held = (what, entries) =>
    [...entries].filter(([, number]) => number).map(([name, number]) => [`${what} ${name}`, grouped(number)]);
  const rows = [
    ["account", id],
    ["cash", `${dollars(cash)} USD`],
    ...held("collateral, units of", collateral),
    ...held("position, lots of", positions),
  ];
  return element(
    "section",
    {},
    element("h3", {}, "Your account as the venue counted it"),
    element("p", {}, "Compare it with what you know: only you can tell whether these numbers are right."),
    table([], rows, "account"),
  );
}
