// JSON that has one reading only. JSON.parse keeps the last of two equal keys and rounds integers, so it reads nothing
// that is checked here. Twins: verifier/strict_json.py (bundles, keys, lines), rtnet_core/document.py (documents).

const MAX_DEPTH = 16;
const MAX_INTEGER_DIGITS = 80;
const NUMBER = /(-?)(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN_TEXT = /[^"\\\u0000-\u001f]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
];

/** A text that is no strict JSON; the message names the rule. */
export class Malformed extends Error {}

/**
 * Return the value of a JSON text: objects as Map, integers as bigint.
 *
 * @param {Uint8Array} bytes the whole text, UTF-8 without byte order mark
 * @param {{maxBytes: number, minusZero?: boolean}} limits size cap; whether -0 is read as 0 (in documents) or refused
 */
export function parseJson(bytes, { maxBytes, minusZero = false }) {
  if (bytes.length > maxBytes) throw new Malformed(`larger than ${maxBytes} bytes`);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) throw new Malformed("starts with a byte order mark");
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed("not UTF-8");
  }
  return new Reader(text, minusZero).whole();
}

class Reader {
  constructor(text, minusZero) {
    this.text = text;
    this.minusZero = minusZero;
    this.place = 0;
    this.depth = 0;
  }

  whole() {
    const value = this.value();
    this.space();
    if (this.place < this.text.length) this.fail("something follows the value");
    return value;
  }

  fail(rule) {
    throw new Malformed(`${rule} at character ${this.place}`);
  }

  space() {
    while (this.place < this.text.length && " \t\n\r".includes(this.text[this.place])) this.place += 1;
  }

  take(character) {
    if (this.text[this.place] !== character) return false;
    this.place += 1;
    return true;
  }

  value() {
    this.space();
    const first = this.text[this.place];
    if (first === "{" || first === "[") {
      this.depth += 1;
      if (this.depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH}`);
      this.place += 1;
      const value = first === "{" ? this.members() : this.elements();
      this.depth -= 1;
      return value;
    }
    if (this.take('"')) return this.string();
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.place)) {
        this.place += word.length;
        return value;
      }
    }
    return this.integer();
  }

  members() {
    const members = new Map();
    this.space();
    if (this.take("}")) return members;
    for (;;) {
      this.space();
      if (!this.take('"')) this.fail("a key expected");
      const key = this.string();
      if (members.has(key)) this.fail("duplicate key");
      this.space();
      if (!this.take(":")) this.fail("a colon expected");
      members.set(key, this.value());
      this.space();
      if (this.take("}")) return members;
      if (!this.take(",")) this.fail("a comma expected");
    }
  }

  elements() {
    const elements = [];
    this.space();
    if (this.take("]")) return elements;
    for (;;) {
      elements.push(this.value());
      this.space();
      if (this.take("]")) return elements;
      if (!this.take(",")) this.fail("a comma expected");
    }
  }

  string() {
    let found = "";
    for (;;) {
      PLAIN_TEXT.lastIndex = this.place;
      const plain = PLAIN_TEXT.exec(this.text)[0];
      found += plain;
      this.place += plain.length;
      if (this.take('"')) break;
      if (!this.take("\\")) this.fail("a string without end, or a control character in it");
      found += this.escape();
    }
    // Such a string cannot be written as UTF-8 again.
    if (/\p{Cs}/u.test(found)) this.fail("lone surrogate in a string");
    return found;
  }

  escape() {
    const letter = this.text[this.place];
    this.place += 1;
    if (letter !== "u") {
      if (letter === undefined || !Object.hasOwn(ESCAPES, letter)) this.fail("an unknown escape");
      return ESCAPES[letter];
    }
    const digits = this.text.slice(this.place, this.place + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail("four hexadecimal digits expected");
    this.place += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  integer() {
    NUMBER.lastIndex = this.place;
    const found = NUMBER.exec(this.text);
    if (found === null) this.fail("a value expected");
    const [whole, sign, digits, fraction, exponent] = found;
    if (fraction !== undefined || exponent !== undefined) this.fail("number with a fraction or an exponent");
    if (digits.length > MAX_INTEGER_DIGITS) this.fail(`integer of more than ${MAX_INTEGER_DIGITS} digits`);
    if (sign && digits === "0" && !this.minusZero) this.fail("integer -0");
    this.place += whole.length;
    return BigInt(whole);
  }
}

const SHORT_ESCAPES = { '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Return the canonical JSON of a value: keys sorted by code point, no spaces, everything outside ASCII escaped. */
export function canonicalJson(value) {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return String(value);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  entries.sort(([left], [right]) => compareCodePoints(left, right));
  return `{${entries.map(([key, part]) => `${quoted(key)}:${canonicalJson(part)}`).join(",")}}`;
}

function quoted(text) {
  const escaped = text.replace(
    /["\\]|[^\x20-\x7e]/g,
    (unit) => SHORT_ESCAPES[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}

function compareCodePoints(left, right) {
  const [ours, theirs] = [[...left], [...right]];
  const place = ours.findIndex((character, i) => character !== theirs[i]);
  if (place < 0) return ours.length - theirs.length;
  return place < theirs.length ? ours[place].codePointAt(0) - theirs[place].codePointAt(0) : 1;
}
