/** The query of a list request: page_size, page_token, sort_by, filter and namespace, as the official clients send them. */
import { isJsonObject, type JsonObject, type JsonValue, type SealflowError } from "@sealflow/core";
import type { PredicateOperation } from "@sealflow/kfp";
import { type Condition, type ListQuery, timeFields } from "../store/list.js";
import { invalid } from "./problem.js";

/** Page size when none is asked for, and the largest one. Source: kubeflow/pipelines, backend list options. */
const DEFAULT_SIZE = 20;
const LARGEST_SIZE = 200;
/** Most predicates of a filter, and most values of an IN. */
const MOST_PREDICATES = 20;
const MOST_VALUES = 500;

/** Numbers of `Predicate.Operation`; 4 is not used by the proto. */
const operations: Readonly<Record<string, PredicateOperation>> = {
  1: "EQUALS",
  2: "NOT_EQUALS",
  3: "GREATER_THAN",
  5: "GREATER_THAN_EQUALS",
  6: "LESS_THAN",
  7: "LESS_THAN_EQUALS",
  8: "IN",
  9: "IS_SUBSTRING",
};
const operationNames: ReadonlySet<string> = new Set(Object.values(operations));

const wrong = (message: string): SealflowError => invalid("SERVER_LIST_INVALID", message);

/**
 * Reads a list request's query. An empty parameter counts as absent.
 *
 * @param own Conditions that the route adds.
 * @throws SealflowError `SERVER_LIST_INVALID`
 */
export function listQuery(query: URLSearchParams, own: readonly Condition[] = []): ListQuery {
  const token = query.get("page_token");
  const namespace = query.get("namespace") ?? "";
  const inNamespace = namespace === "" ? [] : [equals("namespace", namespace)];
  return {
    conditions: [...own, ...inNamespace, ...readFilter(query.get("filter") ?? "")],
    ...readSort(query.get("sort_by") ?? ""),
    size: readSize(query.get("page_size") ?? ""),
    ...(token ? { token } : {}),
  };
}

/** A condition that a field has a value. */
export function equals(field: string, value: string): Condition {
  return { field, operation: "EQUALS", values: [value] };
}

function readSize(text: string): number {
  if (text === "") return DEFAULT_SIZE;
  if (!/^\d{1,9}$/.test(text))
    throw wrong(`page_size: expected a whole number from 0 to ${LARGEST_SIZE}, got ${text}`);
  const size = Number(text);
  return size === 0 ? DEFAULT_SIZE : Math.min(size, LARGEST_SIZE);
}

function readSort(text: string): { sort: string; descending: boolean } {
  const [field = "", direction = "asc", ...rest] = text.trim().split(/\s+/);
  if (rest.length > 0 || !/^(asc|desc)$/i.test(direction)) {
    throw wrong(`sort_by: expected a field, or a field and asc or desc, got ${text}`);
  }
  return { sort: field, descending: direction.toLowerCase() === "desc" };
}

function readFilter(text: string): Condition[] {
  if (text === "") return [];
  const filter = parseFilter(text);
  const predicates = filter.predicates ?? [];
  if (!Array.isArray(predicates) || predicates.length > MOST_PREDICATES) {
    throw wrong(`filter: expected at most ${MOST_PREDICATES} predicates in a list`);
  }
  return predicates.map((predicate, index) => readPredicate(predicate, `filter.predicates[${index}]`));
}

/** The filter is JSON, which some clients encode for the URL once more than needed. */
function parseFilter(text: string): JsonObject {
  for (const decode of [(raw: string) => raw, decodeURIComponent]) {
    try {
      const value: unknown = JSON.parse(decode(text));
      if (isJsonObject(value)) return value;
    } catch {
      // Not this way; the other one is tried.
    }
  }
  throw wrong(
    'filter: expected JSON such as {"predicates":[{"operation":"EQUALS","key":"state","string_value":"FAILED"}]}',
  );
}

function readPredicate(predicate: JsonValue, where: string): Condition {
  if (!isJsonObject(predicate)) throw wrong(`${where}: expected an object`);
  const { key } = predicate;
  const operation = readOperation(predicate.operation, where);
  if (typeof key !== "string" || key === "") throw wrong(`${where}.key: expected a field's name`);
  // Kubeflow prefixes keys by the resource in some clients.
  const field = key.replace(/^(pipelines|pipeline_versions|experiments|runs|recurring_runs|jobs)\./, "");
  const values = readValues(predicate, where);
  if (operation !== "IN" && values.length !== 1)
    throw wrong(`${where}: expected one value, got ${values.length}`);
  if (values.length > MOST_VALUES) throw wrong(`${where}: expected at most ${MOST_VALUES} values`);
  const converted = timeFields.has(field) ? values.map((value) => readTime(value, where)) : values;
  return { field, operation, values: converted };
}

function readOperation(value: JsonValue | undefined, where: string): PredicateOperation {
  const name = typeof value === "number" ? operations[value] : value;
  if (typeof name === "string" && operationNames.has(name)) return name as PredicateOperation;
  throw wrong(`${where}.operation: expected one of ${[...operationNames].join(", ")}`);
}

function readValues(predicate: JsonObject, where: string): (string | number)[] {
  const found: JsonValue[] = [];
  for (const [key, value] of Object.entries(predicate)) {
    if (/^(string|int|long|timestamp)_?[vV]alue$/.test(key)) found.push(value);
    else if (/^(string|int|long)_?[vV]alues$/.test(key)) {
      const list = isJsonObject(value) ? value.values : value;
      if (!Array.isArray(list)) throw wrong(`${where}.${key}: expected {"values": […]}`);
      found.push(...list);
    }
  }
  return found.map((value) => {
    if (typeof value === "string" || typeof value === "number") return value;
    throw wrong(`${where}: expected a value that is text or a number`);
  });
}

function readTime(value: string | number, where: string): number {
  const time = typeof value === "number" ? value * 1000 : Date.parse(value);
  if (Number.isFinite(time)) return time;
  throw wrong(`${where}: expected a time such as 2026-01-31T12:00:00Z, got ${value}`);
}
