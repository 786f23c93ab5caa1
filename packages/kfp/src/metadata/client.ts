/** Reads of ML Metadata, as far as Kubeflow Pipelines' runs need them. */
import type { ClientOptions } from "../transport.js";
import { callUnary } from "./grpc-web.js";
import {
  artifactsAnswer,
  contextAnswer,
  eventsAnswer,
  executionsAnswer,
  type MetadataArtifact,
  type MetadataEvent,
  type MetadataExecution,
} from "./messages.js";
import { putMessage, putText, putWhole, type Reads, readAnswer, written } from "./wire.js";

const service = "ml_metadata.MetadataStoreService";

/** Type of the context that holds a run of Kubeflow Pipelines; its name is the run's id. */
const runContextType = "system.PipelineRun";

/** Most items that the store gives at once. Source: ml_metadata, `max_result_size`. */
const PAGE = 100;

/** All calls throw SealflowError `KFP_UNREACHABLE`, `KFP_REQUEST_REFUSED`, `KFP_ANSWER_INVALID` and `KFP_CALL_FAILED`. */
export class MetadataClient {
  private readonly options: ClientOptions;

  /** @param options `baseUrl` is where `/ml_metadata.MetadataStoreService/…` is answered as gRPC-Web. */
  constructor(options: ClientOptions) {
    this.options = options;
  }

  /** Id of a run's context; undefined before the run's first task was prepared, and for runs of other engines. */
  async runContext(runId: string, signal?: AbortSignal): Promise<number | undefined> {
    const request = written((writer) => {
      putText(writer, 1, runContextType);
      putText(writer, 2, runId);
    });
    return (await this.call("GetContextByTypeAndName", { request, reads: contextAnswer }, signal))?.id;
  }

  /** Executions of a context, by id. */
  async executions(contextId: number, signal?: AbortSignal): Promise<readonly MetadataExecution[]> {
    const all: MetadataExecution[] = [];
    for (let token: string | undefined; token !== ""; ) {
      const from = token;
      const request = written((writer) => {
        putWhole(writer, 1, contextId);
        putMessage(writer, 2, (options) => {
          putWhole(options, 1, PAGE);
          if (from !== undefined) putText(options, 3, from);
        });
      });
      const page = await this.call("GetExecutionsByContext", { request, reads: executionsAnswer }, signal);
      all.push(...page.executions);
      token = page.nextPageToken;
    }
    return all.sort((a, b) => a.id - b.id);
  }

  /** What these executions read and made. */
  events(executionIds: readonly number[], signal?: AbortSignal): Promise<readonly MetadataEvent[]> {
    return this.byIds("GetEventsByExecutionIDs", { ids: executionIds, reads: eventsAnswer }, signal);
  }

  artifacts(ids: readonly number[], signal?: AbortSignal): Promise<readonly MetadataArtifact[]> {
    return this.byIds("GetArtifactsByID", { ids, reads: artifactsAnswer }, signal);
  }

  private async byIds<T>(
    method: string,
    { ids, reads }: { readonly ids: readonly number[]; readonly reads: Reads<readonly T[]> },
    signal: AbortSignal | undefined,
  ): Promise<readonly T[]> {
    const all: T[] = [];
    for (let start = 0; start < ids.length; start += PAGE) {
      const request = written((writer) => {
        for (const id of ids.slice(start, start + PAGE)) putWhole(writer, 1, id);
      });
      all.push(...(await this.call(method, { request, reads }, signal)));
    }
    return all;
  }

  private async call<T>(
    method: string,
    { request, reads }: { readonly request: Uint8Array; readonly reads: Reads<T> },
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const call = { service, method, request, ...(signal === undefined ? {} : { signal }) };
    return readAnswer(method, reads, await callUnary(this.options, call));
  }
}
