// How a check ends that does not accept: refused with a code, or no document at all. Twin: verifier/reasons.py.

import { REASONS } from "./constants.js";

/** A well-formed thing that is not accepted; `code` is one of REASONS. */
export class Refusal extends Error {
  constructor(code, detail = "") {
    if (!Object.hasOwn(REASONS, code)) throw new Error(`no reason code ${code}`);
    super(detail ? `${REASONS[code]} (${detail})` : REASONS[code]);
    this.code = code;
    this.detail = detail;
  }
}

/** Something that is none of its format: `field` breaks `rule`. No value is shown: it may be a customer's. */
export class BadInput extends Error {
  constructor(field, rule) {
    super(`${field}: ${rule}`);
  }
}
