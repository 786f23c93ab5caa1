/** `sealflow policy`. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type AppraisalPolicy, diffPolicies, parsePolicy, signPolicy } from "@sealflow/attest";
import { digestOfJson, SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readUserFile } from "../load/read-file.js";
import { readSigningKey } from "../load/signing-key.js";
import { visible } from "../render/text.js";
import type { PolicyFlags, PolicySignFlags } from "../routes/policy.js";

async function readPolicy(context: CliContext, file: string): Promise<AppraisalPolicy> {
  return parsePolicy(await readUserFile(resolve(context.cwd, file), file), file);
}

/** Checks a policy and prints its digest. */
export async function check(context: CliContext, flags: PolicyFlags, file: string): Promise<void> {
  const policy = await readPolicy(context, file);
  const { name, epoch } = policy;
  const digest = await digestOfJson(policy);
  const { stdout } = context.process;
  stdout.write(
    flags.json ? `${JSON.stringify({ name, epoch, digest })}\n` : `${name} epoch ${epoch} ${digest}\n`,
  );
}

/** Prints what changes. */
export async function diff(
  context: CliContext,
  flags: PolicyFlags,
  before: string,
  after: string,
): Promise<void> {
  const [old, fresh] = [await readPolicy(context, before), await readPolicy(context, after)];
  const changes = diffPolicies(old, fresh);
  const { stdout } = context.process;
  if (flags.json) {
    stdout.write(`${JSON.stringify({ changes })}\n`);
    return;
  }
  for (const change of changes) {
    if (change.before !== undefined) stdout.write(visible(`- ${change.path} ${change.before}`).concat("\n"));
    if (change.after !== undefined) stdout.write(visible(`+ ${change.path} ${change.after}`).concat("\n"));
  }
  if (changes.length > 0 && fresh.epoch <= old.epoch) {
    context.process.stderr.write(`warning: the epoch must grow: ${old.epoch} → ${fresh.epoch}\n`);
  }
}

/** Signs a policy. */
export async function sign(context: CliContext, flags: PolicySignFlags, file: string): Promise<void> {
  const policy = await readPolicy(context, file);
  if (flags.previous !== undefined) requireGrown(await readPolicy(context, flags.previous), policy);
  const key = await readSigningKey(context, flags.key);
  const text = `${JSON.stringify(await signPolicy(policy, key), null, 2)}\n`;
  if (flags.output === undefined) {
    context.process.stdout.write(text);
    return;
  }
  const output = flags.output;
  await writeFile(resolve(context.cwd, output), text).catch((cause: unknown) => {
    const message = `${output}: expected a file that can be written, got ${cause}`;
    throw new SealflowError({ code: "CLI_FILE_UNWRITABLE", message, where: { file: output }, cause });
  });
}

function requireGrown(before: AppraisalPolicy, after: AppraisalPolicy): void {
  if (after.epoch > before.epoch) return;
  throw new SealflowError({
    code: "ATTEST_POLICY_EPOCH",
    message: `policy: expected an epoch above ${before.epoch}, got ${after.epoch}`,
    hint: "raise the epoch",
  });
}
