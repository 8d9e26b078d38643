// Bundles the check page's program: `npm run build-check-page` writes check.js beside this file, from the pinned
// packages in node_modules, byte for byte the same wherever it runs. It is not minified: who reads the page's source
// reads this. `--out FILE` writes elsewhere.

import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const place = process.argv.indexOf("--out");
const out = place > 0 ? process.argv[place + 1] : join(here, "check.js");
const licences = await Promise.all(
  ["@noble/curves", "@noble/hashes"].map(async (name) => {
    const { version } = JSON.parse(await readFile(join(root, "node_modules", name, "package.json"), "utf8"));
    const text = await readFile(join(root, "node_modules", name, "LICENSE"), "utf8");
    return `${name} ${version}\n\n${text.trim()}`;
  }),
);

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ["verifier/site/src/main.js"],
  bundle: true,
  write: false,
  format: "iife",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  banner: { js: `/*! The check page of ZK-M2M, with:\n\n${licences.join("\n\n")}\n*/` },
});
await writeFile(out, outputFiles[0].contents);
