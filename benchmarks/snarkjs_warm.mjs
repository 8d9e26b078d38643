// SPDX-License-Identifier: GPL-3.0-or-later
// A measuring aid, not part of the product: it loads snarkjs (GPL-3.0) as a library, because the program cannot be kept warm.
// node benchmarks/snarkjs_warm.mjs REPEATS KEY.zkey WITNESS.wtns  ->  {"seconds": […], "peak_rss_bytes": n}
import { readFileSync } from "node:fs";
import { groth16 } from "snarkjs";

const [repeats, keyFile, witnessFile] = process.argv.slice(2);
const key = { type: "mem", data: new Uint8Array(readFileSync(keyFile)) };
const witness = { type: "mem", data: new Uint8Array(readFileSync(witnessFile)) };
const seconds = [];
for (let i = 0; i < Number(repeats) + 1; i++) {
  const begun = performance.now();
  await groth16.prove(key, witness);
  if (i > 0) seconds.push((performance.now() - begun) / 1000); // the first one starts the worker threads
}
// Not resourceUsage().maxRSS, which begins with the memory of the process that started this one.
const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
console.log(JSON.stringify({ seconds, peak_rss_bytes: Number(peak[1]) * 1024 }));
process.exit(0);
