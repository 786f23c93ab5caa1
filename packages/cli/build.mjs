/** Bundles the command line: one small start file, and chunks that load when their command is used. */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const directory = fileURLToPath(new URL(".", import.meta.url));
const outdir = `${directory}dist/bundle`;
rmSync(outdir, { recursive: true, force: true });
await build({
  absWorkingDir: directory,
  entryPoints: ["src/bin.ts"],
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  // The rooms stay packages of their own, so that a user's pipeline and the command line share one copy of them.
  external: ["@sealflow/*", "esbuild", "yaml"],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "eof",
  logLevel: "warning",
});
