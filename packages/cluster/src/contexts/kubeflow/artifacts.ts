/** Artifacts of tasks as ML Metadata holds them, and as the interpreter passes them along. */
import { compareCodeUnits, isJsonObject, type JsonValue } from "@sealflow/core";
import type { MetadataArtifact, MetadataClient } from "@sealflow/kfp";
import type { ArtifactTypeSchema, ArtifactValue } from "@sealflow/pipeline";

/** Artifacts by the name of the input or output. */
export type NamedArtifacts = Readonly<Record<string, readonly MetadataArtifact[]>>;

/** What an execution read and made. */
export interface ExecutionArtifacts {
  readonly inputs: NamedArtifacts;
  readonly outputs: NamedArtifacts;
}

/** What these executions read and made, by execution. @throws SealflowError `KFP_…` */
export async function artifactsOf(
  client: MetadataClient,
  executionIds: readonly number[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, ExecutionArtifacts>> {
  const events = await client.events(executionIds, signal);
  const ids = [...new Set(events.map(({ artifactId }) => artifactId))];
  const artifacts = new Map((await client.artifacts(ids, signal)).map((artifact) => [artifact.id, artifact]));
  const sides = new Map(executionIds.map((id) => [id, { INPUT: new Sorted(), OUTPUT: new Sorted() }]));
  for (const { type, executionId, artifactId, name } of events) {
    const artifact = artifacts.get(artifactId);
    if (artifact === undefined || (type !== "INPUT" && type !== "OUTPUT")) continue;
    sides.get(executionId)?.[type].add(name, artifact);
  }
  const found = [...sides].map(
    ([id, { INPUT, OUTPUT }]) => [id, { inputs: INPUT.named, outputs: OUTPUT.named }] as const,
  );
  return new Map(found);
}

/** Artifacts under their names, in the order in which they came. */
class Sorted {
  private readonly lists = new Map<string, MetadataArtifact[]>();

  add(name: string, artifact: MetadataArtifact): void {
    const list = this.lists.get(name);
    if (list === undefined) this.lists.set(name, [artifact]);
    else list.push(artifact);
  }

  get named(): NamedArtifacts {
    return Object.fromEntries(this.lists);
  }
}

/** Properties that the launcher adds: how the store is reached, and the output's name where no other is given. */
const SESSION = "store_session_info";
const DISPLAY_NAME = "display_name";

/**
 * An artifact as a task's output. Truth values in metadata are the numbers 0 and 1 in ML Metadata, and stay so.
 *
 * @param name Of the input or output.
 * @param declared Its type as the spec declares it.
 */
export function artifactValue(
  { type, uri, properties }: MetadataArtifact,
  name: string,
  declared?: ArtifactTypeSchema,
): ArtifactValue {
  const metadata: [string, JsonValue][] = [];
  for (const [key, value] of properties) {
    if (key === SESSION || (key === DISPLAY_NAME && value === name)) continue;
    metadata.push([key, unwrapped(value)]);
  }
  const known = declared !== undefined && (type === "" || titleOf(declared) === type);
  return {
    name,
    type: known ? declared : { schemaTitle: type },
    uri,
    metadata: Object.fromEntries(metadata.sort(byKey)),
  };
}

/** Maps of messages have no order. */
function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return compareCodeUnits(a, b);
}

/** The launcher wraps lists and objects: `{list: […]}`, `{struct: {…}}`. */
function unwrapped(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value;
  const [key, ...others] = Object.keys(value);
  if (others.length > 0) return value;
  if (key === "list" && Array.isArray(value.list)) return value.list;
  return key === "struct" && isJsonObject(value.struct) ? value.struct : value;
}

function titleOf({ schemaTitle, instanceSchema }: ArtifactTypeSchema): string | undefined {
  return schemaTitle ?? /^title:\s*(\S+)/m.exec(instanceSchema ?? "")?.[1];
}

/** Declarations of outputs, by name. */
type Types = Readonly<Record<string, { readonly artifactType: ArtifactTypeSchema }>>;

/** Artifacts of one side as values. */
export function artifactValues(
  side: NamedArtifacts,
  types: Types = {},
): Readonly<Record<string, readonly ArtifactValue[]>> {
  const entries = Object.entries(side).map(([name, list]) => {
    const declared = Object.hasOwn(types, name) ? types[name]?.artifactType : undefined;
    return [name, list.map((artifact) => artifactValue(artifact, name, declared))] as const;
  });
  return Object.fromEntries(entries);
}

/** A record without what nobody declared, such as the launcher's `executor-logs`. */
export function declaredOnly<T>(
  record: Readonly<Record<string, T>>,
  declared: Readonly<Record<string, unknown>>,
): Readonly<Record<string, T>> {
  const known = Object.entries(record).filter(([name]) => Object.hasOwn(declared, name));
  return Object.fromEntries(known.sort(byKey));
}
