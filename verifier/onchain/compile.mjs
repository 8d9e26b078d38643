// Compiles a file of the compiler's standard JSON input: node compile.mjs INPUT OUTPUT, from the folder of node_modules.
// OUTPUT gets, by contract: abi, bytecode, selectors; interfaces have no bytecode and are left out.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const solc = createRequire(join(process.cwd(), "package.json"))("solc");
const [input, output] = process.argv.slice(2);
const compiled = JSON.parse(solc.compile(readFileSync(input, "utf8")));
const messages = (compiled.errors ?? []).map((found) => found.formattedMessage);
if (messages.length > 0) {
  console.error(messages.join("\n"));
  process.exit(1);
}
const contracts = Object.values(compiled.contracts)
  .flatMap((file) => Object.entries(file))
  .filter(([, made]) => made.evm.bytecode.object !== "")
  .map(([name, made]) => [
    name,
    { abi: made.abi, bytecode: `0x${made.evm.bytecode.object}`, selectors: made.evm.methodIdentifiers },
  ]);
writeFileSync(output, `${JSON.stringify({ compiler: solc.version(), contracts: Object.fromEntries(contracts) })}\n`);
