/**
 * Hash-locked requirement files inside a document, so that every engine of ours builds the environment that the author
 * locked. They stand under a platform of our own: Kubeflow reads the platform `kubernetes` and passes over others.
 * Source: kubeflow/pipelines, api/v2alpha1/pipeline_spec.proto (PlatformSpec, SinglePlatformSpec.config).
 */
import { isDigest, isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { Findings } from "./finding.js";
import type { PipelineDocument, PlatformSpec, SinglePlatformSpec } from "./types.js";

/** Name of the platform under which a document carries what only engines of ours read. */
export const SEALFLOW_PLATFORM = "sealflow";

/** The document with texts of requirement files by `sha256:…` of the text; unchanged when there are none. */
export function withLocks(
  document: PipelineDocument,
  locks: Readonly<Record<string, string>>,
): PipelineDocument {
  if (Object.keys(locks).length === 0) return document;
  const own = document.platform?.platforms[SEALFLOW_PLATFORM];
  const config: JsonObject = { ...own?.config, locks: { ...locksOf(document), ...locks } };
  const platform: PlatformSpec = {
    ...document.platform,
    platforms: { ...document.platform?.platforms, [SEALFLOW_PLATFORM]: { ...own, config } },
  };
  return { ...document, platform };
}

/** Texts of requirement files that a document carries, by `sha256:…`. Whether a text has its digest is for its user to check. */
export function locksOf({ platform }: Pick<PipelineDocument, "platform">): Readonly<Record<string, string>> {
  const locks = platform?.platforms[SEALFLOW_PLATFORM]?.config?.locks;
  if (!isJsonObject(locks)) return {};
  return Object.fromEntries(
    Object.entries(locks).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** Checks the platform of our own: locks by digest, and nothing else. */
export function checkLocks(single: SinglePlatformSpec, findings: Findings): void {
  const path = ["platforms", SEALFLOW_PLATFORM];
  const { config, ...others } = single;
  const { locks, ...settings } = config ?? {};
  for (const name of Object.keys(others)) {
    findings.error("PIPELINE_LOCK_INVALID", [...path, name], `expected config alone, got ${name}`);
  }
  for (const name of Object.keys(settings)) {
    findings.error("PIPELINE_LOCK_INVALID", [...path, "config", name], `expected locks alone, got ${name}`);
  }
  if (locks !== undefined) checkEach(locks, [...path, "config", "locks"], findings);
}

function checkEach(locks: JsonValue, path: readonly string[], findings: Findings): void {
  if (!isJsonObject(locks)) {
    findings.error("PIPELINE_LOCK_INVALID", path, "expected texts of requirement files by digest");
    return;
  }
  for (const [digest, text] of Object.entries(locks)) {
    if (isDigest(digest) && typeof text === "string") continue;
    const message = "expected the text of a requirements file, under sha256: and its hash";
    findings.error("PIPELINE_LOCK_INVALID", [...path, digest], message);
  }
}
