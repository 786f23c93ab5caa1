/** Where a Python task failed: the frames of its traceback, and the source around the failing line. */
import type { ErrorBody } from "@sealflow/core";
import type { PipelineSpec } from "@sealflow/pipeline";
import { fieldsOf } from "../api/client.js";
import { staticPath } from "./graph-tree.js";

/** One frame of a traceback, the outermost first. */
export interface Frame {
  readonly file: string;
  readonly line: number;
  readonly where: string;
  /** The line's text, without indentation. */
  readonly text: string;
}

/** A line of source. */
export interface SourceLine {
  readonly number: number;
  readonly text: string;
  readonly failing: boolean;
}

/** What is shown of a task's failure. */
export interface Failure {
  /** For example `ValueError`; absent for tasks that are no Python or were ended from outside. */
  readonly type?: string;
  readonly message: string;
  readonly traceback?: string;
  readonly frames: readonly Frame[];
  /** Lines around the failing one; empty when the source is not known. */
  readonly source: readonly SourceLine[];
  /** The last lines of the log, where there is no traceback. */
  readonly lastLines?: string;
}

const AROUND = 4;

/** The failure that an error tells of. @param source Source of the component, as the pipeline carries it. */
export function failureOf(error: ErrorBody, source: string | undefined): Failure {
  const exception = fieldsOf(error.data?.exception);
  const { type, message, traceback } = exception;
  const frames = typeof traceback === "string" ? framesOf(traceback) : [];
  const lastLines = error.data?.lastLines;
  const ownFile = error.where?.file;
  const own = frames.findLast(({ file }) => file === ownFile) ?? frames.at(-1);
  return {
    ...(typeof type === "string" ? { type } : {}),
    message: typeof message === "string" && message !== "" ? message : error.message.replace(/^task: /, ""),
    ...(typeof traceback === "string" ? { traceback } : {}),
    frames,
    source: own === undefined ? [] : sourceAround(own, source),
    ...(typeof lastLines === "string" && frames.length === 0 ? { lastLines } : {}),
  };
}

/** Frames of a Python traceback, as CPython prints them. */
export function framesOf(traceback: string): readonly Frame[] {
  const lines = traceback.split("\n");
  return lines.flatMap((line, index) => {
    const [, file, number, where] = /^ {2}File "(.*)", line (\d+), in (.*)$/.exec(line) ?? [];
    if (file === undefined || where === undefined) return [];
    const next = lines[index + 1] ?? "";
    return [{ file, line: Number(number), where, text: next.startsWith("    ") ? next.trim() : "" }];
  });
}

/** Lines around a frame's: only when the source is the one that ran, which the frame's own text tells. */
function sourceAround({ line, text }: Frame, source: string | undefined): readonly SourceLine[] {
  const lines = source?.split("\n") ?? [];
  if (text !== "" && lines[line - 1]?.trim() === text) {
    const from = Math.max(0, line - 1 - AROUND);
    return lines.slice(from, line + AROUND).map((each, index) => ({
      ...{ number: from + index + 1, text: each, failing: from + index + 1 === line },
    }));
  }
  return text === "" ? [] : [{ number: line, text, failing: true }];
}

/** The Python source that the pipeline carries for a task; undefined for other tasks. */
export function sourceOf(spec: PipelineSpec, path: string): string | undefined {
  let dag = spec.root.dag;
  let label: string | undefined;
  for (const name of staticPath(path).split("/")) {
    const component = spec.components?.[dag?.tasks[name]?.componentRef.name ?? ""];
    dag = component?.dag;
    label = component?.executorLabel;
  }
  const container = spec.deploymentSpec.executors?.[label ?? ""]?.container;
  const texts = [...(container?.command ?? []), ...(container?.args ?? [])].filter(
    (text) => typeof text === "string" && /^\s*(async )?def /m.test(text),
  );
  return texts.sort((a, b) => b.length - a.length)[0];
}
