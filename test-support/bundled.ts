/** Programs for processes of their own, made from the sources that tests read. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packages = fileURLToPath(new URL("../packages/", import.meta.url));

/**
 * Writes a program that Node.js runs as it is: the rooms' sources are in it, libraries stay outside, so it has to lie in the
 * package whose libraries it uses.
 *
 * @param source A file, or a text with the directory that its imports start from.
 */
export async function bundleProgram(
  outfile: string,
  source: string | { readonly contents: string; readonly resolveDir: string },
): Promise<void> {
  await build({
    ...(typeof source === "string" ? { entryPoints: [source] } : { stdin: source }),
    outfile,
    ...{ bundle: true, platform: "node", format: "esm", target: "node20", logLevel: "error" },
    ...{ conditions: ["@sealflow/source"], packages: "external", alias: rooms() },
  });
}

/** Where the sources of each public entry of each room begin. */
function rooms(): Record<string, string> {
  const alias: Record<string, string> = {};
  for (const room of readdirSync(packages)) {
    const { name, exports } = JSON.parse(readFileSync(join(packages, room, "package.json"), "utf8")) as {
      readonly name: string;
      readonly exports?: Readonly<Record<string, { readonly "@sealflow/source"?: string }>>;
    };
    for (const [entry, { "@sealflow/source": file }] of Object.entries(exports ?? {})) {
      if (file !== undefined) alias[`${name}${entry.slice(1)}`] = join(packages, room, file);
    }
  }
  return alias;
}
