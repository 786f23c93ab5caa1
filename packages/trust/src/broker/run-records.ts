/** What each record does to its run. */
import type {
  CommittedRecord,
  FailedRecord,
  GrantedRecord,
  RegisteredRecord,
  ReusedRecord,
  RunRecord,
} from "./records.js";
import type { CommittedResult, RunState } from "./run-state.js";

/** How a record is taken over. */
export interface TakenOver {
  /** Of the record. */
  readonly index: number;
  /** Whether the run's evaluation has advanced already: live, it tells whether the run ends with the record. */
  readonly advanced: boolean;
  /** Of a commit or a reuse that the evaluation does not have yet. */
  readonly result?: CommittedResult;
}

/** Takes over a record of a run after its registration. */
export function takeOver(run: RunState, record: Exclude<RunRecord, RegisteredRecord>, of: TakenOver): void {
  if (record.kind === "granted") granted(run, record, of.index);
  else if (record.kind === "failed") failed(run, record, of.advanced);
  else if (of.result !== undefined) run.finish(record.path, of.result);
}

function granted(run: RunState, { entries, transcript, grant, salts }: GrantedRecord, record: number): void {
  const [entry] = entries;
  run.grant({ record, entry, transcript, grant, salts });
}

function failed(run: RunState, record: FailedRecord, advanced: boolean): void {
  const { entries, path, attempt: number, code, final } = record;
  const attempt = run.attempt(path, number);
  const [entry] = entries;
  if (attempt === undefined) throw new TypeError("record: expected the failure of a granted attempt");
  attempt.failure = { statement: entry.statement, final };
  if (final && !advanced) run.evaluation.fail(path, code);
}

/** The result that a commit gives its task. */
export function resultOf(
  record: Pick<CommittedRecord, "attempt" | "outputs" | "secrets" | "entries">,
): CommittedResult {
  const [entry] = record.entries;
  const { attempt, outputs, secrets } = record;
  return { attempt, outputs, secrets, statement: entry.statement, reused: false };
}

/** The result that a reuse gives its task: the original's, by the broker's statement. */
export function reusedResult(
  { entries: [entry] }: Pick<ReusedRecord, "entries">,
  original: CommittedRecord,
): CommittedResult {
  return { ...resultOf(original), attempt: 0, statement: entry.statement, reused: true };
}
