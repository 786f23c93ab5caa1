/** A registration together with its pipeline: what both broker and verifier demand of the two. */
import { canonicalJson, type Digest, digestOfJson, type JsonObject } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { failure } from "../failure.js";
import type { Flow } from "../policy.js";
import { member } from "../record.js";
import type { Registration } from "../registration.js";
import { analyse, type StaticAnalysis, staticPath } from "./static-analysis.js";

/** How a pipeline is named: the digest of its document's canonical JSON. */
export function pipelineDigest(document: PipelineDocument): Promise<Digest> {
  return digestOfJson(document);
}

/** A registered run's pipeline, checked against registration and flow. */
export interface RegisteredPipeline {
  readonly document: PipelineDocument;
  readonly analysis: StaticAnalysis;
}

/**
 * Reads a run's pipeline: the registered one, with a measured component for every task, and with what decides its
 * control flow declassified.
 *
 * @throws SealflowError `TRUST_REGISTRATION_SPEC`, `TRUST_REGISTRATION_COMPONENT`, `TRUST_REGISTRATION_INPUT`,
 *   `TRUST_REGISTRATION_DECLASSIFY`, `PIPELINE_…`
 */
export async function readRegisteredPipeline(
  document: JsonObject,
  { registration, flow }: { readonly registration: Registration; readonly flow: Flow },
): Promise<RegisteredPipeline> {
  const digest = await digestOfJson(document);
  if (digest !== registration.spec) {
    throw failure("TRUST_REGISTRATION_SPEC", "registration", {
      expected: `a pipeline document of digest ${registration.spec}`,
      got: digest,
    });
  }
  const parsed = readDocument(document);
  if (canonicalJson(parsed) !== canonicalJson(document)) {
    throw failure("TRUST_REGISTRATION_SPEC", "registration", {
      expected: "a pipeline document as the compiler writes it",
      got: "another spelling of it",
    });
  }
  const analysis = analyse(parsed.spec);
  requireComponents(analysis, flow);
  requireInputs(analysis, parsed, registration);
  requireDeclassified(analysis, registration);
  return { document: parsed, analysis };
}

function readDocument(document: JsonObject): PipelineDocument {
  const { spec, platform, ...rest } = document;
  if (Object.keys(rest).length > 0 || spec === undefined) {
    throw failure("TRUST_REGISTRATION_SPEC", "registration", {
      expected: "a pipeline document with spec and platform",
      got: Object.keys(document).join(", ") || "nothing",
    });
  }
  const parts = platform === undefined ? [spec] : [spec, platform];
  return parsePipelineDocument(parts.map((part) => JSON.stringify(part)).join("\n---\n"));
}

function requireComponents({ tasks }: StaticAnalysis, flow: Flow): void {
  const missing = tasks.find(
    ({ component, importer }) => !importer && member(flow.components, component) === undefined,
  );
  if (missing === undefined) return;
  throw failure("TRUST_REGISTRATION_COMPONENT", `registration, task ${missing.path}`, {
    expected: `a measurement of ${missing.component} in the policy's flow`,
    got: "none",
  });
}

function requireInputs(
  { tasks }: StaticAnalysis,
  { spec }: PipelineDocument,
  registration: Registration,
): void {
  const importers = new Set(tasks.filter(({ importer }) => importer).map(({ path }) => path));
  const artifacts = spec.root.inputDefinitions?.artifacts;
  for (const name of Object.keys(registration.inputs)) {
    if (importers.has(staticPath(name)) || member(artifacts, name) !== undefined) continue;
    throw failure("TRUST_REGISTRATION_INPUT", "registration", {
      expected: "inputs that the pipeline takes, or paths of its importers",
      got: name,
    });
  }
}

function requireDeclassified({ deciding }: StaticAnalysis, registration: Registration): void {
  const missing = [...deciding].filter((each) => !registration.declassify.includes(each));
  if (missing.length === 0) return;
  throw failure("TRUST_REGISTRATION_DECLASSIFY", "registration", {
    expected: "every output that conditions, loops, selectors and literals depend on to be declassified",
    got: `none of ${missing.join(", ")}`,
  });
}
