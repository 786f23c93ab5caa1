/** The project behind sealed runs: its key, made by the first of them, and the anchors that bundles are verified by. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "@sealflow/engine";
import { type ProjectAnchors, SealedProject } from "@sealflow/engine/sealed";
import { writeKeyFile } from "@sealflow/seal/node";
import { formatTrustFile } from "@sealflow/trust";
import type { CliContext } from "../context.js";
import {
  defaultKeyName,
  ensureKeysDirectory,
  identitiesOf,
  type KeyFlags,
  keyPath,
  random,
  unlockKey,
} from "../keys/keyring.js";
import { givenPassphrase } from "../keys/passphrase.js";
import { systemCode } from "../load/read-file.js";
import type { Project } from "../project/project.js";
import { simulatedPlatforms } from "./simulated-platform.js";

/** Name of the file that says what a project's bundles are verified by. */
export const anchorsFile = "trust.yaml";

/** Opens the project, when a run wants it sealed. */
export function sealingOf(
  context: CliContext,
  flags: KeyFlags,
  { store, project }: { readonly store: Store; readonly project: Project },
): () => Promise<SealedProject> {
  return async () => {
    await ensureKey(context, flags);
    const opened = await SealedProject.open({
      store: store.layout,
      identities: await identitiesOf(await unlockKey(context, flags)),
      platforms: simulatedPlatforms(context.clock.now),
      random,
      now: context.clock.now,
    });
    await writeAnchors(context, join(project.directory, anchorsFile), opened.anchors);
    return opened;
  };
}

/** The first sealed run makes the project's key, and says so. */
async function ensureKey(context: CliContext, flags: KeyFlags): Promise<void> {
  const path = await keyPath(context, flags);
  if (existsSync(path)) return;
  await ensureKeysDirectory(context, flags);
  const passphrase = await givenPassphrase(context, flags);
  const protection =
    passphrase === undefined
      ? ({ kind: "permissions" } as const)
      : ({ kind: "passphrase", passphrase } as const);
  const createdAt = new Date(context.clock.now()).toISOString();
  await writeKeyFile(path, { name: defaultKeyName, createdAt, secrets: [random.bytes(32)] }, { protection });
  context.process.stderr.write(`made the project's key ${path}: keep a copy (sealflow keys split)\n`);
}

/** Written once: whoever verifies must not take new anchors from what is to be verified. */
async function writeAnchors(context: CliContext, path: string, anchors: ProjectAnchors): Promise<void> {
  try {
    await writeFile(path, formatTrustFile(anchors), { flag: "wx" });
    context.process.stderr.write(`wrote ${path}: what this project's bundles are verified by\n`);
  } catch (error) {
    // One that is there stays; a project directory that can't be written still runs.
    const problem = systemCode(error) === "EEXIST" ? await foreign(path, anchors) : `could not write ${path}`;
    if (problem !== undefined) context.process.stderr.write(`warning: ${problem}\n`);
  }
}

/** What to say of anchors that are not those of this store, for example of one that was deleted. */
async function foreign(path: string, { brokerKey }: ProjectAnchors): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  if (text.includes(brokerKey)) return undefined;
  return `${path} does not name the broker of this store: bundles of its runs will not be trusted by it; keep it for older bundles under another name, and remove it here`;
}
