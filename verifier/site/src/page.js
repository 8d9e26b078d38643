// The page itself: it takes a file and conditions, lets everything be checked, and shows the answer.

import { readBundle } from "./account.js";
import { accepted, inclusionCheck, proofCheck, refused } from "./answers.js";
import { readInclusion, readMarket, readParams, readRecord } from "./documents.js";
import { Keystore } from "./keys.js";
import { BadInput } from "./outcomes.js";
import { Policy } from "./policy.js";
import { element } from "./words.js";

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const BREATH_MS = 40;
const HEX32 = /^[0-9a-f]{64}$/;

/** Bring the page to life; what was published stands in its element #published. */
export function startPage(document) {
  new Page(document, JSON.parse(document.getElementById("published").textContent));
}

class Page {
  constructor(document, published) {
    this.published = published;
    this.find = (id) => document.getElementById(id);
    this.file = null;
    this.busy = false;
    this.find("file").addEventListener("change", () => {
      this.find("chosen").textContent = "";
      this.choose(this.find("file").files[0]);
    });
    this.find("conditions").addEventListener("submit", (event) => {
      event.preventDefault();
      this.check();
    });
    // A file that misses the target would otherwise replace the page.
    for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
    this.find("target").addEventListener("drop", (event) => {
      this.find("chosen").textContent = event.dataTransfer.files[0]?.name ?? "";
      this.choose(event.dataTransfer.files[0]);
    });
  }

  /** Take a file; an inclusion file is checked at once, a proof waits for its challenge. */
  async choose(file) {
    if (file === undefined || this.busy) return;
    const chosen = { bytes: null, isProof: false };
    if (file.size <= MAX_FILE_BYTES) {
      chosen.bytes = new Uint8Array(await file.arrayBuffer());
      chosen.isProof = /"format"\s*:\s*"zkm2m\/account-proof\//.test(new TextDecoder().decode(chosen.bytes));
    }
    if (this.busy) return;
    this.file = chosen;
    this.find("for-proof").hidden = !this.file.isProof;
    this.find("again").hidden = false;
    if (this.file.isProof && this.find("challenge").value === "") {
      const words = "This is an account proof. Enter the challenge that you asked it to answer, then press Check.";
      this.show(element("p", {}, words));
      this.find("challenge").focus();
    } else {
      await this.check();
    }
  }

  async check() {
    if (this.file === null || this.busy) return;
    this.setBusy(true);
    this.show(element("p", {}, "Checking …"));
    try {
      this.show(...(await this.answer()));
    } finally {
      this.setBusy(false);
    }
  }

  setBusy(busy) {
    this.busy = busy;
    this.find("progress").hidden = !busy;
    for (const id of ["file", "again"]) this.find(id).disabled = busy;
  }

  show(...content) {
    this.find("answer").replaceChildren(...content);
  }

  /** Return the elements that answer for the chosen file. */
  async answer() {
    const passed = [];
    try {
      if (this.file.bytes === null) throw new BadInput("file", `must not be larger than ${MAX_FILE_BYTES} bytes`);
      const given = this.given();
      const check = (this.file.isProof ? proofCheck : inclusionCheck)(this.file.bytes, given);
      for (const step of check.steps) {
        this.find("step").textContent = `${step.title} …`;
        const tell = this.breather();
        await tell(0, 0);
        passed.push({ step, verdict: await step.run(tell) });
      }
      return accepted(check, passed, given);
    } catch (error) {
      return refused(error, passed, this.hint());
    }
  }

  /** Return what is published with the conditions that the form asks for, all of it read strictly. */
  given() {
    const { files, records, keys, versions } = this.published;
    const bytes = (text) => new TextEncoder().encode(text);
    const keyFiles = new Map(
      Object.entries(keys).map(([circuit, { key, lock }]) => [circuit, { key: bytes(key), lock: bytes(lock) }]),
    );
    const entries = Object.entries(records).map(([name, text]) => [name, readRecord(bytes(text))]);
    const record = readRecord(bytes(files.record));
    return {
      record,
      market: readMarket(bytes(files.market)),
      params: readParams(bytes(files.params)),
      proofs: bytes(files.proofs),
      entries,
      previous: entries.map(([, entry]) => entry).find((entry) => entry.number === record.number - 1n),
      keys: new Keystore(keyFiles, {}, versions),
      challenge: this.find("challenge").value,
      policy: this.policy(),
    };
  }

  policy() {
    const venueKey = this.find("venue-key").value.trim().toLowerCase();
    if (venueKey !== "" && !HEX32.test(venueKey)) throw new BadInput("venue's key", "must be 64 hexadecimal digits");
    const threshold = this.file.isProof ? this.find("threshold").value.trim() : "";
    if (threshold !== "" && !/^[1-9][0-9]{0,6}$/.test(threshold)) {
      throw new BadInput("threshold", "must be a whole number of basis points");
    }
    return new Policy({
      nowMs: BigInt(Date.now()),
      production: this.find("production").checked,
      venueKey: venueKey || undefined,
      thresholdBps: threshold === "" ? undefined : BigInt(threshold),
    });
  }

  /** Return where the file belongs, if it is of another epoch. */
  hint() {
    const { epochs, records, files } = this.published;
    let number;
    try {
      if (this.file.isProof) {
        const root = readBundle(this.file.bytes).statement.book_root.toString();
        number = Object.keys(records).find((name) => JSON.parse(records[name]).book_root === root);
      } else {
        number = readInclusion(this.file.bytes).epoch.toString();
      }
    } catch {
      return null;
    }
    if (number === undefined || BigInt(number) === BigInt(JSON.parse(files.record).number)) return null;
    const link = element("a", { href: `${epochs}${number}/check.html` }, `the check page of epoch ${number}`);
    return element("p", { class: "hint" }, `The file is of epoch ${number}: open `, link, " and drop it there.");
  }

  /** Return a function that shows progress and lets the page draw, now and then. */
  breather() {
    const bar = this.find("bar");
    bar.removeAttribute("value");
    let last = 0;
    return async (done, all) => {
      if (performance.now() - last < BREATH_MS) return;
      if (all) Object.assign(bar, { max: all, value: done });
      await new Promise((resolve) => setTimeout(resolve));
      last = performance.now();
    };
  }
}
