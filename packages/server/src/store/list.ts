/** Lists: which fields may be filtered and sorted by, and the SQL of one page. Pages go by key, never by offset. */
import { isJsonObject } from "@sealflow/core";
import type { PredicateOperation } from "@sealflow/kfp";
import { invalid } from "../http/problem.js";
import type { Row, Value } from "./database.js";
import type { Kind } from "./entities.js";

/** A condition on one field. `IN` has any number of values, all others exactly one. */
export interface Condition {
  readonly field: string;
  readonly operation: PredicateOperation;
  readonly values: readonly (string | number)[];
}

/** What a list asks for. */
export interface ListQuery {
  readonly conditions: readonly Condition[];
  /** Empty: by time of creation. */
  readonly sort: string;
  readonly descending: boolean;
  /** At least 1. */
  readonly size: number;
  readonly token?: string;
}

/** One page. */
export interface ListResult<T> {
  readonly items: readonly T[];
  /** Number of all that fit. */
  readonly total: number;
  /** Token of the next page; absent on the last one. */
  readonly next?: string;
}

interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

const common = {
  id: "id",
  name: "name",
  display_name: "display_name",
  created_at: "created_at",
  namespace: "namespace",
  description: "coalesce(json_extract(body, '$.description'), '')",
} as const;

const version = "coalesce(json_extract(body, '$.pipeline_version_reference.pipeline_version_id'), '')";
const pipeline = "coalesce(json_extract(body, '$.pipeline_version_reference.pipeline_id'), '')";

/** Fields of the API by kind, and the SQL expression of each. Every expression is ours: nothing of a request gets in. */
export const listFields: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  experiment: {
    ...common,
    experiment_id: "id",
    storage_state: "storage_state",
    last_run_created_at: "coalesce(ended_at, 0)",
  },
  pipeline: { ...common, pipeline_id: "id" },
  version: { ...common, pipeline_version_id: "id", pipeline_id: "parent" },
  run: {
    ...common,
    // The name of runs and schedules is what they are shown as. Source: kubeflow/pipelines, field maps of its models.
    name: "display_name",
    run_id: "id",
    experiment_id: "parent",
    storage_state: "storage_state",
    state: "state",
    status: "state",
    scheduled_at: "created_at",
    finished_at: "coalesce(ended_at, 0)",
    recurring_run_id: "origin",
    pipeline_version_id: version,
    pipeline_id: pipeline,
  },
  schedule: {
    ...common,
    name: "display_name",
    recurring_run_id: "id",
    experiment_id: "parent",
    status: "state",
    updated_at: "coalesce(json_extract(body, '$.updated_at'), '')",
    pipeline_version_id: version,
    pipeline_id: pipeline,
  },
};

/** Fields whose values are times: milliseconds in the store. */
export const timeFields: ReadonlySet<string> = new Set([
  "created_at",
  "finished_at",
  "scheduled_at",
  "last_run_created_at",
]);

const comparisons: Readonly<Partial<Record<PredicateOperation, string>>> = {
  EQUALS: "=",
  NOT_EQUALS: "<>",
  GREATER_THAN: ">",
  GREATER_THAN_EQUALS: ">=",
  LESS_THAN: "<",
  LESS_THAN_EQUALS: "<=",
};

function expression(kind: Kind, field: string): string {
  const fields = listFields[kind];
  const found = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (found === undefined) {
    throw invalid(
      "SERVER_LIST_INVALID",
      `field: expected one of ${Object.keys(fields).join(", ")}, got ${field}`,
    );
  }
  return found;
}

function conditionSql(kind: Kind, { field, operation, values }: Condition): Statement {
  const left = expression(kind, field);
  if (operation === "IN") return { sql: `${left} IN (${values.map(() => "?").join(", ")})`, values };
  if (operation === "IS_SUBSTRING") return { sql: `instr(lower(${left}), lower(?)) > 0`, values };
  return { sql: `${left} ${comparisons[operation] ?? "="} ?`, values };
}

/**
 * The statements of one page: `count` of all that fit, `page` with one row more than asked for, and the token of what
 * follows a row.
 *
 * @throws SealflowError `SERVER_LIST_INVALID` for unknown fields and tokens of other lists
 */
export function listSql(
  kind: Kind,
  query: ListQuery,
): { count: Statement; page: Statement; next: (row: Row | undefined) => string } {
  const parts = query.conditions.map((condition) => conditionSql(kind, condition));
  const where = ["kind = ?", ...parts.map(({ sql }) => sql)];
  const values: Value[] = [kind, ...parts.flatMap((part) => part.values)];
  const count = { sql: `SELECT count(*) AS n FROM entity WHERE ${where.join(" AND ")}`, values };
  const key = expression(kind, query.sort === "" ? "created_at" : query.sort);
  const direction = query.descending ? "DESC" : "ASC";
  const list = fingerprint(kind, query);
  const from = query.token === undefined ? undefined : readToken(query.token, list);
  const after = from === undefined ? [] : [`(${key}, id) ${query.descending ? "<" : ">"} (?, ?)`];
  const page = {
    sql: `SELECT *, ${key} AS sort_key FROM entity WHERE ${[...where, ...after].join(" AND ")}
      ORDER BY ${key} ${direction}, id ${direction} LIMIT ${query.size + 1}`,
    values: [...values, ...(from ?? [])],
  };
  return { count, page, next: (row) => writeToken(list, row) };
}

/** Says what a token belongs to: a token of one list is refused by another. */
function fingerprint(kind: Kind, { conditions, sort, descending }: ListQuery): string {
  return JSON.stringify([kind, conditions, sort, descending]);
}

function writeToken(list: string, row: Row | undefined): string {
  return Buffer.from(JSON.stringify({ list, key: row?.sort_key ?? null, id: row?.id ?? "" })).toString(
    "base64url",
  );
}

function readToken(token: string, list: string): readonly [Value, Value] {
  const wrong = (): Error =>
    invalid(
      "SERVER_LIST_INVALID",
      "page_token: expected a token that this list returned, with the same sort and filter",
    );
  try {
    const read: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (!isJsonObject(read) || read.list !== list || typeof read.id !== "string") throw wrong();
    const { key, id } = read;
    if (typeof key !== "string" && typeof key !== "number") throw wrong();
    return [key, id];
  } catch {
    throw wrong();
  }
}
