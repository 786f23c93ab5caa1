/** What this machine keeps of a confidential run elsewhere: enough to ask the broker, and to hold its log against later. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import { type Envelope, encodeEnvelope, parseEnvelope } from "@sealflow/seal";
import type { BrokerPlace } from "./register.js";

/** A confidential run elsewhere. */
export interface ConfidentialRecord {
  /** Id at the broker; the engine has its own. */
  readonly runId: string;
  readonly broker: BrokerPlace;
  /** Trust file; absent for the project's. */
  readonly trust?: string | undefined;
  readonly registration: string;
  readonly checkpoint: Envelope;
  /** As it was registered: before the overlay. */
  readonly document: PipelineDocument;
}

const version = "sealflow.confidential-run/v1";

/** Where what is kept of a run lies, by the engine's id. */
export function recordDirectory(store: string, engineRunId: string): string {
  return join(store, "confidential", engineRunId.replace(/[^A-Za-z0-9._-]/g, "_"));
}

/** Keeps a record. */
export function writeRecord(store: string, engineRunId: string, record: ConfidentialRecord): void {
  const directory = recordDirectory(store, engineRunId);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const partial = join(directory, `record.${process.pid}`);
  writeFileSync(
    partial,
    `${JSON.stringify({ version, ...record, checkpoint: textOf(record.checkpoint) }, null, 2)}\n`,
    { mode: 0o600 },
  );
  renameSync(partial, join(directory, "record.json"));
}

/** An envelope has one spelling only. */
function textOf(envelope: Envelope): string {
  return Buffer.from(encodeEnvelope(envelope)).toString("utf8");
}

/**
 * The record of a run; undefined for runs that are not confidential, or were not started from here.
 *
 * @throws SealflowError `CLI_RECORD_INVALID`
 */
export function readRecord(store: string, engineRunId: string): ConfidentialRecord | undefined {
  const file = join(recordDirectory(store, engineRunId), "record.json");
  if (!existsSync(file)) return undefined;
  try {
    const value = JSON.parse(readFileSync(file, "utf8"));
    if (value.version !== version) throw new TypeError(`version ${value.version}`);
    return { ...value, checkpoint: parseEnvelope(value.checkpoint) };
  } catch (cause) {
    throw new SealflowError({
      code: "CLI_RECORD_INVALID",
      message: "run: expected the record that was kept when it was submitted, got another file",
      where: { file },
      cause,
    });
  }
}
