import { SealflowError } from "@sealflow/core";
import { type DocumentPath, pathText } from "./path.js";

/** Something wrong or doubtful in a document. */
export interface Finding {
  /** An error can't run correctly; a warning runs here but may not elsewhere, or hardly means what it says. */
  readonly severity: "error" | "warning";
  /** Stable code, see docs/reference/errors/pipeline.md. */
  readonly code: string;
  /** What is wrong, with expected and got. */
  readonly message: string;
  /** How to mend it. */
  readonly hint?: string;
  /** Where: steps inside the first (`document` 0) or the second document. */
  readonly path: DocumentPath;
  /** 0: pipeline spec, 1: platform spec. */
  readonly document: 0 | 1;
}

/** Most findings that one document is worth; further ones are left out. */
export const MAX_FINDINGS = 1000;

/** Gathers findings while a document is read. */
export class Findings {
  readonly all: Finding[] = [];
  private readonly seen = new Set<string>();

  readonly document: 0 | 1;

  constructor(document: 0 | 1 = 0) {
    this.document = document;
  }

  /** Adds an error. The same error at the same place is kept once. */
  error(code: string, path: DocumentPath, message: string, hint?: string): void {
    this.add("error", { code, path, message, hint });
  }

  /** Adds a warning. */
  warning(code: string, path: DocumentPath, message: string, hint?: string): void {
    this.add("warning", { code, path, message, hint });
  }

  private add(
    severity: Finding["severity"],
    found: { code: string; path: DocumentPath; message: string; hint: string | undefined },
  ): void {
    if (this.all.length >= MAX_FINDINGS) return;
    const key = `${found.code} ${pathText(found.path)} ${found.message}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    const { code, path, message, hint } = found;
    this.all.push({ severity, code, message, path, document: this.document, ...(hint ? { hint } : {}) });
  }
}

/** Where a finding stands in the text, when the text is at hand. */
export type Locate = (finding: Finding) => { file?: string; line?: number; column?: number };

/** A finding as an error, with the path and, when `locate` knows it, file and line. */
export function findingError(finding: Finding, locate: Locate = () => ({})): SealflowError {
  return new SealflowError({
    code: finding.code,
    message: `${pathText(finding.path)}: ${finding.message}`,
    ...(finding.hint === undefined ? {} : { hint: finding.hint }),
    where: { ...locate(finding), path: pathText(finding.path) },
  });
}
