/** The search of the list: words, and comparisons such as `max_depth=4` or `auc>0.9`. */
import type { JsonValue } from "@sealflow/core";
import type { RunRow } from "@sealflow/kfp";
import { type State, stateOf } from "../parts/state.js";

type Operator = "=" | "!=" | ">" | ">=" | "<" | "<=";

/** One condition of a search. */
export type Term =
  | { readonly kind: "word"; readonly text: string }
  | {
      readonly kind: "compare";
      readonly name: string;
      readonly operator: Operator;
      readonly value: string;
    };

/** Reads a search. Text in double quotes is one word. */
export function parseSearch(text: string): readonly Term[] {
  const parts = text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
  return parts.map((part) => {
    const plain = part.replaceAll('"', "");
    const match = /^([\p{L}\d_./[\]-]+)(!=|>=|<=|=|>|<)(.*)$/u.exec(plain);
    const [, name, operator, value] = match ?? [];
    if (name === undefined || operator === undefined || value === undefined || value === "") {
      return { kind: "word", text: plain.toLowerCase() };
    }
    return { kind: "compare", name, operator: operator as Operator, value };
  });
}

/** What the list shows. */
export interface Filter {
  readonly terms: readonly Term[];
  /** Empty: all. */
  readonly states: ReadonlySet<State>;
  /** Empty: all. */
  readonly pipeline: string;
}

/** True for runs that fit all of a filter. */
export function fits(row: RunRow, { terms, states, pipeline }: Filter): boolean {
  if (states.size > 0 && !states.has(shownState(row))) return false;
  if (pipeline !== "" && row.pipeline_name !== pipeline) return false;
  return terms.every((term) => (term.kind === "word" ? holdsWord(row, term.text) : compares(row, term)));
}

/** The state that a filter by state means: what ends is still running, what was interrupted has failed. */
function shownState(row: RunRow): State {
  const state = stateOf(row);
  if (state === "CANCELING") return "RUNNING";
  return state === "INTERRUPTED" ? "FAILED" : state;
}

function holdsWord({ display_name, run_id, pipeline_name = "" }: RunRow, text: string): boolean {
  return [display_name, run_id, pipeline_name].some((each) => each.toLowerCase().includes(text));
}

function compares(row: RunRow, term: Extract<Term, { kind: "compare" }>): boolean {
  const value = figureOf(row, term.name);
  if (value === undefined) return false;
  const number = Number(term.value);
  if (typeof value === "number" && Number.isFinite(number)) return compare(value - number, term.operator);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return compare(text === term.value ? 0 : text < term.value ? -1 : 1, term.operator);
}

function compare(difference: number, operator: Operator): boolean {
  switch (operator) {
    case "=":
      return difference === 0;
    case "!=":
      return difference !== 0;
    case ">":
      return difference > 0;
    case ">=":
      return difference >= 0;
    case "<":
      return difference < 0;
    case "<=":
      return difference <= 0;
  }
}

/** A metric or parameter of a run; a metric is meant where both have the name. */
export function figureOf(row: RunRow, name: string): JsonValue | undefined {
  if (Object.hasOwn(row.metrics, name)) return row.metrics[name];
  return Object.hasOwn(row.parameters, name) ? row.parameters[name] : undefined;
}
