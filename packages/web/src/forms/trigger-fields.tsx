/** When scheduled runs start. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { WrittenTrigger } from "./trigger.js";

/** The fields of a trigger. */
export function TriggerFields(props: {
  readonly written: Signal<WrittenTrigger>;
  readonly problem: string | undefined;
}): JSX.Element {
  const { written, problem } = props;
  const put = (change: Partial<WrittenTrigger>): void => {
    written.value = { ...written.value, ...change };
  };
  const { kind, count, unit, cron } = written.value;
  return (
    <fieldset class="stack" style={{ gap: "8px" }}>
      <legend class="hidden">When</legend>
      <label class="check">
        <input
          type="radio"
          name="trigger"
          checked={kind === "every"}
          onChange={() => put({ kind: "every" })}
        />
        Every
        <input
          class="input"
          style={{ width: "72px" }}
          inputMode="numeric"
          aria-label="How many"
          value={count}
          onInput={(event) => put({ kind: "every", count: event.currentTarget.value })}
        />
        <select
          class="input"
          aria-label="Unit"
          value={unit}
          onChange={(event) =>
            put({ kind: "every", unit: event.currentTarget.value as WrittenTrigger["unit"] })
          }
        >
          <option value="minutes">minutes</option>
          <option value="hours">hours</option>
          <option value="days">days</option>
        </select>
      </label>
      <label class="check">
        <input type="radio" name="trigger" checked={kind === "cron"} onChange={() => put({ kind: "cron" })} />
        At times given as cron, seconds first
        <input
          class="input mono"
          style={{ width: "150px" }}
          aria-label="Cron expression"
          value={cron}
          onInput={(event) => put({ kind: "cron", cron: event.currentTarget.value })}
        />
      </label>
      {problem === undefined ? undefined : (
        <small class="problem" role="alert">
          {problem}
        </small>
      )}
    </fieldset>
  );
}
