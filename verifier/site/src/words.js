// Numbers, times and elements as the page shows them. Texts become text, never markup.

/** Return an element with attributes and children; strings are text. */
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Return a list of texts. */
export function list(texts) {
  return element("ul", {}, ...texts.map((text) => element("li", {}, text)));
}

/** Return the label that says what a figure rests on. */
export function badge(assurance) {
  return element("span", { class: `badge ${assurance}` }, assurance);
}

/** Return a table of texts or elements; without headings the first column is one of headings. */
export function table(headings, rows, id) {
  const head = headings.length
    ? [element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)))]
    : [];
  const cell = (text, i) => (headings.length || i ? element("td", {}, text) : element("th", { scope: "row" }, text));
  const body = rows.map((row) => element("tr", {}, ...row.map(cell)));
  return element("div", { class: "wide" }, element("table", id ? { id } : {}, ...head, ...body));
}

/** Return an integer with thousands grouped. */
export function grouped(number) {
  return number.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Return ticks of 10^-6 USD as USD, no digit rounded away. */
export function dollars(ticks) {
  const size = ticks < 0n ? -ticks : ticks;
  const places = (size % 1_000_000n)
    .toString()
    .padStart(6, "0")
    .replace(/0{1,4}$/, "");
  return `${ticks < 0n ? "-" : ""}${grouped(size / 1_000_000n)}.${places}`;
}

/** Return a time in milliseconds as UTC. */
export function utc(timeMs) {
  return `${new Date(Number(timeMs)).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}
