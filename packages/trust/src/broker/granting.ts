/** Granting: what a due task gets, and what it must prove before. */
import { type Digest, digestOfJson, fromHex, type JsonObject, type Random, toHex } from "@sealflow/core";
import type { ArtifactValue, DueTask } from "@sealflow/pipeline";
import { failure } from "../failure.js";
import { commitmentOf, type GrantContent } from "../grant.js";
import type { Flow, TrustPolicy } from "../policy.js";
import { member, recordOf } from "../record.js";
import { staticPath } from "../run/static-analysis.js";
import type { Transcript } from "../transcript.js";
import type { Salts } from "./records.js";
import type { RunState } from "./run-state.js";

/** How many attempts of a task may get a grant. */
export function maximumAttempts(task: DueTask, policy: Pick<TrustPolicy, "maximumAttempts">): number {
  const { maxRetryCount } = task.retryPolicy ?? {};
  return Math.min(
    policy.maximumAttempts,
    maxRetryCount === undefined ? Number.POSITIVE_INFINITY : maxRetryCount + 1,
  );
}

/** What a task's transcript must say, whoever asks. */
export interface ExpectedTranscript {
  readonly domain: string;
  readonly brokerKey: string;
  readonly registration: Digest;
  readonly policy: Digest;
  readonly policyEpoch: number;
  readonly component: string;
}

/** @throws SealflowError `TRUST_TRANSCRIPT_MISMATCH` */
export function requireTranscript(transcript: Transcript, expected: ExpectedTranscript): void {
  for (const [name, value] of Object.entries(expected)) {
    const got = transcript[name as keyof ExpectedTranscript];
    if (got === value) continue;
    throw failure("TRUST_TRANSCRIPT_MISMATCH", `transcript of ${transcript.path}, ${name}`, {
      expected: `${value}`,
      got: `${got}`,
    });
  }
}

/** Fresh salts for a task's input parameters. */
export function newSalts(task: DueTask, random: Random): Salts {
  return recordOf(
    Object.keys(task.inputs.parameters).map((name) => [name, toHex(random.bytes(32))] as const),
  );
}

/** Commitments to a task's input parameters. */
export async function inputCommitments(task: DueTask, salts: Salts): Promise<Record<string, Digest>> {
  const entries = Object.entries(task.inputs.parameters).map(async ([name, value]) => {
    const salt = member(salts, name) ?? "";
    return [name, await commitmentOf(value, fromHex(salt))] as const;
  });
  return recordOf(await Promise.all(entries));
}

/** Digests of a task's input artifacts. */
export function inputDigests(task: DueTask): Record<string, Digest[]> {
  const entries = Object.entries(task.inputs.artifacts);
  return recordOf(entries.map(([name, list]) => [name, list.map(digestOfArtifact)] as const));
}

/** Every artifact of a registered run is known by its digest. */
export function digestOfArtifact(artifact: ArtifactValue): Digest {
  return artifact.digest as Digest;
}

/** What a grant says. Holds keys. */
export function grantContent(
  run: RunState,
  task: DueTask,
  terms: {
    readonly attempt: number;
    readonly component: Digest;
    readonly salts: Salts;
    readonly broker: string;
    readonly expiresAt: number;
  },
): GrantContent {
  const { attempt, component, salts, broker, expiresAt } = terms;
  const parameters = Object.entries(task.inputs.parameters).map(
    ([name, value]) => [name, { value, salt: member(salts, name) ?? "" }] as const,
  );
  const inputs = Object.entries(task.inputs.artifacts).map(
    ([name, list]) => [name, list.map((each) => grantedInput(run, each))] as const,
  );
  return {
    version: "sealflow.grant/v1",
    runId: run.registration.runId,
    ...{ path: task.path, attempt, component, broker },
    parameters: recordOf(parameters),
    inputs: recordOf(inputs),
    outputs: {
      parameters: recordOf(
        Object.entries(task.outputParameters).map(
          ([name, { parameterType }]) => [name, parameterType] as const,
        ),
      ),
      artifacts: recordOf(
        Object.entries(task.outputArtifacts).map(
          ([name, definition]) => [name, declaredOutput(definition)] as const,
        ),
      ),
    },
    recipients: [...run.registration.recipients],
    release: releasedOutputs(run, task),
    expiresAt: new Date(expiresAt).toISOString(),
  };
}

function grantedInput(run: RunState, artifact: ArtifactValue): GrantContent["inputs"][string][number] {
  const digest = digestOfArtifact(artifact);
  const known = run.artifacts.get(digest);
  if (known === undefined) {
    throw failure("TRUST_INPUT_KEY", `artifact ${digest}`, {
      expected: "its data key, from its opening at the registration or from a commit",
      got: "none",
    });
  }
  return {
    ...{
      name: artifact.name,
      digest,
      key: known.key,
      statement: known.statement,
      metadata: artifact.metadata,
    },
    type: jsonObject(artifact.type),
  };
}

function declaredOutput(definition: DueTask["outputArtifacts"][string]) {
  const { artifactType, isArtifactList, metadata } = definition;
  return { type: jsonObject(artifactType), list: isArtifactList === true, metadata: metadata ?? {} };
}

function jsonObject(type: ArtifactValue["type"]): JsonObject {
  return { ...type };
}

function releasedOutputs(run: RunState, task: DueTask): string[] {
  const released = new Set(run.registration.release);
  const names = [...Object.keys(task.outputParameters), ...Object.keys(task.outputArtifacts)];
  return names.filter((name) => released.has(`${staticPath(task.path)}/${name}`)).sort();
}

/**
 * What a result may be found by: everything that it follows from. Input artifacts count as the sealed artifacts that they
 * are, so that verifiers can see that they are the same. Secret: it would confirm guesses of parameters.
 */
export async function resultIdentity(
  run: RunState,
  task: DueTask,
  component: Flow["components"][string],
): Promise<Digest> {
  const inputs = Object.entries(task.inputs.artifacts).map(([name, list]) => {
    const of = (each: ArtifactValue) => ({
      digest: digestOfArtifact(each),
      type: each.type,
      metadata: each.metadata,
    });
    return [name, list.map(of)] as const;
  });
  const { submitter, recipients } = run.registration;
  return digestOfJson({
    component,
    componentName: task.componentName,
    ...(task.caching.key === undefined ? {} : { cacheKey: task.caching.key }),
    parameters: task.inputs.parameters,
    inputs: recordOf(inputs),
    outputs: { parameters: task.outputParameters, artifacts: task.outputArtifacts },
    ...{ submitter, recipients },
  });
}
