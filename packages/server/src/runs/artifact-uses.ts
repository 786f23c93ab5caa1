/** Where an artifact came from and went to, in all runs of the store. */
import { setImmediate as turn } from "node:timers/promises";
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import type { ArtifactValue, TaskInputValues, TaskOutputs } from "@sealflow/pipeline";
import type { ServerContext } from "../context.js";
import { documentOf } from "../routes/runs.js";
import type { Entity } from "../store/entities.js";
import type { ArtifactUse } from "../store/uses.js";
import { hasEnded } from "./rows.js";

/** What an artifact is known by: its content, or where it is when it has none. */
export function artifactUseKey({ digest, uri }: Pick<ArtifactValue, "digest" | "uri">): string {
  return digest ?? uri;
}

/**
 * Everything that the tasks of a run made and used.
 *
 * @param document The run's pipeline, which tells importers from other tasks.
 */
export function usesIn(
  run: string,
  events: readonly RunEvent[],
  document: JsonObject | undefined,
): ArtifactUse[] {
  const tasks = new Map<string, { inputs?: TaskInputValues; outputs?: TaskOutputs; cached?: boolean }>();
  for (const event of events) {
    if (event.type === "run-started") for (const path of event.dropped ?? []) tasks.delete(path);
    if (event.type === "task-started") tasks.set(event.path, { inputs: event.inputs });
    if (event.type !== "task-finished") continue;
    const { path, inputs = tasks.get(path)?.inputs, outputs, cached } = event;
    tasks.set(path, { ...(inputs && { inputs }), ...(outputs && { outputs }), cached });
  }
  const importers = importerPaths(document);
  return [...tasks].flatMap(([task, { inputs, outputs, cached }]) => {
    const how = cached ? "cache" : importers.has(staticPath(task)) ? "importer" : "run";
    const side = (side: ArtifactUse["side"], artifacts: TaskOutputs["artifacts"] = {}): ArtifactUse[] =>
      Object.entries(artifacts).flatMap(([name, values]) =>
        values.map((value, position) => ({
          key: artifactUseKey(value),
          run,
          side,
          task,
          name,
          position,
          how,
        })),
      );
    return [...side("used", inputs?.artifacts), ...side("made", outputs?.artifacts)];
  });
}

function staticPath(path: string): string {
  return path.replace(/\[\d+\]/g, "");
}

/** Paths of importers, without iterations. */
function importerPaths(document: JsonObject | undefined): ReadonlySet<string> {
  const spec = isJsonObject(document?.pipeline_spec) ? document.pipeline_spec : document;
  const member = (value: unknown, name: string): JsonObject => {
    const found = isJsonObject(value) ? value[name] : undefined;
    return isJsonObject(found) ? found : {};
  };
  const components = member(spec, "components");
  const executors = member(member(spec, "deploymentSpec"), "executors");
  const found = new Set<string>();
  const walk = (dag: JsonObject, prefix: string): void => {
    for (const [name, task] of Object.entries(member(dag, "tasks"))) {
      const component = member(components, String(member(task, "componentRef").name));
      if (isJsonObject(component.dag)) walk(component.dag, `${prefix}${name}/`);
      else if ("importer" in member(executors, String(component.executorLabel))) found.add(prefix + name);
    }
  };
  walk(member(member(spec, "root"), "dag"), "");
  return found;
}

/** Runs that are indexed before others get a turn. */
const RUNS_AT_ONCE = 20;

/** Everything that made or used an artifact: from the index, which is brought up to date, and from runs that go on. */
export async function findUses(context: ServerContext, key: string): Promise<readonly ArtifactUse[]> {
  const { entities } = context;
  const fresh: ArtifactUse[] = [];
  for (const [count, id] of entities.uses.stale().entries()) {
    if (count % RUNS_AT_ONCE === RUNS_AT_ONCE - 1) await turn();
    const run = entities.get("run", id);
    if (run === undefined) continue;
    const uses = readUses(context, run);
    if (run.endedAt !== null && hasEnded(run)) entities.uses.index(id, run.endedAt, uses);
    else fresh.push(...uses.filter((use) => use.key === key));
  }
  const going = new Set(fresh.map(({ run }) => run));
  return [...entities.uses.of(key).filter(({ run }) => !going.has(run)), ...fresh];
}

function readUses(context: ServerContext, run: Entity): ArtifactUse[] {
  if (!context.store.hasRun(run.id)) return [];
  return usesIn(run.id, context.store.readEvents(run.id), documentOf(context, run));
}
