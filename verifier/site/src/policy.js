// What whoever checks asks for beyond a proof that holds. Twin: verifier/policy.py.

import { LIMITS } from "./constants.js";
import { Refusal } from "./outcomes.js";

/** Conditions; times in milliseconds UTC as bigint. What is undefined is not asked for. */
export class Policy {
  constructor({ nowMs, production = false, maxAgeMs, venueKey, thresholdBps }) {
    Object.assign(this, { nowMs, production, maxAgeMs, venueKey, thresholdBps });
  }

  /** Return the age of data; `timeless` data has an age limit only where one is given. */
  requireFresh(asOfMs, signedAtMs, timeless) {
    const latest = asOfMs > signedAtMs ? asOfMs : signedAtMs;
    if (latest > this.nowMs + LIMITS.SKEW_MS) throw new Refusal("from_the_future", `${latest - this.nowMs} ms ahead`);
    const ageMs = this.nowMs > asOfMs ? this.nowMs - asOfMs : 0n;
    const limit = this.maxAgeMs ?? (this.production && !timeless ? LIMITS.PRODUCTION_MAX_AGE_MS : undefined);
    if (limit !== undefined && ageMs > limit) throw new Refusal("stale", `age ${ageMs} ms, permitted ${limit} ms`);
    return ageMs;
  }

  requireVenue(publicKey) {
    if (this.venueKey === undefined) {
      if (this.production) throw new Refusal("venue_key_not_pinned");
    } else if (this.venueKey !== publicKey) {
      throw new Refusal("wrong_venue", `signed by ${publicKey}, pinned ${this.venueKey}`);
    }
  }

  requireThreshold(thresholdBps) {
    if (this.thresholdBps !== undefined && thresholdBps !== this.thresholdBps) {
      throw new Refusal("threshold_mismatch", `stated ${thresholdBps} bps, asked ${this.thresholdBps} bps`);
    }
  }

  requireKey(pinned) {
    if (!this.production) return;
    if (pinned.development) throw new Refusal("development_key", `circuit ${pinned.circuit}`);
    if (pinned.contributions === 0n || pinned.beacon === null) {
      throw new Refusal("key_not_ceremonial", `${pinned.contributions} contributions`);
    }
  }
}
