/** `sealflow policy`. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { diffPolicies, signPolicy } from "@sealflow/attest";
import { digestOfJson, fromUtf8, SealflowError } from "@sealflow/core";
import { ed25519Signer, encodeEnvelope } from "@sealflow/seal";
import { signTrustPolicy } from "@sealflow/trust";
import type { CliContext } from "../context.js";
import { readPolicyFile, requireSameKind } from "../load/policy-file.js";
import { readSigningKey } from "../load/signing-key.js";
import { visible } from "../render/text.js";
import type { PolicyFlags, PolicySignFlags } from "../routes/policy.js";

/** Checks a policy and prints its digest. */
export async function check(context: CliContext, flags: PolicyFlags, file: string): Promise<void> {
  const { kind, policy, signed } = await readPolicyFile(context, file);
  const { epoch } = policy;
  const { name } = kind === "trust" ? policy.appraisal : policy;
  if (signed) context.process.stderr.write(`note: ${file} is signed; by whom is not verified here\n`);
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
  const [earlier, later] = [await readPolicyFile(context, before), await readPolicyFile(context, after)];
  requireSameKind(earlier, later, before);
  const [old, fresh] = [earlier.policy, later.policy];
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
  const given = await readPolicyFile(context, file);
  const key = await readSigningKey(context, flags.key);
  if (flags.previous !== undefined) {
    const before = await readPolicyFile(context, flags.previous);
    requireSameKind(before, given, flags.previous);
    requireGrown(before.policy, given.policy);
  }
  if (given.kind === "trust")
    return fromUtf8(encodeEnvelope(await signTrustPolicy(given.policy, ed25519Signer(key))));
  return `${JSON.stringify(await signPolicy(given.policy, key), null, 2)}\n`;
}

function requireGrown(before: { readonly epoch: number }, after: { readonly epoch: number }): void {
  if (after.epoch > before.epoch) return;
  throw new SealflowError({
    code: "ATTEST_POLICY_EPOCH",
    message: `policy: expected an epoch above ${before.epoch}, got ${after.epoch}`,
    hint: "raise the epoch",
  });
}
