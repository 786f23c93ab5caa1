/** `sealflow broker image`: the broker as one file and its database driver, on top of an image with Node.js. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { layeredImage, storedLogins } from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import type { BrokerImageFlags } from "../routes/broker-deploy.js";

const home = "/opt/sealflow/broker";

/** Packages with machine code: they go as they are, with what they need. */
const native = "libsql";
const driver = "@libsql/linux-x64-gnu";

/** Builds and pushes the image. */
export async function image(context: CliContext, flags: BrokerImageFlags): Promise<void> {
  const { env, stdout, stderr } = context.process;
  const entries = [
    { path: `${home}/main.mjs`, content: await bundled(context) },
    ...[native, driver].flatMap((name) => packageEntries(name)),
  ];
  const built = await layeredImage(
    { base: flags.base, target: flags.to, entries, entrypoint: ["node", `${home}/main.mjs`] },
    { fetch, logins: storedLogins(env) },
    (line) => stderr.write(`${line}\n`),
  );
  stdout.write(flags.json ? `${JSON.stringify({ image: built })}\n` : `${built}\n`);
}

/** This version's broker in one file. */
async function bundled(context: CliContext): Promise<Uint8Array> {
  const { build } = await import("esbuild");
  const here = fileURLToPath(import.meta.url);
  const entry = join(dirname(here), "..", `broker-main.${here.endsWith(".ts") ? "ts" : "js"}`);
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: [...context.conditions],
    external: [native],
    // Libraries of the older kind ask for Node's own parts by `require`.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    legalComments: "none",
    logLevel: "silent",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new TypeError("bundle: expected one file");
  return Uint8Array.from(file.contents);
}

/** A package as it is installed here, with its own packages. */
function packageEntries(name: string, from = import.meta.url) {
  const root = rootOf(name, from);
  const place = (file: string) => `${home}/node_modules/${name}/${relative(root, file).split(sep).join("/")}`;
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).map((file) => join(root, file));
  const own: { path: string; content: Uint8Array }[] = files
    .filter((file) => statSync(file).isFile())
    .map((file) => ({ path: place(file), content: Uint8Array.from(readFileSync(file)) }));
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  for (const each of Object.keys(dependencies)) {
    if (existsSync(join(root, "node_modules", each))) continue;
    own.push(...packageEntries(each, join(root, "package.json")));
  }
  return own;
}

function rootOf(name: string, from: string): string {
  const places = createRequire(from).resolve.paths(name) ?? [];
  const found = places
    .map((place) => join(place, name))
    .find((place) => existsSync(join(place, "package.json")));
  if (found !== undefined) return found;
  throw new SealflowError({
    code: "CLI_BROKER_IMAGE",
    message: `${name}: expected it among the packages of this installation, got none`,
    hint: "build the image on Linux (x86-64, glibc), or install the package: npm install --force @libsql/linux-x64-gnu",
  });
}
