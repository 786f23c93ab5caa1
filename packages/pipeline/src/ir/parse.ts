import { isJsonObject, type JsonObject, type JsonValue, SealflowError, throwFindings } from "@sealflow/core";
import { decodeMessage, shown } from "./decode/decode.js";
import { type Finding, Findings, findingError } from "./finding.js";
import { type ReadText, readText } from "./read-text.js";
import { type PipelineDocument, type PipelineSpec, type PlatformSpec, SCHEMA_VERSION } from "./types.js";
import { validatePipeline } from "./validate/validate.js";

/** Options of {@link parsePipelineDocument}. */
export interface ParseOptions {
  /** Name shown in errors. */
  readonly file?: string;
}

/**
 * Reads a compiled pipeline: YAML or JSON text with a pipeline spec and, optionally, a platform spec; or Kubeflow's
 * `PipelineVersion` manifest, which holds both, with or without the `Pipeline` manifest beside it; or an object of its REST
 * API that holds them, such as a run's body. Strict: what protojson refuses is refused, and so is everything that
 * `validatePipeline` calls an error. All findings are thrown together, each with its path and line.
 *
 * The result is normalised: protojson's spelling of every field, nulls for unset fields gone.
 *
 * @throws SealflowError `PIPELINE_DOCUMENT_SYNTAX`, `PIPELINE_DOCUMENT_TOO_LARGE`, `PIPELINE_DOCUMENT_NOT_IR`,
 * `PIPELINE_SCHEMA_VERSION_UNSUPPORTED`, or the findings (`SealflowErrors` `PIPELINE_DOCUMENT_INVALID` for several).
 */
export function parsePipelineDocument(text: string, options: ParseOptions = {}): PipelineDocument {
  const source = readText(text, options.file);
  const parts = classify(source.values, options.file);
  checkSchemaVersion(parts.spec.value, options.file);

  const specFindings = new Findings(0);
  const spec = decodeMessage(parts.spec.value, "PipelineSpec", specFindings);
  const platformFindings = new Findings(1);
  const platform =
    parts.platform === undefined
      ? undefined
      : decodeMessage(parts.platform.value, "PlatformSpec", platformFindings);
  const findings = [...specFindings.all, ...platformFindings.all];

  // The decoder has checked the shape and filled gaps with empty values: from here on the types hold.
  const document = {
    spec: spec as unknown as PipelineSpec,
    ...(platform === undefined ? {} : { platform: platform as unknown as PlatformSpec }),
  };
  const meaning = validatePipeline(document).filter((finding) => !isConsequence(finding, findings));
  throwErrors([...findings, ...meaning], { source, parts, file: options.file });
  return document;
}

/** A value found in the text: which YAML document it is in, and how deep. */
interface Part {
  readonly value: JsonObject;
  readonly document: number;
  readonly prefix: readonly string[];
}

interface Parts {
  readonly spec: Part;
  readonly platform?: Part;
}

/** True for a finding on a part that has, at or below it, one of shape: mend that first. */
function isConsequence(finding: Finding, shape: readonly Finding[]): boolean {
  return shape.some(
    ({ document, path }) =>
      document === finding.document &&
      finding.path.length <= path.length &&
      finding.path.every((step, index) => step === path[index]),
  );
}

function throwErrors(
  findings: readonly Finding[],
  at: { source: ReadText; parts: Parts; file: string | undefined },
): void {
  const errors = findings
    .filter((finding) => finding.severity === "error")
    .map((finding) =>
      findingError(finding, ({ document, path }) => {
        const part = document === 0 ? at.parts.spec : (at.parts.platform ?? at.parts.spec);
        const place = at.source.locate(part.document, [...part.prefix, ...path]);
        return { ...(at.file === undefined ? {} : { file: at.file }), ...place };
      }),
    );
  throwFindings(errors, {
    code: "PIPELINE_DOCUMENT_INVALID",
    message: `pipeline document: expected a valid pipeline spec, got ${errors.length} findings`,
    ...(at.file === undefined ? {} : { where: { file: at.file } }),
  });
}

const SPEC_FIELDS = [
  "pipelineInfo",
  "pipeline_info",
  "schemaVersion",
  "schema_version",
  "deploymentSpec",
  "root",
];

/** Tells the documents of a text apart. */
function classify(values: readonly JsonValue[], file: string | undefined): Parts {
  const manifests = values.flatMap((value, document) => fromManifest(value, document) ?? []);
  const [manifest] = manifests;
  const beside = values.filter((value) => !isPipelineManifest(value)).length;
  if (manifest !== undefined && manifests.length === 1 && beside === 1) return manifest;
  if (manifests.length > 1) throw notIr(`${manifests.length} PipelineVersion manifests in one text`, file);
  const parts: Part[] = values.map((value, document) => {
    if (!isJsonObject(value)) throw notIr(`a document that is ${shown(value)}`, file);
    return { value, document, prefix: [] };
  });
  const specs = parts.filter((part) => SPEC_FIELDS.some((field) => Object.hasOwn(part.value, field)));
  const others = parts.filter((part) => !specs.includes(part));
  const [spec] = specs;
  const [platform] = others;
  if (spec === undefined) throw notIr(describe(parts[0]?.value), file);
  if (specs.length > 1) throw notIr(`${specs.length} pipeline specs in one text`, file);
  if (others.length > 1) throw notIr(`${others.length} further documents behind the pipeline spec`, file);
  return { spec, ...(platform === undefined ? {} : { platform }) };
}

/** Where the API keeps both specs: in a `PipelineVersion` manifest, in a run's body, in a pipeline version's. */
const HOLDERS: readonly (readonly string[])[] = [["spec"], ["pipeline_spec"], ["pipelineSpec"], []];

/** The specs inside a `pipelines.kubeflow.org/v2beta1` PipelineVersion, or inside an object of the REST API. */
function fromManifest(value: JsonValue, document: number): Parts | undefined {
  for (const prefix of HOLDERS) {
    let holder: JsonValue | undefined = value;
    for (const step of prefix) holder = isJsonObject(holder) ? holder[step] : undefined;
    if (!isJsonObject(holder)) continue;
    const part = (...names: readonly string[]): Part | undefined => {
      const name = names.find((each) => isJsonObject(holder[each]));
      const found = name === undefined ? undefined : holder[name];
      return isJsonObject(found)
        ? { value: found, document, prefix: [...prefix, name as string] }
        : undefined;
    };
    const spec = part("pipelineSpec", "pipeline_spec");
    // A run without platform settings has the spec itself under that name, a level higher.
    if (spec === undefined || isJsonObject(spec.value.pipeline_spec) || isJsonObject(spec.value.pipelineSpec))
      continue;
    const platform = part("platformSpec", "platform_spec");
    return { spec, ...(platform === undefined ? {} : { platform }) };
  }
  return undefined;
}

/** True for the manifest of the pipeline that a PipelineVersion belongs to: kfp's compiler writes it in front. */
function isPipelineManifest(value: JsonValue): boolean {
  return isJsonObject(value) && value.kind === "Pipeline" && !("pipelineInfo" in value);
}

/** What a document that is not a pipeline spec seems to be. */
function describe(value: JsonObject | undefined): string {
  if (value === undefined) return "an empty text";
  if (typeof value.apiVersion === "string" && value.apiVersion.startsWith("argoproj.io/")) {
    return "an Argo Workflow (Kubeflow Pipelines v1)";
  }
  if (typeof value.kind === "string") return `a Kubernetes object of kind ${JSON.stringify(value.kind)}`;
  if ("implementation" in value) return "a v1 component";
  if ("platforms" in value) return "a platform spec without its pipeline spec";
  return `a map with the keys ${Object.keys(value).slice(0, 5).join(", ") || "(none)"}`;
}

function notIr(got: string, file: string | undefined): SealflowError {
  return new SealflowError({
    code: "PIPELINE_DOCUMENT_NOT_IR",
    message: `pipeline document: expected a compiled pipeline (IR, schema ${SCHEMA_VERSION}), got ${got}`,
    hint: "Compile the pipeline first: sealflow compile FILE.ts, or kfp's compiler for Python.",
    ...(file === undefined ? {} : { where: { file } }),
  });
}

function checkSchemaVersion(spec: JsonObject, file: string | undefined): void {
  const version = spec.schemaVersion ?? spec.schema_version;
  if (version === SCHEMA_VERSION) return;
  throw new SealflowError({
    code: "PIPELINE_SCHEMA_VERSION_UNSUPPORTED",
    message: `schemaVersion: expected ${JSON.stringify(SCHEMA_VERSION)}, got ${shown(version)}`,
    hint: "Compile the pipeline again with a current SDK (kfp 2.x).",
    where: { ...(file === undefined ? {} : { file }), path: "schemaVersion" },
  });
}
