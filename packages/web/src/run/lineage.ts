/** Where an artifact comes from and where it went, within its run: followed by content, through every task. */
import type { ArtifactValue } from "@sealflow/pipeline";
import { artifactKey, artifactsOf, type MadeArtifact, type RunModel, type TaskModel } from "./model.js";

/** A step of a lineage, at a distance from the artifact that is looked at. */
export interface LineageStep {
  readonly task: TaskModel;
  /** The artifacts by which the step is connected. */
  readonly artifacts: readonly MadeArtifact[];
  /** 1 for what is directly connected. */
  readonly distance: number;
}

/** Both directions. */
export interface Lineage {
  readonly madeBy: TaskModel | undefined;
  /** Tasks whose outputs went into it, nearest first. */
  readonly upstream: readonly LineageStep[];
  /** Tasks that used it, or what was made of it, nearest first. */
  readonly downstream: readonly LineageStep[];
}

/** Whether a task's input is this output. Artifacts without content share a place: their metadata tell them apart. */
export function isSameArtifact(a: ArtifactValue, b: ArtifactValue): boolean {
  if (a.uri !== b.uri || a.name !== b.name) return false;
  return a.digest !== undefined || JSON.stringify(a.metadata) === JSON.stringify(b.metadata);
}

/** The lineage of an artifact of a run. */
export function lineageOf(run: RunModel, wanted: MadeArtifact): Lineage {
  const all = artifactsOf(run);
  const made = all.find((each) => artifactKey(each) === artifactKey(wanted)) ?? wanted;
  const tasks = [...run.tasks.values()];
  const inputsOf = (task: TaskModel): readonly MadeArtifact[] => {
    const values = Object.values(task.inputs?.artifacts ?? {}).flat();
    return all.filter((each) => values.some((value) => isSameArtifact(value, each.value)));
  };
  const usersOf = (artifacts: readonly MadeArtifact[]): readonly TaskModel[] =>
    tasks.filter((task) => inputsOf(task).some((input) => artifacts.includes(input)));
  const madeBy = run.tasks.get(made.task);
  const upstream = steps(madeBy === undefined ? [] : [madeBy], (task) => {
    const inputs = inputsOf(task);
    return inputs.flatMap((input) => {
      const maker = run.tasks.get(input.task);
      return maker === undefined ? [] : [{ task: maker, artifact: input }];
    });
  });
  const outputsOf = (task: TaskModel): readonly MadeArtifact[] =>
    all.filter((each) => each.task === task.path);
  const first = usersOf([made]).map((task) => ({ task, artifact: made }));
  const downstream = [
    ...first.map(({ task, artifact }) => ({ task, artifacts: [artifact], distance: 1 })),
    ...steps(
      first.map(({ task }) => task),
      (task) =>
        outputsOf(task).flatMap((artifact) => usersOf([artifact]).map((user) => ({ task: user, artifact }))),
      2,
    ),
  ];
  return { madeBy, upstream, downstream };
}

type Neighbours = (
  task: TaskModel,
) => readonly { readonly task: TaskModel; readonly artifact: MadeArtifact }[];

/** Walks from tasks to their neighbours, each task once, at its shortest distance. */
function steps(from: readonly TaskModel[], neighbours: Neighbours, distance = 1): LineageStep[] {
  const seen = new Set(from.map(({ path }) => path));
  const found: LineageStep[] = [];
  let level = from;
  for (let far = distance; level.length > 0; far++) {
    const next = new Map<string, LineageStep>();
    for (const { task, artifact } of level.flatMap(neighbours)) {
      if (seen.has(task.path)) continue;
      const known = next.get(task.path);
      const artifacts = [...(known?.artifacts ?? []), artifact].filter(
        (each, at, list) => list.indexOf(each) === at,
      );
      next.set(task.path, { task, artifacts, distance: far });
    }
    for (const path of next.keys()) seen.add(path);
    found.push(...next.values());
    level = [...next.values()].map(({ task }) => task);
  }
  return found;
}
