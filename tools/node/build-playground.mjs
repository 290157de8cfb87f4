// Bundles GraphiQL into nova/gateway/playground/: `npm run playground`. The result is committed, so that Nova serves
// its playground without the internet and without Node.js.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../../nova/gateway/playground");

const result = await build({
  entryPoints: { playground: join(here, "playground/main.jsx") },
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  charset: "utf8",
  legalComments: "none",
  loader: { ".woff2": "dataurl", ".woff": "empty", ".ttf": "empty" },
  define: { "process.env.NODE_ENV": '"production"' },
  metafile: true,
});

// Every package that went in, with its version and its licence, whole.
const packages = new Map();
for (const input of Object.keys(result.metafile.inputs)) {
  const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (match) packages.set(match[1], join(here, "node_modules", match[1]));
}
const notices = [...packages].sort().map(([name, folder]) => {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const text = licence(folder) ?? `(The package carries no licence file; it declares ${about.license}.)`;
  return `${name} ${about.version}: ${about.license}\n\n${text.trim()}\n`;
});
writeFileSync(
  join(out, "LICENSES.txt"),
  `The files playground.js and playground.css hold these packages, bundled by tools/node/build-playground.mjs.\n\n` +
    notices.join(`\n${"-".repeat(100)}\n\n`),
);

function licence(folder) {
  for (const name of ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "license", "License", "MIT-LICENSE.txt"]) {
    try {
      return readFileSync(join(folder, name), "utf8");
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  return undefined;
}
