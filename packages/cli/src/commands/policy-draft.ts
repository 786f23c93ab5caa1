/** `sealflow policy draft`: the trust policy of one pipeline in one image, for the data owner to read, change and sign. */

import { resolve } from "node:path";
import type { ImageLock } from "@sealflow/cluster";
import { type Digest, SealflowError, toHex } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import { openingOfFile } from "@sealflow/seal/node";
import { checkTrustPolicy, type Flow, pipelineDigest, type TrustPolicy } from "@sealflow/trust";
import { stringify } from "yaml";
import { readImageLock } from "../confidential/image-lock.js";
import { canonicalDocument } from "../confidential/register.js";
import type { CliContext } from "../context.js";
import { recipientNamed } from "../keys/keyring.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { publicKeyNamed } from "../load/public-key.js";
import { writeUserFile } from "../load/write-file.js";
import type { PolicyDraftFlags } from "../routes/policy.js";

/** Writes a draft. What it allows is this run, again and again, and nothing else. */
export async function draft(context: CliContext, flags: PolicyDraftFlags, file: string): Promise<void> {
  const { document } = await loadPipeline(context, file, { pipeline: flags.pipeline });
  const canonical = canonicalDocument(document);
  const locks = await Promise.all(flags.image.map((name) => readImageLock(context, name)));
  const [submitter = "", key = ""] = split(flags.submitter, "--submitter");
  const flow: Flow = {
    ...{ submitter, spec: await pipelineDigest(canonical), components: componentsOf(canonical, locks) },
    inputs: await inputsOf(context, flags.input ?? []),
    recipients: await Promise.all(
      (flags.recipient ?? []).map(async (each) => toHex(await recipientNamed(context, flags, each))),
    ),
    release: [...(flags.release ?? [])],
    declassify: [...(flags.declassify ?? [])],
  };
  const policy = policyOf(flags, locks, {
    flow,
    submitters: { [submitter]: await publicKeyNamed(context, "--submitter", key) },
  });
  const text = `# Read it before you sign it: who may run what, in which enclaves, and who gets the results.\n${stringify(checkTrustPolicy(policy))}`;
  if (flags.output === undefined) context.process.stdout.write(text);
  else writeUserFile(context, flags.output, text);
}

function policyOf(
  { epoch = 1, simulatedRoot = [] }: PolicyDraftFlags,
  locks: readonly ImageLock[],
  { flow, submitters }: { readonly flow: Flow; readonly submitters: TrustPolicy["submitters"] },
): object {
  return {
    version: "sealflow.trust-policy/v1",
    ...{ epoch, submitters, flows: [flow], maximumAttempts: 3 },
    appraisal: {
      version: "sealflow.appraisal/v1",
      name: flow.submitter,
      epoch,
      components: Object.fromEntries(locks.map((lock, index) => [nameOf(index), [measurementOf(lock)]])),
      tcb: { statuses: ["UpToDate", "SWHardeningNeeded"], advisories: [], minimumEvaluation: 0 },
      platforms: "any",
      simulatedRoots: [...simulatedRoot],
    },
  };
}

const nameOf = (index: number) => `image-${index + 1}`;

/** Of a simulated enclave the image's digest is what is measured. */
function measurementOf({ enclave, image }: ImageLock) {
  if (enclave === null) return { mrenclave: image.slice(-64), minimumSvn: 0 };
  const { mrenclave, productId, svn } = enclave;
  return { mrenclave, productId, minimumSvn: svn };
}

function componentsOf({ spec }: PipelineDocument, locks: readonly ImageLock[]): Flow["components"] {
  const executors = spec.deploymentSpec.executors ?? {};
  const entries = Object.entries(spec.components ?? {}).flatMap(([name, { executorLabel }]) => {
    if (executorLabel === undefined || executors[executorLabel]?.container === undefined) return [];
    const index = locks.findIndex((lock) => Object.hasOwn(lock.executors, executorLabel));
    const digest = locks[index]?.executors[executorLabel]?.component;
    if (digest === undefined) throw absent(executorLabel);
    return [[name, { measuredAs: nameOf(index), digest }] as const];
  });
  return Object.fromEntries(entries);
}

async function inputsOf(context: CliContext, named: readonly string[]): Promise<Flow["inputs"]> {
  const inputs: Record<string, Digest[]> = {};
  for (const each of named) {
    const [name = "", file = ""] = split(each, "--input");
    inputs[name] = [...(inputs[name] ?? []), (await openingOfFile(resolve(context.cwd, file))).digest];
  }
  return inputs;
}

function split(text: string, flag: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new SealflowError({
    code: "CLI_INPUT_SYNTAX",
    message: `${flag}: expected name=file, got ${JSON.stringify(text)}`,
  });
}

function absent(executor: string): SealflowError {
  return new SealflowError({
    code: "CLI_DRAFT_COMPONENT",
    message: `executor ${executor}: expected it in one of the images, got none that holds it`,
    hint: "sealflow image build bakes it in; executors that stay in the clear get no keys and need no policy",
  });
}
