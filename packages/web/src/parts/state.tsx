/** States, always told by shape, word and colour together. */
import type { RunRow } from "@sealflow/kfp";
import type { JSX } from "preact";
import { Icon, type IconName } from "./icon.js";

/** What a run or task can be in. INTERRUPTED is Sealflow's own: the process of the run died. */
export type State =
  | "PENDING"
  | "RUNNING"
  | "SUCCEEDED"
  | "FAILED"
  | "SKIPPED"
  | "CANCELED"
  | "CANCELING"
  | "INTERRUPTED"
  | "PAUSED";

const looks: Readonly<Record<State, { readonly icon: IconName; readonly word: string }>> = {
  PENDING: { icon: "circle", word: "Pending" },
  RUNNING: { icon: "spinner", word: "Running" },
  SUCCEEDED: { icon: "check", word: "Succeeded" },
  FAILED: { icon: "cross", word: "Failed" },
  SKIPPED: { icon: "dash", word: "Skipped" },
  CANCELED: { icon: "stop", word: "Canceled" },
  CANCELING: { icon: "stop", word: "Canceling" },
  INTERRUPTED: { icon: "broken", word: "Interrupted" },
  PAUSED: { icon: "stop", word: "Paused" },
};

/** All states in the order in which filters offer them. */
export const runStates: readonly State[] = ["RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "PENDING"];

/** The word for a state. */
export function stateWord(state: State): string {
  return looks[state].word;
}

/** The icon of a state. */
export function stateIcon(state: State): IconName {
  return looks[state].icon;
}

/** The state of a run as people understand it. */
export function stateOf(row: Pick<RunRow, "state" | "error_code">): State {
  if (row.error_code === "SERVER_RUN_INTERRUPTED") return "INTERRUPTED";
  return row.state === "RUNTIME_STATE_UNSPECIFIED" ? "PENDING" : row.state;
}

/** True for states that change by themselves. */
export function isActive(state: State): boolean {
  return state === "RUNNING" || state === "PENDING" || state === "CANCELING";
}

/** A state with its icon; `short` leaves the word to screen readers. */
export function StateMark({
  state,
  short = false,
}: {
  readonly state: State;
  readonly short?: boolean;
}): JSX.Element {
  const { icon, word } = looks[state];
  return (
    <span class={`state ${state.toLowerCase()}`}>
      <Icon name={icon} />
      <span class={short ? "hidden" : undefined}>{word}</span>
    </span>
  );
}
