/** The client of the API: the same for Kubeflow Pipelines and for `sealflow serve`. */
import { type JsonObject, SealflowError } from "@sealflow/core";
import { ask, askJson, type ClientOptions } from "./transport.js";
import type {
  Experiment,
  Filter,
  Healthz,
  ListExperiments,
  ListPipelines,
  ListPipelineVersions,
  ListRecurringRuns,
  ListRuns,
  Pipeline,
  PipelineVersion,
  PipelineVersionReference,
  RecurringRun,
  Run,
  RuntimeConfig,
  RuntimeState,
  Trigger,
} from "./types.js";

/** What every list may be asked. */
export interface ListOptions {
  /** As the server gave it with the page before. */
  readonly pageToken?: string;
  /** 1 to 200. Default: 20, the server's. */
  readonly pageSize?: number;
  /** A field, with ` desc` behind it for the other direction. */
  readonly sortBy?: string;
  readonly filter?: Filter;
  readonly namespace?: string;
}

/** What is run: a spec, or a version of a pipeline; one of them. */
export interface JobSource {
  /** A spec, or `{pipeline_spec, platform_spec}`. */
  readonly pipeline_spec?: JsonObject;
  readonly pipeline_version_reference?: PipelineVersionReference;
}

/** A run to be started. */
export interface NewRun extends JobSource {
  readonly display_name: string;
  /** Default: the server's default experiment. */
  readonly experiment_id?: string;
  readonly description?: string;
  readonly runtime_config?: RuntimeConfig;
  readonly service_account?: string;
}

/** A recurring run to be made. */
export interface NewRecurringRun extends NewRun {
  readonly trigger: Trigger;
  /** 1 to 10. Default: 1. */
  readonly max_concurrency?: string;
  readonly mode?: "ENABLE" | "DISABLE";
  /** True starts only the latest of missed times. Default: false. */
  readonly no_catchup?: boolean;
}

/** A package to be uploaded: YAML, `.tar.gz` or `.zip`. */
export interface Upload {
  readonly content: Blob | string;
  readonly fileName: string;
  readonly name: string;
  readonly displayName?: string;
  readonly description?: string;
  readonly namespace?: string;
}

const base = "/apis/v2beta1";
const part = encodeURIComponent;
const endStates: ReadonlySet<RuntimeState> = new Set<RuntimeState>([
  "SUCCEEDED",
  "FAILED",
  "SKIPPED",
  "CANCELED",
]);

/** All calls throw SealflowError `KFP_UNREACHABLE`, `KFP_REQUEST_REFUSED` and `KFP_ANSWER_INVALID`. */
export class KfpClient {
  private readonly options: ClientOptions;

  constructor(options: ClientOptions) {
    this.options = options;
  }

  healthz(): Promise<Healthz> {
    return this.get("/healthz");
  }

  createExperiment(experiment: {
    display_name: string;
    description?: string;
    namespace?: string;
  }): Promise<Experiment> {
    return this.send("/experiments", experiment);
  }
  getExperiment(id: string): Promise<Experiment> {
    return this.get(`/experiments/${part(id)}`);
  }
  listExperiments(options: ListOptions = {}): Promise<ListExperiments> {
    return this.list("/experiments", options);
  }
  archiveExperiment(id: string): Promise<void> {
    return this.act(`/experiments/${part(id)}:archive`);
  }
  unarchiveExperiment(id: string): Promise<void> {
    return this.act(`/experiments/${part(id)}:unarchive`);
  }
  deleteExperiment(id: string): Promise<void> {
    return this.remove(`/experiments/${part(id)}`);
  }

  uploadPipeline(upload: Upload): Promise<Pipeline> {
    return this.upload("/pipelines/upload", upload);
  }
  uploadPipelineVersion(pipelineId: string, upload: Upload): Promise<PipelineVersion> {
    return this.upload("/pipelines/upload_version", upload, { pipelineid: pipelineId });
  }
  getPipeline(id: string): Promise<Pipeline> {
    return this.get(`/pipelines/${part(id)}`);
  }
  getPipelineByName(name: string, namespace?: string): Promise<Pipeline> {
    return this.get(`/pipelines/names/${part(name)}`, { namespace });
  }
  listPipelines(options: ListOptions = {}): Promise<ListPipelines> {
    return this.list("/pipelines", options);
  }
  /** @param cascade Deletes its versions too; without, a pipeline that has some is refused. */
  deletePipeline(id: string, { cascade = false }: { cascade?: boolean } = {}): Promise<void> {
    return this.remove(`/pipelines/${part(id)}`, { cascade });
  }
  getPipelineVersion(pipelineId: string, versionId: string): Promise<PipelineVersion> {
    return this.get(`/pipelines/${part(pipelineId)}/versions/${part(versionId)}`);
  }
  listPipelineVersions(pipelineId: string, options: ListOptions = {}): Promise<ListPipelineVersions> {
    return this.list(`/pipelines/${part(pipelineId)}/versions`, options);
  }
  deletePipelineVersion(pipelineId: string, versionId: string): Promise<void> {
    return this.remove(`/pipelines/${part(pipelineId)}/versions/${part(versionId)}`);
  }

  createRun(run: NewRun): Promise<Run> {
    return this.send("/runs", run);
  }
  getRun(id: string): Promise<Run> {
    return this.get(`/runs/${part(id)}`);
  }
  listRuns(options: ListOptions & { experimentId?: string } = {}): Promise<ListRuns> {
    return this.list("/runs", options, { experiment_id: options.experimentId });
  }
  archiveRun(id: string): Promise<void> {
    return this.act(`/runs/${part(id)}:archive`);
  }
  unarchiveRun(id: string): Promise<void> {
    return this.act(`/runs/${part(id)}:unarchive`);
  }
  terminateRun(id: string): Promise<void> {
    return this.act(`/runs/${part(id)}:terminate`);
  }
  retryRun(id: string): Promise<void> {
    return this.act(`/runs/${part(id)}:retry`);
  }
  deleteRun(id: string): Promise<void> {
    return this.remove(`/runs/${part(id)}`);
  }

  /**
   * Asks for a run until it has ended, CANCELED included.
   *
   * @param wait Waits between two questions: time comes from the caller. It rejects to give up.
   */
  async waitForRun(id: string, wait: () => Promise<void>): Promise<Run> {
    for (;;) {
      const run = await this.getRun(id);
      if (endStates.has(run.state)) return run;
      await wait();
    }
  }

  createRecurringRun(recurringRun: NewRecurringRun): Promise<RecurringRun> {
    return this.send("/recurringruns", recurringRun);
  }
  getRecurringRun(id: string): Promise<RecurringRun> {
    return this.get(`/recurringruns/${part(id)}`);
  }
  listRecurringRuns(options: ListOptions & { experimentId?: string } = {}): Promise<ListRecurringRuns> {
    return this.list("/recurringruns", options, { experiment_id: options.experimentId });
  }
  enableRecurringRun(id: string): Promise<void> {
    return this.act(`/recurringruns/${part(id)}:enable`);
  }
  disableRecurringRun(id: string): Promise<void> {
    return this.act(`/recurringruns/${part(id)}:disable`);
  }
  deleteRecurringRun(id: string): Promise<void> {
    return this.remove(`/recurringruns/${part(id)}`);
  }

  private get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T> {
    return askJson(this.options, { path: base + path, query });
  }

  private send<T>(path: string, body: unknown): Promise<T> {
    return askJson(this.options, { method: "POST", path: base + path, body });
  }

  private list<T>(
    path: string,
    { pageToken, pageSize, sortBy, filter, namespace }: ListOptions,
    more: Readonly<Record<string, string | undefined>> = {},
  ): Promise<T> {
    const query = { page_token: pageToken, page_size: pageSize, sort_by: sortBy, namespace, ...more };
    const text = filter === undefined ? undefined : JSON.stringify(filter);
    return askJson(this.options, { path: base + path, query: { ...query, filter: text } });
  }

  private upload<T>(path: string, upload: Upload, more: Readonly<Record<string, string>> = {}): Promise<T> {
    const { content, fileName, name, displayName, description, namespace } = upload;
    if (name.trim() === "") {
      throw new SealflowError({ code: "KFP_NAME_MISSING", message: "upload: expected a name, got none" });
    }
    const form = new FormData();
    form.append("uploadfile", typeof content === "string" ? new Blob([content]) : content, fileName);
    const query = { name, display_name: displayName, description, namespace, ...more };
    return askJson(this.options, { method: "POST", path: base + path, query, form });
  }

  private async act(path: string): Promise<void> {
    await ask(this.options, { method: "POST", path: base + path });
  }

  private async remove(path: string, query: Readonly<Record<string, boolean>> = {}): Promise<void> {
    await ask(this.options, { method: "DELETE", path: base + path, query });
  }
}

/** Items of all pages, one page at a time. @param page Asks for the page of a token. */
export async function* allPages<P extends { readonly next_page_token?: string }>(
  page: (pageToken: string | undefined) => Promise<P>,
): AsyncGenerator<P> {
  let token: string | undefined;
  do {
    const answer = await page(token);
    yield answer;
    token = answer.next_page_token;
  } while (token);
}
