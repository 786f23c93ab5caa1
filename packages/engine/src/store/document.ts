/** The pipeline as it runs, kept beside its journal: a resume must not depend on files that may change. */
import { readFileSync } from "node:fs";
import { isJsonObject, SealflowError } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import { replaceFile } from "./artifacts.js";
import { systemCode } from "./disk-errors.js";
import { STORE_FORMAT, type StoreLayout } from "./layout.js";

/** What a run is made of. */
export interface StoredDocument {
  readonly document: PipelineDocument;
  /** Texts of requirement locks by digest. */
  readonly locks: Readonly<Record<string, string>>;
}

/** Writes the document, whole or not at all. */
export function writeStoredDocument(
  store: StoreLayout,
  path: string,
  { document, locks }: StoredDocument,
): void {
  replaceFile(store, path, `${JSON.stringify({ formatVersion: STORE_FORMAT, ...document, locks })}\n`);
}

/**
 * Reads the document of a run. It was checked before the run started and is not checked again.
 *
 * @throws SealflowError `ENGINE_JOURNAL_DAMAGED`, `ENGINE_STORE_FORMAT`
 */
export function readStoredDocument(path: string): StoredDocument {
  const stored = decode(path);
  if (!isJsonObject(stored) || !isJsonObject(stored.spec))
    throw damaged(path, "expected a pipeline document");
  if (stored.formatVersion !== STORE_FORMAT) {
    throw new SealflowError({
      code: "ENGINE_STORE_FORMAT",
      message: `document: expected format version ${STORE_FORMAT}, got ${JSON.stringify(stored.formatVersion ?? null)}`,
      where: { file: path },
    });
  }
  const { formatVersion: _, locks, ...document } = stored;
  // The border where the file's JSON becomes typed: it was written above from a checked document.
  return {
    document: document as unknown as PipelineDocument,
    locks: (locks ?? {}) as Record<string, string>,
  };
}

function decode(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw damaged(
      path,
      systemCode(cause) === "ENOENT" ? "expected a file, got none" : "expected JSON",
      cause,
    );
  }
}

function damaged(path: string, what: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "ENGINE_JOURNAL_DAMAGED",
    message: `run's document: ${what}`,
    where: { file: path },
    hint: "The file was changed by something else than Sealflow; restore it or delete the run.",
    cause,
  });
}
