/** Where the same content came from and went to in other runs. */
import { useSignal } from "@preact/signals";
import { type ArtifactUse, findArtifact } from "@sealflow/kfp";
import type { ArtifactValue } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { server } from "../api/client.js";
import { useReader } from "../api/resource.js";
import { formatAgo, formatTime, plural } from "../format.js";
import { Bones, Loaded } from "../parts/blank.js";
import { useNow } from "../parts/clock.js";
import { StateMark } from "../parts/state.js";
import { artifactKey } from "./model.js";

/** Uses that are shown at first. */
const FEW = 8;

/** Both directions, by the content's digest or, without content, its place. */
export function OtherRuns({
  runId,
  value,
}: {
  readonly runId: string;
  readonly value: ArtifactValue;
}): JSX.Element {
  const { digest, uri } = value;
  const reader = useReader(
    () => findArtifact(server, digest === undefined ? { uri } : { digest }),
    [digest, uri],
  );
  return (
    <section class="lineage other-runs" aria-label="In other runs">
      <h3>In other runs</h3>
      <Loaded from={reader.now.value} reader={reader} waiting={<Bones rows={2} />}>
        {({ uses }) => {
          const others = uses.filter((use) => use.run_id !== runId);
          const sides = (["made", "used"] as const).map(
            (side) => [side, others.filter((use) => use.side === side)] as const,
          );
          if (others.length === 0) return <p class="soft">No other run made or used the same content.</p>;
          return (
            <>
              {sides.map(([side, list]) =>
                list.length === 0 ? undefined : <Uses key={side} side={side} uses={list} />,
              )}
            </>
          );
        }}
      </Loaded>
    </section>
  );
}

function Uses({
  side,
  uses,
}: {
  readonly side: "made" | "used";
  readonly uses: readonly ArtifactUse[];
}): JSX.Element {
  const all = useSignal(false);
  const shown = all.value ? uses : uses.slice(0, FEW);
  return (
    <>
      <h4>{side === "made" ? "Made by" : "Used by"}</h4>
      <ol>
        {shown.map((use) => (
          <Use key={`${use.run_id} ${use.task} ${use.name} ${use.index}`} use={use} />
        ))}
      </ol>
      {shown.length === uses.length ? undefined : (
        <button
          type="button"
          class="button small"
          onClick={() => {
            all.value = true;
          }}
        >
          {plural(uses.length - shown.length, "more")}
        </button>
      )}
    </>
  );
}

const hows = { run: undefined, cache: "from the cache", importer: "imported" } as const;

function Use({ use }: { readonly use: ArtifactUse }): JSX.Element {
  const now = useNow();
  const created = Date.parse(use.created_at);
  return (
    <li>
      <StateMark state={use.state === "RUNTIME_STATE_UNSPECIFIED" ? "PENDING" : use.state} short />
      <a href={hrefOf(use)}>{use.task}</a>
      <span class="soft">
        of {use.display_name}, <span title={formatTime(created)}>{formatAgo(created, now.value)}</span>
      </span>
      {hows[use.how] === undefined ? undefined : <span class="tag">{hows[use.how]}</span>}
    </li>
  );
}

/** What was made is shown as an artifact, with its lineage there; what was used, at the task. */
function hrefOf({ run_id, side, task, name, index }: ArtifactUse): string {
  const query: Record<string, string> =
    side === "made" ? { tab: "artifacts", artifact: artifactKey({ task, output: name, index }) } : { task };
  return `/runs/${encodeURIComponent(run_id)}?${new URLSearchParams(query)}`;
}
