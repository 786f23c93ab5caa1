/** What can be done with a run. */
import type { JSX } from "preact";
import { api } from "../api/client.js";
import { refreshRuns } from "../api/live-runs.js";
import { navigate } from "../app/router.js";
import { DeleteButton } from "../parts/delete-button.js";
import { Icon } from "../parts/icon.js";
import { isActive, type State } from "../parts/state.js";
import { attempt } from "../parts/toast.js";

/** The buttons of the page's head. */
export function Actions(props: {
  readonly id: string;
  readonly state: State;
  readonly name: string;
  /** Sealed runs need the project's key, which this server does not have: it must not run them in the clear instead. */
  readonly sealed: boolean;
  readonly onChange: () => void;
}): JSX.Element {
  const { id, state, name, sealed, onChange } = props;
  const act = async (work: () => Promise<void>, done: string): Promise<void> => {
    if (!(await attempt(work, done))) return;
    await attempt(() => refreshRuns([id]));
    onChange();
  };
  const remove = async (): Promise<void> => {
    if (!(await attempt(() => api.deleteRun(id), `Deleted ${name}`))) return;
    await attempt(() => refreshRuns([id]));
    navigate("/");
  };
  const again = !sealed && (state === "FAILED" || state === "CANCELED" || state === "INTERRUPTED");
  return (
    <div class="row">
      {isActive(state) ? (
        <button
          type="button"
          class="button"
          disabled={state === "CANCELING"}
          onClick={() => void act(() => api.terminateRun(id), "The run is being canceled")}
        >
          <Icon name="stop" />
          Cancel
        </button>
      ) : undefined}
      {again ? (
        <button
          type="button"
          class="button"
          onClick={() => void act(() => api.retryRun(id), "The run goes on")}
        >
          <Icon name="again" />
          Resume
        </button>
      ) : undefined}
      {sealed ? undefined : (
        <a class="button primary" href={`/new?run=${encodeURIComponent(id)}`}>
          <Icon name="play" />
          Run again
        </a>
      )}
      <DeleteButton
        name={name}
        label="Delete the run"
        text="Its record and logs go for good. Artifacts that other runs use stay."
        disabled={isActive(state)}
        onDelete={() => void remove()}
      />
    </div>
  );
}
