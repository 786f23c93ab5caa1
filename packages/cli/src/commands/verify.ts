/** `sealflow verify`. */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { type Digest, isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import { parseEnvelope } from "@sealflow/seal";
import { openingOfFile } from "@sealflow/seal/node";
import {
  type BundleVerdict,
  envelopeDigest,
  parseTrustFile,
  type TrustAnchors,
  verifyBundle,
} from "@sealflow/trust";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { readUserBytes } from "../load/read-bytes.js";
import { readUserFile } from "../load/read-file.js";
import { styleFor } from "../render/style.js";
import { renderVerdict } from "../render/verdict.js";
import type { VerifyFlags } from "../routes/verify.js";

/** Name of a project's anchors. */
const trustFile = "trust.yaml";

/** An artifact that was named, and what it is in the run. */
export interface FoundArtifact {
  readonly file: string;
  readonly digest: Digest;
  /** `task/output`, or `input NAME`; undefined when the run does not have it. */
  readonly as?: string;
}

/** Verifies a bundle; the exit code is the verdict. */
export async function verify(context: CliContext, flags: VerifyFlags, file: string): Promise<number> {
  const bundle = await readBundle(context, file);
  const trust = await findAnchors(context, flags.trust);
  const policy = flags.policy === undefined ? undefined : await policyDigest(context, flags.policy);
  const verdict = await verifyBundle(bundle, {
    ...(trust === undefined ? {} : { anchors: trust.anchors }),
    ...(policy === undefined ? {} : { policy }),
    ...(flags.collateral === undefined
      ? {}
      : { later: { collateral: await readCollateral(context, flags.collateral), at: context.clock.now() } }),
  });
  const artifacts = await Promise.all(
    (flags.artifact ?? []).map((each) => findArtifact(context, each, verdict)),
  );
  const settled = withArtifacts(verdict, artifacts);
  const { stdout, env } = context.process;
  const shown = { verdict: settled, artifacts, ...(trust === undefined ? {} : { trustFile: trust.file }) };
  stdout.write(
    flags.json
      ? `${JSON.stringify({ ...settled, artifacts, trustFile: trust?.file ?? null })}\n`
      : renderVerdict(shown, styleFor(wantsColour(stdout, env))),
  );
  return settled.verdict === "trusted" ? exitCode.ok : exitCode.refused;
}

async function readBundle(context: CliContext, file: string): Promise<Uint8Array> {
  if (file !== "-") return readUserBytes(context, file);
  const parts: Uint8Array[] = [];
  for await (const part of process.stdin) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

/** The named anchors, or the nearest `trust.yaml` at or above the working directory. */
async function findAnchors(
  context: CliContext,
  named: string | undefined,
): Promise<{ readonly file: string; readonly anchors: TrustAnchors } | undefined> {
  const path = named === undefined ? nearest(context.cwd) : resolve(context.cwd, named);
  if (path === undefined) return undefined;
  const file = named ?? (relative(context.cwd, path) || path);
  return { file, anchors: parseTrustFile(await readUserFile(path, file), file) };
}

function nearest(start: string): string | undefined {
  for (let directory = start; ; directory = dirname(directory)) {
    const path = join(directory, trustFile);
    if (existsSync(path)) return path;
    if (dirname(directory) === directory) return undefined;
  }
}

async function policyDigest(context: CliContext, file: string): Promise<Digest> {
  const text = await readUserFile(resolve(context.cwd, file), file);
  try {
    return await envelopeDigest(parseEnvelope(text.trimEnd()));
  } catch (cause) {
    throw new SealflowError({
      code: "CLI_POLICY_UNSIGNED",
      message: `--policy ${file}: expected a signed trust policy, got another file`,
      where: { file },
      hint: "give the envelope that the broker works under: GET /v1/broker shows it",
      cause,
    });
  }
}

async function readCollateral(context: CliContext, file: string): Promise<JsonObject> {
  const text = await readUserFile(resolve(context.cwd, file), file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (isJsonObject(value)) return value;
  throw new SealflowError({
    code: "CLI_COLLATERAL_INVALID",
    message: `--collateral ${file}: expected collateral in its JSON form, got another file`,
    where: { file },
  });
}

/** What a sealed artifact is in the run, by the digest of its content. */
async function findArtifact(
  context: CliContext,
  file: string,
  verdict: BundleVerdict,
): Promise<FoundArtifact> {
  const path = resolve(context.cwd, file);
  if (!existsSync(path)) await readUserFile(path, file);
  const digest = (await openingOfFile(path)).digest;
  const as = placeOf(digest, verdict);
  return { file, digest, ...(as === undefined ? {} : { as }) };
}

function placeOf(digest: Digest, { run }: BundleVerdict): string | undefined {
  for (const task of run?.tasks ?? []) {
    for (const [name, list] of Object.entries(task.outputs?.artifacts ?? {})) {
      if (list.some((each) => each.digest === digest)) return `${task.path}/${name}`;
    }
  }
  const input = Object.entries(run?.inputs ?? {}).find(([, each]) => each === digest);
  return input === undefined ? undefined : `input ${input[0]}`;
}

/** The verdict, refused when a named artifact is none of the run's. */
function withArtifacts(verdict: BundleVerdict, artifacts: readonly FoundArtifact[]): BundleVerdict {
  if (verdict.verdict === "refused") return verdict;
  const checks = artifacts.map(({ file, digest, as }) => ({
    ...{ code: "TRUST_BUNDLE_ARTIFACT", what: "the artifact is one of the run's", where: file },
    ...{
      passed: as !== undefined,
      expected: "an input or output of the run",
      got: as ?? `${digest}, which it does not have`,
    },
  }));
  const failed = checks.find(({ passed }) => !passed);
  const all = { ...verdict, checks: [...verdict.checks, ...checks] };
  return failed === undefined ? all : { ...all, verdict: "refused", code: failed.code };
}
