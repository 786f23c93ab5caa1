/** Builds the UI into the server's package: one page, and chunks that load when their page is opened. */
import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));

/** Builds into a directory, which is emptied first. */
export async function buildPages(outDir) {
  await build({
    root,
    configFile: false,
    logLevel: "error",
    resolve: {
      conditions: ["@sealflow/source", "module", "browser", "production"],
      // Compiles WebAssembly as it loads, which the page's policy forbids; hyparquet reads Snappy by itself.
      alias: { hysnappy: fileURLToPath(new URL("src/artifacts/no-snappy.ts", import.meta.url)) },
    },
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2023",
      // Everything is a file of its own: the page's policy allows no inline script, style or data address.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 1000,
    },
    worker: { format: "es" },
  });
  const inter = dirname(createRequire(import.meta.url).resolve("@fontsource-variable/inter/package.json"));
  copyFileSync(join(inter, "LICENSE"), join(outDir, "inter-license.txt"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPages(fileURLToPath(new URL("../server/dist/web/", import.meta.url)));
}
