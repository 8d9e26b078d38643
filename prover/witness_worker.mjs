// Computes witnesses with a circuit's WebAssembly program, one job after another, in memory only.
//
// Usage: node witness_worker.mjs PROGRAM.wasm
// Frames, both ways: a 32-bit little-endian length, then that many bytes.
//   first answer   JSON {"ok": true, "inputs": N, "wires": N}: what the program expects and gives
//   request        for each signal the 64-bit FNV-1a hash of its name, the number of its elements in 64 bits, and the
//                  elements in row-major order, 32 bytes each, all little-endian (prover.witness.encode_inputs)
//   answer         JSON {"ok": true} and then one frame with the .wtns file, or
//                  JSON {"ok": false, "code": ..., "at": [[template, line], ...], "signal": its place in the request}
// No input and no witness value is ever printed.

import { readFileSync } from "node:fs";

const FIELD_WORDS = 8;
const FIELD_BYTES = 4 * FIELD_WORDS;
const BN254_ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001n;

// Codes that a program hands to its exception handler.
const EXCEPTIONS = {
  1: "unknown_signal",
  2: "too_many_signals",
  3: "signal_set_twice",
  4: "assertion_failed",
  5: "out_of_memory",
  6: "signal_index_out_of_bounds",
  7: "array_index_out_of_bounds",
};

class CircuitFailure extends Error {
  constructor(code, details = {}) {
    super(code);
    this.details = { ok: false, code, ...details };
  }
}

/** Where an error message of a program says that it arose: [template, line], or null. It may hold values otherwise. */
function placeOf(message) {
  const found = /^Error in template (\S+?)(?:_\d+)? line: (\d+)\s*$/.exec(message);
  return found === null ? null : [found[1], Number(found[2])];
}

class Program {
  constructor(module) {
    this.module = module;
    this.instantiate();
  }

  instantiate() {
    this.places = [];
    const runtime = {
      exceptionHandler: (code) => {
        throw new CircuitFailure(EXCEPTIONS[code] ?? "unknown_exception", { at: this.places });
      },
      printErrorMessage: () => {
        const place = placeOf(this.message());
        if (place !== null) this.places.push(place);
      },
      writeBufferMessage: () => void this.message(), // log() of a circuit: dropped, it may show secrets
      showSharedRWMemory: () => {},
    };
    this.exports = new WebAssembly.Instance(this.module, { runtime }).exports;
    if (this.exports.getFieldNumLen32() !== FIELD_WORDS) throw new CircuitFailure("other_field");
    this.exports.getRawPrime();
    let order = 0n;
    for (let word = FIELD_WORDS - 1; word >= 0; word--) {
      order = (order << 32n) | BigInt(this.exports.readSharedRWMemory(word) >>> 0);
    }
    if (order !== BN254_ORDER) throw new CircuitFailure("other_field");
    this.wires = this.exports.getWitnessSize();
    this.inputs = this.exports.getInputSize();
  }

  /** Takes the program's pending message, character by character. */
  message() {
    let text = "";
    for (let c = this.exports.getMessageChar(); c !== 0; c = this.exports.getMessageChar()) {
      text += String.fromCharCode(c);
    }
    return text;
  }

  /** The one field element through which program and host exchange values, as a view on the program's memory. */
  exchange() {
    return new Uint8Array(this.exports.memory.buffer, this.exports.getSharedRWMemoryStart(), FIELD_BYTES);
  }

  setInputs(request) {
    this.exports.init(1);
    let count = 0;
    for (let at = 0, signal = 0; at < request.length; signal++) {
      const [lower, upper] = [request.readUInt32LE(at), request.readUInt32LE(at + 4)];
      const size = Number(request.readBigUInt64LE(at + 8));
      const known = this.exports.getInputSignalSize(upper, lower);
      if (known <= 0) throw new CircuitFailure("unknown_signal", { signal });
      if (known !== size) throw new CircuitFailure("signal_size", { signal });
      at += 16;
      for (let index = 0; index < size; index++, at += FIELD_BYTES) {
        this.exchange().set(request.subarray(at, at + FIELD_BYTES));
        count++;
        this.exports.setInputSignal(upper, lower, index); // the last one runs the circuit
      }
    }
    request.fill(0);
    if (count !== this.inputs) throw new CircuitFailure("signals_missing");
  }

  /** The witness as a .wtns file: version 2, a header section and a section of values. */
  witnessFile() {
    const head = 12 + 12 + 4 + FIELD_BYTES + 4 + 12;
    const file = Buffer.alloc(head + this.wires * FIELD_BYTES);
    let at = file.write("wtns", "latin1");
    for (const word of [2, 2, 1, 8 + FIELD_BYTES, 0, FIELD_BYTES]) at = file.writeUInt32LE(word, at);
    this.exports.getRawPrime();
    file.set(this.exchange(), at);
    at = file.writeUInt32LE(this.wires, at + FIELD_BYTES);
    at = file.writeUInt32LE(2, at);
    at = file.writeBigUInt64LE(BigInt(this.wires * FIELD_BYTES), at);
    const exchange = this.exchange(); // no call below makes the memory grow
    for (let wire = 0; wire < this.wires; wire++, at += FIELD_BYTES) {
      this.exports.getWitness(wire);
      file.set(exchange, at);
    }
    return file;
  }

  calculate(request) {
    try {
      this.setInputs(request);
      return this.witnessFile();
    } catch (error) {
      this.instantiate(); // nothing of a failed job stays
      throw error;
    }
  }
}

function send(content) {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(content.length);
  process.stdout.write(length);
  process.stdout.write(content);
}

const sendJson = (value) => send(Buffer.from(JSON.stringify(value), "utf8"));

async function* frames(stream) {
  let chunks = [];
  let held = 0;
  let wanted = null;
  for await (const chunk of stream) {
    chunks.push(chunk);
    held += chunk.length;
    while (held >= (wanted ?? 4)) {
      const all = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      const rest = all.subarray(wanted ?? 4);
      if (wanted === null) {
        wanted = all.readUInt32LE(0);
      } else {
        yield all.subarray(0, wanted);
        wanted = null;
      }
      chunks = [rest];
      held = rest.length;
    }
  }
}

/** Every failure as a frame; an unexpected one by its kind only, because its text could quote a value. */
const failure = (error) => (error instanceof CircuitFailure ? error.details : { ok: false, code: error.constructor.name });

let program = null;
try {
  program = new Program(new WebAssembly.Module(readFileSync(process.argv[2])));
  sendJson({ ok: true, inputs: program.inputs, wires: program.wires });
} catch (error) {
  sendJson(failure(error));
}
if (program !== null) {
  for await (const frame of frames(process.stdin)) {
    try {
      const file = program.calculate(frame);
      sendJson({ ok: true });
      send(file);
    } catch (error) {
      sendJson(failure(error));
    }
  }
}
