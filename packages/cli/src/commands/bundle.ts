/** `sealflow bundle`. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SealflowError } from "@sealflow/core";
import { writeFileAtomically } from "@sealflow/seal/node";
import { httpBroker } from "@sealflow/trust";
import type { CliContext } from "../context.js";
import { keyPath } from "../keys/keyring.js";
import { findProject } from "../project/project.js";
import { openProjectStore, resolveRunId } from "../project/run-reference.js";
import { formatBytes, visible } from "../render/text.js";
import type { BundleFlags } from "../routes/bundle.js";

/** Writes a run's bundle. */
export async function bundle(context: CliContext, flags: BundleFlags, run: string): Promise<void> {
  const { runId, bytes } =
    flags.broker === undefined ? await ownBundle(context, flags, run) : await fetched(flags.broker, run);
  const { stdout } = context.process;
  if (flags.output === "-") {
    stdout.write(Buffer.from(bytes).toString("utf8"));
    return;
  }
  const path = resolve(context.cwd, flags.output);
  await writeFileAtomically(path, [bytes], { replace: true }).catch((cause: unknown) => {
    const got = cause instanceof Error ? cause.message : String(cause);
    const message = `${flags.output}: expected a file that can be written, got ${got}`;
    throw new SealflowError({ code: "CLI_FILE_UNWRITABLE", message, where: { file: flags.output }, cause });
  });
  const result = { runId, file: flags.output, bytes: bytes.length };
  stdout.write(
    flags.json
      ? `${JSON.stringify(result)}\n`
      : `wrote ${visible(flags.output)}, ${formatBytes(bytes.length)}; sealflow verify ${visible(flags.output)} checks it\n`,
  );
}

async function fetched(url: string, runId: string) {
  const broker = httpBroker({ url, fetch, wait: sleep });
  return { runId, bytes: await broker.bundle(runId) };
}

/** From the broker in this project's store. */
async function ownBundle(context: CliContext, flags: BundleFlags, reference: string) {
  const store = await openProjectStore(context, flags.store);
  const runId = resolveRunId(store, reference);
  if (!existsSync(await keyPath(context, flags))) throw notSealed(runId);
  const { sealingOf } = await import("../sealed/project.js");
  const sealed = await sealingOf(context, flags, { store, project: await findProject(context.cwd) })();
  try {
    return { runId, bytes: await sealed.broker.bundle(runId) };
  } catch (error) {
    if (error instanceof SealflowError && error.code === "TRUST_RUN_UNKNOWN") throw notSealed(runId);
    throw error;
  } finally {
    await sealed.close();
  }
}

function notSealed(runId: string): SealflowError {
  return new SealflowError({
    code: "CLI_RUN_UNSEALED",
    message: `run ${runId}: expected a sealed run, got one without statements`,
    hint: "sealflow run --sealed makes runs that can be bundled and verified",
  });
}
