/** One sealed run: registered with the broker before its first task, by a signature of the project's submitter. */
import { join } from "node:path";
import { type Digest, digestOfJson, type JsonObject, SealflowError, toHex } from "@sealflow/core";
import {
  type ComponentSpec,
  createInterpretation,
  type Decision,
  type DueTask,
  type PipelineDocument,
  type RunContext,
} from "@sealflow/pipeline";
import { type Flow, type InputOpening, type Registration, signRegistration } from "@sealflow/trust";
import type { EnvironmentNeeds } from "../environments/environment.js";
import { componentDigest } from "./component.js";
import { sealInput } from "./external.js";
import { registrationLifetimeMs, type SealedProject } from "./project.js";
import { sealedWorks } from "./support.js";
import { submitterName } from "./trust-policy.js";

/** What may leave a sealed run in the clear, besides states and timings. Names are `task/output`, without loop indices. */
export interface SealedSettings {
  /** Output parameters, and metadata of output artifacts, that the run and its bundle show. Default: none. */
  readonly release: readonly string[];
  /** Output parameters that conditions and loops need, seen by whoever orders the tasks. Default: none. */
  readonly declassify: readonly string[];
}

/** A registered run, as its tasks need it. */
export interface SealedSession {
  readonly project: SealedProject;
  /** Component digests by executor. */
  readonly components: ReadonlyMap<string, Digest>;
  /** What the component's environment is named in its digest. */
  readonly environments: ReadonlyMap<string, Digest>;
  /** Registered inputs by path of their importer. */
  readonly inputs: Readonly<Record<string, Digest>>;
}

/** Requirements of the packages that sealing itself needs, for environments that lack them. */
export const sealingNeeds: EnvironmentNeeds = {
  installations: [{ requirements: ["cryptography==50.0.2"], noDependencies: false }],
  indexUrls: [],
  trustedHosts: [],
};

/** What a session is made for. */
export interface SessionRequest {
  readonly document: PipelineDocument;
  readonly context: RunContext & {
    readonly runId: string;
    readonly runName: string;
    readonly createTime: string;
  };
  readonly parameters: JsonObject;
  readonly directory: string;
  readonly digestOf: (needs: EnvironmentNeeds) => Promise<Digest>;
  readonly runtime: Digest;
}

/** Measures what a run will run. @throws SealflowError `ENGINE_SEALED_UNSUPPORTED`, `ENGINE_PYTHON_MISSING` */
export async function measure(
  project: SealedProject,
  request: SessionRequest,
): Promise<Pick<SealedSession, "project" | "components" | "environments">> {
  const components = new Map<string, Digest>();
  const environments = new Map<string, Digest>();
  const sealing = await request.digestOf(sealingNeeds);
  for (const [label, work] of sealedWorks(request.document, request.directory)) {
    const own = await request.digestOf(work.needs);
    const environment = await digestOfJson({ environment: own, sealing });
    const env = Object.fromEntries((work.container.env ?? []).map(({ name, value }) => [name, value ?? ""]));
    environments.set(label, environment);
    components.set(
      label,
      componentDigest({
        source: work.digest,
        function: work.function,
        environment,
        runtime: request.runtime,
        env,
      }),
    );
  }
  return { project, components, environments };
}

/**
 * Seals the run's inputs, puts a policy in force that allows it, and registers it.
 *
 * @throws SealflowError `ENGINE_SEALED_…`, `TRUST_REGISTRATION_…`, `SEAL_…`
 */
export async function register(
  project: SealedProject,
  request: SessionRequest,
  settings: SealedSettings & { readonly reuse: boolean },
): Promise<SealedSession> {
  const measured = await measure(project, request);
  const { inputs, openings } = await sealInputs(project, request);
  const recipients = project.recipients.map(toHex);
  const document = { ...request.document } as unknown as JsonObject;
  const spec = await digestOfJson(document);
  const { components, measurements } = flowComponents(request.document, measured.components);
  const flow: Flow = {
    submitter: submitterName,
    spec,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, digest]) => [name, [digest]])),
    components,
    recipients,
    release: [...settings.release],
    declassify: [...settings.declassify],
  };
  await project.allow({ flow, measurements });
  const { policy } = await project.broker.describe();
  const { runId, runName, createTime } = request.context;
  const registration: Registration = {
    version: "sealflow.registration/v1",
    ...{ runId, runName, submitter: submitterName, spec, inputs, recipients },
    parameters: request.parameters,
    release: [...settings.release],
    declassify: [...settings.declassify],
    reuse: settings.reuse,
    policy: policy.digest as Digest,
    policyEpoch: policy.epoch,
    createdAt: createTime,
    expiresAt: new Date(Date.parse(createTime) + registrationLifetimeMs).toISOString(),
  };
  const envelope = await signRegistration(registration, project.submitter);
  await project.broker.register({ runId, registration: envelope, document, openings });
  return { ...measured, inputs };
}

/**
 * The session of a run that is registered already. What the policy in force would refuse it is said before anything runs, so that
 * the run stays as it is.
 *
 * @throws SealflowError `ENGINE_SEALED_STALE`, and as `measure`
 */
export async function rejoin(
  project: SealedProject,
  request: SessionRequest,
  inputs: Readonly<Record<string, Digest>>,
): Promise<SealedSession> {
  const measured = await measure(project, request);
  const spec = await digestOfJson({ ...request.document } as unknown as JsonObject);
  const { components } = flowComponents(request.document, measured.components);
  const { allowed, epoch } = await project.allows({ spec, components });
  if (!allowed) throw stale(request.context.runId, epoch);
  return { ...measured, inputs };
}

function stale(runId: string, epoch: number): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_STALE",
    message: `run ${runId}: expected components that the project's policy (epoch ${epoch}) allows for its pipeline, got others, or a pipeline that it has dropped`,
    hint: "Sealflow, Python or a package changed since the run was registered, or many other pipelines ran: start it again with sealflow run --sealed; what the policy still permits of its results is reused",
  });
}

/** Importers whose place is known before anything has run, sealed. */
async function sealInputs(
  project: SealedProject,
  { document, parameters, context, directory }: SessionRequest,
): Promise<{ inputs: Record<string, Digest>; openings: Record<string, InputOpening> }> {
  const inputs: Record<string, Digest> = {};
  const openings: Record<string, InputOpening> = {};
  for (const task of importersAtStart(createInterpretation(document.spec, parameters, context).start())) {
    const { digest, opening } = await sealInput(project, importedUri(task), directory);
    inputs[task.path] = digest;
    openings[digest] = opening;
  }
  return { inputs, openings };
}

function importersAtStart(decisions: readonly Decision[]): DueTask[] {
  return decisions.flatMap((decision) =>
    decision.kind === "run" && decision.task.executor.importer !== undefined ? [decision.task] : [],
  );
}

function importedUri(task: DueTask): string {
  const { artifactUri } = task.executor.importer ?? {};
  const { constant, constantValue, runtimeParameter } = artifactUri ?? {};
  const value =
    runtimeParameter === undefined
      ? (constant ?? constantValue?.stringValue)
      : task.inputs.parameters[runtimeParameter];
  if (typeof value === "string" && value !== "" && !value.includes("{{$")) return value;
  throw new SealflowError({
    code: "ENGINE_SEALED_IMPORT",
    message: `importer ${task.path}: expected a path that is known before the run, got ${JSON.stringify(value ?? null)}`,
    hint: "give it as a constant or as a parameter of the run",
  });
}

/** Components of the flow by name, with measurements under names of their own. */
function flowComponents(
  document: PipelineDocument,
  digests: ReadonlyMap<string, Digest>,
): { components: Flow["components"]; measurements: Record<string, string> } {
  const components: Flow["components"] = {};
  const measurements: Record<string, string> = {};
  for (const [name, component] of Object.entries<ComponentSpec>(document.spec.components ?? {})) {
    const digest = digests.get(component.executorLabel ?? "");
    if (digest === undefined) continue;
    const hex = digest.slice("sha256:".length);
    const measuredAs = `${name.replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 80)}.${hex.slice(0, 16)}`;
    components[name] = { measuredAs, digest };
    measurements[measuredAs] = hex;
  }
  return { components, measurements };
}

/** Where the packages that sealing needs stand in an environment. */
export function sitePackages(environmentDirectory: string, version: string): string {
  return join(
    environmentDirectory,
    "lib",
    `python${version.split(".").slice(0, 2).join(".")}`,
    "site-packages",
  );
}
