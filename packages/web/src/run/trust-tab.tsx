/** What can be proven about a run: its bundle, verified in this page. */
import type { JSX } from "preact";
import { formatBytes } from "../format.js";
import { Blank, Bones, Loaded } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { FileDrop } from "../pipelines/file-drop.js";
import { bundleAddress, useVerdict } from "../trust/run-verdict.js";
import { VerdictView } from "../trust/verdict-view.js";
import { readGiven, trustFile } from "../trust/verification.js";
import type { RunModel } from "./model.js";
import "../style/forms.css";
import "../style/trust.css";

/** The tab. */
export function TrustTab({ runId, run }: { readonly runId: string; readonly run: RunModel }): JSX.Element {
  if (!run.sealed) return <Unsealed />;
  if (run.endedAt === undefined) {
    return (
      <div class="card">
        <Blank icon="shield" title="The run goes on">
          <p>
            Its bundle is written when it ends: registration, policy, evidence, grants and statements of all
            tasks.
          </p>
        </Blank>
      </div>
    );
  }
  return <SealedTrust runId={runId} endedAt={run.endedAt} />;
}

function Unsealed(): JSX.Element {
  return (
    <div class="card">
      <Blank icon="shield" title="This run was not sealed">
        <p>
          Its tasks gave no evidence of what they were, so that nothing about it can be proven to somebody
          else. Of a sealed run, each task has its evidence, the verdict on it, its measurement and the policy
          that applied.
        </p>
        <pre>sealflow run --sealed</pre>
        <p>
          A bundle from elsewhere: <a href="/verify">verify it here</a>
        </p>
      </Blank>
    </div>
  );
}

function SealedTrust({ runId, endedAt }: { readonly runId: string; readonly endedAt: number }): JSX.Element {
  const address = bundleAddress(runId);
  const reader = useVerdict(runId, endedAt);
  return (
    <div class="stack" style={{ gap: "16px" }}>
      <Loaded from={reader.now.value} reader={reader} waiting={<Bones rows={4} />}>
        {({ verdict, bytes }) => (
          <>
            <div class="row spread">
              <p class="soft">
                The run's bundle, {formatBytes(bytes)}, verified in this page by the code that{" "}
                <code>sealflow verify</code> runs.
              </p>
              <a class="button" href={address} download={`${runId}.bundle`}>
                <Icon name="download" />
                Download the bundle
              </a>
            </div>
            {verdict.verdict === "consistent" ? <TrustDrop /> : undefined}
            <VerdictView verdict={verdict} />
          </>
        )}
      </Loaded>
    </div>
  );
}

/** Whose word counts never comes from the server that shows the run. */
function TrustDrop(): JSX.Element {
  return (
    <FileDrop
      text="Drop your trust file"
      hint="trust.yaml, as you know it from elsewhere: the server that shows this run must not supply it"
      onFile={async (file) => {
        trustFile.value = await readGiven(file);
      }}
    />
  );
}
