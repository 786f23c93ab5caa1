/** What can be proven about a run. */
import type { JSX } from "preact";
import { Blank } from "../parts/blank.js";
import type { RunModel } from "./model.js";

/** The tab. */
export function TrustTab(_: { readonly runId: string; readonly run: RunModel }): JSX.Element {
  return (
    <div class="card">
      <Blank icon="shield" title="This run was not registered">
        <p>
          Its tasks gave no evidence of where they ran, so that nothing about it can be proven to somebody
          else. A run that is registered with a broker has, for each task, the evidence, the verdict on it and
          the policy that applied.
        </p>
        <p>
          A bundle from elsewhere can be checked here: <a href="/verify">verify a bundle</a>
        </p>
      </Blank>
    </div>
  );
}
