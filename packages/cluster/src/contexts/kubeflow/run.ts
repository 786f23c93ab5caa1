/**
 * A run of Kubeflow Pipelines under observation: its state from the API, its tasks and values from ML Metadata. What can't be
 * read there costs values and nothing else.
 */
import { digestOfJson, type ErrorBody, isSealflowError } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import { KfpClient, listRunRows, type MetadataClient, type MetadataExecution, type Run } from "@sealflow/kfp";
import type { PipelineDocument } from "@sealflow/pipeline";
import type { Session } from "../session.js";
import { artifactsOf, type ExecutionArtifacts } from "./artifacts.js";
import { documentOf } from "./document.js";
import { recordsByPath, type TaskRecord } from "./records.js";
import type { RunRecords } from "./task-events.js";
import { ended, type KnownPipeline } from "./told.js";
import { MetadataTeller } from "./told-by-metadata.js";
import { StateTeller } from "./told-by-states.js";

/** Looks in a row at which ML Metadata may stay away before it is done without. */
const MAX_SILENCE = 3;

/** One run, looked at again and again. */
export class KubeflowRun {
  private readonly session: Session;
  private readonly runId: string;
  private readonly signal: AbortSignal;
  private teller: StateTeller | MetadataTeller | undefined;
  private pipeline: { readonly document: PipelineDocument; readonly known: KnownPipeline } | undefined;
  private contextId: number | undefined;
  /** Of executions that have ended, and when they were written last: another attempt writes them again. */
  private readonly artifacts = new Map<number, ExecutionArtifacts>();
  private readonly fetched = new Map<number, number>();
  private silence = 0;

  constructor(session: Session, runId: string, signal: AbortSignal) {
    this.session = session;
    this.runId = runId;
    this.signal = signal;
  }

  /** True when the run's end was told. */
  get done(): boolean {
    return this.teller?.done === true;
  }

  /** True once anything was told: from then on each look tells all that is new. */
  get begun(): boolean {
    return this.teller !== undefined;
  }

  /** What is new. @throws SealflowError `KFP_…` from the API of the runs; never because of ML Metadata */
  async *look(): AsyncGenerator<RunEvent> {
    const run = await new KfpClient(this.session.client).getRun(this.runId);
    if (this.teller instanceof StateTeller) {
      yield* this.teller.look(run);
      return;
    }
    try {
      const { document, known } = await this.document(run);
      const records = await this.records(document);
      this.silence = 0;
      this.teller ??= new MetadataTeller({ document, known });
      yield* this.teller.look(run, records);
    } catch (error) {
      if (this.signal.aborted) return;
      yield* this.without(run, error);
    }
  }

  /** What is told where records can't be had: nothing for a while, then what the API alone says. */
  private *without(run: Run, error: unknown): Generator<RunEvent> {
    this.silence += 1;
    const waiting = this.silence < MAX_SILENCE && !isFinal(error);
    if (waiting) return;
    const incomplete = unfetched(`run ${this.runId}`, error);
    if (this.teller instanceof MetadataTeller) {
      if (ended.has(run.state)) yield* this.teller.endWithout(run, incomplete);
      return;
    }
    const { document } = this.pipeline ?? {};
    this.teller = new StateTeller({ incomplete, ...(document === undefined ? {} : { document }) });
    yield* this.teller.look(run);
  }

  private async document(run: Run): Promise<NonNullable<KubeflowRun["pipeline"]>> {
    if (this.pipeline !== undefined) return this.pipeline;
    const document = await documentOf(this.session.client, run);
    const { spec, platform } = document;
    const known = {
      pipelineName: spec.pipelineInfo.name,
      specDigest: await digestOfJson({ spec, platform }),
    };
    this.pipeline = { document, known };
    return this.pipeline;
  }

  private async records({ spec }: PipelineDocument): Promise<RunRecords> {
    const client = await this.session.metadata();
    const executions = await this.executions(client);
    const tasks = recordsByPath(spec, executions);
    await this.fetchArtifacts(client, [...tasks.values()]);
    return { tasks, artifacts: this.artifacts };
  }

  private async executions(client: MetadataClient): Promise<readonly MetadataExecution[]> {
    this.contextId ??= await client.runContext(this.runId, this.signal);
    return this.contextId === undefined ? [] : client.executions(this.contextId, this.signal);
  }

  private async fetchArtifacts(client: MetadataClient, records: readonly TaskRecord[]): Promise<void> {
    const fresh = records.filter(
      ({ graph, state, executionId, endTime }) =>
        !graph && state !== "RUNNING" && this.fetched.get(executionId) !== endTime,
    );
    const ids = fresh.map(({ executionId }) => executionId);
    for (const [id, found] of await artifactsOf(client, ids, this.signal)) this.artifacts.set(id, found);
    for (const { executionId, endTime } of fresh) this.fetched.set(executionId, endTime);
  }
}

/** Numbers of gRPC statuses that asking again does not change: UNIMPLEMENTED, PERMISSION_DENIED, UNAUTHENTICATED. */
const finalStatuses: ReadonlySet<unknown> = new Set([12, 7, 16]);

/** Ways that were cut: they may be whole again. */
const cut: ReadonlySet<string> = new Set([
  "KFP_UNREACHABLE",
  "CLUSTER_UNREACHABLE",
  "CLUSTER_FORWARD_FAILED",
]);

/** Whether asking again would give the same. */
function isFinal(error: unknown): boolean {
  if (!isSealflowError(error)) return true;
  if (cut.has(error.code)) return false;
  if (error.code === "KFP_CALL_FAILED") return finalStatuses.has(error.data?.grpcStatus);
  const status = error.data?.status;
  return !(typeof status === "number" && status >= 500);
}

/** Why values of runs there will be missing; undefined where the engine tells them itself, or ML Metadata answers. */
export async function missingValues(session: Session): Promise<ErrorBody | undefined> {
  try {
    await listRunRows(session.client, { limit: 1 });
    return undefined;
  } catch (error) {
    if (!isSealflowError(error)) throw error;
  }
  try {
    const client = await session.metadata();
    // No run has this id: what counts is that there is an answer.
    await client.runContext("00000000-0000-0000-0000-000000000000");
    return undefined;
  } catch (error) {
    return unfetched("runs", error);
  }
}

function unfetched(whose: string, error: unknown): ErrorBody {
  const message = error instanceof Error ? error.message : String(error);
  const code = isSealflowError(error) ? error.code : undefined;
  return {
    code: "CLUSTER_OUTPUTS_UNFETCHED",
    message: `${whose}: values could not be read from ML Metadata: ${message}`,
    hint: "no run is touched by this; sealflow contexts add … --metadata names another way to it, and Kubeflow's own page shows them",
    ...(code === undefined ? {} : { data: { cause: code } }),
  };
}
