/** Every operation of the server, once. A test holds this list against the routes. */
import type { JsonObject } from "@sealflow/core";
import type { z } from "zod";
import {
  experimentBody,
  pipelineAndVersionBody,
  pipelineBody,
  recurringRunBody,
  runBody,
  versionBody,
} from "../http/body.js";

/** One operation. */
export interface Operation {
  readonly method: "get" | "post" | "patch" | "delete";
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** Query parameters by name, with their schema. */
  readonly query?: Readonly<Record<string, JsonObject>>;
  readonly body?: z.ZodType;
  /** A multipart form with the field `uploadfile`. */
  readonly upload?: true;
  /** Set where ranges of bytes are answered. */
  readonly ranges?: true;
  /** Set for a stream that has an end: a reader that has all of it is told so. */
  readonly ends?: true;
  /** Name of the answer's schema, or a content type for answers that are no JSON. */
  readonly answer: string;
}

const text = { type: "string" } as const;
const number = { type: "integer", minimum: 0 } as const;
const flag = { type: "boolean" } as const;
const listing = { page_token: text, page_size: number, sort_by: text, filter: text } as const;
const upload = { name: text, display_name: text, description: text, tags: text } as const;
const artifact = { task: text, name: text, index: number, path: text, view: flag, theme: text } as const;
const log = { task: text, attempt: number, follow: flag } as const;

const base = "/apis/v2beta1";
const experiment = `${base}/experiments/{id}`;
const pipeline = `${base}/pipelines/{id}`;
const version = `${pipeline}/versions/{version}`;
const run = `${base}/runs/{id}`;
const recurring = `${base}/recurringruns/{id}`;

const read = (path: string, id: string, answer: string, summary: string): Operation => ({
  ...{ method: "get", path, id, answer, summary },
});
const verb = (path: string, id: string, summary: string): Operation => ({
  ...{ method: "post", path, id, answer: "Empty", summary },
});
const remove = (path: string, id: string, summary: string): Operation => ({
  ...{ method: "delete", path, id, answer: "Empty", summary },
});

/** All operations. */
export const operations: readonly Operation[] = [
  read(`${base}/healthz`, "GetHealthz", "Healthz", "Says that the server answers"),
  {
    ...read(`${base}/auth`, "Authorize", "Empty", "Says that the caller may do what is named"),
    query: { namespace: text, resources: text, verb: text },
  },
  {
    ...read(`${base}/experiments`, "ListExperiments", "ListExperiments", "Lists experiments"),
    query: { ...listing, namespace: text },
  },
  {
    method: "post",
    path: `${base}/experiments`,
    id: "CreateExperiment",
    answer: "Experiment",
    body: experimentBody,
    summary: "Makes an experiment",
  },
  read(experiment, "GetExperiment", "Experiment", "Reads an experiment"),
  remove(experiment, "DeleteExperiment", "Deletes an experiment with its runs and recurring runs"),
  verb(
    `${experiment}:archive`,
    "ArchiveExperiment",
    "Archives an experiment and its runs, and disables its recurring runs",
  ),
  verb(`${experiment}:unarchive`, "UnarchiveExperiment", "Takes an experiment back into use"),

  {
    ...read(`${base}/pipelines`, "ListPipelines", "ListPipelines", "Lists pipelines"),
    query: { ...listing, namespace: text },
  },
  {
    method: "post",
    path: `${base}/pipelines`,
    id: "CreatePipeline",
    answer: "Pipeline",
    body: pipelineBody,
    summary: "Makes a pipeline without versions",
  },
  {
    method: "post",
    path: `${base}/pipelines/create`,
    id: "CreatePipelineAndVersion",
    answer: "Pipeline",
    body: pipelineAndVersionBody,
    summary: "Makes a pipeline and its first version",
  },
  {
    method: "post",
    path: `${base}/pipelines/upload`,
    id: "UploadPipeline",
    answer: "Pipeline",
    upload: true,
    query: { ...upload, namespace: text },
    summary: "Makes a pipeline and its first version of a package",
  },
  {
    method: "post",
    path: `${base}/pipelines/upload_version`,
    id: "UploadPipelineVersion",
    answer: "PipelineVersion",
    upload: true,
    query: { ...upload, pipelineid: text },
    summary: "Makes a version of a package",
  },
  {
    ...read(
      `${base}/pipelines/names/{name}`,
      "GetPipelineByName",
      "Pipeline",
      "Reads a pipeline by its name",
    ),
    query: { namespace: text },
  },
  read(pipeline, "GetPipeline", "Pipeline", "Reads a pipeline"),
  {
    method: "patch",
    path: pipeline,
    id: "UpdatePipeline",
    answer: "Pipeline",
    body: pipelineBody,
    summary: "Changes display name, description and tags",
  },
  { ...remove(pipeline, "DeletePipeline", "Deletes a pipeline"), query: { cascade: flag } },
  {
    ...read(
      `${pipeline}/versions`,
      "ListPipelineVersions",
      "ListPipelineVersions",
      "Lists a pipeline's versions",
    ),
    query: listing,
  },
  {
    method: "post",
    path: `${pipeline}/versions`,
    id: "CreatePipelineVersion",
    answer: "PipelineVersion",
    body: versionBody,
    summary: "Makes a version",
  },
  read(version, "GetPipelineVersion", "PipelineVersion", "Reads a version with its spec"),
  {
    method: "patch",
    path: version,
    id: "UpdatePipelineVersion",
    answer: "PipelineVersion",
    body: versionBody,
    summary: "Changes display name, description and tags",
  },
  remove(version, "DeletePipelineVersion", "Deletes a version"),

  {
    ...read(`${base}/runs`, "ListRuns", "ListRuns", "Lists runs, without specs and tasks"),
    query: { ...listing, namespace: text, experiment_id: text },
  },
  {
    method: "post",
    path: `${base}/runs`,
    id: "CreateRun",
    answer: "Run",
    body: runBody,
    query: { experiment_id: text },
    summary: "Starts a run of a spec or a version",
  },
  read(run, "GetRun", "Run", "Reads a run with its tasks"),
  remove(run, "DeleteRun", "Ends a run and deletes its record"),
  verb(`${run}:archive`, "ArchiveRun", "Archives a run"),
  verb(`${run}:unarchive`, "UnarchiveRun", "Takes a run out of the archive"),
  verb(`${run}:terminate`, "TerminateRun", "Ends a run"),
  verb(`${run}:retry`, "RetryRun", "Runs failed and canceled tasks again"),
  read(
    `${run}/nodes/{node}/artifacts/{name}:read`,
    "ReadArtifact",
    "ReadArtifact",
    "Reads an artifact in base64",
  ),

  {
    ...read(`${base}/recurringruns`, "ListRecurringRuns", "ListRecurringRuns", "Lists recurring runs"),
    query: { ...listing, namespace: text, experiment_id: text },
  },
  {
    method: "post",
    path: `${base}/recurringruns`,
    id: "CreateRecurringRun",
    answer: "RecurringRun",
    body: recurringRunBody,
    summary: "Makes a recurring run",
  },
  read(recurring, "GetRecurringRun", "RecurringRun", "Reads a recurring run"),
  remove(recurring, "DeleteRecurringRun", "Deletes a recurring run; its runs stay"),
  verb(`${recurring}:enable`, "EnableRecurringRun", "Enables a recurring run"),
  verb(`${recurring}:disable`, "DisableRecurringRun", "Disables a recurring run"),

  {
    ...read("/apis/v1alpha1/runs/{id}/nodes/{node}/log", "ReadRunLog", "text/plain", "Reads a task's log"),
    ranges: true,
    query: log,
  },
  {
    ...read(
      "/api/runs/{id}/log",
      "ReadLog",
      "text/plain",
      "Reads a task's log, whole or in ranges, or follows it",
    ),
    ranges: true,
    query: log,
  },
  {
    ...read(
      "/api/runs/{id}/bundle",
      "ReadBundle",
      "application/json",
      "Reads what a sealed run is verified by",
    ),
    ranges: true,
  },
  {
    ...read(
      "/api/runs/{id}/artifact",
      "ReadArtifactFile",
      "application/octet-stream",
      "Reads an artifact as a file",
    ),
    ranges: true,
    query: artifact,
  },
  {
    ...read("/api/runs/{id}/events", "WatchRun", "text/event-stream", "Streams a run's events"),
    ends: true,
    query: { after: number },
  },
  {
    ...read("/api/events", "WatchRuns", "text/event-stream", "Streams changes of all runs"),
    query: { after: number },
  },
  {
    ...read(
      "/api/runs",
      "ListRunRows",
      "RunRows",
      "Lists runs with their parameters and results, newest first",
    ),
    query: { limit: number, before: text, ids: text },
  },
  read(
    "/api/runs/{id}",
    "GetRunRecord",
    "RunRecord",
    "Reads a run's record: its label, results, events and pipeline",
  ),
  {
    ...read(
      "/api/artifacts",
      "FindArtifact",
      "ArtifactUses",
      "Finds the tasks of all runs that made or used the same content",
    ),
    query: { digest: text, uri: text },
  },
  {
    ...{ method: "post", path: "/api/session", id: "CreateSession", answer: "Empty" },
    summary: "Exchanges the token for a browser's cookie",
  },
  remove("/api/session", "DeleteSession", "Ends a browser's session"),
  read("/openapi.json", "GetOpenApi", "application/json", "This document"),
];
