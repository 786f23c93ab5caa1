/** Artifacts as lines that lead to their page. */
import type { ArtifactValue } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { hrefWith } from "../app/router.js";
import { Icon, type IconName } from "../parts/icon.js";
import { isSameArtifact } from "./lineage.js";
import { artifactKey, artifactsOf, type RunModel, type TaskModel } from "./model.js";

const icons: Readonly<Record<string, IconName>> = {
  "system.Dataset": "table",
  "system.Model": "box",
  "system.Metrics": "chart",
  "system.ClassificationMetrics": "chart",
  "system.SlicedClassificationMetrics": "chart",
};

/** The icon of an artifact's type. */
export function artifactIcon({ type }: ArtifactValue): IconName {
  return icons[type.schemaTitle ?? ""] ?? "file";
}

/** A type without the namespace that all usual ones share. */
export function typeName({ type }: ArtifactValue): string {
  return (type.schemaTitle ?? type.schemaUri ?? "artifact").replace(/^system\./, "");
}

/** The artifacts on one side of a task. */
export function ArtifactLinks(props: {
  readonly runId: string;
  readonly run: RunModel;
  readonly task: TaskModel;
  readonly artifacts: Readonly<Record<string, readonly ArtifactValue[]>>;
  readonly side: "inputs" | "outputs";
}): JSX.Element {
  const { run, task, artifacts, side } = props;
  const made = artifactsOf(run);
  const keyOf = (name: string, index: number, value: ArtifactValue): string | undefined => {
    if (side === "outputs") return artifactKey({ task: task.path, output: name, index });
    const source = made.find((each) => isSameArtifact(each.value, value) && each.task !== task.path);
    return source === undefined ? undefined : artifactKey(source);
  };
  const entries = Object.entries(artifacts).flatMap(([name, values]) =>
    values.map((value, index) => ({ name, value, index, many: values.length > 1 })),
  );
  return (
    <ul class="artifact-links">
      {entries.map(({ name, value, index, many }) => {
        const key = keyOf(name, index, value);
        const text = many ? `${name}[${index}]` : name;
        return (
          <li key={`${name} ${index}`}>
            <Icon name={artifactIcon(value)} />
            {key === undefined ? text : <a href={hrefWith({ tab: "artifacts", artifact: key })}>{text}</a>}
            <span class="soft">{typeName(value)}</span>
          </li>
        );
      })}
    </ul>
  );
}
