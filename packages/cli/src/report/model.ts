/** What a report is made of: a run's record, its pipeline, and those artifacts that can be shown. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { RunDetails } from "@sealflow/engine";
import type { ArtifactValue, PipelineSpec } from "@sealflow/pipeline";
import { classificationPlots, PLOT_KEY, type Plot, plotOf } from "@sealflow/pipeline";

/** Something that an artifact shows. */
export interface Exhibit {
  /** `task / output`. */
  readonly title: string;
  readonly content:
    | { readonly kind: "metrics"; readonly values: JsonObject }
    | { readonly kind: "plot"; readonly plot: Plot }
    | { readonly kind: "page"; readonly html: string }
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "missing"; readonly reason: string };
}

/** Everything that the page shows. */
export interface ReportModel {
  readonly run: RunDetails;
  readonly spec: PipelineSpec | undefined;
  readonly exhibits: readonly Exhibit[];
  /** When the report was made, RFC 3339. */
  readonly madeAt: string;
}

/** The text of an artifact, or why there is none. */
export type ArtifactReader = (
  artifact: ArtifactValue,
) => { readonly text: string } | { readonly reason: string };

/** Exhibits of all tasks, in the order of the record. */
export function exhibitsOf(run: RunDetails, read: ArtifactReader): readonly Exhibit[] {
  return run.tasks.flatMap((task) =>
    Object.entries(task.artifacts).flatMap(([output, artifacts]) =>
      artifacts.flatMap((artifact) =>
        contentsOf(artifact, read).map((content) => ({ title: `${task.path} / ${output}`, content })),
      ),
    ),
  );
}

function contentsOf(artifact: ArtifactValue, read: ArtifactReader): readonly Exhibit["content"][] {
  const { metadata } = artifact;
  if (metadata[PLOT_KEY] !== undefined) return [ownPlot(artifact, read)];
  switch (artifact.type.schemaTitle) {
    case "system.ClassificationMetrics":
      return classificationPlots(metadata).map((plot) => ({ kind: "plot", plot }));
    case "system.Metrics": {
      const values = Object.fromEntries(
        Object.entries(metadata).filter(([name, value]) => name !== "display_name" && isScalar(value)),
      );
      return Object.keys(values).length === 0 ? [] : [{ kind: "metrics", values }];
    }
    case "system.HTML":
      return [fileContent(artifact, read, (text) => ({ kind: "page", html: text }))];
    case "system.Markdown":
      return [fileContent(artifact, read, (text) => ({ kind: "text", text }))];
    default:
      return [];
  }
}

function fileContent(
  artifact: ArtifactValue,
  read: ArtifactReader,
  make: (text: string) => Exhibit["content"],
): Exhibit["content"] {
  const answer = read(artifact);
  return "text" in answer ? make(answer.text) : { kind: "missing", reason: answer.reason };
}

/** The plot named in the metadata: its data stand there too, or in the artifact's file as JSON. */
function ownPlot(artifact: ArtifactValue, read: ArtifactReader): Exhibit["content"] {
  const named = artifact.metadata[PLOT_KEY];
  const unfit = { kind: "missing", reason: `its data do not fit the plot ${JSON.stringify(named)}` } as const;
  if (isJsonObject(named)) {
    const plot = plotOf(named.kind, named);
    return plot === undefined ? unfit : { kind: "plot", plot };
  }
  return fileContent(artifact, read, (text) => {
    const plot = plotOf(named, parseJson(text));
    return plot === undefined ? unfit : { kind: "plot", plot };
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isScalar(value: JsonValue): boolean {
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean";
}
