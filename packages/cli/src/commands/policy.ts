/** `sealflow policy`. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type AppraisalPolicy, diffPolicies, parsePolicy, signPolicy } from "@sealflow/attest";
import { digestOfJson, fromUtf8, SealflowError } from "@sealflow/core";
import { ed25519Signer, encodeEnvelope } from "@sealflow/seal";
import { checkTrustPolicy, signTrustPolicy, type TrustPolicy } from "@sealflow/trust";
import { parseDocument } from "yaml";
import type { CliContext } from "../context.js";
import { readUserFile } from "../load/read-file.js";
import { readSigningKey } from "../load/signing-key.js";
import { visible } from "../render/text.js";
import type { PolicyFlags, PolicySignFlags } from "../routes/policy.js";

async function readPolicy(context: CliContext, file: string): Promise<AppraisalPolicy> {
  return parsePolicy(await readUserFile(resolve(context.cwd, file), file), file);
}

/** The trust policy in a file; undefined when it holds something else, an appraisal policy for example. */
async function readTrustPolicy(context: CliContext, file: string): Promise<TrustPolicy | undefined> {
  const text = await readUserFile(resolve(context.cwd, file), file);
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true, schema: "core" });
  if (document.errors.length > 0 || document.get("version") !== "sealflow.trust-policy/v1") return undefined;
  return checkTrustPolicy(document.toJS({ maxAliasCount: 0 }));
}

/** Checks a policy and prints its digest. */
export async function check(context: CliContext, flags: PolicyFlags, file: string): Promise<void> {
  const trust = await readTrustPolicy(context, file);
  const policy = trust ?? (await readPolicy(context, file));
  const { epoch } = policy;
  const { name } = trust?.appraisal ?? { name: "", ...policy };
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
  const text = await signedText(context, flags, file);
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

/** The envelope as text: of a trust policy in the one spelling that brokers take, of an appraisal policy readable. */
async function signedText(context: CliContext, flags: PolicySignFlags, file: string): Promise<string> {
  const trust = await readTrustPolicy(context, file);
  const key = await readSigningKey(context, flags.key);
  if (trust !== undefined) {
    const before = flags.previous === undefined ? undefined : await readTrustPolicy(context, flags.previous);
    if (before !== undefined) requireGrown(before, trust);
    return fromUtf8(encodeEnvelope(await signTrustPolicy(trust, ed25519Signer(key))));
  }
  const policy = await readPolicy(context, file);
  if (flags.previous !== undefined) requireGrown(await readPolicy(context, flags.previous), policy);
  return `${JSON.stringify(await signPolicy(policy, key), null, 2)}\n`;
}

function requireGrown(before: { readonly epoch: number }, after: { readonly epoch: number }): void {
  if (after.epoch > before.epoch) return;
  throw new SealflowError({
    code: "ATTEST_POLICY_EPOCH",
    message: `policy: expected an epoch above ${before.epoch}, got ${after.epoch}`,
    hint: "raise the epoch",
  });
}
