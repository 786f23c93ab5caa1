/** What can be done with the runs that were chosen. */
import { type Signal, useSignal } from "@preact/signals";
import type { RunRow } from "@sealflow/kfp";
import type { JSX } from "preact";
import { api } from "../api/client.js";
import { refreshRuns } from "../api/live-runs.js";
import { plural } from "../format.js";
import { Confirm } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { isActive, stateOf } from "../parts/state.js";
import { attempt, say } from "../parts/toast.js";

/** More curves and columns than this can't be told apart. */
const MOST_COMPARED = 6;

interface Progress {
  readonly at: number;
  readonly of: number;
}

function Deleting({ progress: { at, of } }: { readonly progress: Progress }): JSX.Element {
  return (
    <section class="selection" aria-label="Chosen runs">
      <b role="status">
        Deleting, {at} of {of}
      </b>
      <progress class="grow" value={at - 1} max={of} aria-label="Deleted" />
    </section>
  );
}

/** The bar that appears when something is chosen. */
export function SelectionBar(props: {
  readonly rows: readonly RunRow[];
  readonly chosen: Signal<ReadonlySet<string>>;
}): JSX.Element | undefined {
  const { rows, chosen } = props;
  const asking = useSignal(false);
  const deleting = useSignal<Progress | undefined>(undefined);
  const picked = rows.filter(({ run_id }) => chosen.value.has(run_id));
  if (deleting.value !== undefined) return <Deleting progress={deleting.value} />;
  if (picked.length === 0) return undefined;
  const ids = picked.map(({ run_id }) => run_id);
  const removable = picked.filter((row) => !isActive(stateOf(row)));
  const remove = async (): Promise<void> => {
    const of = removable.length;
    let gone = 0;
    for (const [index, { run_id }] of removable.entries()) {
      deleting.value = { at: index + 1, of };
      if (await attempt(() => api.deleteRun(run_id))) gone += 1;
    }
    deleting.value = undefined;
    chosen.value = new Set();
    say(`${plural(gone, "run")} deleted`);
    await attempt(() => refreshRuns(ids));
  };
  const comparable = picked.length >= 2 && picked.length <= MOST_COMPARED;
  return (
    <section class="selection" aria-label="Chosen runs">
      <b>{plural(picked.length, "run")} chosen</b>
      {comparable ? (
        <a class="button primary" href={`/compare?runs=${ids.map(encodeURIComponent).join(",")}`}>
          <Icon name="compare" />
          Compare
        </a>
      ) : (
        <span class="soft">
          {picked.length < 2 ? "Choose another to compare" : `Compare up to ${MOST_COMPARED}`}
        </span>
      )}
      <button
        type="button"
        class="button danger"
        disabled={removable.length === 0}
        onClick={() => {
          asking.value = true;
        }}
      >
        <Icon name="trash" />
        Delete
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Choose none"
        onClick={() => {
          chosen.value = new Set();
        }}
      >
        <Icon name="cross" />
      </button>
      {asking.value ? (
        <Confirm
          title={`Delete ${plural(removable.length, "run")}?`}
          text="Their records and logs go for good. Artifacts that other runs use stay."
          action="Delete"
          onConfirm={() => void remove()}
          onClose={() => {
            asking.value = false;
          }}
        />
      ) : undefined}
    </section>
  );
}
