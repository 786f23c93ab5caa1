/** What is proven about one task of a sealed run, in its panel. */
import type { JSX } from "preact";
import { Bones, Loaded } from "../parts/blank.js";
import { useVerdict } from "../trust/run-verdict.js";
import { TaskTrust } from "../trust/task-trust.js";
import { RefusedView } from "../trust/verdict-view.js";
import "../style/trust.css";

interface TaskTrustTabProps {
  readonly runId: string;
  readonly path: string;
  /** End of the run in milliseconds since the Unix epoch; its bundle is written then. */
  readonly endedAt: number | undefined;
}

/** The panel's part. */
export function TaskTrustTab({ runId, path, endedAt }: TaskTrustTabProps): JSX.Element {
  if (endedAt === undefined) {
    return <p class="soft pad">What proves this task is written into the run's bundle when the run ends.</p>;
  }
  return <Ended runId={runId} path={path} endedAt={endedAt} />;
}

function Ended({ runId, path, endedAt }: TaskTrustTabProps & { readonly endedAt: number }): JSX.Element {
  const reader = useVerdict(runId, endedAt);
  return (
    <div class="panel-body">
      <Loaded from={reader.now.value} reader={reader} waiting={<Bones rows={4} />}>
        {({ verdict }) => {
          const task = verdict.run?.tasks.find((each) => each.path === path);
          if (verdict.run === undefined) return <RefusedView verdict={verdict} />;
          if (task === undefined) {
            return (
              <p class="soft">
                An importer has no evidence of its own: its output is an input of the registration, named
                there by digest.
              </p>
            );
          }
          return <TaskTrust verdict={verdict} task={task} />;
        }}
      </Loaded>
    </div>
  );
}
