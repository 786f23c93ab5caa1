/**
 * Puts each room that every command needs into few files, in the place of the entries that the compiler wrote: a program
 * that loads a hundred small modules, and a hundred more of a library, spends most of its start on that. The other files
 * stay for the declarations and for those who look. Rooms stay packages of their own, so that a pipeline and the command
 * line share one copy of each.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./run.mjs";

/** Rooms, and whether the libraries that they import go into the files as well. */
const rooms = {
  core: false,
  pipeline: true,
  attest: false,
  seal: false,
  trust: false,
  kfp: false,
  engine: false,
};

for (const [room, withLibraries] of Object.entries(rooms)) await bundleRoom(room, withLibraries);

async function bundleRoom(room, withLibraries) {
  const directory = join(root, "packages", room);
  const { exports } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const dist = join(directory, "dist");
  rmSync(join(dist, "parts"), { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: directory,
    entryPoints: Object.values(exports).map((entry) => entry["@sealflow/source"]),
    outbase: "src",
    outdir: "dist",
    bundle: true,
    splitting: true,
    chunkNames: "parts/[hash]",
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import", "module"],
    target: "es2023",
    external: ["@sealflow/*", "node:*"],
    ...(withLibraries ? {} : { packages: "external" }),
    metafile: true,
    allowOverwrite: true,
    logLevel: "warning",
  });
  if (withLibraries) writeFileSync(join(dist, "THIRD-PARTY.txt"), licences(metafile, directory));
}

/** The licences of the libraries whose code is in the files. */
function licences({ inputs }, directory) {
  const homes = Object.keys(inputs).flatMap(
    (input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [],
  );
  return [...new Set(homes)]
    .sort()
    .map((home) => licence(join(directory, home)))
    .join("\n");
}

function licence(home) {
  const { name, version, license } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  const file = readdirSync(home).find((each) => /^licen[cs]e/i.test(each));
  const text = file && existsSync(join(home, file)) ? readFileSync(join(home, file), "utf8").trim() : "";
  return `${name} ${version}\nLicence: ${license}\n\n${text}\n`;
}
