/** Recurring runs: when they start, and whether they do. */
import type { RecurringRun } from "@sealflow/kfp";
import type { JSX } from "preact";
import { api } from "../api/client.js";
import { type Reader, useReader } from "../api/resource.js";
import { useTitle } from "../app/shell.js";
import { formatAgo } from "../format.js";
import { triggerText } from "../forms/trigger.js";
import { Blank, Loaded } from "../parts/blank.js";
import { useNow } from "../parts/clock.js";
import { DeleteButton } from "../parts/delete-button.js";
import { Icon } from "../parts/icon.js";
import { attempt } from "../parts/toast.js";
import "../style/forms.css";

const PAGE = 200;

/** The page. */
export function SchedulesPage(): JSX.Element {
  useTitle("Schedules");
  const reader = useReader(
    async () =>
      (await api.listRecurringRuns({ pageSize: PAGE, sortBy: "created_at desc" })).recurringRuns ?? [],
    [],
  );
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Schedules</h1>
          <p>Runs that this server starts by itself, for as long as it is there</p>
        </div>
        <a class="button" href="/pipelines">
          <Icon name="plus" />
          From a pipeline
        </a>
      </div>
      <div class="card">
        <Loaded from={reader.now.value} reader={reader}>
          {(schedules) =>
            schedules.length === 0 ? (
              <Blank icon="clock" title="Nothing is scheduled">
                <p>
                  Choose a <a href="/pipelines">pipeline</a>, or “Run again” of a run, and say when.
                </p>
              </Blank>
            ) : (
              <ul class="plain-list">
                {schedules.map((schedule) => (
                  <ScheduleLine key={schedule.recurring_run_id} schedule={schedule} reader={reader} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </div>
    </>
  );
}

function ScheduleLine({
  schedule,
  reader,
}: {
  readonly schedule: RecurringRun;
  readonly reader: Reader<readonly RecurringRun[]>;
}): JSX.Element {
  const now = useNow();
  const { recurring_run_id: id, display_name: name, trigger, status, created_at } = schedule;
  const on = status === "ENABLED";
  const act = async (work: () => Promise<void>, done: string): Promise<void> => {
    if (await attempt(work, done)) reader.reload();
  };
  return (
    <li>
      <div class="grow">
        <b>{name}</b> <span class={on ? "tag ok" : "tag"}>{on ? "on" : "off"}</span>
        <p class="soft">
          {triggerText(trigger)}, made {formatAgo(Date.parse(created_at), now.value)}
        </p>
      </div>
      <button
        type="button"
        class="button"
        onClick={() =>
          void act(
            () => (on ? api.disableRecurringRun(id) : api.enableRecurringRun(id)),
            on ? `${name} is off` : `${name} is on`,
          )
        }
      >
        {on ? "Turn off" : "Turn on"}
      </button>
      <DeleteButton
        name={name}
        label={`Delete ${name}`}
        text="It starts no further runs. Those that it has started stay."
        onDelete={() => void act(() => api.deleteRecurringRun(id), `Deleted ${name}`)}
      />
    </li>
  );
}
