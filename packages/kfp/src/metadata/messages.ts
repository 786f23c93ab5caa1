/**
 * What is read of ML Metadata, where Kubeflow Pipelines keeps inputs and outputs of tasks.
 * Source: ml_metadata, `metadata_store.proto` and `metadata_store_service.proto`: names and numbers of fields.
 */
import type { JsonValue } from "@sealflow/core";
import { double, entry, message, nested, type Reads, struct, text, truth, whole } from "./wire.js";

/** `Execution.State`, by its number. */
const executionStates = ["UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"] as const;

/** `Execution.State`. Kubeflow's driver writes `CANCELED` for what a condition did not let run. */
export type ExecutionState = (typeof executionStates)[number];

/** `Event.Type`, by its number. */
const eventTypes = [
  "UNKNOWN",
  "DECLARED_OUTPUT",
  "DECLARED_INPUT",
  "INPUT",
  "OUTPUT",
  "INTERNAL_INPUT",
  "INTERNAL_OUTPUT",
  "PENDING_OUTPUT",
] as const;

/** `Event.Type`. */
export type MetadataEventType = (typeof eventTypes)[number];

/** `Execution`: a task, or a graph of tasks. */
export interface MetadataExecution {
  readonly id: number;
  /** For example `system.ContainerExecution`. */
  readonly type: string;
  readonly state: ExecutionState;
  readonly properties: ReadonlyMap<string, JsonValue>;
  /** Milliseconds since the Unix epoch. */
  readonly createTime: number;
  readonly updateTime: number;
}

/** `Event`: an execution read or made an artifact. */
export interface MetadataEvent {
  readonly artifactId: number;
  readonly executionId: number;
  readonly type: MetadataEventType;
  /** Name of the input or output: the first step of the path. */
  readonly name: string;
}

/** `Artifact`. */
export interface MetadataArtifact {
  readonly id: number;
  /** For example `system.Dataset`. */
  readonly type: string;
  readonly uri: string;
  readonly properties: ReadonlyMap<string, JsonValue>;
}

/** `Context`: all that belongs to one run. */
export interface MetadataContext {
  readonly id: number;
}

/** A page of executions. */
export interface ExecutionPage {
  readonly executions: readonly MetadataExecution[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** `Value`. One of `Any` is passed over. */
const value: Reads<JsonValue | undefined> = (bytes) => {
  const set = (into: { value: JsonValue | undefined }, found: JsonValue) => {
    into.value = found;
  };
  return message<{ value: JsonValue | undefined }>(() => ({ value: undefined }), {
    1: whole(set),
    2: double(set),
    3: text(set),
    4: nested(struct, set),
    6: truth(set),
  })(bytes).value;
};

type Properties = Map<string, JsonValue>;

/** An entry of `properties` or `custom_properties`; the latter are what Kubeflow Pipelines writes. */
const property = nested<
  { properties: ReadonlyMap<string, JsonValue> },
  { key: string; value?: JsonValue | undefined }
>(entry(value), (into, { key, value: found }) => {
  if (found !== undefined) (into.properties as Properties).set(key, found);
});

const execution = message<Draft<MetadataExecution>>(
  () => ({ id: 0, type: "", state: "UNKNOWN", properties: new Map(), createTime: 0, updateTime: 0 }),
  {
    1: whole((into, id) => {
      into.id = id;
    }),
    3: whole((into, state) => {
      into.state = executionStates[state] ?? "UNKNOWN";
    }),
    4: property,
    5: property,
    7: text((into, type) => {
      into.type = type;
    }),
    8: whole((into, time) => {
      into.createTime = time;
    }),
    9: whole((into, time) => {
      into.updateTime = time;
    }),
  },
);

const step = message<{ key: string }>(() => ({ key: "" }), {
  2: text((into, key) => {
    into.key = key;
  }),
});

const path = message<{ key: string }[]>(() => [], { 1: nested(step, (into, each) => into.push(each)) });

const event = message<Draft<MetadataEvent>>(
  () => ({ artifactId: 0, executionId: 0, type: "UNKNOWN", name: "" }),
  {
    1: whole((into, id) => {
      into.artifactId = id;
    }),
    2: whole((into, id) => {
      into.executionId = id;
    }),
    3: nested(path, (into, steps) => {
      into.name = steps[0]?.key ?? "";
    }),
    4: whole((into, type) => {
      into.type = eventTypes[type] ?? "UNKNOWN";
    }),
  },
);

const artifact = message<Draft<MetadataArtifact>>(
  () => ({ id: 0, type: "", uri: "", properties: new Map() }),
  {
    1: whole((into, id) => {
      into.id = id;
    }),
    3: text((into, uri) => {
      into.uri = uri;
    }),
    4: property,
    5: property,
    8: text((into, type) => {
      into.type = type;
    }),
  },
);

const context = message<Draft<MetadataContext>>(() => ({ id: 0 }), {
  1: whole((into, id) => {
    into.id = id;
  }),
});

/** `GetContextByTypeAndNameResponse`; undefined where there is none. */
export const contextAnswer: Reads<MetadataContext | undefined> = (bytes) =>
  message<{ found?: MetadataContext }>(() => ({}), {
    1: nested(context, (into, found) => {
      into.found = found;
    }),
  })(bytes).found;

/** `GetExecutionsByContextResponse`. */
export const executionsAnswer = message<{ executions: MetadataExecution[]; nextPageToken: string }>(
  () => ({ executions: [], nextPageToken: "" }),
  {
    1: nested(execution, (into, each) => into.executions.push(each)),
    2: text((into, token) => {
      into.nextPageToken = token;
    }),
  },
) satisfies Reads<ExecutionPage>;

/** `GetEventsByExecutionIDsResponse`. */
export const eventsAnswer = message<MetadataEvent[]>(() => [], {
  1: nested(event, (into, each) => into.push(each)),
});

/** `GetArtifactsByIDResponse`. */
export const artifactsAnswer = message<MetadataArtifact[]>(() => [], {
  1: nested(artifact, (into, each) => into.push(each)),
});
