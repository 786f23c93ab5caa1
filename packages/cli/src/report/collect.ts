/** Gathers a report's material from a store. */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isJsonObject } from "@sealflow/core";
import type { Store } from "@sealflow/engine";
import type { ArtifactValue, PipelineSpec } from "@sealflow/pipeline";
import { formatBytes } from "../render/text.js";
import { type ArtifactReader, exhibitsOf, type ReportModel } from "./model.js";

/** Larger files do not belong into a page. */
const largestBytes = 4 * 2 ** 20;

/** The report's model of a recorded run. */
export function collectReport(store: Store, runId: string, madeAt: string): ReportModel {
  const run = store.getRun(runId);
  return { run, spec: specOf(store, runId), exhibits: exhibitsOf(run, readArtifact), madeAt };
}

/** Undefined when the document is gone: the rest of the report stands without it. */
function specOf(store: Store, runId: string): PipelineSpec | undefined {
  try {
    const document = store.readDocument(runId);
    const spec = isJsonObject(document) ? document.spec : undefined;
    // Written by the engine from a document that it had checked.
    return isJsonObject(spec) ? (spec as unknown as PipelineSpec) : undefined;
  } catch {
    return undefined;
  }
}

const readArtifact: ArtifactReader = (artifact) => {
  const path = localPath(artifact);
  if (path === undefined) return { reason: `it is stored elsewhere: ${artifact.uri}` };
  try {
    if (!statSync(path).isFile()) return { reason: "it is not a file" };
    return readBounded(path);
  } catch {
    return { reason: "its file is gone" };
  }
};

function readBounded(path: string): ReturnType<ArtifactReader> {
  const descriptor = openSync(path, "r");
  try {
    const { size } = fstatSync(descriptor);
    if (size > largestBytes) return { reason: `it is larger than ${formatBytes(largestBytes)}` };
    const content = readFileSync(descriptor);
    if (content.subarray(0, 8).toString("latin1") === "SEALFLOW")
      return { reason: "it is sealed: sealflow open opens it" };
    return { text: content.toString("utf8") };
  } finally {
    closeSync(descriptor);
  }
}

function localPath({ uri }: ArtifactValue): string | undefined {
  if (uri.startsWith("file://")) return fileURLToPath(uri);
  return uri.startsWith("/") ? uri : undefined;
}
