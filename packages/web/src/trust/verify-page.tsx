/** Verifies a bundle in this page: nothing of it is sent anywhere. */
import { useSignal } from "@preact/signals";
import type { BundleVerdict } from "@sealflow/trust";
import type { JSX } from "preact";
import { messageOf } from "../api/client.js";
import { useTitle } from "../app/shell.js";
import { formatBytes } from "../format.js";
import { Icon } from "../parts/icon.js";
import { FileDrop } from "../pipelines/file-drop.js";
import { VerdictView } from "./verdict-view.js";
import { type Given, isTrustFile, judge, readGiven, trustFile } from "./verification.js";
import "../style/forms.css";
import "../style/run.css";
import "../style/trust.css";

/** The page. */
export function VerifyPage(): JSX.Element {
  useTitle("Verify a bundle");
  const bundle = useSignal<Given | undefined>(undefined);
  const verdict = useSignal<BundleVerdict | undefined>(undefined);
  const [problem, busy] = [useSignal(""), useSignal(false)];
  const verify = async (): Promise<void> => {
    if (bundle.value === undefined) return;
    [busy.value, problem.value, verdict.value] = [true, "", undefined];
    try {
      verdict.value = await judge(bundle.value.bytes);
    } catch (error) {
      problem.value = messageOf(error);
    }
    busy.value = false;
  };
  const take = async (file: File): Promise<void> => {
    const given = await readGiven(file);
    if (isTrustFile(given)) trustFile.value = given;
    else bundle.value = given;
    await verify();
  };
  const chosen = (given: Given | undefined): { chosen?: string } =>
    given === undefined ? {} : { chosen: `${given.name}, ${formatBytes(given.bytes.length)}` };
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Verify a bundle</h1>
          <p>From the model back to the data, checked in this page. Nothing is sent anywhere.</p>
        </div>
      </div>
      <div class="stack" style={{ gap: "16px" }}>
        <div class="columns">
          <FileDrop
            text="Drop a run bundle"
            hint={
              <>
                As <code>sealflow bundle</code> writes it
              </>
            }
            {...chosen(bundle.value)}
            onFile={take}
          />
          <FileDrop
            text="Drop a trust file"
            hint="trust.yaml: whose word counts. Get it from the data owner, never with the bundle"
            {...chosen(trustFile.value)}
            onFile={take}
          />
        </div>
        {busy.value ? (
          <p class="soft" role="status">
            Verifying …
          </p>
        ) : undefined}
        {problem.value === "" ? undefined : (
          <p class="notice bad" role="alert">
            <Icon name="warning" />
            <span>{problem.value}</span>
          </p>
        )}
        {verdict.value === undefined ? undefined : <VerdictView verdict={verdict.value} />}
      </div>
    </>
  );
}
