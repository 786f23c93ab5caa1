/**
 * Placeholders in text, `{{$…}}`. A text is expanded in one pass: what a value holds is never looked at again, so that a
 * value with `{{$…}}` in it stays what it is.
 */
import type { RunContext } from "./types.js";

/** A placeholder's steps: names after dots and in brackets, for example `["inputs", "parameters", "x"]`. */
export type PlaceholderSteps = readonly string[];

/** Text for a placeholder, or undefined to leave it as it stands. */
export type PlaceholderLookup = (steps: PlaceholderSteps) => string | undefined;

const PLACEHOLDER = /\{\{\$((?:\.[A-Za-z_]\w*|\['[^'\]]*'\]|\["[^"\]]*"\])*)\}\}/g;
const STEP = /\.([A-Za-z_]\w*)|\['([^'\]]*)'\]|\["([^"\]]*)"\]/g;

/** Replaces the placeholders that the lookup knows. */
export function expandText(text: string, lookup: PlaceholderLookup): string {
  if (!text.includes("{{$")) return text;
  return text.replace(PLACEHOLDER, (whole, path: string) => lookup(stepsOf(path)) ?? whole);
}

/** The steps of a text that is exactly one placeholder. */
export function wholePlaceholder(text: string): PlaceholderSteps | undefined {
  const match = new RegExp(`^${PLACEHOLDER.source}$`).exec(text);
  return match === null ? undefined : stepsOf(match[1] ?? "");
}

function stepsOf(path: string): string[] {
  return [...path.matchAll(STEP)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** Where the official backend mounts a pipeline's workspace. Source: backend/src/v2/component, WorkspaceMountPath. */
const WORKSPACE_PATH = "/kfp-workspace";

/** What placeholders about the run and the task itself say. */
export interface RunPlaceholders {
  readonly run: RunContext;
  /** The task's key in its DAG. */
  readonly taskName: string;
  readonly taskId: string;
}

/** Text of a placeholder about the run or the task, for example `{{$.pipeline_job_name}}`. */
export function runPlaceholder(
  steps: PlaceholderSteps,
  { run, taskName, taskId }: RunPlaceholders,
): string | undefined {
  if (steps.length !== 1) return undefined;
  switch (steps[0]) {
    case "pipeline_job_name":
      return run.runName;
    case "pipeline_job_resource_name":
      return run.resourceName ?? run.runName;
    case "pipeline_job_uuid":
      return run.runId;
    case "pipeline_task_name":
      return taskName;
    case "pipeline_task_uuid":
      return taskId;
    case "pipeline_root":
      return run.pipelineRoot ?? "";
    case "pipeline_job_create_time_utc":
      return run.createTime;
    case "pipeline_job_schedule_time_utc":
      return run.scheduleTime ?? run.createTime;
    case "workspace_path":
      return run.workspacePath ?? WORKSPACE_PATH;
    default:
      return undefined;
  }
}
