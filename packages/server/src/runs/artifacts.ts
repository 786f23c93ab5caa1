/** Artifacts of runs as files: found by task and name in the run's record, never by a path that a request gives. */
import { readdirSync, realpathSync, statSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunDetails, Store } from "@sealflow/engine";
import { type ArtifactValue, taskIdOf } from "@sealflow/pipeline";
import { invalid } from "../http/problem.js";

/** What a request names. */
export interface ArtifactName {
  /** Path or id of the task that made it. */
  readonly task: string;
  /** Name of the task's output. */
  readonly name: string;
  /** Place in the output, where that is a list. */
  readonly index: number;
  /** A file inside an artifact that is a directory, with `/`; empty for the artifact itself. */
  readonly inside: string;
}

/** An artifact's content. */
export type ArtifactContent =
  | { readonly kind: "file"; readonly path: string; readonly artifact: ArtifactValue }
  | { readonly kind: "directory"; readonly names: readonly string[]; readonly artifact: ArtifactValue };

const unknown = (message: string): Error => invalid("SERVER_ARTIFACT_UNKNOWN", `artifact: ${message}`);

/** The path of a task, given its path or id. @throws SealflowError `SERVER_TASK_UNKNOWN` */
export function taskPathOf(details: RunDetails, task: string): string {
  const paths = [...details.tasks.map(({ path }) => path), ...details.running];
  const found = paths.find((path) => path === task || taskIdOf(details.runId, path) === task);
  if (found !== undefined) return found;
  throw invalid(
    "SERVER_TASK_UNKNOWN",
    `task: expected the path or id of one that ran, got ${JSON.stringify(task)}`,
  );
}

/**
 * The content of an artifact. What lies outside the store, by whatever link, is not served.
 *
 * @throws SealflowError `SERVER_TASK_UNKNOWN`, `SERVER_ARTIFACT_UNKNOWN`
 */
export function artifactContent(store: Store, details: RunDetails, asked: ArtifactName): ArtifactContent {
  const path = taskPathOf(details, asked.task);
  const outputs = details.tasks.find((task) => task.path === path)?.artifacts ?? {};
  const artifact = Object.hasOwn(outputs, asked.name) ? outputs[asked.name]?.[asked.index] : undefined;
  if (artifact === undefined) {
    throw unknown(
      `expected an output of ${path} (${Object.keys(outputs).join(", ") || "it has none"}), got ${asked.name}`,
    );
  }
  const place = insideOf(placeOf(store, artifact), asked.inside);
  const stats = statSync(place);
  if (stats.isFile()) return { kind: "file", path: place, artifact };
  const names = readdirSync(place, { withFileTypes: true }).map((entry) =>
    entry.isDirectory() ? `${entry.name}/` : entry.name,
  );
  return { kind: "directory", names: names.sort(), artifact };
}

/** The real path of an artifact, which is in the store. */
function placeOf(store: Store, { uri, digest }: ArtifactValue): string {
  if (digest === undefined || !uri.startsWith("file:"))
    throw unknown("expected one with content, got metadata only");
  const place = realPath(fileURLToPath(uri));
  const root = realPath(store.layout.artifacts);
  if (place === undefined || root === undefined) throw unknown("its content was removed");
  if (!place.startsWith(root + sep)) throw unknown("its content is not in the store");
  return place;
}

function insideOf(place: string, inside: string): string {
  if (inside === "") return place;
  const found = inside.includes("\0") ? undefined : realPath(`${place}${sep}${inside}`);
  if (found?.startsWith(place + sep)) return found;
  throw unknown(`expected the name of a file in it, got ${JSON.stringify(inside)}`);
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
