// SPDX-License-Identifier: GPL-3.0-or-later
// A testing aid, not part of the product: it loads circom2 (GPL-3.0) as a library, because the program cannot be kept
// warm, and the tests compile some thousand circuits of a few lines, most of whose time is the start of the compiler.
//
// Requests, a line each: JSON list of the compiler's arguments. Answers, a line each: {"code": exit code, "output": text}.
"use strict";

const fs = require("node:fs");
const readline = require("node:readline");
const { CircomRunner, bindings } = require("circom2");

class Exit extends Error {
  constructor(code) {
    super(`exit ${code}`);
    this.code = code;
  }
}

async function main() {
  const program = await WebAssembly.compile(fs.readFileSync(require.resolve("circom2/circom.wasm")));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let output = "";
    const collecting = {
      ...fs,
      writeSync(file, data, offset, length, ...rest) {
        if (file !== 1 && file !== 2) return fs.writeSync(file, data, offset, length, ...rest);
        output += Buffer.from(data.buffer, data.byteOffset + offset, length).toString("utf8");
        return length;
      },
    };
    const exit = (code) => {
      throw new Exit(code);
    };
    const runner = new CircomRunner({
      args: JSON.parse(line),
      env: { NO_COLOR: "1" },
      preopens: { ".": "." },
      bindings: { ...bindings, exit, kill: () => exit(137), fs: collecting },
    });
    let code = 0;
    try {
      runner.wasi.start(await WebAssembly.instantiate(program, runner.wasi.getImports(program)));
    } catch (error) {
      code = error instanceof Exit ? error.code : 134; // a trap of the program
      if (!(error instanceof Exit)) output += error;
    }
    process.stdout.write(`${JSON.stringify({ code, output })}\n`);
  }
}

main();
